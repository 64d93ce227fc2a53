// Package background is the only place that starts goroutines. A panic in a goroutine ends the whole process, and Go
// prints its value, which may be whatever the code was working on. Here a panic becomes an error that names its type.
//
// Use Run to protect one step of many, Go for work that nobody waits for, Start for one result, and Group for several
// steps in parallel. Everything that waits takes a context, or waits for work that has one.
package background

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"strings"
	"sync"

	"github.com/rs/zerolog"
)

// Panic is the error that a panic becomes. It never shows the value, only its type.
type Panic struct {
	Type  string // of the value, such as runtime.boundsError
	At    string // the function and the line that panicked
	Stack string // functions and lines without arguments, one a line; for the log
}

// Error implements error.
func (p *Panic) Error() string {
	return "an internal fault (panic with a value of type " + p.Type + " in " + p.At + ")"
}

// RuntimeError makes it a runtime.Error: one whose text may be shown where it is caught as a panic once more.
func (p *Panic) RuntimeError() {}

// errExited is the error of a function that ended its goroutine.
var errExited = errors.New("an internal fault (the function ended its goroutine)")

// Run calls f and returns its error. A panic of f is a *Panic.
func Run(f func() error) (err error) {
	err = errExited
	defer func() {
		switch value := recover().(type) {
		case nil:
		case *Panic: // of a Group, raised again by Join
			err = value
		default:
			at, all := stack()
			err = &Panic{Type: fmt.Sprintf("%T", value), At: at, Stack: all}
		}
	}()
	return f()
}

// Go runs f in parallel without waiting for it. What f is names it in the log, where a panic is reported.
func Go(ctx context.Context, what string, f func()) {
	go func() {
		err := Run(func() error { f(); return nil })
		if p, ok := errors.AsType[*Panic](err); ok {
			zerolog.Ctx(ctx).Error().Str("what", what).Str("stack", p.Stack).Err(p).Msg("work in the background failed")
		}
	}()
}

// Task is a result that is being made.
type Task[T any] struct {
	done  chan struct{}
	value T
	err   error
}

// Start begins to make a result in parallel.
func Start[T any](f func() (T, error)) *Task[T] {
	t := &Task[T]{done: make(chan struct{}), err: errExited}
	go func() {
		defer close(t.done)
		t.err = Run(func() (err error) {
			t.value, err = f()
			return err
		})
	}()
	return t
}

// Wait returns the result when it is there, or the context's error if that ends first. Any number of callers may wait,
// any number of times.
func (t *Task[T]) Wait(ctx context.Context) (T, error) {
	select {
	case <-t.done: // also where the context has ended meanwhile
		return t.value, t.err
	default:
	}
	select {
	case <-t.done:
		return t.value, t.err
	case <-ctx.Done():
		var none T
		return none, context.Cause(ctx)
	}
}

// Group runs functions in parallel. The zero value is ready for use. Limit, if it isn't 0, is how many run at a time.
type Group struct {
	Limit int

	once sync.Once
	turn chan struct{}
	wait sync.WaitGroup
	mu   sync.Mutex
	errs []error
}

// Go runs f in parallel. With a Limit it waits for a free turn: the functions must end with their own contexts.
func (g *Group) Go(f func() error) {
	g.once.Do(func() {
		if g.Limit > 0 {
			g.turn = make(chan struct{}, g.Limit)
		}
	})
	if g.turn != nil {
		g.turn <- struct{}{}
	}
	g.mu.Lock()
	n := len(g.errs)
	g.errs = append(g.errs, errExited)
	g.mu.Unlock()
	g.wait.Add(1)
	go func() {
		defer g.wait.Done()
		defer func() {
			if g.turn != nil {
				<-g.turn
			}
		}()
		err := Run(f)
		g.mu.Lock()
		defer g.mu.Unlock()
		g.errs[n] = err
	}()
}

// Wait waits for all functions and returns their errors, in the order of Go; nil where one had none.
func (g *Group) Wait() []error {
	g.wait.Wait()
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.errs
}

// Do is Go for a function without an error. Use Join after it.
func (g *Group) Do(f func()) { g.Go(func() error { f(); return nil }) }

// Join waits for all functions. If one of them panicked, it panics in the caller's goroutine, with a *Panic.
func (g *Group) Join() {
	for _, err := range g.Wait() {
		if p, ok := errors.AsType[*Panic](err); ok {
			panic(p)
		}
	}
}

// First waits for all functions and returns the first error in the order of Go.
func (g *Group) First() error {
	for _, err := range g.Wait() {
		if err != nil {
			return err
		}
	}
	return nil
}

// stack names the functions and lines that led to a panic, and the one where it was. debug.Stack would print their
// arguments, too.
func stack() (at, all string) {
	const most = 64
	pc := make([]uintptr, most)
	frames := runtime.CallersFrames(pc[:runtime.Callers(3, pc)])
	var b strings.Builder
	for {
		f, more := frames.Next()
		line := fmt.Sprintf("%s, %s:%d", f.Function, filepath.Base(f.File), f.Line)
		b.WriteString(line + "\n")
		if at == "" && !strings.HasPrefix(f.Function, "runtime.") { // the runtime's own come first
			at = line
		}
		if !more {
			return at, b.String()
		}
	}
}
