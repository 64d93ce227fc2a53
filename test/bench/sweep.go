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
	sweepTimeout = 300 * time.Second // the longest that OCI Functions gives a synchronous invocation

	targetExponent       = 1.1
	targetMemoryExponent = 0.1 // a hundred times the users take less than 1.6 times the memory
)

// keyedUsers is how many users of a tenancy have an API key as their third credential; the others have a second auth
// token. Ten thousand RSA keys would take longer than all sweeps, and the sweep doesn't read API keys.
const keyedUsers = 20

// sweepFigures are what is measured of each sweep.
var sweepFigures = []struct{ what, unit string }{
	{"calls", "calls"}, {"time", "s"}, {"CPU of the function", "s CPU"}, {"peak memory", "MB"},
}

// swept are the figures of one sweep, in the order of sweepFigures.
type swept [4]float64

// measureSweeps sweeps tenancies of several sizes, where there is nothing to do. Each sweep has a new process.
func measureSweeps(ctx context.Context, b *bench) error {
	var users []float64
	var medians [4][]float64
	for _, size := range b.sweeps {
		b.progress("sweeping over %d users", size.users)
		users = append(users, float64(size.users))
		all, err := measureTenancy(ctx, b, size)
		if err != nil {
			return fmt.Errorf("%d users: %w", size.users, err)
		}
		for i, f := range sweepFigures {
			var values []float64
			for _, s := range all {
				values = append(values, s[i])
			}
			row := b.add(fmt.Sprintf("%d users: %s", size.users, f.what), f.unit, values...)
			medians[i] = append(medians[i], row.build.median)
		}
	}
	var fitted [4]*row
	for i, f := range sweepFigures {
		fitted[i] = b.add(f.what+" as a power of the users", "exponent", exponent(users, medians[i]))
	}
	fitted[0].below(targetExponent)
	fitted[1].below(targetExponent)
	memory, last := medians[3], len(users)-1
	grown := memory[last] - memory[0]
	fitted[3].note("%.1f MB, %.1f KB a user more", grown, 1024*grown/(users[last]-users[0])).below(targetMemoryExponent)
	return nil
}

// measureTenancy makes one tenancy and sweeps it.
func measureTenancy(ctx context.Context, b *bench, size sweepSize) (all []swept, err error) {
	emulator, err := ociemu.Start(calm(b.settings))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, emulator.Close()) }()
	addUsers(emulator, size.users)
	env := append(emulator.Env(emulator.NewFunction("sweep", "")), "ons_topic="+emulator.AddTopic("secops"))
	for range size.times {
		s, err := sweepOnce(ctx, emulator, b.sweep, env)
		if err != nil {
			return nil, err
		}
		all = append(all, s)
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
	var took time.Duration
	cpu, peak, err := usage(host, func() error {
		reply, err := host.Invoke(ctx, []byte("{}"))
		if err == nil && reply.Status != http.StatusOK {
			err = fmt.Errorf("the sweep answered %d after %s: %s", reply.Status, reply.Took, reply.Body)
		}
		took = reply.Took
		return err
	})
	return swept{float64(len(emulator.Calls())), took.Seconds(), cpu / 1000, peak}, err
}

// addUsers adds users with three credentials each, and a bound secret with the first.
func addUsers(e *ociemu.Emulator, users int) {
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
