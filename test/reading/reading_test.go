// Package reading shows that the policy of a report grants what reading a tenancy needs, and nothing else.
package reading

import (
	"context"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/oracle/oci-go-sdk/v65/common"

	"github.com/keyturn/keyturn/pkg/background"
	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/inventory"
	"github.com/keyturn/keyturn/pkg/oci"
	"github.com/keyturn/keyturn/pkg/report"
	"github.com/keyturn/keyturn/test/ociemu"
	"github.com/keyturn/keyturn/test/ocipolicy"
)

var _ inventory.Source = (*oci.Cloud)(nil)

// world is a tenancy with something of each kind, and a user who may only read it.
type world struct {
	*ociemu.Emulator
	auditor          common.ConfigurationProvider
	id               string // OCID of the auditor
	ada, pat         string // OCIDs of users of Default and of Partners
	secret, problem  string
	classic, partner credential.Domain
}

// tenancy is shared: a process has one proxy.
var tenancy world

func TestMain(m *testing.M) {
	os.Exit(func() int {
		o := ociemu.Calm()
		o.Domains = []ociemu.DomainSeed{{Name: "Partners"}}
		e, err := ociemu.Start(o)
		if err != nil {
			panic(err)
		}
		defer e.Close()
		for _, v := range e.Env(e.NewFunction("report", "")) {
			name, value, _ := strings.Cut(v, "=")
			os.Setenv(name, value)
		}
		tenancy = newWorld(e)
		return m.Run()
	}())
}

func newWorld(e *ociemu.Emulator) world {
	w := world{Emulator: e, id: e.AddUser("auditor")}
	fingerprint, key := w.AddAPIKey(w.id)
	w.auditor = common.NewRawConfigurationProvider(w.Tenancy(), w.id, w.Region(), fingerprint, string(key), nil)
	w.ada, w.pat = w.AddUser("ada"), w.AddDomainUser("Partners", ociemu.UserSeed{Name: "pat"})
	w.AddGroup("Partners", "Ops", w.pat)
	w.AddPolicy("ops", "", "Allow group 'Partners'/'Ops' to manage all-resources in tenancy")
	for _, user := range []string{w.ada, w.pat} {
		w.AddAPIKey(user)
		w.AddAuthToken(user, "pulls")
		w.AddCustomerSecretKey(user, "backup")
		w.SetPassword(user)
		w.AddDatabasePassword(user)
		w.AddSMTPCredential(user, "mail")
		w.AddOAuth2Credential(user, "client")
	}
	w.secret = w.AddSecret(ociemu.SecretSeed{Name: "ada-token"})
	w.problem = w.AddProblem(ociemu.ProblemSeed{Rule: "AUTH_TOKEN_TOO_OLD", User: w.ada})
	w.classic, w.partner = w.domain("Default"), w.domain("Partners")
	return w
}

func (w world) domain(name string) credential.Domain {
	d := w.Domain(name)
	return credential.Domain{ID: d.ID, Name: d.Name, URL: d.URL, Region: d.HomeRegion, Default: name == "Default",
		Classic: name == "Default", State: d.State}
}

// cloud signs in as the auditor, and has read nothing yet.
func (w world) cloud(domains ...string) *oci.Cloud {
	c := oci.NewWith(w.auditor)
	c.IdentityDomains = domains
	return c
}

// call is a question of a reading, and the permissions that it needs.
type call struct {
	name  string
	needs []string
	ask   func(ctx context.Context, all, named *oci.Cloud) error
}

// The permissions, and Cloud Guard's two verbs.
const (
	tenancies    = "TENANCY_INSPECT"
	compartments = "COMPARTMENT_INSPECT"
	listDomains  = "DOMAIN_INSPECT"
	getDomain    = "DOMAIN_READ"
	listUsers    = "USER_INSPECT"
	readUsers    = "USER_READ"
	credentials  = "CREDENTIAL_INSPECT"
	groups       = "GROUP_INSPECT"
	policies     = "POLICY_READ"
	listSecrets  = "SECRET_INSPECT"
	getSecret    = "SECRET_READ"
	listProblems = ocipolicy.CloudGuardList
	readProblems = ocipolicy.CloudGuardRead
)

