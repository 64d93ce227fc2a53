package sweep

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/report"
	"github.com/keyturn/keyturn/pkg/vault"
)

// keeper is the tenancy with a bucket.
type keeper struct {
	*fakeTenancy
	objects map[string][]byte
	refuses error
}

func (k *keeper) Place(context.Context) (function, compartment, region string) {
	return "ocid1.fnfunc.oc1.iad.f", "own", "us-ashburn-1"
}
func (k *keeper) PutObject(_ context.Context, _, namespace, bucket, name, _ string, body []byte) error {
	if k.refuses != nil {
		return k.refuses
	}
	k.objects[namespace+"/"+bucket+"/"+name] = body
	return nil
}
func (k *keeper) Administrators(context.Context) (map[string]bool, []string, error) {
	return nil, nil, errors.New("the sweep must not ask")
}
func (k *keeper) Regions(context.Context) ([]string, error) {
	return nil, errors.New("the sweep must not ask")
}
func (k *keeper) Compartments(context.Context) ([]string, error) {
	return nil, errors.New("it must not ask")
}
func (k *keeper) SecretsIn(context.Context, string, string, string) ([]vault.Secret, string, error) {
	return nil, "", errors.New("the sweep must not ask")
}
func (k *keeper) OpenProblems(context.Context, time.Time, string) ([]string, string, error) {
	return nil, "", nil
}

func newKeeper() *keeper {
	k := &keeper{fakeTenancy: newFakeTenancy(), objects: map[string][]byte{}}
	k.keeps = true
	k.config.ReportBucket, k.config.MaximumAge = "acme/reports", 90*24*time.Hour
	k.tokens = []credential.Issued{{ID: token, Created: noon.AddDate(0, 0, -100)}}
	return k
}

func (k *keeper) run(t *testing.T) error {
	t.Helper()
	s := k.sweeper()
	s.Evidence = k
	_, err := s.Run(t.Context(), "call")
	return err
}

// content returns the only report.
func (k *keeper) content(t *testing.T) (r struct {
	Report report.Report
	Rows   []report.Row
}) {
	t.Helper()
	if len(k.objects) != 1 {
		t.Fatalf("there are %d reports", len(k.objects))
	}
	for name, body := range k.objects {
		if !strings.HasPrefix(name, "acme/reports/keyturn-report-20260504T120000Z-") {
			t.Errorf("the object is %s", name)
		}
		z, err := gzip.NewReader(bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		if err := json.NewDecoder(z).Decode(&r); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

func TestTheFirstSweepOfADayWritesTheReport(t *testing.T) {
	k := newKeeper()
	for _, hours := range []int{0, 1, 11} {
		k.now = noon.Add(time.Duration(hours) * time.Hour)
		if err := k.run(t); err != nil {
			t.Fatal(err)
		}
		k.content(t)
	}
	k.now = noon.Add(12 * time.Hour)
	if err := k.run(t); err != nil || len(k.objects) != 2 {
		t.Errorf("on the next day there are %d reports: %v", len(k.objects), err)
	}
}

func TestTheReportHasWhatTheFunctionMaySeeAndNamesTheRest(t *testing.T) {
	k := newKeeper()
	if err := k.run(t); err != nil {
		t.Fatal(err)
	}
	r := k.content(t)
	if len(r.Rows) != 1 || r.Rows[0].ID != token || r.Rows[0].AgeDays != 100 || r.Rows[0].State != "old" ||
		!slices.Equal(r.Report.Regions, []string{"us-ashburn-1"}) || r.Report.By != "ocid1.fnfunc.oc1.iad.f" {
		t.Errorf("it is %+v", r)
	}
	want := map[string]report.Result{"1.10": report.NotMet, "1.11": report.NotKnown, "1.12": report.NotKnown}
	for _, v := range r.Report.Verdicts {
		if w, ok := want[v.Recommendation]; ok && v.Result != w {
			t.Errorf("%s is %s, want %s", v.Recommendation, v.Result, w)
		}
	}
}

func TestAReportThatIsNotWrittenIsAFailureAndIsTriedAgain(t *testing.T) {
	k := newKeeper()
	k.refuses = errBroken
	if err := k.run(t); err == nil || !strings.Contains(strings.Join(k.mails, ""), "acme/reports") {
		t.Errorf("the sweep says %v, the mails are %q", err, k.mails)
	}
	k.refuses = nil
	if err := k.run(t); err != nil {
		t.Error(err)
	}
	k.content(t)
}

func TestADryRunWritesNoReport(t *testing.T) {
	k := newKeeper()
	k.config.DryRun = true
	if err := k.run(t); err != nil || len(k.objects) != 0 {
		t.Errorf("there are %d reports: %v", len(k.objects), err)
	}
}

func TestAReportThatNeedsTooMuchMemoryIsRefused(t *testing.T) {
	m := &memory{b: make([]byte, maxSpool-1)}
	if _, err := m.Write([]byte("a")); err != nil {
		t.Error(err)
	}
	if _, err := m.Write([]byte("b")); err == nil || !strings.Contains(err.Error(), "keyturn report") {
		t.Errorf("the error is %v", err)
	}
}
