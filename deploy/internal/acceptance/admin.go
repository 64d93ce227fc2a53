package acceptance

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/oracle/oci-go-sdk/v65/cloudguard"
	"github.com/oracle/oci-go-sdk/v65/common"
	"github.com/oracle/oci-go-sdk/v65/functions"
	"github.com/oracle/oci-go-sdk/v65/identity"
	"github.com/oracle/oci-go-sdk/v65/ons"
	"github.com/oracle/oci-go-sdk/v65/secrets"
	"github.com/oracle/oci-go-sdk/v65/vault"

	"github.com/keyturn/keyturn/pkg/clock"
	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/oci"
)

// admin is the person who runs the command, with the SDK's clients. The SDK's own retries are off: a probe needs the
// first answer.
type admin struct {
	provider common.ConfigurationProvider
	cloud    *oci.Cloud
	web      *http.Client // for one call
	patient  *http.Client // for one invocation
	domain   *domainAnswers

	tenancy, home, namespace string
	hosts                    credential.Hosts // in the home region
	regions                  []string         // other subscribed regions

	members      map[string]member // users in identity domains that the run created, by OCID
	unauthorized map[string]int    // how often a domain has refused the administrator with 401, by request

	identity   identity.IdentityClient
	vault      vault.VaultsClient
	secrets    secrets.SecretsClient
	functions  functions.FunctionsManagementClient
	ons        ons.NotificationDataPlaneClient
	cloudguard cloudguard.CloudGuardClient
}

// The time limits of a call and of an invocation. OCI ends an invocation after 5 minutes.
const (
	callTime   = time.Minute
	invokeTime = 5*time.Minute + 30*time.Second
)

// newAdmin makes the clients, and looks up the home region and the namespace.
func newAdmin(ctx context.Context, p common.ConfigurationProvider) (*admin, error) {
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment, TLSHandshakeTimeout: 10 * time.Second,
		MaxIdleConnsPerHost: 4, ForceAttemptHTTP2: true}
	domain := &domainAnswers{through: transport, seen: map[string]int{}}
	a := &admin{provider: p, cloud: oci.NewWith(p), domain: domain, web: &http.Client{Transport: domain,
		Timeout: callTime},
		patient: &http.Client{Transport: transport, Timeout: invokeTime},
		members: map[string]member{}, unauthorized: map[string]int{}}
	var errs [7]error
	a.tenancy, errs[0] = p.TenancyOCID()
	a.identity, errs[1] = identity.NewIdentityClientWithConfigurationProvider(p)
	a.vault, errs[2] = vault.NewVaultsClientWithConfigurationProvider(p)
	a.secrets, errs[3] = secrets.NewSecretsClientWithConfigurationProvider(p)
	a.functions, errs[4] = functions.NewFunctionsManagementClientWithConfigurationProvider(p)
	a.ons, errs[5] = ons.NewNotificationDataPlaneClientWithConfigurationProvider(p)
	a.cloudguard, errs[6] = cloudguard.NewCloudGuardClientWithConfigurationProvider(p)
	if err := errors.Join(errs[:]...); err != nil {
		return nil, fmt.Errorf("making the clients: %w", err)
	}
	for _, b := range []*common.BaseClient{&a.identity.BaseClient, &a.vault.BaseClient, &a.secrets.BaseClient,
		&a.functions.BaseClient, &a.ons.BaseClient, &a.cloudguard.BaseClient} {
		a.plain(b)
	}
	return a, a.whoAmI(ctx)
}

// plain turns off a client's retries and circuit breaker.
func (a *admin) plain(b *common.BaseClient) {
	never := common.NoRetryPolicy()
	b.HTTPClient, b.Configuration.RetryPolicy, b.Configuration.CircuitBreaker = a.web, &never, nil
}

