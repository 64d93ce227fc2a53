// Package rotation replaces one credential by a new one without ever being without a working one.
//
// It looks at OCI (a Snapshot), reduces what it sees (Reduce, a pure function) to a State, decides (Next, a pure
// function over Table) and acts (one call that changes something), until the table says that it is over. Nothing is
// remembered outside OCI: a retry, a duplicate and a crash are all the same case, seen again. Use Engine.Run; read
// Table for the specification.
//
// The package doesn't check whether the rotation is wanted: its caller passes Job.Authorize, which is asked with each
// look, before anything is touched, with the secrets as they were seen.
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
	// MakerLife is how long a credential whose value is not in Vault yet is left alone, because its maker may still
	// be at work: the longest that an invocation may live (fn.MaxLife, 5 minutes) and a margin of one.
	MakerLife = 6 * time.Minute
	// SpreadTime is for how long a delivery goes on asking whether a new credential is accepted. The OCI SDKs allow IAM
	// 240 s to become consistent (eventual_consistency.go of oci-go-sdk). Later deliveries ask a few times each.
	SpreadTime = 4 * time.Minute
	// ProofTime is how old a credential must be before it may count as rejected for good. Users have seen new API keys
	// refused for up to 15 minutes; this is twice as long.
	ProofTime = 30 * time.Minute
	// UnseenTime is how old an attempt must be before its credential counts as dead because IAM's list doesn't show it:
	// its maker may live for MakerLife, and IAM may take SpreadTime to become consistent.
	UnseenTime = MakerLife + SpreadTime
	// SilentTime is for how long the service may be impossible to ask.
	SilentTime = 24 * time.Hour
	// BlockedTime is for how long a rotation waits for a secret that takes no change, counted from its order.
	BlockedTime = 30 * time.Minute

	// A credential is refused for good by no less than fewRefusals refusals of one delivery, over no less than
	// refusalTime.
	fewRefusals = 5
	refusalTime = 3 * time.Second
	settleTime  = time.Minute // how long one look waits for a secret to become ACTIVE
	skew        = time.Minute // by how much the clocks of two OCI services may differ
	maxAttempt  = 999_999     // the last that a version's name can have; see credential.ParseVersionName

	firstPause = 10 * time.Millisecond // of a read that is repeated; doubled, to maxPause
	maxPause   = time.Second
	firstLook  = 50 * time.Millisecond // before the second look after a failure; doubled
	maxLooks   = 6                     // how often a run looks at OCI before a failure that may pass ends it
	maxTries   = 2                     // how often a step that was refused outright is tried
	busyTries  = 3                     // how often one is tried on a secret that takes no change
	maxSteps   = 60                    // no path through the table is longer; a guard against one that runs in circles
)

// Engine carries out rotations. Its fields are set once; it may be used by many goroutines.
type Engine struct {
	Issuers map[credential.Kind]Issuer
	Vault   Vault
	Prover  Prover
	Clock   Clock
	Prove   config.ProveMode // empty means config.ProveRequire
	RSABits int              // 0 means 2048
	// Known tells whether a secret's OCID is of a region that the tenancy may have; nil: every one. Only Prefetch asks.
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
	// OnStep, if set, is told of every action after it ended.
	OnStep func(Step)

	orphan string                // id of a credential whose rotation nobody orders any more; see Engine.Collect
	marked credential.RotationID // the rotation in its mark
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
	r.result.Rotation = job.rotation()
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
		c = Reduce(job, r.snap, r.memory())
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

// plan walks the table as if every step succeeded.
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
