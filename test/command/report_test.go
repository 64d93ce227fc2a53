package command

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	"github.com/keyturn/keyturn/pkg/report"
	"github.com/keyturn/keyturn/test/ociemu"
	"github.com/keyturn/keyturn/test/tenancy"
)

// populated returns a tenancy that all tests of the report read.
var populated = sync.OnceValues(func() (*ociemu.Emulator, tenancy.Census) {
	e, err := ociemu.Start(ociemu.Calm())
	if err != nil {
		panic(err)
	}
	c, err := tenancy.Populate(e, 1, tenancy.Size{})
	if err != nil {
		panic(err)
	}
	return e, c
})

// reported is the JSON of a report.
type reported struct {
	Report report.Report
	Rows   []report.Row
}

func decode(t *testing.T, text string) (r reported) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		t.Fatal(err)
	}
	return r
}

func (r reported) verdict(t *testing.T, number string) report.Verdict {
	t.Helper()
	i := slices.IndexFunc(r.Report.Verdicts, func(v report.Verdict) bool { return v.Recommendation == number })
	if i < 0 {
		t.Fatalf("no verdict %s", number)
	}
	return r.Report.Verdicts[i]
}

func TestEveryNumberOfTheReportIsThatOfTheCensus(t *testing.T) {
	e, c := populated()
	got := decode(t, run(t, shell(t, e, c.Operator), 0, "", "report", "--json").Stdout)
	if got.Report.Users != len(c.People) || got.Report.Rows != len(c.Credentials) ||
		len(got.Rows) != len(c.Credentials) || got.Report.By != c.Operator.UserID ||
		got.Report.ByName != c.Operator.Name || got.Report.Tenancy != e.Tenancy() || len(got.Report.NotAsked) > 0 {
		t.Errorf("the report is %+v, want %d users and %d rows", got.Report, len(c.People), len(c.Credentials))
	}
	if !slices.Equal(got.Report.Domains, []string{"Default", "Partners", "Plant"}) || len(got.Report.Regions) < 3 {
		t.Errorf("the domains are %q and the regions %q", got.Report.Domains, got.Report.Regions)
	}
	for _, n := range got.Report.Counts {
		want := c.Count(tenancy.Kind(n.Kind), nil)
		if (tenancy.Tally{All: n.All, Old: n.Old, Soon: n.Soon, Undated: n.Undated, Bound: n.Bound,
			Exempt: n.Exempt}) != want {
			t.Errorf("the count of %s is %+v, want %+v", n.Kind, n, want)
		}
	}
	for _, number := range []string{"1.8", "1.9", "1.10", "1.11", "1.12", "1.17"} {
		v, want := got.verdict(t, number), c.Verdict(number)
		if v.Checked != want.Checked || v.Against != want.Against || v.Exempt != want.Exempt ||
			v.Result != report.NotMet || len(v.Examples) != min(20, v.Against) {
			t.Errorf("%s: %+v, want %+v", number, v, want)
		}
	}
	rows := map[string]report.Row{}
	for _, r := range got.Rows {
		rows[string(r.Kind)+r.User+r.ID] = r
	}
	for _, s := range c.Credentials {
		r, ok := rows[string(s.Kind)+s.User+s.ID]
		if s.Kind == tenancy.Password { // has no id
			i := slices.IndexFunc(got.Rows, func(r report.Row) bool {
				return r.User == s.User && string(r.Kind) == string(s.Kind)
			})
			r, ok = got.Rows[max(i, 0)], i >= 0
		}
		if !ok {
			t.Errorf("there is no row of %+v", s)
			continue
		}
		checkRow(t, c, s, r)
	}
}

