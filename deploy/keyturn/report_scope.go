package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/keyturn/keyturn/pkg/config"
	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/fault"
	"github.com/keyturn/keyturn/pkg/guard"
	"github.com/keyturn/keyturn/pkg/inventory"
	"github.com/keyturn/keyturn/pkg/oci"
	"github.com/keyturn/keyturn/pkg/report"
	"github.com/keyturn/keyturn/pkg/vault"
)

// scoped is the tenancy, as far as the flags ask for it.
type scoped struct {
	*oci.Cloud
	*reporting
	asked     []string    // the regions
	passwords atomic.Bool // the classic API has returned a user's password

	mu     sync.Mutex
	unread []inventory.Gap // about secrets
}

// domains prepares the reading of all identity domains, which may be in any compartment.
func (s *scoped) domains(ctx context.Context) (scope report.Scope, err error) {
	if slices.Equal(s.reporting.domains, []string{noDomains}) {
		return scope, nil
	}
	s.IdentityDomains = []string{config.AllDomains}
	compartments, err := s.Cloud.Compartments(ctx)
	if err != nil {
		scope.Gaps = append(scope.Gaps, inventory.Gap{Doing: inventory.DoingDomains, Err: err,
			Kinds: credential.Observed()})
	}
	s.IdentityDomains = append(s.IdentityDomains, compartments...)
	if len(s.reporting.domains) == 0 {
		return scope, nil
	}
	all, err := s.Cloud.AllDomains(ctx)
	if err != nil {
		return scope, fmt.Errorf("listing the identity domains, for --domains: %w", err)
	}
	var known []string
	for _, d := range all {
		known = append(known, d.Name)
		if !s.wants(d) {
			scope.LeftOut = append(scope.LeftOut, d.Name)
		}
	}
	for _, name := range s.reporting.domains {
		if !slices.ContainsFunc(known, func(n string) bool { return strings.EqualFold(n, name) }) {
			return scope, usage("--domains has %q, and the tenancy has the domains %s", name, strings.Join(known, ", "))
		}
	}
	return scope, nil
}

// wants reports whether the flags ask for a domain. A gap that isn't about a domain has none.
func (s *scoped) wants(d credential.Domain) bool {
	all := len(s.reporting.domains) == 0 || d.ID+d.Name == ""
	return all || slices.ContainsFunc(s.reporting.domains, func(n string) bool {
		return strings.EqualFold(n, d.Name)
	})
}

// AllDomains returns the domains that the flags ask for.
func (s *scoped) AllDomains(ctx context.Context) ([]credential.Domain, error) {
	all, err := s.Cloud.AllDomains(ctx)
	return slices.DeleteFunc(all, func(d credential.Domain) bool { return !s.wants(d) }), err
}

// Regions returns the regions that the flags ask for.
func (s *scoped) Regions(ctx context.Context) (regions []string, err error) {
	regions = s.regions
	if len(regions) == 0 {
		regions, err = s.Cloud.Regions(ctx)
	}
	s.asked = regions
	return regions, err
}

// Compartments returns the compartments that the flags ask for.
func (s *scoped) Compartments(ctx context.Context) ([]string, error) {
	if len(s.compartments) > 0 {
		return s.compartments, nil
	}
	return s.Cloud.Compartments(ctx)
}

// SecretsIn reads the bound secrets of a page one by one: a list doesn't have the journals of their rotations.
func (s *scoped) SecretsIn(ctx context.Context, region, compartment, page string) (some []vault.Secret, next string,
	err error) {
	some, next, err = s.Cloud.SecretsIn(ctx, region, compartment, page)
	for i, one := range some {
		if _, _, ok := guard.BoundTo(one); !ok || one.State != vault.Active {
			continue
		}
		whole, err := s.Vault().Secret(ctx, one.ID)
		if err != nil {
			s.mu.Lock()
			s.unread = append(s.unread, inventory.Gap{Doing: "read the rotation's progress", Region: region,
				Thing: one.ID, Err: err})
			s.mu.Unlock()
			continue
		}
		some[i].Metadata = whole.Metadata
	}
	return some, next, err
}

// CredentialsOf notes whether passwords may be read.
func (s *scoped) CredentialsOf(ctx context.Context, d credential.Domain, k credential.Kind,
	user string) (credential.Listing, error) {
	l, err := s.Cloud.CredentialsOf(ctx, d, k, user)
	if err == nil && d.Classic && k.Origin() == credential.Reset {
		s.passwords.Store(true)
	}
	return l, err
}

// without reports whether a gap is about a user who has no password. The classic API answers that as if it were not
// allowed to read one. It is allowed if the passwords of other users could be read.
func (s *scoped) without(g inventory.Gap) bool {
	return s.passwords.Load() && g.Thing != "" && g.Domain.Classic && len(g.Kinds) == 1 &&
		g.Kinds[0].Origin() == credential.Reset && fault.Of(g.Err) == fault.Absent
}

// ClosedProblems returns none: the report is about open ones.
func (s *scoped) ClosedProblems(context.Context, time.Time, string) ([]string, string, error) {
	return nil, "", nil
}
