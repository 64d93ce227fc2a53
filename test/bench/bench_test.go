package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/keyturn/keyturn/test/stage"
)

// binary is the function, built once.
var binary string

func TestMain(m *testing.M) { os.Exit(stage.RunTests(m, &binary, nil)) }

// BenchmarkRotation measures a warm rotation of each form, from the closing of the problem to the function's answer.
func BenchmarkRotation(b *testing.B) {
	for _, f := range forms() {
		b.Run(strings.ReplaceAll(f.name, ", ", "-"), func(b *testing.B) {
			r, err := newRig(b.Context(), binary)
			if err != nil {
				b.Fatal(err)
			}
			defer func() {
				if err := r.End(); err != nil {
					b.Error(err)
				}
			}()
			if _, err := r.rotate(r.Add(f.want)); err != nil { // the cold one
				b.Fatal(err)
			}
			calls, handshakes := 0, 0
			for b.Loop() {
				b.StopTimer()
				c := r.Add(f.want)
				b.StartTimer()
				e, err := r.rotate(c)
				if err != nil {
					b.Fatal(err)
				}
				calls, handshakes = calls+e.calls, handshakes+e.handshakes()
			}
			m, err := memory(r.Host)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(float64(calls)/float64(b.N), "calls/op")
			b.ReportMetric(float64(handshakes)/float64(b.N), "handshakes/op")
			b.ReportMetric(float64(m.PeakKB), "peak-kB")
		})
	}
}

func TestEveryFormIsMeasured(t *testing.T) {
	file := filepath.Join(t.TempDir(), "figures.json")
	var stdout, stderr bytes.Buffer
	if code := run(t.Context(), []string{"-short", "-n", "2", "-json", file}, &stdout, &stderr); code != 0 {
		t.Fatalf("exit code %d: %s", code, stderr.String())
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var r Report
	if err := json.Unmarshal(text, &r); err != nil {
		t.Fatal(err)
	}
	if len(r.Rotations) != 6 || len(r.Starts) != 2 || r.WarmEvents != 2 || r.Events != 20 || r.Machine.Cores == 0 || r.Machine.Go == "" {
		t.Fatalf("the report is not complete: %s", text)
	}
	for _, f := range r.Rotations {
		if !strings.Contains(stdout.String(), f.Form) {
			t.Errorf("%s is not in the table", f.Form)
		}
		if f.Cold.Calls < 5 || f.Warm.Calls < 5 || f.Warm.Calls > f.Cold.Calls {
			t.Errorf("%s: %d calls cold, %d warm", f.Form, f.Cold.Calls, f.Warm.Calls)
		}
		if f.Cold.Handshakes < 3 || f.Warm.Handshakes >= f.Cold.Handshakes || len(f.Cold.Connections) < 3 {
			t.Errorf("%s: %d handshakes cold, %d warm", f.Form, f.Cold.Handshakes, f.Warm.Handshakes)
		}
		if f.Cold.Milliseconds <= 0 || f.Warm.Milliseconds <= 0 || f.MemoryAfterOne.PeakKB == 0 || f.MemoryAfterAll.PeakKB < f.MemoryAfterOne.PeakKB {
			t.Errorf("%s: %+v", f.Form, f)
		}
	}
	for _, s := range r.Starts {
		if s.ReadyMilliseconds <= 0 || s.BinaryBytes == 0 || s.Memory.NowKB == 0 {
			t.Errorf("%+v", s)
		}
	}
	for line := range strings.Lines(stdout.String()) {
		if strings.HasPrefix(line, " ") && len(line) > 120 {
			t.Errorf("a line of %d columns: %s", len(line), line)
		}
	}
}

func TestTheProofAndTheMailAreCountedAndTheOperatorIsNot(t *testing.T) {
	r, err := newRig(t.Context(), binary)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.End(); err != nil {
			t.Error(err)
		}
	})
	e, err := r.rotate(r.Add(stage.Want{Kind: stage.AuthToken}))
	if err != nil {
		t.Fatal(err)
	}
	var operations []string
	for _, c := range r.Calls() {
		operations = append(operations, c.Operation)
		if c.Caller.Operator {
			t.Errorf("the operator's %s is counted", c.Operation)
		}
	}
	if len(operations) != e.calls || !slices.Contains(operations, "DockerToken") || !slices.Contains(operations, "PublishMessage") {
		t.Errorf("%d calls: %v", e.calls, operations)
	}
}

func TestAFunctionThatRefusesGivesNoFigures(t *testing.T) {
	r, err := newRig(t.Context(), binary)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.End(); err != nil {
			t.Error(err)
		}
	})
	if _, err := r.rotate(r.Add(stage.Want{Kind: stage.AuthToken, Unbound: true})); err == nil || !strings.Contains(err.Error(), "refused") {
		t.Errorf("got %v", err)
	}
}

func TestATargetThatIsMissedIsSaidInWords(t *testing.T) {
	r := Report{Rotations: []RotationFigures{
		{Form: "good", Cold: EventFigures{Calls: 14}, Warm: EventFigures{Calls: 14}, MemoryAfterAll: Memory{PeakKB: 40*1024 - 1}},
		{Form: "half", Cold: EventFigures{Calls: 15}, Warm: EventFigures{Calls: 14}, MemoryAfterAll: Memory{PeakKB: 40 * 1024}},
		{Form: "bad", Cold: EventFigures{Calls: 15}, Warm: EventFigures{Calls: 15}},
	}, Starts: []StartFigures{{Function: "quick", ReadyMilliseconds: 49.9}, {Function: "slow", ReadyMilliseconds: 50}}}
	for name, end := range map[string]string{"good ": "met, met", "half ": "met warm, missed", "bad ": "missed, met", "quick ": "met", "slow ": "missed"} {
		found := false
		for line := range strings.Lines(r.Table()) {
			found = found || strings.HasPrefix(line, name) && strings.HasSuffix(line, "  "+end+"\n")
		}
		if !found {
			t.Errorf("no line of %q ends with %q:\n%s", name, end, r.Table())
		}
	}
}

func TestTheMedianIsTheMiddle(t *testing.T) {
	for _, m := range []struct {
		all  []time.Duration
		want time.Duration
	}{{nil, 0}, {[]time.Duration{3}, 3}, {[]time.Duration{9, 1, 5}, 5}, {[]time.Duration{9, 1, 5, 3}, 4}} {
		if got := median(m.all); got != m.want {
			t.Errorf("median of %v is %d, want %d", m.all, got, m.want)
		}
	}
}

func TestBadFlagsAreRefused(t *testing.T) {
	for args, want := range map[string]string{"-n 0": "-n is 0", "-n x": "invalid value", "-json ": "-json needs", "-fast": "-fast", "now": `"now"`} {
		var stdout, stderr bytes.Buffer
		if code := run(t.Context(), strings.Split(args, " "), &stdout, &stderr); code != 2 || !strings.Contains(stderr.String(), want) {
			t.Errorf("%s: exit code %d, %s", args, code, stderr.String())
		}
	}
	var stdout, stderr bytes.Buffer
	if code := run(t.Context(), []string{"-h"}, &stdout, &stderr); code != 0 || !strings.Contains(stdout.String(), "-json FILE") {
		t.Errorf("-h: exit code %d, %s", code, stdout.String())
	}
}
