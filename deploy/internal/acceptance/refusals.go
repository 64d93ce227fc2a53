package acceptance

import (
	"context"
	"strings"
	"time"

	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/outcome"
)

// refusals sends what the function must refuse, and checks that it changes nothing.
func (r *run) refusals(ctx context.Context) error {
	victim, other := r.subjects[0], r.subjects[1]
	if err := r.misspelt(ctx, victim); err != nil {
		return err
	}
	_, unbound, err := r.newSecret(ctx, "unbound", "", "")
	if err != nil {
		return err
	}
	if err := r.refused(ctx, victim, "another user's secret", "api_secret_ocid:"+other.secrets[0].id,
		other.secrets[0].id); err != nil {
		return err
	}
	if is(r.rotate.config["secret_binding"], "warn") {
		return nil // the function would write to it, as configured
	}
	return r.refused(ctx, victim, "a secret that is not bound to a user", "api_secret_ocid:"+unbound, unbound)
}

// misspelt sends a comment with a misspelt key. It is the run's first event about which the function could ask Cloud
// Guard. If the function still asks, its new configuration isn't in effect yet.
func (r *run) misspelt(ctx context.Context, s *subject) error {
	event, _, err := r.closing(ctx, s, "api_secret_ocd:"+s.secrets[0].id)
	if err != nil {
		return err
	}
	var i invoked
	_, err = until(ctx, settlingTime, func() (bool, error) {
		i, err = r.rotate.invoke(ctx, event)
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
	r.check(understood, "a misspelt comment is refused, and the reply has the right one", "%s", i)
	return r.untouched(ctx, s, s.secrets[0].id, "a misspelt comment")
}

// refused sends a comment that names a forbidden secret.
func (r *run) refused(ctx context.Context, s *subject, what, comment, secret string) error {
	_, _, i, err := r.close(ctx, s, comment)
	if err != nil {
		return err
	}
	r.check(i.reply.Status == outcome.Refused && !i.reply.Changed, what+" is refused", "%s", i)
	return r.untouched(ctx, s, secret, what)
}

// untouched checks that a subject's credential and a secret have not changed.
func (r *run) untouched(ctx context.Context, s *subject, secret, what string) error {
	all, err := r.list(ctx, s.owner.User, s.kind)
	if err != nil {
		return err
	}
	c, err := r.current(ctx, secret, 1)
	same := err == nil && len(all) == 1 && all[0].ID == s.old.ID && c.value.Equal(credential.NewValue([]byte(seed)))
	r.check(same, what+": nothing was changed", "")
	return ctx.Err()
}
