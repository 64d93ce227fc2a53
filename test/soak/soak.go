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
	"sync/atomic"
	"time"

	"github.com/keyturn/keyturn/test/fnhost"
	"github.com/keyturn/keyturn/test/ociemu"
	"github.com/keyturn/keyturn/test/tenancy"
)

// The services' clock stands behind while there is trouble, and ahead in peace. Between the two more time has passed
// than an invocation can live, and both are within the 5 minutes by which the date of a signature may be off. What was
// closed in trouble is young for the functions, whose clock is the machine's: younger than what a sweep leaves to
// events. Between the beginning of the peace and its sweeps the services' clock goes on by more than a grace.
const (
	behind   = -200 * time.Second
	peaceful = 200 * time.Second
	ahead    = 270 * time.Second
	// further is how much the services' clock goes ahead of the clients' in peace: with the rest, more than the ten
	// minutes after which the engine believes that what no list shows is not there.
	further = 4 * time.Minute
)

// shortLife is how long an invocation may take while there is trouble, longLife in peace: as long as OCI Functions
// allows, since a sweep that looks at everybody has to come to its end there.
const (
	shortLife = 30 * time.Second
	longLife  = 300 * time.Second
)

// tally is what the last line says.
type tally struct{ rotations, faults, kills, edits, violations int }

func (t tally) String() string {
	return fmt.Sprintf("rotations: %d, faults: %d, kills: %d, edits: %d, violations: %d", t.rotations, t.faults,
		t.kills, t.edits, t.violations)
}

// run is one soak.
type run struct {
	settings
	*tenancy.Deployment
	out     io.Writer
	offset  atomic.Int64
	random  *rand.Rand
	trouble *trouble
	people  []*person

	mu         sync.Mutex
	active     []*person          // those whose rotation is under way
	byProblem  map[string]*person // likewise
	violations int
	rotations  int
	edited     int
	epochs     int

	closing sync.Mutex
	began   time.Time
	said    time.Time
}

// soak does it all.
func soak(ctx context.Context, s settings, rotate, sweep string, out io.Writer) (sum tally, err error) {
	r := &run{settings: s, out: out, random: rand.New(rand.NewPCG(s.seed, 1)), byProblem: map[string]*person{},
		began: time.Now(), said: time.Now()}
	r.offset.Store(int64(behind))
	o := ociemu.Calm()
	o.Seed, o.TokenLife = s.seed, 240*time.Hour
	o.Now = r.now
	r.Deployment, err = tenancy.New(ctx, tenancy.Options{Emulator: o, Binary: rotate, Sweeper: sweep, Parallel: s.side,
		Timeout: shortLife,
		Config:  []string{"log_level=error"}})
	if err != nil {
		return tally{}, err
	}
	defer func() {
		if other := r.End(); err == nil {
			err = other
		}
	}()
	for i := range s.users {
		r.people = append(r.people, &person{Case: r.Add(forms[i%len(forms)]), seconds: map[int64]bool{}})
	}
	r.HandleFunction(r.Function.FunctionID, r.receive)
	r.OnChange(r.watch)
	r.trouble = newTrouble(r.Deployment, s.seed, s.faults)
	for _, p := range r.people {
		r.trouble.own(p.UserName, append(slices.Collect(maps.Values(p.Secrets)), p.User, p.Problem)...)
	}
	for r.more() && !r.allViolated() {
		if err := r.epoch(ctx); err != nil {
			return tally{}, err
		}
	}
	sum = tally{rotations: r.rotations, edits: r.edited, violations: r.count()}
	sum.faults, sum.kills = r.trouble.count()
	return sum, nil
}

// receive keeps the event of a rotation; the soak itself says how often and when it is delivered.
func (r *run) receive(_ context.Context, event []byte) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for id, p := range r.byProblem {
		if bytes.Contains(event, []byte(id)) {
			p.event = event
		}
	}
	return nil
}

// watch looks at everybody whose rotation is under way, after each change. It runs under the emulator's lock.
func (r *run) watch(v ociemu.View) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, p := range r.people {
		wrong := ""
		if slices.Contains(r.active, p) {
			wrong = p.look(v, r.now())
		} else {
			wrong = p.lookAfter(v)
		}
		if wrong != "" {
			r.violate(p, wrong)
		}
	}
}

