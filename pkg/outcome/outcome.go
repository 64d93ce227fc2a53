// Package outcome says what came of one problem: as the JSON reply of the function, as the mail to SecOps, and as one
// record line in the log. All three are made from one Outcome; none of them holds a secret value.
package outcome

import (
	"time"

	"github.com/rs/zerolog"
)

// Status is the outcome in one word.
type Status string

// The statuses.
const (
	Rotated    Status = "rotated"     // the new credential is in place
	Already    Status = "already"     // nothing had to be done: it was rotated, reset or deleted before
	Refused    Status = "refused"     // nothing was rotated, and trying again as it is would not help
	Unfinished Status = "unfinished"  // it could not be finished; another delivery or the sweep goes on from there
	InProgress Status = "in_progress" // another delivery is at work
	DryRun     Status = "dry_run"     // what would be done
	Ignored    Status = "ignored"     // not ours: nobody is told
)

// Secret is one of the secrets of the rotation.
type Secret struct {
	Holds   string `json:"holds"`
	Name    string `json:"name"`
	ID      string `json:"id"`
	Version int64  `json:"version,omitempty"` // that this rotation wrote
	Current bool   `json:"current"`
	Stage   string `json:"stage,omitempty"` // of that version, in Vault's word: PENDING, CURRENT, PREVIOUS, DEPRECATED
	Owner   string `json:"owner,omitempty"` // whom to notify, as the secret's tag says
	Link    string `json:"-"`               // the secret's page in the Console
}

// Step is one action of a rotation and what came of it.
type Step struct {
	Action   string    `json:"step"` // as docs/decisions.md has it
	Because  string    `json:"because"`
	Began    time.Time `json:"began"`
	TookMS   int64     `json:"took_ms"`
	Requests []string  `json:"opc_request_ids,omitempty"` // OCI's ids of its calls
	Error    string    `json:"error,omitempty"`
}

// Outcome is everything that can be said. Empty fields are left out. docs/record.schema.json describes each of them:
// change both, and Schema with what somebody else may rely on.
type Outcome struct {
	Status Status `json:"outcome"`
	Reason string `json:"reason"` // one sentence without a full stop
	Brief  string `json:"-"`      // the reason in a few words, for the subject; empty: the reason's beginning
	// what to do about it: sentences, and commands or comments on lines of their own
	Remedy string `json:"mend,omitempty"`

	Changed bool `json:"changed"` // something was changed in OCI
	Pending bool `json:"-"`       // it waits for nothing but OCI to accept the new credential

	Kind    string   `json:"kind,omitempty"`
	Noun    string   `json:"-"` // the kind in a sentence
	IDNoun  string   `json:"-"` // what its identifiers are called
	OldID   string   `json:"old_id,omitempty"`
	OldFate string   `json:"old_fate,omitempty"` // what became of the old one
	NewID   string   `json:"new_id,omitempty"`
	Proven  string   `json:"proven,omitempty"`
	Secrets []Secret `json:"secrets,omitempty"`
	Slots   []string `json:"slots,omitempty"` // the credentials that fill the user's slots
	Plan    []string `json:"plan,omitempty"`
	Todo    []string `json:"todo,omitempty"` // what else has to be done; further lines of an item are to be copied
	Notes   []string `json:"notes,omitempty"`

	ProblemID   string     `json:"problem,omitempty"`
	ProblemName string     `json:"problem_name,omitempty"`
	Rule        string     `json:"rule,omitempty"`
	Risk        string     `json:"risk,omitempty"`
	ClosedBy    string     `json:"closed_by,omitempty"`
	ClosedAt    *time.Time `json:"closed_at,omitempty"`
	Comment     string     `json:"comment,omitempty"`
	EventTime   *time.Time `json:"event_time,omitempty"`
	Reopened    bool       `json:"reopened,omitempty"`
	StillClosed bool       `json:"still_closed,omitempty"` // it should be open again, but could not be re-opened

	ResourceName string `json:"resource_name,omitempty"`
	ResourceID   string `json:"resource,omitempty"`
	UserName     string `json:"user_name,omitempty"`
	UserID       string `json:"user,omitempty"`
	TenancyName  string `json:"tenancy_name,omitempty"`
	TenancyID    string `json:"tenancy,omitempty"`

	Rotation string     `json:"rotation,omitempty"`
	Attempt  int        `json:"attempt,omitempty"`
	CallID   string     `json:"call_id,omitempty"`
	Began    time.Time  `json:"began,omitzero"`
	TookMS   int64      `json:"took_ms,omitempty"`  // up to the outcome, without the mail
	OldMade  *time.Time `json:"old_made,omitempty"` // when the old credential was made
	Steps    []Step     `json:"steps,omitempty"`
	Version  string     `json:"version,omitempty"` // of the function
	Link     string     `json:"-"`                 // the problem's page in the Console
	Search   string     `json:"-"`                 // the command that shows the log lines of this invocation
}

// Told tells whether SecOps gets a mail of it.
func (o Outcome) Told() bool { return o.Status != Ignored && o.Status != InProgress }

// Finished tells whether the event has been dealt with, so that another delivery would not help.
func (o Outcome) Finished() bool { return o.Status != Unfinished && o.Status != InProgress }

// Schema names the form of the record line, which docs/record.schema.json describes.
const Schema = "keyturn.record/1"

// Record writes the outcome as one log line, for auditors.
func (o Outcome) Record(log *zerolog.Logger) {
	level := zerolog.InfoLevel
	if o.Status == Refused || o.Status == Unfinished {
		level = zerolog.WarnLevel
	}
	log.WithLevel(level).Str("schema", Schema).Interface("record", o).Msg("outcome")
}
