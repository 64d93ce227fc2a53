package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/keyturn/keyturn/test/fnhost"
	"github.com/keyturn/keyturn/test/ociemu"
	"github.com/keyturn/keyturn/test/stage"
)

// The sweep's target and limit.
const (
	targetSweepMB = 64                // resident memory stays below
	sweepTimeout  = 300 * time.Second // the longest that OCI Functions gives a synchronous invocation
)

// sweepSizes are the tenancies that are swept.
var sweepSizes = []int{100, 1000, 10000}

// keyedUsers is how many users of a tenancy have an API key as their third credential; the others have a second auth
// token. Making ten thousand RSA keys would take longer than all sweeps, and the sweep doesn't look at API keys.
const keyedUsers = 20

// SweepFigures are those of one sweep over a tenancy in which nothing is to be done.
type SweepFigures struct {
	Users        int            `json:"users"` // each with three credentials and a bound secret
	Calls        int            `json:"calls"`
	Operations   map[string]int `json:"calls_by_operation"`
	CallsPerUser float64        `json:"calls_per_user"`
	Seconds      float64        `json:"seconds"`
	Memory       Memory         `json:"memory"`
	// Growth compares with the size before: 1 means that ten times the users take ten times the calls or seconds.
	CallGrowth float64 `json:"call_growth,omitempty"`
	TimeGrowth float64 `json:"time_growth,omitempty"`
}

// runSweeps builds the sweep, measures it and prints the table. No sizes mean sweepSizes.
func runSweeps(ctx context.Context, sizes []int, stdout, stderr io.Writer) (all []SweepFigures, err error) {
	if len(sizes) == 0 {
		sizes = sweepSizes
	}
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return nil, fmt.Errorf("making a folder: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	fmt.Fprintf(stderr, "building functions/sweep; sweeping over %v users ...\n", sizes)
	binary, err := stage.BuildSweep(ctx, dir)
	if err != nil {
		return nil, err
	}
	if all, err = measureSweeps(ctx, binary, sizes); err != nil {
		return all, err
	}
	if _, err := io.WriteString(stdout, sweepTable(all)); err != nil {
		return all, fmt.Errorf("writing the figures: %w", err)
	}
	return all, nil
}

// measureSweeps sweeps tenancies of several sizes, each in a process of its own.
func measureSweeps(ctx context.Context, binary string, sizes []int) ([]SweepFigures, error) {
	var all []SweepFigures
	for i, n := range sizes {
		f, err := measureSweep(ctx, binary, n)
		if err != nil {
			return all, fmt.Errorf("%d users: %w", n, err)
		}
		if i > 0 {
			before := all[i-1]
			f.CallGrowth = growth(before.Users, f.Users, float64(before.Calls), float64(f.Calls))
			f.TimeGrowth = growth(before.Users, f.Users, before.Seconds, f.Seconds)
		}
		all = append(all, f)
	}
	return all, nil
}

// growth is the exponent e for which b = a * (m/n)^e.
func growth(n, m int, a, b float64) float64 {
	return math.Log(b/a) / math.Log(float64(m)/float64(n))
}

func measureSweep(ctx context.Context, binary string, users int) (f SweepFigures, err error) {
	emulator, err := ociemu.Start(ociemu.Calm())
	if err != nil {
		return f, err
	}
	defer func() { err = errors.Join(err, emulator.Close()) }()
	inhabit(emulator, users)
	host, err := fnhost.Start(ctx, fnhost.Options{Binary: binary, Timeout: sweepTimeout, MaxContainers: 1,
		Env: append(emulator.Env(emulator.NewFunction("sweep", "")), "ons_topic="+emulator.AddTopic("secops"))})
	if err != nil {
		return f, err
	}
	defer func() { err = errors.Join(err, host.Close()) }()
	began := time.Now()
	reply, err := host.Invoke(ctx, []byte("{}"))
	if err != nil {
		return f, err
	}
	f = SweepFigures{Users: users, Seconds: time.Since(began).Seconds(), Operations: map[string]int{}}
	if reply.Status != http.StatusOK {
		return f, fmt.Errorf("the sweep was answered %d after %.0f s: %s", reply.Status, f.Seconds, reply.Body)
	}
	for _, c := range emulator.Calls() {
		f.Calls++
		f.Operations[c.Operation]++
	}
	f.CallsPerUser = float64(f.Calls) / float64(users)
	f.Memory, err = memory(host)
	return f, err
}

// inhabit adds users, each with three credentials and a bound secret that holds the first.
func inhabit(e *ociemu.Emulator, users int) {
	for i := range users {
		name := fmt.Sprintf("user-%d@example.com", i)
		user := e.AddUser(name)
		_, token := e.AddAuthToken(user, "pulls images")
		e.AddCustomerSecretKey(user, "backup")
		if i < keyedUsers {
			e.AddAPIKey(user)
		} else {
			e.AddAuthToken(user, "pushes images")
		}
		e.AddSecret(ociemu.SecretSeed{Name: "token-of-" + name, Content: []byte(token),
			FreeformTags: map[string]string{"keyturn-user": user, "keyturn-kind": "auth-token"}})
	}
}

// sweepTable is the figures for people.
func sweepTable(all []SweepFigures) string {
	var b strings.Builder
	fmt.Fprintf(&b, "One sweep in which nothing is to be done; three credentials and a bound secret a user; the function has %s\n", sweepTimeout)
	const row = "%-12s %9s %12s %9s %9s  %-22s %s\n"
	fmt.Fprintf(&b, row, "users", "calls", "calls a user", "seconds", "peak MB", "growth of calls, time", fmt.Sprintf("target < %d MB", targetSweepMB))
	for i, f := range all {
		grown := ""
		if i > 0 {
			grown = fmt.Sprintf("n^%.2f, n^%.2f", f.CallGrowth, f.TimeGrowth)
		}
		fmt.Fprintf(&b, row, fmt.Sprint(f.Users), fmt.Sprint(f.Calls), fmt.Sprintf("%.2f", f.CallsPerUser), fmt.Sprintf("%.1f", f.Seconds),
			fmt.Sprintf("%.1f", megabytes(f.Memory)), grown, met(megabytes(f.Memory) < targetSweepMB))
	}
	return b.String()
}
