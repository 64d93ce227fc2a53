package oci_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/fault"
)

// down are domains that don't answer.
var down = map[string]answer{
	"503": func(r *http.Request, _ string) (*http.Response, error) {
		return reply(r, 503, scimError("503", "", ""))
	},
	"connection": func(*http.Request, string) (*http.Response, error) { return nil, errReset },
	"401":        func(r *http.Request, _ string) (*http.Response, error) { return reply(r, 401, "") },
	"403": func(r *http.Request, _ string) (*http.Response, error) {
		return reply(r, 403, scimError("403", "", ""))
	},
	"404": func(r *http.Request, _ string) (*http.Response, error) {
		return reply(r, 404, scimError("404", "", ""))
	},
	"429": func(r *http.Request, _ string) (*http.Response, error) {
		return reply(r, 429, scimError("429", "", ""))
	},
	"a page": func(r *http.Request, _ string) (*http.Response, error) { return reply(r, 200, "<html>log in</html>") },
	"empty":  func(r *http.Request, _ string) (*http.Response, error) { return reply(r, 200, "{}") },
	"another user": func(r *http.Request, _ string) (*http.Response, error) {
		return reply(r, 200, scimList(1, 1, `{"id":"1","ocid":"ocid1.user.oc1..other","userName":"x"}`))
	},
	"two users": func(r *http.Request, _ string) (*http.Response, error) {
		return reply(r, 200, scimList(2, 1, `{"id":"1","ocid":"`+user+`","userName":"x"}`,
			`{"id":"2","ocid":"`+user+`","userName":"y"}`))
	},
}

func TestAUserIsFoundInTheDomainThatHasIt(t *testing.T) {
	cloud, s, d := tenancyWithDomains(t, always(500, ""))
	d.hosts[hostA] = users(user, "web@example.com")
	for range 2 {
		m, err := cloud.DomainOf(t.Context(), user)
		if err != nil || m.Domain != (credential.Domain{ID: domainA, Name: "Workloads", URL: "https://" + hostA,
			Region: "us-phoenix-1", State: "ACTIVE"}) || m.Name != "Workloads/web@example.com" {
			t.Fatalf("the user is %+v (%v)", m, err)
		}
	}
	if n := len(s.to("GET", "Users")); n != 3 || len(s.of("/domains")) != 1 {
		t.Errorf("%d domains were asked, after %d lists of domains, want 3 after 1", n, len(s.of("/domains")))
	}
	if name, err := cloud.UserName(t.Context(), user); err != nil || name != "Workloads/web@example.com" {
		t.Errorf("the user is called %q (%v)", name, err)
	}
}

func TestAUserThatNoDomainHasIsAbsentOnlyIfEachOneAnswered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cloud, _, _ := tenancyWithDomains(t, always(500, ""))
		if m, err := cloud.DomainOf(t.Context(), user); fault.Of(err) != fault.Absent || err == nil {
			t.Errorf("the user is %+v (%v)", m, err)
		}
	})
	for name, silent := range down {
		synctest.Test(t, func(t *testing.T) {
			cloud, _, d := tenancyWithDomains(t, always(500, ""))
			d.hosts[hostB] = silent
			_, err := cloud.DomainOf(t.Context(), user)
			if fault.Of(err) != fault.Unclear || err == nil || !contains(err.Error(), `"Partners"`) ||
				contains(err.Error(), "Workloads") || contains(err.Error(), "oraclecloud") {
				t.Errorf("%s: %v", name, err)
			}
			if _, err := cloud.UserName(t.Context(), user); fault.Of(err) != fault.Unclear || err == nil {
				t.Errorf("%s: the name gives %v", name, err)
			}
			for _, kind := range credential.Kinds() {
				if _, err := cloud.Issuer(kind).List(t.Context(), user); fault.Of(err) != fault.Unclear || err == nil {
					t.Errorf("%s: the list of %ss gives %v", name, kind.Noun(), err)
				}
			}
			d.hosts[hostA] = users(user, "web@example.com")
			if m, err := cloud.DomainOf(t.Context(), user); err != nil || m.Domain.ID != domainA {
				t.Errorf("%s, but another domain has the user: %+v (%v)", name, m, err)
			}
		})
	}
}

