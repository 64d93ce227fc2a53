package ociemu

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// Identity domains. The classic IAM API lists them and serves the users of the Default domain. Each domain serves its
// own users with SCIM on a host of its own; see scim.go. Both APIs work on the same users and credentials.

// DefaultDomain is the name of the domain that every tenancy with identity domains has.
const DefaultDomain = "Default"

// DomainSeed describes an identity domain to add.
type DomainSeed struct {
	// Name is the display name.
	Name string
	// Compartment is an OCID. Empty: the root compartment.
	Compartment string
	// HomeRegion is where the domain's own API runs. Empty: Options.HomeRegion.
	HomeRegion string
	// State is the lifecycle state. Empty: ACTIVE. Any other makes the domain refuse all SCIM calls.
	State string
	// Type is DEFAULT or SECONDARY. Empty: SECONDARY.
	Type string
	// License is the license type. Empty: free.
	License string
	// Hidden hides the domain on the sign-in page.
	Hidden bool
}

// Domain is a snapshot of an identity domain.
type Domain struct {
	ID            string `json:"id"`
	Name          string `json:"name"`
	Compartment   string `json:"compartment"`
	HomeRegion    string `json:"homeRegion"`
	Type          string `json:"type"`
	State         string `json:"state"`
	URL           string `json:"url"`
	HomeRegionURL string `json:"homeRegionUrl"`
}

// domain is an identity domain. Only the fields from down on change; Emulator.mu guards them.
type domain struct {
	seed    DomainSeed
	id, key string
	created time.Time
	down    bool
	roles   map[string]bool   // OCIDs of the principals with an administrator role
	names   map[string]string // OCIDs of the users that AddDomainUser added, by name in small letters
	recent  []time.Time       // of the calls of the last minute, for Options.DomainRate
}

const domainRealm = "oraclecloud.com"

// host is the region-agnostic host of the domain's own API.
func (d *domain) host() string { return "idcs-" + d.key + ".identity." + domainRealm }

// homeHost is the host of the same API in the domain's home region. The form of the name is not documented.
func (d *domain) homeHost() string {
	return fmt.Sprintf("idcs-%s.%s-idcs-1.identity.%s.oci.%s", d.key, d.seed.HomeRegion, d.seed.HomeRegion, domainRealm)
}

func (d *domain) url() string { return "https://" + d.host() + ":443" }

func (d *domain) isDefault() bool { return d.seed.Type == "DEFAULT" }

func (d *domain) snapshot() Domain {
	return Domain{ID: d.id, Name: d.seed.Name, Compartment: d.seed.Compartment, HomeRegion: d.seed.HomeRegion,
		Type: d.seed.Type, State: d.seed.State, URL: d.url(), HomeRegionURL: "https://" + d.homeHost() + ":443"}
}

// addDomain adds a domain. Its ids have a source of their own, so that domains don't change the other OCIDs of a run.
func (s *state) addDomain(seed DomainSeed, home string, now time.Time) *domain {
	seed.Compartment = orDefault(seed.Compartment, s.tenancy)
	seed.HomeRegion = orDefault(seed.HomeRegion, home)
	seed.State = orDefault(seed.State, "ACTIVE")
	seed.Type = orDefault(seed.Type, "SECONDARY")
	seed.License = orDefault(seed.License, "free")
	d := &domain{seed: seed, id: s.domainIDs.ocid("domain", ""), key: s.domainIDs.hex(32), created: now,
		roles: map[string]bool{}, names: map[string]string{}}
	s.domains = append(s.domains, d)
	s.subscribe(seed.HomeRegion)
	return d
}

// validate reports a seed that no domain can have.
func (seed DomainSeed) validate() error {
	switch {
	case seed.Name == "":
		return errors.New("ociemu: an identity domain needs a name")
	case seed.HomeRegion != "" && regionKey(seed.HomeRegion) == "":
		return fmt.Errorf("ociemu: region %q is not in the commercial realm", seed.HomeRegion)
	case seed.Type == "DEFAULT":
		return errors.New("ociemu: there is one DEFAULT domain; Options.WithoutDomains removes it")
	}
	return nil
}

