package main

import (
	"context"
	"encoding/json"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/keyturn/keyturn/test/fnhost"
	"github.com/keyturn/keyturn/test/judge"
	"github.com/keyturn/keyturn/test/ociemu"
	"github.com/keyturn/keyturn/test/tenancy"
)

// A cell starts with the services' clock clockShift behind the machine's. When time passes, it goes to clockShift
// ahead. Both are within the five minutes by which OCI lets the date of a signature differ. Resources age by
// serviceShift more, which does not affect signatures. In total that is more than the ten minutes after which the
// engine believes that a resource missing from every list doesn't exist.
const (
	clockShift   = 4*time.Minute + 30*time.Second
	serviceShift = 3 * time.Minute
	// attemptLife is more than the time for which the engine waits for another process's attempt.
	attemptLife = 11 * time.Minute
)

// The timeouts of an invocation: of one that waits for its deadline because of a fault, and of all others.
const (
	shortTime = 4 * time.Second
	longTime  = 30 * time.Second
	// refusedTime is more than a delivery needs to give up on a refused credential; see pkg/rotation.
	refusedTime = 9 * time.Second
)

// environment is the test tenancy of one cell.
type environment struct {
	*tenancy.Deployment
	c            *tenancy.Case
	form         form
	injector     *injector
	history      *judge.History
	clock        tenancy.Clock
	refusal      *ociemu.Injection
	forwarded    time.Duration // how far the resources' ages are ahead of the clock
	logLines     []string
	last         fnhost.Reply      // of the last invocation
	forbidden    atomic.Bool       // the functions may not read the secret any more
	otherSecrets map[string]string // the secrets of an operator's second closure
	wroteBefore  bool              // the function had written something before the operator's action
}

// newEnvironment sets up a tenancy with one credential that is too old.
func (p runner) newEnvironment(ctx context.Context, f form, timeout time.Duration) (*environment, error) {
	env := &environment{form: f}
	env.clock.Set(-clockShift)
	o := ociemu.Calm()
	o.Now = env.clock.Now
	if f.variant == lagging {
		o.ListLag = time.Minute
	}
	o.Authorizer = env.authorize
	options := tenancy.Options{Emulator: o, Binary: p.binary, Sweeper: p.sweeper, Timeout: timeout,
		Config: []string{"log_level=debug"}}
	if f.want.Domain != "" {
		options = options.WithPlant()
	}
	s, err := tenancy.New(ctx, options)
	if err != nil {
		return nil, err
	}
	c := s.Add(f.want)
	env.Deployment, env.c, env.injector, env.history = s, c, &injector{s: s}, judge.Follow(s, c)
	env.injector.onLateEffect = env.dateLateEffect
	s.SetCreatedOffset(0) // shows the judge the first state
	s.ResetCalls()
	return env, nil
}

// refuseNewCredential makes OCI refuse the new credential, in the form undo. The credential is old enough that the
// function doesn't wait for it to spread.
func (env *environment) refuseNewCredential() {
	if env.form.variant != undo {
		return
	}
	env.SetCreatedOffset(-31 * time.Minute)
	// After the effect, so that other faults can hit before it.
	env.refusal = env.Inject(ociemu.Fault{Match: isProof, When: ociemu.After, Times: -1, Do: env.form.refusal()})
}

// afterFirstDelivery empties the metadata in the form wiped, and ends the refusal in the form undo.
func (env *environment) afterFirstDelivery() {
	if env.form.variant == wiped {
		for _, id := range env.c.Secrets {
			env.WipeMetadata(id)
		}
	}
	if env.refusal != nil {
		env.refusal.Remove()
		env.SetCreatedOffset(0)
		env.refusal = nil
	}
}

// dateLateEffect gives what a late call creates the date of its request, from when the effect begins until it ends.
func (env *environment) dateLateEffect(requested time.Time, begins bool) {
	offset := time.Duration(0)
	if begins {
		offset = requested.Sub(env.clock.Now().Add(env.forwarded))
	}
	if env.refusal == nil {
		env.SetCreatedOffset(offset)
	}
}

// Forward lets the resources age.
func (env *environment) Forward(d time.Duration) {
	env.forwarded += d
	env.Deployment.Forward(d)
}

// letTimePass makes all that was done older than a process can live. Further calls do nothing.
func (env *environment) letTimePass() {
	if env.clock.Offset() < 0 {
		env.clock.Set(clockShift)
		env.Forward(serviceShift)
	}
}

func (env *environment) noteReply() {
	if r := env.Replies(); len(r) > 0 {
		env.last = r[len(r)-1]
	}
}

func (env *environment) log(what string) {
	text := what
	if last := env.last; last.Status > 0 {
		var a struct{ Outcome, Reason string }
		if json.Unmarshal(last.Body, &a) == nil && a.Outcome != "" {
			text += fmt.Sprintf(" -> %d %s (%s)", last.Status, a.Outcome, a.Reason)
		} else {
			text += fmt.Sprintf(" -> %d %s", last.Status, last.Body)
		}
	}
	env.logLines = append(env.logLines, text)
}

// closeProblem closes the problem as an operator does.
func (env *environment) closeProblem(ctx context.Context) error {
	env.injector.beginDelivery()
	err := env.Close(ctx, env.c.Problem, env.c.Comment(env.form.comment...))
	env.injector.endDelivery()
	env.noteReply()
	env.log("closed")
	return err
}

// redeliver delivers the newest event again.
func (env *environment) redeliver(ctx context.Context) error {
	events := env.Events()
	if len(events) == 0 {
		return fmt.Errorf("no event was sent")
	}
	env.injector.beginDelivery()
	_, err := env.Invoke(ctx, events[len(events)-1])
	env.injector.endDelivery()
	env.noteReply()
	env.log("delivered again")
	return err
}

func (env *environment) reopened() bool { return env.Problem(env.c.Problem).Status != "RESOLVED" }
