package rotation

import (
	"maps"
	"slices"
	"time"

	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/fault"
)

// Memory is what one run did and learned, in addition to what OCI shows. It is a value: a change makes a new one.
type Memory struct {
	Maker string    // random id of the run
	Now   time.Time // this process's clock
	Looks int       // successful looks at OCI
	Fresh bool      // no action has failed since the snapshot was made

	Made     *credential.Created  // the credential that this run made
	MadeAt   time.Time            // by Now
	Value    *credential.Material // Made with its value, or the key pair of an API key; nil once it is useless
	Kept     string               // name of the version that holds Value; empty if there is none
	Unsure   bool                 // a write of Value was not answered, and no look followed
	Before   []credential.Issued  // the user's credentials when Made was made
	Found    []int64              // number of each secret's CURRENT version when it was first read
	Deleted  []string             // ids of the credentials that this run deleted
	Undone   string               // id of the new credential that this run fenced
	Limited  error                // OCI's answer that a limit is reached
	Withdrew bool                 // this run removed the announcement of a lost reset from the secret
	// Unanswered says that a reset was not answered, so that it may have taken effect.
	Unanswered bool
	Mismatch   string // the Snapshot's Version that OCI refused in a reset as outdated

	Trial   Trial
	Tries   map[Action]int // failures, by action
	Failure *Failure       // of the last action; nil if it succeeded
}

// Failure is why an action failed.
type Failure struct {
	Action Action
	Err    error
	TimeUp bool // the run's time is up
}

// Trial is what this run knows about whether the new credential works.
type Trial struct {
	Credential string // id of the tested credential
	Accepted   bool
	Refusals   int
	Lasted     time.Duration // time from the first refusal to the last
	Err        error         // why it could not be tested
	Looks      int           // Memory.Looks at that time
}

// afterFailure returns the memory after an action that failed.
func (m Memory) afterFailure(a Action, err error, timeUp bool) Memory {
	m.Tries = maps.Clone(m.Tries)
	if m.Tries == nil {
		m.Tries = map[Action]int{}
	}
	m.Tries[a]++
	m.Fresh = false
	if a != Discard || m.Failure == nil { // Discard may follow a failure, which is the one to report
		m.Failure = &Failure{a, err, timeUp}
	}
	if a == Create && fault.Of(err) == fault.Full {
		m.Limited = err // perhaps by a credential of this rotation; the next look shows it
	}
	if a == Stage && fault.Of(err) == fault.Unclear {
		m.Unsure = m.Kept == ""
	}
	m.Unanswered = m.Unanswered || a == Reset && fault.Of(err) == fault.Unclear
	return m
}

// afterSuccess returns the memory after an action that succeeded. Discard keeps the failure that it follows.
func (m Memory) afterSuccess(a Action) Memory {
	if a != Discard {
		m.Failure = nil
	}
	return m
}

// afterLook returns the memory after a successful look.
func (m Memory) afterLook() Memory {
	m = m.afterSuccess(Look)
	m.Looks++
	m.Fresh, m.Unsure = true, false
	return m
}

// withCurrent returns the memory with the CURRENT versions of the secrets that were read for the first time.
func (m Memory) withCurrent(secrets []Seen) Memory {
	before := m.Found
	m.Found = make([]int64, len(secrets))
	copy(m.Found, before)
	for i, s := range secrets {
		if m.Found[i] == 0 {
			m.Found[i] = s.Current
		}
	}
	return m
}

// withoutValue returns the memory without the new credential's value.
func (m Memory) withoutValue() Memory {
	m.Value, m.Kept = nil, ""
	return m
}

// afterDeleting returns the memory after a credential was deleted.
func (m Memory) afterDeleting(id string) Memory {
	m.Deleted = append(slices.Clone(m.Deleted), id)
	m.Limited = nil
	if m.Value != nil && m.Value.ID == id {
		m = m.withoutValue()
	}
	return m
}