func TestAUserMayBeInADomainThatIsNotActive(t *testing.T) {
	cloud, s, d := tenancyWithDomains(t, always(404, refusal("NotAuthorizedOrNotFound", "")))
	d.list = strings.Replace(d.list, `"ACTIVE"`, `"INACTIVE"`, 1) // the first one: Workloads
	_, _, _, userErr := cloud.User(t.Context(), user)
	_, nameErr := cloud.UserName(t.Context(), user)
	_, listErr := cloud.Issuer(credential.APIKey).List(t.Context(), user)
	for what, err := range map[string]error{"user": userErr, "name": nameErr, "list": listErr} {
		if fault.Of(err) != fault.Unclear || err == nil || !contains(err.Error(), `"Workloads" (it is INACTIVE: `) {
			t.Errorf("the user's %s: %v", what, err)
		}
	}
	if n := len(s.of("/20160918/users")); n > 0 {
		t.Errorf("the classic API got %d requests", n)
	}
	d.hosts[hostB] = users(user, "jane")
	if name, err := cloud.UserName(t.Context(), user); err != nil || name != "Partners/jane" {
		t.Errorf("a user of another domain is %q (%v)", name, err)
	}
}

func TestASearchIsOverWhenADomainHasTheUserOrTimeRunsOut(t *testing.T) {
	for took, domain := range map[time.Duration]answer{0: users(user, "web"), 15 * time.Second: users()} {
		synctest.Test(t, func(t *testing.T) {
			cloud, _, d := tenancyWithDomains(t, always(500, ""))
			d.hosts[hostB] = func(r *http.Request, _ string) (*http.Response, error) {
				<-r.Context().Done()
				return nil, r.Context().Err()
			}
			d.hosts[hostA] = domain
			began := time.Now()
			m, err := cloud.DomainOf(t.Context(), user)
			if (took == 0) != (err == nil) || err != nil && (fault.Of(err) != fault.Unclear ||
				!contains(err.Error(), "Partners")) || time.Since(began) != took {
				t.Errorf("%+v (%v) after %s, want %s", m, err, time.Since(began), took)
			}
		})
	}
}

func TestAnOCIDThatWouldChangeTheFilterIsNotSent(t *testing.T) {
	cloud, s, _ := tenancyWithDomains(t, always(500, ""))
	for _, id := range []string{"", `x" or ocid pr or ocid eq "y`, "a\\", "a\nb"} {
		if _, err := cloud.DomainOf(t.Context(), id); err == nil || fault.Of(err) == fault.Absent ||
			len(s.to("GET", "Users")) > 0 {
			t.Errorf("%q: %v", id, err)
		}
	}
}

func TestOnlyActiveDomainsCount(t *testing.T) {
	cloud, s, d := tenancyWithDomains(t, always(500, ""), domainA, domainB, domainA)
	d.list = strings.Replace(d.list, `"ACTIVE"`, `"INACTIVE"`, 1) // the first one: Workloads
	all, err := cloud.Domains(t.Context())
	if err != nil || len(all) != 1 || all[0].ID != domainB || len(s.of("/domains")) != 2 {
		t.Errorf("the domains are %+v (%v) after %d requests", all, err, len(s.of("/domains")))
	}
	cloud.IdentityDomains = []string{"all"}
	cloud.ForgetDomains()
	if all, err := cloud.Domains(t.Context()); err != nil || len(all) != 2 || all[0].Name != "Default" ||
		!all[0].Default || all[1].Name != "Partners" || all[1].Default {
		t.Errorf("the domains are %+v (%v)", all, err)
	}
}

func TestDomainsThatCannotBeReadAreNotNone(t *testing.T) {
	for name, c := range map[string]struct {
		names  []string
		change func(*stub, *directory)
	}{
		"a domain that isn't there": {[]string{"ocid1.domain.oc1..unknown"}, func(*stub, *directory) {}},
		"a compartment of two": {[]string{"all", "ocid1.compartment.oc1..a"}, func(s *stub, _ *directory) {
			before := s.answer
			s.answer = func(r *http.Request, n int) (*http.Response, error) {
				if contains(r.URL.RawQuery, "ocid1.compartment") {
					return reply(r, 404, refusal("NotAuthorizedOrNotFound", ""))
				}
				return before(r, n)
			}
		}},
		"every compartment": {[]string{"all", "ocid1.compartment.oc1..a"}, func(_ *stub, d *directory) { d.list = "" }},
		"a failure":         {[]string{"all"}, func(s *stub, _ *directory) { s.answer = always(500, "") }},
		"a denial": {[]string{"all"}, func(s *stub, _ *directory) {
			s.answer = always(401, refusal("NotAuthenticated", ""))
		}},
	} {
		synctest.Test(t, func(t *testing.T) {
			cloud, s, d := tenancyWithDomains(t, always(500, ""), c.names...)
			c.change(s, d)
			if all, err := cloud.Domains(t.Context()); !isFault(err) || all != nil {
				t.Errorf("%s: the domains are %+v (%v)", name, all, err)
			}
			if _, err := cloud.DomainOf(t.Context(), user); fault.Of(err) != fault.Unclear || err == nil {
				t.Errorf("%s: the user is %v", name, err)
			}
			if name, err := cloud.UserName(t.Context(), user); fault.Of(err) != fault.Unclear || err == nil {
				t.Errorf("%s: the user's name is %q (%v)", name, name, err)
			}
			if _, err := cloud.Issuer(credential.APIKey).List(t.Context(), user); fault.Of(err) != fault.Unclear ||
				err == nil {
				t.Errorf("%s: the user's keys are %v", name, err)
			}
		})
	}
}

func TestAUserIsAskedForAgainAfterAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cloud, s, d := tenancyWithDomains(t, always(500, ""))
		for after, want := range []int{3, 3, 6} {
			if _, err := cloud.DomainOf(t.Context(), user); fault.Of(err) != fault.Absent ||
				len(s.to("GET", "Users")) != want {
				t.Errorf("call %d: %d domains were asked (%v), want %d", after, len(s.to("GET", "Users")), err, want)
			}
			time.Sleep(6 * time.Minute)
		}
		d.hosts[hostB] = users(user, "web")
		time.Sleep(5 * time.Minute)
		if m, err := cloud.DomainOf(t.Context(), user); err != nil || m.Name != "Partners/web" {
			t.Errorf("a user who came later is %+v (%v)", m, err)
		}
	})
}

func TestWithoutConfiguredDomainsNoneIsAsked(t *testing.T) {
	cloud, s := offline(t, always(200, `{"id":"`+user+`","name":"web"}`))
	if _, err := cloud.DomainOf(t.Context(), user); fault.Of(err) != fault.Absent || err == nil {
		t.Error(err)
	}
	if all, err := cloud.Domains(t.Context()); err != nil || all != nil || len(s.asked) > 0 {
		t.Errorf("the domains are %+v (%v) after %d requests", all, err, len(s.asked))
	}
}

func TestSignedRequestsGoToIdentityDomainsOfTheRealmOnly(t *testing.T) {
	const id = "idcs-0123456789abcdef0123456789abcdef"
	bad := []string{"", "https://", "http://" + hostA, "https://" + id + ".identity.oraclecloud.com:8443",
		"https://" + id + ".identity.oraclegovcloud.com:443", "https://" + id + ".identity.evil.example:443",
		"https://" + id + ".identity.oraclecloud.com.evil.example:443", "https://evil.example/" + hostA,
		"https://user@" + hostA, "https://" + hostA + "/path", "https://" + hostA + "?x=y", "https://" + hostA + "#x",
		"https://eviloraclecloud.com", "https://" + id + ".identityoraclecloud.com",
		"https://bucket.objectstorage.us-ashburn-1.oraclecloud.com", "https://" + id + ".evil.oraclecloud.com",
		"https://identity.us-ashburn-1.oraclecloud.com", "https://" + id + "%2e.identity.oraclecloud.com", "%zz",
		"https://" + id + " .identity.oraclecloud.com"}
	for _, url := range bad {
		cloud, s, d := tenancyWithDomains(t, func(r *http.Request, _ int) (*http.Response, error) {
			t.Errorf("%s: asked %s", url, r.URL)
			return nil, errors.New("asked")
		})
		d.list = "[" + domainJSON(domainA, "Workloads", url) + "]"
		if _, err := cloud.DomainOf(t.Context(), user); fault.Of(err) != fault.Unclear || err == nil ||
			!contains(err.Error(), "Workloads") || len(s.of("/admin")) > 0 {
			t.Errorf("%s: %v", url, err)
		}
	}
	for _, url := range []string{"https://" + hostA, "https://" + hostA + "/", "https://" +
		strings.TrimSuffix(hostA, ":443"),
		"https://" + id + ".us-ashburn-idcs-1.identity.us-ashburn-1.oci.oraclecloud.com:443"} {
		cloud, s, d := tenancyWithDomains(t, func(r *http.Request, n int) (*http.Response, error) {
			return users(user, "web")(r, "")
		})
		d.hosts = nil
		d.list = "[" + domainJSON(domainA, "Workloads", url) + "]"
		if _, err := cloud.DomainOf(t.Context(), user); err != nil || len(s.of("/admin")) != 1 ||
			"https://"+s.of("/admin")[0].host != strings.TrimSuffix(url, "/") {
			t.Errorf("%s: %v after %v", url, err, s.of("/admin"))
		}
	}
}
