package outcome_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"github.com/keyturn/keyturn/pkg/outcome"
)

type meter func(context.Context, []outcome.Point) error

func (m meter) Post(ctx context.Context, p []outcome.Point) error { return m(ctx, p) }

var one = []outcome.Point{{Name: outcome.MetricSweeps, Dimensions: map[string]string{"result": "finished"}, Value: 1}}

// logged returns a context whose logger writes into the buffer.
func logged(ctx context.Context) (context.Context, *bytes.Buffer) {
	var b bytes.Buffer
	return zerolog.New(&b).WithContext(ctx), &b
}

func TestWithoutAMeterOrAPointNothingIsWaitedFor(t *testing.T) {
	ctx, log := logged(t.Context())
	outcome.SendMetrics(ctx, nil, one)()
	outcome.SendMetrics(ctx, meter(func(context.Context, []outcome.Point) error { t.Error("called"); return nil }),
		nil)()
	if log.Len() > 0 {
		t.Errorf("the log says %s", log)
	}
}

func TestMetricsThatCannotBeSentAreLogged(t *testing.T) {
	ctx, log := logged(t.Context())
	outcome.SendMetrics(ctx, meter(func(context.Context, []outcome.Point) error { return errors.New("denied") }), one)()
	if !strings.Contains(log.String(), "denied") || strings.Count(log.String(), "\n") != 1 {
		t.Errorf("the log says %q", log)
	}
}

func TestAPanicWhileMetricsAreSentIsLoggedWithoutItsValue(t *testing.T) {
	ctx, log := logged(t.Context())
	outcome.SendMetrics(ctx, meter(func(context.Context, []outcome.Point) error { panic("anything") }), one)()
	if !strings.Contains(log.String(), "metrics were not sent") || strings.Contains(log.String(), "anything") {
		t.Errorf("the log says %q", log)
	}
}

func TestMetricsAreWaitedForNoLongerThanMetricsTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, log := logged(t.Context())
		gaveUp := make(chan struct{})
		wait := outcome.SendMetrics(ctx, meter(func(ctx context.Context, _ []outcome.Point) error {
			<-ctx.Done()
			close(gaveUp)
			return ctx.Err()
		}), one)
		time.Sleep(time.Minute) // the time for the mail; MetricsTimeout begins after it
		began := time.Now()
		wait()
		if waited := time.Since(began); waited != outcome.MetricsTimeout {
			t.Errorf("waited %s, want %s", waited, outcome.MetricsTimeout)
		}
		<-gaveUp
		if !strings.Contains(log.String(), "metrics were not sent") {
			t.Errorf("the log says %q", log)
		}
	})
}

func TestMetricsAreNotWaitedForBeyondTheInvocationsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, _ := logged(t.Context())
		ctx, cancel := context.WithTimeout(ctx, outcome.MetricsTimeout/4)
		defer cancel()
		began := time.Now()
		outcome.SendMetrics(ctx, meter(func(ctx context.Context, _ []outcome.Point) error {
			<-ctx.Done()
			return ctx.Err()
		}),
			one)()
		if waited := time.Since(began); waited != outcome.MetricsTimeout/4 {
			t.Errorf("waited %s", waited)
		}
	})
}
