package background_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"github.com/keyturn/keyturn/pkg/background"
)

const value = "hunter2"

// loud shows its content in every way that a value can.
type loud struct{}

func (loud) Error() string    { return value }
func (loud) String() string   { return value }
func (loud) GoString() string { return value }

// panics are functions that panic, by the type of the value.
var panics = map[string]func() error{
	"string":              func() error { panic(value) },
	"[]uint8":             func() error { panic([]byte(value)) },
	"*errors.errorString": func() error { panic(errors.New(value)) },
	"*fmt.wrapError":      func() error { panic(fmt.Errorf("with %w", errors.New(value))) },
	"background_test.loud": func() error {
		panic(loud{})
	},
	"map[string]string":   func() error { panic(map[string]string{value: value}) },
	"runtime.boundsError": func() error { s := []byte(value); n := len(s); _ = s[n]; return nil },
	"runtime.plainError":  func() error { none()[value] = 1; return nil },
	"*runtime.PanicNilError": func() error {
		panic(nil) //nolint:govet // code may do it by mistake
	},
	"*runtime.TypeAssertionError": func() error { var v any = value; return v.(error) },
}

// ways are all ways to run a function, by name; each returns the function's error.
var ways = map[string]func(func() error) error{
	"Run": background.Run,
	"Start": func(f func() error) error {
		_, err := background.Start(func() (int, error) { return 0, f() }).Wait(context.Background())
		return err
	},
	"Group": func(f func() error) error {
		var g background.Group
		g.Go(f)
		return g.First()
	},
	"a limited Group": func(f func() error) error {
		g := background.Group{Limit: 1}
		g.Go(f)
		return g.First()
	},
	"Join": func(f func() error) error {
		return background.Run(func() error {
			var g background.Group
			g.Do(func() { _ = f() })
			g.Join()
			return nil
		})
	},
}

func TestAPanicBecomesAnErrorThatNamesItsTypeAndNothingOfItsValue(t *testing.T) {
	for name, run := range ways {
		for kind, f := range panics {
			err := run(f)
			p, ok := errors.AsType[*background.Panic](err)
			if !ok || p.Type != kind {
				t.Errorf("%s: the error of a panic with a %s is %v", name, kind, err)
				continue
			}
			for _, verb := range []string{"%v", "%+v", "%#v", "%q"} {
				if text := fmt.Sprintf(verb, err); strings.Contains(text, value) {
					t.Errorf("%s, %s: %s shows the value", name, kind, verb)
				}
			}
			if !strings.Contains(p.Stack, "background_test.go:") || strings.Contains(p.Stack, "0x") ||
				!strings.Contains(p.At, "background_test.go:") {
				t.Errorf("%s, %s: it was at %q, and the stack is %q", name, kind, p.At, p.Stack)
			}
		}
	}
}

func TestAnErrorOfAFunctionIsHandedOnAsItIs(t *testing.T) {
	broken := errors.New("vault is down")
	for name, run := range ways {
		if err := run(func() error { return nil }); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if err := run(func() error { return broken }); name != "Join" && !errors.Is(err, broken) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAFunctionThatEndsItsGoroutineIsAnErrorAndBlocksNoWaiter(t *testing.T) {
	leave := func() error { runtime.Goexit(); return nil }
	for _, name := range []string{"Start", "Group", "a limited Group"} {
		if err := ways[name](leave); err == nil {
			t.Errorf("%s: counted as a success", name)
		}
	}
}

func TestAPanicInTheBackgroundIsALineInTheLogWithoutItsValue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		ctx := zerolog.New(&log).WithContext(t.Context())
		background.Go(ctx, "opening connections", func() { panic(value) })
		synctest.Wait()
		if text := log.String(); !strings.Contains(text, "opening connections") ||
			!strings.Contains(text, "type string") || strings.Contains(text, value) {
			t.Errorf("the log is %s", text)
		}
	})
}

func TestACallerWaitsForATaskNoLongerThanItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		task := background.Start(func() (int, error) { time.Sleep(time.Minute); return 7, nil })
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if n, err := task.Wait(ctx); n != 0 || !errors.Is(err, context.DeadlineExceeded) ||
			time.Since(began) != time.Second {
			t.Errorf("got %d, %v after %s", n, err, time.Since(began))
		}
		if n, err := task.Wait(t.Context()); n != 7 || err != nil {
			t.Errorf("the one who may wait gets %d, %v", n, err)
		}
		if n, err := task.Wait(ctx); n != 7 || err != nil { // the result is available
			t.Errorf("a late caller gets %d, %v", n, err)
		}
	})
}

func TestAGroupRunsNoMoreThanItsLimitAndContinuesAfterAPanic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := background.Group{Limit: 3}
		var now, most, ran atomic.Int32
		for i := range 20 {
			g.Go(func() error {
				most.Store(max(most.Load(), now.Add(1)))
				defer now.Add(-1)
				ran.Add(1)
				time.Sleep(time.Second)
				if i%4 == 1 {
					panic(value)
				}
				return nil
			})
		}
		errs := g.Wait()
		if ran.Load() != 20 || most.Load() > 3 {
			t.Errorf("%d ran, %d at a time", ran.Load(), most.Load())
		}
		for i, err := range errs {
			if (err != nil) != (i%4 == 1) {
				t.Errorf("the error of number %d is %v", i, err)
			}
		}
	})
}

// none returns a nil map, to which nothing can be assigned.
func none() map[string]int { return nil }
