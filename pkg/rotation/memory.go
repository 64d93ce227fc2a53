package rotation

import (
	"maps"
	"slices"
	"time"

	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/fault"
)

// Memory is what one run did and learned, beside what OCI shows. It is a value: each change makes a new one.
type Memory struct {
	Maker string    // random id of the run
	Now   time.Time // this process's clock
	Looks int       // at OCI, that succeeded
	Fresh bool      // the snapshot shows OCI as this run left it

	Made     *credential.Created  // the credential that this run has made
	MadeAt   time.Time            // when, by Now
	Value    *credential.Material // it with its value, or the key pair of an API key; nil once it is of no use
	Kept     string               // name of the version that holds Value; empty while no secret does
	Unsure   bool                 // a write of Value was not answered, and OCI hasn't been seen since
	Before   []credential.Issued  // what the user had when Made was made
	Found    []int64              // numbers of the secrets' CURRENT versions when each was read first
	Deleted  []string             // ids of the credentials that this run has deleted
	Undone   string               // id of the credential that this run has taken back
	Limited  error                // OCI said so: a limit is reached
	Withdrew bool                 // this run has taken the announcement of a lost reset off the secret

	Trial   Trial
	Tries   map[Action]int // failures, by action; Look counts the looks that failed
	Failure *Failure       // of the action before; nil if that succeeded
}

// Failure is why an action failed.
type Failure struct {
	Action Action
	Err    error
	TimeUp bool // the run's time is up
}

// Trial is what this run knows of whether the new credential works.
type Trial struct {
	Credential string // id of the credential that it is about
	Accepted   bool
	Refusals   int
	Lasted     time.Duration // from the first refusal to the last
	Err        error         // why it could not be asked
	Looks      int           // Memory.Looks then
}

// failed is the memory after an action that failed.
func (m Memory) failed(a Action, err error, timeUp bool) Memory {
	m.Tries = maps.Clone(m.Tries)
	if m.Tries == nil {
		m.Tries = map[Action]int{}
	}
	m.Tries[a]++
	if m.Fresh = false; a != Discard || m.Failure == nil { // what a run does in trouble is no new trouble
		m.Failure = &Failure{a, err, timeUp}
	}
	if a == Create && fault.Of(err) == fault.Full {
		m.Limited = err // perhaps with one of our own, whose answer was lost: the next look shows it
	}
	if a == Stage && fault.Of(err) == fault.Unclear {
		m.Unsure = m.Kept == ""
	}
	return m
}

// succeeded is the memory after an action that did what it is meant to do. What it does in trouble ends no trouble.
func (m Memory) succeeded(a Action) Memory {
	if a != Discard {
		m.Failure = nil
	}
	return m
}

// looked is the memory after a look.
func (m Memory) looked() Memory {
	m = m.succeeded(Look)
	m.Looks++
	m.Fresh, m.Unsure = true, false
	return m
}

// found is the memory with the CURRENT versions of the secrets that could not be read before.
func (m Memory) found(secrets []Seen) Memory {
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

// forgets is the memory without the value.
func (m Memory) forgets() Memory {
	m.Value, m.Kept = nil, ""
	return m
}

// deletes is the memory after a deletion.
func (m Memory) deletes(id string) Memory {
	m.Deleted = append(slices.Clone(m.Deleted), id)
	m.Limited = nil
	if m.Value != nil && m.Value.ID == id {
		m = m.forgets()
	}
	return m
}
