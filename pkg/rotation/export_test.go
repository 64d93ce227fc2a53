package rotation

import "github.com/keyturn/keyturn/pkg/vault"

// Into returns the metadata with the journal, as Write does; nil on an error.
func (j Journal) Into(metadata vault.Metadata) vault.Metadata {
	out, err := j.Write(metadata)
	if err != nil {
		return nil
	}
	return out
}
