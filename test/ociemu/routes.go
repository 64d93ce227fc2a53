package ociemu

import (
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
}

// route is one operation. Path segments in braces are parameters.
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
		functionsService(functionsThen), functionsInvokeService(functionsThen), registryService(), s3Service(), monitoringService(), apmService(),
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

// findRoute finds the operation of a request: by the host's service inside a tunnel, by base path alone on the plain origin.
func (e *Emulator) findRoute(r *http.Request, to target) (*route, map[string]string) {
	parts := segments(r.URL.EscapedPath())
	for i := range e.services {
		s := &e.services[i]
		if to.service != "" && s.name != to.service {
			continue
		}
		for j := range s.routes {
			route := &s.routes[j]
			if route.method != r.Method {
				continue
			}
			if params, ok := match(route.segments, parts); ok {
				return route, params
			}
		}
	}
	return nil, nil
}

func match(pattern, parts []string) (map[string]string, bool) {
	if len(pattern) != len(parts) {
		return nil, false
	}
	params := map[string]string{}
	for i, p := range pattern {
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
	return params, true
}
