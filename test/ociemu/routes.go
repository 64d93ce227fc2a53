package ociemu

import (
	"maps"
	"net/http"
	"net/url"
	"strings"
)

// service is one emulated service: its host names are in lookupHost, its operations in its table of routes.
type service struct {
	name string
	base string // base path without slashes; empty for none
	// signed says that requests carry OCI request signatures. Other services check their credentials themselves.
	signed bool
	routes []route

	// The rest is for unsigned services. Signed ones use the form and the "not found" of OCI's APIs.

	// claims reports whether a request to the plain origin, which has no host name, is for this service.
	claims func(*http.Request) bool
	// unknown answers requests that match no route. It checks the credential first, so that "not emulated" doesn't look
	// like "not allowed".
	unknown func(*exchange) reply
	// form returns a refusal in the service's form.
	form func(x *exchange, r refusal) reply
}

// route is one operation. Path segments in braces are parameters; one that ends in "..." matches several segments. HEAD
// is GET without a body.
type route struct {
	operation string
	method    string
	path      string
	handle    func(*exchange) reply

	service  string   // set by allServices
	signed   bool     // set by allServices
	segments []string // set by allServices; with the base path
}

func allServices() []service {
	services := []service{
		identityService(), vaultService(), secretsService(), onsService(), cloudGuardService(), eventsService(),
		objectStorageService(), functionsService(functionsNow), functionsInvokeService(functionsNow),
		functionsService(functionsThen), functionsInvokeService(functionsThen), registryService(), s3Service(),
		monitoringService(), apmService(),
		kmsService(), kmsManagementService(), kmsCryptoService(), artifactsService(), scimServiceOf(), tokenService(),
	}
	for i := range services {
		s := &services[i]
		for j := range s.routes {
			r := &s.routes[j]
			r.service, r.signed = s.name, s.signed
			r.segments = segments(s.base + r.path)
		}
	}
	return services
}

// segments splits a path; a trailing slash is ignored.
func segments(path string) []string {
	path = strings.Trim(path, "/")
	if path == "" {
		return nil
	}
	return strings.Split(path, "/")
}

// findRoute finds the operation of a request: inside a tunnel by the host's service, on the plain origin only by base
// path.
func (e *Emulator) findRoute(r *http.Request, to target) (*route, map[string]string) {
	parts := segments(r.URL.EscapedPath())
	for i := range e.services {
		s := &e.services[i]
		if to.service != "" && s.name != to.service || to.service == "" && s.claims != nil && !s.claims(r) {
			continue
		}
		for j := range s.routes {
			route := &s.routes[j]
			if route.method != r.Method && (route.signed || route.method != http.MethodGet ||
				r.Method != http.MethodHead) {
				continue
			}
			if params, ok := match(route.segments, parts); ok {
				return route, params
			}
		}
	}
	return nil, nil
}

// findService finds the service of a request: by route, by host, or on the plain origin by claims.
func (e *Emulator) findService(r *http.Request, to target, found *route) *service {
	for i := range e.services {
		s := &e.services[i]
		switch {
		case found != nil:
			if s.name == found.service {
				return s
			}
		case to.service != "":
			if s.name == to.service {
				return s
			}
		case s.claims != nil && s.claims(r):
			return s
		}
	}
	return &service{signed: true}
}

func match(pattern, parts []string) (map[string]string, bool) {
	params := map[string]string{}
	for i, p := range pattern {
		if name, several := strings.CutSuffix(p, "...}"); several {
			n := len(parts) - len(pattern) + 1 // how many segments it matches
			if n < 1 {
				return nil, false
			}
			params[strings.TrimPrefix(name, "{")] = strings.Join(parts[i:i+n], "/")
			rest, ok := match(pattern[i+1:], parts[i+n:])
			maps.Copy(params, rest)
			return params, ok
		}
		if i >= len(parts) {
			return nil, false
		}
		if !strings.HasPrefix(p, "{") {
			if p != parts[i] {
				return nil, false
			}
			continue
		}
		value, err := url.PathUnescape(parts[i])
		if err != nil {
			return nil, false
		}
		params[strings.Trim(p, "{}")] = value
	}
	return params, len(pattern) == len(parts)
}
