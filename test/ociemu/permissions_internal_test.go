package ociemu

import (
	"net/http/httptest"
	"slices"
	"testing"

	"github.com/keyturn/keyturn/test/ocipolicy"
)

func TestEveryRouteNamesThePermissionsThatItNeeds(t *testing.T) {
	known := ocipolicy.KnownPermissions()
	routes := map[string]bool{}
	for _, s := range allServices() {
		for _, r := range s.routes {
			routes[r.key()] = true
			n, found := needs[r.key()]
			switch {
			case !found:
				t.Errorf("%s has no entry: its permissions are unknown", r.operation)
			case n.own == r.signed:
				t.Errorf("%s: a signed operation needs permissions, and a login none", r.operation)
			case !n.own && !n.self && !n.role && (n.on == nil || len(n.permissions) == 0 && n.also == nil):
				t.Errorf("%s has no target or no permissions", r.operation)
			}
			for _, p := range n.permissions {
				if !slices.Contains(known, p) {
					t.Errorf("%s needs %s, which no verb grants", r.operation, p)
				}
			}
		}
	}
	for operation := range needs {
		if !routes[operation] {
			t.Errorf("%s has an entry and no route", operation)
		}
	}
	if len(routes) < 38 {
		t.Errorf("%d routes were compared, want 38 or more", len(routes))
	}
}

func TestEveryAnswerAboutAPermissionIsAKnownOne(t *testing.T) {
	known := ocipolicy.KnownPermissions()
	seen := 0
	for _, a := range []Answers{{}, {PasswordPermission: PasswordNeedsSet, NamespacePermission: NamespaceReads}} {
		e := &Emulator{opts: Options{Answers: a.withDefaults()}}
		for operation, n := range classicNeeds {
			if n.also == nil || operation == "PutObject" { // which depends on the bucket
				continue
			}
			x := &exchange{e: e, http: httptest.NewRequest("GET", "/", nil)}
			x.query = x.http.URL.Query()
			for _, p := range n.also(x) {
				seen++
				if !slices.Contains(known, p) {
					t.Errorf("%s needs %s, which no verb grants", operation, p)
				}
			}
		}
	}
	if seen != 3 {
		t.Errorf("%d permissions depend on answers, want 3", seen)
	}
}
