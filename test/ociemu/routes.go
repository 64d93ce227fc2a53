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
	// signed says that requests carry OCI request signatures; the others check their credentials themselves.
	signed bool
	routes []route

	// The rest is for unsigned services. A signed one has the form, and the "not found", of OCI's APIs.

	// claims says whether a request to the plain origin, where no host tells, is for this service.
	claims func(*http.Request) bool
	// unknown answers what no route fits, after it has checked the credential: nobody may take "not emulated" for "not
	// allowed".
	unknown func(*exchange) reply
	// form writes a refusal as the service does.
	form func(x *exchange, r refusal) reply
}

// route is one operation. Path segments in braces are parameters; one that ends in "..." is several segments. HEAD is
// GET without a body.
type route struct {
	operation string
	method    string
	path      string
	handle    func(*exchange) reply

	service  string   // filled by allServices
	signed   bool     // likewise
	segments []string // likewise, with the base path
}

func allServices() []service {
	services := []service{
		identityService(), vaultService(), secretsService(), onsService(), cloudGuardService(), eventsService(),
		objectStorageService(), functionsService(functionsNow), functionsInvokeService(functionsNow),
		functionsService(functionsThen), functionsInvokeService(functionsThen), registryService(), s3Service(),
		monitoringService(), apmService(),
		kmsService(),
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

// segments cuts a path; a trailing slash is ignored.
func segments(path string) []string {
	path = strings.Trim(path, "/")
	if path == "" {
		return nil
	}
	return strings.Split(path, "/")
}

// findRoute finds the operation of a request: by the host's service inside a tunnel, by base path alone on the plain
// origin.
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

// findService finds the service that a request is for: that of the route, or of the host, or on the plain origin the
// one that claims it.
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
			n := len(parts) - len(pattern) + 1 // how many it stands for
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
