package e2e

import (
	"context"
	"testing"

	"github.com/keyturn/keyturn/test/ociemu"
	"github.com/keyturn/keyturn/test/tenancy"
)

// proofs is the operation that proves a new credential of each kind, as that credential's user.
var proofs = map[tenancy.Kind]string{tenancy.APIKey: "GetUser", tenancy.AuthToken: "DockerToken",
	tenancy.CustomerSecretKey: "ListBuckets"}

// deletes is the operation that deletes a credential of each kind.
var deletes = map[tenancy.Kind]string{tenancy.APIKey: "DeleteApiKey", tenancy.AuthToken: "DeleteAuthToken",
	tenancy.CustomerSecretKey: "DeleteCustomerSecretKey"}

// lists is the operation that lists the credentials of each kind.
var lists = map[tenancy.Kind]string{tenancy.APIKey: "ListApiKeys", tenancy.AuthToken: "ListAuthTokens",
	tenancy.CustomerSecretKey: "ListCustomerSecretKeys"}

// proves returns what matches the calls that prove the case's new credential.
func proves(c *tenancy.Case) func(ociemu.Call) bool {
	return func(k ociemu.Call) bool { return k.Operation == proofs[c.Kind] && k.Caller.Kind != "function" }
}

// duringCall runs act while the first call that fits waits. The returned function waits for act, and reports whether
// there was such a call. act gets the number of the call.
func duringCall(t *testing.T, s *tenancy.Deployment, when ociemu.When, fits func(ociemu.Call) bool,
	act func(ctx context.Context, call int)) (wait func() bool) {
	t.Helper()
	ctx, call, done := t.Context(), 0, make(chan struct{})
	injected := s.Inject(ociemu.Fault{When: when, Match: func(k ociemu.Call) bool {
		if k.Caller.Operator || !fits(k) {
			return false
		}
		call = k.Seq
		return true
	}, Do: ociemu.Hold(done).Begin(func() {
		act(ctx, call)
		close(done)
	})})
	return func() bool {
		if injected.Hits() == 0 {
			return false
		}
		<-done
		return true
	}
}

// killDuringProof kills functions/rotate when it first uses the new credential.
func killDuringProof(s *tenancy.Deployment, c *tenancy.Case) { s.KillDuring(ociemu.Before, proves(c)) }

// moment is when an operator acts during a rotation.
type moment struct {
	name string
	when ociemu.When
	fits func(*tenancy.Deployment, *tenancy.Case) func(ociemu.Call) bool
}

var (
	atFirst = moment{"before anything is created", ociemu.Before,
		func(_ *tenancy.Deployment, c *tenancy.Case) func(ociemu.Call) bool {
			return func(k ociemu.Call) bool { return k.Operation == lists[c.Kind] }
		}}
	beforeStage = moment{"before it is staged", ociemu.Before,
		func(*tenancy.Deployment, *tenancy.Case) func(ociemu.Call) bool {
			return func(k ociemu.Call) bool { return k.Operation == "UpdateSecret" }
		}}
	afterCreate = moment{"after it is created", ociemu.After,
		func(_ *tenancy.Deployment, c *tenancy.Case) func(ociemu.Call) bool {
			return func(k ociemu.Call) bool { return k.Operation == creates[c.Kind] }
		}}
	duringProof = moment{"during the proof", ociemu.Before,
		func(_ *tenancy.Deployment, c *tenancy.Case) func(ociemu.Call) bool { return proves(c) }}
	// promoted is after the process was killed that promoted the new credential, while the old one still exists.
	promoted = moment{name: "before the old one is deleted"}
)
