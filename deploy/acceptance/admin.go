package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/oracle/oci-go-sdk/v65/cloudguard"
	"github.com/oracle/oci-go-sdk/v65/common"
	"github.com/oracle/oci-go-sdk/v65/functions"
	"github.com/oracle/oci-go-sdk/v65/identity"
	"github.com/oracle/oci-go-sdk/v65/objectstorage"
	"github.com/oracle/oci-go-sdk/v65/ons"
	"github.com/oracle/oci-go-sdk/v65/secrets"
	"github.com/oracle/oci-go-sdk/v65/vault"

	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/oci"
)

// admin has the rights of the person who runs the command, and the SDK's clients for them. The SDK's own retries are
// off: a probe wants to see the first answer.
type admin struct {
	provider common.ConfigurationProvider
	web      *http.Client // one call
	domain   *domainAnswers
	patient  *http.Client // one invocation

	tenancy, user, home, namespace string
	hosts                          credential.Hosts // of the home region
	regions                        []string         // others to which the tenancy is subscribed

	identity   identity.IdentityClient
	vault      vault.VaultsClient
	secrets    secrets.SecretsClient
	functions  functions.FunctionsManagementClient
	ons        ons.NotificationDataPlaneClient
	cloudguard cloudguard.CloudGuardClient
}

// The longest that one call and one invocation may take. OCI ends an invocation after 5 minutes.
const (
	callTime   = time.Minute
	invokeTime = 5*time.Minute + 30*time.Second
)

// newAdmin reads the configuration file and asks who it is and where the home region is.
func newAdmin(ctx context.Context, file, profile string) (*admin, error) {
	p, err := common.ConfigurationProviderFromFileWithProfile(file, profile, "")
	if err != nil {
		return nil, fmt.Errorf("reading -config %s: %w", file, err)
	}
	if ok, err := common.IsConfigurationProviderValid(p); !ok || err != nil {
		return nil, fmt.Errorf("-config %s has no usable profile %s (user, tenancy, region, fingerprint and "+
			"key_file are needed): %w", file, profile, err)
	}
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment, TLSHandshakeTimeout: 10 * time.Second,
		MaxIdleConnsPerHost: 4, ForceAttemptHTTP2: true}
	domain := &domainAnswers{through: transport, seen: map[string]int{}}
	a := &admin{provider: p, domain: domain, web: &http.Client{Transport: domain, Timeout: callTime},
		patient: &http.Client{Transport: transport, Timeout: invokeTime}}
	var errs [8]error
	a.tenancy, errs[0] = p.TenancyOCID()
	a.user, errs[1] = p.UserOCID()
	a.identity, errs[2] = identity.NewIdentityClientWithConfigurationProvider(p)
	a.vault, errs[3] = vault.NewVaultsClientWithConfigurationProvider(p)
	a.secrets, errs[4] = secrets.NewSecretsClientWithConfigurationProvider(p)
	a.functions, errs[5] = functions.NewFunctionsManagementClientWithConfigurationProvider(p)
	a.ons, errs[6] = ons.NewNotificationDataPlaneClientWithConfigurationProvider(p)
	a.cloudguard, errs[7] = cloudguard.NewCloudGuardClientWithConfigurationProvider(p)
	if err := errors.Join(errs[:]...); err != nil {
		return nil, fmt.Errorf("making the clients: %w", err)
	}
	for _, b := range []*common.BaseClient{&a.identity.BaseClient, &a.vault.BaseClient, &a.secrets.BaseClient,
		&a.functions.BaseClient, &a.ons.BaseClient, &a.cloudguard.BaseClient} {
		a.plain(b)
	}
	return a, a.whoAmI(ctx)
}

// plain takes the SDK's retries and its circuit breaker off a client.
func (a *admin) plain(b *common.BaseClient) {
	never := common.NoRetryPolicy()
	b.HTTPClient, b.Configuration.RetryPolicy, b.Configuration.CircuitBreaker = a.web, &never, nil
}

