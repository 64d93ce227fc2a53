package guard

import (
	"strings"

	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/vault"
)

// A secret is bound to a user and a kind by tags: keyturn.user and keyturn.kind as defined tags, or keyturn-user and
// keyturn-kind as freeform tags. A third one, role, says what the secret holds where that isn't plain. A fourth one,
// owner, names the person or team to notify of a rotation, and a fifth one, topic, the Notifications topic that gets
// the mails, too; they bind nothing.
const (
	tagNamespace = "keyturn"
	tagUser      = "user"
	tagKind      = "kind"
	tagRole      = "role"
	tagOwner     = "owner"
	tagTopic     = "topic"
)

// tag reads one of the tags in both its forms. OCI compares the names of tags without regard to case. Two forms with
// different values are a clash.
func tag(s vault.Secret, name string) (value string, clash bool) {
	value, clash = text(s, name)
	return strings.ToLower(value), clash
}

// text returns a tag's value as it is written.
func text(s vault.Secret, name string) (value string, clash bool) {
	for namespace, tags := range s.Defined {
		for key, v := range tags {
			if text, ok := v.(string); ok && strings.EqualFold(namespace, tagNamespace) &&
				strings.EqualFold(key, name) {
				value = text
			}
		}
	}
	for key, v := range s.Freeform {
		if strings.EqualFold(key, tagNamespace+"-"+name) {
			clash = clash || value != "" && !strings.EqualFold(value, v)
			value = v
		}
	}
	return strings.TrimSpace(value), clash
}

// Bound checks that a secret may take a credential of this kind and user. unboundOK accepts one without any binding
// tags; the binding of another user or kind is always refused. unbound reports that a secret was accepted without tags.
func Bound(s vault.Secret, kind credential.Kind, user string, unboundOK bool) (unbound bool, err error) {
	hasUser, clashUser := tag(s, tagUser)
	hasKind, clashKind := tag(s, tagKind)
	switch {
	case clashUser || clashKind:
		return false, refuse("Correct the defined tags. If they are right, remove the freeform ones:\n"+
			UnbindCommand(s),
			"the defined and the freeform tags of secret %s (%s) contradict each other", s.Name, s.ID)
	case hasUser != "" && hasUser != strings.ToLower(user):
		return false, refuse("Close the problem again and name a secret of this user in the comment.",
			"secret %s (%s) is bound to another user, %s", s.Name, s.ID, hasUser)
	case hasKind != "" && hasKind != string(kind):
		return false, refuse("Close the problem again and name a secret for this kind in the comment.",
			"secret %s (%s) is bound to the kind %s, not %s", s.Name, s.ID, hasKind, kind)
	case hasUser != "" && hasKind != "":
		return false, nil
	case unboundOK:
		return true, nil
	}
	return false, refuse(Binding(s, kind, user), "secret %s (%s) is not bound to this user and kind", s.Name, s.ID)
}

// InRole checks that a secret whose tag says what it is for is not taken for something else.
func InRole(s vault.Secret, role credential.Role) error {
	has, clash := tag(s, tagRole)
	if clash {
		return refuse("Correct the tag role. If the defined one is right, remove the freeform one.",
			"the defined and the freeform tag role of secret %s (%s) contradict each other", s.Name, s.ID)
	}
	if has != "" && has != string(role) {
		return refuse("Close the problem again and name the secret for what it is, or another one; or correct its "+
			"tag role.",
			"secret %s (%s) is for the part %q by its tag role, and it is named for the part %q", s.Name, s.ID, has,
			role)
	}
	return nil
}

// Binding says how to bind a secret that is meant for this user and kind.
func Binding(s vault.Secret, kind credential.Kind, user string) string {
	return "If the secret is meant for this credential, bind it. The command repeats the tags that the secret has:\n" +
		BindCommand(s, kind, user) + "\nThen close the problem again with the same comment."
}

