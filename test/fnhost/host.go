// Package fnhost is the platform's side of the Fn contract on one machine. It runs the binary of a function as OCI
// Functions does, sends it invocations, and returns the platform's replies.
//
// Call [Start] with the binary, then [Host.Invoke] for each event, and [Host.Close] at the end. [Host.Kill] kills the
// processes, also during a call.
//
// It guarantees that a process gets one call at a time, and that no call is sent twice. A process that breaks the
// contract, times out or fails to answer is killed and not used again, as in fnproject/fn (api/agent/agent.go). It ends
// only processes that it started.
//
// It is no container: there is no memory limit, no read-only file system, no other user, and no freezing between calls.
// With [Options.Run] a container engine can provide that.
package fnhost

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"sync"
	"time"
)

// Options say what to run. Only Binary or Run is required.
type Options struct {
	// Binary is the path of the function's executable.
	Binary string
	// Run returns a command that runs the function instead of Binary, such as docker run. It gets the folder of
	// FN_LISTENER and the function's environment. The host only kills the command; the caller of Start ends anything
	// else.
	Run func(dir string, env []string) *exec.Cmd
	// Env is the function's configuration, as "key=value"; the last value of a key counts. The function doesn't get the
	// test's environment: the platform gives it only its own variables and the configuration.
	Env []string
	// Dir is where the host makes its folder; "": the folder for temporary files. Its path must be short, because a
	// socket's path can have at most 107 bytes.
	Dir string
	// Stdout and Stderr get the output of all processes; nil drops it. Writes don't overlap.
	Stdout, Stderr io.Writer
	// Timeout is how long a call may take; 0 means 30 s. The function gets the deadline in whole seconds, rounded down,
	// so it should be at least one second.
	Timeout time.Duration
	// StartTimeout is how long a process may take until it listens; 0 means 10 s.
	StartTimeout time.Duration
	// MaxContainers is the maximum of processes; 0 means 5. Further calls wait.
	MaxContainers int
	// Intent is the Fn-Intent header, such as "httprequest"; "" sends none.
	Intent string
	// Header replaces headers of each call; a key without values removes one.
	Header http.Header
}

func (o Options) timeout() time.Duration      { return cmp.Or(o.Timeout, 30*time.Second) }
func (o Options) startTimeout() time.Duration { return cmp.Or(o.StartTimeout, 10*time.Second) }
func (o Options) maxContainers() int          { return cmp.Or(o.MaxContainers, 5) }

// ErrClosed is the error of [Host.Invoke] after [Host.Close].
var ErrClosed = errors.New("fnhost: the host is closed")

// maxDir leaves room for the name of a socket, whose path can have 107 bytes.
const maxDir = 80

// Host runs one function. It is safe for concurrent use.
type Host struct {
	options        Options
	dir            string
	stdout, stderr io.Writer
	slots          chan struct{} // one for each call that may run
	closed         chan struct{}

	mu      sync.Mutex
	timeout time.Duration
	started int
	ready   time.Duration
	live    []*container  // all that were started and not yet dropped
	spent   time.Duration // processor time of those that were dropped
	idle    []*container  // the live ones that wait for a call
}

// Start starts a host and its first process, and waits until the process listens. ctx limits only the waiting. Close
// the host afterwards.
func Start(ctx context.Context, options Options) (*Host, error) {
	dir, err := os.MkdirTemp(options.Dir, "fn")
	if err != nil {
		return nil, fmt.Errorf("making the host's folder: %w", err)
	}
	if len(dir) > maxDir {
		return nil, errors.Join(fmt.Errorf("making the host's folder: the path %s has more than %d bytes", dir, maxDir),
			os.Remove(dir))
	}
	h := &Host{
		options: options,
		timeout: options.timeout(),
		dir:     dir,
		stdout:  &lockedWriter{w: options.Stdout},
		stderr:  &lockedWriter{w: options.Stderr},
		slots:   make(chan struct{}, options.maxContainers()),
		closed:  make(chan struct{}),
	}
	c, err := h.start(ctx)
	if err != nil {
		return nil, errors.Join(err, h.Close())
	}
	h.release(c)
	return h, nil
}

// TimeToReady returns how long the process that was started last took until it listened.
func (h *Host) TimeToReady() time.Duration {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.ready
}

// SetTimeout changes [Options].Timeout for the calls that begin from now on.
func (h *Host) SetTimeout(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.timeout = d
}

// Kill ends all processes with SIGKILL, also during a call, and returns when they have ended. Such a call gets the
// status 502. The next call starts a new process.
func (h *Host) Kill() {
	h.mu.Lock()
	victims := slices.Clone(h.live)
	h.mu.Unlock()
	for _, c := range victims {
		c.kill()
	}
	for _, c := range victims {
		h.drop(c)
	}
}

// Close kills all processes and removes the host's folder. Further calls do nothing.
func (h *Host) Close() error {
	h.mu.Lock()
	select {
	case <-h.closed:
	default:
		close(h.closed)
	}
	h.mu.Unlock()
	h.Kill()
	if err := os.RemoveAll(h.dir); err != nil {
		return fmt.Errorf("removing the host's folder: %w", err)
	}
	return nil
}

// acquire waits for a free slot and returns an idle process or a new one. The caller must release or drop the process,
// and then free the slot. After an error it has neither.
func (h *Host) acquire(ctx context.Context) (*container, error) {
	select {
	case <-h.closed:
		return nil, ErrClosed
	default:
	}
	select {
	case h.slots <- struct{}{}:
	case <-h.closed:
		return nil, ErrClosed
	case <-ctx.Done():
		return nil, fmt.Errorf("waiting for a free container: %w", context.Cause(ctx))
	}
	for {
		h.mu.Lock()
		if len(h.idle) == 0 {
			h.mu.Unlock()
			break
		}
		c := h.idle[len(h.idle)-1]
		h.idle = h.idle[:len(h.idle)-1]
		h.mu.Unlock()
		if !c.ended() {
			return c, nil
		}
		h.drop(c) // it ended between two calls
	}
	c, err := h.start(ctx)
	if err != nil {
		<-h.slots
		return nil, err
	}
	return c, nil
}

// release makes a process available to the next call.
func (h *Host) release(c *container) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.idle = append(h.idle, c) // acquire notices if it was killed meanwhile
}

// drop kills a process, waits for its end and forgets it.
func (h *Host) drop(c *container) {
	c.kill()
	<-c.done
	h.mu.Lock()
	defer h.mu.Unlock()
	is := func(other *container) bool { return other == c }
	if slices.ContainsFunc(h.live, is) { // otherwise its time is already counted
		h.spent += c.cmd.ProcessState.UserTime() + c.cmd.ProcessState.SystemTime()
	}
	h.live = slices.DeleteFunc(h.live, is)
	h.idle = slices.DeleteFunc(h.idle, is)
}

// lockedWriter lets several processes share a writer, which may be nil.
type lockedWriter struct {
	mu sync.Mutex
	w  io.Writer
}

func (l *lockedWriter) Write(p []byte) (int, error) {
	if l.w == nil {
		return len(p), nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(p)
}
