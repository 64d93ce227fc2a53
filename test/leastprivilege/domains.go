package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/keyturn/keyturn/test/ociemu"
	"github.com/keyturn/keyturn/test/tenancy"
)

// The identity domains of a tenancy besides Default: three that the stack names, one for each way in which it can allow
// the functions to work there, and one that it doesn't name.
const (
	inDefault     = ociemu.DefaultDomain
	byPermissions = "Partners"
	byManage      = "Plant"
	byRole        = "Corp"
	notNamed      = "Elsewhere"
)

// excludedInDomain is the name of a user of two of the domains whom the stack excludes.
const excludedInDomain = "vault@example.com"

// readings are what a domain's API may ask for, each with the domain whose way satisfies it.
var readings = []struct {
	answer ociemu.AuthorizationAnswer
	domain string
	asks   string // for the names of cases
}{
	{ociemu.AuthorizationClassic, byPermissions, "single permissions"},
	{ociemu.AuthorizationManage, byManage, "manage users"},
	{ociemu.AuthorizationAppRole, byRole, "an App role"},
}

// domainCases rotate credentials of users outside the Default domain, in each of the readings.
func domainCases() []Case {
	var out []Case
	for _, r := range readings {
		add := func(name string, run func(*environment) error) {
			out = append(out, Case{Name: name + ", if its domain asks for " + r.asks, Domain: r.domain,
				Reading: r.answer, Run: run})
		}
		for _, kind := range tenancy.Kinds() {
			w := tenancy.Want{Kind: kind, Domain: r.domain, Bundle: true}
			noun := kind.Record().Noun
			add("a domain user's "+noun, rotates(w, false))
			add("the sweep rotates a domain user's "+noun, sweeps(w, false))
		}
		if r.answer != ociemu.AuthorizationAppRole {
			add("an excluded user of a domain", excludesInDomain(r.domain))
		}
	}
	namesake := apiKey
	namesake.Domain, namesake.UserName = byPermissions, excluded
	return append(out,
		Case{Name: "a domain's user with the name of an excluded user of Default", Domain: byPermissions,
			Run: rotates(namesake, false)},
		Case{Name: "a user of Default, with another domain configured", Domain: byPermissions,
			Run: rotates(token, false)},
		Case{Name: "a domain user's password, by mail", Domain: byPermissions, Run: mailsInDomain},
	)
}

// mailsInDomain closes the problem of a password without a secret: the domain sends the user a mail.
func mailsInDomain(s *environment) error {
	w := unkept
	w.Domain, w.Person.Email = byPermissions, "joe@example.com"
	c := s.Add(w)
	r, err := s.close(c, c.Comment())
	if err != nil {
		return err
	}
	if n := len(s.DomainMails()); n != 1 {
		err = fmt.Errorf("the domain sent %d mails, want 1", n)
	}
	return errors.Join(r.want("rotated"), err)
}

// excludesInDomain checks that a user whom the stack excludes by domain/name is protected.
func excludesInDomain(domain string) func(*environment) error {
	return reopens("refused", "protected", func(s *environment) (*tenancy.Case, string) {
		w := apiKey
		w.Domain, w.UserName = domain, excludedInDomain
		c := s.Add(w)
		return c, c.Comment()
	})
}

// schemas begins the names of the schemas of a domain's resources.
const schemas = "urn:ietf:params:scim:schemas:oracle:idcs:"

// domainUser is a user of a domain with a credential of each kind.
type domainUser struct {
	url     string // of the domain's API
	id      string // OCID
	scim    string
	held    map[string]string // SCIM ids of the credentials, by the resource in paths
	created map[string]any    // bodies that create credentials, by the resource in paths
}

