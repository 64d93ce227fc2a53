package responder

import (
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/keyturn/keyturn/pkg/cloudguard"
	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/guard"
	"github.com/keyturn/keyturn/pkg/outcome"
	"github.com/keyturn/keyturn/pkg/rotation"
)

func (c *response) note(format string, args ...any) {
	c.out.Notes = append(c.out.Notes, fmt.Sprintf(format, args...))
}

// report turns the engine's result into the outcome.
func (c *response) report(r rotation.Result) {
	o := &c.out
	o.Attempt, o.NewID, o.Changed = r.Attempt, r.NewID, r.Acted
	if !r.OldMade.IsZero() {
		o.OldMade = &r.OldMade
	}
	for _, s := range r.Steps {
		step := outcome.Step{Action: string(s.Action), Because: s.Because, Began: s.Began.UTC(), TookMS: s.Took.Milliseconds(), Requests: s.Requests}
		if s.Err != nil {
			step.Error = s.Err.Error()
		}
		o.Steps = append(o.Steps, step)
	}
	for _, a := range r.Plan {
		o.Plan = append(o.Plan, planned[a])
	}
	for _, p := range r.Placed {
		o.Secrets = append(o.Secrets, outcome.Secret{Holds: string(p.Role), Name: p.SecretName, ID: p.SecretID, Version: p.Version, Current: p.Current})
	}
	o.Reason = string(r.Reason)
	switch r.End {
	case rotation.Done:
		c.done(r)
	case rotation.Refuse:
		c.refused(r)
	default:
		c.waiting(r)
	}
	o.OldFate = c.fate(r)
}

var planned = map[rotation.Action]string{
	rotation.Stage:   "write the new value to Vault as PENDING",
	rotation.Intend:  "announce in the secret what follows",
	rotation.Create:  "make the new credential",
	rotation.Reset:   "reset the password",
	rotation.Prove:   "prove that the new credential works",
	rotation.Promote: "make the new version CURRENT",
	rotation.Defer:   "write into the secrets when the old credential goes",
	rotation.Retire:  "delete the old credential",
	rotation.Replace: "delete the old credential first, to free its slot",
	rotation.Discard: "delete a new credential that nobody can use",
	rotation.Fence:   "mark the staged version as undone",
}

func (c *response) done(r rotation.Result) {
	o := &c.out
	o.Status = outcome.Rotated
	if r.Cause != nil {
		c.note("%s: %v", r.FailedAt, r.Cause)
	}
	switch {
	case len(r.Plan) > 0:
		o.Status, o.Reason = outcome.DryRun, "a dry run was asked for"
		return
	case !r.Acted:
		o.Status = outcome.Already
		if r.Reason == rotation.Rotated {
			o.Reason = "it was rotated by an earlier delivery"
		}
		return
	}
	switch {
	case r.Proven:
		o.Proven = "the new one was used once and works"
	case c.kind != credential.Password:
		o.Proven = "none was asked for, or none was possible (prove=" + string(c.Config.Prove) + ")"
	}
	c.todo(r)
}

// todo says what the owner has to do now.
func (c *response) todo(r rotation.Result) {
	o := &c.out
	switch {
	case c.kind == credential.Password && r.Reason == rotation.ResetNotKept:
		o.Todo = append(o.Todo, "The one-time password is in no secret. The user sets a new one with \"Forgot password\" at sign-in.")
		return
	case c.kind == credential.Password:
		o.Todo = append(o.Todo, "The user sets a new password with \"Forgot password\" at sign-in, or follows the link in OCI's own mail.")
		if len(r.Placed) > 0 {
			o.Todo = append(o.Todo, "The one-time password in Vault is valid for 7 days.")
		}
		return
	}
	o.Todo = append(o.Todo, "Restart or refresh consumers that read the secret only when they start.")
	if !r.RetireAt.IsZero() {
		o.Todo = append(o.Todo, "Have all consumers changed over by "+r.RetireAt.UTC().Format("2006-01-02 15:04 UTC")+".")
	}
}

// fate says what became of the old credential.
func (c *response) fate(r rotation.Result) string {
	switch {
	case c.out.Status == outcome.DryRun || c.kind == credential.Password && !r.Acted:
		return ""
	case c.kind == credential.Password:
		return "no longer valid"
	case r.Rotation == "" || len(r.Placed) == 0: // never looked
		return ""
	case r.OldGone:
		return "deleted"
	case !r.RetireAt.IsZero():
		return "works until " + r.RetireAt.UTC().Format("2006-01-02 15:04 UTC")
	}
	return "still works"
}

