package oci_test

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/fault"
	"github.com/keyturn/keyturn/pkg/oci"
	"github.com/keyturn/keyturn/test/ociemu"
)

// whole reads a list of a domain to its end.
func whole(t *testing.T, read func(start, most int) (credential.Page, error)) (held []credential.Held, calls int) {
	t.Helper()
	for start := 1; ; calls++ {
		p, err := read(start, 1000)
		if err != nil || p.At.IsZero() || p.Unreadable != 0 {
			t.Fatalf("%+v (%v)", p, err)
		}
		held, start = append(held, p.Held...), start+p.Entries
		if start > p.Total {
			return held, calls + 1
		}
	}
}

func domainNamed(t *testing.T, cloud *oci.Cloud, name string) credential.Domain {
	t.Helper()
	all, err := cloud.Domains(t.Context())
	i := slices.IndexFunc(all, func(d credential.Domain) bool { return d.Name == name })
	if err != nil || i < 0 {
		t.Fatalf("no domain %s in %v (%v)", name, all, err)
	}
	return all[i]
}

func TestTheCredentialsOfAllUsersOfADomainAreListedPageByPage(t *testing.T) {
	o := ociemu.Calm()
	o.PageSize, o.DomainAnswers.ListedSecrets = 2, true
	cloud, e := withDomains(t, o)
	want := map[credential.Kind]map[string]string{credential.APIKey: {}, credential.AuthToken: {},
		credential.CustomerSecretKey: {}, credential.Password: {}}
	for i := range 5 {
		name := fmt.Sprintf("user-%d", i)
		e.AddAuthToken(e.AddDomainUser("Partners", ociemu.UserSeed{Name: name}), "of another domain")
		u := e.AddDomainUser("Plant", ociemu.UserSeed{Name: name})
		key, _ := e.AddAPIKey(u)
		token, _ := e.AddAuthToken(u, "pulls")
		access, _ := e.AddCustomerSecretKey(u, "backup")
		want[credential.APIKey][key], want[credential.AuthToken][token] = u, u
		want[credential.CustomerSecretKey][access] = u
		if i%2 == 0 {
			e.SetPassword(u)
			want[credential.Password][u] = u // all are of the same time
		}
	}
	plant := domainNamed(t, cloud, "Plant")
	e.ResetCalls()
	for kind, ids := range want {
		held, calls := whole(t, func(start, most int) (credential.Page, error) {
			return cloud.DomainCredentials(t.Context(), plant, kind, start, most)
		})
		got := map[string]string{}
		for _, h := range held {
			if h.Created.IsZero() || !strings.HasPrefix(h.UserName, "Plant/user-") || h.ID == "" {
				t.Errorf("%s: %+v", kind, h)
			}
			if kind == credential.Password {
				h.ID = h.User
			}
			got[h.ID] = h.User
		}
		if !maps.Equal(got, ids) || calls != 3 {
			t.Errorf("%s: %v by %d calls, want %v by 3", kind, got, calls, ids)
		}
	}
	var users []credential.User
	held, calls := whole(t, func(start, most int) (credential.Page, error) {
		p, err := cloud.DomainUsers(t.Context(), plant, start, most)
		users = append(users, p.Users...)
		return p, err
	})
	if len(users) != 5 || calls != 3 || !strings.HasPrefix(users[0].Name, "Plant/user-") || users[0].ID == "" ||
		len(held) > 0 {
		t.Errorf("the users are %+v by %d calls", users, calls)
	}
	for _, c := range e.Calls() {
		c.Query = strings.ReplaceAll(c.Query, "canUseCustomerSecretKeys", "")
		if c.Domain != "Plant" || !strings.Contains(c.Query, "attributes=") || strings.Contains(c.Query, "filter") ||
			strings.Contains(strings.ToLower(c.Query), "secretkey") {
			t.Errorf("the call %s %s?%s went to %s", c.Operation, c.Path, c.Query, c.Domain)
		}
	}
}

func TestTheCredentialsOfAUserOfAKnownDomainAreListedByOneCall(t *testing.T) {
	cloud, e := withDomains(t, ociemu.Calm())
	for _, name := range []string{"Default", "Partners", "Plant"} {
		u := e.AddDomainUser(name, ociemu.UserSeed{Name: "web@example.com"})
		id, _ := e.AddAuthToken(u, "pulls")
		d := domainNamed(t, cloud, name)
		if _, err := cloud.Tenancy(t.Context()); err != nil {
			t.Fatal(err)
		}
		e.ResetCalls()
		l, err := cloud.CredentialsOf(t.Context(), d, credential.AuthToken, u)
		calls := e.Calls()
		if err != nil || len(l.Credentials) != 1 || l.Credentials[0].ID != id || len(calls) != 1 ||
			calls[0].Operation != "ListAuthTokens" || (calls[0].Service == "identity") != (name == "Default") {
			t.Errorf("%s: %+v (%v) by %+v", name, l, err, calls)
		}
	}
	plant, u := domainNamed(t, cloud, "Plant"), e.AddDomainUser("Plant", ociemu.UserSeed{Name: "ops@example.com"})
	for has := range 2 {
		l, err := cloud.CredentialsOf(t.Context(), plant, credential.Password, u)
		if err != nil || len(l.Credentials) != has || l.At.IsZero() || has == 1 && l.Credentials[0].Created.IsZero() {
			t.Errorf("the passwords of a user who has %d: %+v (%v)", has, l, err)
		}
		e.SetPassword(u)
	}
	if _, err := cloud.CredentialsOf(t.Context(), plant, credential.Password, user); fault.Of(err) != fault.Absent {
		t.Errorf("the password of nobody: %v", err)
	}
}

