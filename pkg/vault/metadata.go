package vault

import (
	"fmt"

	"github.com/keyturn/keyturn/pkg/credential"
)

// Metadata is a secret's metadata as Vault sent it: the text of a JSON object, or nothing. Users keep their own data
// there, and UpdateSecret replaces all of it: see credential.WithText.
type Metadata []byte

// Text returns the member with the key, which must be a string; "" if there is none.
func (m Metadata) Text(key string) (string, error) {
	text, err := credential.TextOf(m, key)
	if err != nil {
		return "", fmt.Errorf("reading the metadata: %w", err)
	}
	return text, nil
}

// With returns the metadata with the text as the member of that key. All other bytes stay the same.
func (m Metadata) With(key, text string) (Metadata, error) {
	out, err := credential.WithText(m, key, text)
	if err != nil {
		return nil, fmt.Errorf("writing to the metadata: %w", err)
	}
	return out, nil
}
