package oci

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// reading gives a context of an invocation that has begun one read.
func reading(read func() (any, error)) context.Context {
	a := &ahead{reads: map[aheadKey]*aheadRead{}}
	a.begin(aheadKey{"GetUser", "joe"}, read)
	return context.WithValue(context.Background(), aheadContext{}, a)
}

func TestAReadAheadServesTheFirstWhoAsksForTheSameAndNobodyElse(t *testing.T) {
	ctx := reading(func() (any, error) { return "Joe", nil })
	if _, ok := early[string](ctx, "GetUser", "jane"); ok {
		t.Error("another user was answered")
	}
	if _, ok := early[string](ctx, "ListApiKeys", "joe"); ok {
		t.Error("another operation was answered")
	}
	if name, ok := early[string](ctx, "GetUser", "joe"); !ok || name != "Joe" {
		t.Errorf("the answer is %q, %v", name, ok)
	}
	if _, ok := early[string](ctx, "GetUser", "joe"); ok {
		t.Error("a second look got the first one's answer")
	}
	if _, ok := early[string](context.Background(), "GetUser", "joe"); ok {
		t.Error("another invocation was answered")
	}
}

func TestAReadAheadThatFailedOrIsTooOldIsAsIfItHadNeverBeenMade(t *testing.T) {
	if _, ok := early[string](reading(func() (any, error) { return "", errors.New("throttled") }), "GetUser", "joe"); ok {
		t.Error("a failure was handed on")
	}
	synctest.Test(t, func(t *testing.T) {
		ctx := reading(func() (any, error) { return "Joe", nil })
		time.Sleep(2*time.Second + time.Millisecond)
		if _, ok := early[string](ctx, "GetUser", "joe"); ok {
			t.Error("an old answer was handed on")
		}
		ctx = reading(func() (any, error) { return "Joe", nil })
		time.Sleep(2 * time.Second)
		if _, ok := early[string](ctx, "GetUser", "joe"); !ok {
			t.Error("an answer that is two seconds old was lost")
		}
	})
}

func TestAReadAheadThatPanickedIsAsIfItHadNeverBeenMade(t *testing.T) {
	if _, ok := early[string](reading(func() (any, error) { panic("anything") }), "GetUser", "joe"); ok {
		t.Error("a panic was handed on as an answer")
	}
}

func TestAReadAheadIsNotWaitedForBeyondTheCallersContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(reading(func() (any, error) { time.Sleep(time.Minute); return "Joe", nil }), time.Second)
		defer cancel()
		began := time.Now()
		if _, ok := early[string](ctx, "GetUser", "joe"); ok || time.Since(began) > time.Second {
			t.Errorf("answered %v after %s", ok, time.Since(began))
		}
		time.Sleep(time.Minute) // until the read has ended
	})
}

func TestAReadAheadThatIsStillUnderWayIsWaitedFor(t *testing.T) {
	release := make(chan struct{})
	ctx := reading(func() (any, error) { <-release; return "Joe", nil })
	got := make(chan string)
	go func() {
		name, _ := early[string](ctx, "GetUser", "joe")
		got <- name
	}()
	select {
	case name := <-got:
		t.Fatalf("the answer %q came before there was one", name)
	default:
	}
	close(release)
	if name := <-got; name != "Joe" {
		t.Errorf("the answer is %q", name)
	}
}
