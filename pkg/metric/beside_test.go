package metric_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"github.com/keyturn/keyturn/pkg/metric"
)

type meter func(context.Context, []metric.Point) error

func (m meter) Post(ctx context.Context, p []metric.Point) error { return m(ctx, p) }

var one = []metric.Point{{Name: metric.Sweeps, Dimensions: map[string]string{"result": "finished"}, Value: 1}}

// logged gives a context whose logger writes into the buffer.
func logged(ctx context.Context) (context.Context, *bytes.Buffer) {
	var b bytes.Buffer
	return zerolog.New(&b).WithContext(ctx), &b
}

func TestWithoutAMeterOrAPointNothingIsWaitedFor(t *testing.T) {
	ctx, log := logged(t.Context())
	metric.Beside(ctx, nil, one)()
	metric.Beside(ctx, meter(func(context.Context, []metric.Point) error { t.Error("called"); return nil }), nil)()
	if log.Len() > 0 {
		t.Errorf("the log says %s", log)
	}
}

func TestFiguresThatCanNotBeSentAreALineInTheLog(t *testing.T) {
	ctx, log := logged(t.Context())
	metric.Beside(ctx, meter(func(context.Context, []metric.Point) error { return errors.New("denied") }), one)()
	if !strings.Contains(log.String(), "denied") || strings.Count(log.String(), "\n") != 1 {
		t.Errorf("the log says %q", log)
	}
}

func TestAPanicOverFiguresIsALineInTheLogWithoutItsValue(t *testing.T) {
	ctx, log := logged(t.Context())
	metric.Beside(ctx, meter(func(context.Context, []metric.Point) error { panic("anything") }), one)()
	if !strings.Contains(log.String(), "metrics were not sent") || strings.Contains(log.String(), "anything") {
		t.Errorf("the log says %q", log)
	}
}

func TestFiguresAreWaitedForNoLongerThanPatienceAndGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, log := logged(t.Context())
		gaveUp := make(chan struct{})
		wait := metric.Beside(ctx, meter(func(ctx context.Context, _ []metric.Point) error {
			<-ctx.Done()
			close(gaveUp)
			return ctx.Err()
		}), one)
		time.Sleep(time.Minute) // the mail takes its time; patience begins after it
		began := time.Now()
		wait()
		if waited := time.Since(began); waited != metric.Patience {
			t.Errorf("waited %s, want %s", waited, metric.Patience)
		}
		<-gaveUp
		if !strings.Contains(log.String(), "metrics were not sent") {
			t.Errorf("the log says %q", log)
		}
	})
}

func TestFiguresAreNotWaitedForBeyondTheInvocationsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, _ := logged(t.Context())
		ctx, cancel := context.WithTimeout(ctx, metric.Patience/4)
		defer cancel()
		began := time.Now()
		metric.Beside(ctx, meter(func(ctx context.Context, _ []metric.Point) error { <-ctx.Done(); return ctx.Err() }),
			one)()
		if waited := time.Since(began); waited != metric.Patience/4 {
			t.Errorf("waited %s", waited)
		}
	})
}
