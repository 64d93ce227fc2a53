// Package oci is the only package that calls Oracle Cloud. Start with New. The methods of a Cloud give access to the
// credentials of each kind, Vault, Cloud Guard, Notifications and the prover.
//
// Every error is a *fault.Error. Every call has a time limit within that of the context. The SDK's retries, its circuit
// breaker and its window of "eventual consistency", which turns a plain 404 into a timeout, are off. This package
// repeats calls instead (call.go), since it knows which repetitions are safe.
package oci

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"sync"
	"time"

	"github.com/oracle/oci-go-sdk/v65/common"
	"github.com/oracle/oci-go-sdk/v65/common/auth"

	"github.com/keyturn/keyturn/pkg/credential"
)

// Cloud holds the connections to OCI's services: one client per service and region, made on first use and kept. Its
// methods may be called concurrently.
type Cloud struct {
	// IdentityDomains is config.Config.IdentityDomains. Set it before the first call. If it is empty, no identity
	// domain is asked, and all users are those of the classic IAM API.
	IdentityDomains []string
	// DefaultBySCIM says that the credentials of users of the Default domain, too, are handled by the domain's own API.
	// It must be one of IdentityDomains.
	DefaultBySCIM bool

	http     *http.Client
	network  *network
	provider func() (principal, error)

	mu      sync.Mutex
	clients map[clientKey]any
	last    time.Time // end of the last call

	directory directory
	made      map[madeKey]scimID

	tenancy   onceOK[credential.Tenancy]
	namespace onceOK[string]
}

type clientKey struct{ service, region string }

// principal hides from the SDK that a configuration provider is refreshable. With a refreshable one, the SDK repeats
// every request three times after a 401, a second apart, without reading the token again (client.go of oci-go-sdk).
type principal struct{ common.ConfigurationProvider }

// New returns a Cloud that signs with the function's resource principal. It reads and connects nothing before the first
// call.
func New() *Cloud {
	return newCloud(func() (common.ConfigurationProvider, error) {
		p, err := auth.ResourcePrincipalConfigurationProvider()
		if err != nil {
			return nil, fmt.Errorf("reading the resource principal: %w", err)
		}
		return p, nil
	})
}

// NewWith returns a Cloud that signs with the given provider, for tools that run outside a function.
func NewWith(p common.ConfigurationProvider) *Cloud {
	return newCloud(func() (common.ConfigurationProvider, error) { return p, nil })
}

func newCloud(make func() (common.ConfigurationProvider, error)) *Cloud {
	readRegions()
	services := newNetwork()
	kept := &onceOK[principal]{} // failures are not kept: the platform may write the token's file later
	return &Cloud{
		// No API of OCI redirects. A captive portal does, and its page must not be read as the answer.
		http: &http.Client{Transport: limited{services}, CheckRedirect: func(*http.Request, []*http.Request) error {
			return http.ErrUseLastResponse
		}},
		network: services,
		provider: func() (principal, error) {
			return kept.get(context.Background(), func(context.Context) (principal, error) {
				p, err := make()
				if err != nil {
					return principal{}, err
				}
				return principal{p}, nil
			})
		},
		clients: map[clientKey]any{},
	}
}

// Fresh drops connections that the service may have closed while the platform froze the function between invocations:
// timers don't run in a frozen process, so the idle limit does not close them. It also forgets which users were in no
// identity domain, because they may have been added. Call it when an invocation begins.
func (c *Cloud) Fresh() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if time.Now().Round(0).Sub(c.last.Round(0)) > idleTime { // the wall clock, not the monotonic one
		c.network.renew()
	}
	maps.DeleteFunc(c.directory.members, func(_ string, l *lookup) bool {
		_, m, known := l.answer.kept()
		return known && m == nil
	})
}

// client returns the client of a service and region; an empty region is that of the function. base returns the
// BaseClient of a new client.
func client[T any, P interface {
	*T
	SetRegion(string)
}](c *Cloud, service, region string, make func(common.ConfigurationProvider) (T, error),
	base func(P) *common.BaseClient) (P, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	key := clientKey{service, region}
	if kept, ok := c.clients[key]; ok {
		return kept.(P), nil
	}
	p, err := c.provider()
	if err != nil {
		return nil, err
	}
	made, err := make(p)
	if err != nil {
		return nil, fmt.Errorf("making the %s client: %w", service, err)
	}
	cl := P(&made)
	b := base(cl)
	if err := c.setHost(b, region, cl.SetRegion); err != nil {
		return nil, err
	}
	c.tame(b)
	c.clients[key] = cl
	return cl, nil
}

// tame makes a client send its requests through Cloud, once.
func (c *Cloud) tame(b *common.BaseClient) {
	b.HTTPClient = dispatcher{c.http}
	b.Configuration.RetryPolicy = &onePlain
	b.Configuration.CircuitBreaker = nil
}

// dispatcher sends the SDK's requests. It returns errRefused for an answer that is not a success: the SDK would take
// every status below 400, even a redirection, for a success (client.go of v65.129).
type dispatcher struct{ *http.Client }

// errRefused replaces an answer that is not a success. The refusal of the call has the answer (see limited).
var errRefused = errors.New("refused")

// Do implements common.HTTPRequestDispatcher.
func (d dispatcher) Do(r *http.Request) (*http.Response, error) {
	response, err := d.Client.Do(r)
	if err != nil || succeeded(response) {
		return response, err
	}
	_ = response.Body.Close()
	return nil, errRefused
}

func succeeded(r *http.Response) bool { return r.StatusCode >= 200 && r.StatusCode < 300 }

// onePlain is the SDK's policy of one attempt, without its check for a window of eventual consistency. For each call
// the check takes a lock and a stack trace, for a log that is off (eventual_consistency.go of v65.129).
var onePlain = func() common.RetryPolicy {
	p := common.NoRetryPolicy()
	p.DeterminePolicyToUse = func(same common.RetryPolicy) (common.RetryPolicy, *time.Time, float64) {
		return same, nil, 1
	}
	return p
}()

// onceOK keeps the first answer that is not an error. One caller asks at a time. The others wait for the answer, each
// until its context ends.
type onceOK[T any] struct {
	mu   sync.Mutex
	done bool
	v    T
	turn chan struct{} // full while a caller asks
}

func (o *onceOK[T]) get(ctx context.Context, ask func(context.Context) (T, error)) (T, error) {
	turn, v, done := o.kept()
	if done {
		return v, nil
	}
	var none T
	select {
	case turn <- struct{}{}:
		defer func() { <-turn }()
	case <-ctx.Done():
		return none, context.Cause(ctx)
	}
	_, v, done = o.kept()
	if done {
		return v, nil
	}
	v, err := ask(ctx)
	if err != nil {
		return v, err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.v, o.done = v, true
	return v, nil
}

// kept returns the answer if there is one, and the channel with which callers take turns.
func (o *onceOK[T]) kept() (turn chan struct{}, v T, done bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.turn == nil {
		o.turn = make(chan struct{}, 1)
	}
	return o.turn, o.v, o.done
}