func (a *admin) whoAmI(ctx context.Context) error {
	subscriptions, err := ask(ctx, a.identity.ListRegionSubscriptions, identity.ListRegionSubscriptionsRequest{
		TenancyId: &a.tenancy})
	if err != nil {
		return fmt.Errorf("reading the home region (is the configuration an administrator's?): %s", detailed(err))
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
	a.namespace, err = a.cloud.Namespace(ctx)
	if err != nil {
		return fmt.Errorf("reading the Object Storage namespace: %w", err)
	}
	a.hosts, err = oci.HostsOf(a.home, a.namespace)
	if err != nil {
		return fmt.Errorf("finding the hosts of the home region: %w", err)
	}
	return nil
}

// at points the clients of regional services to the regions of the function and of the vault, as their OCIDs name them.
func (a *admin) at(function, secret string) {
	a.functions.SetRegion(longRegion(function))
	a.ons.SetRegion(longRegion(function))
	a.cloudguard.SetRegion(longRegion(function))
	a.vault.SetRegion(longRegion(secret))
	a.secrets.SetRegion(longRegion(secret))
}

func longRegion(inOCID string) string { return string(common.StringToRegion(inOCID)) }

// retry repeats a call up to 10 times, with growing pauses, while again reports true for its error. A call that has
// begun is finished even when ctx ends.
func retry[T any](ctx context.Context, again func(error) bool, call func(context.Context) (T, error)) (T, error) {
	for attempt := 1; ; attempt++ {
		v, err := call(context.WithoutCancel(ctx))
		if err == nil || !again(err) || attempt == 10 || sleep(ctx, pauseOf(attempt)) != nil {
			return v, err
		}
	}
}

// patiently retries while OCI throttles a call or is still applying an earlier change. The call must be safe to repeat.
func patiently[T any](ctx context.Context, call func(context.Context) (T, error)) (T, error) {
	return retry(ctx, func(err error) bool {
		status, code := answer(err)
		return status == http.StatusTooManyRequests || status >= 500 || status == 0 || code == "IncorrectState" ||
			status == http.StatusUnauthorized && (code == domainCode || byDomain(err))
	}, call)
}

// ask makes one of the SDK's calls patiently.
func ask[Q, A any](ctx context.Context, call func(context.Context, Q) (A, error), request Q) (A, error) {
	return patiently(ctx, func(ctx context.Context) (A, error) { return call(ctx, request) })
}

// once retries only while OCI throttles the call: a throttled call had no effect.
func once[T any](ctx context.Context, call func(context.Context) (T, error)) (T, error) {
	return retry(ctx, func(err error) bool { return statusIs(err, http.StatusTooManyRequests) }, call)
}

// pauseOf grows from 50 ms to 5 s.
func pauseOf(attempt int) time.Duration {
	return min(50*time.Millisecond<<min(attempt, 10), 5*time.Second)
}

var sleep = clock.System{}.Sleep

// until repeats done with growing pauses until it reports true or an error, for at most the given time.
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

// answer is the status and code of a refusal; the status is 0 for no answer and for no error.
func answer(err error) (int, string) {
	var e common.ServiceError
	if errors.As(err, &e) {
		return e.GetHTTPStatusCode(), e.GetCode()
	}
	return 0, ""
}

// statusIs reports whether a service has refused with one of the statuses.
func statusIs(err error, statuses ...int) bool {
	status, _ := answer(err)
	return status != 0 && slices.Contains(statuses, status)
}

// seen is the status and code of an error, such as "404 NotAuthorizedOrNotFound".
func seen(err error) string {
	if err == nil {
		return "accepted"
	}
	if status, code := answer(err); status != 0 {
		return strings.TrimSpace(fmt.Sprintf("%d %s", status, code))
	}
	return "no answer"
}

// seenOr is seen, or the error's text if no service has answered.
func seenOr(err error) string {
	if status, _ := answer(err); status != 0 {
		return seen(err)
	}
	return err.Error()
}

// detailed is an error with the service's message. Use it only for calls that carry no value of a credential.
func detailed(err error) string {
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

func pick(condition bool, yes, no string) string {
	if condition {
		return yes
	}
	return no
}

func status(r *http.Response) int {
	if r == nil {
		return 0
	}
	return r.StatusCode
}
