package main

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/keyturn/keyturn/test/tenancy"
)

// bundle is the placeholder and the comment's key of the secret that holds everything.
const (
	bundle    = "{bundle}"
	bundleKey = "bundle_secret_ocid"
)

// placeholder stands in -comment for the OCID of a secret.
type placeholder struct{ text, key string }

// placeholders are those of a kind, with the key that its secret has in a good comment.
func placeholders(kind tenancy.Kind) []placeholder {
	return append(map[tenancy.Kind][]placeholder{
		tenancy.APIKey:    {{"{secret}", "api_secret_ocid"}},
		tenancy.AuthToken: {{"{secret}", "auth_secret_ocid"}},
		tenancy.CustomerSecretKey: {{"{access_secret}", "accesskey_secret_ocid"},
			{"{secretkey_secret}", "secretkey_secret_ocid"}},
		tenancy.Password: {{"{secret}", "password_secret_ocid"}},
	}[kind], placeholder{bundle, bundleKey})
}

var braces = regexp.MustCompile(`\{[^{}]*\}`)

// checkComment selects the kind for -comment if none was given, and refuses unknown placeholders.
func (o *options) checkComment(kindGiven bool) error {
	if !kindGiven {
		o.kinds = tenancy.Kinds()[:1]
	}
	for _, kind := range o.kinds {
		var known []string
		for _, p := range placeholders(kind) {
			known = append(known, p.text)
		}
		for _, used := range braces.FindAllString(o.comment, -1) {
			if !slices.Contains(known, used) {
				return fmt.Errorf("%s has no placeholder %s: use %s, or name another kind with -kind", kind, used,
					strings.Join(known, ", "))
			}
		}
	}
	return nil
}

// add adds a case of a kind, with the secrets that the comment names, and returns the closure comment.
func (o options) add(s *tenancy.Deployment, kind tenancy.Kind) (*tenancy.Case, string) {
	if !o.hasComment {
		c := s.Add(tenancy.Want{Kind: kind})
		return c, c.Comment("ticket CHG-1234")
	}
	c := s.Add(tenancy.Want{Kind: kind, Bundle: strings.Contains(o.comment, bundle)})
	comment := o.comment
	for _, p := range placeholders(kind) {
		if !strings.Contains(comment, p.text) {
			continue
		}
		if c.Secrets[p.key] == "" {
			c.Secrets[p.key] = c.AddSecret(p.key, true)
		}
		comment = strings.ReplaceAll(comment, p.text, c.Secrets[p.key])
	}
	return c, comment
}
