package oci

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/oracle/oci-go-sdk/v65/common"
	"github.com/oracle/oci-go-sdk/v65/identity"

	"github.com/keyturn/keyturn/pkg/background"
	"github.com/keyturn/keyturn/pkg/config"
	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/fault"
)

const (
	directoryLife  = 10 * time.Minute // how long the domains, and the domain of a user, are kept
	directoryLimit = 10_000           // how many users are kept
	domainsAtOnce  = 8                // how many domains or compartments are asked in parallel
	lookupTime     = 15 * time.Second // time limit of the search for a user in all domains
)

// directory keeps the domains, and in which of them users are. Cloud.mu guards it.
type directory struct {
	domains   *onceOK[[]credential.Domain]
	domainsAt time.Time
	members   map[string]*lookup // by user OCID
}

// lookup is the search for a user. Its answer is nil if no domain has the user.
type lookup struct {
	at     time.Time
	answer onceOK[*Member]
}

// Member is a user of an identity domain.
type Member struct {
	Domain credential.Domain
	User   string // OCID
	Name   string // as Keyturn shows it, see credential.Domain.UserName
	id     scimID
}

// Domains returns the ACTIVE domains of IdentityDomains, sorted by name. They are kept for 10 minutes. A compartment or
// domain that can't be read is an error: its users would seem not to exist. So is a list of a tenancy without domains,
// which OCI answers like one that isn't allowed.
func (c *Cloud) Domains(ctx context.Context) ([]credential.Domain, error) {
	all, err := c.AllDomains(ctx)
	return slices.DeleteFunc(all, notActive), err
}

func notActive(d credential.Domain) bool {
	return d.State != string(identity.DomainLifecycleStateActive)
}

// AllDomains is Domains with those that aren't ACTIVE.
func (c *Cloud) AllDomains(ctx context.Context) ([]credential.Domain, error) {
	if len(c.IdentityDomains) == 0 {
		return nil, nil
	}
	c.mu.Lock()
	if c.directory.domains == nil || time.Since(c.directory.domainsAt) > directoryLife {
		c.directory.domains, c.directory.domainsAt = &onceOK[[]credential.Domain]{}, time.Now()
	}
	kept := c.directory.domains
	c.mu.Unlock()
	all, err := kept.get(ctx, c.askDomains)
	return slices.Clone(all), classify("ListDomains", err)
}

// askDomains reads the domains.
func (c *Cloud) askDomains(ctx context.Context) ([]credential.Domain, error) {
	tenancy, err := c.Tenancy(ctx)
	if err != nil {
		return nil, err
	}
	var compartments, ids []string
	for _, item := range c.IdentityDomains {
		switch {
		case item == config.AllDomains:
			compartments = append(compartments, tenancy.ID)
		case config.IsDomain(strings.ToLower(item)):
			ids = append(ids, item)
		default:
			compartments = append(compartments, item)
		}
	}
	slices.Sort(compartments)
	all, err := c.domainsIn(ctx, slices.Compact(compartments))
	if err != nil {
		return nil, err
	}
	ids = slices.DeleteFunc(ids, func(id string) bool { return slices.ContainsFunc(all, hasID(id)) })
	slices.Sort(ids)
	named, err := c.domainsNamed(ctx, slices.Compact(ids))
	if err != nil {
		return nil, err
	}
	all = append(all, named...)
	slices.SortFunc(all, func(a, b credential.Domain) int {
		return strings.Compare(a.Name+"\n"+a.ID, b.Name+"\n"+b.ID)
	})
	return slices.CompactFunc(all, func(a, b credential.Domain) bool { return a.ID == b.ID }), nil
}

func hasID(id string) func(credential.Domain) bool {
	return func(d credential.Domain) bool { return strings.EqualFold(d.ID, id) }
}

