// Package rotation replaces one credential by a new one without ever being without a working one.
//
// It observes (what does OCI say?), decides (Next, a pure function over Table) and acts (one call that changes
// something), until the table says that it is over. Nothing is remembered outside OCI: a retry, a duplicate and a
// crash are all the same case, observed again. Use Engine.Run; read Table for the specification.
//
// The package doesn't check whether the rotation is wanted: its caller passes Job.Permit, which is asked before
// anything is touched, with the secrets as they were seen.
package rotation

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/keyturn/keyturn/pkg/clock"
	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/fault"
	"github.com/keyturn/keyturn/pkg/secret"
)

const (
	// MakerLife is how long a credential whose value is not in Vault yet is left alone, because its maker may still
	// be at work: the longest that an invocation may live (fn.MaxLife, 5 minutes) and a margin of one.
	MakerLife = 6 * time.Minute
	// SpreadTime is how long a new credential may be refused before it counts as rejected for good. The OCI SDKs
	// allow IAM 240 s to become consistent (eventual_consistency.go of oci-go-sdk).
	SpreadTime = 4 * time.Minute

	firstPause = 10 * time.Millisecond
	maxLooks   = 6  // how often a run looks at OCI again after a conflict or a lost answer
	maxTries   = 2  // how often a step that was refused outright is tried
	maxSteps   = 60 // no path through the table is longer; a guard against one that runs in circles
)

// ProveMode says what a new credential must show before the old one is given up.
type ProveMode string

// The modes.
const (
	ProveRequire ProveMode = "require" // it must have worked
	ProveTry     ProveMode = "try"     // it must not have been refused
	ProveOff     ProveMode = "off"     // nothing
)

// Engine carries out rotations. Its fields are set once; it may be used by many goroutines.
type Engine struct {
	Issuers map[credential.Kind]Issuer
	Vault   Vault
	Prover  Prover
	Clock   Clock
	Prove   ProveMode // empty means ProveRequire
	RSABits int       // 0 means 2048
	Spare   *Spare    // nil: no key pair is kept ready
}

// Target is a secret of the rotation and what it is to hold.
type Target struct {
	Role     credential.Role
	SecretID string
}

// Job is one rotation to be done.
type Job struct {
	Ref     credential.Ref
	Targets []Target // at least one, except for a password
	Replace bool     // allows deleting the old credential first when there is no free slot
	Grace   time.Duration
	DryRun  bool
	// ResetAfter are times after which a password counts as reset already: its problem's closure and last detection.
	ResetAfter []time.Time
	// Permit is asked before anything is touched, each time that OCI has been looked at: may this be written to these
	// secrets, and for whom? Its error refuses the rotation.
	Permit func(context.Context, []secret.Secret) (credential.Owner, error)
	// OnStep, if set, is told of every action after it ended.
	OnStep func(Step)
}

// Step is one action and what came of it.
type Step struct {
	Action   Action
	Because  string
	Err      error
	Began    time.Time
	Took     time.Duration
	Requests []string // OCI's ids (opc-request-id) of its calls
}

// Placed says where the new value is.
type Placed struct {
	Target
	SecretName string
	Vault      string // OCID of the vault that the secret is in
	Region     string // of the secret
	Version    int64  // 0 if the secret doesn't hold it, or if its number is not known yet: see Stage
	Current    bool
	Stage      string // the version's stage in Vault's word; empty if the secret doesn't hold it
}

// Result is how a run ended.
type Result struct {
	End      Action // Done, Refuse or Wait
	Reason   Reason
	Detail   string // what exactly stands in the way, if anything
	Cause    error  // the error behind Failed, Interrupted and a refusal by Permit
	FailedAt Action // the step of Cause

	Rotation credential.RotationID
	Attempt  int
	NewID    string    // empty if there is no new credential
	OldMade  time.Time // when the old credential was made; zero if this run hasn't seen it
	OldGone  bool
	Placed   []Placed
	Slots    []credential.Issued // all credentials of the kind that the user has now
	Proven   bool                // the new credential was seen to work in this run
	Acted    bool                // this run changed something
	RetireAt time.Time
	Steps    []Step
	Plan     []Action // what a dry run would do
}

// run is one pass of the engine: the observation and what this process remembers beside it.
type run struct {
	*Engine
	Issuer Issuer
	job    Job
	id     credential.RotationID
	maker  string
	owner  credential.Owner
	key    func() (credential.Material, error) // the key pair that is generated meanwhile

	obs        *observation
	attempt    int
	undone     string               // id of the credential of the attempt that was undone last
	material   *credential.Material // the new credential with its value
	stagedName string               // the version that holds material; empty while no secret does
	unsure     bool                 // a write of material was not answered, and OCI hasn't been seen since
	final      string               // id of the credential of a rotation that is finished
	created    *credential.Issued   // made by this run
	before     []credential.Issued  // what the user had then
	deleted    map[string]bool      // by this run
	slotsFull  bool                 // OCI said so
	proof      Proof
	tried      string // id of the credential that proof is about
	proven     bool
	trouble    Trouble
	stale      bool // OCI has to be looked at again before the next decision
	looks      int
	tries      map[Action]int
	result     Result
}

