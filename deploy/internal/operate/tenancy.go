package operate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/keyturn/keyturn/pkg/background"
	"github.com/keyturn/keyturn/pkg/cloudguard"
	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/inventory"
	"github.com/keyturn/keyturn/pkg/vault"
)

// atOnce is how many questions are asked in parallel.
const atOnce = 8

// Places lists secrets by region and compartment; see inventory.Source.
type Places interface {
	Regions(ctx context.Context) ([]string, error)
	Compartments(ctx context.Context) ([]string, error)
	SecretsIn(ctx context.Context, region, compartment, page string) (some []vault.Secret, next string, err error)
}

// Secrets lists all secrets of the tenancy in the regions; nil means all regions that the tenancy is subscribed to. The
// secrets have no etag and no metadata. An error means that the search could not begin; what is missing otherwise is in
// the gaps.
func Secrets(ctx context.Context, p Places, regions []string) (all []vault.Secret, gaps []inventory.Gap, err error) {
	if len(regions) == 0 {
		regions, err = p.Regions(ctx)
		if err != nil {
			return nil, nil, fmt.Errorf("listing the regions: %w", err)
		}
	}
	compartments, err := p.Compartments(ctx)
	if err != nil {
		return nil, nil, fmt.Errorf("listing the compartments: %w", err)
	}
	var mu sync.Mutex
	group := background.Group{Limit: atOnce}
	for _, region := range regions {
		for _, compartment := range compartments {
			group.Go(func() error {
				some, err := secretsIn(ctx, p, region, compartment)
				mu.Lock()
				defer mu.Unlock()
				all = append(all, some...)
				if err != nil {
					gaps = append(gaps, inventory.Gap{Doing: "list the secrets", Region: region, Thing: compartment, Err: err})
				}
				return nil
			})
		}
	}
	if err := group.First(); err != nil {
		return nil, nil, err
	}
	slices.SortFunc(all, func(a, b vault.Secret) int { return strings.Compare(a.Name+"\n"+a.ID, b.Name+"\n"+b.ID) })
	return all, gaps, ctx.Err()
}

func secretsIn(ctx context.Context, p Places, region, compartment string) (all []vault.Secret, err error) {
	for page, more := "", true; more; more = page != "" {
		var some []vault.Secret
		some, page, err = p.SecretsIn(ctx, region, compartment, page)
		if err != nil {
			return all, err
		}
		all = append(all, some...)
	}
	return all, nil
}

// People lists users; see inventory.Source.
type People interface {
	AllDomains(ctx context.Context) ([]credential.Domain, error)
	Users(ctx context.Context, page string) (users []credential.User, next string, err error)
	DomainUsers(ctx context.Context, d credential.Domain, start, most int) (credential.Page, error)
	UserName(ctx context.Context, id string) (string, error)
}

// User is a user as an operator names and sees it.
type User struct {
	ID     string
	Name   string // see credential.Domain.UserName
	Domain credential.Domain
}

// pageOfUsers is how many users one call lists.
const pageOfUsers = 250

// AllUsers lists the users of the configured identity domains, and of the classic IAM API if Default isn't among them.
func AllUsers(ctx context.Context, p People) (all []User, gaps []inventory.Gap) {
	domains, err := p.AllDomains(ctx)
	if err != nil {
		gaps = append(gaps, inventory.Gap{Doing: "list the identity domains", Err: err})
	}
	classic := true
	for _, d := range domains {
		if d.Default {
			classic = false
		}
		some, err := usersOf(ctx, p, d)
		all = append(all, some...)
		if err != nil {
			gaps = append(gaps, inventory.Gap{Doing: "list the users", Domain: d, Err: err})
		}
	}
	if !classic {
		return all, gaps
	}
	for page, more := "", true; more; more = page != "" {
		var some []credential.User
		some, page, err = p.Users(ctx, page)
		if err != nil {
			return all, append(gaps, inventory.Gap{Doing: "list the users", Err: err})
		}
		for _, u := range some {
			all = append(all, User{ID: u.ID, Name: u.Name, Domain: credential.Domain{Default: true, Classic: true}})
		}
	}
	return all, gaps
}

func usersOf(ctx context.Context, p People, d credential.Domain) (all []User, err error) {
	for start := 1; ; {
		page, err := p.DomainUsers(ctx, d, start, pageOfUsers)
		if err != nil {
			return all, err
		}
		for _, u := range page.Users {
			all = append(all, User{ID: u.ID, Name: u.Name, Domain: d})
		}
		start += page.Entries
		if page.Entries == 0 || start > page.Total {
			return all, nil
		}
	}
}

// FindUser finds a user by the OCID, by the name, or by <domain>/<name>. A name of several users is an error that lists
// them.
func FindUser(ctx context.Context, p People, text string) (User, error) {
	if id, err := cloudguard.ParseOCID(text, cloudguard.TypeUser); err == nil {
		name, err := p.UserName(ctx, string(id))
		if err != nil {
			return User{}, fmt.Errorf("looking up the user %s: %w", id, err)
		}
		return User{ID: string(id), Name: name}, nil
	}
	all, gaps := AllUsers(ctx, p)
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
