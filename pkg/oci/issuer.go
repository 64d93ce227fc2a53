package oci

import (
	"context"

	"github.com/keyturn/keyturn/pkg/credential"
)

// Issuer lists, makes and deletes the credentials of one kind: by the API of a user's identity domain if
// Cloud.IdentityDomains has it and it isn't Default, and otherwise by the classic IAM API. See rotation.Issuer.
type Issuer struct {
	cloud *Cloud
	kind  credential.Kind
	ops   behaviour
}

// Issuer returns the issuer of a kind. For a kind without calls, its methods return an error.
func (c *Cloud) Issuer(k credential.Kind) *Issuer {
	return &Issuer{c, k, behaviourOf(k)}
}

// List returns the user's credentials of the kind.
func (i *Issuer) List(ctx context.Context, user string) (credential.Listing, error) {
	m, ops, err := i.elsewhere(ctx, user)
	switch {
	case err != nil:
		return credential.Listing{}, err
	case m != nil:
		return ops.lists(ctx, i.cloud, m)
	}
	cl, err := i.cloud.home(ctx)
	if err != nil {
		return credential.Listing{}, err
	}
	return call(ctx, i.cloud, i.ops.list, harmless, func(ctx context.Context) (credential.Listing, error) {
		return i.ops.lists(ctx, cl, user)
	})
}

// Create creates a credential.
func (i *Issuer) Create(ctx context.Context, user string, d credential.Draft) (credential.Created, error) {
	m, ops, err := i.elsewhere(ctx, user)
	switch {
	case err != nil:
		return credential.Created{}, err
	case m != nil:
		return ops.creates(ctx, i.cloud, m, d)
	}
	cl, err := i.cloud.home(ctx)
	if err != nil {
		return credential.Created{}, err
	}
	return call(ctx, i.cloud, i.ops.create, replayed, func(ctx context.Context) (credential.Created, error) {
		return i.ops.creates(ctx, cl, user, d)
	})
}

// Delete deletes a credential.
func (i *Issuer) Delete(ctx context.Context, user, id string) error {
	m, ops, err := i.elsewhere(ctx, user)
	switch {
	case err != nil:
		return err
	case m != nil:
		return ops.removes(ctx, i.cloud, m, id)
	}
	cl, err := i.cloud.home(ctx)
	if err != nil {
		return err
	}
	_, err = call(ctx, i.cloud, i.ops.remove, once, func(ctx context.Context) (struct{}, error) {
		return struct{}{}, i.ops.removes(ctx, cl, user, id)
	})
	return err
}

// elsewhere returns the membership of a user outside the Default domain, and the domain's behaviour; nil for any other
// user.
func (i *Issuer) elsewhere(ctx context.Context, user string) (*Member, domainKind, error) {
	m, err := i.cloud.elsewhere(ctx, user)
	if m == nil || err != nil {
		return nil, domainKind{}, err
	}
	ops, err := domainKindOf(i.kind)
	return m, ops, err
}
