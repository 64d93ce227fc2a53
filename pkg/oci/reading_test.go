package oci_test

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/oracle/oci-go-sdk/v65/common"

	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/fault"
	"github.com/keyturn/keyturn/pkg/oci"
	"github.com/keyturn/keyturn/test/ociemu"
)

// observedKinds are the kinds that are only listed.
var observedKinds = []credential.Kind{credential.DatabasePassword, credential.SMTPCredential,
	credential.OAuth2Credential}

func addObserved(e *ociemu.Emulator, user string) map[credential.Kind]string {
	return map[credential.Kind]string{credential.DatabasePassword: e.AddDatabasePassword(user),
		credential.SMTPCredential:   e.AddSMTPCredential(user, "mail"),
		credential.OAuth2Credential: e.AddOAuth2Credential(user, "client")}
}

func TestAListOfUsersSaysWhatIsKnownAboutEach(t *testing.T) {
	cloud, e := withDomains(t, ociemu.Calm())
	login := time.Date(2026, 3, 1, 12, 30, 0, 0, time.UTC)
	seeds := []ociemu.UserSeed{{Name: "plain", FreeformTags: map[string]string{"team": "web", "Keyturn-Exempt": "vendor"},
		DefinedTags: map[string]map[string]any{"KeyTurn": {"Exempt_Until": "2027-01-01"}, "other": {"exempt": "x"}}},
		{Name: "off", Deactivated: true}, {Name: "sso", Federated: true},
		{Name: "seen", LastLogin: login}, {Name: "robot", Without: []string{"canUseConsolePassword",
			"canUseDbCredentials", "canUseOAuth2ClientCredentials", "canUseSmtpCredentials"}}}
	want := []credential.User{{Name: "plain", State: "ACTIVE", Tags: map[string]string{"keyturn-exempt": "vendor",
		"keyturn.exempt_until": "2027-01-01"}}, {Name: "off", State: "INACTIVE"},
		{Name: "sso", State: "ACTIVE", Federated: true}, {Name: "seen", State: "ACTIVE", LastLogin: login},
		{Name: "robot", State: "ACTIVE", MayNot: []credential.Kind{credential.Password, credential.DatabasePassword,
			credential.SMTPCredential, credential.OAuth2Credential}}}
	for _, domain := range []string{"Default", "Plant"} {
		ids := map[string]string{}
		for _, seed := range seeds {
			ids[seed.Name] = e.AddDomainUser(domain, seed)
		}
		d, prefix := domainNamed(t, cloud, domain), ""
		var users []credential.User
		if d.Classic {
			var err error
			users, _, err = cloud.Users(t.Context(), "")
			if err != nil {
				t.Fatal(err)
			}
		} else {
			prefix = "Plant/"
			p, err := cloud.DomainUsers(t.Context(), d, 1, 1000)
			if err != nil || len(p.Users) != len(p.Held) {
				t.Fatalf("%+v (%v)", p, err)
			}
			users = p.Users
		}
		for _, w := range want {
			w.ID, w.Name = ids[w.Name], prefix+w.Name
			i := slices.IndexFunc(users, func(u credential.User) bool { return u.ID == w.ID })
			if i < 0 {
				t.Errorf("%s: no user %s", domain, w.Name)
				continue
			}
			got := users[i]
			if got.Name != w.Name || got.State != w.State || got.Federated != w.Federated ||
				!got.LastLogin.Equal(w.LastLogin) || !slices.Equal(got.MayNot, w.MayNot) ||
				!maps.Equal(got.Tags, w.Tags) {
				t.Errorf("%s: %+v, want %+v", domain, got, w)
			}
		}
	}
}

