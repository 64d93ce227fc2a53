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
	// SpreadTime is for how long a delivery goes on asking whether a new credential is accepted. The OCI SDKs allow IAM
	// 240 s to become consistent (eventual_consistency.go of oci-go-sdk). Later deliveries ask a few times each.
	SpreadTime = 4 * time.Minute
	// ProofTime is how old a credential must be before it may count as rejected for good. Users have seen new API keys
	// refused for up to 15 minutes; this is twice as long.
	ProofTime = 30 * time.Minute
	// SilentTime is for how long the service may be impossible to ask.
	SilentTime = 24 * time.Hour
	// BlockedTime is for how long a rotation waits for a secret that takes no change, counted from its order.
	BlockedTime = 30 * time.Minute

	// A credential is refused for good by no less than fewRefusals refusals of one delivery, over no less than refusalTime.
	fewRefusals = 5
	refusalTime = 3 * time.Second
	settleTime  = time.Minute // how long one look waits for a secret to become ACTIVE

	firstPause = 10 * time.Millisecond
	maxLooks   = 6  // how often a run looks at OCI again after a conflict or a lost answer
	maxTries   = 2  // how often a step that was refused outright is tried
	busyTries  = 3  // how often one is tried on a secret that takes no change
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
	// GraceGiven: the closure comment itself says Grace. Then it also counts for an overlap that was running before, from
	// Ordered on; a configured default doesn't.
	GraceGiven bool
	DryRun     bool
	// Problem is the OCID of the Cloud Guard problem whose closure ordered the rotation; empty if none did. The journal keeps
	// it, so that a later delivery can ask Cloud Guard.
	Problem string
	// Earlier are the OCIDs of secrets that earlier closures of the same problem named, other than the targets: a delivery
	// of such a closure may have stored a new credential there.
	Earlier []string
	// Doubt says why it proves nothing that the old credential isn't among the user's; empty if it proves that it is gone.
	Doubt string
	// Ordered is when a person asked for the rotation: when the problem was closed. Zero where nobody knows.
	Ordered time.Time
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
	// ProofSince and ProofUntil say since when the new credential is not accepted, and when that becomes a refusal; zero
	// unless Reason is NotProvenYet.
	ProofSince, ProofUntil time.Time

	Steps []Step
	Plan  []Action // what a dry run would do
}

// run is one pass of the engine: the observation and what this process remembers beside it.
type run struct {
	*Engine
	Issuer Issuer
	job    Job
	id     credential.RotationID
	maker  string
	owner  credential.Owner
	key    *keyPair // the key pair that is generated meanwhile

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
	currents   map[string]current   // contents of the secrets' CURRENT versions, by the secret's OCID
	proof      Proof
	refused    bool   // the new credential was refused, not only not answered about
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
		deleted: map[string]bool{}, tries: map[Action]int{}, currents: map[string]current{}, proof: ProofTodo, trouble: TroubleNone, stale: true, attempt: 1}
	if e.Prove == ProveOff || job.Ref.Kind == credential.Password {
		r.proof = ProofGood
	}
	r.result.Rotation = r.id
	if r.Issuer == nil {
		r.result.Cause = fault.New(fault.Invalid, "rotation", fmt.Sprintf("there is no way to make a credential of the kind %q", job.Ref.Kind))
		return r.end(Decision{Action: Refuse, Reason: Failed})
	}
	forward, cancel := e.forward(ctx)
	defer cancel()
	if job.Ref.Kind == credential.APIKey && !job.DryRun {
		r.generate()
		r.key.start() // while OCI is being asked
	}
	for range maxSteps {
		if r.stale && r.trouble == TroubleNone {
			r.look(forward)
		}
		if r.obs == nil {
			return r.end(Next(State{Kind: job.Ref.Kind, Stored: StoredUnsure, Trouble: r.trouble})) // nothing was seen
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
				r.obs = before
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
			if !errors.As(err, &refusal) { // the guard's own
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
	case res.Reason == NotProvenYet:
		res.ProofSince, res.ProofUntil = r.proofWindow()
	case res.Reason == "":
		res.Reason = Interrupted
	}
	if r.trouble == TroubleNone && res.Reason != Failed && res.Reason != NotProvenYet && res.Reason != Unprovable {
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
	case SecretTaken, SecretUnknown, SecretsSwapped, WrongContent, MetadataForeign, SecretFull, InProgress:
		return detail
	case SecretBlocked:
		return r.blocker()
	case NotProvenYet:
		since, until := r.proofWindow()
		what := "could not be asked about"
		if r.refused {
			what = "refused"
		}
		return fmt.Sprintf("%s since %s; it counts as failed from %s", what, since.UTC().Format(time.RFC3339), until.UTC().Format(time.RFC3339))
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
