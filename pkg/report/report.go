// Package report says what credentials a tenancy has, how old they are, what Keyturn would do with each, and how the
// tenancy stands against the CIS OCI Foundations Benchmark 3.1.
//
// A report is read once, page by page, and written in several forms. Rows are never all in memory. What could not be
// read is in Report.NotAsked: it is never taken for "none".
package report

import (
	"time"

	"github.com/keyturn/keyturn/pkg/credential"
)

// Schema names the form of the report's JSON.
const Schema = "keyturn.report/1"

// Report is everything but the rows.
type Report struct {
	Schema     string    `json:"schema"`
	Tenancy    string    `json:"tenancy"` // OCID
	Name       string    `json:"tenancy_name"`
	By         string    `json:"by"` // OCID of the user or function that asked
	ByName     string    `json:"by_name,omitempty"`
	At         time.Time `json:"at"`
	Version    string    `json:"version"`
	LimitDays  int       `json:"limit_days"` // the age at which a credential is too old
	Regions    []string  `json:"regions"`    // the regions whose secrets were read
	Domains    []string  `json:"domains"`    // the names of the identity domains that were read
	NotAsked   []Gap     `json:"not_asked"`  // empty: everything was read
	Users      int       `json:"users"`
	Rows       int       `json:"rows"`
	Counts     []Count   `json:"counts"`
	Verdicts   []Verdict `json:"verdicts"`
	Interrupts string    `json:"interrupted,omitempty"` // why the reading ended early
}

// Gap is a part of the tenancy that wasn't read.
type Gap struct {
	What   string `json:"what"` // in a sentence: "the auth tokens of domain Partners"
	Why    string `json:"why"`
	Remedy string `json:"remedy,omitempty"`
}

// Count is how many credentials of a kind there are.
type Count struct {
	Kind    credential.Kind `json:"kind"`
	All     int             `json:"all"`
	Old     int             `json:"old"`     // older than the limit
	Soon    int             `json:"soon"`    // 14 days or less before the limit
	Undated int             `json:"undated"` // without a creation time, so that the age isn't known
	Bound   int             `json:"bound"`   // with a secret
	Exempt  int             `json:"exempt"`
}

// Result is the result of a CIS recommendation. There is no default: what can't be decided is NotKnown.
type Result string

// The results.
const (
	Met      Result = "met"
	NotMet   Result = "not met"
	NotKnown Result = "not known" // not everything could be read, and nothing that was read is against it
)

// Verdict is the result of one recommendation, with its evidence.
type Verdict struct {
	Recommendation string   `json:"recommendation"` // "1.8"
	Title          string   `json:"title"`
	Result         Result   `json:"result"`
	Why            string   `json:"why"`
	Checked        int      `json:"checked"` // credentials or users
	Against        int      `json:"against"` // of them
	Exempt         int      `json:"exempt"`  // of Against, those with an exemption that has not ended
	Examples       []string `json:"examples,omitempty"`
}

// Row is one credential.
type Row struct {
	Kind          credential.Kind `json:"kind"`
	ID            string          `json:"id"`
	Domain        string          `json:"domain"` // its name; "Default" also for the classic IAM API
	User          string          `json:"user"`   // OCID
	UserName      string          `json:"user_name"`
	UserState     string          `json:"user_state"`    // ACTIVE, INACTIVE, ...; "not known"
	Administrator string          `json:"administrator"` // yes, no, not known
	Description   string          `json:"description,omitempty"`
	Created       *time.Time      `json:"created"` // null: not known
	Expires       *time.Time      `json:"expires,omitempty"`
	AgeDays       int             `json:"age_days"`              // -1: not known
	Due           *time.Time      `json:"due"`                   // when it is too old; null: not known
	Secrets       []string        `json:"secrets,omitempty"`     // names of the secrets that are bound to the user and kind
	Rotation      string          `json:"rotation,omitempty"`    // what is half-way: "staged", "old key until 2026-12-01"
	Problem       string          `json:"problem,omitempty"`     // OCID of its open Cloud Guard problem
	Exempt        string          `json:"exempt,omitempty"`      // the reason and the end of its exemption
	ExemptFlaw    string          `json:"exempt_flaw,omitempty"` // why its exemption doesn't count
	State         string          `json:"state"`                 // ok, soon, old, not known
	Advice        string          `json:"advice"`                // what to do, as a short sentence; "" if nothing
}
