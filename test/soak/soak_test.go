package main

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/keyturn/keyturn/test/ociemu"
	"github.com/keyturn/keyturn/test/tenancy"
)

// rotate and sweep are the functions, built once.
var rotate, sweep string

func TestMain(m *testing.M) { os.Exit(tenancy.RunTests(m, &rotate, &sweep)) }

func TestAShortSoakHasNoViolations(t *testing.T) {
	var out bytes.Buffer
	sum, err := soak(t.Context(), settings{seed: 7, parallel: 4, rotations: 24, userCount: 12, faults: 0.04, epoch: 12,
		edits: 0.4, lag: time.Second}, rotate, sweep, &out)
	if err != nil {
		t.Fatal(err)
	}
	if sum.violations != 0 || sum.rotations != 24 || sum.faults == 0 || sum.edits == 0 {
		t.Errorf("%s\n%s", sum, out.String())
	}
}

func TestAViolationIsReportedWithTheCallsOfItsUser(t *testing.T) {
	var out bytes.Buffer
	sum, err := soak(t.Context(), settings{seed: 7, parallel: 4, rotations: 6, userCount: 6, epoch: 6,
		breakFirst: true}, rotate,
		sweep, &out)
	if err != nil {
		t.Fatal(err)
	}
	if sum.violations != 1 || !strings.Contains(out.String(), "VIOLATION") || !strings.Contains(out.String(), "lost:") {
		t.Errorf("%s\n%s", sum, out.String())
	}
}

func TestTheSeedAloneDecidesTheFaultOfACall(t *testing.T) {
	draw := func(seed uint64, order []int) (chosen string) {
		tr := &injector{seed: seed, odds: 0.5, on: true, counts: map[string]int{}, chosen: map[int]int{}}
		drawn := map[int]int{}
		for seq, path := range order {
			drawn[path*1000+tr.counts[fmt.Sprintf("GetSecret /%d", path)]] = tr.choose(ociemu.Call{Seq: seq,
				Operation: "GetSecret", Path: fmt.Sprintf("/%d", path)})
		}
		return fmt.Sprint(drawn)
	}
	forth, back := []int{1, 1, 2, 2, 3, 3, 1, 2, 3, 4, 5, 6}, []int{6, 5, 4, 3, 3, 3, 2, 2, 2, 1, 1, 1}
	if draw(1, forth) != draw(1, back) {
		t.Error("the order of the calls changes their faults")
	}
	if draw(1, forth) == draw(2, forth) {
		t.Error("the seed changes nothing")
	}
}

func TestACallBelongsToTheUserOfItsResource(t *testing.T) {
	tr := &injector{owners: map[string]string{}}
	tr.setOwner("ann", "user-1", "problem-1")
	tr.setOwner("bob", "user-2")
	for _, c := range []ociemu.Call{{Path: "/users/user-1/apiKeys/random"}, {Path: "/problems/problem-1"},
		{Path: "/users/x", Caller: ociemu.Caller{ID: "user-1"}},
		{Path: "/admin/v1/ApiKeys", Query: "count=9&filter=user.ocid+eq+%22user-1%22&startIndex=1"}} {
		if owner := tr.ownerOf(c); owner != "ann" {
			t.Errorf("%s belongs to %q", c.Path, owner)
		}
	}
	if owner := tr.ownerOf(ociemu.Call{Path: "/users/user-2"}); owner != "bob" {
		t.Errorf("it belongs to %q", owner)
	}
}

func TestBadFlagsAreRefused(t *testing.T) {
	for _, args := range []string{"-rotations 0", "-users 0", "-parallel 0", "-faults 0.9", "-edits 2", "-lag 1h",
		"-fast",
		"now"} {
		var stdout, stderr bytes.Buffer
		if code := realMain(t.Context(), strings.Split(args, " "), &stdout, &stderr); code != 2 || stderr.Len() == 0 {
			t.Errorf("%s: exit code %d, %s", args, code, stderr.String())
		}
	}
}

func TestTheCastHasUsersOfEveryDomain(t *testing.T) {
	r := &run{random: rand.New(rand.NewPCG(1, 1))}
	seen := map[tenancy.Kind]map[string]bool{}
	for i := range 200 {
		w := r.want(i)
		if seen[w.Kind] == nil {
			seen[w.Kind] = map[string]bool{}
		}
		seen[w.Kind][w.Domain] = true
	}
	for kind, domains := range seen {
		if want := map[bool]int{false: len(tenancy.AllDomains()), true: 1}[kind.Resets()]; len(domains) != want {
			t.Errorf("%s: users of %d domains, want %d", kind, len(domains), want)
		}
	}
}
