package report_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/keyturn/keyturn/pkg/cloudguard"
	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/fault"
	"github.com/keyturn/keyturn/pkg/inventory"
	"github.com/keyturn/keyturn/pkg/report"
	"github.com/keyturn/keyturn/pkg/rotation"
	"github.com/keyturn/keyturn/pkg/vault"
)

var (
	home     = credential.Domain{ID: "ocid1.domain.oc1..default", Name: "Default", Default: true, State: "ACTIVE"}
	partners = credential.Domain{ID: "ocid1.domain.oc1..partners", Name: "Partners", State: "ACTIVE"}
)

const (
	jane = "ocid1.user.oc1..aaaaaaaajane"
	joe  = "ocid1.user.oc1..aaaaaaaajoe"
)

func builder(t testing.TB, kinds ...credential.Kind) *report.Builder {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "spool"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return report.NewBuilder(report.Options{Tenancy: "ocid1.tenancy.oc1..a", Name: "acme", ByName: "ada", At: now,
		Kinds: kinds, Spool: f})
}

func finish(t testing.TB, b *report.Builder, s report.Scope) (report.Report, []report.Row) {
	t.Helper()
	r, err := b.Finish(s)
	if err != nil {
		t.Fatal(err)
	}
	var rows []report.Row
	for row, err := range b.Rows() {
		if err != nil {
			t.Fatal(err)
		}
		rows = append(rows, row)
	}
	return r, rows
}

func verdict(t testing.TB, r report.Report, number string) report.Verdict {
	t.Helper()
	i := slices.IndexFunc(r.Verdicts, func(v report.Verdict) bool { return v.Recommendation == number })
	if i < 0 {
		t.Fatalf("there is no verdict %s in %+v", number, r.Verdicts)
	}
	return r.Verdicts[i]
}

func held(k credential.Kind, user, id string, age float64) inventory.Entry {
	e := entry(k, days(age))
	e.Domain, e.User, e.UserName, e.ID = home, user, strings.TrimPrefix(user, "ocid1.user.oc1..aaaaaaaa"), id
	return e
}

const (
	print1 = "aa:aa:aa:aa:aa:aa:aa:aa:aa:aa:aa:aa:aa:aa:aa:aa"
	print2 = "bb:bb:bb:bb:bb:bb:bb:bb:bb:bb:bb:bb:bb:bb:bb:bb"
)

func TestRowsAreJoinedWhateverTheOrder(t *testing.T) {
	journal, err := rotation.Journal{Retire: rotation.Overlaps{{Credential: print2, After: days(-3)}}}.Write(nil)
	if err != nil {
		t.Fatal(err)
	}
	parts := []func(v inventory.Visitor){
		func(v inventory.Visitor) { v.Domain(home) },
		func(v inventory.Visitor) {
			v.User(home, credential.User{ID: jane, State: "INACTIVE", Tags: map[string]string{
				"keyturn-exempt": "auth-token: vendor until 2027-03-01"}})
			v.User(home, credential.User{ID: joe, State: "ACTIVE", MayNot: []credential.Kind{credential.Password}})
		},
		func(v inventory.Visitor) {
			v.Credential(held(credential.APIKey, joe, print1, 100))
			v.Credential(held(credential.APIKey, joe, print2, 120))
			v.Credential(held(credential.AuthToken, jane, "token", 91))
			v.Credential(held(credential.Password, joe, "", 1))
		},
		func(v inventory.Visitor) {
			v.Secret("us-ashburn-1", vault.Secret{ID: "s1", Name: "key-of-joe", State: "ACTIVE", Metadata: journal,
				Freeform: map[string]string{"keyturn-user": joe, "keyturn-kind": "api-key"}})
			v.Secret("us-ashburn-1", vault.Secret{ID: "s2", Name: "deleted", State: "PENDING_DELETION",
				Freeform: map[string]string{"keyturn-user": joe, "keyturn-kind": "api-key"}})
			v.Secret("us-ashburn-1", vault.Secret{ID: "s3", Name: "wrong", State: "ACTIVE", Freeform: map[string]string{
				"keyturn-user": joe, "keyturn-kind": "api-key"}, Defined: map[string]map[string]any{
				"keyturn": {"user": jane}}})
		},
		func(v inventory.Visitor) {
			for id, state := range map[string]string{"open": "OPEN", "closed": "RESOLVED"} {
				v.Problem(cloudguard.Problem{ID: id, Rule: cloudguard.APIKeyTooOld, Detail: state,
					ResourceID: "ocid1.tenancy.oc1..a/" + joe + "/" + print1})
			}
		},
	}
	want := []string{"api-key joe old [key-of-joe] old credential until 2026-12-02 no",
		"api-key joe old [key-of-joe] open no", "auth-token jane old [] no vendor, until 2027-03-01",
		"password joe ok [] no"}
	for _, order := range [][]int{{0, 1, 2, 3, 4}, {4, 3, 2, 1, 0}, {2, 4, 0, 3, 1}} {
		b := builder(t)
		for _, i := range order {
			parts[i](b.Visitor())
		}
		b.Administrators(nil, nil, nil)
		r, rows := finish(t, b, report.Scope{})
		var got []string
		for _, row := range rows {
			got = append(got, strings.Join(strings.Fields(fmt.Sprint(row.Kind, " ", row.UserName, " ", row.State, " ",
				row.Secrets, " ", row.Rotation, " ", row.Problem, " ", row.Administrator, " ", row.Exempt)), " "))
		}
		if !slices.Equal(got, want) || r.Rows != 4 || r.Users != 2 {
			t.Errorf("in the order %v: %d users, and %q, want %q", order, r.Users, got, want)
		}
	}
}

