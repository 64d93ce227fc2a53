// Package background starts all goroutines of the project. A panic in a goroutine would end the process, and Go would
// print its value, which may be a secret. Package background turns a panic into an error that has only the value's
// type.
//
// Use Run to protect one step of many, Go for work without a result, Start for one result, and Group for several steps
// in parallel. A function that waits takes a context, or waits for work that has one.
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

// Panic is the error for a panic. It has the type of the value, but not the value.
type Panic struct {
	Type  string // type of the value, such as runtime.boundsError
	At    string // function and line of the panic
	Stack string // functions and lines without arguments, one per line, for the log
}

// Error implements error.
func (p *Panic) Error() string {
	return "an internal fault (panic with a value of type " + p.Type + " in " + p.At + ")"
}

// RuntimeError makes it a runtime.Error, whose text may be shown where it is recovered again.
func (p *Panic) RuntimeError() {}

// errExited is the error of a function that ended its goroutine.
var errExited = errors.New("an internal fault (the function ended its goroutine)")

// Run calls f and returns its error. If f panics, the error is a *Panic.
func Run(f func() error) (err error) {
	err = errExited
	defer func() {
		switch value := recover().(type) {
		case nil:
		case *Panic: // from Group.Join
			err = value
		default:
			at, all := stack()
			err = &Panic{Type: fmt.Sprintf("%T", value), At: at, Stack: all}
		}
	}()
	return f()
}

// Go runs f in parallel without waiting for it. A panic is logged; what names f in the log.
func Go(ctx context.Context, what string, f func()) {
	go func() {
		err := Run(func() error { f(); return nil })
		if p, ok := errors.AsType[*Panic](err); ok {
			zerolog.Ctx(ctx).Error().Str("what", what).Str("stack", p.Stack).Err(p).Msg("work in the background failed")
		}
	}()
}

// Task is the future result of a function.
type Task[T any] struct {
	done  chan struct{}
	value T
	err   error
}

// Start runs f in parallel.
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

// Wait waits for the result and returns it, or the context's cause if that ends first. It may be called any number of
// times, also concurrently.
func (t *Task[T]) Wait(ctx context.Context) (T, error) {
	select {
	case <-t.done: // even if the context has ended
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

// Group runs functions in parallel. The zero value is ready to use. If Limit isn't 0, at most that many run at a time.
type Group struct {
	Limit int

	once sync.Once
	turn chan struct{}
	wait sync.WaitGroup
	mu   sync.Mutex
	errs []error
}

// Go runs f in parallel. With a Limit it waits, without a context, until f may run: each function must end with its
// context.
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
	g.wait.Go(func() {
		defer func() {
			if g.turn != nil {
				<-g.turn
			}
		}()
		err := Run(f)
		g.mu.Lock()
		defer g.mu.Unlock()
		g.errs[n] = err
	})
}

// Wait waits for all functions and returns their errors, nil or not, in the order of the calls of Go.
func (g *Group) Wait() []error {
	g.wait.Wait()
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.errs
}

// Do is Go for a function without an error. Call Join after it.
func (g *Group) Do(f func()) { g.Go(func() error { f(); return nil }) }

// Join waits for all functions. If one of them panicked, Join panics with its *Panic.
func (g *Group) Join() {
	for _, err := range g.Wait() {
		if p, ok := errors.AsType[*Panic](err); ok {
			panic(p)
		}
	}
}

// First waits for all functions and returns the first error in the order of the calls of Go.
func (g *Group) First() error {
	for _, err := range g.Wait() {
		if err != nil {
			return err
		}
	}
	return nil
}

// stack lists the functions and lines that led to a panic, without the arguments that debug.Stack would print. at is
// the place of the panic.
func stack() (at, all string) {
	const most = 64
	pc := make([]uintptr, most)
	frames := runtime.CallersFrames(pc[:runtime.Callers(3, pc)])
	var b strings.Builder
	for {
		f, more := frames.Next()
		line := fmt.Sprintf("%s, %s:%d", f.Function, filepath.Base(f.File), f.Line)
		b.WriteString(line + "\n")
		if at == "" && !strings.HasPrefix(f.Function, "runtime.") { // the runtime's frames come first
			at = line
		}
		if !more {
			return at, b.String()
		}
	}
}
