package main

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

// closing makes the event of the closing of a problem about a subject's credential.
func (r *run) closing(ctx context.Context, s *subject, comment string) (closure, error) {
	var now time.Time
	// A password that was set in the same second as the closing, or after it, was reset already.
	_, err := until(ctx, time.Minute, func() (bool, error) {
		var err error
		now, err = r.serverNow(ctx)
		return err == nil && (s.kind.Origin() != credential.Reset ||
			now.After(s.oldMade.Truncate(time.Second).Add(time.Second))), err
	})
	return closure{tenancy: r.tenancy, region: r.options.functionRegion, home: r.home, kind: s.kind, user: s.owner.User,
		userName:   s.userName,
		credential: s.old.ID, comment: comment, at: now}, err
}

// send sends a closing to the function.
func (r *run) send(ctx context.Context, c closure) (invoked, error) {
	event, err := c.event()
	if err != nil {
		return invoked{}, fmt.Errorf("encoding the event: %w", err)
	}
	return r.rotate.invoke(ctx, event)
}

// turn rotates a subject's credential, looks at everything from the outside, and sends the same event again. An error
// ends the run; what is wrong with the rotation is a failed check.
func (r *run) turn(ctx context.Context, s *subject) error {
	c, err := r.closing(ctx, s, s.comment("grace:0"))
	if err != nil {
		return err
	}
	first, err := r.send(ctx, c)
	if err != nil {
		return err
	}
	if !r.report.check(first.reply.Status == outcome.Rotated, s.label+" is rotated", "%s, in %s", first.came(),
		first.took.Round(10*time.Millisecond)) {
		return ctx.Err()
	}
	r.replyIsWhole(s, first.reply)
	now, err := r.looksRotated(ctx, s, first.reply)
	if err != nil {
		return err
	}
	second, err := r.send(ctx, c)
	if err != nil {
		return err
	}
	r.report.check(second.reply.Status == outcome.Already, s.label+": the same event again changes nothing", "%s",
		second.came())
	return r.unchanged(ctx, s, now)
}

// replyIsWhole checks what the function says.
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
	if s.kind.Origin() != credential.Reset { // which goes by the time of its closing
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
			"secret %s: holds %q, version %d, current %t",
			held.Name, held.Holds, held.Version, held.Current)
	}
	r.report.check(len(wrong) == 0, s.label+": the reply says all of it", "%s", strings.Join(wrong, ", "))
}

// unproven says that the function doesn't insist on a proof.
func (r *run) unproven() bool {
	return is(r.rotate.config["prove"], "off") || is(r.rotate.config["prove"], "try")
}

// after is what a rotation left.
type after struct {
	ids      []string
	made     time.Time // of a password
	versions []int64
}

// looksRotated checks a rotation from the outside.
func (r *run) looksRotated(ctx context.Context, s *subject, o outcome.Outcome) (a after, err error) {
	all, err := r.list(ctx, s.owner.User, s.kind)
	if err != nil {
		return a, err
	}
	for _, l := range all {
		a.ids = append(a.ids, l.ID)
	}
	if s.kind.Origin() == credential.Reset {
		if a.made, err = r.passwordMade(ctx, s.owner.User); err != nil {
			return a, err
		}
		r.report.check(a.made.After(s.oldMade), s.label+": the password was reset", "set %s, before that %s",
			a.made.UTC().Format(time.RFC3339), s.oldMade.UTC().Format(time.RFC3339))
	} else {
		r.report.check(len(a.ids) == 1 && a.ids[0] == o.NewID, s.label+": the new one is there, the old one is gone",
			"the user has %d", len(a.ids))
	}
	m, ok := r.stored(ctx, s, o, &a)
	if !ok || s.kind.Origin() == credential.Reset {
		return a, ctx.Err()
	}
	s.now = m
	took, last, err := r.works(ctx, m, s.owner, settlingTime)
	r.report.check(err == nil, s.label+": what Vault has works", "%s", because(last, err))
	if err == nil {
		r.times["spread"] = append(r.times["spread"], timing{s.label + " (after its rotation)", took})
	}
	most := settlingTime
	if slices.Contains(a.ids, s.old.ID) {
		most = 0 // nobody has deleted it
	}
	took, last, err = r.ends(ctx, s.old, s.owner, most)
	r.report.check(err == nil, s.label+": the old one is refused", "%s", because(last, err))
	if err == nil {
		r.times["end"] = append(r.times["end"], timing{s.label, took})
	}
	return a, ctx.Err()
}

func because(last used, err error) string {
	if err == nil {
		return "answered " + last.String()
	}
	return fmt.Sprintf("%v; the last answer was %s", err, last)
}

// stored checks the CURRENT versions of the subject's secrets and takes the new credential out of them.
func (r *run) stored(ctx context.Context, s *subject, o outcome.Outcome, a *after) (m credential.Material, ok bool) {
	version := credential.RotationID(o.Rotation).VersionName(o.Attempt)
	ok = true
	for _, t := range s.secrets {
		i := slices.IndexFunc(o.Secrets, func(h outcome.Secret) bool { return h.ID == t.id })
		if i < 0 {
			return m, false // the reply was found wanting for it
		}
		c, err := r.current(ctx, t.id, o.Secrets[i].Version)
		if err != nil {
			ok = r.report.check(false, s.label+": secret "+t.name+" has the new value as CURRENT", "%s", seenOr(err))
			continue
		}
		a.versions = append(a.versions, c.number)
		id := o.NewID
		var wrong error
		switch {
		case t.role.IsID():
			if !c.value.Equal(credential.NewValue([]byte(id))) {
				wrong = fmt.Errorf("it isn't the access key that the reply names")
			}
		case s.kind.Origin() == credential.Reset:
			if c.value.Empty() || c.value.Equal(credential.NewValue([]byte(seed))) || c.value.Equal(s.old.Value) {
				wrong = fmt.Errorf("it isn't a new password")
			}
		default:
			m, wrong = credential.Decode(s.kind, t.role, id, c.value)
		}
		if wrong == nil && c.name != version {
			wrong = fmt.Errorf("the version is named %q, not %q", c.name, version)
		}
		detail := fmt.Sprintf("version %d, %s", c.number, c.name)
		if wrong != nil {
			detail = wrong.Error()
		}
		ok = r.report.check(wrong == nil, s.label+": secret "+t.name+" has the new value as CURRENT", "%s", detail) &&
			ok
	}
	return m, ok
}

// seenOr is a refusal in two words, or another error.
func seenOr(err error) string {
	if status, _ := answer(err); status != 0 {
		return seen(err)
	}
	return err.Error()
}

// unchanged checks that nothing has changed since.
func (r *run) unchanged(ctx context.Context, s *subject, before after) error {
	now := after{}
	all, err := r.list(ctx, s.owner.User, s.kind)
	if err != nil {
		return err
	}
	for _, l := range all {
		now.ids = append(now.ids, l.ID)
	}
	if s.kind.Origin() == credential.Reset {
		if now.made, err = r.passwordMade(ctx, s.owner.User); err != nil {
			return err
		}
	}
	for i := range before.versions {
		v, err := r.active(ctx, s.secrets[i].id)
		if err != nil {
			return err
		}
		if v.CurrentVersionNumber != nil {
			now.versions = append(now.versions, *v.CurrentVersionNumber)
		}
	}
	same := slices.Equal(now.ids, before.ids) && now.made.Equal(before.made) &&
		slices.Equal(now.versions, before.versions)
	r.report.check(same, s.label+": nothing has changed since", "")
	return nil
}
