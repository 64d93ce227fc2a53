package e2e

import (
	"context"
	"sync"
	"testing"

	"github.com/keyturn/keyturn/test/ociemu"
	"github.com/keyturn/keyturn/test/tenancy"
)

// proofs is how the function tries out a new credential of each kind, as that credential's user.
var proofs = map[tenancy.Kind]string{tenancy.APIKey: "GetUser", tenancy.AuthToken: "DockerToken",
	tenancy.CustomerSecretKey: "ListBuckets"}

// deletes is the operation that deletes a credential of each kind.
var deletes = map[tenancy.Kind]string{tenancy.APIKey: "DeleteApiKey", tenancy.AuthToken: "DeleteAuthToken",
	tenancy.CustomerSecretKey: "DeleteCustomerSecretKey"}

// lists is the operation that lists them.
var lists = map[tenancy.Kind]string{tenancy.APIKey: "ListApiKeys", tenancy.AuthToken: "ListAuthTokens",
	tenancy.CustomerSecretKey: "ListCustomerSecretKeys"}

// proves tells the calls that try out a new credential.
func proves(c *tenancy.Case) func(ociemu.Call) bool {
	return func(k ociemu.Call) bool { return k.Operation == proofs[c.Kind] && k.Caller.Kind != "function" }
}

// held lets a person act while the first call that fits is held, and returns what waits for the end of that. The person
// learns the number of the call.
func held(t *testing.T, s *tenancy.Deployment, when ociemu.When, fits func(ociemu.Call) bool,
	act func(ctx context.Context, call int)) (wait func() bool) {
	t.Helper()
	reached, release, over := make(chan int, 1), make(chan struct{}), false
	var once sync.Mutex
	s.Inject(ociemu.Fault{When: when, Do: ociemu.Hold(release), Match: func(k ociemu.Call) bool {
		once.Lock()
		defer once.Unlock()
		if over || k.Caller.Operator || !fits(k) {
			return false
		}
		over = true
		reached <- k.Seq
		return true
	}})
	ctx := t.Context()
	done := make(chan bool, 1)
	go func() {
		select {
		case call := <-reached:
			act(ctx, call)
			close(release)
			done <- true
		case <-ctx.Done():
		}
	}()
	return func() bool {
		once.Lock()
		defer once.Unlock()
		return over && <-done
	}
}

// killDuringProof kills functions/rotate when it tries the new credential out.
func killDuringProof(s *tenancy.Deployment, c *tenancy.Case) {
	killed, reached := make(chan struct{}), false
	s.Inject(ociemu.Fault{Do: ociemu.Hold(killed), Match: func(k ociemu.Call) bool {
		if reached || !proves(c)(k) || k.Caller.Operator {
			return false
		}
		reached = true
		go func() {
			s.Host.Kill()
			close(killed)
		}()
		return true
	}})
}

// moment is when a person acts in the middle of a rotation.
type moment struct {
	name string
	when ociemu.When
	fits func(*tenancy.Deployment, *tenancy.Case) func(ociemu.Call) bool
}

var (
	atFirst = moment{"before anything is made", ociemu.Before,
		func(_ *tenancy.Deployment, c *tenancy.Case) func(ociemu.Call) bool {
			return func(k ociemu.Call) bool { return k.Operation == lists[c.Kind] }
		}}
	beforeStage = moment{"before it is staged", ociemu.Before,
		func(*tenancy.Deployment, *tenancy.Case) func(ociemu.Call) bool {
			return func(k ociemu.Call) bool { return k.Operation == "UpdateSecret" }
		}}
	afterCreate = moment{"after it is made", ociemu.After,
		func(_ *tenancy.Deployment, c *tenancy.Case) func(ociemu.Call) bool {
			return func(k ociemu.Call) bool { return k.Operation == creates[c.Kind] }
		}}
	duringProof = moment{"during the proof", ociemu.Before,
		func(_ *tenancy.Deployment, c *tenancy.Case) func(ociemu.Call) bool { return proves(c) }}
	// promoted is when the process died that has promoted, and nobody has deleted the old one yet.
	promoted = moment{name: "before the old one goes"}
)
