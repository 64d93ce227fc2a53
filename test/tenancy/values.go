package tenancy

import (
	"encoding/json"

	"github.com/keyturn/keyturn/test/ociemu"
)

// secretFields are the secret fields of a bundle.
var secretFields = []string{"private_key", "token", "secret_key", "password"}

// SecretValues returns the secret values in the content of a secret, which must not leak. Of a bundle these are its
// secret fields. An access key, or another id of a credential, is no secret value, whichever secret it is in. Any other
// content counts as a whole.
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
