package oci

import (
	"context"
	"strings"
	"time"

	"github.com/oracle/oci-go-sdk/v65/common"
	"github.com/oracle/oci-go-sdk/v65/common/auth"
	"github.com/oracle/oci-go-sdk/v65/identity"
	"github.com/oracle/oci-go-sdk/v65/objectstorage"

	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/fault"
)

func (c *Cloud) identity(region string) (identity.IdentityClient, error) {
	kept, err := client(c, "identity", region, identity.NewIdentityClientWithConfigurationProvider,
		func(cl *identity.IdentityClient) *common.BaseClient { return &cl.BaseClient })
	if err != nil {
		return identity.IdentityClient{}, classify("ResourcePrincipal", err)
	}
	return *kept, nil
}

// home is the identity client of the tenancy's home region. IAM accepts changes only there, and reads in other regions
// may be outdated.
func (c *Cloud) home(ctx context.Context) (identity.IdentityClient, error) {
	t, err := c.Tenancy(ctx)
	if err != nil {
		return identity.IdentityClient{}, err
	}
	return c.identity(t.Home)
}

// Tenancy returns the function's tenancy. It is read once and kept.
func (c *Cloud) Tenancy(ctx context.Context) (credential.Tenancy, error) {
	t, err := c.tenancy.get(ctx, c.askTenancy)
	return t, classify("GetTenancy", err)
}

func (c *Cloud) askTenancy(ctx context.Context) (credential.Tenancy, error) {
	p, err := c.provider()
	if err != nil {
		return credential.Tenancy{}, classify("ResourcePrincipal", err)
	}
	id, err := p.TenancyOCID()
	if err != nil {
		return credential.Tenancy{}, classify("ResourcePrincipal", err)
	}
	return call(ctx, c, "GetTenancy", harmless, func(ctx context.Context) (credential.Tenancy, error) {
		cl, err := c.identity("")
		if err != nil {
			return credential.Tenancy{}, err
		}
		r, err := cl.GetTenancy(ctx, identity.GetTenancyRequest{TenancyId: &id})
		if err != nil {
			return credential.Tenancy{}, err
		}
		t := credential.Tenancy{ID: id, Name: str(r.Name)}
		t.Home, err = c.regionOfKey(ctx, cl, id, str(r.HomeRegionKey))
		return t, err
	})
}

// Compartment returns the OCID of the function's compartment, from the resource principal's token.
func (c *Cloud) Compartment(context.Context) (string, error) {
	p, err := c.provider()
	if err != nil {
		return "", classify("ResourcePrincipal", err)
	}
	claims, ok := p.ConfigurationProvider.(interface{ GetClaim(string) (any, error) })
	if !ok {
		return "", fault.New(fault.Invalid, "ResourcePrincipal", "the principal has no compartment: set "+
			"secret_compartments")
	}
	id, err := claims.GetClaim(auth.CompartmentOCIDClaimKey)
	if text, ok := id.(string); ok && err == nil {
		return text, nil
	}
	return "", fault.New(fault.Invalid, "ResourcePrincipal", "the token has no compartment: set secret_compartments")
}

// regionOfKey turns a region key (IAD) into the region's identifier. It looks up keys that the SDK doesn't know.
func (c *Cloud) regionOfKey(ctx context.Context, cl identity.IdentityClient, tenancyID, key string) (string, error) {
	if region := string(common.StringToRegion(strings.ToLower(key))); len(region) > 3 {
		return region, nil
	}
	r, err := cl.ListRegionSubscriptions(ctx, identity.ListRegionSubscriptionsRequest{TenancyId: &tenancyID})
	if err != nil {
		return "", err
	}
	for _, s := range r.Items {
		if s.IsHomeRegion != nil && *s.IsHomeRegion {
			return str(s.RegionName), nil
		}
	}
	return "", fault.New(fault.Absent, "ListRegionSubscriptions", "the tenancy has no home region")
}

// UserName returns the name of a user: <domain>/<name> for a user of another identity domain than Default, if it
// is among IdentityDomains.
func (c *Cloud) UserName(ctx context.Context, id string) (string, error) {
	m, err := c.elsewhere(ctx, id)
	switch {
	case err != nil:
		return "", err
	case m != nil:
		return m.Name, nil
	}
	cl, err := c.home(ctx)
	if err != nil {
		return "", err
	}
	return call(ctx, c, "GetUser", harmless, func(ctx context.Context) (string, error) {
		r, err := cl.GetUser(ctx, identity.GetUserRequest{UserId: &id})
		return str(r.Name), err
	})
}

// Namespace returns the tenancy's Object Storage namespace, which the registry and the S3-compatible endpoint use. It
// is read once and kept.
func (c *Cloud) Namespace(ctx context.Context) (string, error) {
	name, err := c.namespace.get(ctx, func(ctx context.Context) (string, error) {
		cl, err := c.objectStorage("")
		if err != nil {
			return "", classify("GetNamespace", err)
		}
		return call(ctx, c, "GetNamespace", harmless, func(ctx context.Context) (string, error) {
			r, err := cl.GetNamespace(ctx, objectstorage.GetNamespaceRequest{})
			return str(r.Value), err
		})
	})
	return name, classify("GetNamespace", err)
}

// alive reports whether a credential that IAM lists still exists. A credential in the states DELETING and DELETED of
// IAM's models can't be used, fills no slot, and can't be deleted again. An unknown state counts as alive.
func alive[S ~string](state S) bool {
	return !strings.EqualFold(string(state), "DELETED") && !strings.EqualFold(string(state), "DELETING")
}

func issued(id, description *string, created *common.SDKTime) credential.Issued {
	return credential.Issued{ID: str(id), Description: str(description), Created: rounded(created)}
}

// listed is issued with what only lists say. An unknown state counts as active.
func listed[S ~string](id, description *string, created, expires *common.SDKTime, state S) credential.Issued {
	i := issued(id, description, created)
	i.Expires, i.Inactive = rounded(expires), strings.EqualFold(string(state), "INACTIVE")
	return i
}

// rounded is the time in UTC; zero if there is none.
func rounded(t *common.SDKTime) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.UTC().Round(time.Millisecond)
}
