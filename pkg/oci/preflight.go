package oci

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"time"

	sdk "github.com/oracle/oci-go-sdk/v65/cloudguard"
	"github.com/oracle/oci-go-sdk/v65/common"
	"github.com/oracle/oci-go-sdk/v65/identity"
	"github.com/oracle/oci-go-sdk/v65/ons"

	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/fault"
)

// The calls that only a preflight makes. See the interfaces of package preflight.

// Close drops the connections that are not in use.
func (c *Cloud) Close() { c.network.CloseIdleConnections() }

// Claims returns the claims of the resource principal's token, without checking its signature: the services do that.
func (c *Cloud) Claims(context.Context) (claims map[string]any, err error) {
	const operation = "ResourcePrincipal"
	defer func() {
		if recover() != nil { // the SDK panics without the claim exp
			claims, err = nil, fault.New(fault.Invalid, operation, "the SDK can't read the token")
		}
	}()
	p, err := c.provider()
	if err != nil {
		return nil, fault.New(fault.Invalid, operation, "the environment describes no resource principal")
	}
	id, err := p.KeyID()
	if err != nil { // the error quotes paths, and may quote more
		return nil, fault.New(fault.Invalid, operation, "its token or key can't be read")
	}
	token, isToken := strings.CutPrefix(id, "ST$")
	parts := strings.Split(token, ".")
	if !isToken || len(parts) != 3 {
		return nil, fault.New(fault.Invalid, operation, "it has no session token")
	}
	payload, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(parts[1], "="))
	if err == nil {
		err = json.Unmarshal(payload, &claims)
	}
	if err != nil {
		return nil, fault.New(fault.Invalid, operation, "its token can't be decoded")
	}
	return claims, nil
}

// Region returns the identifier of the function's region.
func (c *Cloud) Region(context.Context) (string, error) {
	return c.ownRegion()
}

// RegionOf returns the identifier of the region in an OCID; "" if it has none.
func (c *Cloud) RegionOf(ocid string) string { return regionOf(ocid) }

// IdentityURL returns IAM's address in a region.
func (c *Cloud) IdentityURL(region string) string {
	return common.StringToRegion(region).EndpointForTemplate("identity",
		"https://identity.{region}.oci.{secondLevelDomain}") + "/"
}

// Knock makes one GET without credentials. Any answer is a success; server is its Date header, or the zero time.
func (c *Cloud) Knock(ctx context.Context, url string) (status int, server time.Time, err error) {
	type answer struct {
		status int
		server time.Time
	}
	a, err := call(ctx, c, "knock", harmless, func(ctx context.Context) (answer, error) {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return answer{}, fault.New(fault.Invalid, "knock", "the address is malformed")
		}
		resp, err := c.http.Do(r)
		if err != nil {
			return answer{}, err
		}
		defer resp.Body.Close()
		if _, err := io.Copy(io.Discard, io.LimitReader(resp.Body, 64<<10)); err != nil {
			return answer{}, err
		}
		a := answer{status: resp.StatusCode}
		if date, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
			a.server = date
		}
		return a, nil
	})
	return a.status, a.server, err
}

// TenancyIn reads the tenancy from IAM in a region.
func (c *Cloud) TenancyIn(ctx context.Context, tenancy, region string) error {
	cl, err := c.identity(region)
	if err != nil {
		return classify("GetTenancy", err)
	}
	_, err = call(ctx, c, "GetTenancy", harmless, func(ctx context.Context) (struct{}, error) {
		_, err := cl.GetTenancy(ctx, identity.GetTenancyRequest{TenancyId: &tenancy})
		return struct{}{}, err
	})
	return err
}

// User returns a user's name, lifecycle state, and the kinds of credential that the user may not have.
func (c *Cloud) User(ctx context.Context, id string) (name, state string, mayNot []credential.Kind, err error) {
	m, err := c.elsewhere(ctx, id)
	switch {
	case err != nil:
		return "", "", nil, err
	case m != nil:
		a, err := c.account(ctx, m, "")
		return m.Name, a.state(), a.mayNot(), err
	}
	cl, err := c.home(ctx)
	if err != nil {
		return "", "", nil, err
	}
	r, err := call(ctx, c, "GetUser", harmless, func(ctx context.Context) (identity.GetUserResponse, error) {
		return cl.GetUser(ctx, identity.GetUserRequest{UserId: &id})
	})
	if err != nil {
		return "", "", nil, err
	}
	return str(r.Name), string(r.LifecycleState), forbidden(r.Capabilities), nil
}

