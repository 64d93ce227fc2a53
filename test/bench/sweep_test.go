package main

import (
	"bytes"
	"math"
	"strings"
	"testing"
)

func TestASweepIsMeasuredAtEachSize(t *testing.T) {
	sizes := []int{5, 50}
	var stdout, stderr bytes.Buffer
	all, err := runSweeps(t.Context(), sizes, &stdout, &stderr)
	if err != nil {
		t.Fatal(err)
	}
	table := stdout.String()
	if len(all) != len(sizes) || strings.Count(table, "\n") != len(sizes)+2 {
		t.Fatalf("the figures are not complete:\n%s", table)
	}
	for i, f := range all {
		// Two lists a user, and a look at each secret, whatever else is asked once.
		if f.Operations["ListAuthTokens"] != f.Users || f.Operations["ListCustomerSecretKeys"] != f.Users || f.Operations["GetSecret"] != f.Users {
			t.Errorf("%d users: %v", f.Users, f.Operations)
		}
		if f.Seconds <= 0 || f.Memory.PeakKB == 0 || i > 0 && (f.CallGrowth <= 0 || f.CallGrowth > 1.05) {
			t.Errorf("%+v", f)
		}
	}
}

func TestTheGrowthExponentIsThatOfThePower(t *testing.T) {
	for want, b := range map[float64]float64{0: 7, 1: 70, 2: 700} {
		if got := growth(100, 1000, 7, b); math.Abs(got-want) > 1e-9 {
			t.Errorf("from 7 to %v with ten times the users is n^%v, want n^%v", b, got, want)
		}
	}
}
