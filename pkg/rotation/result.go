package rotation

import (
	"fmt"
	"time"

	"github.com/keyturn/keyturn/pkg/credential"
)

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
	credential.Target
	SecretName string
	Vault      string // OCID of the vault that the secret is in
	Region     string // of the secret
	Version    int64  // 0 if the secret doesn't hold it, or if its number is not known yet: see Stage
	Current    bool
	Stage      string // Vault's name of the version's stage; empty if the secret doesn't hold it
}

// Result is how a run ended.
type Result struct {
	End      Action // Done, Refuse or Wait
	Reason   Reason
	Detail   string // the exact obstacle; empty if there is none
	Cause    error  // the error behind Failed, Interrupted and a refusal by Job.Authorize
	FailedAt Action // the step of Cause

	Authorized credential.Authorized // the last answer of Job.Authorize

	Rotation credential.RotationID
	Attempt  int
	NewID    string    // empty if there is no new credential
	OldMade  time.Time // when the old credential was made; zero if this run hasn't seen it
	OldGone  bool
	// Chosen says that Keyturn chose the value of the new password, or that OCI mailed the user a link if no secret is
	// named: see credential.Listing.
	Chosen bool
	Placed []Placed
	Slots  []credential.Issued // all credentials of the kind that the user has now
	Proven bool                // the new credential was seen to work in this run
	// Acted says that this run changed something apart from Keyturn's own entries, or may have: a write was not
	// answered.
	Acted    bool
	RetireAt time.Time
	// ProofSince and ProofUntil say since when the new credential is not accepted, and when that becomes a refusal;
	// zero unless Reason is NotProvenYet.
	ProofSince, ProofUntil time.Time

	Steps []Step
	Plan  []Action // what a dry run would do
}

// end fills in the result.
func (r *run) end(c Case, d Decision) Result {
	res := &r.result
	res.End, res.Reason, res.Rotation, res.Attempt = d.Action, d.Reason, r.job.rotation(), c.Attempt
	if f := r.mem.Failure; f != nil {
		res.Cause = f.Err
		if f.Action != Look {
			res.FailedAt = f.Action
		}
	}
	switch d.Reason {
	case NotProvenYet:
		res.ProofSince, res.ProofUntil, res.Cause = c.ProofSince, c.ProofUntil, r.mem.Trial.Err
	case Unprovable:
		res.Cause = r.mem.Trial.Err
	case LimitUnclear, NoFreeSlot:
		res.Cause = r.mem.Limited
	case Failed:
		for _, err := range []error{r.snap.Refusal, r.snap.Unseen, r.snap.unreadable()} {
			if res.Cause == nil {
				res.Cause = err
			}
		}
	}
	if !r.snap.Seen {
		return *res
	}
	t := r.mem.Trial
	res.Proven = t.Accepted && t.Credential == c.New && r.job.origin() != credential.Reset
	v := newView(r.job, r.snap, r.memory())
	res.OldGone = c.Old != OldAlive && c.Old != OldUnlisted
	if c.Old == OldAlive {
		res.RetireAt = c.RetireAt
	}
	res.Slots, res.Chosen = v.issued, r.snap.Chosen
	res.Detail = v.explain(d.Reason, c.Why)
	for _, s := range r.snap.Secrets {
		p := Placed{Target: s.Target, SecretName: s.Name, Vault: s.Vault, Region: s.Region}
		if version := s.version(c.Version); version != nil {
			p.Version, p.Current, p.Stage = version.Number, version.Current, version.Stage()
			res.NewID = c.New
		}
		res.Placed = append(res.Placed, p)
	}
	if c.Material != nil && v.listed(c.New) != nil {
		res.NewID = c.New
	}
	return *res
}

func (v view) explain(reason Reason, why string) string {
	switch reason {
	case OtherSecret, NotOurs, SecretTaken, SecretUnknown, SecretsSwapped, WrongContent, MetadataForeign, SecretFull,
		SecretReplaced, NamesSpent, Doubtful, InProgress:
		return why
	case SecretBlocked:
		return v.blocker()
	case NotProvenYet:
		since, until := v.proofWindow()
		what := "could not be asked about"
		if v.mem.Trial.Refusals > 0 {
			what = "refused"
		}
		return fmt.Sprintf("%s since %s; it counts as failed from %s", what, since.UTC().Format(time.RFC3339),
			until.UTC().Format(time.RFC3339))
	}
	return ""
}
