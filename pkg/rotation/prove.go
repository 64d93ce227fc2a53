package rotation

import (
	"context"
	"slices"
	"time"

	"github.com/keyturn/keyturn/pkg/config"
	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/fault"
)

// proof is what this run knows of whether the new credential works.
func (v view) proof() Proof {
	t := v.mem.Trial
	switch {
	case v.job.origin() == credential.Reset:
		return v.kept()
	case v.mem.Undone != "" && !v.stagedSomewhere():
		return ProofBad // this run has taken it back
	case v.job.Prove == config.ProveOff:
		return ProofGood
	case t.Credential == "" || t.Credential != v.new:
		return ProofTodo
	case t.Accepted:
		return ProofGood
	}
	age := v.proofAge()
	switch {
	case t.enough() && age >= ProofTime:
		if v.is(StoredCurrent) && t.Looks < v.mem.Looks {
			return ProofTodo // another delivery has promoted it meanwhile, so it has seen it work
		}
		return ProofBad
	case t.Refusals > 0:
		return ProofUnclear
	case v.job.Prove == config.ProveTry:
		return ProofGood // it was not refused
	case age >= SilentTime:
		return ProofSilent
	}
	return ProofUnclear
}

// enough: one refusal says little, since some answers come from a server that doesn't know the credential yet.
func (t Trial) enough() bool { return t.Refusals >= fewRefusals && t.Lasted >= refusalTime }

// kept is the counterpart of a proof for a password: is the one that this run has stored still the user's? That is
// looked at once more when all is done, since nothing keeps the reset of a process that died from taking effect
// meanwhile.
func (v view) kept() Proof {
	t := v.mem.Trial
	switch {
	case len(v.snap.Secrets) == 0 || v.value == nil:
		return ProofGood
	case t.Credential != v.new:
		return ProofTodo
	case t.Accepted:
		return ProofGood
	}
	return ProofBad
}

// proofWindow is since when the new credential should be accepted, and when it counts as failed if it isn't. At the end
// of an overlap that counts from its end, since nothing has used it in this package's sight before.
func (v view) proofWindow() (since, until time.Time) {
	c := v.listed(v.new)
	if c == nil {
		return since, until
	}
	since = c.Created
	if end := v.retireAt(); end.After(since) {
		since = end
	}
	if v.mem.Trial.Refusals > 0 {
		return since, since.Add(ProofTime)
	}
	return since, since.Add(SilentTime)
}

// proofAge is for how long the new credential should have been accepted, by OCI's clock.
func (v view) proofAge() time.Duration {
	since, _ := v.proofWindow()
	if since.IsZero() {
		return 0
	}
	return v.age(since)
}

// prove uses the new credential until it is accepted, for SpreadTime after it was made, and a few times later.
func (r *run) prove(ctx context.Context, c Case) (failed error) {
	t := Trial{Credential: c.Material.ID, Looks: r.mem.Looks}
	defer func() {
		if failed == nil {
			r.mem.Trial = t
		}
	}()
	first := time.Time{}
	for pause := 50 * time.Millisecond; ; pause = min(2*pause, 5*time.Second) {
		accepted, err := r.Prover.Prove(ctx, *c.Material, r.snap.Owner)
		now := r.Clock.Now()
		switch t.Err = err; {
		case err == nil && accepted:
			t.Accepted = true
			return nil
		case err == nil:
			if t.Refusals++; t.Refusals == 1 {
				first = now
			}
			if t.Lasted = now.Sub(first); t.enough() && r.spread(c, now) {
				return nil
			}
		case fault.Of(err) == fault.Invalid && r.job.Prove != config.ProveTry:
			return err // the same every time: no request can be made with it, or nobody can prove the kind
		}
		if r.Clock.Sleep(ctx, pause) != nil || err != nil && pause >= 5*time.Second {
			return nil
		}
	}
}

// spread: the new credential is so old at a time of this process that waiting for it to be accepted is no use.
func (r *run) spread(c Case, now time.Time) bool {
	return r.snap.At.Add(now.Sub(r.snap.Local)).Sub(c.newMade) >= SpreadTime
}

// lookAgain lists the user's passwords: has another taken the place of the one that is stored? A list that lags behind
// shows none, or one that was there before this run's reset. What else it shows is another's, whichever time it has:
// that of its effect, or of its request. Of a password that another process has stored it isn't known what was there
// before: only a younger one counts. If nothing can be seen it is taken to be the user's.
func (r *run) lookAgain(ctx context.Context, c Case) error {
	t := Trial{Credential: c.Material.ID, Accepted: true, Looks: r.mem.Looks}
	mine, known := credential.Issued{ID: c.Material.ID}, false
	if m := r.mem.Made; m != nil && m.ID == mine.ID {
		mine, known = m.Issued, true
	}
	listing, err := r.Issuer.List(ctx, r.job.Ref.User)
	t.Accepted = err != nil || !slices.ContainsFunc(listing.Credentials, func(c credential.Issued) bool {
		was := slices.ContainsFunc(r.mem.Before, func(b credential.Issued) bool { return b.ID == c.ID })
		return younger(c, mine) || known && !was && c.ID != mine.ID
	})
	r.mem.Trial = t
	return nil
}

// younger compares passwords. Their ids are times in UTC, in seconds. Two of the same second are told apart by what IAM
// says beyond the second, if it says so of both: nothing promises that a list shows as much of it as the answer to a
// reset.
func younger(one, other credential.Issued) bool {
	if one.ID != other.ID {
		return one.ID > other.ID
	}
	return one.Created.Nanosecond() != 0 && other.Created.Nanosecond() != 0 && one.Created.After(other.Created)
}
