package fn_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	fdk "github.com/fnproject/fdk-go"
	"github.com/rs/zerolog"

	"github.com/keyturn/keyturn/pkg/fn"
)

// writes has the time of the last line.
type writes struct{ last time.Time }

func (w *writes) Write(b []byte) (int, error) {
	w.last = time.Now()
	return len(b), nil
}

func TestAFailedInvocationLeavesThePlatformTimeToReadItsLogBeforeTheProcessEnds(t *testing.T) {
	for name, f := range map[string]fn.Func{
		"an error": func(context.Context, []byte) (any, error) { return nil, errors.New("vault is down") },
		"a panic":  func(context.Context, []byte) (any, error) { panic("anything") },
	} {
		synctest.Test(t, func(t *testing.T) {
			var log writes
			defer func() {
				if p := recover(); p != http.ErrAbortHandler {
					t.Errorf("%s: panic %v", name, p)
				}
				if waited := time.Since(log.last); log.last.IsZero() || waited < 50*time.Millisecond ||
					waited > time.Second {
					t.Errorf("%s: the process may end %v after the last line", name, waited)
				}
			}()
			ctx := fdk.WithContext(t.Context(), call{id: "call-1"})
			fn.Handler(zerolog.New(&log), f).Serve(ctx, strings.NewReader(""), &strings.Builder{})
		})
	}
}
