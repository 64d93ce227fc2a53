package command

import (
	"strings"
	"testing"

	"github.com/keyturn/keyturn/test/tenancy"
)

func init() {
	type arguments = func(*testing.T, *tenancy.Deployment) []string
	for name, args := range map[string]arguments{
		"bind": func(t *testing.T, s *tenancy.Deployment) []string {
			c := s.Add(tenancy.Want{Kind: tenancy.APIKey, Unbound: true})
			return []string{c.UserName, "api-key", "--secret", anySecret(c), "--yes"}
		},
		"rotate": func(t *testing.T, s *tenancy.Deployment) []string {
			return []string{s.Add(tenancy.Want{Kind: tenancy.AuthToken}).UserName, "auth-token", "--yes"}
		},
		"undo": func(t *testing.T, s *tenancy.Deployment) []string {
			return []string{anySecret(withOverlap(t, s, tenancy.Want{Kind: tenancy.AuthToken})), "--yes"}
		},
		"status": func(*testing.T, *tenancy.Deployment) []string { return []string{"--regions", "eu-frankfurt-1"} },
		"report": func(*testing.T, *tenancy.Deployment) []string { return []string{"--domains", "Default"} },
		"deploy variables": func(*testing.T, *tenancy.Deployment) []string {
			digest := "@sha256:" + strings.Repeat("0", 64)
			return []string{"fra.ocir.io/ns/keyturn/rotate:1" + digest, "fra.ocir.io/ns/keyturn/sweep:1" + digest}
		},
	} {
		documents[name] = struct {
			code int
			args func(*testing.T, *tenancy.Deployment) []string
		}{0, args}
	}
}