// Writable checks that a secret is in a state in which it can be written to.
func Writable(s vault.Secret) error {
	const another = "Close the problem again and name another secret in the comment."
	switch {
	case s.Replica:
		return refuse("Close the problem again and name the secret that this one is a copy of.",
			"secret %s (%s) is a read-only replica", s.Name, s.ID)
	case strings.HasSuffix(s.State, "_DELETION"): // SCHEDULING_, PENDING_, CANCELLING_
		return refuse("If the secret is still needed, cancel its deletion, then close the problem again:\n"+
			cancelCommand(s)+
			"\nIf it is not: "+lowerFirst(another), "secret %s (%s) is scheduled for deletion: it is in the state %s",
			s.Name, s.ID, s.State)
	case s.State == "DELETING" || s.State == "DELETED":
		return refuse(another, "secret %s (%s) is deleted: it is in the state %s", s.Name, s.ID, s.State)
	case s.State == "CREATING" || s.State == vault.Updating:
		return refuse("Close the problem again in a few minutes.",
			"secret %s (%s) is being changed: it is in the state %s", s.Name, s.ID, s.State)
	case s.State != vault.Active:
		return refuse(another, "secret %s (%s) is in the state %s", s.Name, s.ID, s.State)
	}
	return nil
}

func lowerFirst(text string) string { return strings.ToLower(text[:1]) + text[1:] }

// Find picks, out of all secrets that can be seen, those that are bound to the user and kind, by role. Each role may
// have one only; the two halves of a customer secret key come together or not at all. The targets have the order of
// the kind's roles.
func Find(all []vault.Secret, kind credential.Kind, user string) ([]credential.Target, error) {
	found := map[credential.Role]string{}
	for _, s := range all {
		hasUser, clashUser := tag(s, tagUser)
		hasKind, clashKind := tag(s, tagKind)
		if hasUser != strings.ToLower(user) || hasKind != string(kind) || clashUser || clashKind ||
			s.State != vault.Active {
			continue
		}
		role := kind.DefaultRole()
		if has, _ := tag(s, tagRole); has != "" {
			role = credential.Role(has)
		}
		if other, twice := found[role]; twice {
			return nil, refuse("Close the problem again and name the secret to use in the comment.",
				"secrets %s and %s are both bound to this user and kind", other, s.ID)
		}
		found[role] = s.ID
	}
	if len(found) == 0 {
		return nil, refuse("Close the problem again and name the secret in the comment; or bind a secret first:\n"+
			BindCommand(vault.Secret{ID: "<SECRET>"}, kind,
				user)+"\nThe command replaces all defined tags: add the others that the secret has.",
			"the closure comment names no secret, and no secret is bound to this user and kind")
	}
	for role := range found {
		if !kind.Fits(role) {
			return nil, refuse("Correct the secret's tag role: it must be "+roles(kind)+".",
				"secret %s has the role %q, which doesn't fit %s", found[role], role, kind)
		}
	}
	if err := whole(found, kind); err != nil {
		return nil, err
	}
	return credential.Targets(kind, found), nil
}

// roles lists the roles of a kind in a sentence.
func roles(kind credential.Kind) string {
	var words []string
	for _, r := range kind.Roles() {
		words = append(words, string(r))
	}
	return strings.Join(words, " or ")
}

// whole refuses one half of a pair.
func whole(found map[credential.Role]string, kind credential.Kind) error {
	var has, lacks []string
	for _, p := range kind.Record().Parts {
		if _, ok := found[p.Role]; ok {
			has = append(has, string(p.Role))
		} else {
			lacks = append(lacks, string(p.Role))
		}
	}
	if len(has) == 0 || len(lacks) == 0 {
		return nil
	}
	return refuse("Bind the other secret too (its tag role is "+strings.Join(lacks, " and ")+"), or bind one "+
		"secret with the role bundle.",
		"only one half of the pair of secrets is bound to this user")
}
