package acceptance

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/outcome"
)

func dateOf(header string) (time.Time, error) {
	t, err := http.ParseTime(header)
	if err != nil {
		return t, fmt.Errorf("the answer has no Date header that can be read")
	}
	return t, nil
}

// closing makes the event of the closing of a problem about a subject's credential. Its time is the server's now.
func (r *run) closing(ctx context.Context, s *subject, comment string) (event []byte, now time.Time, err error) {
	// The function takes a password that was set in the second of the closing, or later, for one already reset.
	_, err = until(ctx, time.Minute, func() (bool, error) {
		now, err = r.serverNow(ctx)
		return err == nil && (s.kind.Origin() != credential.Reset ||
			now.After(s.oldMade.Truncate(time.Second).Add(time.Second))), err
	})
	if err != nil {
		return nil, now, err
	}
	event, err = r.event(s, comment, now)
	return event, now, err
}

// close sends the function the closing of a problem about a subject's credential.
func (r *run) close(ctx context.Context, s *subject, comment string) (event []byte, at time.Time, i invoked,
	err error) {
	event, at, err = r.closing(ctx, s, comment)
	if err == nil {
		i, err = r.rotate.invoke(ctx, event)
	}
	return event, at, i, err
}

// turn rotates a subject's credential, checks the result from outside, and sends the same event again. An error ends
// the run; a wrong rotation is a failed check.
func (r *run) turn(ctx context.Context, s *subject) error {
	chosen := s.inDomain && s.kind.Origin() == credential.Reset
	if chosen && s.oldMade.IsZero() {
		return r.undated(ctx, s)
	}
	event, _, first, err := r.close(ctx, s, s.comment("grace:0"))
	if err != nil {
		return err
	}
	rotated := r.check(first.reply.Status == outcome.Rotated, s.label+" is rotated", "%s, in %s", first,
		first.took.Round(10*time.Millisecond))
	if s.inDomain {
		r.permitted(rotated, first)
	}
	if chosen {
		r.readsPasswordDate(rotated, first)
	}
	if !rotated {
		return ctx.Err()
	}
	r.replyIsWhole(s, first.reply)
	now, err := r.looksRotated(ctx, s, first.reply)
	if err != nil {
		return err
	}
	second, err := r.rotate.invoke(ctx, event)
	if err != nil {
		return err
	}
	r.check(second.reply.Status == outcome.Already, s.label+": the same event again changes nothing", "%s", second)
	return r.unchanged(ctx, s, now)
}

func (r *run) replyIsWhole(s *subject, o outcome.Outcome) {
	var wrong []string
	expect := func(ok bool, format string, args ...any) {
		if !ok {
			wrong = append(wrong, fmt.Sprintf(format, args...))
		}
	}
	expect(o.Changed, "changed is false")
	expect(o.Kind == string(s.kind), "kind is %q", o.Kind)
	expect(o.UserID == s.owner.User, "user is %q", o.UserID)
	expect(o.OldID == s.old.ID, "old_id is %q", o.OldID)
	expect(o.NewID != "" && o.NewID != s.old.ID, "new_id is %q", o.NewID)
	expect(o.Rotation != "" && o.Attempt == 1, "rotation is %q, attempt %d", o.Rotation, o.Attempt)
	if s.kind.Origin() != credential.Reset { // its rotation id depends on the time of the closing
		id := credential.Ref{Kind: s.kind, User: s.owner.User, ID: s.old.ID}.RotationID()
		expect(o.Rotation == string(id), "rotation is not %q", id)
	}
	expect(o.TenancyID == r.tenancy, "tenancy is %q", o.TenancyID)
	expect(o.CallID != "", "call_id is empty")
	if s.kind.Origin() != credential.Reset {
		expect(o.OldFate == "deleted", "old_fate is %q", o.OldFate)
		expect(r.unproven() || o.Proven == "the new one was used once and works", "proven is %q", o.Proven)
	}
	expect(len(o.Secrets) == len(s.secrets), "%d secrets", len(o.Secrets))
	for _, held := range o.Secrets {
		i := slices.IndexFunc(s.secrets, func(t target) bool { return t.id == held.ID })
		expect(i >= 0 && held.Holds == string(s.secrets[max(i, 0)].role) && held.Current && held.Version > 1,
			"secret %s: holds %q, version %d, current %t", held.Name, held.Holds, held.Version, held.Current)
	}
	r.check(len(wrong) == 0, s.label+": the reply is complete", "%s", strings.Join(wrong, ", "))
}