func TestAProblemIsOnlyThatOfItsOwnCredential(t *testing.T) {
	scim := strings.Repeat("ab", 16) // an id by which the domain knows a credential
	for _, c := range []struct {
		resource string
		keys     []string
		want     string // the ids of the credentials that have the problem
	}{
		{print1, []string{print1, print2}, print1},
		{strings.ToUpper(print1), []string{print1}, print1},
		{print1, []string{print2}, ""},
		{scim, []string{print1}, print1},
		{scim, []string{print1, print2}, ""},
	} {
		b := builder(t)
		for _, id := range c.keys {
			b.Visitor().Credential(held(credential.APIKey, joe, id, 100))
		}
		b.Visitor().Problem(cloudguard.Problem{ID: "p", Rule: cloudguard.APIKeyTooOld, Detail: "OPEN",
			ResourceID: "ocid1.tenancy.oc1..a/" + joe + "/" + c.resource})
		_, rows := finish(t, b, report.Scope{})
		var got []string
		for _, r := range rows {
			if r.Problem != "" {
				got = append(got, r.ID)
			}
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("a problem about %s of a user with %q is that of %q, want %q", c.resource, c.keys, got, c.want)
		}
	}
}

func TestWhatWasNotReadIsNotKnown(t *testing.T) {
	young := func(b *report.Builder) {
		v := b.Visitor()
		v.Domain(home)
		v.User(home, credential.User{ID: joe, State: "ACTIVE"})
		for _, k := range credential.Observed() {
			v.Credential(held(k, joe, string(k), 3))
		}
	}
	denied := fault.New(fault.Denied, "ListAuthTokens", "no")
	all := "1.8 1.9 1.10 1.11 1.12 1.17"
	for name, c := range map[string]struct {
		kinds   []credential.Kind
		more    func(*report.Builder)
		scope   report.Scope
		unknown string
		gaps    bool
	}{
		"everything was read": {},
		"a kind in a domain": {scope: report.Scope{Gaps: []inventory.Gap{{Doing: "list the auth tokens", Domain: home,
			Kinds: []credential.Kind{credential.AuthToken}, Err: denied}}}, unknown: "1.10", gaps: true},
		"API keys of a user": {scope: report.Scope{Gaps: []inventory.Gap{{Doing: "list", Domain: home, Thing: joe,
			Kinds: []credential.Kind{credential.APIKey}, Err: denied}}}, unknown: "1.8 1.12 1.17", gaps: true},
		"secrets in a region": {scope: report.Scope{Gaps: []inventory.Gap{{Doing: "list the secrets",
			Region: "eu-frankfurt-1", Err: denied}}}, gaps: true},
		"a domain that is not ACTIVE": {more: func(b *report.Builder) {
			b.Visitor().Domain(credential.Domain{ID: "d", Name: "Retired", State: "INACTIVE"})
		}, unknown: all, gaps: true},
		"a domain was left out": {scope: report.Scope{LeftOut: []string{"Partners"}}, unknown: all},
		"kinds were left out": {kinds: []credential.Kind{credential.APIKey},
			unknown: "1.9 1.10 1.11"},
		"administrators": {more: func(b *report.Builder) { b.Administrators(nil, nil, denied) }, unknown: "1.12",
			gaps: true},
		"interrupted": {scope: report.Scope{Interrupted: errors.New("interrupted")}, unknown: all, gaps: true},
		"a credential without a time": {more: func(b *report.Builder) {
			e := held(credential.CustomerSecretKey, joe, "x", 3)
			e.Created = time.Time{}
			b.Visitor().Credential(e)
		}, unknown: "1.9"},
	} {
		b := builder(t, c.kinds...)
		young(b)
		b.Administrators(nil, nil, nil)
		if c.more != nil {
			c.more(b)
		}
		r, _ := finish(t, b, c.scope)
		var unknown []string
		for _, v := range r.Verdicts {
			switch v.Result {
			case report.NotKnown:
				unknown = append(unknown, v.Recommendation)
			case report.NotMet:
				t.Errorf("%s: %+v", name, v)
			}
		}
		if got := strings.Join(unknown, " "); got != c.unknown || r.Gaps() != c.gaps ||
			c.unknown != "" && len(r.NotAsked) == 0 && r.Interrupts == "" && name != "a credential without a time" {
			t.Errorf("%s: not known are %q, want %q; not asked: %+v", name, got, c.unknown, r.NotAsked)
		}
	}
}

