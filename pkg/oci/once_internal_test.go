package oci

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestACallerWaitsForAKeptAnswerNoLongerThanItsContext(t *testing.T) {
	for _, patience := range []time.Duration{time.Millisecond, 50 * time.Millisecond, time.Second, 9 * time.Second} {
		t.Run(fmt.Sprint(patience), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var o onceOK[string]
				var wait sync.WaitGroup
				wait.Go(func() {
					v, err := o.get(t.Context(), func(context.Context) (string, error) {
						time.Sleep(10 * time.Second)
						return "late", nil
					})
					if v != "late" || err != nil {
						t.Errorf("the one who asks gets %q, %v", v, err)
					}
				})
				synctest.Wait()
				ctx, cancel := context.WithTimeout(t.Context(), patience)
				defer cancel()
				began := time.Now()
				_, err := o.get(ctx, func(context.Context) (string, error) {
					t.Error("asked twice at a time")
					return "", nil
				})
				if took := time.Since(began); took != patience || !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("waited %s (%v)", took, err)
				}
				wait.Wait()
				for range 100 { // each may notice that the context has ended
					if v, err := o.get(ctx, nil); v != "late" || err != nil {
						t.Fatalf("the answer that is there is %q, %v", v, err)
					}
				}
			})
		})
	}
}

func TestAFailedAnswerIsAskedForAgainAndAPanicBlocksNoCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var o onceOK[int]
		var wait sync.WaitGroup
		asked := 0
		for range 5 {
			wait.Go(func() {
				defer func() { _ = recover() }()
				_, _ = o.get(t.Context(), func(context.Context) (int, error) {
					asked++
					time.Sleep(time.Second)
					switch asked {
					case 1:
						return 0, errors.New("throttled")
					case 2:
						panic("anything")
					}
					return asked, nil
				})
			})
		}
		wait.Wait()
		if v, err := o.get(t.Context(), nil); v != 3 || err != nil || asked != 3 {
			t.Errorf("kept %d (%v) after %d questions", v, err, asked)
		}
	})
}
