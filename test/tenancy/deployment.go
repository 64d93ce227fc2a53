// Package tenancy sets up a test tenancy on one machine: the emulator, the functions' unmodified binaries, and the
// Events rule between them. The end-to-end tests, the demo and the benchmarks use it.
//
// Start with New, then Add a credential that is too old, and Close its problem as an operator would.
package tenancy

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"sync"
	"time"

	"github.com/keyturn/keyturn/test/fnhost"
	"github.com/keyturn/keyturn/test/ociemu"
)

// Condition is the Events rule's condition: closed problems of the four detector rules.
const Condition = `{"eventType":["com.oraclecloud.cloudguard.problemremediated"],"data":{"additionalDetails":` +
	`{"problemName":["API_KEY_TOO_OLD","AUTH_TOKEN_TOO_OLD","SECRET_KEY_TOO_OLD","PASSWORD_TOO_OLD"]}}}`

// Options say how the tenancy is set up. Only Binary or Run is required.
type Options struct {
	Emulator ociemu.Options
	Binary   string // functions/rotate; see Build
	Sweeper  string // functions/sweep, if it is needed; see BuildSweep
	// Run runs a function, rotate or sweep, in place of its binary; see fnhost.Options.
	Run      func(function, dir string, env []string) *exec.Cmd
	Config   []string // further configuration of the function, "key=value"
	Timeout  time.Duration
	Parallel int // the maximum of containers; 0 means 5
	// Places names the compartments of resources; nil means the root compartment.
	Places func(*ociemu.Emulator) Places
	Added  func(*Deployment, *Case) // called after a case was added; may be nil
	Log    io.Writer                // also gets what the functions print; see Deployment.Printed
}

// Places are the OCIDs of the compartments of resources; empty means the root.
type Places struct {
	Functions, Topic, Secrets string
	// DefinedTags binds secrets by defined tags instead of freeform ones. Only defined tags can be used in policies.
	DefinedTags bool
	Config      []string // further configuration, which may name new resources
}

// Deployment is a tenancy with Keyturn in it.
type Deployment struct {
	*ociemu.Emulator
	Host     *fnhost.Host
	Function ociemu.Principal
	Operator ociemu.Operator // closes problems
	Topic    string
	Printed  *Output // what the functions' processes have printed

	options Options
	places  Places
	sweeper *fnhost.Host
	sweeps  ociemu.Principal // the principal of functions/sweep, once it exists

	mu       sync.Mutex
	replies  []fnhost.Reply
	swept    []fnhost.Reply
	events   [][]byte
	names    int
	problems []string
}

// Output collects what several processes print.
type Output struct {
	mu   sync.Mutex
	buf  bytes.Buffer
	also io.Writer
}

// Write implements io.Writer.
func (o *Output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.also != nil {
		_, _ = o.also.Write(p) // an error there is not the function's
	}
	return o.buf.Write(p)
}

// String returns the output so far.
func (o *Output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

// Build compiles functions/rotate into dir, and returns its path. It must be called from within the module.
//
// It compiles as `go run` and `go test` do: what these have compiled, OCI's SDK above all, is taken from Go's cache.
// With the flags of a release everything would be compiled a second time. test/image runs the release's binaries, and
// test/bench measures them.
func Build(ctx context.Context, dir string) (string, error) {
	return buildProgram(ctx, dir, "functions/rotate")
}

// BuildSweep does the same for functions/sweep.
func BuildSweep(ctx context.Context, dir string) (string, error) {
	return buildProgram(ctx, dir, "functions/sweep")
}

func buildProgram(ctx context.Context, dir, folder string) (string, error) {
	binary := filepath.Join(dir, filepath.Base(folder))
	// These two flags concern the linker alone.
	build := exec.CommandContext(ctx, "go", "build", "-buildvcs=false", "-ldflags=-s -w", "-o", binary,
		"github.com/keyturn/keyturn/"+folder)
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building %s: %w\n%s", folder, err, out)
	}
	return binary, nil
}

