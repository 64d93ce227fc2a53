package tenancy

import (
	"encoding/json"

	"github.com/keyturn/keyturn/test/ociemu"
)

// secretFields are the parts of a bundle that nobody may see.
var secretFields = []string{"private_key", "token", "secret_key", "password"}

// SecretValues are the secret values within the content of a secret: what must not get out. Of a bundle they are its
// secret fields. An access key, or another id of a credential, is none, whichever secret it is in; what is nothing of
// the kind counts as a whole.
func SecretValues(v ociemu.View, content []byte) []string {
	var document map[string]any
	if json.Unmarshal(content, &document) == nil {
		var values []string
		for _, field := range secretFields {
			if value, ok := document[field].(string); ok && value != "" {
				values = append(values, value)
			}
		}
		if len(values) > 0 {
			return values
		}
	}
	if len(content) == 0 || v.Names(string(content)) {
		return nil
	}
	return []string{string(content)}
}
