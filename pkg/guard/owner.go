package guard

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/keyturn/keyturn/pkg/background"
	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/fault"
)

// Directory knows the tenancy and its users.
type Directory interface {
	Tenancy(ctx context.Context) (credential.Tenancy, error)
	// UserName returns the name of a user.
	UserName(ctx context.Context, id string) (string, error)
	// Namespace returns the tenancy's Object Storage namespace.
	Namespace(ctx context.Context) (string, error)
	// Hosts returns where a credential is used in a region. A host that can't be known is an error of the class
	// Invalid.
	Hosts(region, namespace string) (credential.Hosts, error)
}

// Lookup is a lookup of a credential's owner. It runs in the background.
type Lookup struct {
	ref    credential.Ref
	begun  time.Time
	known  *credential.Owner // if it is nil, answer has the owner
	answer *background.Task[credential.Owner]
}

// Known returns a lookup that has found the owner already.
func Known(o credential.Owner) *Lookup { return &Lookup{known: &o} }

// LookUp begins to look up the owner of a credential.
func LookUp(ctx context.Context, d Directory, now time.Time, ref credential.Ref) *Lookup {
	return &Lookup{ref: ref, begun: now,
		answer: background.Start(func() (credential.Owner, error) { return lookUp(ctx, d, ref) })}
}

func lookUp(ctx context.Context, d Directory, ref credential.Ref) (o credential.Owner, err error) {
	t, err := d.Tenancy(ctx)
	if err != nil {
		return o, fmt.Errorf("looking up the tenancy: %w", err)
	}
	o = credential.Owner{Tenancy: t.ID, TenancyName: t.Name, User: ref.User, Region: t.Home}
	elsewhere := ref.Kind.Record().Endpoint != credential.AtIAM
	var group background.Group
	group.Go(func() (err error) {
		o.UserName, err = d.UserName(ctx, ref.User)
		if err != nil {
			return fmt.Errorf("looking up the user: %w", err)
		}
		return nil
	})
	group.Go(func() (err error) {
		if !elsewhere {
			return nil
		}
		o.Namespace, err = d.Namespace(ctx)
		if err != nil {
			return fmt.Errorf("looking up the Object Storage namespace: %w", err)
		}
		return nil
	})
	if err := group.First(); err != nil || !elsewhere {
		return o, err
	}
	o.Hosts, err = d.Hosts(o.Region, o.Namespace)
	if err != nil {
		return o, fmt.Errorf("finding the hosts at which the credential is used: %w", err)
	}
	return o, nil
}

// Reuse returns l if it is about the same owner and not older than life, and otherwise begins another lookup. A lookup
// that failed is repeated once. A nil Lookup has found nothing.
func (l *Lookup) Reuse(ctx context.Context, d Directory, now time.Time, life time.Duration,
	ref credential.Ref) *Lookup {
	if l == nil || l.ref.Kind != ref.Kind || !strings.EqualFold(l.ref.User, ref.User) || now.Sub(l.begun) > life {
		return LookUp(ctx, d, now, ref)
	}
	again := *l
	again.answer = background.Start(func() (credential.Owner, error) {
		if o, err := l.answer.Wait(ctx); err == nil {
			return o, nil
		}
		return lookUp(ctx, d, ref)
	})
	return &again
}

// wait returns the owner. An error that is not a *fault.Error becomes one of the class Unclear: the time ran out, or
// the lookup panicked, and neither is a reason to refuse.
func (l *Lookup) wait(ctx context.Context) (credential.Owner, error) {
	if l.known != nil {
		return *l.known, nil
	}
	o, err := l.answer.Wait(ctx)
	if _, known := errors.AsType[*fault.Error](err); err == nil || known {
		return o, err
	}
	return o, &fault.Error{Class: fault.Unclear, Operation: "looking up the owner", Message: err.Error(), Err: err}
}
