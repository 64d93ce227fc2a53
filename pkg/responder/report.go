package responder

import (
	"cmp"
	"errors"
	"fmt"

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
	o.Rotation, o.Attempt, o.NewID, o.Changed = string(r.Rotation), r.Attempt, r.NewID, r.Acted
	if !r.OldMade.IsZero() {
		o.OldMade = &r.OldMade
	}
	for _, s := range r.Steps {
		step := outcome.Step{Action: string(s.Action), Because: s.Because, Began: s.Began.UTC(),
			TookMS: s.Took.Milliseconds(), Requests: s.Requests}
		if s.Err != nil {
			step.Error = s.Err.Error()
		}
		o.Steps = append(o.Steps, step)
	}
	for _, a := range r.Plan {
		o.Plan = append(o.Plan, planned[a])
	}
	c.places = map[string]rotation.Placed{}
	for _, p := range r.Placed {
		c.places[p.SecretID] = p
		o.Secrets = append(o.Secrets, outcome.Secret{Holds: string(p.Role), Name: p.SecretName, ID: p.SecretID,
			Version: p.Version,
			Current: p.Current, Stage: p.Stage, Owner: r.Authorized.Contacts[p.SecretID],
			AskedTopic: r.Authorized.Topics[p.SecretID]})
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
	o.OldFate = c.fate(r, c.Clock.Now())
}

var planned = map[rotation.Action]string{
	rotation.Stage:   "write the new value to Vault as PENDING",
	rotation.Intend:  "announce in the secret what follows",
	rotation.Create:  "make the new credential",
	rotation.Reset:   "reset the password",
	rotation.Prove:   "prove that the new credential works",
	rotation.Promote: "make the new version CURRENT",
	rotation.Defer:   "write into the secrets when the old credential goes",
	rotation.Claim:   "write into the secrets that the old credential is deleted",
	rotation.Retire:  "delete the old credential",
	rotation.Replace: "delete the old credential first, to free its slot",
	rotation.Discard: "delete a new credential that can't be used",
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
		c.dryRun()
		return
	case !r.Acted:
		o.Status = outcome.Already
		if r.Reason == rotation.Rotated {
			o.Reason = "it was rotated by an earlier delivery"
		}
		c.already(r)
		return
	}
	switch {
	case r.Proven:
		o.Proven = "the new one was used once and works"
	case c.kind.Origin() != credential.Reset:
		o.Proven = "none was asked for, or none was possible (prove=" + string(c.Config.Prove) + ")"
	}
	c.consumers(r)
}

func (c *response) refused(r rotation.Result) {
	o := &c.out
	o.Status = outcome.Refused
	if r.Detail != "" {
		o.Reason += ": " + r.Detail
	}
	if r.Reason == rotation.Failed && r.FailedAt == "" && explained(r.Cause) {
		c.refuse(r.Cause)
		return
	}
	switch {
	case r.Cause != nil && r.Reason == rotation.SecretBlocked:
		o.Reason = fmt.Sprintf("%s: %v", o.Reason, r.Cause)
	case r.Cause != nil:
		o.Reason = fmt.Sprintf("%s: %v", r.Reason, r.Cause)
		if r.FailedAt != "" {
			o.Reason = fmt.Sprintf("the step %q failed permanently: %v", r.FailedAt, r.Cause)
		}
		o.Remedy = c.remedy(r.Cause)
	}
	if r.Reason == rotation.NoFreeSlot || r.Reason == rotation.Doubtful {
		o.Slots = listed(r)
	}
	o.Remedy = cmp.Or(c.ended(r), o.Remedy)
	if c.inPlace(r) {
		c.consumers(r)
	}
}

// explained reports whether an error says itself what to do.
func explained(err error) bool {
	var comment *cloudguard.CommentError
	var format *cloudguard.FormatError
	var refusal *guard.Refusal
	return errors.As(err, &comment) || errors.As(err, &format) || errors.As(err, &refusal)
}

// inPlace: every secret has the new value as CURRENT, so consumers read it, whatever went wrong afterwards.
func (c *response) inPlace(r rotation.Result) bool {
	for _, p := range r.Placed {
		if !p.Current {
			return false
		}
	}
	return len(r.Placed) > 0 && r.NewID != ""
}

func (c *response) waiting(r rotation.Result) {
	o := &c.out
	o.Status = outcome.Unfinished
	o.Pending = r.Reason == rotation.NotProvenYet
	if o.Pending && r.Detail != "" {
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
		return
	}
	o.Remedy = c.waits(r)
	if c.inPlace(r) {
		c.consumers(r)
	}
}
