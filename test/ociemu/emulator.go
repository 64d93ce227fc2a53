package ociemu

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Emulator is a running emulator. Its methods are safe for concurrent use.
type Emulator struct {
	opts     Options
	services []service
	dir      string
	listener net.Listener
	origin   *http.Server // serves the listener: CONNECT, the plain origin, the control routes
	tunnels  *http.Server // serves the CONNECT tunnels
	arrivals *tunnelQueue
	controls *http.ServeMux
	ca       *authority
	issuer   *rsa.PrivateKey
	dataKey  string    // of the collector of traces
	started  time.Time // by the services' clock
	ctx      context.Context
	cancel   context.CancelFunc

	mu       sync.Mutex // guards state, ids, hooks and policies
	state    *state
	hooks    []func(View)
	policies *Policies // nil: none
	keys     int       // RSA keys of keyPool in use here

	roundTrip  atomic.Int64 // a time.Duration
	forward    atomic.Int64 // a time.Duration; see Forward
	listLag    atomic.Int64 // a time.Duration; see SetListLag
	spreading  atomic.Pointer[Spread]
	domain     domainRefusals
	faults     faultBook
	history    history
	deliveries deliveries
	serving    *work // running requests
}

// Start starts an emulator on a loopback port. The caller must close it.
func Start(opts Options) (*Emulator, error) {
	opts = opts.withDefaults()
	if err := opts.Answers.validate(); err != nil {
		return nil, err
	}
	if err := opts.validateDomains(); err != nil {
		return nil, err
	}
	for _, region := range append([]string{opts.Region, opts.HomeRegion, opts.ReportingRegion}, opts.Regions...) {
		if regionKey(region) == "" {
			return nil, fmt.Errorf("ociemu: region %q is not in the commercial realm", region)
		}
	}
	ca, err := newAuthority()
	if err != nil {
		return nil, fmt.Errorf("making the certificate authority: %w", err)
	}
	issuer, err := issuerKey()
	if err != nil {
		return nil, fmt.Errorf("making the token issuer's key: %w", err)
	}
	dir, err := os.MkdirTemp("", "ociemu-")
	if err != nil {
		return nil, fmt.Errorf("making the emulator's folder: %w", err)
	}
	e := &Emulator{opts: opts, dir: dir, ca: ca, issuer: issuer, dataKey: rand.Text(), arrivals: newTunnelQueue(),
		state: newState(opts)}
	e.deliveries = deliveries{work: newWork(), functions: map[string]Function{}}
	e.serving = newWork()
	e.SetRoundTrip(opts.RoundTrip)
	e.SetSpread(opts.Spread)
	e.SetListLag(opts.ListLag)
	e.started = e.now()
	e.ctx, e.cancel = context.WithCancel(context.Background())
	e.services = allServices()
	e.controls = e.controlRoutes()
	if err := e.listen(); err != nil {
		e.cancel()
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return e, nil
}

// New starts an emulator for one test and closes it when the test ends.
func New(t testing.TB, opts Options) *Emulator {
	t.Helper()
	e, err := Start(opts)
	if err != nil {
		t.Fatalf("starting the OCI emulator: %v", err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Errorf("closing the OCI emulator: %v", err)
		}
	})
	return e
}

func (e *Emulator) listen() error {
	if err := os.WriteFile(e.CAFile(), e.ca.pem, 0o600); err != nil {
		return fmt.Errorf("writing the CA file: %w", err)
	}
	var err error
	e.listener, err = net.Listen("tcp", e.opts.Addr)
	if err != nil {
		return fmt.Errorf("listening: %w", err)
	}
	if host, _, err := net.SplitHostPort(e.listener.Addr().String()); err != nil || !net.ParseIP(host).IsLoopback() {
		return errors.Join(fmt.Errorf("ociemu: %s is not a loopback address; the control routes need no password",
			e.opts.Addr), e.listener.Close())
	}
	e.origin = &http.Server{Handler: http.HandlerFunc(e.serveOrigin), ReadHeaderTimeout: time.Minute,
		ErrorLog: quietLog(e.opts.Log)}
	e.tunnels = &http.Server{
		Handler: http.HandlerFunc(e.serveTunnel), ConnContext: withTarget,
		ReadHeaderTimeout: time.Minute, ErrorLog: quietLog(e.opts.Log),
	}
	go e.origin.Serve(e.listener)  // ends with ErrServerClosed at Close
	go e.tunnels.Serve(e.arrivals) // ends the same way
	return nil
}

// Close ends all connections, deliveries and held calls, and deletes the emulator's folder. It cancels the context of
// running functions, and waits for them and for running requests.
func (e *Emulator) Close() error {
	e.cancel()
	err := errors.Join(e.origin.Close(), e.tunnels.Close())
	e.serving.wait()
	e.deliveries.wait()
	return errors.Join(err, os.RemoveAll(e.dir))
}

// URL is the plain origin, http://127.0.0.1:PORT: it serves every service by its base path, and the control routes
// under /_emulator/. The same URL is the HTTPS proxy.
func (e *Emulator) URL() string { return "http://" + e.listener.Addr().String() }

// CAFile is the path of the PEM file with the CA certificate.
func (e *Emulator) CAFile() string { return filepath.Join(e.dir, "ca.pem") }

// Env is the environment ("KEY=value") in which an unmodified program uses the emulator as this principal.
func (e *Emulator) Env(p Principal) []string {
	region := e.opts.Region
	return []string{
		"HTTPS_PROXY=" + e.URL(), "https_proxy=" + e.URL(), "NO_PROXY=", "no_proxy=",
		"SSL_CERT_FILE=" + e.CAFile(), "SSL_CERT_DIR=" + filepath.Dir(p.KeyFile), // trust no other authority
		"OCI_RESOURCE_PRINCIPAL_VERSION=2.2",
		"OCI_RESOURCE_PRINCIPAL_RPST=" + p.TokenFile,
		"OCI_RESOURCE_PRINCIPAL_PRIVATE_PEM=" + p.KeyFile,
		"OCI_RESOURCE_PRINCIPAL_REGION=" + region,
		fmt.Sprintf(
			`OCI_REGION_METADATA={"realmDomainComponent":"oraclecloud.com","realmKey":"oc1","regionIdentifier":%q,"regionKey":%q}`,
			region, regionKey(region)),
	}
}

// Client returns a new client. Its https requests use the emulator's proxy and CA, regardless of the environment.
func (e *Emulator) Client() *http.Client {
	proxy := &url.URL{Scheme: "http", Host: e.listener.Addr().String()}
	return &http.Client{Timeout: time.Minute, Transport: &http.Transport{
		Proxy: func(r *http.Request) (*url.URL, error) {
			if r.URL.Scheme == "https" {
				return proxy, nil
			}
			return nil, nil // the plain origin needs no proxy
		},
		TLSClientConfig: &tls.Config{RootCAs: e.ca.pool(), MinVersion: tls.VersionTLS12},
		MaxIdleConns:    20,
		IdleConnTimeout: time.Minute,
	}}
}

// SetCreatedOffset sets what is added to the timeCreated of all new resources: -90*24*time.Hour makes them 90 days old.
func (e *Emulator) SetCreatedOffset(d time.Duration) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.state.createdOffset = d
}

// Tenancy is the OCID of the tenancy, which is also its root compartment.
func (e *Emulator) Tenancy() string { return e.state.tenancy }

// Namespace is the object storage namespace of the tenancy.
func (e *Emulator) Namespace() string { return e.state.namespace }

// Region is the region of the function and of the plain origin.
func (e *Emulator) Region() string { return e.opts.Region }