// calls are all questions of inventory.Source, and the rest of what a report asks.
func (w world) calls() []call {
	since := time.Now().Add(-24 * time.Hour)
	list := []call{
		{"AllDomains", []string{tenancies, listDomains}, func(ctx context.Context, all, _ *oci.Cloud) error {
			_, err := all.AllDomains(ctx)
			return err
		}},
		{"AllDomains by OCID", []string{tenancies, getDomain}, func(ctx context.Context, _, named *oci.Cloud) error {
			_, err := named.AllDomains(ctx)
			return err
		}},
		{"Users", []string{tenancies, listUsers}, func(ctx context.Context, all, _ *oci.Cloud) error {
			_, _, err := all.Users(ctx, "")
			return err
		}},
		{"DomainUsers", []string{listUsers}, func(ctx context.Context, all, _ *oci.Cloud) error {
			_, err := all.DomainUsers(ctx, w.partner, 1, 1000)
			return err
		}},
		{"Administrators", []string{tenancies, groups, listUsers, policies, listDomains}, func(ctx context.Context,
			all, _ *oci.Cloud) error {
			_, _, err := all.Administrators(ctx)
			return err
		}},
		{"Regions", []string{tenancies}, func(ctx context.Context, all, _ *oci.Cloud) error {
			_, err := all.Regions(ctx)
			return err
		}},
		{"Compartments", []string{tenancies, compartments}, func(ctx context.Context, all, _ *oci.Cloud) error {
			_, err := all.Compartments(ctx)
			return err
		}},
		{"SecretsIn", []string{listSecrets}, func(ctx context.Context, all, _ *oci.Cloud) error {
			_, _, err := all.SecretsIn(ctx, w.Region(), w.Tenancy(), "")
			return err
		}},
		{"Secret", []string{getSecret}, func(ctx context.Context, all, _ *oci.Cloud) error {
			_, err := all.Vault().Secret(ctx, w.secret)
			return err
		}},
		{"OpenProblems", []string{tenancies, listProblems}, func(ctx context.Context, all, _ *oci.Cloud) error {
			_, _, err := all.OpenProblems(ctx, since, "")
			return err
		}},
		{"ClosedProblems", []string{tenancies, listProblems}, func(ctx context.Context, all, _ *oci.Cloud) error {
			_, _, err := all.ClosedProblems(ctx, since, "")
			return err
		}},
		{"Problem", []string{readProblems}, func(ctx context.Context, all, _ *oci.Cloud) error {
			_, err := all.Problem(ctx, w.problem)
			return err
		}},
		{"WhoAmI", []string{tenancies, listDomains, listUsers}, func(ctx context.Context, all, _ *oci.Cloud) error {
			_, _, err := all.WhoAmI(ctx)
			return err
		}},
	}
	for _, k := range credential.Observed() {
		list = append(list, w.ofKind(k)...)
	}
	return list
}

// ofKind are the lists of a kind. A domain's password is a part of its user.
func (w world) ofKind(k credential.Kind) []call {
	need, inDomain := readUsers, readUsers
	switch k {
	case credential.SMTPCredential:
		need, inDomain = credentials, credentials
	case credential.Password:
		inDomain = listUsers
	}
	return []call{
		{"CredentialsOf " + string(k), []string{tenancies, need}, func(ctx context.Context, all, _ *oci.Cloud) error {
			_, err := all.CredentialsOf(ctx, w.classic, k, w.ada)
			return err
		}},
		{"CredentialsOf in Partners " + string(k), []string{inDomain}, func(ctx context.Context,
			all, _ *oci.Cloud) error {
			_, err := all.CredentialsOf(ctx, w.partner, k, w.pat)
			return err
		}},
		{"DomainCredentials " + string(k), []string{inDomain}, func(ctx context.Context, all, _ *oci.Cloud) error {
			_, err := all.DomainCredentials(ctx, w.partner, k, 1, 1000)
			return err
		}},
	}
}

// policy is what ReadPolicy grants to the auditor's group.
func policy(t *testing.T) (all []ocipolicy.Statement) {
	t.Helper()
	for _, s := range report.ReadPolicy("Auditors") {
		st, err := ocipolicy.Parse(s.Text)
		if err != nil {
			t.Fatalf("%s: %v", s.Text, err)
		}
		all = append(all, st)
	}
	return all
}

// granted are the permissions of a statement.
func granted(s ocipolicy.Statement) []string {
	if s.Verb == "" {
		return s.Permissions
	}
	return ocipolicy.Permissions(s.Verb, s.Type)
}