// unproven reports whether the function rotates without a proof.
func (r *run) unproven() bool {
	return is(r.rotate.config["prove"], "off") || is(r.rotate.config["prove"], "try")
}

// after is the state after a rotation.
type after struct {
	ids      []string  // of the user's credentials of the kind; none for a password
	made     time.Time // of a password
	versions []int64   // CURRENT versions of the secrets
}

// inIAM reads the part of the state that IAM has.
func (r *run) inIAM(ctx context.Context, s *subject) (a after, err error) {
	if s.kind.Origin() == credential.Reset {
		a.made, err = r.passwordMade(ctx, s.owner.User)
		return a, err
	}
	all, err := r.list(ctx, s.owner.User, s.kind)
	for _, l := range all {
		a.ids = append(a.ids, l.ID)
	}
	return a, err
}

// looksRotated checks a rotation from outside.
func (r *run) looksRotated(ctx context.Context, s *subject, o outcome.Outcome) (a after, err error) {
	a, err = r.inIAM(ctx, s)
	if err != nil {
		return a, err
	}
	if s.kind.Origin() == credential.Reset {
		r.check(a.made.After(s.oldMade), s.label+": the password was reset", "set %s, before that %s",
			a.made.UTC().Format(time.RFC3339), s.oldMade.UTC().Format(time.RFC3339))
	} else {
		r.check(len(a.ids) == 1 && a.ids[0] == o.NewID, s.label+": the new one is there, the old one is gone",
			"the user has %d", len(a.ids))
	}
	m, ok := r.stored(ctx, s, o, &a)
	if !ok || s.kind.Origin() == credential.Reset {
		return a, ctx.Err()
	}
	s.now = m
	r.works(ctx, m, s.owner, wait{s.label + ": what Vault has works", settlingTime, s.label + " (after its rotation)"})
	most := settlingTime
	if slices.Contains(a.ids, s.old.ID) {
		most = 0 // the function has not deleted it
	}
	r.ends(ctx, s.old, s.owner, wait{s.label + ": the old one is refused", most, s.label})
	return a, ctx.Err()
}

// stored checks the CURRENT versions of the subject's secrets and decodes the new credential from them.
func (r *run) stored(ctx context.Context, s *subject, o outcome.Outcome, a *after) (m credential.Material, ok bool) {
	version := credential.RotationID(o.Rotation).VersionName(o.Attempt)
	ok = true
	for _, t := range s.secrets {
		i := slices.IndexFunc(o.Secrets, func(h outcome.Secret) bool { return h.ID == t.id })
		if i < 0 {
			return m, false // replyIsWhole has reported it
		}
		c, err := r.current(ctx, t.id, o.Secrets[i].Version)
		if err != nil {
			ok = r.check(false, s.label+": secret "+t.name+" has the new value as CURRENT", "%s", seenOr(err))
			continue
		}
		a.versions = append(a.versions, c.number)
		var wrong error
		switch {
		case t.role.IsID():
			if !c.value.Equal(credential.NewValue([]byte(o.NewID))) {
				wrong = fmt.Errorf("it isn't the access key that the reply names")
			}
		case s.kind.Origin() == credential.Reset:
			if c.value.Empty() || c.value.Equal(credential.NewValue([]byte(seed))) || c.value.Equal(s.old.Value) {
				wrong = fmt.Errorf("it isn't a new password")
			}
		default:
			m, wrong = credential.Decode(s.kind, t.role, o.NewID, c.value)
		}
		if wrong == nil && c.name != version {
			wrong = fmt.Errorf("the version is named %q, not %q", c.name, version)
		}
		detail := fmt.Sprintf("version %d, %s", c.number, c.name)
		if wrong != nil {
			detail = wrong.Error()
		}
		ok = r.check(wrong == nil, s.label+": secret "+t.name+" has the new value as CURRENT", "%s", detail) && ok
	}
	return m, ok
}

// unchanged checks that nothing has changed since before.
func (r *run) unchanged(ctx context.Context, s *subject, before after) error {
	now, err := r.inIAM(ctx, s)
	if err != nil {
		return err
	}
	for i := range before.versions {
		v, err := r.active(ctx, s.secrets[i].id)
		if err != nil {
			return err
		}
		now.versions = append(now.versions, v.Current)
	}
	same := slices.Equal(now.ids, before.ids) && now.made.Equal(before.made) &&
		slices.Equal(now.versions, before.versions)
	r.check(same, s.label+": nothing has changed since", "")
	return nil
}
