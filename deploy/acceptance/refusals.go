package main

import (
	"context"
	"strings"
	"time"

	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/outcome"
)

// refusals sends what the function must refuse, and checks that nothing was touched.
func (r *run) refusals(ctx context.Context) error {
	victim, other := r.subjects[0], r.subjects[1]
	if err := r.misspelt(ctx, victim); err != nil {
		return err
	}
	_, unbound, err := r.newSecret(ctx, "unbound", "", "")
	if err != nil {
		return err
	}
	if err := r.refused(ctx, victim, "somebody else's secret", "api_secret_ocid:"+other.secrets[0].id,
		other.secrets[0].id); err != nil {
		return err
	}
	if is(r.rotate.config["secret_binding"], "warn") {
		return nil // it would be written to, as it should
	}
	return r.refused(ctx, victim, "a secret that is bound to nobody", "api_secret_ocid:"+unbound, unbound)
}

// misspelt sends a comment with a misspelt key. It is the first event of the run that Cloud Guard could be asked about:
// a function that still asks hasn't got its configuration yet.
func (r *run) misspelt(ctx context.Context, s *subject) error {
	c, err := r.closing(ctx, s, "api_secret_ocd:"+s.secrets[0].id)
	if err != nil {
		return err
	}
	var i invoked
	_, err = until(ctx, settlingTime, func() (bool, error) {
		i, err = r.send(ctx, c)
		asks := strings.Contains(i.reply.Reason, "Cloud Guard")
		if asks && r.state.Function != nil {
			return false, sleep(ctx, time.Second)
		}
		return true, err
	})
	if err != nil {
		return err
	}
	understood := i.reply.Status == outcome.Refused && strings.Contains(i.reply.Reason, "api_secret_ocd") &&
		strings.Contains(i.reply.Remedy, s.comment("")[:20])
	r.report.check(understood, "a misspelt comment is refused, with the right one", "%s", i.came())
	return r.untouched(ctx, s, s.secrets[0].id, "a misspelt comment")
}

// refused sends a comment that names a secret that may not be used.
func (r *run) refused(ctx context.Context, s *subject, what, comment, secret string) error {
	c, err := r.closing(ctx, s, comment)
	if err != nil {
		return err
	}
	i, err := r.send(ctx, c)
	if err != nil {
		return err
	}
	r.report.check(i.reply.Status == outcome.Refused && !i.reply.Changed, what+" is refused", "%s", i.came())
	return r.untouched(ctx, s, secret, what)
}

// untouched checks that a subject's credential and a secret are as they were.
func (r *run) untouched(ctx context.Context, s *subject, secret, what string) error {
	all, err := r.list(ctx, s.owner.User, s.kind)
	if err != nil {
		return err
	}
	c, err := r.current(ctx, secret, 1)
	same := err == nil && len(all) == 1 && all[0].ID == s.old.ID && c.value.Equal(credential.NewValue([]byte(seed)))
	r.report.check(same, what+": nothing was touched", "")
	return ctx.Err()
}
