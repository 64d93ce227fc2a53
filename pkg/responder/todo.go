package responder

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/keyturn/keyturn/pkg/cloudguard"
	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/outcome"
	"github.com/keyturn/keyturn/pkg/rotation"
)

// minute is how a mail writes a time.
const minute = "2006-01-02 15:04 UTC"

func (c *response) todo(texts ...string) { c.out.Todo = append(c.out.Todo, texts...) }

// contacts says which people or teams to notify of the rotation.
func (c *response) contacts() {
	named := map[string][]string{}
	var owners []string
	for _, s := range c.out.Secrets {
		if s.Owner == "" {
			continue
		}
		if named[s.Owner] == nil {
			owners = append(owners, s.Owner)
		}
		named[s.Owner] = append(named[s.Owner], cmp.Or(s.Name, s.ID))
	}
	for _, owner := range owners {
		what := "secret "
		if len(named[owner]) > 1 {
			what = "secrets "
		}
		c.todo(fmt.Sprintf("Notify %s, the owner of %s%s.", owner, what, strings.Join(named[owner], " and ")))
	}
}

// consumers says what the owner has to change where the credential is used. It depends on what the secrets hold: the
// rest is in the consumers' own configuration.
func (c *response) consumers(r rotation.Result) {
	if c.kind.Origin() == credential.Reset {
		c.password(r)
		return
	}
	c.contacts()
	if text := c.configuration(); text != "" {
		c.todo(text)
	}
	switch {
	case r.RetireAt.IsZero():
	case r.RetireAt.After(c.Clock.Now()):
		c.todo("Switch all consumers to the new " + c.kind.Noun() + " before " + r.RetireAt.UTC().Format(minute) +
			". Then the old one is deleted.")
	case !r.OldGone:
		c.todo("Switch all consumers to the new " + c.kind.Noun() + " now: the next sweep deletes the old one, " +
			"whose time ended at " + r.RetireAt.UTC().Format(minute) + ".")
	}
	c.todo("Restart or refresh consumers that read the secret only when they start.")
}

// configuration says what has to be replaced in the consumers' configuration; empty if the secrets hold all of it.
func (c *response) configuration() string {
	o := &c.out
	if o.OldID == "" || o.NewID == "" || len(o.Secrets) == 0 {
		return ""
	}
	text, ids := c.kind.Record().Consumers(c.holds)
	if ids {
		text += "\nold: " + o.OldID + "\nnew: " + o.NewID
	}
	return text
}

func (c *response) holds(role credential.Role) bool {
	return slices.ContainsFunc(c.out.Secrets, func(s outcome.Secret) bool { return s.Holds == string(role) })
}

// password says what the user has to do.
func (c *response) password(r rotation.Result) {
	if r.Reason == rotation.ResetNotKept {
		c.todo("The one-time password is in no secret. The user sets a new one with \"Forgot password\" at sign-in.")
		return
	}
	c.contacts()
	switch {
	case r.Chosen && r.Reason == rotation.AlreadyReset:
		c.already(r)
		return
	case r.Chosen && len(r.Placed) > 0:
		c.todo("The value in the secret is the user's new password. It is valid until the user changes it; OCI may " +
			"ask for that at the next sign-in.")
		return
	case r.Chosen:
		c.todo("The user follows the link in the mail from OCI, and sets a new password. The link expires.")
		return
	}
	c.todo("The user sets a new password with \"Forgot password\" at sign-in, or follows the link in OCI's own mail.")
	if len(r.Placed) > 0 {
		c.todo("The one-time password in Vault is valid for 7 days.")
	}
}

// already says what to do where there was nothing left to do.
func (c *response) already(r rotation.Result) {
	switch r.Reason {
	case rotation.AlreadyGone:
		c.todo("Nothing, unless a consumer still needs "+c.kind.One()+": none was made. Then make one manually, and "+
			"write it to the consumer's secret.",
			"If Cloud Guard opens the problem again, dismiss it.")
	case rotation.AlreadyReset:
		const why = "Nothing: the user has set a new password, or has got one, after the problem was closed."
		if len(r.Placed) == 0 {
			c.todo(why)
			return
		}
		// What Keyturn noted of its own reset may have been taken out of the secret.
		c.todo(why + " It may be in no secret. If the user doesn't have it, the user sets another one with " +
			"\"Forgot password\" at sign-in.")
	case rotation.ResetNotKept:
		c.password(r)
	case rotation.GraceRunning:
		c.consumers(r)
	default:
		c.todo("Nothing: the mail of the earlier delivery says what consumers have to do.")
	}
}

// dryRun says how to rotate in earnest.
func (c *response) dryRun() {
	if c.Config.DryRun {
		c.todo("To rotate, set dry_run to no in the function's configuration (with the stack: dry_run = false). " +
			"Until then nothing is rotated.")
	}
	if c.order.DryRun {
		c.todo("To rotate, close the problem again with this comment:\n" +
			c.changed(func(o *cloudguard.Comment) { o.DryRun = false }))
	} else {
		c.todo(c.again())
	}
	if c.kind.Origin() == credential.Local && len(c.out.Secrets) > 0 && !c.holds(credential.RoleBundle) {
		c.todo("Plan for it: every consumer then needs the new fingerprint in its configuration, since the secret " +
			"holds only the private key.")
	}
}

// waits says what to do while a rotation is not finished.
func (c *response) waits(r rotation.Result) string {
	const later = "If no further mail about this credential comes within two hours, read the log lines."
	if r.Reason == rotation.NotProvenYet {
		return "Nothing for now. OCI may refuse a new credential for its first 15 minutes. The old one is not " +
			"deleted before the new one works. " + later
	}
	return "Nothing for now. " + later
}

// fate says what became of the old credential, as far as this run has seen it.
func (c *response) fate(r rotation.Result, now time.Time) string {
	switch {
	case c.out.Status == outcome.DryRun || c.kind.Origin() == credential.Reset && !r.Acted:
		return ""
	case c.kind.Origin() == credential.Reset && r.Chosen && !r.OldGone: // the value was stored before it was set
		if r.End == rotation.Refuse && r.FailedAt == rotation.Reset {
			return "still valid"
		}
		return ""
	case c.kind.Origin() == credential.Reset:
		return "no longer valid"
	case r.Rotation == "" || len(r.Placed) == 0: // never looked
		return ""
	case r.OldGone:
		return "deleted"
	case r.RetireAt.After(now):
		return "works until " + r.RetireAt.UTC().Format(minute)
	case !r.RetireAt.IsZero():
		return "still exists; the time for which it was to stay ended at " + r.RetireAt.UTC().Format(minute)
	}
	return "still exists"
}
