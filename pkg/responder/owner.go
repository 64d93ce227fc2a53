package responder

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/keyturn/keyturn/pkg/background"
	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/fault"
	"github.com/keyturn/keyturn/pkg/rotation"
)

// owner is the lookup of a credential's owner, which runs in parallel with what needs it.
type owner struct {
	owner  string // rotation.OwnerOf the reference
	begun  time.Time
	answer *background.Task[credential.Owner]
}

// lookUp begins to look up a credential's owner.
func lookUp(ctx context.Context, d Directory, clock rotation.Clock, ref credential.Ref) *owner {
	return &owner{rotation.OwnerOf(ref), clock.Now(), background.Start(func() (o credential.Owner, err error) {
		t, err := d.Tenancy(ctx)
		if err != nil {
			return o, fmt.Errorf("looking up the tenancy: %w", err)
		}
		o = credential.Owner{Tenancy: t.ID, TenancyName: t.Name, User: ref.User, Region: t.Home}
		elsewhere := ref.Kind.Record().Endpoint != credential.AtIAM
		var group background.Group
		group.Go(func() (err error) {
			if o.UserName, err = d.UserName(ctx, ref.User); err != nil {
				return fmt.Errorf("looking up the user: %w", err)
			}
			return nil
		})
		group.Go(func() (err error) {
			if !elsewhere {
				return nil
			}
			if o.Namespace, err = d.Namespace(ctx); err != nil {
				return fmt.Errorf("looking up the Object Storage namespace: %w", err)
			}
			return nil
		})
		if err := group.First(); err != nil || !elsewhere {
			return o, err
		}
		if o.Hosts, err = d.Hosts(o.Region, o.Namespace); err != nil {
			return o, fmt.Errorf("finding the hosts at which the credential is used: %w", err)
		}
		return o, nil
	})}
}

// of is the lookup that was begun in advance, if it is about the same user and young; else another one. One that fails
// is tried once more.
func (w *owner) of(ctx context.Context, d Directory, clock rotation.Clock, ref credential.Ref) *owner {
	if w == nil || w.owner != rotation.OwnerOf(ref) || clock.Now().Sub(w.begun) > rotation.PrefetchLife {
		return lookUp(ctx, d, clock, ref)
	}
	again := *w
	again.answer = background.Start(func() (credential.Owner, error) {
		if o, err := w.answer.Wait(ctx); err == nil {
			return o, nil
		}
		return lookUp(ctx, d, clock, ref).answer.Wait(ctx)
	})
	return &again
}

// wait returns the owner. An error that is no fault.Error becomes one that may pass: the time ran out, or it is a fault
// of ours, and neither is a reason to refuse the order.
func (w *owner) wait(ctx context.Context) (credential.Owner, error) {
	o, err := w.answer.Wait(ctx)
	if _, known := errors.AsType[*fault.Error](err); err == nil || known {
		return o, err
	}
	return o, &fault.Error{Class: fault.Unclear, Operation: "looking up the owner", Message: err.Error(), Err: err}
}
