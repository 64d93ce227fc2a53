package rotation

import (
	"strings"
	"testing"
	"time"

	"github.com/keyturn/keyturn/pkg/clock"
	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/fault"
)

// idOf makes the key pair and returns its fingerprint.
func idOf(t *testing.T, key func() (credential.Material, error)) string {
	t.Helper()
	m, err := key()
	if err != nil {
		t.Fatal(err)
	}
	return m.ID
}

func TestASpareKeyPairIsMadeOnlyWhileOneFollowsAnotherSoon(t *testing.T) {
	var s Spare
	now := time.Now()
	s.prepare(now, 2048)
	if s.key != nil {
		t.Error("one is made after a first rotation, though no second is in sight")
	}
	s.prepare(now.Add(busyTime), 2048)
	if s.key != nil {
		t.Error("one is made though the rotation before is long ago")
	}
	s.prepare(now.Add(busyTime+time.Second), 2048)
	if s.key == nil {
		t.Error("none is made though one rotation follows another")
	}
}

func TestASpareKeyPairIsUsedOnceAndNotWhenItIsOldOrOfAnotherSize(t *testing.T) {
	now := time.Now()
	ready := func() (*Spare, string) {
		s := &Spare{}
		s.prepare(now, 2048)
		s.prepare(now, 2048)
		return s, idOf(t, s.key)
	}
	s, id := ready()
	if got := idOf(t, s.take(now.Add(time.Second), 2048)); got != id {
		t.Error("the spare key pair was not used")
	}
	if got := idOf(t, s.take(now.Add(time.Second), 2048)); got == id {
		t.Error("a key pair was used twice")
	}
	s, id = ready()
	if got := idOf(t, s.take(now.Add(spareTime), 2048)); got == id || s.key != nil {
		t.Error("an old key pair was used, or kept")
	}
	s, id = ready()
	if got := idOf(t, s.take(now.Add(time.Second), 3072)); got == id || s.key != nil {
		t.Error("a key pair of another size was used, or kept")
	}
}

func TestWithoutASpareEveryKeyPairIsNew(t *testing.T) {
	var s *Spare
	s.prepare(time.Now(), 2048)
	first, second := idOf(t, s.take(time.Now(), 2048)), idOf(t, s.take(time.Now(), 2048))
	if first == second {
		t.Error("two key pairs are the same")
	}
}

func TestAKeyPairIsBegunForARotationThatSeemsToComeUnlessOneIsReady(t *testing.T) {
	e := &Engine{Clock: clock.System{}, Spare: &Spare{}}
	for _, kind := range credential.Kinds() {
		if e.Prepare(kind); (e.Spare.key != nil) != (kind == credential.APIKey) {
			t.Fatalf("after %s: a key pair is ready: %v", kind, e.Spare.key != nil)
		}
		if kind == credential.APIKey {
			first := idOf(t, e.Spare.key)
			if e.Prepare(kind); idOf(t, e.Spare.take(time.Now(), 2048)) != first {
				t.Error("a second one was made, or another is handed out")
			}
		}
		e.Spare = &Spare{}
	}
	(&Engine{Clock: clock.System{}}).Prepare(credential.APIKey) // without a Spare nothing is prepared
}

func TestAPanicWhileAKeyPairIsMadeIsAnErrorForWhoeverWaitsAndEndsNoProcess(t *testing.T) {
	kept := generator
	generator = func(int) (credential.Material, error) { panic("value of a prime") }
	defer func() { generator = kept }()
	var s Spare
	now := time.Now()
	s.prepare(now, 2048)
	s.prepare(now, 2048)        // in the background
	(&Spare{}).begin(now, 2048) // and here
	for _, key := range []func() (credential.Material, error){s.take(now, 2048), (*Spare)(nil).take(now, 2048)} {
		for range 2 {
			m, err := key()
			if err == nil || strings.Contains(err.Error(), "prime") || m.ID != "" || fault.Of(err) != fault.Invalid {
				t.Errorf("%q, %v", m.ID, err)
			}
		}
	}
}