// domainsIn lists the domains of compartments. OCI answers 404 if the caller may not list the domains of a compartment,
// and in a tenancy without domains (oci-landing-zones/oci-cis-landingzone-quickstart, cis_reports.py).
func (c *Cloud) domainsIn(ctx context.Context, compartments []string) (all []credential.Domain, err error) {
	lists := make([][]credential.Domain, len(compartments))
	group := background.Group{Limit: domainsAtOnce}
	for i, id := range compartments {
		group.Go(func() (err error) {
			lists[i], err = c.listDomains(ctx, id)
			return err
		})
	}
	for i, err := range group.Wait() {
		switch {
		case err == nil:
		case fault.Of(err) == fault.Absent:
			return nil, &fault.Error{Class: fault.Absent, Operation: "ListDomains", Err: err, Message: "the function " +
				"may not list the identity domains of " + compartments[i] + ", or the tenancy has none: then remove " +
				"identity_domains from the configuration"}
		default:
			return nil, classify("ListDomains", err)
		}
	}
	return slices.Concat(lists...), nil
}

func (c *Cloud) listDomains(ctx context.Context, compartment string) (all []credential.Domain, err error) {
	cl, err := c.home(ctx)
	if err != nil {
		return nil, err
	}
	pages := map[string]bool{}
	for page := ""; ; {
		r, err := call(ctx, c, "ListDomains", harmless, func(ctx context.Context) (identity.ListDomainsResponse,
			error) {
			return cl.ListDomains(ctx, identity.ListDomainsRequest{CompartmentId: &compartment,
				Limit: common.Int(100), Page: token(page)})
		})
		if err != nil {
			return nil, err
		}
		for _, d := range r.Items {
			all = append(all, c.domainFrom(d.Id, d.DisplayName, d.Url, d.HomeRegion, d.Type, d.LifecycleState))
		}
		pages[page] = true
		page = str(r.OpcNextPage)
		if page == "" {
			return all, nil
		}
		if pages[page] {
			return nil, fault.New(fault.Unclear, "ListDomains", "the list repeats a page")
		}
	}
}

// domainsNamed reads domains by their OCIDs.
func (c *Cloud) domainsNamed(ctx context.Context, ids []string) ([]credential.Domain, error) {
	found := make([]credential.Domain, len(ids))
	group := background.Group{Limit: domainsAtOnce}
	for i, id := range ids {
		group.Go(func() (err error) {
			found[i], err = c.getDomain(ctx, id)
			return err
		})
	}
	for i, err := range group.Wait() {
		if err != nil {
			return nil, &fault.Error{Class: fault.Of(err), Operation: "GetDomain", Err: err,
				Message: "the identity domain " + ids[i] + " can't be read: " + reason(err)}
		}
	}
	return found, nil
}

func (c *Cloud) getDomain(ctx context.Context, id string) (credential.Domain, error) {
	cl, err := c.home(ctx)
	if err != nil {
		return credential.Domain{}, err
	}
	r, err := call(ctx, c, "GetDomain", harmless, func(ctx context.Context) (identity.GetDomainResponse, error) {
		return cl.GetDomain(ctx, identity.GetDomainRequest{DomainId: &id})
	})
	return c.domainFrom(r.Id, r.DisplayName, r.Url, r.HomeRegion, r.Type, r.LifecycleState), err
}

// reason says why a call failed, for the message of another fault.
func reason(err error) string {
	if f, ok := errors.AsType[*fault.Error](err); ok && f.Status == 0 && f.Message != "" {
		return f.Message
	}
	return fault.Plain(classify("identity domains", err))
}

func (c *Cloud) domainFrom(id, name, url, region *string, kind identity.DomainTypeEnum,
	state identity.DomainLifecycleStateEnum) credential.Domain {
	isDefault := kind == identity.DomainTypeDefault
	return credential.Domain{ID: str(id), Name: str(name), URL: str(url),
		Region:  string(common.StringToRegion(strings.ToLower(str(region)))),
		Default: isDefault, Classic: isDefault && !c.DefaultBySCIM, State: string(state)}
}

// member finds the domain of a user by asking each of Domains. The answer is kept for 10 minutes, or until the next
// Fresh if no domain has the user. It is nil if no domain has the user, who doesn't exist then, or is in a domain that
// isn't among AllDomains. If the user wasn't found, and a domain did not answer or isn't ACTIVE, the error names that
// domain and is of the class Unclear.
func (c *Cloud) member(ctx context.Context, user string) (*Member, error) {
	if len(c.IdentityDomains) == 0 {
		return nil, nil
	}
	c.mu.Lock()
	if len(c.directory.members) >= directoryLimit || c.directory.members == nil {
		c.directory.members = map[string]*lookup{}
	}
	l := c.directory.members[user]
	if l == nil || time.Since(l.at) > directoryLife {
		l = &lookup{at: time.Now()}
		c.directory.members[user] = l
	}
	c.mu.Unlock()
	m, err := l.answer.get(ctx, func(ctx context.Context) (*Member, error) { return c.findMember(ctx, user) })
	return m, classify(operationUser, err)
}

