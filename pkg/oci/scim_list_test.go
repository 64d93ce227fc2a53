package oci_test

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/fault"
)

func tokens(n int) (all []string) {
	for i := range n {
		all = append(all, token(i+1, user))
	}
	return all
}

func TestAListIsReadToItsEndInPagesOfAnySize(t *testing.T) {
	for _, n := range []int{0, 1, 2, 3, 7} {
		for size := 1; size < 9; size++ {
			cloud, s, d := tenancyWithDomains(t, always(500, ""))
			d.hosts[hostA] = withUser(inPages(size, tokens(n)...))
			l, err := cloud.Issuer(credential.AuthToken).List(t.Context(), user)
			if err != nil || len(l.Credentials) != n || len(s.to("GET", "AuthTokens")) != max(1, (n+size-1)/size) {
				t.Errorf("%d in pages of %d: %d (%v) by %d requests", n, size, len(l.Credentials), err,
					len(s.to("GET", "AuthTokens")))
			}
		}
	}
}

// startOf is where the requested page begins.
func startOf(r *http.Request) int {
	n, err := strconv.Atoi(r.URL.Query().Get("startIndex"))
	if err != nil {
		return 0
	}
	return n
}

func TestAListThatIsNotCompleteIsAnError(t *testing.T) {
	five := tokens(5)
	n := 0
	for name, f := range map[string]func(r *http.Request) string{
		"a page repeats": func(*http.Request) string { return scimPlain(5, five[:2]...) },
		"a page repeats in part": func(r *http.Request) string {
			if startOf(r) == 1 {
				return scimList(5, 1, five[:2]...)
			}
			return scimList(5, startOf(r), five[1:4]...)
		},
		"pages end early": func(r *http.Request) string {
			if startOf(r) == 1 {
				return scimList(5, 1, five[:4]...)
			}
			return scimList(5, startOf(r))
		},
		"the only page is empty": func(*http.Request) string { return scimList(5, 1) },
		"the total grows": func(r *http.Request) string {
			n++
			return scimList(1000+n, startOf(r), token(n, user))
		},
		"the total shrinks": func(r *http.Request) string {
			return scimList(5-startOf(r), startOf(r), five[startOf(r)-1])
		},
		"more than the total": func(*http.Request) string { return scimList(1, 1, five[:2]...) },
		"no total": func(*http.Request) string {
			return `{"schemas":["urn:ietf:params:scim:api:messages:2.0:ListResponse"],"Resources":[]}`
		},
		"a negative total": func(*http.Request) string { return scimList(-1, 1) },
		"no list":          func(*http.Request) string { return five[0] },
		"no schema":        func(*http.Request) string { return `{"totalResults":0,"Resources":[]}` },
		"another page":     func(*http.Request) string { return scimList(1, 7, five[0]) },
		"HTML":             func(*http.Request) string { return "<html>log in</html>" },
		"nothing":          func(*http.Request) string { return "" },
		"cut off":          func(*http.Request) string { return scimList(1, 1, five[0])[:90] },
		"no ids": func(*http.Request) string {
			return scimList(1, 1, `{"ocid":"x","user":{"ocid":"`+user+`"}}`)
		},
		"no own id": func(*http.Request) string {
			return scimList(1, 1, `{"id":"x","user":{"ocid":"`+user+`"}}`)
		},
		"no user": func(*http.Request) string { return scimList(1, 1, `{"id":"x","ocid":"y"}`) },
		"another user's": func(*http.Request) string {
			return scimList(2, 1, five[0], token(9, "ocid1.user.oc1..other"))
		},
	} {
		synctest.Test(t, func(t *testing.T) {
			cloud, s, d := tenancyWithDomains(t, always(500, ""))
			d.hosts[hostA] = withUser(func(r *http.Request, _ string) (*http.Response, error) {
				return reply(r, 200, f(r))
			})
			l, err := cloud.Issuer(credential.AuthToken).List(t.Context(), user)
			if fault.Of(err) != fault.Unclear || err == nil || len(l.Credentials) > 0 {
				t.Errorf("%s: %+v (%v)", name, l, err)
			}
			if n := len(s.to("GET", "AuthTokens")); n > 12 {
				t.Errorf("%s: %d requests", name, n)
			}
			if err := cloud.Issuer(credential.AuthToken).Delete(t.Context(), user,
				"ocid1.credential.oc1..1"); err == nil ||
				len(s.to("DELETE", "AuthTokens")) > 0 {
				t.Errorf("%s: the deletion is %v", name, err)
			}
		})
	}
}

// scimPlain is a list that doesn't say where its page begins.
func scimPlain(total int, resources ...string) string {
	return strings.Replace(scimList(total, 99, resources...), `"startIndex":99,`, "", 1)
}

func TestAListThatChangesOnceIsReadAgain(t *testing.T) {
	three := tokens(3)
	for name, first := range map[string]string{"shorter": scimList(2, 1, three[0]), "longer": scimList(4, 1, three[0]),
		"repeated": scimList(3, 1, three[0], three[0])} {
		cloud, _, d := tenancyWithDomains(t, always(500, ""))
		asked := 0
		d.hosts[hostA] = withUser(func(r *http.Request, _ string) (*http.Response, error) {
			asked++
			if asked == 1 {
				return reply(r, 200, first)
			}
			return inPages(1, three...)(r, "")
		})
		if l, err := cloud.Issuer(credential.AuthToken).List(t.Context(), user); err != nil || len(l.Credentials) != 3 {
			t.Errorf("%s: %+v (%v)", name, l, err)
		}
	}
}

func TestAReadOfADomainIsRepeated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cloud, s, d := tenancyWithDomains(t, always(500, ""))
		refusals := []int{401, 503}
		d.hosts[hostA] = withUser(func(r *http.Request, _ string) (*http.Response, error) {
			if n := len(s.to("GET", "AuthTokens")); n <= len(refusals) {
				return reply(r, refusals[n-1], scimError(strconv.Itoa(refusals[n-1]), "", ""))
			}
			return inPages(1, tokens(1)...)(r, "")
		})
		if l, err := cloud.Issuer(credential.AuthToken).List(t.Context(), user); err != nil ||
			len(l.Credentials) != 1 ||
			len(s.to("GET", "AuthTokens")) != 3 {
			t.Errorf("%+v (%v)", l, err)
		}
	})
}
