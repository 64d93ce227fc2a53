package guard

import (
	"github.com/keyturn/keyturn/pkg/cloudguard"
	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/vault"
)

// BoundTo returns the kind and the user that a secret's tags bind it to. ok is false if the tags are absent or
// contradict each other, name a kind that Keyturn doesn't know, or name something that isn't the OCID of a user. The
// OCID becomes part of a request's path, and everyone who may tag the secret can write it.
func BoundTo(s vault.Secret) (kind credential.Kind, user string, ok bool) {
	user, clashUser := tag(s, tagUser)
	text, clashKind := tag(s, tagKind)
	if _, err := cloudguard.ParseOCID(user, cloudguard.TypeUser); err != nil {
		return "", "", false
	}
	for _, k := range credential.Kinds() {
		if string(k) == text && !clashUser && !clashKind {
			return k, user, true
		}
	}
	return "", "", false
}
