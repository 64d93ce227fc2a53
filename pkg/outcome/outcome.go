// Package outcome reports the result of one problem as the function's JSON reply, as the mail to SecOps, and as one
// record line in the log. All three are made from one Outcome. None of them contains a secret value.
package outcome

import (
	"time"

	"github.com/rs/zerolog"
)

// Status is the kind of an outcome.
type Status string

// The statuses.
const (
	Rotated    Status = "rotated"     // the new credential is in place
	Already    Status = "already"     // nothing to do: the credential was rotated, reset or deleted before
	Refused    Status = "refused"     // not rotated, and a repetition without a change would not help
	Unfinished Status = "unfinished"  // not finished; another delivery or the sweep continues
	InProgress Status = "in_progress" // another delivery is rotating it
	DryRun     Status = "dry_run"     // what a rotation would do
	Ignored    Status = "ignored"     // the event is not for Keyturn: no mail
)

// Secret is one secret that the rotation writes to.
type Secret struct {
	Holds   string `json:"holds"`
	Name    string `json:"name"`
	ID      string `json:"id"`
	Version int64  `json:"version,omitempty"` // the version that this rotation wrote
	Current bool   `json:"current"`
	Stage   string `json:"stage,omitempty"` // Vault's stage of that version: PENDING, CURRENT, PREVIOUS, DEPRECATED
	Owner   string `json:"owner,omitempty"` // whom to notify, from the secret's tag
	Topic   string `json:"topic,omitempty"` // the topic that got this outcome's mail, from the secret's tag
	// AskedTopic is the secret's tag topic as it is written. It is the only field that is not to be trusted.
	AskedTopic string `json:"-"`
	Link       string `json:"-"` // the secret's page in the Console
}

// Step is one action of a rotation and its result.
type Step struct {
	Action   string    `json:"step"` // see docs/decisions.md
	Because  string    `json:"because"`
	Began    time.Time `json:"began"`
	TookMS   int64     `json:"took_ms"`
	Requests []string  `json:"opc_request_ids,omitempty"`
	Error    string    `json:"error,omitempty"`
}

// Outcome is the result of one problem. Empty fields are left out of the JSON. docs/record.schema.json describes each
// field: change both, and change Schema when a field that readers may rely on changes.
type Outcome struct {
	Status Status `json:"outcome"`
	Reason string `json:"reason"`         // one sentence without a full stop
	Brief  string `json:"-"`              // the reason in a few words for the subject; empty: the start of Reason
	Remedy string `json:"mend,omitempty"` // how to fix it, with commands and comments on separate lines

	Changed bool `json:"changed"` // something was changed in OCI
	Pending bool `json:"-"`       // the rotation only waits for OCI to accept the new credential

	Kind    string   `json:"kind,omitempty"`
	Noun    string   `json:"-"` // the kind's name in a sentence
	IDNoun  string   `json:"-"` // the name of its identifiers
	OldID   string   `json:"old_id,omitempty"`
	OldFate string   `json:"old_fate,omitempty"` // the state of the old credential
	NewID   string   `json:"new_id,omitempty"`
	Proven  string   `json:"proven,omitempty"`
	Secrets []Secret `json:"secrets,omitempty"`
	Slots   []string `json:"slots,omitempty"` // the user's credentials, if there is no free slot
	Plan    []string `json:"plan,omitempty"`
	Todo    []string `json:"todo,omitempty"` // further tasks; the reader copies the second and later lines of a task
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
	StillClosed bool       `json:"still_closed,omitempty"` // re-opening the problem failed

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
	TookMS   int64      `json:"took_ms,omitempty"`  // without sending the mail
	OldMade  *time.Time `json:"old_made,omitempty"` // creation time of the old credential
	Steps    []Step     `json:"steps,omitempty"`
	Version  string     `json:"version,omitempty"` // of the function
	// Shortened says that a message had no room for the whole record: the log has it.
	Shortened bool   `json:"shortened,omitempty"`
	Link      string `json:"-"` // the problem's page in the Console
	Search    string `json:"-"` // the command that shows the log lines of this invocation
}

// Mailed reports whether SecOps gets a mail about the outcome.
func (o Outcome) Mailed() bool { return o.Status != Ignored && o.Status != InProgress }

// Finished reports whether the event is dealt with: another delivery would not help.
func (o Outcome) Finished() bool { return o.Status != Unfinished && o.Status != InProgress }

// Schema is the version of the record line that docs/record.schema.json describes.
const Schema = "keyturn.record/1"

// Record writes the outcome as one log line, for auditors.
func (o Outcome) Record(log *zerolog.Logger) {
	log.WithLevel(o.level()).Str("schema", Schema).Interface("record", o).Msg("outcome")
}

func (o Outcome) level() zerolog.Level {
	if o.Status == Refused || o.Status == Unfinished {
		return zerolog.WarnLevel
	}
	return zerolog.InfoLevel
}
