package guard

import (
	"github.com/keyturn/keyturn/pkg/cloudguard"
	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/vault"
)

// BoundTo says whom a secret's tags bind it to. ok is false for a secret that is bound to nobody, to a kind that
// Keyturn doesn't know, or to something that isn't the OCID of a user: anybody who may tag the secret may have written
// it, and it becomes part of a path.
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
