package oci

import (
	"context"
	"time"

	"github.com/keyturn/keyturn/pkg/credential"
)

// DomainUsers returns a page of the users of an identity domain: at most that many from the given one on; the first is
// 1. A domain may return fewer.
func (c *Cloud) DomainUsers(ctx context.Context, d credential.Domain, start, most int) (credential.Page, error) {
	q := scimQuery{operation: operationUser, resource: "Users", attributes: listedAttributes}
	p, err := pageOf[listedUser](ctx, c, d, q, start, min(most, scimPage))
	if err != nil {
		return credential.Page{}, err
	}
	out := credential.Page{Entries: len(p.Resources), Total: *p.TotalResults, At: p.at}
	for _, u := range p.Resources {
		if u.OCID == "" || u.UserName == "" {
			out.Unreadable++
			continue
		}
		out.Users = append(out.Users, u.user(d))
	}
	return out, nil
}

// DomainCredentials returns a page of the credentials of a kind of all users of an identity domain: at most that many
// from the given one on; the first is 1. A domain may return fewer. Passwords come from the list of users.
//
// Created is meta.created, and for a password passwordState.lastSuccessfulSetDate; zero if the domain doesn't say it.
// In a domain that was converted from IDCS, both may be later than the true times ("Known Issues" of identity domains).
func (c *Cloud) DomainCredentials(ctx context.Context, d credential.Domain, k credential.Kind,
	start, most int) (credential.Page, error) {
	if k.Origin() == credential.Reset {
		q := scimQuery{operation: operationUser, resource: "Users", attributes: "ocid,userName," + passwordSet}
		return heldPage(ctx, c, d, q, start, most, func(u passwordUser) *credential.Held { return u.held(d) })
	}
	b, err := domainListOf(k)
	if err != nil {
		return credential.Page{}, err
	}
	q := scimQuery{operation: b.list, resource: b.resource, attributes: b.attributes + ",user.name"}
	return heldPage(ctx, c, d, q, start, most, func(found domainCredential) *credential.Held {
		h := credential.Held{User: found.User.OCID, Issued: b.issued(found)}
		switch {
		case found.DeleteInProgress:
			return nil
		case h.ID == "":
			return &credential.Held{}
		case found.User.Name != "":
			h.UserName = d.UserName(found.User.Name)
		}
		return &h
	})
}

// passwordState is the schema of the extension that says when a user's password was set. passwordSet is its attribute.
const (
	passwordState = scimSchemas + "extension:passwordState:User"
	passwordSet   = passwordState + ":lastSuccessfulSetDate"
)

// passwordUser is a user with the time of the password. A user who never had one has no time.
type passwordUser struct {
	scimUser
	Password passwordDate `json:"urn:ietf:params:scim:schemas:oracle:idcs:extension:passwordState:User"`
}

// passwordDate says when a user's password was set.
type passwordDate struct{ LastSuccessfulSetDate string }

// issued is the password with that time; ok is false if the domain doesn't say it in its documented form.
func (p passwordDate) issued() (i credential.Issued, ok bool) {
	at, err := time.Parse(time.RFC3339, p.LastSuccessfulSetDate)
	if err != nil {
		return credential.Issued{}, false
	}
	at = at.UTC().Round(time.Millisecond)
	return credential.Issued{ID: credential.TimeID(at), Created: at}, true
}

// held returns the user's password; nil if there is none.
func (u passwordUser) held(d credential.Domain) *credential.Held {
	switch {
	case u.OCID == "" || u.UserName == "":
		return &credential.Held{}
	case u.Password.LastSuccessfulSetDate == "":
		return nil
	}
	h := credential.Held{User: u.OCID, UserName: d.UserName(u.UserName)}
	h.Issued, _ = u.Password.issued() // without a time, its age isn't known
	return &h
}

// heldPage reads a page of a list. held returns nil for an entry that doesn't count, and one without a user for an
// entry that can't be read.
func heldPage[T any](ctx context.Context, c *Cloud, d credential.Domain, q scimQuery, start, most int,
	held func(T) *credential.Held) (credential.Page, error) {
	p, err := pageOf[T](ctx, c, d, q, start, min(most, scimPage))
	if err != nil {
		return credential.Page{}, err
	}
	out := credential.Page{Entries: len(p.Resources), Total: *p.TotalResults, At: p.at}
	for _, r := range p.Resources {
		switch h := held(r); {
		case h == nil:
		case h.User == "":
			out.Unreadable++
		default:
			out.Held = append(out.Held, *h)
		}
	}
	return out, nil
}

// CredentialsOf lists the credentials of a kind of a user of the domain, by the classic IAM API if that
// handles them. Unlike Issuer.List, it doesn't search the domains for the user.
func (c *Cloud) CredentialsOf(ctx context.Context, d credential.Domain, k credential.Kind,
	user string) (credential.Listing, error) {
	if !d.Classic && k.Origin() == credential.Reset {
		return c.passwordOf(ctx, d, user)
	}
	if !d.Classic {
		b, err := domainListOf(k)
		if err != nil {
			return credential.Listing{}, err
		}
		return domainBackend{b, c, &Member{Domain: d, User: user}}.List(ctx)
	}
	cl, err := c.home(ctx)
	if err != nil {
		return credential.Listing{}, err
	}
	return classicBackend{listOf(k), c, cl, user}.List(ctx)
}
