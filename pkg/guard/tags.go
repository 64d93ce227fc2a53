package guard

import "github.com/keyturn/keyturn/pkg/vault"

// Tags are a secret's binding tags as they are written. See BoundTo for what they bind the secret to.
type Tags struct {
	User, Kind, Role string   // in lower case; empty if there is none
	Owner            string   // the person or team to notify, as it is written
	Topic            string   // the topic that gets the mails about the secret, too, as it is written
	Clash            []string // user, kind, role or topic: the defined and the freeform tag contradict each other
}

// TagsOf returns the binding tags of a secret.
func TagsOf(s vault.Secret) Tags {
	var t Tags
	for _, one := range []struct {
		name string
		into *string
	}{{tagUser, &t.User}, {tagKind, &t.Kind}, {tagRole, &t.Role}} {
		value, clash := tag(s, one.name)
		*one.into = value
		if clash {
			t.Clash = append(t.Clash, one.name)
		}
	}
	t.Owner, _ = text(s, tagOwner)
	topic, clash := text(s, tagTopic)
	t.Topic = topic
	if clash {
		t.Clash = append(t.Clash, tagTopic)
	}
	return t
}

// Any reports whether the secret has a tag that is meant to bind it.
func (t Tags) Any() bool { return t.User != "" || t.Kind != "" }
