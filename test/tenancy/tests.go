package tenancy

import (
	"context"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/keyturn/keyturn/test/ociemu"
)

// RunTests is the TestMain of a package that tests the built functions. It compiles them once, stores their paths in
// rotate and sweep (nil: not needed), runs the tests, and returns the exit code.
func RunTests(m interface{ Run() int }, rotate, sweep *string) int {
	dir, err := os.MkdirTemp("", "keyturn")
	if err != nil {
		fmt.Fprintln(os.Stderr, "making a folder:", err)
		return 1
	}
	defer os.RemoveAll(dir)
	for name, path := range map[string]*string{"rotate": rotate, "sweep": sweep} {
		if path == nil {
			continue
		}
		*path, err = buildProgram(context.Background(), dir, "functions/"+name)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	return m.Run()
}

// Clock is a clock for the emulator that a test can move. The zero Clock shows the machine's time.
type Clock struct {
	mu     sync.Mutex
	offset time.Duration
}

// Now is the clock's time; use it as ociemu.Options.Now.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.offset)
}

// Offset is how far it is ahead of the machine's time.
func (c *Clock) Offset() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.offset
}

// Set makes it run ahead of the machine's time by the offset, or behind it if that is negative.
func (c *Clock) Set(offset time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.offset = offset
}

// Add moves it forward, or back if d is negative.
func (c *Clock) Add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.offset += d
}

// KillAt kills functions/rotate with SIGKILL at its call of the operation, or its new credential's, after skip such
// calls. The call takes effect, but gets no answer.
func (s *Deployment) KillAt(operation string, skip int) {
	s.KillDuring(ociemu.After, func(c ociemu.Call) bool {
		if c.Operation != operation || bySweep(c) {
			return false
		}
		skip--
		return skip == -1
	})
}

// KillDuring kills the function with SIGKILL that makes the first call that fits, before or after the call's effect. A
// call with another identity, such as the new credential's, counts as one of functions/rotate.
func (s *Deployment) KillDuring(when ociemu.When, fits func(ociemu.Call) bool) {
	killed, caller := make(chan struct{}), ociemu.Call{}
	s.Inject(ociemu.Fault{When: when, Match: func(c ociemu.Call) bool {
		caller = c
		return !c.Caller.Operator && fits(c)
	}, Do: ociemu.Hold(killed).Begin(func() {
		if bySweep(caller) {
			s.sweeper.Kill()
		} else {
			s.Host.Kill()
		}
		close(killed)
	})})
}

func bySweep(c ociemu.Call) bool { return c.Caller.Kind == "function" && c.Caller.Name == "sweep" }