func TestWhatIsAgainstARecommendationCountsAlsoInAnIncompleteReading(t *testing.T) {
	b := builder(t)
	b.Visitor().Domain(home)
	b.Visitor().Credential(held(credential.APIKey, joe, print1, 91))
	b.Visitor().Credential(held(credential.APIKey, joe, print2, 300))
	b.Administrators(map[string]bool{joe: true}, []string{"Administrators"}, errors.New("a group wasn't read"))
	r, _ := finish(t, b, report.Scope{Interrupted: errors.New("interrupted")})
	for number, want := range map[string]int{"1.8": 2, "1.12": 1, "1.17": 1} {
		if v := verdict(t, r, number); v.Result != report.NotMet || v.Against != want || len(v.Examples) != want {
			t.Errorf("%+v, want %d against it", v, want)
		}
	}
	if v := verdict(t, r, "1.8"); !strings.Contains(v.Examples[0], "300 days") {
		t.Errorf("the examples are %q, want the oldest first", v.Examples)
	}
}

func TestAnExemptionKeepsARecommendationMetAndIsCounted(t *testing.T) {
	b := builder(t)
	b.Visitor().Domain(home)
	b.Visitor().User(home, credential.User{ID: joe, Tags: map[string]string{"keyturn.exempt": "x until 2027-01-01"}})
	b.Visitor().Credential(held(credential.APIKey, joe, print1, 91))
	b.Visitor().Credential(held(credential.APIKey, joe, print2, 300))
	b.Administrators(map[string]bool{joe: true}, nil, nil)
	r, _ := finish(t, b, report.Scope{})
	for number, want := range map[string]int{"1.8": 2, "1.12": 1, "1.17": 1} {
		if v := verdict(t, r, number); v.Result != report.Met || v.Against != want || v.Exempt != want ||
			!strings.Contains(v.Why, "with an exemption") {
			t.Errorf("%+v, want met with %d exempt", v, want)
		}
	}
}

func TestADomainOfWhichNothingWasReadIsNotAmongTheDomains(t *testing.T) {
	b := builder(t)
	b.Visitor().Domain(home)
	b.Visitor().Domain(partners)
	r, _ := finish(t, b, report.Scope{Regions: []string{"us-ashburn-1", "eu-frankfurt-1"}, Gaps: []inventory.Gap{
		{Doing: "list the users", Domain: partners, Kinds: credential.Observed(), Err: errors.New("503")},
		{Doing: "list the secrets", Region: "eu-frankfurt-1", Err: errors.New("503")}}})
	if !slices.Equal(r.Domains, []string{"Default"}) || !slices.Equal(r.Regions, []string{"us-ashburn-1"}) {
		t.Errorf("the domains are %q and the regions %q", r.Domains, r.Regions)
	}
	if len(r.NotAsked) < 2 || !strings.HasSuffix(r.NotAsked[0].What, "of the domain Partners") ||
		!strings.Contains(r.NotAsked[1].What, "eu-frankfurt-1") {
		t.Errorf("not asked are %+v", r.NotAsked)
	}
}

// BenchmarkBuilder measures the memory for users with three credentials each.
func BenchmarkBuilder(t *testing.B) {
	const users = 100_000
	for t.Loop() {
		b := builder(t)
		v := b.Visitor()
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		for i := range users {
			id := fmt.Sprintf("ocid1.user.oc1..aaaaaaaa%052d", i)
			v.User(home, credential.User{ID: id, State: "ACTIVE"})
			for j, k := range []credential.Kind{credential.APIKey, credential.AuthToken, credential.CustomerSecretKey} {
				e := held(k, id, fmt.Sprintf("ocid1.credential.oc1..aaaaaaaa%052d", i), float64((i*7+j)%400))
				e.UserName = fmt.Sprintf("user-%d@example.com", i)
				v.Credential(e)
			}
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		t.ReportMetric(float64(int64(after.HeapAlloc)-int64(before.HeapAlloc))/users, "B/user")
		r, _ := b.Finish(report.Scope{})
		rows := 0
		for _, err := range b.Rows() {
			if err != nil {
				t.Fatal(err)
			}
			rows++
		}
		if rows != 3*users || r.Rows != rows {
			t.Fatalf("%d rows, and the report says %d", rows, r.Rows)
		}
	}
}

func TestTheOrderOfRowsDoesNotDependOnWhichEntryWasReadFirst(t *testing.T) {
	var entries []inventory.Entry
	for i := range 50 {
		entries = append(entries, held(credential.AuthToken, jane, fmt.Sprint("ocid1.credential.oc1..", i), 100))
	}
	var first []string
	for seed := range uint64(5) {
		rand.New(rand.NewPCG(seed, 0)).Shuffle(len(entries), func(i, j int) {
			entries[i], entries[j] = entries[j], entries[i]
		})
		b := builder(t)
		for _, e := range entries {
			b.Visitor().Credential(e)
		}
		r, rows := finish(t, b, report.Scope{})
		ids := slices.Clone(verdict(t, r, "1.10").Examples)
		for _, row := range rows {
			ids = append(ids, row.ID)
		}
		if first == nil {
			first = ids
		}
		if !slices.Equal(ids, first) {
			t.Fatalf("with the seed %d the order is another one", seed)
		}
	}
}
