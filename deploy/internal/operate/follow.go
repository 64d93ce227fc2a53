package operate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/keyturn/keyturn/pkg/cloudguard"
	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/rotation"
	"github.com/keyturn/keyturn/pkg/vault"
)

// End is how a rotation ended. It can be printed.
type End struct {
	Order
	State  string `json:"state"`            // see the constants
	Reason string `json:"reason,omitempty"` // why it was refused, or what is left
	New    string `json:"new,omitempty"`    // id of the new credential, if it is known
	// OldGoes is when the old credential is deleted; nil if it is, or if it isn't known.
	OldGoes *time.Time `json:"oldGoes,omitempty"`
}

// The states of End.
const (
	Started    = "started"       // nobody has followed it
	Rotated    = "rotated"       // the new one is CURRENT, and the old one is deleted
	Overlaps   = "overlap"       // the new one is CURRENT, and the old one stays until OldGoes
	WasReset   = "reset"         // the password was reset; no secret keeps the new one
	DryRunDone = "dry run"       // the functions have mailed what they would do
	Refused    = "refused"       // the functions opened the problem again, for the Reason
	Reopened   = "opened again"  // someone else opened the problem again
	Unfinished = "not finished"  // the time ran out
	unknownYet = "not known yet" // Follow goes on
)

const (
	firstPause = 250 * time.Millisecond // before the second look; half as long again each time
	maxPause   = 5 * time.Second
)

// Follow looks at the problem and at the secrets until the rotation has ended, or for most. tell gets each new finding.
// What can't be read is read again; the last such error is in the Reason if the time runs out.
func (r Rotate) Follow(ctx context.Context, o Order, most time.Duration, tell func(string)) (End, error) {
	begun, pause, said := r.Clock.Now(), firstPause, ""
	say := func(text string) {
		if text != "" && text != said {
			said = text
			tell(text)
		}
	}
	for {
		end, err := r.look(ctx, o)
		if err == nil && end.State != unknownYet {
			return end, nil
		}
		if err != nil {
			end.Reason = err.Error()
		}
		say(end.Reason)
		if r.Clock.Now().Sub(begun) >= most {
			end.Order, end.State = o, Unfinished
			return end, nil
		}
		if err := r.Clock.Sleep(ctx, pause); err != nil {
			return end, fmt.Errorf("following the rotation: %w", err)
		}
		pause = min(pause*3/2, maxPause)
	}
}

func (r Rotate) look(ctx context.Context, o Order) (End, error) {
	p, err := r.Problems.Afresh(ctx, o.Problem)
	if err != nil {
		return End{Order: o}, fmt.Errorf("reading the problem: %w", err)
	}
	if end, over := reopened(o, p); over {
		return end, nil
	}
	if o.DryRun {
		return End{Order: o, State: unknownYet, Reason: "waiting for the function"}, nil
	}
	var seen []held
	for _, t := range o.Secrets {
		s, err := r.Secret(ctx, t.SecretID)
		if err != nil {
			return End{Order: o}, fmt.Errorf("reading secret %s: %w", t.SecretID, err)
		}
		versions, err := r.Versions(ctx, t.SecretID)
		if err != nil {
			return End{Order: o}, fmt.Errorf("listing the versions of secret %s: %w", t.SecretID, err)
		}
		seen = append(seen, held{Secret: s, role: t.Role, journal: rotation.JournalOf(s.Metadata), versions: versions})
	}
	listing, err := r.Credentials(ctx, o.Kind, o.User)
	if err != nil {
		return End{Order: o}, fmt.Errorf("listing the user's %ss: %w", o.Kind.Noun(), err)
	}
	c, ok := cloudguard.Closure(p.History)
	if !ok {
		return End{Order: o, State: unknownYet, Reason: "waiting for Cloud Guard's record of the closure"}, nil
	}
	return ended(o, seen, listing.Credentials, c), nil
}