// checkRow compares a row with the seed of its credential.
func checkRow(t *testing.T, c tenancy.Census, s tenancy.Seeded, r report.Row) {
	t.Helper()
	p := c.Person(s.User)
	name, state, yes := p.Name, "ACTIVE", "no"
	if p.Domain != ociemu.DefaultDomain {
		name = p.Domain + "/" + p.Name
	}
	if p.Left {
		state = "INACTIVE"
	}
	if p.Admin {
		yes = "yes"
	}
	want := slices.Sorted(slices.Values(s.Secrets))
	if r.UserName != name || r.UserState != state || r.Administrator != yes || r.Domain != p.Domain ||
		r.AgeDays != s.Days || r.Problem != s.Problem || (r.Exempt != "") != s.Exempt ||
		!slices.Equal(r.Secrets, want) {
		t.Errorf("the row is %+v, and the seed %+v of %+v", r, s, p)
	}
	advice := ""
	switch has := func(f string) bool { return slices.Contains(s.Flags, f) }; {
	case s.Exempt:
		advice = "Exempt: "
	case has("staged") && !strings.HasPrefix(r.Rotation, "half-way"),
		has("held") && !strings.HasPrefix(r.Rotation, "old credential until "):
		t.Errorf("the rotation of %+v is %q", s, r.Rotation)
	case has("staged"), has("held"):
		advice = "Keyturn is rotating it."
	case s.Left, p.Name == "secrets-reader":
		advice = "Delete it: "
	case p.Admin && s.Kind == tenancy.APIKey:
		advice = "Remove it: "
	case p.Name == "oke-node-pool-1", p.Name == "build-instance-7":
		advice = "Use an instance or workload principal"
	case s.Days < 0:
		advice = "Check its age"
	case s.Old() && len(s.Secrets) > 0 && s.Problem != "":
		advice = "Run keyturn rotate " + name + " " + string(s.Kind)
	case s.Old() && len(s.Secrets) > 0:
		advice = "Bound."
	case has("misbound"):
		advice = "Bind its secret: "
	}
	if !strings.HasPrefix(r.Advice, advice) || s.Old() && r.Advice == "" {
		t.Errorf("the advice of %+v is %q, want %q", s, r.Advice, advice)
	}
	for _, key := range []string{"api_secret_ocid:", "auth_secret_ocid:", "accesskey_secret_ocid:", "bundle_secret"} {
		if strings.Contains(r.Advice, key) && len(s.Secrets) == 0 {
			t.Errorf("the advice of %+v names a secret: %s", s, r.Advice)
		}
	}
}

func TestOneReadingWritesAllFormsAndNoSecretValue(t *testing.T) {
	e, c := populated()
	s := shell(t, e, c.Operator)
	calls := len(e.Calls())
	r := run(t, s, 0, "", "report", "--html", "r.html", "--csv", "r.csv", "--json-file", "r.json", "--rows", "1000")
	single := len(e.Calls()) - calls
	texts := map[string]string{"the table": r.Stdout, "the standard error": r.Stderr}
	for _, name := range []string{"r.html", "r.csv", "r.json"} {
		path := filepath.Join(s.Home, name)
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if about, err := os.Stat(path); err != nil || about.Mode().Perm() != 0o600 {
			t.Errorf("%s has the mode %v (%v)", name, about.Mode(), err)
		}
		texts[name] = string(text)
	}
	if left, _ := filepath.Glob(filepath.Join(s.Home, ".r.*")); len(left) > 0 {
		t.Errorf("%q are left", left)
	}
	for name, text := range texts {
		for i, value := range c.Values {
			if value != "" && strings.Contains(text, value) {
				t.Errorf("%s has the secret value %d", name, i)
			}
		}
	}
	for line := range strings.SplitSeq(r.Stdout, "\n") {
		if utf8.RuneCountInString(line) > 80 {
			t.Errorf("wider than 80 columns: %s", line)
		}
	}
	lines, err := csv.NewReader(strings.NewReader(texts["r.csv"])).ReadAll()
	if err != nil || len(lines) != len(c.Credentials)+1 || len(decode(t, texts["r.json"]).Rows) != len(c.Credentials) {
		t.Errorf("%d lines of CSV, and other rows of JSON, want %d: %v", len(lines), len(c.Credentials), err)
	}
	calls = len(e.Calls())
	for _, format := range []string{"csv", "html", "json"} {
		text := run(t, s, 0, "", "report", "--format", format).Stdout
		if format == "csv" && text != texts["r.csv"] {
			t.Error("the CSV on the standard output differs from the file")
		}
	}
	if three := len(e.Calls()) - calls; three < 2*single {
		t.Errorf("one reading makes %d calls, and three %d", single, three)
	}
	for _, call := range e.Calls() {
		if strings.HasPrefix(call.Operation, "Create") || strings.HasPrefix(call.Operation, "Update") ||
			strings.HasPrefix(call.Operation, "Delete") || call.Operation == "GetSecretBundle" {
			t.Errorf("a report calls %s", call.Operation)
		}
	}
}

// missing is what the rows of a report lack for an operation that is refused.
var missing = []struct {
	operation string
	match     func(ociemu.Call) bool
	what      string // in NotAsked
	unknown   string // verdicts that can't be met any more
}{
	{operation: "ListSecrets", match: func(c ociemu.Call) bool { return c.Region == "eu-frankfurt-1" },
		what: "in the region eu-frankfurt-1"},
	{operation: "ListProblems", what: "list the open problems"},
	{operation: "ListRegionSubscriptions", what: "list the regions"},
	{operation: "ListPolicies", what: "who the administrators are", unknown: "1.12"},
	{operation: "ListUserDbCredentials", match: func(c ociemu.Call) bool { return c.Domain == tenancy.Plant },
		what: "the IAM database passwords of ", unknown: "1.11"},
	{operation: "ListDomains", what: "which identity domains there are", unknown: "1.8 1.9 1.10 1.11 1.12 1.17"},
}