// validateDomains checks the answers and the seeds of domains.
func (o Options) validateDomains() error {
	names := map[string]bool{DefaultDomain: true}
	for _, seed := range o.Domains {
		switch err := seed.validate(); {
		case err != nil:
			return err
		case o.WithoutDomains:
			return errors.New("ociemu: Options.Domains need a tenancy with domains")
		case names[seed.Name]:
			return fmt.Errorf("ociemu: there are two domains %q", seed.Name)
		}
		names[seed.Name] = true
	}
	return o.DomainAnswers.validate()
}

// AddDomain adds an identity domain and returns its OCID.
func (e *Emulator) AddDomain(seed DomainSeed) string {
	if err := seed.validate(); err != nil {
		panic(err.Error())
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	switch s := e.state; {
	case e.opts.WithoutDomains:
		panic("ociemu: the tenancy is without domains")
	case s.domain(seed.Name) != nil:
		panic("ociemu: there is a domain " + seed.Name)
	}
	d := e.state.addDomain(seed, e.opts.HomeRegion, e.now())
	e.notifyLocked()
	return d.id
}

// Domain returns a snapshot of a domain by OCID or display name, or the zero Domain.
func (e *Emulator) Domain(nameOrID string) Domain {
	e.mu.Lock()
	defer e.mu.Unlock()
	if d := e.state.domain(nameOrID); d != nil {
		return d.snapshot()
	}
	return Domain{}
}

// Domains returns snapshots of all domains; the first is the Default domain.
func (e *Emulator) Domains() []Domain {
	e.mu.Lock()
	defer e.mu.Unlock()
	var list []Domain
	for _, d := range e.state.domains {
		list = append(list, d.snapshot())
	}
	return list
}

// SetDomainDown makes a domain, by OCID or display name, answer every call with 503, or ends that.
func (e *Emulator) SetDomainDown(nameOrID string, down bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.mustDomain(nameOrID).down = down
}

// GrantDomainRole gives a principal an administrator role of a domain; see AuthorizationAppRole.
func (e *Emulator) GrantDomainRole(nameOrID, principal string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.mustDomain(nameOrID).roles[principal] = true
}

func (e *Emulator) mustDomain(nameOrID string) *domain {
	d := e.state.domain(nameOrID)
	if d == nil {
		panic("ociemu: no domain " + nameOrID)
	}
	return d
}

func (s *state) domain(nameOrID string) *domain {
	return find(s.domains, func(d *domain) bool { return d.id == nameOrID || d.seed.Name == nameOrID })
}

// defaultDomain is nil in a tenancy without domains.
func (s *state) defaultDomain() *domain {
	if len(s.domains) == 0 {
		return nil
	}
	return s.domains[0]
}

// domainAt returns the domain that a host name leads to, or nil.
func (e *Emulator) domainAt(host string) *domain {
	e.mu.Lock()
	defer e.mu.Unlock()
	host = strings.TrimSuffix(host, ":443")
	return find(e.state.domains, func(d *domain) bool { return host == d.host() || host == d.homeHost() })
}

// lookup resolves the host name of a service or of an identity domain.
func (e *Emulator) lookup(host string) (target, bool) {
	if d := e.domainAt(host); d != nil {
		return target{service: scimService, region: d.seed.HomeRegion, host: host}, true
	}
	return lookupHost(host)
}

// enterDomain finds the domain of a SCIM call. Requests to the plain origin choose it by their Host header; others are
// for the Default domain.
func (x *exchange) enterDomain() {
	switch {
	case x.to.service == scimService:
		x.domain = x.e.domainAt(x.to.host)
	case x.to.service == "" && (strings.HasPrefix(x.http.URL.Path, "/"+scimBase+"/") ||
		strings.HasPrefix(x.http.URL.Path, "/oauth2/")):
		x.domain = x.e.domainAt(x.http.Host)
		if x.domain == nil {
			x.e.mu.Lock()
			x.domain = x.e.state.defaultDomain()
			x.e.mu.Unlock()
		}
	}
	if x.domain != nil {
		x.call.Domain, x.call.Region = x.domain.seed.Name, x.domain.seed.HomeRegion
	}
}

// namesPort reports whether the request's Host header, which its signature covers, has the port of the domain's URL.
func (x *exchange) namesPort() bool {
	if x.domain == nil || x.e.opts.DomainAnswers.HostPort == HostPortOptional {
		return true
	}
	name, port := strings.CutSuffix(x.http.Host, ":443")
	return port || name != x.domain.host() && name != x.domain.homeHost()
}

// listDomains lists the domains of one compartment.
func listDomains(x *exchange) reply {
	compartment := x.query.Get("compartmentId")
	switch {
	case compartment == "":
		return errMissing.because("The compartmentId is missing.").reply()
	case x.e.opts.WithoutDomains:
		return errNotFound.reply()
	}
	list := []map[string]any{}
	for _, d := range x.e.state.domains {
		body := d.body()
		fits := d.seed.Compartment == compartment
		for _, field := range []string{"displayName", "url", "homeRegionUrl", "type", "licenseType", "lifecycleState",
			"isHiddenOnLogin"} {
			want := x.query.Get(field)
			fits = fits && (want == "" || want == fmt.Sprint(body[field]))
		}
		if name := x.query.Get("name"); fits && (name == "" || name == d.seed.Name) {
			list = append(list, body)
		}
	}
	return listReply(x, list, bare)
}

func getDomain(x *exchange) reply {
	d := find(x.e.state.domains, func(d *domain) bool { return d.id == x.params["domainId"] })
	if d == nil {
		return errNotFound.reply()
	}
	return ok(d.body()).with("etag", x.e.state.ids.etagOf(d.id))
}

func (d *domain) body() map[string]any {
	snap := d.snapshot()
	return map[string]any{
		"id": d.id, "compartmentId": snap.Compartment, "displayName": snap.Name, "description": snap.Name,
		"url": snap.URL, "homeRegionUrl": snap.HomeRegionURL, "homeRegion": snap.HomeRegion,
		"replicaRegions": []any{}, "type": snap.Type, "licenseType": d.seed.License, "isHiddenOnLogin": d.seed.Hidden,
		"timeCreated": timestamp(d.created), "lifecycleState": snap.State,
		"freeformTags": map[string]string{}, "definedTags": map[string]any{},
	}
}

// theDomain aims at the domain in the path. The Policy Reference has other names of variables for a domain than for a
// domain's users (iampolicyreference.htm, "Supported Variables").
func theDomain(x *exchange) (aim, bool) {
	d := find(x.e.state.domains, func(d *domain) bool { return d.id == x.params["domainId"] })
	if d == nil {
		return aim{}, false
	}
	return aim{d.seed.Compartment, map[string]string{"target.domain.id": d.id,
		"target.domain.name": d.seed.Name}}, true
}

// variables are those for conditions on users and credentials.
func (d *domain) variables() map[string]string {
	return map[string]string{"target.resource.domain.id": d.id, "target.resource.domain.name": d.seed.Name}
}

// derived makes an id from a text, without the source of ids.
func derived(s *state, text string) [32]byte { return sha256.Sum256([]byte(s.tenancy + " " + text)) }

// scimIDOf is the SCIM id of a resource: 32 hexadecimal digits.
func scimIDOf(s *state, text string) string {
	sum := derived(s, "scim "+text)
	return hex.EncodeToString(sum[:16])
}

// domainRoutes are the operations of the classic API on domains.
func domainRoutes() []route {
	return []route{
		{operation: "ListDomains", method: http.MethodGet, path: "/domains", handle: listDomains},
		{operation: "GetDomain", method: http.MethodGet, path: "/domains/{domainId}", handle: getDomain},
	}
}
