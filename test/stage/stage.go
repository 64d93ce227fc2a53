// Package stage sets up a tenancy on one machine: the emulator, the unmodified function binary on the platform's side
// of the Fn contract, and the Events rule between them. The end-to-end tests, the demo and the benchmarks play on it.
//
// Start with New, then Add a credential that is too old, and Close its problem as a person would.
package stage

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"

	"github.com/oracle/oci-go-sdk/v65/cloudguard"
	"github.com/oracle/oci-go-sdk/v65/common"

	"github.com/keyturn/keyturn/test/fnhost"
	"github.com/keyturn/keyturn/test/ociemu"
)

// Condition is the Events rule's: the remediated problems of the four rules, by the rule's id.
const Condition = `{"eventType":["com.oraclecloud.cloudguard.problemremediated"],"data":{"additionalDetails":` +
	`{"problemName":["API_KEY_TOO_OLD","AUTH_TOKEN_TOO_OLD","SECRET_KEY_TOO_OLD","PASSWORD_TOO_OLD"]}}}`

// Options say how the stage is set. Only Binary is required.
type Options struct {
	Emulator ociemu.Options
	Binary   string   // the function; see Build
	Config   []string // further configuration of the function, "key=value"
	Timeout  time.Duration
	Parallel int       // containers at most; 0 means 5
	Log      io.Writer // gets what the function prints; it is kept in Stage.Printed as well
}

// Stage is a tenancy with Keyturn in it.
type Stage struct {
	*ociemu.Emulator
	Host     *fnhost.Host
	Function ociemu.Principal
	Operator ociemu.Operator // the person who closes problems
	Topic    string
	Printed  *Output // everything that the function's processes have printed

	mu       sync.Mutex
	replies  []fnhost.Reply
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
		_, _ = o.also.Write(p) // a spectator's trouble is not the function's
	}
	return o.buf.Write(p)
}

// String is everything so far.
func (o *Output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

// Build compiles functions/rotate as it is deployed, static and stripped, into dir, and returns its path. It must be
// called from within the module.
func Build(ctx context.Context, dir string) (string, error) {
	binary := filepath.Join(dir, "rotate")
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags=-s -w", "-o", binary, "github.com/keyturn/keyturn/functions/rotate")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building functions/rotate: %w\n%s", err, out)
	}
	return binary, nil
}

// New sets the stage up. The caller ends it with End.
func New(ctx context.Context, o Options) (*Stage, error) {
	emulator, err := ociemu.Start(o.Emulator)
	if err != nil {
		return nil, err
	}
	s := &Stage{Emulator: emulator, Printed: &Output{also: o.Log}}
	s.Function = s.NewFunction("rotate", "")
	s.Operator = s.AddOperator("secops@example.com")
	s.Topic = s.AddTopic("secops")
	s.AddRule(Condition, s.Function.FunctionID)
	env := append(s.Env(s.Function), "ons_topic="+s.Topic)
	s.Host, err = fnhost.Start(ctx, fnhost.Options{Binary: o.Binary, Env: append(env, o.Config...), Stdout: s.Printed, Stderr: s.Printed,
		Timeout: o.Timeout, MaxContainers: o.Parallel})
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

// Invoke calls the function directly.
func (s *Stage) Invoke(ctx context.Context, event []byte) (fnhost.Reply, error) {
	reply, err := s.Host.Invoke(ctx, event)
	s.mu.Lock()
	s.replies = append(s.replies, reply)
	s.mu.Unlock()
	return reply, err
}

// Events are the events that the rule has sent to the function.
func (s *Stage) Events() [][]byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([][]byte(nil), s.events...)
}

// Replies are the answers of all invocations so far.
func (s *Stage) Replies() []fnhost.Reply {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]fnhost.Reply(nil), s.replies...)
}

// End takes the stage down.
func (s *Stage) End() error {
	err := s.Host.Close()
	if other := s.Emulator.Close(); err == nil {
		err = other
	}
	return err
}

// CloudGuard is the real SDK's Cloud Guard client, signed in as the person who closes problems.
func (s *Stage) CloudGuard() (cloudguard.CloudGuardClient, error) {
	o := s.Operator
	client, err := cloudguard.NewCloudGuardClientWithConfigurationProvider(
		common.NewRawConfigurationProvider(o.TenancyID, o.UserID, o.Region, o.Fingerprint, string(o.PrivatePEM), nil))
	client.HTTPClient = s.Client()
	return client, err
}

// Close closes a problem as resolved with a comment, through the real Cloud Guard client, and waits until the function
// has answered all that this set off.
func (s *Stage) Close(ctx context.Context, problem, comment string) error {
	client, err := s.CloudGuard()
	if err != nil {
		return fmt.Errorf("making the Cloud Guard client: %w", err)
	}
	request := cloudguard.UpdateProblemStatusRequest{ProblemId: &problem, UpdateProblemStatusDetails: cloudguard.UpdateProblemStatusDetails{
		Status: cloudguard.ProblemLifecycleDetailResolved}}
	if comment != "" {
		request.Comment = &comment
	}
	if _, err := client.UpdateProblemStatus(ctx, request); err != nil {
		return fmt.Errorf("closing the problem: %w", err)
	}
	s.Deliver()
	return nil
}
