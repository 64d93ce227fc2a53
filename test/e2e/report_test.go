package e2e

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/keyturn/keyturn/test/ociemu"
	"github.com/keyturn/keyturn/test/tenancy"
)

// bucket is where the sweep writes its report.
const bucket = "keyturn-reports"

// newReporting sets up a tenancy with a bucket whose retention rule protects its objects for 400 days.
func newReporting(t *testing.T) *tenancy.Deployment {
	t.Helper()
	return newTenancy(t, tenancy.Options{Emulator: ociemu.Calm(), Places: func(e *ociemu.Emulator) tenancy.Places {
		e.AddBucketSeed(ociemu.BucketSeed{Name: bucket, Retention: 400 * 24 * time.Hour})
		return tenancy.Places{Config: []string{"report_bucket=" + e.Namespace() + "/" + bucket}}
	}})
}

// kept is what a report in the bucket says.
type kept struct {
	Rows []row
}

type row struct {
	Kind, ID, User, State string
	Secrets               []string
}

// reports returns the reports in the bucket, oldest first.
func reports(t *testing.T, s *tenancy.Deployment) (all []kept) {
	t.Helper()
	texts, err := s.Reports(bucket)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range texts {
		leaks.search(text)
		var k kept
		if err := json.Unmarshal([]byte(text), &k); err != nil {
			t.Fatal(err)
		}
		all = append(all, k)
	}
	return all
}

func TestTheSweepWritesOneReportADayWithEachCredential(t *testing.T) {
	t.Parallel()
	s := newReporting(t)
	var cases []*tenancy.Case
	for _, f := range forms {
		cases = append(cases, s.Add(f.want))
	}
	for range 2 {
		swept(t, s)
	}
	all := reports(t, s)
	if len(all) != 1 {
		t.Fatalf("two sweeps of a day wrote %d reports", len(all))
	}
	for _, c := range cases {
		for _, id := range c.IDs() {
			found := false
			for _, row := range all[0].Rows {
				found = found || row.ID == id && row.User == c.User && row.Kind == string(c.Kind) && row.State != "" &&
					(len(row.Secrets) > 0) == (len(c.Secrets) > 0)
			}
			if !found {
				t.Errorf("the report lacks the %s %s with its secrets", c.Kind, id)
			}
		}
	}
}

// A function that is killed leaves no note about its report. The next sweep writes another: it must not overwrite one.
func TestAKillAroundTheReportLosesNeitherItNorTheRotations(t *testing.T) {
	t.Parallel()
	for _, when := range []ociemu.When{ociemu.Before, ociemu.After} {
		s := newReporting(t)
		c := s.Add(tenancy.Want{Kind: tenancy.AuthToken})
		dropEvents(s)
		if err := s.Close(t.Context(), c.Problem, c.Comment()); err != nil {
			t.Fatal(err)
		}
		s.KillDuring(when, func(call ociemu.Call) bool { return call.Operation == "PutObject" })
		if _, err := s.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		rotated(t, s, c)
		before := len(reports(t, s))
		swept(t, s)
		if all := reports(t, s); len(all) != before+1 || !slices.ContainsFunc(all[before].Rows, func(r row) bool {
			return r.User == c.User && r.ID != c.OldID
		}) {
			t.Errorf("after a kill, the next sweep's reports are %+v", all)
		}
	}
}

func TestAReportThatCannotBeWrittenIsMailedAndHoldsNothingUp(t *testing.T) {
	t.Parallel()
	s := newReporting(t)
	s.Inject(ociemu.Fault{Operation: "PutObject", Times: -1, Do: ociemu.Answer(404, "BucketNotFound")})
	c := s.Add(tenancy.Want{Kind: tenancy.APIKey})
	dropEvents(s)
	if err := s.Close(t.Context(), c.Problem, c.Comment()); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	rotated(t, s, c)
	mails := s.Mails()
	if len(mails) != 1 || !strings.Contains(mails[0].Body, bucket) || !strings.Contains(mails[0].Body, "PutObject") {
		t.Errorf("the mails are %+v", mails)
	}
}