// DomainURL returns the address of a domain's API, or an error if it isn't one of identity domains in the function's
// realm: then Keyturn sends nothing to it.
func (c *Cloud) DomainURL(d credential.Domain) (string, error) {
	u, err := c.domainURL(d)
	if err != nil {
		return "", err
	}
	return u.String() + "/", nil
}

// TryDomainList makes the list with which a rotation finds a user's credentials of a kind in a domain, for a user that
// doesn't exist; with the kind "", the list with which it finds the user. The result is only whether that is allowed. A
// kind that domains don't list needs no call.
func (c *Cloud) TryDomainList(ctx context.Context, d credential.Domain, k credential.Kind) error {
	const nobody = "ocid1.user.oc1..keyturn-preflight"
	if k == "" {
		_, err := c.memberOf(ctx, d, nobody)
		return err
	}
	b, ok := domainKinds[k]
	if !ok {
		return nil
	}
	_, _, err := domainBackend{b, c, &Member{Domain: d, User: nobody}}.find(ctx)
	return err
}

// Membership finds the domain of a user, and reads from it what decides about the user's password: whether the user
// signs in with another identity provider, and has no e-mail address to which the domain could send a link. The domain
// is zero for a user of the classic API, about whom nothing is read.
func (c *Cloud) Membership(ctx context.Context, user string) (d credential.Domain, federated, noMail bool, err error) {
	m, err := c.elsewhere(ctx, user)
	if err != nil || m == nil {
		return d, false, false, err
	}
	a, err := c.account(ctx, m, passwordAttributes)
	return m.Domain, a.User.IsFederatedUser != nil && *a.User.IsFederatedUser, !a.mailed(), err
}

// forbidden lists the kinds of credential that a user may not have.
func forbidden(may *identity.UserCapabilities) (out []credential.Kind) {
	if may == nil {
		return nil
	}
	for _, k := range credential.Observed() {
		if allowed := listOf(k).may(*may); allowed != nil && !*allowed {
			out = append(out, k)
		}
	}
	return out
}

// AnyProblem returns the id of one problem of the tenancy; "" if there is none.
func (c *Cloud) AnyProblem(ctx context.Context, tenancy string) (string, error) {
	cl, err := c.cloudGuard()
	if err != nil {
		return "", classify("ListProblems", err)
	}
	r, err := call(ctx, c, "ListProblems", harmless, func(ctx context.Context) (sdk.ListProblemsResponse, error) {
		return cl.ListProblems(ctx, sdk.ListProblemsRequest{CompartmentId: &tenancy,
			CompartmentIdInSubtree: common.Bool(true),
			AccessLevel:            sdk.ListProblemsAccessLevelAccessible, Limit: common.Int(1)})
	})
	if err != nil || len(r.Items) == 0 {
		return "", err
	}
	return str(r.Items[0].Id), nil
}

// GuardConfiguration returns Cloud Guard's status and the identifier of its reporting region.
func (c *Cloud) GuardConfiguration(ctx context.Context, tenancy string) (status, reportingRegion string, err error) {
	cl, err := c.cloudGuard()
	if err != nil {
		return "", "", classify("GetConfiguration", err)
	}
	r, err := call(ctx, c, "GetConfiguration", harmless,
		func(ctx context.Context) (sdk.GetConfigurationResponse, error) {
			return cl.GetConfiguration(ctx, sdk.GetConfigurationRequest{CompartmentId: &tenancy})
		})
	if err != nil {
		return "", "", err
	}
	return string(r.Status), string(common.StringToRegion(strings.ToLower(str(r.ReportingRegion)))), nil
}

// Topic reads a topic, in the region that its OCID names.
func (c *Cloud) Topic(ctx context.Context, id string) (name, state, compartment string, err error) {
	cl, err := client(c, "ons-control", regionOf(id), ons.NewNotificationControlPlaneClientWithConfigurationProvider,
		func(cl *ons.NotificationControlPlaneClient) *common.BaseClient { return &cl.BaseClient })
	if err != nil {
		return "", "", "", classify("GetTopic", err)
	}
	r, err := call(ctx, c, "GetTopic", harmless, func(ctx context.Context) (ons.GetTopicResponse, error) {
		return cl.GetTopic(ctx, ons.GetTopicRequest{TopicId: &id})
	})
	return str(r.Name), string(r.LifecycleState), str(r.CompartmentId), err
}
