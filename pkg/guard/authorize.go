package guard

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/vault"
)

// Guard authorizes requests.
type Guard struct {
	// Protects reports whether the configuration protects a user of this OCID and name.
	Protects func(ocid, name string) bool
	// AcceptUnbound accepts secrets that lack one or both binding tags, with a warning.
	AcceptUnbound bool
	// OtherOwner returns the owner that a secret's journal names, if that is not the owner of the credential; else "".
	// It is called for unbound secrets only.
	OtherOwner func(vault.Metadata, credential.Ref) string
}

// Authorize decides whether the request may be carried out for its owner, and whether the value may be written to the
// secrets, as they were read. The error is a *Refusal, or says why the owner could not be looked up. What is known of
// the owner and of the secrets' contacts comes with an error too.
func (g Guard) Authorize(ctx context.Context, r credential.Request, l *Lookup, secrets []vault.Secret) (
	credential.Authorized, error) {
	a := credential.Authorized{Contacts: map[string]string{}, Topics: map[string]string{}}
	for _, s := range secrets {
		a.Contacts[s.ID] = strings.Join(strings.Fields(TagsOf(s).Owner), " ")
		if topic := topicOf(r.Ref, s); topic != "" {
			a.Topics[s.ID] = topic
		}
	}
	var err error
	a.Owner, err = l.wait(ctx)
	if err != nil {
		return a, err
	}
	if err := Protected(g.Protects, a.Owner.User, a.Owner.UserName); err != nil {
		return a, err
	}
	var warnings []credential.Warning
	for _, s := range secrets {
		of, err := g.check(r, s)
		if err != nil {
			return a, err
		}
		warnings = append(warnings, of...)
	}
	a.Warnings = warnings
	return a, nil
}

// topicOf returns the topic that a secret's tags ask for. A secret that isn't bound to the credential has no say in who
// gets mails about it. Two tags that contradict each other are returned together, which is no OCID.
func topicOf(ref credential.Ref, s vault.Secret) string {
	t := TagsOf(s)
	unbound, err := Bound(s, ref.Kind, ref.User, true)
	if unbound || err != nil {
		return ""
	}
	if slices.Contains(t.Clash, tagTopic) {
		return "two topics, by its defined and its freeform tag"
	}
	return t.Topic
}

// check refuses a secret that the value may not be written to. It returns the warnings about any other secret.
func (g Guard) check(r credential.Request, s vault.Secret) (warnings []credential.Warning, err error) {
	unbound, err := Bound(s, r.Ref.Kind, r.Ref.User, g.AcceptUnbound)
	if err != nil {
		return nil, err
	}
	if unbound {
		if other := g.OtherOwner(s.Metadata, r.Ref); other != "" {
			return nil, refuse("Close the problem again and name another secret in the comment.",
				"secret %s (%s) is not bound, and its journal names another owner: %s", s.Name, s.ID, other)
		}
		warnings = []credential.Warning{unboundWarning(r.Ref, s)}
	}
	i := slices.IndexFunc(r.Secrets, func(t credential.Target) bool { return t.SecretID == s.ID })
	if i >= 0 {
		if err := InRole(s, r.Secrets[i].Role); err != nil {
			return nil, err
		}
	}
	return warnings, Writable(s)
}

func unboundWarning(ref credential.Ref, s vault.Secret) credential.Warning {
	name := cmp.Or(s.Name, s.ID)
	return credential.Warning{
		Text: "Secret " + name + " is not bound to this user and kind; it was accepted because secret_binding is warn.",
		Remedy: "If secret " + name + " is meant for this credential, bind it:\n" +
			BindCommand(s, ref.Kind, ref.User)}
}
