package acceptance

import (
	"context"
	"strings"
	"time"

	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/outcome"
)

// graceTime is the shortest grace period that a comment can name.
const graceTime = time.Minute

// retirement rotates an auth token with a grace period, waits for the end of the period, and sends the event again.
// That deletes the old token.
func (r *run) retirement(ctx context.Context) error {
	if r.sweep == nil {
		return nil
	}
	s := *r.subjects[1]
	if s.now.Value.Empty() {
		return nil // its rotation failed, and was reported
	}
	s.label, s.old = "auth-token with grace:1m", s.now
	event, at, i, err := r.close(ctx, &s, s.comment("grace:1m"))
	if err != nil {
		return err
	}
	if !r.check(i.reply.Status == outcome.Rotated && strings.HasPrefix(i.reply.OldFate, "works until "), s.label+
		" is rotated, and the old one stays", "%s", i) {
		return ctx.Err()
	}
	m, ok := r.stored(ctx, &s, i.reply, &after{})
	if !ok {
		return ctx.Err()
	}
	for what, one := range map[string]credential.Material{"the new one": m, "the old one": s.old} {
		r.works(ctx, one, s.owner, wait{s.label + ": " + what + " works", settlingTime, ""})
	}
	if _, err := until(ctx, 3*graceTime, func() (bool, error) {
		now, err := r.serverNow(ctx)
		return err == nil && now.After(at.Add(graceTime+15*time.Second)), err
	}); err != nil {
		return err
	}
	if err := r.unordered(ctx, &s); err != nil {
		return err
	}
	again, err := r.rotate.invoke(ctx, event)
	if err != nil {
		return err
	}
	if !r.check(again.refusal == "", s.label+": the same event again is answered", "%s", again) {
		return ctx.Err()
	}
	all, err := r.list(ctx, s.owner.User, s.kind)
	if err != nil {
		return err
	}
	r.check(len(all) == 1 && all[0].ID == m.ID, s.label+": the same event again has deleted the old one, "+
		"and kept the new one", "the user has %d", len(all))
	r.ends(ctx, s.old, s.owner, wait{s.label + ": the old one is refused", settlingTime, ""})
	return ctx.Err()
}

// unordered runs the sweep. Cloud Guard has no record of the run's problems, so the sweep must leave the old credential
// alone and say so.
func (r *run) unordered(ctx context.Context, s *subject) error {
	swept, err := r.sweep.invoke(ctx, []byte("{}"))
	if err != nil {
		return err
	}
	if !r.check(swept.refusal == "", "the sweep answers", "%s", swept.refusal) {
		return ctx.Err()
	}
	all, err := r.list(ctx, s.owner.User, s.kind)
	if err != nil {
		return err
	}
	said := strings.Contains(string(swept.body), s.secrets[0].id)
	r.check(len(all) == 2 && said, s.label+": the sweep deletes nothing of which Cloud Guard has no record, "+
		"and says so", "the user has %d, the sweep names the secret: %t", len(all), said)
	return ctx.Err()
}
