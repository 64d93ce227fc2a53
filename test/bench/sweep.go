package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/keyturn/keyturn/test/fnhost"
	"github.com/keyturn/keyturn/test/ociemu"
)

const (
	sweeping     = "sweep"
	sweepTimeout = 300 * time.Second // the longest that OCI Functions gives a synchronous invocation

	targetExponent       = 1.1
	targetMemoryExponent = 0.1 // a hundred times the users take less than 1.6 times the memory
)

// keyedUsers is how many users of a tenancy have an API key as their third credential; the others have a second auth
// token. Making ten thousand RSA keys would take longer than all sweeps, and the sweep doesn't look at API keys.
const keyedUsers = 20

// swept is what one sweep cost.
type swept struct {
	calls              int
	seconds, cpu, peak float64
}

// measureSweeps sweeps tenancies of several sizes, in which nothing is to be done, each time in a process of its own.
func measureSweeps(ctx context.Context, b *bench) error {
	var users, calls, seconds, cpu, peaks []float64
	for _, size := range b.sweeps {
		b.progress("sweeping over %d users", size.users)
		all, err := measureTenancy(ctx, b, size)
		if err != nil {
			return fmt.Errorf("%d users: %w", size.users, err)
		}
		row := func(what, unit string, value func(swept) float64) float64 {
			var values []float64
			for _, s := range all {
				values = append(values, value(s))
			}
			f := figure(values...)
			b.report.add(Row{Section: sweeping, What: fmt.Sprintf("%d users: %s", size.users, what), Unit: unit,
				Build: f})
			return f.Median
		}
		users = append(users, float64(size.users))
		calls = append(calls, row("calls", "calls", func(s swept) float64 { return float64(s.calls) }))
		seconds = append(seconds, row("time", "s", func(s swept) float64 { return s.seconds }))
		cpu = append(cpu, row("CPU of the function", "s CPU", func(s swept) float64 { return s.cpu }))
		peaks = append(peaks, row("peak memory", "MB", func(s swept) float64 { return s.peak }))
	}
	last := len(users) - 1
	grown := fmt.Sprintf("%.1f MB, %.1f KB a user more", peaks[last]-peaks[0],
		1024*(peaks[last]-peaks[0])/(users[last]-users[0]))
	fitted := func(what string, values []float64) Row {
		return Row{Section: sweeping, What: what + " as a power of the users", Unit: "exponent",
			Build: figure(exponent(users, values))}
	}
	memory := fitted("peak memory", peaks).below(targetMemoryExponent)
	memory.Detail = grown
	b.report.add(fitted("calls", calls).below(targetExponent), fitted("time", seconds).below(targetExponent),
		fitted("CPU of the function", cpu), memory)
	return nil
}

// measureTenancy makes one tenancy and sweeps it.
func measureTenancy(ctx context.Context, b *bench, size sweepSize) (all []swept, err error) {
	calm := ociemu.Calm()
	calm.Seed = b.seed
	emulator, err := ociemu.Start(calm)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, emulator.Close()) }()
	inhabit(emulator, size.users)
	env := append(emulator.Env(emulator.NewFunction("sweep", "")), "ons_topic="+emulator.AddTopic("secops"))
	for range size.times {
		s, err := sweepOnce(ctx, emulator, b.sweep, env)
		if err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	if b.profiles != "" && size == b.sweeps[len(b.sweeps)/2] {
		return all, profileSweep(ctx, b, size.users, emulator, env)
	}
	return all, nil
}

func sweepOnce(ctx context.Context, emulator *ociemu.Emulator, binary string, env []string) (s swept, err error) {
	host, err := fnhost.Start(ctx, fnhost.Options{Binary: binary, Timeout: sweepTimeout, MaxContainers: 1, Env: env})
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, host.Close()) }()
	emulator.ResetCalls()
	before, err := host.CPUTime()
	if err != nil {
		return s, err
	}
	reply, err := host.Invoke(ctx, []byte("{}"))
	if err != nil {
		return s, err
	}
	if reply.Status != http.StatusOK {
		return s, fmt.Errorf("the sweep was answered %d after %s: %s", reply.Status, reply.Took, reply.Body)
	}
	after, err := host.CPUTime()
	if err != nil {
		return s, err
	}
	peak, _, err := host.ResidentKB()
	return swept{calls: len(emulator.Calls()), seconds: reply.Took.Seconds(), cpu: (after - before).Seconds(),
		peak: megabytes(peak)}, err
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
