package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/keyturn/keyturn/test/fnhost"
	"github.com/keyturn/keyturn/test/ociemu"
	"github.com/keyturn/keyturn/test/tenancy"
)

// How far the services' clock is ahead of the functions', which is the machine's. It is behind during the faults and
// ahead in the recovery phase. The difference is more than the lifetime of an invocation, and each offset is within the
// 5 minutes by which OCI lets the date of a signature differ. A sweep during the faults leaves the problems to their
// events, because they were closed recently. Between recoveryOffset and sweepOffset is more than a grace.
const (
	faultOffset    = -200 * time.Second
	recoveryOffset = 200 * time.Second
	sweepOffset    = 270 * time.Second
	// serviceShift is how much more the dates of resources move in the recovery phase. The sum is more than the ten
	// minutes after which the engine believes that a resource missing from every list doesn't exist.
	serviceShift = 4 * time.Minute
)

// The timeouts of an invocation, with faults and in the recovery phase. The latter is the longest that OCI Functions
// allows, because there a sweep has to finish all users.
const (
	faultTimeout    = 30 * time.Second
	recoveryTimeout = 300 * time.Second
)

// tally has the figures of the last line.
type tally struct{ rotations, faults, kills, edits, violations int }

func (t tally) String() string {
	return fmt.Sprintf("rotations: %d, faults: %d, kills: %d, edits: %d, violations: %d", t.rotations, t.faults,
		t.kills, t.edits, t.violations)
}

// run is the state of the command.
type run struct {
	settings
	*tenancy.Deployment
	out      io.Writer
	clock    tenancy.Clock
	random   *rand.Rand
	injector *injector
	users    []*user

	mu         sync.Mutex
	active     []*user          // the users with a rotation in progress
	byProblem  map[string]*user // the same users by their problem
	violations int
	rotations  int
	edited     int
	epochs     int

	closing    sync.Mutex
	began      time.Time
	progressAt time.Time
}

// soak runs all epochs.
func soak(ctx context.Context, s settings, rotate, sweep string, out io.Writer) (sum tally, err error) {
	r := &run{settings: s, out: out, random: rand.New(rand.NewPCG(s.seed, 1)), byProblem: map[string]*user{},
		began: time.Now(), progressAt: time.Now()}
	r.clock.Set(faultOffset)
	o := ociemu.Calm()
	o.Seed, o.TokenLife = s.seed, 240*time.Hour
	o.Now = r.clock.Now
	options := tenancy.Options{Emulator: o, Binary: rotate, Sweeper: sweep, Parallel: s.parallel, Timeout: faultTimeout,
		Config: []string{"log_level=error"}}
	r.Deployment, err = tenancy.New(ctx, options.WithDomains())
	if err != nil {
		return tally{}, err
	}
	defer func() {
		if other := r.End(); err == nil {
			err = other
		}
	}()
	for i := range s.userCount {
		r.users = append(r.users, &user{Case: r.Add(r.want(i)), closureSeconds: map[int64]bool{}})
	}
	r.HandleFunction(r.Function.FunctionID, r.receive)
	r.OnChange(r.watch)
	r.injector = newInjector(r.Deployment, s.seed, s.faults)
	for _, u := range r.users {
		scim, _ := r.SCIMID(u.User, "")
		r.injector.setOwner(u.UserName, append(slices.Collect(maps.Values(u.Secrets)), u.User, scim, u.Problem)...)
	}
	for r.more() && !r.allViolated() {
		if err := r.epoch(ctx); err != nil {
			return tally{}, err
		}
	}
	sum = tally{rotations: r.rotations, edits: r.edited, violations: r.count()}
	sum.faults, sum.kills = r.injector.count()
	return sum, nil
}

// want is the i-th user: all forms in turn, in a domain that the seed draws. Every other user that Keyturn can rotate
// outside of Default is in another domain.
func (r *run) want(i int) tenancy.Want {
	all, domains := forms(), []string{"", "", tenancy.Partners, tenancy.Plant}
	w, domain := all[i%len(all)], domains[r.random.IntN(len(domains))]
	if !w.Kind.Resets() { // Keyturn refuses them outside of Default
		w.Domain = domain
	}
	return w
}

// receive stores the event of a rotation. deliver sends it to the function.
func (r *run) receive(_ context.Context, event []byte) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for id, u := range r.byProblem {
		if bytes.Contains(event, []byte(id)) {
			u.event = event
		}
	}
	return nil
}

// watch judges all users after each change. It runs under the emulator's lock.
func (r *run) watch(v ociemu.View) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, u := range r.users {
		wrong := ""
		if slices.Contains(r.active, u) {
			wrong = u.observe(v, r.clock.Now())
		} else {
			wrong = u.observeFinished(v)
		}
		if wrong != "" {
			r.report(u, wrong)
		}
	}
}

