package guard

import (
	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/secret"
)

// BoundTo tells whom a secret's tags bind it to; ok is false for a secret that is bound to nobody, or to a kind that
// Keyturn doesn't know.
func BoundTo(s secret.Secret) (kind credential.Kind, user string, ok bool) {
	user, clashUser := tag(s, tagUser)
	text, clashKind := tag(s, tagKind)
	for _, k := range credential.Kinds() {
		if string(k) == text && user != "" && !clashUser && !clashKind {
			return k, user, true
		}
	}
	return "", "", false
}
