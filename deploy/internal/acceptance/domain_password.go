package acceptance

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/outcome"
)

// passwordDate is the attribute for the time at which a domain's user got the password.
const passwordDate = "lastSuccessfulSetDate"

// newPassword returns a random value with letters of both cases, a digit and a special character.
func newPassword() string { return "Aa1!" + random(24) }

// setPassword sets the password of a domain's user, without a mail about it.
func (a *admin) setPassword(ctx context.Context, m member, value string, header map[string]string) (scimThing, error) {
	return a.scimOnce(ctx, m.domain, scimRequest{method: http.MethodPut, path: "UserPasswordChanger/" + m.id,
		header: header, body: map[string]any{"schemas": []string{scimSchemas + "UserPasswordChanger"},
			"password": value, "bypassNotification": true}})
}

// resetPassword resets the password of a domain's user. The domain mails the user a link, if the user has an address.
func (a *admin) resetPassword(ctx context.Context, m member, attributes string, header map[string]string) (scimThing,
	error) {
	q := scimRequest{method: http.MethodPut, path: "UserPasswordResetter/" + m.id, header: header,
		body: map[string]any{"schemas": []string{scimSchemas + "UserPasswordResetter"}}}
	if attributes != "" {
		q.query = url.Values{"attributes": {attributes}}
	}
	return a.scimOnce(ctx, m.domain, q)
}

// passwordState reads what a domain says about a user's password.
func (a *admin) passwordState(ctx context.Context, m member) (scimThing, error) {
	return a.scim(ctx, m.domain, scimRequest{method: http.MethodGet, path: "Users/" + m.id, query: url.Values{
		"attributes": {"meta," + scimState + ":" + passwordDate + "," + scimState + ":mustChange"}}})
}

// makePassword sets a random password, and reads when the domain says that it was set.
func (a *admin) makePassword(ctx context.Context, m member) (credential.Material, time.Time, error) {
	value := newPassword()
	if _, err := a.setPassword(ctx, m, value, nil); err != nil {
		return credential.Material{}, time.Time{}, err
	}
	u, err := a.passwordState(ctx, m)
	return credential.Material{Kind: credential.Password, Value: credential.NewValue([]byte(value))},
		u.Password.LastSuccessfulSetDate, err
}

// undated closes the problem of a password of which the domain doesn't say when it was set. The function must refuse
// to change it, because it can't see whether the user has set a newer one.
func (r *run) undated(ctx context.Context, s *subject) error {
	_, _, i, err := r.close(ctx, s, s.comment("grace:0"))
	if err != nil {
		return err
	}
	r.readsPasswordDate(false, i)
	r.check(i.reply.Status != outcome.Rotated && !i.reply.Changed && strings.Contains(i.reply.Reason, passwordDate),
		s.label+": a password without a time is refused", "%s", i)
	c, err := r.current(ctx, s.secrets[0].id, 1)
	r.check(err == nil && c.value.Equal(credential.NewValue([]byte(seed))), s.label+": nothing was changed", "")
	return ctx.Err()
}

// readsPasswordDate enters whether the domain tells the function when a password was set.
func (r *run) readsPasswordDate(rotated bool, i invoked) {
	const fact = "domain-password-reader"
	switch {
	case rotated:
		r.fact(fact, "returned", "")
	case strings.Contains(i.reply.Reason, passwordDate):
		r.fact(fact, "not returned", "")
	default:
		r.unseen(fact, "the function has not come so far: %s", i)
	}
}

// versionOf is the etag of a user as the domain's answer has it.
func versionOf(u scimThing) (string, error) {
	if tag := u.header.Get("Etag"); tag != "" {
		return tag, nil
	}
	if u.Meta.Version == "" {
		return "", errors.New("the domain's answer about a user has no etag")
	}
	return u.Meta.Version, nil
}
