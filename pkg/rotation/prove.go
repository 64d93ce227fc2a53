package rotation

import (
	"context"
	"slices"
	"time"

	"github.com/keyturn/keyturn/pkg/config"
	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/fault"
)

// proof returns what this run knows about whether the new credential works.
func (v view) proof() Proof {
	t := v.mem.Trial
	switch {
	case v.job.origin() == credential.Reset:
		return v.passwordProof()
	case v.mem.Undone != "" && !v.stagedSomewhere():
		return ProofBad // this run fenced it
	case v.job.Prove == config.ProveOff:
		return ProofGood
	case t.Credential == "" || t.Credential != v.new:
		return ProofTodo
	case t.Accepted:
		return ProofGood
	}
	age := v.proofAge()
	switch {
	case t.conclusive() && age >= ProofTime:
		if v.is(StoredCurrent) && t.Looks < v.mem.Looks {
			return ProofTodo // another delivery has promoted it since, so it worked there
		}
		return ProofBad
	case t.Refusals > 0:
		return ProofUnclear
	case v.job.Prove == config.ProveTry:
		return ProofGood // not refused
	case age >= SilentTime:
		return ProofSilent
	}
	return ProofUnclear
}

// conclusive reports whether there were enough refusals. A few may come from servers that don't know the credential
// yet.
func (t Trial) conclusive() bool { return t.Refusals >= fewRefusals && t.Lasted >= refusalTime }

// passwordProof replaces the proof for a password: is the stored one still the user's? The run checks that at its end,
// since the reset of a process that died may take effect at any time.
func (v view) passwordProof() Proof {
	t := v.mem.Trial
	switch {
	case len(v.snap.Secrets) == 0 || v.value == nil || v.chooses():
		return ProofGood
	case t.Credential != v.new:
		return ProofTodo
	case t.Accepted:
		return ProofGood
	}
	return ProofBad
}

// proofWindow returns since when the new credential should be accepted, and when it counts as rejected if it isn't.
// After an overlap it counts from the end of the overlap, because this package doesn't test the credential during it.
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

// proofAge returns for how long the new credential should have been accepted, by OCI's clock.
func (v view) proofAge() time.Duration {
	since, _ := v.proofWindow()
	if since.IsZero() {
		return 0
	}
	return v.age(since)
}

// awaitAccepted uses the new credential until it is accepted, or until SpreadTime after it was made; later, a few
// times.
func (r *run) awaitAccepted(ctx context.Context, c Case) (failed error) {
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
		t.Err = err
		switch {
		case err == nil && accepted:
			t.Accepted = true
			return nil
		case err == nil:
			t.Refusals++
			if t.Refusals == 1 {
				first = now
			}
			t.Lasted = now.Sub(first)
			if t.conclusive() && r.propagated(c, now) {
				return nil
			}
		case fault.Of(err) == fault.Invalid && r.job.Prove != config.ProveTry:
			return err // permanent: the credential is unusable, or this kind can't be proven
		}
		if r.Clock.Sleep(ctx, pause) != nil || err != nil && pause >= 5*time.Second {
			return nil
		}
	}
}

// propagated reports whether every server should know the new credential at a time of this process's clock.
func (r *run) propagated(c Case, now time.Time) bool {
	return r.snap.At.Add(now.Sub(r.snap.Local)).Sub(c.newMade) >= SpreadTime
}

// checkPassword lists the user's passwords to see whether another one has replaced the stored one. A list that lags
// shows none, or one from before this run's reset. Any other one is a replacement, whether its time is that of its
// request or of its effect. If another process stored the password, the earlier ones are unknown, so only a newer one
// counts. If the list can't be read, the stored password counts as the user's.
func (r *run) checkPassword(ctx context.Context, c Case) error {
	t := Trial{Credential: c.Material.ID, Accepted: true, Looks: r.mem.Looks}
	mine, known := credential.Issued{ID: c.Material.ID}, false
	if m := r.mem.Made; m != nil && m.ID == mine.ID {
		mine, known = m.Issued, true
	}
	listing, err := r.Issuer.List(ctx, r.job.Ref.User)
	t.Accepted = err != nil || !slices.ContainsFunc(listing.Credentials, func(c credential.Issued) bool {
		was := slices.ContainsFunc(r.mem.Before, func(b credential.Issued) bool { return b.ID == c.ID })
		return newer(c, mine) || known && !was && c.ID != mine.ID
	})
	r.mem.Trial = t
	return nil
}

// newer compares passwords by their ids, which are times in UTC with whole seconds. Within one second it compares the
// fractions, if IAM shows both: a list may show less precision than the answer to a reset.
func newer(one, other credential.Issued) bool {
	if one.ID != other.ID {
		return one.ID > other.ID
	}
	return one.Created.Nanosecond() != 0 && other.Created.Nanosecond() != 0 && one.Created.After(other.Created)
}
