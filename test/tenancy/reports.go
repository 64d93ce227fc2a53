package tenancy

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
)

// Reports returns the texts of the sweep's reports in a bucket, oldest first.
func (s *Deployment) Reports(bucket string) (all []string, err error) {
	for _, name := range s.Objects(bucket) {
		body, contentType, _ := s.Object(bucket, name)
		if contentType != "application/gzip" {
			return nil, fmt.Errorf("the report %s is %s, want application/gzip", name, contentType)
		}
		z, err := gzip.NewReader(bytes.NewReader(body))
		if err != nil {
			return nil, fmt.Errorf("opening the report %s: %w", name, err)
		}
		text, err := io.ReadAll(z)
		if err != nil {
			return nil, fmt.Errorf("reading the report %s: %w", name, err)
		}
		all = append(all, string(text))
	}
	return all, nil
}