func TestAnEntryOfADomainsListThatCannotBeReadIsCounted(t *testing.T) {
	set := func(time string) string {
		return fmt.Sprintf(`"urn:ietf:params:scim:schemas:oracle:idcs:extension:passwordState:User":`+
			`{"lastSuccessfulSetDate":%q}`, time)
	}
	userEntry := func(more string) string { return `{"id":"1","ocid":"` + user + `","userName":"web"` + more + `}` }
	for name, c := range map[string]struct {
		kind             credential.Kind
		entry            string
		held, unreadable int
		undated          bool
	}{
		"a token":             {credential.AuthToken, token(1, user), 1, 0, false},
		"no user":             {credential.AuthToken, token(1, ""), 0, 1, false},
		"no own id":           {credential.APIKey, token(1, user), 0, 1, false},
		"it is being deleted": {credential.AuthToken, `{"deleteInProgress":true,` + token(1, user)[1:], 0, 0, false},
		"no creation time":    {credential.AuthToken, `{"id":"1","ocid":"x","user":{"ocid":"y"}}`, 1, 0, true},
		"a password":          {credential.Password, userEntry("," + set("2026-03-01T12:00:00Z")), 1, 0, false},
		"no password":         {credential.Password, userEntry(""), 0, 0, false},
		"an unreadable time":  {credential.Password, userEntry("," + set("yesterday")), 1, 0, true},
		"a user without a name": {credential.Password, `{"id":"1","ocid":"x",` + set("yesterday") + `}`, 0, 1,
			false},
	} {
		cloud, _, d := tenancyWithDomains(t, always(500, ""))
		d.hosts[hostA] = inPages(1000, c.entry)
		p, err := cloud.DomainCredentials(t.Context(), domainNamed(t, cloud, "Workloads"), c.kind, 1, 1000)
		if err != nil || len(p.Held) != c.held || p.Unreadable != c.unreadable || p.Entries != 1 || p.Total != 1 {
			t.Errorf("%s: %+v (%v)", name, p, err)
		} else if c.held == 1 && p.Held[0].Created.IsZero() != c.undated {
			t.Errorf("%s: created %v", name, p.Held[0].Created)
		}
	}
}

func TestAPageOfADomainsListHasNoMoreEntriesThanWereAskedFor(t *testing.T) {
	cloud, s, d := tenancyWithDomains(t, always(500, ""))
	d.hosts[hostA] = func(r *http.Request, _ string) (*http.Response, error) {
		return reply(r, 200, scimList(9, startOf(r), tokens(3)...))
	}
	workloads := domainNamed(t, cloud, "Workloads")
	for most, want := range map[int]fault.Class{3: "", 5000: "", 2: fault.Unclear} {
		p, err := cloud.DomainCredentials(t.Context(), workloads, credential.AuthToken, 4, most)
		if (err != nil) != (want != "") || err == nil && p.Entries != 3 {
			t.Errorf("at most %d: %+v (%v)", most, p, err)
		}
		all := s.to("GET", "AuthTokens")
		if q := query(t, all[len(all)-1]); q.Get("startIndex") != "4" || q.Get("count") != fmt.Sprint(min(most, 1000)) {
			t.Errorf("at most %d: asked for %v", most, q)
		}
	}
}

func TestAPasswordIsAsOldAsTheDomainSays(t *testing.T) {
	cloud, _, d := tenancyWithDomains(t, always(500, ""))
	at := time.Date(2026, 3, 1, 12, 0, 0, 5e6, time.UTC)
	d.hosts[hostA] = inPages(1000, `{"id":"1","ocid":"`+user+`","userName":"web",`+
		`"meta":{"created":"2020-01-01T00:00:00Z","lastModified":"2026-11-01T00:00:00Z"},`+
		`"urn:ietf:params:scim:schemas:oracle:idcs:extension:passwordState:User":{"lastSuccessfulSetDate":"`+
		at.Format(time.RFC3339Nano)+`"}}`)
	p, err := cloud.DomainCredentials(t.Context(), domainNamed(t, cloud, "Workloads"), credential.Password, 1, 1000)
	want := credential.Held{User: user, UserName: "Workloads/web",
		Issued: credential.Issued{ID: credential.TimeID(at), Created: at}}
	if err != nil || len(p.Held) != 1 || p.Held[0] != want {
		t.Errorf("%+v (%v), want %+v", p, err, want)
	}
}