// findMember asks every domain for the user, until one has it: an OCID is unique. One that isn't ACTIVE is not asked,
// and may have the user.
func (c *Cloud) findMember(ctx context.Context, user string) (*Member, error) {
	all, err := c.AllDomains(ctx)
	if err != nil { // of whatever class: it says nothing about the user
		return nil, &fault.Error{Class: fault.Unclear, Operation: operationUser, Err: err,
			Message: "the identity domains aren't known: " + reason(err)}
	}
	limited, found := context.WithTimeout(ctx, lookupTime)
	defer found() // a domain that has the user ends the search
	domains := slices.DeleteFunc(slices.Clone(all), notActive)
	members := make([]*Member, len(domains))
	group := background.Group{Limit: domainsAtOnce}
	for i, d := range domains {
		group.Go(func() (err error) {
			members[i], err = c.memberOf(limited, d, user)
			if members[i] != nil {
				found()
			}
			return err
		})
	}
	errs := group.Wait()
	var silent []string
	for i, err := range errs {
		if err != nil {
			silent = append(silent, fmt.Sprintf("%q (%s)", domains[i].Name, reason(err)))
		}
	}
	for _, d := range all {
		if notActive(d) {
			silent = append(silent, fmt.Sprintf("%q (it is %s: activate it, or remove it from identity_domains)",
				d.Name, d.State))
		}
	}
	i := slices.IndexFunc(members, func(m *Member) bool { return m != nil })
	switch {
	case i >= 0:
		return members[i], nil
	case len(silent) == 0:
		return nil, nil
	}
	return nil, &fault.Error{Class: fault.Unclear, Operation: operationUser, Err: errors.Join(errs...),
		Message: "the user may be in an identity domain that did not answer: " + strings.Join(silent, ", ")}
}

// operationUser is the name of the search for a user.
const operationUser = "SCIM ListUsers"

// scimUser is a user as a domain lists it.
type scimUser struct {
	ID       scimID
	OCID     string
	UserName string
}

// memberOf asks one domain for a user; nil if the domain doesn't have the user.
func (c *Cloud) memberOf(ctx context.Context, d credential.Domain, user string) (*Member, error) {
	filter, err := scimEq("ocid", user)
	if err != nil {
		return nil, err
	}
	all, _, err := listDomain(ctx, c, d, scimQuery{operationUser, "Users", filter, "ocid,userName"},
		func(u scimUser) scimID { return u.ID })
	switch {
	case err != nil || len(all) == 0:
		return nil, err
	case len(all) > 1 || !strings.EqualFold(all[0].OCID, user) || all[0].UserName == "":
		return nil, fault.New(fault.Unclear, operationUser, "the answer is not about the user that was asked for")
	}
	return &Member{Domain: d, User: user, Name: d.UserName(all[0].UserName), id: all[0].ID}, nil
}

// elsewhere returns the membership of a user whose credentials the domain's own API handles; nil for every user that
// the classic API has to decide about. Without IdentityDomains it makes no call.
func (c *Cloud) elsewhere(ctx context.Context, user string) (*Member, error) {
	m, err := c.member(ctx, user)
	switch {
	case err != nil || m != nil && !m.Domain.Classic:
		return m, err
	case m == nil && c.DefaultBySCIM:
		return nil, c.checkDefault(ctx)
	}
	return nil, nil
}

// checkDefault fails if DefaultBySCIM is set and the Default domain is not known. The classic API must not be used in
// its place without a word.
func (c *Cloud) checkDefault(ctx context.Context) error {
	all, err := c.Domains(ctx)
	if err != nil || slices.ContainsFunc(all, func(d credential.Domain) bool { return d.Default }) {
		return err
	}
	return fault.New(fault.Invalid, operationUser, "default_domain_api is scim, and the Default domain is not among "+
		"identity_domains: add its OCID there")
}