func TestWhatCanNotBeAskedIsNotAskedAndNeverNone(t *testing.T) {
	e, err := ociemu.Start(ociemu.Calm())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close() })
	for _, d := range []string{tenancy.Partners, tenancy.Plant} { // without credentials, so that nothing is against
		e.AddDomain(ociemu.DomainSeed{Name: d})
	}
	o := e.AddOperator("ada@example.com")
	e.AddDomainUser(tenancy.Plant, ociemu.UserSeed{Name: "joe"})
	s := shell(t, e, o)
	whole := decode(t, run(t, s, 0, "", "report", "--json").Stdout)
	for _, c := range missing {
		e.Inject(ociemu.Fault{Operation: c.operation, Match: c.match, Times: 1_000_000,
			Do: ociemu.Answer(404, "NotAuthorizedOrNotFound")})
		got := decode(t, run(t, s, 3, "", "report", "--json").Stdout)
		e.ClearFaults()
		if !slices.ContainsFunc(got.Report.NotAsked, func(g report.Gap) bool {
			return strings.Contains(g.What, c.what) && g.Why != "" && g.Remedy != ""
		}) {
			t.Errorf("without %s, not asked are %+v, want %q", c.operation, got.Report.NotAsked, c.what)
		}
		for _, v := range got.Report.Verdicts {
			want := whole.verdict(t, v.Recommendation).Result
			if want == report.Met && slices.Contains(strings.Fields(c.unknown), v.Recommendation) {
				want = report.NotKnown
			}
			if v.Result != want {
				t.Errorf("without %s, %s is %s, want %s", c.operation, v.Recommendation, v.Result, want)
			}
		}
	}
}

func TestADomainThatIsNotReadIsNamed(t *testing.T) {
	e, err := ociemu.Start(ociemu.Calm())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close() })
	o := e.AddOperator("ada@example.com")
	e.SetPassword(o.UserID) // without any password, it isn't known whether they may be read
	e.AddUser("without a password")
	e.AddDomain(ociemu.DomainSeed{Name: tenancy.Partners})
	e.AddDomain(ociemu.DomainSeed{Name: tenancy.Retired, State: "INACTIVE"})
	s := shell(t, e, o)
	for args, want := range map[string]struct {
		code    int
		domains string
		not     string
	}{
		"":                               {3, "[Default Partners]", "domain Retired"},
		"--domains Default":              {0, "[Default]", "domain Partners"},
		"--domains partners":             {0, "[Partners]", "domain Default"},
		"--kinds api-key":                {3, "[Default Partners]", "auth tokens"},
		"--domains none":                 {0, "[Default]", ""},
		"--domains Default,Partners":     {0, "[Default Partners]", "domain Retired"},
		"--domains Default --limit 30d":  {0, "[Default]", "domain Partners"},
		"--domains none --kinds api-key": {0, "[Default]", "auth tokens"},
	} {
		words := append([]string{"report", "--json"}, strings.Fields(args)...)
		r := decode(t, run(t, s, want.code, "", words...).Stdout)
		named := want.not == "" || slices.ContainsFunc(r.Report.NotAsked, func(g report.Gap) bool {
			return strings.Contains(g.What, want.not)
		})
		if fmt.Sprint(r.Report.Domains) != want.domains || !named {
			t.Errorf("%q: the domains are %v, and not asked %+v", args, r.Report.Domains, r.Report.NotAsked)
		}
	}
	for _, args := range []string{"--domains nowhere", "--limit soon", "--kinds keys", "--format xml", "--rows -1",
		"--fail-on met", "--html /no/x.html", "--json --format csv", "extra"} {
		words := strings.Fields(args)
		last := words[len(words)-1]
		r := run(t, s, 2, "", append([]string{"report"}, words...)...)
		if r.Stdout != "" || !strings.Contains(r.Stderr, strings.TrimSuffix(last, "x.html")) {
			t.Errorf("%s: it printed %+v", args, r)
		}
	}
	if r := run(t, s, 1, "", "report", "--fail-on", "not-met"); !strings.Contains(r.Stderr, "not met: 1.12") {
		t.Errorf("it printed %s", r.Stderr)
	}
}
