package tenancy

import (
	"context"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/keyturn/keyturn/test/ociemu"
)

// RunTests is what the TestMain of a package does that plays the built functions: it compiles them once, puts their
// paths into rotate and sweep (nil: that one isn't needed), runs the tests, and returns the exit code.
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
		if *path, err = buildFunction(context.Background(), dir, name); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	return m.Run()
}

// Clock is the services' clock, which a test moves; it goes on by itself meanwhile. The zero Clock shows the machine's
// time.
type Clock struct {
	mu     sync.Mutex
	offset time.Duration
}

// Now is the time that it shows; it fits ociemu.Options.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.offset)
}

// Add moves it on, or back.
func (c *Clock) Add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.offset += d
}

// KillAt kills functions/rotate with SIGKILL at a function's call of the operation, after skip such calls. The call
// takes effect, but is answered to nobody.
func (s *Deployment) KillAt(operation string, skip int) {
	killed := make(chan struct{})
	s.Inject(ociemu.Fault{When: ociemu.After, Do: ociemu.Hold(killed), Match: func(c ociemu.Call) bool {
		if c.Operation != operation || c.Caller.Operator {
			return false
		}
		if skip--; skip != -1 {
			return false
		}
		go func() {
			s.Host.Kill()
			close(killed)
		}()
		return true
	}})
}
