package outcome_test

import (
	"maps"
	"testing"
	"time"

	"github.com/keyturn/keyturn/pkg/outcome"
)

func TestTheMetricsOfAnOutcome(t *testing.T) {
	began := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	made := began.Add(1500*time.Millisecond).AddDate(0, 0, -120)
	whole := map[string]string{"kind": "auth-token", "outcome": "rotated"}
	want := []outcome.Point{
		{Name: outcome.MetricRotations, Dimensions: whole, Value: 1},
		{Name: outcome.MetricRotationDuration, Dimensions: whole, Value: 1500},
		{Name: outcome.MetricCredentialAge, Dimensions: map[string]string{"kind": "auth-token"}, Value: 120},
	}
	o := outcome.Outcome{Status: outcome.Rotated, Kind: "auth-token", Began: began, TookMS: 1500, OldMade: &made}
	check := func(o outcome.Outcome, want []outcome.Point) {
		t.Helper()
		got := o.Points()
		if len(got) != len(want) {
			t.Fatalf("%d points, want %d", len(got), len(want))
		}
		for i, p := range got {
			if p.Name != want[i].Name || p.Value != want[i].Value || !maps.Equal(p.Dimensions, want[i].Dimensions) ||
				!p.At.Equal(began.Add(1500*time.Millisecond)) {
				t.Errorf("point %d is %+v, want %+v", i, p, want[i])
			}
		}
	}
	check(o, want)
	o.Status = outcome.Refused // without a rotation there is no age
	whole["outcome"] = "refused"
	check(o, want[:2])
	o.Kind = "" // Monitoring refuses an empty dimension
	whole["kind"] = "unknown"
	check(o, want[:2])
}

func TestTheMetricsOfASweep(t *testing.T) {
	d := outcome.Digest{Outcomes: []outcome.Outcome{{Status: outcome.Refused, Kind: "api-key"}}}
	for finished, want := range map[bool]string{true: "finished", false: "unfinished"} {
		points := d.Points(time.Now(), finished)
		if len(points) != 3 || points[0].Name != outcome.MetricSweeps || points[0].Dimensions["result"] != want {
			t.Errorf("finished %v: %+v", finished, points)
		}
	}
}
