package report_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/inventory"
	"github.com/keyturn/keyturn/pkg/report"
	"github.com/keyturn/keyturn/pkg/rotation"
)

var now = time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)

func days(n float64) time.Time { return now.Add(-time.Duration(n * 24 * float64(time.Hour))) }

func entry(k credential.Kind, created time.Time) inventory.Entry {
	return inventory.Entry{Domain: credential.Domain{Name: "Default", Default: true}, Kind: k,
		Held: credential.Held{User: "ocid1.user.oc1..aaaaaaaajane", UserName: "jane@example.com",
			Issued: credential.Issued{ID: "id-1", Created: created}}}
}

func facts() report.Facts {
	return report.Facts{Now: now, Limit: 90 * 24 * time.Hour, UserState: "ACTIVE", Administrator: report.No}
}

func TestTheStateFollowsFromTheAge(t *testing.T) {
	for age, want := range map[float64]string{0: "ok", 75.9: "ok", 76: "soon", 89.9: "soon", 90: "old", 4000: "old"} {
		r := report.Judge(entry(credential.APIKey, days(age)), facts())
		if r.State != want || r.AgeDays != int(age) || !r.Due.Equal(days(age).Add(90*24*time.Hour)) {
			t.Errorf("after %v days the row is %+v", age, r)
		}
	}
	r := report.Judge(entry(credential.APIKey, time.Time{}), facts())
	if r.State != report.StateNotKnown || r.AgeDays != -1 || r.Due != nil || r.Created != nil ||
		!strings.Contains(r.Advice, "Check its age") {
		t.Errorf("without a time the row is %+v", r)
	}
}

// The types that the table below changes.
type (
	E = inventory.Entry
	F = report.Facts
)

func TestTheAdviceFitsTheCredential(t *testing.T) {
	bound := []report.Secret{{Name: "key-of-jane", ID: "ocid1.vaultsecret.oc1.iad.aaaa"}}
	old := entry(credential.APIKey, days(100))
	for name, c := range map[string]struct {
		change func(*E, *F)
		want   string
	}{
		"bound with a problem": {func(_ *E, f *F) { f.Secrets, f.Problem = bound, "p" },
			"Run keyturn rotate jane@example.com api-key, or close its problem with the comment " +
				"api_secret_ocid:ocid1.vaultsecret.oc1.iad.aaaa."},
		"bound without a problem": {func(_ *E, f *F) { f.Secrets = bound },
			"Bound. Cloud Guard has no open problem"},
		"unbound": {func(_ *E, f *F) {}, "Bind its secret: keyturn bind"},
		"young of an administrator": {func(e *E, f *F) { f.Administrator, e.Created = "yes", now },
			"Remove it: CIS 1.12"},
		"token of an administrator": {func(e *E, f *F) { f.Administrator, e.Kind = "yes", credential.AuthToken },
			"Bind its secret"},
		"of a leaver":      {func(_ *E, f *F) { f.UserState = "INACTIVE" }, "Delete it: its user is INACTIVE."},
		"not allowed":      {func(_ *E, f *F) { f.MayNot = true }, "Delete it: its user may not have an API key."},
		"inactive":         {func(e *E, _ *F) { e.Inactive = true }, "Delete it: it is INACTIVE."},
		"expired":          {func(e *E, _ *F) { e.Expires = days(3) }, "Delete it: it expired on 2026-11-26."},
		"expires later":    {func(e *E, _ *F) { e.Expires = days(-3) }, "Bind its secret"},
		"unbound password": {func(e *E, _ *F) { e.Kind = credential.Password }, "Ask the user to change it."},
		"password with a problem": {func(e *E, f *F) { e.Kind, f.Problem = credential.Password, "p" },
			"Run keyturn rotate jane@example.com password, or close its problem with the comment rotate:yes."},
		"SMTP":  {func(e *E, _ *F) { e.Kind = credential.SMTPCredential }, "Keyturn doesn't rotate it."},
		"young": {func(e *E, _ *F) { e.Created = now }, ""},
		"instance": {func(e *E, f *F) { e.UserName, f.NoConsole = "plant/oke-node-1", true },
			"Use an instance or workload principal"},
		"name alone":  {func(e *E, _ *F) { e.UserName = "oke-node-1" }, "Bind its secret"},
		"mail domain": {func(e *E, f *F) { e.UserName, f.NoConsole = "a@compute.example", true }, "Bind its secret"},
		"half-way": {func(_ *E, f *F) {
			f.Secrets = []report.Secret{{Journal: rotation.Journal{Staged: &rotation.Staged{Old: "id-1",
				Phase: "staged"}}}}
		}, "Keyturn is rotating it."},
		"odd name": {func(e *E, f *F) { e.UserName = "it's $(x)" },
			`Bind its secret: keyturn bind 'it'\''s $(x)' api-key.`},
	} {
		e, f := old, facts()
		c.change(&e, &f)
		if got := report.Judge(e, f).Advice; !strings.HasPrefix(got, c.want) || c.want == "" && got != "" {
			t.Errorf("%s: the advice is %q, want %q", name, got, c.want)
		}
	}
}