func (c *response) refused(r rotation.Result) {
	o := &c.out
	o.Status = outcome.Refused
	if r.Detail != "" {
		o.Reason += ": " + r.Detail
	}
	var refusal *guard.Refusal
	switch {
	case errors.As(r.Cause, &refusal):
		o.Reason, o.Mend = refusal.Problem, refusal.Mend
	case r.Cause != nil && r.Reason == rotation.SecretBlocked:
		o.Reason = fmt.Sprintf("%s: %v", o.Reason, r.Cause)
	case r.Cause != nil:
		o.Reason = fmt.Sprintf("%s: %v", r.Reason, r.Cause)
		if r.FailedAt != "" {
			o.Reason = fmt.Sprintf("the step %q failed for good: %v", r.FailedAt, r.Cause)
		}
		o.Mend = "Mend the cause (for \"absent or not allowed\" check the OCID and the function's policy), then close the problem again."
	}
	switch r.Reason {
	case rotation.NoFreeSlot:
		o.Slots = slots(r.Slots)
		o.Mend = "Delete one of the " + o.Noun + "s below that is no longer used, then close the problem again with the same comment. " +
			"Or add replace:yes to the comment: then the old one is deleted before the new one is made."
	case rotation.SecretTaken:
		o.Mend = "Name another secret in the closure comment, or delete that credential first if nobody uses it."
	case rotation.SecretUnknown:
		o.Mend = "Name another secret in the closure comment. Or write what is in this one in a form that Keyturn reads (a private key in PEM, without a passphrase). " +
			"Or delete the other " + o.Noun + "s of the user that nobody uses any more. Then close the problem again."
	case rotation.SecretsSwapped:
		o.Mend = c.turnedRound()
	case rotation.WrongContent:
		o.Mend = "Name the right secret in the closure comment, or an empty one: " +
			"a secret that holds a whole bundle is named as bundle_secret_ocid:<secret OCID>. Then close the problem again."
	case rotation.MetadataForeign:
		o.Mend = "Take the member \"keyturn\" out of the secret's metadata, or name another secret, then close the problem again."
	case rotation.SecretBlocked:
		o.Mend = "Look at the secret in the Console. If it has a PENDING version that nobody needs, make that version CURRENT and then the present one again: " +
			"oci vault secret update --secret-id <secret OCID> --current-version-number <number>. " +
			"If its encryption key is disabled or scheduled for deletion, enable it or cancel that. Then close the problem again."
	case rotation.Unprovable:
		o.Mend = "Check the network path from the function's subnet to the service that takes the credential, or set prove to try, then close the problem again. " +
			"Both credentials work until then."
	case rotation.OtherSecret:
		o.Mend = "Close the problem again naming the secret of the earlier closure, or delete that credential first if nobody uses it."
	case rotation.SecretFull:
		o.Mend = "Schedule the deletion of the oldest DEPRECATED version of the secret, then close the problem again: " +
			"oci vault secret-version schedule-deletion --secret-id <secret OCID> --secret-version-number <number>. " +
			"The numbers: oci vault secret-version list --secret-id <secret OCID> --all."
	case rotation.SecretReplaced:
		o.Mend = "Decide which version of the secret is right. To go on, make the version whose name begins with keyturn-" + string(r.Rotation) + " CURRENT again and close the problem again: " +
			"oci vault secret update --secret-id <secret OCID> --current-version-number <number>."
	case rotation.Rejected, rotation.RejectedNoWay, rotation.CurrentRejected:
		o.Mend = "Check what the user may do (an inactive user, a blocked capability), then close the problem again."
	}
}

// slots lists credentials for the mail.
func slots(issued []credential.Issued) (lines []string) {
	for _, s := range issued {
		text := fmt.Sprintf("%s, made %s", s.ID, s.Created.UTC().Format(time.DateOnly))
		if s.Description != "" {
			text += ", " + s.Description
		}
		lines = append(lines, text)
	}
	return lines
}

// turnedRound is the closure comment with the two secrets of a pair the other way round, or what to do where they were
// found by their tags.
func (c *response) turnedRound() string {
	if len(c.order.Secrets) == 0 {
		return "Swap the tags keyturn.role (or keyturn-role) of the two secrets: access-key, secret-key. Then close the problem again."
	}
	order := c.order
	order.Secrets = maps.Clone(order.Secrets)
	order.Secrets[cloudguard.RoleAccessKey] = c.order.Secrets[cloudguard.RoleSecretKey]
	order.Secrets[cloudguard.RoleSecretKey] = c.order.Secrets[cloudguard.RoleAccessKey]
	return "Close the problem again with this comment:\n" + order.String()
}

func (c *response) waiting(r rotation.Result) {
	o := &c.out
	o.Status = outcome.Unfinished
	if r.Reason == rotation.NotProvenYet && r.Detail != "" {
		o.Reason += ": " + r.Detail
	}
	if r.Cause != nil {
		o.Reason = fmt.Sprintf("%s: %v", o.Reason, r.Cause)
	}
	if r.Reason == rotation.InProgress {
		o.Status = outcome.InProgress
		if r.Detail != "" {
			o.Reason += ": " + r.Detail
		}
	}
}