// reopened reports whether the problem was opened again since the order was prepared.
func reopened(o Order, p cloudguard.Problem) (End, bool) {
	if p.Resolved() || len(p.History) == len(o.problem.History) {
		return End{}, false
	}
	newest := slices.MaxFunc(p.History, func(a, b cloudguard.Change) int { return a.At.Compare(b.At) })
	for _, h := range p.History { // of records with the same time, the first is the newest
		if h.At.Equal(newest.At) {
			newest = h
			break
		}
	}
	if !strings.EqualFold(newest.Detail, "OPEN") && p.State() == "OPEN" {
		return End{}, false // the history lags
	}
	reason, ours := strings.CutPrefix(newest.Comment, cloudguard.ReopenMark)
	reason = strings.TrimSpace(strings.TrimPrefix(reason, ":"))
	switch {
	case !ours:
		return End{Order: o, State: Reopened, Reason: fmt.Sprintf("%s set the problem to %s: %s", newest.Actor,
			newest.Detail, newest.Comment)}, true
	case o.DryRun && strings.HasPrefix(reason, "a dry run"):
		return End{Order: o, State: DryRunDone, Reason: "the functions have mailed what they would do"}, true
	}
	return End{Order: o, State: Refused, Reason: reason}, true
}

// ended decides whether the rotation has ended. It is a pure function.
func ended(o Order, all []held, living []credential.Issued, c cloudguard.Change) End {
	end := End{Order: o, State: unknownYet, Reason: "waiting for the function"}
	resets := o.Kind.Origin() == credential.Reset
	if resets && len(all) == 0 {
		if slices.ContainsFunc(living, func(i credential.Issued) bool { return !i.Created.Before(c.At) }) {
			end.State, end.Reason = WasReset, "OCI has mailed the user a link, or the one-time password is in no secret"
		}
		return end
	}
	old := credential.Ref{Kind: o.Kind, User: o.User, ID: o.Old}
	if resets {
		old.ID = credential.TimeID(c.At)
	}
	done := 0
	var goes time.Time
	for _, h := range all {
		now, _ := h.version(func(v vault.Version) bool { return v.Number == h.Current })
		id, _, ours := credential.ParseVersionName(now.Name)
		switch s := h.journal.Staged; {
		case ours && id == old.RotationID() && s == nil && h.journal.Current != nil &&
			h.journal.Current.Version == h.Current:
			done++
			end.New = h.journal.Current.Credential
		case s != nil && s.Old == old.ID:
			end.Reason = fmt.Sprintf("a new %s is being made (%s %s)", o.Kind.Noun(), s.Phase, s.Version)
		}
		if r := h.journal.Retire.Of(o.Old); r != nil && overlapping(o, h, *r, c.At) && r.After.After(goes) {
			goes = r.After
		}
	}
	if done < len(all) {
		return end
	}
	alive := slices.ContainsFunc(living, func(i credential.Issued) bool { return i.ID == o.Old })
	switch {
	case resets, !alive:
		end.State, end.Reason = Rotated, ""
	case !goes.IsZero():
		end.State, end.Reason, end.OldGoes = Overlaps, "", &goes
	default:
		end.Reason = "the new one is CURRENT; the old one is being deleted"
	}
	return end
}

// overlapping reports whether an entry is about an overlap that goes on. An entry of an earlier closure of the problem
// doesn't count if the overlap is over, or if this closure gives another grace period: the functions are about to
// replace it.
func overlapping(o Order, h held, r rotation.Retired, closed time.Time) bool {
	earlier := r.Set == nil || r.Set.Before(closed.Truncate(time.Second))
	return r.Begun == nil && !(earlier && (o.grace || !h.At.Before(r.After)))
}

// Err returns an error unless the rotation ended as it was ordered.
func (e End) Err() error {
	switch e.State {
	case Refused:
		return fmt.Errorf("the functions didn't rotate it: %s. Problem %s is open again; the mail says more", e.Reason,
			e.Problem)
	case Reopened:
		return errors.New(e.Reason)
	case Unfinished:
		return fmt.Errorf("it isn't finished yet (%s). The sweep goes on with it; look later: keyturn status", e.Reason)
	}
	return nil
}
