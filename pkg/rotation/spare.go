package rotation

import (
	"context"
	"sync"
	"time"

	"github.com/keyturn/keyturn/pkg/background"
	"github.com/keyturn/keyturn/pkg/credential"
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
	key  *keyPair
}

// keyPair is one that is made, in parallel, when it is asked for first.
type keyPair struct {
	start func() *background.Task[credential.Material]
}

func newKeyPair(bits int) *keyPair {
	return &keyPair{sync.OnceValue(func() *background.Task[credential.Material] {
		return background.Start(func() (credential.Material, error) { return credential.GenerateAPIKey(bits) })
	})}
}

// wait returns the key pair, or the context's error if that ends first.
func (k *keyPair) wait(ctx context.Context) (credential.Material, error) { return k.start().Wait(ctx) }

// take returns a key pair, which may be there already. Each is handed out once.
func (s *Spare) take(now time.Time, bits int) *keyPair {
	fresh := newKeyPair(bits)
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
	s.key, s.bits, s.made = newKeyPair(bits), bits, now
	s.key.start()
}

// between is the time between two moments by the wall clock, which goes on while a process is frozen.
func between(from, to time.Time) time.Duration { return to.Round(0).Sub(from.Round(0)) }
