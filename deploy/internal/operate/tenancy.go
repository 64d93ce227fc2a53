package operate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/keyturn/keyturn/pkg/cloudguard"
	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/inventory"
	"github.com/keyturn/keyturn/pkg/vault"
)

// atOnce is how many questions are asked in parallel.
const atOnce = 8

// Tenancy is what the functions of this file ask; pkg/oci implements it.
type Tenancy interface {
	inventory.Source
	UserName(ctx context.Context, id string) (string, error)
}

// inRegions is a tenancy in which secrets are only looked for in some regions.
type inRegions struct {
	Tenancy
	regions []string
}

// Regions implements inventory.Source.
func (r inRegions) Regions(context.Context) ([]string, error) { return r.regions, nil }

// Secrets lists all secrets of the tenancy in the regions; none means all regions that the tenancy is subscribed to.
// The secrets have no etag and no metadata. What is missing is in the gaps.
func Secrets(ctx context.Context, t Tenancy, c inventory.Clock, regions []string) (all []vault.Secret,
	gaps []inventory.Gap) {
	if len(regions) > 0 {
		t = inRegions{t, regions}
	}
	r := inventory.Reader{Source: t, Clock: c, Workers: atOnce}
	gaps = r.Read(ctx, inventory.Visitor{Secret: func(_ string, s vault.Secret) { all = append(all, s) }})
	slices.SortFunc(all, func(a, b vault.Secret) int { return strings.Compare(a.Name+"\n"+a.ID, b.Name+"\n"+b.ID) })
	return all, gaps
}

// User is a user as an operator names and sees it.
type User struct {
	ID     string
	Name   string // see credential.Domain.UserName
	Domain credential.Domain
}

// AllUsers lists the users of the configured identity domains, and of the classic IAM API if Default isn't among them.
func AllUsers(ctx context.Context, t Tenancy, c inventory.Clock) (all []User, gaps []inventory.Gap) {
	r := inventory.Reader{Source: t, Clock: c, Workers: atOnce}
	gaps = r.Read(ctx, inventory.Visitor{User: func(d credential.Domain, u credential.User) {
		all = append(all, User{ID: u.ID, Name: u.Name, Domain: d})
	}})
	return all, gaps
}

// FindUser finds a user by the OCID, by the name, or by <domain>/<name>. A name of several users is an error that lists
// them.
func FindUser(ctx context.Context, t Tenancy, c inventory.Clock, text string) (User, error) {
	if id, err := cloudguard.ParseOCID(text, cloudguard.TypeUser); err == nil {
		name, err := t.UserName(ctx, string(id))
		if err != nil {
			return User{}, fmt.Errorf("looking up the user %s: %w", id, err)
		}
		return User{ID: string(id), Name: name}, nil
	}
	all, gaps := AllUsers(ctx, t, c)
	found := Named(all, text)
	switch {
	case len(found) == 1 && len(gaps) == 0, len(found) == 1 && strings.Contains(text, "/"):
		return found[0], nil
	case len(found) > 1:
		var names []string
		for _, u := range found {
			names = append(names, u.Name+" ("+u.ID+")")
		}
		return User{}, fmt.Errorf("several users have the name %s: %s. Name one by <domain>/<name> or its OCID", text,
			strings.Join(names, ", "))
	case len(gaps) > 0:
		return User{}, fmt.Errorf("not all users could be listed (%w), so it isn't known who %s is: name the user by "+
			"its OCID", errors.Join(errorsOf(gaps)...), text)
	}
	return User{}, fmt.Errorf("no user has the name %s. Users of a domain other than Default are named "+
		"<domain>/<name>", text)
}

func errorsOf(gaps []inventory.Gap) (all []error) {
	for _, g := range gaps {
		all = append(all, fmt.Errorf("%s: %w", g.Doing, g.Err))
	}
	return all
}

// Named returns the users of that name: the whole one as Keyturn shows it, or without the domain.
func Named(all []User, text string) (found []User) {
	for _, u := range all {
		if strings.EqualFold(u.Name, text) {
			return []User{u}
		}
		name := u.Name
		if u.Domain.Name != "" {
			name = strings.TrimPrefix(name, u.Domain.Name+"/")
		}
		if strings.EqualFold(name, text) || u.Domain.Name != "" && strings.EqualFold(u.Domain.Name+"/"+name, text) {
			found = append(found, u)
		}
	}
	return found
}