// New sets a tenancy up. The caller ends it with End.
func New(ctx context.Context, o Options) (*Deployment, error) {
	_ = DependOn(sources...) // fails only outside the module, where no test depends on the sources
	emulator, err := ociemu.Start(o.Emulator)
	if err != nil {
		return nil, err
	}
	s := &Deployment{Emulator: emulator, Printed: &Output{also: o.Log}, options: o}
	if o.Places != nil {
		s.places = o.Places(emulator)
	}
	s.Function = s.NewFunction("rotate", s.places.Functions)
	s.Operator = s.AddOperator("secops@example.com")
	s.Topic = s.AddTopicIn(s.places.Topic, "secops")
	s.AddRule(Condition, s.Function.FunctionID)
	s.Host, err = s.host(ctx, "rotate", o.Binary, s.Function)
	if err != nil {
		_ = emulator.Close()
		return nil, fmt.Errorf("starting the function: %w", err)
	}
	s.HandleFunction(s.Function.FunctionID, func(ctx context.Context, event []byte) error {
		s.mu.Lock()
		s.events = append(s.events, event)
		s.mu.Unlock()
		reply, err := s.Invoke(ctx, event)
		if err == nil && reply.Status != 200 {
			err = fmt.Errorf("the platform answered %d: %s", reply.Status, reply.Body)
		}
		return err
	})
	return s, nil
}

// host runs a function of this tenancy.
func (s *Deployment) host(ctx context.Context, function, binary string, p ociemu.Principal) (*fnhost.Host, error) {
	env := append(s.Env(p), "ons_topic="+s.Topic)
	env = append(append(env, s.options.Config...), s.places.Config...)
	o := fnhost.Options{Binary: binary, Env: env, Stdout: s.Printed, Stderr: s.Printed,
		Timeout: s.options.Timeout, MaxContainers: s.options.Parallel}
	if s.options.Run != nil {
		o.Run = func(dir string, env []string) *exec.Cmd { return s.options.Run(function, dir, env) }
		o.StartTimeout = time.Minute // what runs it may have more to do than the function
	}
	return fnhost.Start(ctx, o)
}

// SweepFunction is the principal of the other function.
func (s *Deployment) SweepFunction() ociemu.Principal {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sweepFunction()
}

func (s *Deployment) sweepFunction() ociemu.Principal {
	if s.sweeps.FunctionID == "" {
		s.sweeps = s.NewFunction("sweep", s.places.Functions)
	}
	return s.sweeps
}

// Sweep runs the sweep once, as its schedule would.
func (s *Deployment) Sweep(ctx context.Context) (fnhost.Reply, error) {
	return s.InvokeSweep(ctx, []byte("{}"))
}

// InvokeSweep calls the sweep directly.
func (s *Deployment) InvokeSweep(ctx context.Context, body []byte) (fnhost.Reply, error) {
	s.mu.Lock()
	if s.sweeper == nil {
		var err error
		s.sweeper, err = s.host(ctx, "sweep", s.options.Sweeper, s.sweepFunction())
		if err != nil {
			s.mu.Unlock()
			return fnhost.Reply{}, fmt.Errorf("starting the sweep: %w", err)
		}
	}
	s.mu.Unlock()
	reply, err := s.sweeper.Invoke(ctx, body)
	s.mu.Lock()
	s.swept = append(s.swept, reply)
	s.mu.Unlock()
	return reply, err
}

// SetTimeout changes how long the invocations of both functions that begin from now on may take.
func (s *Deployment) SetTimeout(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.options.Timeout = d
	s.Host.SetTimeout(d)
	if s.sweeper != nil {
		s.sweeper.SetTimeout(d)
	}
}

// Kill kills the processes of both functions with SIGKILL.
func (s *Deployment) Kill() {
	s.Host.Kill()
	s.mu.Lock()
	sweeper := s.sweeper
	s.mu.Unlock()
	if sweeper != nil {
		sweeper.Kill()
	}
}

// Swept are the answers of all sweeps so far.
func (s *Deployment) Swept() []fnhost.Reply {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]fnhost.Reply(nil), s.swept...)
}

// Invoke calls the function directly.
func (s *Deployment) Invoke(ctx context.Context, event []byte) (fnhost.Reply, error) {
	reply, err := s.Host.Invoke(ctx, event)
	s.mu.Lock()
	s.replies = append(s.replies, reply)
	s.mu.Unlock()
	return reply, err
}

// Events are the events that the rule has sent to the function.
func (s *Deployment) Events() [][]byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([][]byte(nil), s.events...)
}

// Replies are the answers of all invocations so far.
func (s *Deployment) Replies() []fnhost.Reply {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]fnhost.Reply(nil), s.replies...)
}

// End stops the functions and the emulator.
func (s *Deployment) End() error {
	err := s.Host.Close()
	if s.sweeper != nil {
		if other := s.sweeper.Close(); err == nil {
			err = other
		}
	}
	if other := s.Emulator.Close(); err == nil {
		err = other
	}
	return err
}
