package rotation

import (
	"sync"
	"time"

	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/fault"
)

const (
	// busyTime is how soon one API key must follow another for a third to be expected.
	busyTime = time.Minute
	// spareTime is how old a spare key pair may be when it is used. A process that is frozen between two invocations
	// keeps its memory: a private key is not to lie there for long.
	spareTime = 2 * time.Minute
)

// Spare keeps one key pair ready for the next API key while a process is busy with many: making one takes more time than
// all that a rotation does beside it, and there is time while the network is being waited for. The zero value has none.
type Spare struct {
	mu   sync.Mutex
	bits int
	made time.Time
	last time.Time // when a key pair was asked for
	key  func() (credential.Material, error)
}

// take returns the function that makes, or has made, a key pair. Each is handed out once.
func (s *Spare) take(now time.Time, bits int) func() (credential.Material, error) {
	fresh := once(generator, bits)
	if s == nil {
		return fresh
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	key := s.key
	if s.key = nil; key != nil && s.bits == bits && between(s.made, now) < spareTime {
		return key
	}
	return fresh
}

// begin begins to make one for a rotation that seems to come.
func (s *Spare) begin(now time.Time, bits int) {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ready(now, bits)
}

// prepare begins to make the next one if the process is busy.
func (s *Spare) prepare(now time.Time, bits int) {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	busy := !s.last.IsZero() && between(s.last, now) < busyTime
	if s.last = now; busy {
		s.ready(now, bits)
	}
}

// ready begins to make a key pair unless there is one that will do.
func (s *Spare) ready(now time.Time, bits int) {
	if s.key != nil && s.bits == bits && between(s.made, now) < spareTime {
		return
	}
	key := once(generator, bits)
	s.key, s.bits, s.made = key, bits, now
	go func() { _, _ = key() }()
}

// generator makes a key pair; tests put another in its place.
var generator = credential.GenerateAPIKey

// once returns a function that makes a key pair when it is first called. A panic becomes an error: nobody who waits could
// catch that of a goroutine, and it could print what it was working on.
func once(generate func(int) (credential.Material, error), bits int) func() (credential.Material, error) {
	return sync.OnceValues(func() (m credential.Material, err error) {
		defer func() {
			if recover() != nil {
				m, err = credential.Material{}, fault.New(fault.Invalid, "generate", "the key pair could not be made: the program has a fault")
			}
		}()
		return generate(bits)
	})
}

// between is the time between two moments by the wall clock, which goes on while a process is frozen.
func between(from, to time.Time) time.Duration { return to.Round(0).Sub(from.Round(0)) }
