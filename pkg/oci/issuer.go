package oci

import (
	"context"

	"github.com/oracle/oci-go-sdk/v65/identity"

	"github.com/keyturn/keyturn/pkg/credential"
)

// Issuer lists, makes and deletes the credentials of one kind: by the API of a user's identity domain if
// Cloud.IdentityDomains has it, and otherwise by the classic IAM API. For users of Default, it is the classic API
// unless Cloud.DefaultBySCIM is set. See rotation.Issuer.
type Issuer struct {
	cloud *Cloud
	kind  credential.Kind
}

// Issuer returns the issuer of a kind. For a kind without calls, its methods return an error.
func (c *Cloud) Issuer(k credential.Kind) *Issuer { return &Issuer{c, k} }

// backend is where the credentials of one kind of one user are.
type backend interface {
	List(ctx context.Context) (credential.Listing, error)
	Create(ctx context.Context, d credential.Draft) (credential.Created, error)
	Delete(ctx context.Context, id string) error
}

// backend returns the backend of a user.
func (i *Issuer) backend(ctx context.Context, user string) (backend, error) {
	m, err := i.cloud.elsewhere(ctx, user)
	if err != nil {
		return nil, err
	}
	if m != nil {
		return domainBackendOf(i.kind, i.cloud, m)
	}
	cl, err := i.cloud.home(ctx)
	return classicBackend{behaviourOf(i.kind), i.cloud, cl, user}, err
}

// List returns the user's credentials of the kind.
func (i *Issuer) List(ctx context.Context, user string) (credential.Listing, error) {
	b, err := i.backend(ctx, user)
	if err != nil {
		return credential.Listing{}, err
	}
	return b.List(ctx)
}

// Create creates a credential.
func (i *Issuer) Create(ctx context.Context, user string, d credential.Draft) (credential.Created, error) {
	b, err := i.backend(ctx, user)
	if err != nil {
		return credential.Created{}, err
	}
	return b.Create(ctx, d)
}

// Delete deletes a credential.
func (i *Issuer) Delete(ctx context.Context, user, id string) error {
	b, err := i.backend(ctx, user)
	if err != nil {
		return err
	}
	return b.Delete(ctx, id)
}

// classicBackend has the credentials of one kind of a user of the classic IAM API.
type classicBackend struct {
	behaviour
	cloud *Cloud
	cl    identity.IdentityClient
	user  string
}

// List implements backend.
func (b classicBackend) List(ctx context.Context) (credential.Listing, error) {
	return call(ctx, b.cloud, b.list, harmless, func(ctx context.Context) (credential.Listing, error) {
		return b.lists(ctx, b.cl, b.user)
	})
}

// Create implements backend.
func (b classicBackend) Create(ctx context.Context, d credential.Draft) (credential.Created, error) {
	return call(ctx, b.cloud, b.create, replayed, func(ctx context.Context) (credential.Created, error) {
		return b.creates(ctx, b.cl, b.user, d)
	})
}

// Delete implements backend.
func (b classicBackend) Delete(ctx context.Context, id string) error {
	_, err := call(ctx, b.cloud, b.remove, once, func(ctx context.Context) (struct{}, error) {
		return struct{}{}, b.removes(ctx, b.cl, b.user, id)
	})
	return err
}