// violate notes a violation, once a person, and prints what happened. The caller holds r.mu.
func (r *run) violate(p *person, wrong string) {
	if p.violated {
		return
	}
	p.violated = true
	r.violations++
	fmt.Fprintf(r.out, "VIOLATION %s, rotation %d: %s\n", p.UserName, p.turns, wrong)
	for _, a := range p.said() {
		fmt.Fprintf(r.out, "  answered %s\n", a)
	}
	for _, c := range r.Calls() { // the log of calls has a lock of its own
		if p.mine(c) {
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
	return !slices.ContainsFunc(r.people, func(p *person) bool { return !p.violated && !p.left })
}

// epoch is a time of trouble, and the peace after it, in which everything that was begun is finished.
func (r *run) epoch(ctx context.Context) error {
	r.epochs++
	r.offset.Store(int64(behind))
	r.CatchUp()
	r.ResetCalls()
	turns := r.draw()
	r.SetCreatedOffset(-tenancy.Age) // no process is at work at this moment
	for _, t := range turns {
		if t.person.Kind == tenancy.Password {
			r.SetPassword(t.person.User)
		}
	}
	r.SetCreatedOffset(0)
	if r.epochs%2 == 1 {
		r.SetListLag(r.lag)
	}
	r.trouble.set(true)
	err := r.play(ctx, turns)
	r.trouble.set(false)
	r.SetListLag(0)
	if err != nil {
		return err
	}
	r.offset.Store(int64(peaceful))
	r.Forward(further)
	defer r.Forward(-further)
	r.SetTimeout(longLife)
	defer r.SetTimeout(shortLife)
	return r.peace(ctx)
}

func (r *run) now() time.Time { return time.Now().Add(time.Duration(r.offset.Load())) }

// peace finishes what was begun: events come again, people close again what is open again, and the sweep runs. Then
// everybody has exactly the new credential.
func (r *run) peace(ctx context.Context) error {
	r.mu.Lock()
	waiting := append([]*person(nil), r.active...)
	r.mu.Unlock()
	for _, p := range waiting {
		for range 2 {
			if r.Problem(p.Problem).Status != "RESOLVED" {
				r.CloseProblem(p.Problem, p.comment(), r.Operator.Name)
				r.Deliver()
			}
			r.deliver(ctx, p)
		}
	}
	r.offset.Store(int64(ahead))
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
		fmt.Fprintf(r.out, "VIOLATION the sweep fails in peace: %d %s\n", last.Status, last.Body)
		r.mu.Unlock()
	}
	for _, p := range r.people {
		if slices.Contains(waiting, p) {
			continue
		}
		if wrong := p.lookInPeace(); wrong != "" {
			r.mu.Lock()
			r.violate(p, "in the end: "+wrong)
			r.mu.Unlock()
		}
	}
	for _, p := range waiting {
		if p.left = p.alone(); p.left {
			p.begin() // the next judge: what follows is not about a rotation
			if err := r.done(ctx, p); err != nil {
				return err
			}
			continue
		}
		if wrong := p.judge(r.told(p)); wrong != "" {
			r.mu.Lock()
			r.violate(p, "in the end: "+wrong)
			r.mu.Unlock()
			if p.Kind != tenancy.Password {
				continue
			}
		}
		if err := r.done(ctx, p); err != nil {
			return err
		}
	}
	return nil
}

// told says whether a mail since the beginning of the rotation says that its one-time password is in no secret.
func (r *run) told(p *person) bool {
	if p.Kind != tenancy.Password {
		return false
	}
	p.mu.Lock()
	wiped := p.wiped
	p.mu.Unlock()
	return slices.ContainsFunc(r.Mails()[p.mails:], func(m ociemu.Mail) bool {
		text := strings.ReplaceAll(m.Body, "\n", " ")
		return strings.Contains(text, p.User) && (strings.Contains(text, "is in no secret") || wiped &&
			strings.Contains(text, "may be in no secret"))
	})
}

// more says whether another epoch is to begin.
func (r *run) more() bool { return r.rotations < r.settings.rotations && !r.timeIsUp() }

func (r *run) timeIsUp() bool { return r.limit > 0 && time.Since(r.began) >= r.limit }

// progress prints a line every few seconds.
func (r *run) progress() {
	if time.Since(r.said) < 5*time.Second {
		return
	}
	r.said = time.Now()
	faults, kills := r.trouble.count()
	r.mu.Lock()
	defer r.mu.Unlock()
	fmt.Fprintf(r.out, "%d of %d rotations begun, %d unfinished, %d faults, %d kills, %d violations\n",
		r.rotations, r.settings.rotations, len(r.active), faults, kills, r.violations)
}
