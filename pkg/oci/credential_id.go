package oci

import (
	"context"
	"slices"
	"strings"

	"github.com/keyturn/keyturn/pkg/credential"
)

// CredentialID returns the id under which the lists of a user's credentials show the credential of ref. A domain knows
// a credential by its SCIM id and by its OCID too, and no source says by which one Cloud Guard names it. If the domain
// has no such credential, id is "", and living are the ids of those that it has. For users that no domain of
// IdentityDomains has, it returns the id unchanged.
func (c *Cloud) CredentialID(ctx context.Context, ref credential.Ref) (id string, living []string, err error) {
	m, err := c.member(ctx, ref.User)
	if err != nil || m == nil {
		return ref.ID, nil, err
	}
	k, err := domainKindOf(ref.Kind)
	if err != nil {
		return "", nil, err
	}
	all, _, err := domainBackend{k, c, m}.find(ctx)
	if err != nil {
		return "", nil, err
	}
	names := []string{ref.ID}
	for _, found := range all {
		if found.named(ref.ID) {
			names = []string{k.id(found), string(found.OCID)}
		}
		living = append(living, k.id(found), string(found.OCID))
	}
	known := len(names) > 1
	if !m.Domain.Classic {
		if !known {
			return "", living, nil
		}
		return names[0], living, nil
	}
	// The classic API lists the users of Default. It shows the access key or the OCID of a customer secret key.
	listing, err := c.Issuer(ref.Kind).List(ctx, ref.User)
	if err != nil {
		return "", nil, err
	}
	for _, listed := range listing.Credentials {
		living = append(living, listed.ID)
		if slices.ContainsFunc(names, func(name string) bool { return strings.EqualFold(name, listed.ID) }) {
			return listed.ID, living, nil
		}
	}
	if known { // the domain has it, and the classic API doesn't list it yet, or under another id
		return ref.ID, living, nil
	}
	return "", living, nil
}

// named reports whether the text is one of the ids of the credential, or its fingerprint without colons.
func (c domainCredential) named(text string) bool {
	return slices.ContainsFunc([]string{string(c.ID), string(c.OCID), c.Fingerprint, c.AccessKey,
		strings.ReplaceAll(c.Fingerprint, ":", "")}, func(id string) bool {
		return id != "" && strings.EqualFold(id, text)
	})
}