// Run does the job, as far as it can in the context's time. A quarter of that time, ten seconds at most, is kept for
// taking back what can't be finished. It always returns a result.
func (e *Engine) Run(ctx context.Context, job Job) Result {
	r := &run{Engine: e, Issuer: e.Issuers[job.Ref.Kind], job: job, id: job.Ref.RotationID(), maker: newMaker(),
		deleted: map[string]bool{}, tries: map[Action]int{}, proof: ProofTodo, trouble: TroubleNone, stale: true, attempt: 1}
	if e.Prove == ProveOff || job.Ref.Kind == credential.Password {
		r.proof = ProofGood
	}
	r.result.Rotation = r.id
	forward, cancel := e.forward(ctx)
	defer cancel()
	if job.Ref.Kind == credential.APIKey && !job.DryRun {
		r.generate()
		key := r.key
		go func() { _, _ = key() }() // while OCI is being asked
	}
	for range maxSteps {
		if r.stale && r.trouble == TroubleNone {
			r.look(forward)
		}
		if r.obs == nil {
			return r.end(Decision{Action: map[Trouble]Action{TroubleFinal: Refuse}[r.trouble]})
		}
		if r.material != nil && r.tried != "" && r.tried != r.material.ID {
			r.proof, r.tried, r.proven = ProofTodo, "", false // another delivery has taken that one back, and made this one
		}
		d := Next(r.state())
		switch {
		case d.Action.Ends():
			return r.end(r.conclude(ctx, d))
		case job.DryRun:
			return r.plan(d)
		}
		r.act(ctx, forward, d)
	}
	return r.end(Decision{Action: Refuse, Reason: Failed, Because: "the rotation ran in circles"})
}

// newMaker is the random id of this run in its marks and journals.
func newMaker() string { return strings.ToLower(rand.Text()[:10]) }

func (e *Engine) forward(ctx context.Context) (context.Context, context.CancelFunc) {
	return clock.Reserve(ctx, e.Clock.Now(), 10*time.Second)
}

// look observes OCI and asks for permission. What fails is tried again where that may help.
func (r *run) look(ctx context.Context) {
	before := r.obs // what this run has made must not be forgotten because the second look fails
	for {
		if r.looks++; r.looks > 1 {
			if err := r.Clock.Sleep(ctx, 50*time.Millisecond<<min(r.looks, 6)); err != nil {
				r.fail(TroubleLater, "", err)
				return
			}
		}
		err := r.observe(ctx)
		if err == nil {
			if r.owner, err = r.job.Permit(ctx, r.secrets()); err == nil {
				r.stale, r.unsure = false, false
				if r.proof == ProofBad && r.finished() {
					r.proof = ProofTodo // another delivery has seen it work
				}
				return
			}
			var refusal *fault.Error
			if !errors.As(err, &refusal) { // the guard's own word
				r.fail(TroubleFinal, "", err)
				return
			}
		}
		r.weigh("", err, ctx)
		if r.trouble != TroubleNone {
			r.obs = before
			return
		}
	}
}

func (r *run) secrets() []secret.Secret {
	out := make([]secret.Secret, len(r.obs.homes))
	for i, h := range r.obs.homes {
		out[i] = h.Secret
	}
	return out
}

// weigh decides what a failed step means: another look (the default), or trouble.
func (r *run) weigh(a Action, err error, ctx context.Context) {
	r.stale = true
	r.result.Cause, r.result.FailedAt = err, a
	r.tries[a]++
	switch class := fault.Of(err); {
	case ctx.Err() != nil:
		r.trouble = TroubleLater
	case class == fault.Throttled || class == fault.Busy: // the adapter has waited already
		r.trouble = TroubleLater
	case class == fault.Full && a == Create:
		r.slotsFull = true // perhaps with one of our own, whose answer was lost: the next look shows it
	case class == fault.Denied || class == fault.Absent || class == fault.Invalid || class == fault.Full:
		if r.tries[a] >= maxTries {
			r.trouble = TroubleFinal
		}
	case r.looks >= maxLooks:
		r.trouble = TroubleLater
	}
}

func (r *run) fail(t Trouble, a Action, err error) {
	r.trouble, r.result.Cause, r.result.FailedAt = t, err, a
}

// end fills in the result.
func (r *run) end(d Decision) Result {
	res := &r.result
	res.End, res.Reason, res.Attempt = d.Action, d.Reason, r.attempt
	if res.End == "" {
		res.End = Wait
	}
	switch {
	case res.Reason == "" && r.trouble == TroubleFinal:
		res.Reason = Failed
	case res.Reason == "":
		res.Reason = Interrupted
	}
	if r.trouble == TroubleNone && res.Reason != Failed && res.Reason != NotProvenYet {
		res.Cause, res.FailedAt = nil, ""
	}
	res.Proven = r.proven
	if r.obs == nil {
		return *res
	}
	res.OldGone, res.RetireAt = !r.oldAlive(), r.retireAt()
	res.Slots = r.obs.credentials
	res.Detail = r.explain(d.Reason)
	name := r.id.VersionName(r.attempt)
	for _, h := range r.obs.homes {
		p := Placed{Target: h.Target, SecretName: h.Name, Vault: h.Vault, Region: h.Region}
		if v := h.version(name); v != nil {
			p.Version, p.Current, p.Stage = v.Number, v.Current, v.Stage()
			res.NewID = h.credentialOf(name, v.Number)
		}
		res.Placed = append(res.Placed, p)
	}
	if r.material != nil && r.obs.credential(r.material.ID) != nil {
		res.NewID = r.material.ID
	}
	return *res
}

func (r *run) explain(reason Reason) string {
	_, detail := r.room()
	switch reason {
	case OtherSecret:
		return fmt.Sprintf("%s %s", r.job.Ref.Kind.IDNoun(), r.strange())
	case SecretTaken, SecretFull, InProgress:
		return detail
	}
	return ""
}

// plan walks the table as if every step succeeded.
func (r *run) plan(d Decision) Result {
	for s := r.state(); !d.Action.Ends() && len(r.result.Plan) < maxSteps; d = Next(s) {
		r.result.Plan = append(r.result.Plan, d.Action)
		s = s.After(d.Action)
	}
	return r.end(d)
}
