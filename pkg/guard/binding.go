package guard

import (
	"encoding/json"
	"fmt"
	"maps"
	"strings"

	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/secret"
)

// A secret is bound to a user and a kind by tags: keyturn.user and keyturn.kind as defined tags, or keyturn-user and
// keyturn-kind as freeform tags. A third one, role, says what the secret holds where that isn't plain.
const (
	tagNamespace = "keyturn"
	tagUser      = "user"
	tagKind      = "kind"
	tagRole      = "role"
)

// tag reads one of the tags in both its forms. OCI compares the names of tags without regard to case. Two forms with
// different values bind to nobody.
func tag(s secret.Secret, name string) (value string, clash bool) {
	for namespace, tags := range s.Defined {
		for key, v := range tags {
			if text, ok := v.(string); ok && strings.EqualFold(namespace, tagNamespace) && strings.EqualFold(key, name) {
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
	return strings.ToLower(strings.TrimSpace(value)), clash
}

// Bound checks that a secret may take a credential of this kind and user. unboundOK accepts one without any binding
// tags; the binding of another user or kind is always refused. unbound tells that a secret was accepted so.
func Bound(s secret.Secret, kind credential.Kind, user string, unboundOK bool) (unbound bool, err error) {
	hasUser, clashUser := tag(s, tagUser)
	hasKind, clashKind := tag(s, tagKind)
	switch {
	case clashUser || clashKind:
		return false, refuse("correct the defined ones; or, if they are right, take the freeform ones off: "+UnbindCommand(s), "the defined and the freeform tags of secret %s (%s) contradict each other", s.Name, s.ID)
	case hasUser != "" && hasUser != strings.ToLower(user):
		return false, refuse("name a secret of this user in the closure comment",
			"secret %s (%s) is bound to another user, %s", s.Name, s.ID, hasUser)
	case hasKind != "" && hasKind != string(kind):
		return false, refuse("name a secret for this kind in the closure comment",
			"secret %s (%s) is bound to the kind %s, not %s", s.Name, s.ID, hasKind, kind)
	case hasUser != "" && hasKind != "":
		return false, nil
	case unboundOK:
		return true, nil
	}
	return false, refuse("bind it with: "+BindCommand(s, kind, user), "secret %s (%s) is not bound to this user and kind", s.Name, s.ID)
}

// BindCommand is the OCI CLI command that binds a secret, keeping the freeform tags that it has.
func BindCommand(s secret.Secret, kind credential.Kind, user string) string {
	tags := maps.Clone(s.Freeform)
	if tags == nil {
		tags = map[string]string{}
	}
	tags[tagNamespace+"-"+tagUser], tags[tagNamespace+"-"+tagKind] = user, string(kind)
	return freeformCommand(s, tags)
}

// UnbindCommand is the OCI CLI command that takes Keyturn's freeform tags off a secret, keeping the others.
func UnbindCommand(s secret.Secret) string {
	tags := map[string]string{}
	for key, value := range s.Freeform {
		if !strings.HasPrefix(strings.ToLower(key), tagNamespace+"-") {
			tags[key] = value
		}
	}
	return freeformCommand(s, tags)
}

// freeformCommand replaces the freeform tags, all of them, as the service does. The CLI asks before it goes on.
func freeformCommand(s secret.Secret, tags map[string]string) string {
	text, err := json.Marshal(tags)
	if err != nil { // strings always encode
		panic("guard: encoding tags: " + err.Error())
	}
	quoted := strings.ReplaceAll(string(text), "'", `'\''`)
	return fmt.Sprintf("oci vault secret update --secret-id %s --freeform-tags '%s'", s.ID, quoted)
}

// Writable checks that a secret is in a state in which it can be written to.
func Writable(s secret.Secret) error {
	switch {
	case s.Replica:
		return refuse("name its source secret in the closure comment", "secret %s (%s) is a read-only replica", s.Name, s.ID)
	case s.State != secret.Active:
		return refuse("name an active secret in the closure comment", "secret %s (%s) is in the state %s", s.Name, s.ID, s.State)
	}
	return nil
}

// Find picks, out of all secrets that can be seen, those that are bound to the user and kind, by role. Each role may
// have one only; the two halves of a customer secret key come together or not at all.
func Find(all []secret.Secret, kind credential.Kind, user string) (map[credential.Role]string, error) {
	found := map[credential.Role]string{}
	for _, s := range all {
		hasUser, clashUser := tag(s, tagUser)
		hasKind, clashKind := tag(s, tagKind)
		if hasUser != strings.ToLower(user) || hasKind != string(kind) || clashUser || clashKind || s.State != secret.Active {
			continue
		}
		role := kind.DefaultRole()
		if has, _ := tag(s, tagRole); has != "" {
			role = credential.Role(has)
		}
		if other, twice := found[role]; twice {
			return nil, refuse("name the one to use in the closure comment", "secrets %s and %s are both bound to this user and kind", other, s.ID)
		}
		found[role] = s.ID
	}
	if len(found) == 0 {
		return nil, refuse("name one in the closure comment, or bind one by its tags", "the closure comment names no secret, and no secret is bound to this user and kind")
	}
	for role := range found {
		if !fits(kind, role) {
			return nil, refuse("mend its tag keyturn-role", "secret %s has the role %q, which doesn't fit %s", found[role], role, kind)
		}
	}
	_, key := found[credential.RoleSecretKey]
	_, id := found[credential.RoleAccessKey]
	if key != id {
		return nil, refuse("bind the other half too, or one secret with the role bundle", "only one half of the pair of secrets is bound to this user")
	}
	return found, nil
}

func fits(kind credential.Kind, role credential.Role) bool {
	for _, r := range kind.Roles() {
		if r == role {
			return true
		}
	}
	return false
}
