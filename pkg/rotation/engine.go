// Package rotation replaces a credential with a new one. At every moment a working credential can be read.
//
// Use Engine.Run. It looks at OCI (a Snapshot), reduces that to a State (Reduce, a pure function), decides on an action
// (Next, a pure function over Table), carries it out, and starts again, until the table ends the run. Only OCI stores
// the progress: a retry, a duplicate event and the first run after a crash are handled alike. Table is the
// specification.
//
// The package doesn't check whether the rotation is allowed. After each look and before any change it calls
// Job.Authorize with the secrets as they were read.
package rotation

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"strings"
	"time"

	"github.com/keyturn/keyturn/pkg/clock"
	"github.com/keyturn/keyturn/pkg/config"
	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/fault"
	"github.com/keyturn/keyturn/pkg/vault"
)

const (
	// MakerLife is how long a credential whose value is not in Vault yet is left alone, because its maker may still be
	// running: the longest life of an invocation (fn.MaxLife, 5 minutes) and a margin of one minute.
	MakerLife = 6 * time.Minute
	// SpreadTime is how long a delivery keeps testing whether a new credential is accepted. The OCI SDKs allow IAM 240
	// s to become consistent (eventual_consistency.go of oci-go-sdk). Later deliveries test it a few times each.
	SpreadTime = 4 * time.Minute
	// ProofTime is how old a credential must be before it may count as rejected. Users have seen new API keys refused
	// for up to 15 minutes; this is twice as long.
	ProofTime = 30 * time.Minute
	// UnseenTime is how old an attempt must be before a credential that IAM's list doesn't show counts as gone: its
	// maker may live for MakerLife, and IAM may take SpreadTime to become consistent.
	UnseenTime = MakerLife + SpreadTime
	// SilentTime is how long a rotation waits for a service that can't be asked whether the new credential works.
	SilentTime = 24 * time.Hour
	// BlockedTime is how long a rotation waits for a secret that refuses changes, counted from the closure.
	BlockedTime = 30 * time.Minute

	// A credential counts as rejected after at least fewRefusals refusals in one delivery, over at least refusalTime.
	fewRefusals = 5
	refusalTime = 3 * time.Second
	settleTime  = time.Minute // how long one look waits for a secret to become ACTIVE
	skew        = time.Minute // how much the clocks of two OCI services may differ
	maxAttempt  = 999_999     // the highest in a version's name; see credential.ParseVersionName

	firstPause = 10 * time.Millisecond // before a read is repeated; doubled, up to maxPause
	maxPause   = time.Second
	firstLook  = 50 * time.Millisecond // before the second look after a failure; doubled
	maxLooks   = 6                     // after so many looks a temporary failure ends the run
	maxTries   = 2                     // how often a refused action is tried
	busyTries  = 3                     // how often an action is tried on a busy secret
	maxSteps   = 60                    // more than any path through the table; guards against endless loops
)

// Engine carries out rotations. Set its fields before use; it may be used by several goroutines.
type Engine struct {
	Issuers map[credential.Kind]Issuer
	Vault   Vault
	Prover  Prover
	Clock   Clock
	Prove   config.ProveMode // empty means config.ProveRequire
	RSABits int              // 0 means 2048
	// Known reports whether a secret's OCID is of a region that the tenancy may have; nil: every one. Only Prefetch
	// asks.
	Known func(secretID string) bool
}

// Job is a request, with what the engine needs to carry it out. The journal keeps the OCID of the request's problem, so
// that a later delivery can ask Cloud Guard.
type Job struct {
	credential.Request
	Prove config.ProveMode // empty: the engine's
	// Earlier are the OCIDs of secrets that earlier closures of the same problem named, other than the targets: a
	// delivery of such a closure may have stored a new credential there.
	Earlier []string
	// Doubt says why it proves nothing that the old credential isn't among the user's, which are listed; empty if it
	// proves that it is gone. Nil: it always does.
	Doubt func(listed []credential.Issued) string
	// ResetAfter are times after which a password counts as reset already: its problem's closure and last detection.
	ResetAfter []time.Time
	// Authorize is asked each time that OCI has been looked at, before anything is changed: may this be written to
	// these secrets, and for whom? An error of a passing fault.Class means that this could not be found out; every
	// other one refuses the rotation.
	Authorize func(context.Context, []vault.Secret) (credential.Authorized, error)
	// Prefetch has the first answers, if they were asked for before; nil: the run asks.
	Prefetch *Prefetch
	// OnStep, if set, is called after every action.
	OnStep func(Step)

	orphan string                // id of a credential whose rotation is no longer ordered; see Engine.Collect
	marked credential.RotationID // the rotation in its mark
	begun  credential.RotationID // the rotation of an earlier closure that goes on; see Job.goingOn
}

// run is one pass of the engine.
type run struct {
	*Engine
	Issuer Issuer
	job    Job
	first  *Prefetch // for the first look alone; nil after it
	key    *keyPair  // the key pair that is generated meanwhile
	snap   Snapshot
	mem    Memory
	result Result
}

// Run does the job, as far as it can in the context's time. A quarter of that time, ten seconds at most, is kept for
// taking back what can't be finished. It always returns a result.
func (e *Engine) Run(ctx context.Context, job Job) Result {
	job.Prove = cmp.Or(job.Prove, e.Prove, config.ProveRequire)
	r := &run{Engine: e, Issuer: e.Issuers[job.Ref.Kind], job: job,
		mem: Memory{Maker: strings.ToLower(rand.Text()[:10])}}
	if r.Issuer == nil {
		r.result.Cause = fault.New(fault.Invalid, "rotation",
			fmt.Sprintf("there is no way to make a credential of the kind %q", job.Ref.Kind))
		return r.end(Case{}, Decision{Action: Refuse, Reason: Failed})
	}
	forward, cancel := clock.WithReserve(ctx, e.Clock.Now(), 10*time.Second)
	defer cancel()
	r.first = job.Prefetch.of(job)
	if job.origin() == credential.Local && !job.DryRun {
		r.key = r.first.keyPair(e.bits())
		r.key.start() // while OCI is being asked
	}
	var c Case
	for range maxSteps {
		c = Reduce(r.job, r.snap, r.memory())
		d := Next(c.State)
		switch {
		case d.Action.Ends():
			return r.end(c, d)
		case job.DryRun && d.Action != Look:
			return r.plan(c, d)
		}
		r.act(ctx, forward, c, d)
	}
	return r.end(c, Decision{Action: Refuse, Reason: Failed, Because: "the rotation ran in circles"})
}

func (r *run) memory() Memory {
	m := r.mem
	m.Now = r.Clock.Now()
	return m
}

// plan follows the table as if every action succeeded.
func (r *run) plan(c Case, d Decision) Result {
	for s := c.State; !d.Action.Ends() && len(r.result.Plan) < maxSteps; d = Next(s) {
		if d.Action != Look {
			r.result.Plan = append(r.result.Plan, d.Action)
		}
		s = s.After(d.Action)
	}
	return r.end(c, d)
}

// origin says where the value of the new credential comes from.
func (j Job) origin() credential.Origin { return j.Ref.Kind.Origin() }
