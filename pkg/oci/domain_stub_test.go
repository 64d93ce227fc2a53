package oci_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/keyturn/keyturn/pkg/oci"
)

const (
	domainA  = "ocid1.domain.oc1..aaaaaaaaworkloads"
	domainB  = "ocid1.domain.oc1..aaaaaaaapartners"
	domainD  = "ocid1.domain.oc1..aaaaaaaadefault"
	hostA    = "idcs-0123456789abcdef0123456789abcdef.identity.oraclecloud.com:443"
	hostB    = "idcs-1123456789abcdef0123456789abcdef.identity.oraclecloud.com:443"
	hostD    = "idcs-2123456789abcdef0123456789abcdef.identity.oraclecloud.com:443"
	scimUser = "0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a"
)

// answer is a function of a stub for one host.
type answer func(r *http.Request, body string) (*http.Response, error)

// directory is a tenancy with identity domains.
type directory struct {
	list  string // the answer to ListDomains; "" for 404
	hosts map[string]answer

	mu    sync.Mutex
	heads []http.Header // of the requests to domains
}

// tenancyWithDomains is a Cloud of a tenancy with the domains Default, Partners and Workloads, none of which has a
// user. Other requests get the answer of the classic API.
func tenancyWithDomains(t *testing.T, classic func(*http.Request, int) (*http.Response, error),
	names ...string) (*oci.Cloud, *stub, *directory) {
	t.Helper()
	d := &directory{list: "[" + strings.Join([]string{domainJSON(domainA, "Workloads", "https://"+hostA),
		domainJSON(domainB, "Partners", "https://"+hostB), domainJSON(domainD, "Default", "https://"+hostD)},
		",") + "]",
		hosts: map[string]answer{hostA: users(), hostB: users(), hostD: users()}}
	cloud, s := offline(t, nil)
	if len(names) == 0 {
		names = []string{"all"}
	}
	cloud.IdentityDomains = names
	s.answer = func(r *http.Request, n int) (*http.Response, error) {
		id, one := strings.CutPrefix(r.URL.Path, "/20160918/domains/")
		switch {
		case r.URL.Path == "/20160918/domains" && d.list == "":
			return reply(r, 404, refusal("NotAuthorizedOrNotFound", ""))
		case r.URL.Path == "/20160918/domains":
			return reply(r, 200, d.list)
		case one:
			return d.get(r, id)
		}
		if f := d.hosts[r.URL.Host]; f != nil {
			d.mu.Lock()
			d.heads = append(d.heads, r.Header.Clone())
			d.mu.Unlock()
			s.mu.Lock()
			body := s.asked[n-1].body
			s.mu.Unlock()
			return f(r, body)
		}
		return classic(r, n)
	}
	return cloud, s, d
}

// get answers GetDomain from the list.
func (d *directory) get(r *http.Request, id string) (*http.Response, error) {
	var all []map[string]any
	if json.Unmarshal([]byte(d.list), &all) == nil {
		for _, one := range all {
			if one["id"] == id {
				text, err := json.Marshal(one)
				if err != nil {
					return nil, err
				}
				return reply(r, 200, string(text))
			}
		}
	}
	return reply(r, 404, refusal("NotAuthorizedOrNotFound", ""))
}

func domainJSON(id, name, url string) string {
	kind := map[bool]string{true: "DEFAULT", false: "SECONDARY"}[id == domainD]
	return fmt.Sprintf(`{"id":%q,"displayName":%q,"url":%q,"homeRegion":"us-phoenix-1","type":%q,`+
		`"lifecycleState":"ACTIVE"}`, id, name, url, kind)
}

func scimList(total, start int, resources ...string) string {
	return fmt.Sprintf(`{"schemas":["urn:ietf:params:scim:api:messages:2.0:ListResponse"],"totalResults":%d,`+
		`"startIndex":%d,"itemsPerPage":%d,"Resources":[%s]}`, total, start, len(resources),
		strings.Join(resources, ","))
}

// users answers a search for users in a domain with these; each is a pair of an OCID and a name.
func users(pairs ...string) answer {
	return func(r *http.Request, _ string) (*http.Response, error) {
		var found []string
		for pair := range slices.Chunk(pairs, 2) {
			if r.URL.Query().Get("filter") == `ocid eq "`+pair[0]+`"` {
				found = append(found, fmt.Sprintf(`{"id":%q,"ocid":%q,"userName":%q}`, scimUser, pair[0], pair[1]))
			}
		}
		if r.URL.Path != "/admin/v1/Users" {
			return reply(r, 404, scimError("404", "no such path", ""))
		}
		return reply(r, 200, scimList(len(found), 1, found...))
	}
}

// withUser is a domain with the user, and a rest.
func withUser(rest answer) answer {
	return func(r *http.Request, body string) (*http.Response, error) {
		if r.URL.Path == "/admin/v1/Users" {
			return users(user, "web@example.com")(r, body)
		}
		return rest(r, body)
	}
}

// inPages answers each list with pages of the resources.
func inPages(size int, resources ...string) answer {
	return func(r *http.Request, _ string) (*http.Response, error) {
		start, err := strconv.Atoi(r.URL.Query().Get("startIndex"))
		if err != nil {
			return nil, err
		}
		from := min(start-1, len(resources))
		return reply(r, 200, scimList(len(resources), start, resources[from:min(from+size, len(resources))]...))
	}
}

// token is an auth token as a domain lists it.
func token(n int, owner string) string {
	return fmt.Sprintf(`{"id":"%032x","ocid":"ocid1.credential.oc1..%d","description":"number %d","user":{"value":%q,`+
		`"ocid":%q},"meta":{"created":"2026-03-01T12:00:00.000Z","version":"v%d"}}`, n, n, n, scimUser, owner, n)
}

// to returns the requests to a domain's resources other than its users.
func (s *stub) to(method, resource string) []request {
	return slices.DeleteFunc(s.of("/admin/v1/"+resource), func(r request) bool { return r.method != method })
}

func query(t *testing.T, r request) url.Values {
	t.Helper()
	q, err := url.ParseQuery(r.query)
	if err != nil {
		t.Fatal(err)
	}
	return q
}
