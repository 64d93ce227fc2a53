package acceptance

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/keyturn/keyturn/pkg/credential"
)

// statusOf is the status of a refusal alone.
func statusOf(err error) string {
	status, _ := answer(err)
	return strings.Fields(pick(status == 0, seen(err), fmt.Sprint(status)))[0]
}

// shapeOf describes the answer to a change of a password.
func shapeOf(t scimThing, schema string) string {
	isIt := func(s string) bool { return strings.EqualFold(s, scimSchemas+schema) }
	switch {
	case slices.ContainsFunc(t.Schemas, isIt):
		return fmt.Sprintf("%d with its schema", t.status)
	case t.status == http.StatusNoContent:
		return "204 without a body"
	}
	return fmt.Sprintf("%d without its schema", t.status)
}

// ifMatch is the header for a change of one version only.
func ifMatch(version string) map[string]string { return map[string]string{"If-Match": version} }

// passwords sets the user's password, and reads what the domain then says about it. The values are used for nothing.
func (p *domainProbe) passwords(ctx context.Context) error {
	_, err := p.setPassword(ctx, p.member, newPassword(), ifMatch(random(20)))
	other := statusOf(err)
	u, err := p.passwordState(ctx, p.member)
	if err != nil {
		return fmt.Errorf("reading the user: %s", detailed(err))
	}
	version, err := versionOf(u)
	if err != nil {
		return err
	}
	set, err := p.setPassword(ctx, p.member, newPassword(), ifMatch(version))
	own := statusOf(err)
	if err != nil {
		set, err = p.setPassword(ctx, p.member, newPassword(), nil)
	}
	if err != nil {
		for _, id := range []string{"domain-password-if-match", "domain-password-answer", "domain-must-change",
			"domain-password-time"} {
			p.unseen(id, "the domain refuses to set the password: %s", seen(err)) // its text could quote the value
		}
		return nil
	}
	p.fact("domain-password-if-match", other+", the user's own: "+own, "")
	p.fact("domain-password-answer", shapeOf(set, "UserPasswordChanger"), "")
	u, err = p.passwordState(ctx, p.member)
	if err != nil {
		return fmt.Errorf("reading the user: %s", detailed(err))
	}
	if must := u.Password.MustChange; must == nil {
		p.unseen("domain-must-change", "the domain doesn't return mustChange")
	} else {
		p.fact("domain-must-change", pick(*must, "yes", "no"), "")
	}
	at, err := dateOf(set.header.Get("Date"))
	if err != nil {
		return err
	}
	saw := "as set"
	if when := u.Password.LastSuccessfulSetDate; when.IsZero() {
		saw = "not returned"
	} else if off := when.Sub(at); off.Abs() > time.Minute {
		saw = off.Round(time.Second).String() + " after the change"
	}
	p.fact("domain-password-time", saw, "")
	return nil
}

// withoutMail resets the password of a user without an e-mail address: nobody gets a mail.
func (p *domainProbe) withoutMail(ctx context.Context) error {
	all := []string{"domain-reset-if-match", "domain-reset-time-no-mail", "domain-one-time-password"}
	unseen := func(facts []string, why, detail string) {
		for _, id := range facts {
			p.unseen(id, "%s: %s", why, detail)
		}
	}
	_, id, err := p.newDomainUser(ctx, "domain-no-mail", "")
	if err != nil {
		unseen(all, "the domain creates no user without an e-mail address", short(err.Error()))
		return ctx.Err()
	}
	m := p.members[id]
	_, before, err := p.newCredential(ctx, id, credential.Password, "")
	if err != nil {
		unseen(all, "its password can't be set", err.Error())
		return ctx.Err()
	}
	if err := sleep(ctx, time.Second); err != nil { // so that the reset is in another second
		return err
	}
	other, own, reset, err := p.guardedReset(ctx, m)
	if err != nil {
		unseen(all, "the domain refuses the reset", short(detailed(err)))
		return nil
	}
	p.fact("domain-reset-if-match", other+", the user's own: "+own, "")
	if err := p.resetMoves(ctx, m, before, "domain-reset-time-no-mail", reset); err != nil {
		return err
	}
	saw := "unasked"
	if reset.OneTimePassword.Empty() {
		reset, err = p.resetPassword(ctx, m, "oneTimePassword", nil)
		if err != nil {
			unseen(all[2:], "the domain refuses the reset", short(detailed(err)))
			return nil
		}
		saw = pick(reset.OneTimePassword.Empty(), "not at all", "if asked")
	}
	p.fact("domain-one-time-password", saw, "")
	return nil
}

// guardedReset resets a user's password with another etag and with the user's own, and if that is refused, with none.
func (p *domainProbe) guardedReset(ctx context.Context, m member) (other, own string, reset scimThing, err error) {
	_, err = p.resetPassword(ctx, m, "", ifMatch(random(20)))
	other = statusOf(err)
	u, err := p.passwordState(ctx, m)
	if err != nil {
		return "", "", reset, err
	}
	version, err := versionOf(u)
	if err != nil {
		return "", "", reset, err
	}
	reset, err = p.resetPassword(ctx, m, "", ifMatch(version))
	own = statusOf(err)
	if err != nil {
		reset, err = p.resetPassword(ctx, m, "", nil)
	}
	return other, own, reset, err
}

// mailed resets the password of a user with the address of --mail.
func (p *domainProbe) mailed(ctx context.Context) error {
	both := []string{"domain-reset-time", "domain-reset-answer"}
	if p.options.Mail == "" {
		for _, id := range both {
			p.unseen(id, "not asked: --mail gives no address")
		}
		return nil
	}
	_, id, err := p.newDomainUser(ctx, "domain-mailed", p.options.Mail)
	if err != nil {
		return err
	}
	m := p.members[id]
	_, before, err := p.newCredential(ctx, id, credential.Password, "")
	if err != nil {
		return err
	}
	if err := sleep(ctx, time.Second); err != nil { // so that the reset is in another second
		return err
	}
	reset, err := p.resetPassword(ctx, m, "", nil)
	if err != nil {
		for _, id := range both {
			p.unseen(id, "the domain refuses the reset: %s", short(detailed(err)))
		}
		return nil
	}
	p.fact("domain-reset-answer", shapeOf(reset, "UserPasswordResetter"), "")
	return p.resetMoves(ctx, m, before, "domain-reset-time", reset)
}

// resetMoves enters whether a reset has moved the time at which the password was set.
func (p *domainProbe) resetMoves(ctx context.Context, m member, before time.Time, fact string, reset scimThing) error {
	if before.IsZero() {
		p.unseen(fact, "the domain doesn't return %s", passwordDate)
		return nil
	}
	var now time.Time
	var failed error
	took, _ := until(ctx, time.Minute, func() (bool, error) { // a later time than a minute is none
		u, err := p.passwordState(ctx, m)
		now, failed = u.Password.LastSuccessfulSetDate, err
		return now.After(before), err
	})
	if failed != nil {
		return fmt.Errorf("reading the user: %s", detailed(failed))
	}
	p.fact(fact, pick(now.After(before), "moves", "doesn't move"), "%s after the answer %d", took.Round(time.Second),
		reset.status)
	return ctx.Err()
}