func (s *environment) domainUser(domain, name string) domainUser {
	u := domainUser{url: s.Domain(domain).URL + "/admin/v1/", id: s.AddDomainUser(domain, ociemu.UserSeed{Name: name}),
		held: map[string]string{}, created: map[string]any{}}
	u.scim, _ = s.SCIMID(u.id, "")
	fingerprint, _ := s.AddAPIKey(u.id)
	token, _ := s.AddAuthToken(u.id, "a token")
	key, _ := s.AddCustomerSecretKey(u.id, "a key")
	owner := map[string]string{"value": u.scim, "ocid": u.id}
	for resource, c := range map[string]struct{ id, schema, attribute, value string }{
		"ApiKeys":            {fingerprint, "apikey", "key", newPublicKey()},
		"AuthTokens":         {token, "authToken", "description", "another"},
		"CustomerSecretKeys": {key, "customerSecretKey", "displayName", "another"},
	} {
		u.held[resource], _ = s.SCIMID(u.id, c.id)
		u.created[resource] = map[string]any{"schemas": []string{schemas + c.schema}, c.attribute: c.value,
			"user": owner}
	}
	return u
}

// changes are the calls with which a rotation changes a domain user's credentials.
func (u domainUser) changes() []request {
	var out []request
	for _, resource := range slices.Sorted(maps.Keys(u.held)) {
		one := strings.TrimSuffix(resource, "s")
		out = append(out, request{"Create" + one, "POST", u.url + resource, u.created[resource]},
			request{"Delete" + one, "DELETE", u.url + resource + "/" + u.held[resource], nil})
	}
	return append(out, request{"PutUserPasswordChanger", "PUT", u.url + "UserPasswordChanger/" + u.scim,
		map[string]any{"schemas": []string{schemas + "UserPasswordChanger"}, "password": rand.Text()}},
		request{"PutUserPasswordResetter", "PUT", u.url + "UserPasswordResetter/" + u.scim,
			map[string]any{"schemas": []string{schemas + "UserPasswordResetter"}}})
}

// lists are the calls with which a rotation lists a domain user's credentials.
func (u domainUser) lists() []request {
	var out []request
	for _, resource := range slices.Sorted(maps.Keys(u.held)) {
		out = append(out, request{"List" + resource, "GET", u.url + resource + "?filter=" +
			url.QueryEscape(`user.ocid eq "`+u.id+`"`), nil})
	}
	return out
}

// others are changes of a domain user's credentials that no rotation makes.
func (u domainUser) others() []request {
	body := map[string]any{"schemas": []string{"urn:ietf:params:scim:api:messages:2.0:PatchOp"},
		"Operations": []map[string]any{{"op": "REPLACE", "path": "description", "value": "x"}}}
	return []request{{"PatchAuthToken", "PATCH", u.url + "AuthTokens/" + u.held["AuthTokens"], body},
		{"PatchCustomerSecretKey", "PATCH", u.url + "CustomerSecretKeys/" + u.held["CustomerSecretKeys"], body}}
}

func (s *environment) getDomain(name string) request {
	return request{"GetDomain", "GET", "/20160918/domains/" + s.Domain(name).ID, nil}
}

// domainDenials are what the functions and another function must not do in identity domains.
func domainDenials(s *environment) []Denial {
	users := map[string]domainUser{}
	for _, domain := range []string{byPermissions, byManage, byRole, notNamed} {
		users[domain] = s.domainUser(domain, "joe")
	}
	exempt := slices.Concat(s.domainUser(byPermissions, excludedInDomain).changes(),
		s.domainUser(byManage, excludedInDomain).changes())
	var out []Denial
	for _, who := range []string{"rotate", "sweep"} {
		out = append(out,
			Denial{"a domain that the stack doesn't name", who, slices.Concat([]request{s.getDomain(notNamed)},
				users[notNamed].lists(), users[notNamed].changes())},
			Denial{"listing the domains", who, []request{{"ListDomains", "GET", "/20160918/domains?compartmentId=" +
				s.Tenancy(), nil}}},
			Denial{"an excluded user's credentials, in a domain", who, exempt},
			Denial{"changes of credentials that no rotation makes, in a domain", who, users[byPermissions].others()},
			Denial{"by a policy, a domain that asks for an App role", who, slices.Concat(users[byRole].lists(),
				users[byRole].changes())},
		)
	}
	var same []request
	for _, domain := range []string{byPermissions, byManage} {
		u := users[domain]
		same = slices.Concat(same, []request{s.getDomain(domain), {"ListUsers", "GET", u.url + "Users", nil},
			{"GetUser", "GET", u.url + "Users/" + u.scim, nil}}, u.lists(), u.changes())
	}
	return append(out, Denial{"everything that the two functions do in domains", "another", same})
}
