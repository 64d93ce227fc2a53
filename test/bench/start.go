package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/keyturn/keyturn/test/fnhost"
	"github.com/keyturn/keyturn/test/tenancy"
)

const targetStart = 2 // times the function that does nothing

// measureStarts starts the function and one that does nothing alternately, so that both have the same machine.
func measureStarts(ctx context.Context, b *bench) (err error) {
	r, err := newRig(ctx, b.settings, b.rotate, 1)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.End()) }()
	idle, err := fnhost.Start(ctx,
		fnhost.Options{Binary: b.nothing, Env: append(r.Env(r.Function), "ons_topic="+r.Topic), MaxContainers: 1})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, idle.Close()) }()
	b.progress("%d starts", b.starts)
	var ready, answered, idleReady, idleAnswered []float64
	for range b.starts {
		m, err := r.rotate(r.Add(tenancy.Want{Kind: tenancy.AuthToken}), true) // this kind needs no RSA key
		if err != nil {
			return err
		}
		idle.Kill()
		began := time.Now()
		reply, err := idle.Invoke(ctx, []byte("{}"))
		took := time.Since(began)
		if err != nil || reply.Status != http.StatusOK {
			return fmt.Errorf("the function that does nothing answered %d: %w", reply.Status, err)
		}
		ready, answered = append(ready, milliseconds(m.ready)), append(answered, milliseconds(m.total))
		idleReady = append(idleReady, milliseconds(idle.TimeToReady()))
		idleAnswered = append(idleAnswered, milliseconds(took))
	}
	b.add("process start to ready socket", "ms", ready...).over(quantile(idleReady, 0.5)).ratioAtMost(targetStart)
	b.add("process start to first answer", "ms", answered...).over(quantile(idleAnswered, 0.5)).
		note("a rotation of an auth token")
	return nil
}