// report counts and prints a user's first violation, with the answers and calls. The caller holds r.mu.
func (r *run) report(u *user, wrong string) {
	if u.violated {
		return
	}
	u.violated = true
	r.violations++
	fmt.Fprintf(r.out, "VIOLATION %s, rotation %d: %s\n", u.UserName, u.rotations, wrong)
	for _, a := range u.allAnswers() {
		fmt.Fprintf(r.out, "  answer %s\n", a)
	}
	for _, c := range r.Calls() { // the log of calls has a separate lock
		if u.concerns(c) {
			fmt.Fprintf(r.out, "  %6d %s %-30s %s status %d effect %d\n", c.Seq, c.At.Format("15:04:05.000"),
				c.Operation, c.Caller.Name, c.Status, c.Effect)
		}
	}
}

func (r *run) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.violations
}

func (r *run) allViolated() bool {
	return !slices.ContainsFunc(r.users, func(u *user) bool { return !u.violated && !u.deletedAll })
}

// epoch runs some rotations with faults, and then a recovery phase without faults that finishes them.
func (r *run) epoch(ctx context.Context) error {
	r.epochs++
	r.clock.Set(faultOffset)
	r.CatchUp()
	r.ResetCalls()
	rotations := r.plan()
	r.SetCreatedOffset(-tenancy.Age) // no process runs at this moment
	for _, t := range rotations {
		if t.user.Kind.Resets() {
			r.SetPassword(t.user.User)
		}
	}
	r.SetCreatedOffset(0)
	if r.epochs%2 == 1 {
		r.SetListLag(r.lag)
	}
	r.injector.enable(true)
	err := r.rotateAll(ctx, rotations)
	r.injector.enable(false)
	r.SetListLag(0)
	if err != nil {
		return err
	}
	r.clock.Set(recoveryOffset)
	r.Forward(serviceShift)
	defer r.Forward(-serviceShift)
	r.SetTimeout(recoveryTimeout)
	defer r.SetTimeout(faultTimeout)
	return r.recover(ctx)
}

// recover finishes the rotations: it delivers the events again, closes problems that are open again, and sweeps. Then
// each user must have exactly the new credential.
func (r *run) recover(ctx context.Context) error {
	r.mu.Lock()
	waiting := append([]*user(nil), r.active...)
	r.mu.Unlock()
	for _, u := range waiting {
		for range 2 {
			if r.Problem(u.Problem).Status != "RESOLVED" {
				r.CloseProblem(u.Problem, u.comment(), r.Operator.Name)
				r.Deliver()
			}
			r.deliver(ctx, u)
		}
	}
	r.clock.Set(sweepOffset)
	var last fnhost.Reply
	for range 2 {
		reply, err := r.Sweep(ctx)
		if err != nil {
			return fmt.Errorf("sweeping: %w", err)
		}
		last = reply
	}
	if last.Status != http.StatusOK {
		r.mu.Lock()
		r.violations++
		fmt.Fprintf(r.out, "VIOLATION the sweep fails in the recovery phase: %d %s\n", last.Status, last.Body)
		r.mu.Unlock()
	}
	for _, u := range r.users {
		if slices.Contains(waiting, u) {
			continue
		}
		if wrong := u.compareFinished(); wrong != "" {
			r.mu.Lock()
			r.report(u, "in the end: "+wrong)
			r.mu.Unlock()
		}
	}
	for _, u := range waiting {
		u.deletedAll = u.hasNone()
		if u.deletedAll {
			u.begin() // a new judge: what follows is no rotation
			if err := r.finish(ctx, u); err != nil {
				return err
			}
			continue
		}
		if wrong := u.check(r.lossReported(u)); wrong != "" {
			r.mu.Lock()
			r.report(u, "in the end: "+wrong)
			r.mu.Unlock()
			if !u.Kind.Resets() {
				continue
			}
		}
		if err := r.finish(ctx, u); err != nil {
			return err
		}
	}
	return nil
}

// lossReported reports whether a mail of this rotation says that its one-time password is in no secret.
func (r *run) lossReported(u *user) bool {
	if !u.Kind.Resets() {
		return false
	}
	u.mu.Lock()
	wiped := u.wiped
	u.mu.Unlock()
	return slices.ContainsFunc(r.Mails()[u.mails:], func(m ociemu.Mail) bool {
		text := strings.ReplaceAll(m.Body, "\n", " ")
		return strings.Contains(text, u.User) && (strings.Contains(text, "is in no secret") || wiped &&
			strings.Contains(text, "may be in no secret"))
	})
}

// more reports whether another epoch begins.
func (r *run) more() bool { return r.rotations < r.settings.rotations && !r.timeIsUp() }

func (r *run) timeIsUp() bool { return r.limit > 0 && time.Since(r.began) >= r.limit }

// progress prints a line at most every 5 seconds.
func (r *run) progress() {
	if time.Since(r.progressAt) < 5*time.Second {
		return
	}
	r.progressAt = time.Now()
	faults, kills := r.injector.count()
	r.mu.Lock()
	defer r.mu.Unlock()
	fmt.Fprintf(r.out, "%d of %d rotations started, %d unfinished, %d faults, %d kills, %d violations\n",
		r.rotations, r.settings.rotations, len(r.active), faults, kills, r.violations)
}