func TestCredentialsThatAreOnlyReportedAreListedAndNeverMadeOrDeleted(t *testing.T) {
	o := ociemu.Calm()
	o.PageSize = 1
	cloud, e := withDomains(t, o)
	for _, domain := range []string{"Default", "Plant"} {
		u := e.AddDomainUser(domain, ociemu.UserSeed{Name: "web@example.com"})
		ids, d := addObserved(e, u), domainNamed(t, cloud, domain)
		second := e.AddOAuth2Credential(u, "second")
		end := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
		e.DescribeCredential(u, second, "", end)
		for _, kind := range observedKinds {
			l, err := cloud.CredentialsOf(t.Context(), d, kind, u)
			if err != nil || len(l.Credentials) == 0 || l.At.IsZero() {
				t.Errorf("%s, %s: %+v (%v)", domain, kind, l, err)
				continue
			}
			i := slices.IndexFunc(l.Credentials, func(c credential.Issued) bool { return c.ID == ids[kind] })
			if i < 0 || l.Credentials[i].Created.IsZero() || !l.Credentials[i].Expires.IsZero() {
				t.Errorf("%s, %s: %+v lacks %s", domain, kind, l, ids[kind])
			}
			if kind == credential.OAuth2Credential {
				i = slices.IndexFunc(l.Credentials, func(c credential.Issued) bool { return c.ID == second })
				if len(l.Credentials) != 2 || i < 0 || !l.Credentials[i].Expires.Equal(end) ||
					l.Credentials[i].Description != "second" {
					t.Errorf("%s: the clients are %+v", domain, l.Credentials)
				}
			}
			if !d.Classic {
				held, _ := whole(t, func(start, most int) (credential.Page, error) {
					return cloud.DomainCredentials(t.Context(), d, kind, start, most)
				})
				if !slices.ContainsFunc(held, func(h credential.Held) bool {
					return h.ID == ids[kind] && h.User == u
				}) {
					t.Errorf("%s, %s: the whole list is %+v", domain, kind, held)
				}
			}
			issuer := cloud.Issuer(kind)
			if _, err := issuer.Create(t.Context(), u, credential.Draft{}); fault.Of(err) != fault.Invalid {
				t.Errorf("%s, %s: a create ends with %v", domain, kind, err)
			}
			if err := issuer.Delete(t.Context(), u, ids[kind]); fault.Of(err) != fault.Invalid {
				t.Errorf("%s, %s: a delete ends with %v", domain, kind, err)
			}
		}
	}
	for _, c := range e.Calls() {
		if c.Method != "GET" || c.Domain != "" && strings.Contains(strings.ToLower(c.Query), "salt") ||
			strings.Contains(c.Query, "dbPassword") {
			t.Errorf("%s %s %s?%s", c.Method, c.Operation, c.Path, c.Query)
		}
	}
}

func TestListsSayWhetherACredentialIsInactiveAndWhenItExpires(t *testing.T) {
	o := ociemu.Calm()
	o.DomainAnswers.ClassicInactive = true
	cloud, e := withDomains(t, o)
	end := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	for _, domain := range []string{"Default", "Plant"} {
		u, d := e.AddDomainUser(domain, ociemu.UserSeed{Name: "web"}), domainNamed(t, cloud, domain)
		key, _ := e.AddAPIKey(u)
		token, _ := e.AddAuthToken(u, "")
		access, _ := e.AddCustomerSecretKey(u, "")
		e.DescribeCredential(u, token, "", end)
		e.Deactivate(u, access)
		for kind, want := range map[credential.Kind]credential.Issued{credential.APIKey: {ID: key},
			credential.AuthToken:         {ID: token, Expires: end},
			credential.CustomerSecretKey: {ID: access, Inactive: d.Classic}} { // a domain doesn't return the status
			l, err := cloud.CredentialsOf(t.Context(), d, kind, u)
			if err != nil || len(l.Credentials) != 1 {
				t.Errorf("%s, %s: %+v (%v)", domain, kind, l, err)
				continue
			}
			got := l.Credentials[0]
			if got.ID != want.ID || !got.Expires.Equal(want.Expires) || got.Inactive != want.Inactive {
				t.Errorf("%s, %s: %+v, want %+v", domain, kind, got, want)
			}
		}
		id := e.AddDatabasePassword(u)
		e.ExpireDatabasePassword(u, id)
		l, err := cloud.CredentialsOf(t.Context(), d, credential.DatabasePassword, u)
		if err != nil || len(l.Credentials) != 1 || l.Credentials[0].Inactive == d.Classic {
			t.Errorf("%s: the expired database password is %+v (%v)", domain, l, err)
		}
	}
}