func TestARotationIsShownForItsOwnCredentials(t *testing.T) {
	at := days(1)
	journal := rotation.Journal{Staged: &rotation.Staged{Old: "old", Credential: "new",
		Phase: rotation.PhaseStaged, At: &at},
		Retire: rotation.Overlaps{{Credential: "held", After: days(-2)},
			{Credential: "ending", After: days(2), Begun: &at}}}
	for id, want := range map[string]string{"old": "half-way: staged since 2026-11-28", "other": "", "": "",
		"new":  "new credential of a rotation that is half-way",
		"held": "old credential until 2026-12-01", "ending": "being deleted since 2026-11-28"} {
		e, f := entry(credential.APIKey, days(100)), facts()
		e.ID, f.Secrets = id, []report.Secret{{Name: "s", Journal: journal}}
		if got := report.Judge(e, f).Rotation; got != want {
			t.Errorf("the rotation of %q is shown as %q, want %q", id, got, want)
		}
	}
}

// random draws an entry and facts.
func random(r *rand.Rand) (inventory.Entry, report.Facts) {
	kinds := credential.Observed()
	e := entry(kinds[r.IntN(len(kinds))], days(r.Float64()*300))
	f := facts()
	pick := func(texts ...string) string { return texts[r.IntN(len(texts))] }
	if r.IntN(8) == 0 {
		e.Created = time.Time{}
	}
	e.Inactive, f.MayNot, f.NoConsole = r.IntN(4) == 0, r.IntN(4) == 0, r.IntN(2) == 0
	f.UserState, f.Administrator = pick("", "ACTIVE", "INACTIVE", "BLOCKED"),
		pick(report.Yes, report.No, report.NotKnownText)
	e.UserName = pick("jane", "oke-node", "", "Plant/vm 1", "=cmd|' /C calc'!A0")
	f.Problem = pick("", "ocid1.cloudguardproblem.oc1..a")
	for i := range r.IntN(3) {
		f.Secrets = append(f.Secrets, report.Secret{Name: fmt.Sprint("s", i),
			ID: fmt.Sprint("ocid1.vaultsecret.oc1..", i)})
	}
	if r.IntN(3) == 0 {
		f.Exemptions = report.Exemptions(map[string]string{
			"keyturn.exempt": pick("vendor", "api-key: vendor", "", "x: y")},
			now)
		f.Exemptions = append(f.Exemptions, report.Exemptions(map[string]string{
			"keyturn-exempt": pick("vendor", "auth-token: v") + " until " +
				pick("2027-01-01", "2026-01-01", "soon")}, now)...)
	}
	return e, f
}

func TestEveryJudgementKeepsTheRules(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 20_000 {
		e, f := random(r)
		row := report.Judge(e, f)
		older := e
		older.Created = e.Created.Add(-24 * time.Hour)
		order := map[string]int{"ok": 0, "soon": 1, "old": 2}
		switch {
		case e.Created.IsZero() != (row.AgeDays == -1), (row.Due == nil) != (row.AgeDays == -1),
			(row.State == report.StateNotKnown) != (row.AgeDays == -1):
			t.Fatalf("the age of %+v isn't consistent", row)
		case !e.Created.IsZero() && order[report.Judge(older, f).State] < order[row.State]:
			t.Fatalf("the state of %+v is better a day later", row)
		case row.State == report.StateOld && row.Advice == "":
			t.Fatalf("an old credential has no advice: %+v", row)
		case f.UserState == "" && row.UserState != report.NotKnownText:
			t.Fatalf("an unknown user has the state %q", row.UserState)
		case row.Exempt != "" && (row.ExemptFlaw != "" || !strings.HasPrefix(row.Advice, "Exempt: ")):
			t.Fatalf("the exemption of %+v isn't shown", row)
		case strings.HasPrefix(row.Advice, "Delete it") && f.UserState != "INACTIVE" && !f.MayNot && !e.Inactive:
			t.Fatalf("a credential that can be used is to be deleted: %+v", row)
		case strings.HasPrefix(row.Advice, "Remove it") && f.Administrator != report.Yes:
			t.Fatalf("the key of no administrator is to be removed: %+v", row)
		case strings.Contains(row.Advice, "keyturn rotate") && (f.Problem == "" || !e.Kind.Rotates()):
			t.Fatalf("nothing can be rotated: %+v", row)
		case strings.Contains(row.Advice, "unused"):
			t.Fatalf("nobody knows what is unused: %+v", row)
		}
	}
}
