package rotation

import (
	"context"
	"slices"
	"time"

	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/fault"
)

// A password that Keyturn chooses is stored before it is set, so that its value can't be lost. It can't be proven, and
// OCI's list shows no more of it than the time at which it was set. That time decides whether a staged value is the
// user's password. Only the run that generated a value sets it: a user who may write to the secret could have staged a
// password that he knows.

// chooses reports whether Keyturn chooses the value of the new password.
func (v view) chooses() bool { return v.snap.Chosen && len(v.snap.Secrets) > 0 }

// origin says where the value of the new credential comes from in this rotation.
func (v view) origin() credential.Origin {
	if v.chooses() {
		return credential.Chosen
	}
	return v.job.origin()
}

// generates reports whether Keyturn generates the value, and stores it before the credential exists.
func (s State) generates() bool { return s.Origin == credential.Local || s.Origin == credential.Chosen }

// generates is State.generates.
func (v view) generates() bool { return State{Origin: v.origin()}.generates() }

// withChosen returns the user's credentials, in which the password that the attempt set has the attempt's id.
func (v view) withChosen() []credential.Issued {
	if !v.chooses() || v.new == "" {
		return v.issued
	}
	var out []credential.Issued
	for _, c := range v.issued {
		if v.setByAttempt(c) {
			c.ID = v.new
		}
		out = append(out, c)
	}
	return out
}

// setByAttempt reports whether a listed password is the attempt's, as far as its time shows. The time of a request of
// this run is known. Another process can have set its value only since the closure, and between staging it and the end
// of its life. A password that the user set in the same minutes is taken for it: no call tells them apart.
func (v view) setByAttempt(c credential.Issued) bool {
	within := func(from, to time.Time) bool {
		return !c.Created.Before(from.Add(-skew)) && !c.Created.After(to.Add(skew))
	}
	switch m := v.mem.Made; {
	case v.generated() && m != nil:
		return within(m.Created, m.Created)
	case v.generated() && !v.mem.Unanswered, v.stagedAt().IsZero():
		return false
	}
	return v.isReset(c) && within(v.stagedAt(), v.stagedAt().Add(MakerLife))
}

// setSince reports whether a listed password is this run's or newer. The run's own needs no entry of its own then.
func (v view) setSince(made credential.Created) bool {
	return v.chooses() && slices.ContainsFunc(v.issued, func(c credential.Issued) bool {
		return !c.Created.Before(made.Created.Add(-skew))
	})
}

// goingOn returns the job with the rotation that it continues. A password's rotation is that of its closure, since a
// password has no id. If an earlier closure's run set the password that the user has now, but could not make its
// version CURRENT, then the next closure is for that version: nothing else would bring the value to its consumers.
func (j Job) goingOn(snap Snapshot) Job {
	v := newView(j, snap, Memory{})
	if !v.chooses() || j.begun != "" || v.staged() {
		return j
	}
	for _, s := range snap.Secrets {
		for _, version := range s.Versions {
			id, n, ok := credential.ParseVersionName(version.Name)
			if !ok || !version.Pending || s.Journal.Owner != "" && s.Journal.Owner != OwnerOf(j.Ref) {
				continue
			}
			earlier := j
			earlier.begun = id
			e := newView(earlier, snap, Memory{}).at(n)
			if slices.ContainsFunc(snap.Issued, e.setByAttempt) {
				return earlier
			}
		}
	}
	return j
}

// recorded reports whether the journal says that Keyturn made the attempt's password CURRENT.
func (v view) recorded() bool {
	return slices.ContainsFunc(v.snap.Secrets, func(s Seen) bool {
		c, version := s.Journal.Current, s.version(v.name)
		return c != nil && version != nil && c.Version == version.Number && v.new != "" && c.Credential == v.new
	})
}

// generate makes a value that OCI doesn't know yet.
func (r *run) generate(ctx context.Context, c Case) (credential.Material, error) {
	switch c.Origin {
	case credential.Local:
		m, err := r.key.wait(ctx)
		if err == nil {
			r.key = newKeyPair(r.bits()) // for the next attempt
		}
		return m, err
	case credential.Chosen:
		return credential.ChoosePassword(c.serverNow, r.snap.Owner.UserName)
	}
	return credential.Material{}, fault.New(fault.Invalid, string(Stage), "the new credential's value is not known")
}

// resetDraft is the input for a new password. Without a chosen value, all deliveries send the same token: OCI may then
// treat two resets as one. The request is refused if the user's record has changed since the look. It is sent without
// this condition only BlockedTime after the closure, and if the domain has refused the version that it shows: a record
// can't lag for so long, so the domain compares something else.
func (v view) resetDraft(c Case) credential.Draft {
	d := credential.Draft{RetryToken: string(v.id)}
	if c.Origin == credential.Chosen {
		d.RetryToken, d.Value = "", c.Material.Value
	}
	if v.snap.Version != v.mem.Mismatch || !v.overdue() {
		d.Version = v.snap.Version
	}
	return d
}

// mailTime is how long after the closure a link is mailed. No source says whether a domain moves the password's time
// when it mails one. If it doesn't, each sweep would mail another.
const mailTime = 90 * time.Minute

// barred says why the user can't get a new credential; nil if nothing is known that prevents it. kept says that a
// secret takes the value, closed is when the problem was closed.
func barred(l credential.Listing, kept bool, closed time.Time) error {
	switch {
	case l.Refusal != nil || kept || !l.Chosen:
		return l.Refusal
	case l.Unmailed == nil && !closed.IsZero() && l.At.Sub(closed) > mailTime:
		return fault.New(fault.Invalid, "console password", "the problem was closed more than 90 minutes ago, and "+
			"the identity domain doesn't show that the password was set since. A link to set one may have been "+
			"mailed: ask the user. If none was, close the problem again")
	}
	return l.Unmailed
}