func TestTheRegionsAndCompartmentsOfTheTenancyAreListed(t *testing.T) {
	o := ociemu.Calm()
	o.PageSize, o.Regions = 2, []string{"ap-mumbai-1"}
	o.Region, o.HomeRegion = "eu-frankfurt-1", "us-phoenix-1"
	cloud, e := emulated(t, o)
	regions, err := cloud.Regions(t.Context())
	slices.Sort(regions)
	if err != nil || !slices.Equal(regions, []string{"ap-mumbai-1", "eu-frankfurt-1", "us-ashburn-1", "us-phoenix-1"}) {
		t.Errorf("the regions are %v (%v)", regions, err)
	}
	dev := e.AddCompartment("dev", "")
	want := []string{dev, e.AddCompartment("test", dev), e.AddCompartment("prod", ""), e.Tenancy()}
	e.DeleteCompartment(e.AddCompartment("gone", ""))
	all, err := cloud.Compartments(t.Context())
	if err != nil || len(all) == 0 || all[0] != e.Tenancy() {
		t.Fatalf("%v (%v)", all, err)
	}
	slices.Sort(all)
	slices.Sort(want)
	if !slices.Equal(all, want) || len(called(e, "ListCompartments")) != 2 {
		t.Errorf("the compartments are %v by %d calls, want %v by 2", all, len(called(e, "ListCompartments")), want)
	}
	far := e.AddSecret(ociemu.SecretSeed{Name: "far", Region: "ap-mumbai-1", Compartment: dev})
	e.AddSecret(ociemu.SecretSeed{Name: "near", Compartment: dev})
	some, next, err := cloud.SecretsIn(t.Context(), "ap-mumbai-1", dev, "")
	if err != nil || next != "" || len(some) != 1 || some[0].ID != far || some[0].Region != "ap-mumbai-1" {
		t.Errorf("the secrets are %+v, %q (%v)", some, next, err)
	}
}

func TestOpenProblemsOfTheFourRulesAreListed(t *testing.T) {
	cloud, e := emulated(t, ociemu.Calm())
	u := e.AddUser("web@example.com")
	open := e.AddProblem(ociemu.ProblemSeed{Rule: "API_KEY_TOO_OLD", User: u})
	e.AddProblem(ociemu.ProblemSeed{Rule: "BUCKET_IS_PUBLIC", User: u})
	e.CloseProblem(e.AddProblem(ociemu.ProblemSeed{Rule: "AUTH_TOKEN_TOO_OLD", User: u}), "why", "secops@example.com")
	got, _ := pages(t, func(page string) ([]string, string, error) {
		return cloud.OpenProblems(t.Context(), time.Now().Add(-time.Hour), page)
	})
	if !slices.Equal(got, []string{open}) {
		t.Errorf("the open problems are %v, want %s", got, open)
	}
}

func TestTheCallerIsTheUserWhoSignsOrTheFunction(t *testing.T) {
	e := ociemu.New(t, ociemu.Calm())
	fn := e.NewFunction("report", "")
	id, name, err := at(e, oci.NewWith(principal{fn})).WhoAmI(t.Context())
	if id != fn.FunctionID || name != "" || err != nil {
		t.Errorf("a function is %q, %q (%v)", id, name, err)
	}
	ada := e.AddOperator("ada@example.com")
	cloud := at(e, oci.NewWith(keyOf(ada)))
	if id, name, err := cloud.WhoAmI(t.Context()); id != ada.UserID || name != "ada@example.com" || err != nil {
		t.Errorf("a user is %q, %q (%v)", id, name, err)
	}
	e.Inject(ociemu.Fault{Operation: "GetUser", Do: ociemu.Answer(404, "NotAuthorizedOrNotFound")})
	if id, name, err := cloud.WhoAmI(t.Context()); id != ada.UserID || name != "" || err == nil {
		t.Errorf("a user whose name can't be read is %q, %q (%v)", id, name, err)
	}
}

// keyOf is the SDK's configuration provider for an operator's API key.
func keyOf(o ociemu.Operator) common.ConfigurationProvider {
	return common.NewRawConfigurationProvider(o.TenancyID, o.UserID, o.Region, o.Fingerprint, string(o.PrivatePEM), nil)
}
