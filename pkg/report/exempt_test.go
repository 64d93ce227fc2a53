package report_test

import (
	"fmt"
	"testing"

	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/report"
)

func TestAnExemptionNeedsAReasonAndAnEnd(t *testing.T) {
	for _, c := range []struct {
		tags       map[string]string
		exempt     string // of API keys
		flaw, both string // both: whether passwords are exempt, too
	}{
		{map[string]string{"keyturn.exempt": "vendor", "keyturn.exempt_until": "2027-03-01"},
			"vendor, until 2027-03-01", "", "yes"},
		{map[string]string{"keyturn-exempt": "api-key: legacy backup until 2027-03-01"},
			"legacy backup, until 2027-03-01", "", "no"},
		{map[string]string{"keyturn-exempt": "API-Key, auth-token: x UNTIL 2026-11-29"},
			"x, until 2026-11-29", "", "no"},
		{map[string]string{"keyturn.exempt": "a until 2026-12-01; api-key: b until 2026-12-02"},
			"b, until 2026-12-02", "", "yes"},
		{map[string]string{"keyturn-exempt": "auth-token: vendor until 2027-03-01"}, "", "", "no"},
		{map[string]string{"keyturn-exempt": "vendor until 2026-11-28"}, "", "it ended on 2026-11-28", "no"},
		{map[string]string{"keyturn-exempt": "vendor"}, "", "it has no end, such as 2027-03-01", "no"},
		{map[string]string{"keyturn-exempt": "vendor until spring"}, "", `its end "spring" is no date such as 2027-03-01`,
			"no"},
		{map[string]string{"keyturn-exempt": "until 2027-03-01"}, "", "it has no reason", "no"},
		{map[string]string{"keyturn-exempt": "api-key: until 2027-03-01"}, "", "it has no reason", "no"},
		{map[string]string{"keyturn-exempt_until": "2027-03-01"}, "", "it has no reason", "no"},
		{map[string]string{"keyturn-exempt": "apikey: vendor until 2027-03-01"}, "",
			`"apikey" before its colon is no kind of credential, such as api-key`, "no"},
		{map[string]string{"keyturn-exempt": "vendor until 2027-03-01", "keyturn-exempt_until": "2028-03-01"}, "",
			"its two ends contradict each other", "no"},
		{map[string]string{"keyturn-exempt": "a until 2027-03-01", "keyturn.exempt": "b until 2027-03-01"}, "",
			"the defined and the freeform tag contradict each other", "no"},
		{nil, "", "", "no"},
		{map[string]string{"keyturn-owner": "me"}, "", "", "no"},
	} {
		f := facts()
		f.Exemptions = report.Exemptions(c.tags, now)
		r := report.Judge(entry(credential.APIKey, days(100)), f)
		if r.Exempt != c.exempt || r.ExemptFlaw != c.flaw {
			t.Errorf("%v: exempt %q with the flaw %q, want %q and %q", c.tags, r.Exempt, r.ExemptFlaw, c.exempt, c.flaw)
		}
		other := report.Judge(entry(credential.Password, days(100)), f)
		if got := map[bool]string{true: "yes", false: "no"}[other.Exempt != ""]; got != c.both {
			t.Errorf("%v: passwords are exempt: %s, want %s", c.tags, got, c.both)
		}
	}
}

func FuzzAnExemptionThatCountsHasAReasonAndAnEnd(f *testing.F) {
	f.Add("api-key: legacy until 2027-03-01; x", "2027-01-01")
	f.Fuzz(func(t *testing.T, text, until string) {
		tags := map[string]string{"keyturn.exempt": text, "keyturn.exempt_until": until}
		for _, e := range report.Exemptions(tags, now) {
			if e.Flaw == "" && (e.Reason == "" || e.Until.IsZero() || now.After(e.Until.AddDate(0, 0, 1))) {
				t.Errorf("%q until %q counts as %s", text, until, fmt.Sprint(e))
			}
		}
	})
}
