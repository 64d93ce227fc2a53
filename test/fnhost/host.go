// Package fnhost is the platform's side of the Fn contract on one machine: it
// runs the binary of a function as OCI Functions would, sends it invocations, and
// tells what the platform would tell its caller.
//
// Call [Start] with the binary, then [Host.Invoke] for each event, and
// [Host.Close] at the end. [Host.Kill] ends the processes in the middle of
// whatever they do, which is what it takes to test that nothing gets lost.
//
// What it guarantees: one call at a time in a process; a process that broke the
// contract, timed out or failed to answer is killed and never used again, as in
// fnproject/fn (api/agent/agent.go); no call is sent twice; only processes that
// it started are ended.
//
// What it is not: a container. There is no memory limit, no read-only file
// system, no other user, no freezing between calls. [Options.Run] lets a container
// engine see to that.
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
	// Run makes the command that runs the function in place of Binary, such as docker
	// run. It gets the environment that the function is to see, and the folder that
	// FN_LISTENER lies in. Killing the command has to be enough, or its caller sees to
	// the rest.
	Run func(dir string, env []string) *exec.Cmd
	// Env is the function's configuration, as "key=value", the latter of two with the
	// same key counts. The environment of the test is not handed on: the platform
	// gives a function nothing but its own variables and the configuration.
	Env []string
	// Dir is where the host makes its folder; "" stands for the folder for temporary
	// files. Its path must be short, since a socket's path can't have more than 107 bytes.
	Dir string
	// Stdout and Stderr get the output of all processes; nil drops it. They are not
	// written to by two processes at once.
	Stdout, Stderr io.Writer
	// Timeout is how long a call may take, 30 s if zero. The function is told of it in
	// whole seconds, rounded down, so it should be one second at least.
	Timeout time.Duration
	// StartTimeout is how long a process may take until it listens, 10 s if zero.
	StartTimeout time.Duration
	// MaxContainers is how many processes run at most, 5 if zero. Further calls wait.
	MaxContainers int
	// Intent is the Fn-Intent header, such as "httprequest"; "" sends none.
	Intent string
	// Header replaces headers of each call; a key without values removes one.
	Header http.Header
}

func (o Options) timeout() time.Duration      { return cmp.Or(o.Timeout, 30*time.Second) }
func (o Options) startTimeout() time.Duration { return cmp.Or(o.StartTimeout, 10*time.Second) }
func (o Options) maxContainers() int          { return cmp.Or(o.MaxContainers, 5) }

// ErrClosed is what [Host.Invoke] answers after [Host.Close].
var ErrClosed = errors.New("fnhost: the host is closed")

// maxDir leaves room for the name of a socket, whose path can have 107 bytes.
const maxDir = 80

// Host runs one function. Its methods may be called by several goroutines.
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

// Start makes the host and its first process, and waits until that listens. ctx
// limits the waiting only. Close the host afterwards.
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

// TimeToReady returns how long the process that was started last took from its
// start until it listened.
func (h *Host) TimeToReady() time.Duration {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.ready
}

// SetTimeout changes how long the calls that begin from now on may take; see [Options].
func (h *Host) SetTimeout(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.timeout = d
}

// Kill ends all processes at once with SIGKILL, those in the middle of a call
// too, and returns when they have ended. Such calls end with status 502; the next
// call starts a new process.
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

// Close kills all processes and removes the host's folder. Closing twice is
// harmless.
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

// acquire waits for its turn and returns a process that is free, or a new one.
// Whoever gets one must release or drop it, and then free the slot; after an
// error there is nothing to give back.
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
		h.drop(c) // ended by itself between two calls
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
	h.idle = append(h.idle, c) // if it was killed meanwhile, acquire sees that
}

// drop kills a process, waits for its end and forgets it.
func (h *Host) drop(c *container) {
	c.kill()
	<-c.done
	h.mu.Lock()
	defer h.mu.Unlock()
	is := func(other *container) bool { return other == c }
	if slices.ContainsFunc(h.live, is) { // else it is counted already
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