func (a *admin) whoAmI(ctx context.Context) error {
	subscriptions, err := patiently(ctx, func(ctx context.Context) (identity.ListRegionSubscriptionsResponse, error) {
		return a.identity.ListRegionSubscriptions(ctx, identity.ListRegionSubscriptionsRequest{TenancyId: &a.tenancy})
	})
	if err != nil {
		return fmt.Errorf("asking for the home region (is the configuration an administrator's?): %s", told(err))
	}
	for _, s := range subscriptions.Items {
		if s.IsHomeRegion != nil && *s.IsHomeRegion {
			a.home = text(s.RegionName)
		} else {
			a.regions = append(a.regions, text(s.RegionName))
		}
	}
	if a.home == "" {
		return errors.New("the tenancy shows no home region")
	}
	a.identity.SetRegion(a.home)
	storage, err := objectstorage.NewObjectStorageClientWithConfigurationProvider(a.provider)
	if err != nil {
		return fmt.Errorf("making the clients: %w", err)
	}
	a.plain(&storage.BaseClient)
	n, err := patiently(ctx, func(ctx context.Context) (objectstorage.GetNamespaceResponse, error) {
		return storage.GetNamespace(ctx, objectstorage.GetNamespaceRequest{})
	})
	if err != nil {
		return fmt.Errorf("asking for the Object Storage namespace: %s", told(err))
	}
	a.namespace = text(n.Value)
	if a.hosts, err = oci.HostsOf(a.home, a.namespace); err != nil {
		return fmt.Errorf("finding the hosts of the home region: %w", err)
	}
	return nil
}

// at points the clients of regional services to the regions of the function and of the vault, as OCIDs have them.
func (a *admin) at(function, secret string) {
	a.functions.SetRegion(longRegion(function))
	a.ons.SetRegion(longRegion(function))
	a.cloudguard.SetRegion(longRegion(function))
	a.vault.SetRegion(longRegion(secret))
	a.secrets.SetRegion(longRegion(secret))
}

func longRegion(inOCID string) string { return string(common.StringToRegion(inOCID)) }

// patiently makes a call until it is neither throttled nor refused because something is still settling. It is for
// calls that may be repeated. A call that has begun is finished also when ctx ends.
func patiently[T any](ctx context.Context, call func(context.Context) (T, error)) (T, error) {
	for attempt := 1; ; attempt++ {
		v, err := call(context.WithoutCancel(ctx))
		status, code := answer(err)
		again := status == http.StatusTooManyRequests || status >= 500 || status == 0 || code == "IncorrectState" ||
			status == http.StatusUnauthorized && code == domainCode
		if err == nil || !again || attempt == 10 || sleep(ctx, pauseOf(attempt)) != nil {
			return v, err
		}
	}
}

// pauseOf grows from 50 ms to 5 s.
func pauseOf(attempt int) time.Duration {
	return min(50*time.Millisecond<<min(attempt, 10), 5*time.Second)
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// until asks again and again, with growing pauses, until done or an error, for so long at most.
func until(ctx context.Context, most time.Duration, done func() (bool, error)) (took time.Duration, err error) {
	began := time.Now()
	for attempt := 0; ; attempt++ {
		ok, err := done()
		took = time.Since(began)
		switch {
		case ok || err != nil:
			return took, err
		case took > most:
			return took, fmt.Errorf("not within %s", most)
		}
		if err := sleep(ctx, pauseOf(attempt)); err != nil {
			return took, err
		}
	}
}

// answer is the status and code of a refusal; 0 for no answer at all, and for no error.
func answer(err error) (int, string) {
	var e common.ServiceError
	if errors.As(err, &e) {
		return e.GetHTTPStatusCode(), e.GetCode()
	}
	return 0, ""
}

// seen is a refusal in two words, "404 NotAuthorizedOrNotFound".
func seen(err error) string {
	if err == nil {
		return "accepted"
	}
	if status, code := answer(err); status != 0 {
		return fmt.Sprintf("%d %s", status, code)
	}
	return "no answer"
}

// told is a refusal with the service's words. It is for calls that carry no value of a credential.
func told(err error) string {
	var e common.ServiceError
	if !errors.As(err, &e) {
		return err.Error()
	}
	return fmt.Sprintf("%s: %s (opc-request-id %s)", seen(err), strings.Join(strings.Fields(e.GetMessage()), " "),
		e.GetOpcRequestID())
}

func text(p *string) string {
	if p == nil {
		return ""
	}
	return *p
}

func status(r *http.Response) int {
	if r == nil {
		return 0
	}
	return r.StatusCode
}
