package rotation

import (
	"context"
	"slices"

	"github.com/keyturn/keyturn/pkg/credential"
)

// conclude looks after the end of a password's rotation. Nothing keeps the reset of a process that died from taking effect
// while this one stores its own: whether the stored password is still the user's is looked at once more, when all is done.
// And the announcement of a reset whose value got lost is taken off the secret, so that this is told once, and not by
// every sweep. If that can't be written, it is told again.
func (r *run) conclude(ctx context.Context, d Decision) Decision {
	if r.overtaken(ctx, d) {
		d.Reason = ResetNotKept
		return d
	}
	if d.Reason != ResetNotKept || r.material != nil || r.announced() == nil || r.job.DryRun {
		return d
	}
	r.act(ctx, ctx, Decision{Action: Withdraw, Because: "its value is lost: this is reported once, and not by every sweep"})
	return d
}

// overtaken: the password that this run has stored is no longer the user's, since there is another. If that can't be seen
// it is taken to be. A list that lags behind shows none, or the one that was there before this run's reset. What else it
// shows is another's, whichever time it has: that of its effect, or of its request. Of a password that another process
// has stored it isn't known what was there before: only a younger one counts.
func (r *run) overtaken(ctx context.Context, d Decision) bool {
	if r.job.Ref.Kind != credential.Password || d.Reason != Rotated || r.material == nil || len(r.obs.homes) == 0 || r.job.DryRun {
		return false
	}
	mine, known := credential.Issued{ID: r.material.ID}, false
	if r.created != nil && r.created.ID == mine.ID {
		mine, known = *r.created, true
	}
	listing, err := r.Issuer.List(ctx, r.job.Ref.User)
	return err == nil && slices.ContainsFunc(listing.Credentials, func(c credential.Issued) bool {
		was := slices.ContainsFunc(r.before, func(b credential.Issued) bool { return b.ID == c.ID })
		return younger(c, mine) || known && !was && c.ID != mine.ID
	})
}

// younger compares passwords. Their ids are times in UTC, in seconds. Two of the same second are told apart by what IAM
// says beyond the second, if it says so of both: nothing promises that a list shows as much of it as the answer to a reset.
func younger(one, other credential.Issued) bool {
	if one.ID != other.ID {
		return one.ID > other.ID
	}
	return one.Created.Nanosecond() != 0 && other.Created.Nanosecond() != 0 && one.Created.After(other.Created)
}