// run makes every call with the statements, and returns the names of those that fail.
func (w world) run(t *testing.T, statements []ocipolicy.Statement) (failed []string) {
	t.Helper()
	w.SetPolicies(&ociemu.Policies{Set: ocipolicy.Set{Statements: statements},
		Groups: map[string][]ocipolicy.Group{w.id: {{Name: "Auditors"}}}})
	all, named := w.cloud("all"), w.cloud(w.classic.ID, w.partner.ID)
	calls := w.calls()
	group := background.Group{} // a refusal of a domain is asked for again after a pause
	for _, c := range calls {
		group.Go(func() error { return c.ask(t.Context(), all, named) })
	}
	for i, err := range group.Wait() {
		if err != nil {
			failed = append(failed, calls[i].name)
		}
	}
	return failed
}

// needing are the names of the calls that need one of the permissions.
func (w world) needing(permissions ...string) (names []string) {
	for _, c := range w.calls() {
		if slices.ContainsFunc(permissions, func(p string) bool { return slices.Contains(c.needs, p) }) {
			names = append(names, c.name)
		}
	}
	return names
}

func TestThePolicyOfAReportGrantsEveryReading(t *testing.T) {
	tenancy.ResetCalls()
	failed := tenancy.run(t, policy(t))
	if len(failed) > 0 {
		t.Errorf("not allowed: %q", failed)
	}
	var named, made []string
	for _, s := range report.ReadPolicy("Auditors") {
		named = append(named, s.Calls...)
	}
	for _, c := range tenancy.Calls() {
		if c.Method != "GET" || strings.HasPrefix(c.Service, "secrets") {
			t.Errorf("a reading makes %s %s", c.Method, c.Operation)
		}
		if c.Domain == "" {
			made = append(made, c.Operation)
		}
	}
	for _, lists := range [][]string{named, made} {
		slices.Sort(lists)
	}
	made = slices.Compact(made)
	if !slices.Equal(named, made) {
		t.Errorf("the policy is for\n%q\nand a reading calls\n%q", named, made)
	}
}

func TestWithoutAPermissionExactlyTheReadingsThatNeedItFail(t *testing.T) {
	removed := 0
	whole := policy(t)
	for i, s := range whole {
		var rests []ocipolicy.Statement
		var lost [][]string
		for at, p := range s.Permissions {
			rest := s
			rest.Permissions = slices.Delete(slices.Clone(s.Permissions), at, at+1)
			rests, lost = append(rests, rest), append(lost, []string{p})
		}
		if s.Verb == ocipolicy.Read {
			weaker, none := s, s
			weaker.Verb, none.Verb, none.Permissions = ocipolicy.Inspect, "", []string{"NOTHING"}
			rests = append(rests, weaker, none)
			lost = append(lost, slices.DeleteFunc(granted(s), weaker.Grants), granted(s))
		}
		for j, rest := range rests {
			removed++
			statements := slices.Clone(whole)
			statements[i] = rest
			got, want := tenancy.run(t, statements), tenancy.needing(lost[j]...)
			if len(want) == 0 || !slices.Equal(got, want) {
				t.Errorf("without %q\n%q fail, want\n%q", lost[j], got, want)
			}
		}
	}
	if removed < 13 {
		t.Errorf("%d permissions were removed, want 13 or more", removed)
	}
}

func TestNoStatementOfAReportsPolicyCanChangeAnythingOrReadAValue(t *testing.T) {
	reads := ocipolicy.Permissions(ocipolicy.Read, "all-resources")
	for _, s := range policy(t) {
		if doubts := s.Doubts(); len(doubts) > 0 || s.Where != nil {
			t.Errorf("%s: %q", s, doubts)
		}
		for _, p := range granted(s) {
			if !slices.Contains(reads, p) || strings.HasPrefix(p, "SECRET_BUNDLE") {
				t.Errorf("%s grants %s", s, p)
			}
		}
	}
}

func TestThePolicyNamesTheGroupAsItIsGiven(t *testing.T) {
	for _, group := range []string{"Auditors", "'Partners'/'Internal Audit'", "id ocid1.group.oc1..aaaa"} {
		for _, s := range report.ReadPolicy(group) {
			if !strings.HasPrefix(s.Text, "Allow group "+group+" to ") || s.Purpose == "" || len(s.Calls) == 0 {
				t.Errorf("%+v", s)
			}
			if _, err := ocipolicy.Parse(s.Text); err != nil {
				t.Errorf("%s: %v", s.Text, err)
			}
		}
	}
}
