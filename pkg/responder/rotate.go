package responder

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/keyturn/keyturn/pkg/background"
	"github.com/keyturn/keyturn/pkg/config"
	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/fault"
	"github.com/keyturn/keyturn/pkg/guard"
	"github.com/keyturn/keyturn/pkg/rotation"
	"github.com/keyturn/keyturn/pkg/secret"
)

// rotate runs the rotation. The owner is looked up while the engine looks at the credentials and secrets.
func (c *response) rotate(ctx context.Context, targets []rotation.Target) {
	ref := credential.Ref{Kind: c.kind, User: c.request.User, ID: c.request.ID}
	job := rotation.Job{Ref: ref, Targets: targets, Replace: c.order.Replace || c.unfit != nil && c.mayReplace(), Grace: c.Config.Grace,
		DryRun: c.Config.DryRun || c.order.DryRun, Ordered: c.request.At, Problem: c.event.ProblemID, Doubt: c.doubt, Earlier: c.earlier(targets)}
	if c.order.Grace != nil {
		job.Grace, job.GraceGiven = *c.order.Grace, true
	}
	if c.kind.Origin() == credential.Reset {
		job.Ref.ID = credential.TimeID(c.request.At)
		job.ResetAfter = []time.Time{c.request.At}
		if !c.problem.LastDetected.IsZero() {
			job.ResetAfter = append(job.ResetAfter, c.problem.LastDetected)
		}
	}
	c.out.Rotation = string(job.Ref.RotationID())
	log := c.log.With().Str("rotation", c.out.Rotation).Str("problem", c.out.ProblemID).Logger()
	job.OnStep = func(s rotation.Step) {
		log.Info().Err(s.Err).Str("step", string(s.Action)).Str("because", s.Because).Dur("took_ms", s.Took).Strs("opc_request_ids", s.Requests).Msg("step")
	}
	owner := c.lookUp(log.WithContext(ctx)) // not waited for where the order is refused anyway
	job.Permit = func(_ context.Context, secrets []secret.Secret) (credential.Owner, error) {
		if c.unfit != nil {
			return credential.Owner{}, c.unfit
		}
		o, err := owner()
		if err != nil {
			return o, err
		}
		return o, authorize(c.Config, ref.Kind, o, targets, secrets)
	}
	r := c.Rotator.Run(log.WithContext(ctx), job)
	c.owner(r.Owner)
	c.report(r)
	c.explain(ctx, r, targets)
	if c.unfit != nil || authorize(c.Config, ref.Kind, r.Owner, targets, r.Secrets) != nil {
		return
	}
	for _, s := range r.Secrets {
		if free, err := guard.Bound(s, c.kind, r.Owner.User, true); err == nil && free {
			c.accepted(s)
		}
	}
}

// owner takes over who the owner is, for the mail.
func (c *response) owner(o credential.Owner) {
	c.home = o.Region
	c.out.UserName, c.out.TenancyName = o.UserName, o.TenancyName
	if o.Tenancy != "" {
		c.out.TenancyID = o.Tenancy
	}
}

// authorize says whether a credential of the owner may be written to the secrets, as the guard has it: nil, or why not.
func authorize(cfg config.Config, kind credential.Kind, o credential.Owner, targets []rotation.Target, secrets []secret.Secret) error {
	if err := guard.Spared(cfg.Protects, o.User, o.UserName); err != nil {
		return err
	}
	for _, s := range secrets {
		free, err := guard.Bound(s, kind, o.User, cfg.SecretBinding == config.BindingWarn)
		if err != nil {
			return err
		}
		own, other := rotation.OwnerOf(credential.Ref{Kind: kind, User: o.User}), rotation.JournalOf(s.Metadata).Owner
		if free && other != "" && other != own {
			return &guard.Refusal{Problem: fmt.Sprintf("secret %s (%s) is bound to nobody, and holds the credential of another: %s", s.Name, s.ID, other),
				Mend: "Close the problem again and name another secret in the comment."}
		}
		if i := slices.IndexFunc(targets, func(t rotation.Target) bool { return t.SecretID == s.ID }); i >= 0 {
			if err := guard.InRole(s, targets[i].Role); err != nil {
				return err
			}
		}
		if err := guard.Writable(s); err != nil {
			return err
		}
	}
	return nil
}

// lookUp begins to look up the owner, and returns the function that waits for the answer.
func (c *response) lookUp(ctx context.Context) func() (credential.Owner, error) {
	kind, user := c.kind, c.request.User
	answer := background.Start(func() (o credential.Owner, err error) {
		t, err := c.Directory.Tenancy(ctx)
		if err != nil {
			return o, fmt.Errorf("looking up the tenancy: %w", err)
		}
		o = credential.Owner{Tenancy: t.ID, TenancyName: t.Name, User: user, Region: t.Home}
		if o.UserName, err = c.Directory.UserName(ctx, user); err != nil {
			return o, fmt.Errorf("looking up the user: %w", err)
		}
		if kind.Record().Endpoint == credential.AtIAM {
			return o, nil
		}
		if o.Namespace, err = c.Directory.Namespace(ctx); err != nil {
			return o, fmt.Errorf("looking up the Object Storage namespace: %w", err)
		}
		if o.Hosts, err = c.Directory.Hosts(o.Region, o.Namespace); err != nil {
			return o, fmt.Errorf("finding the hosts at which the credential is used: %w", err)
		}
		return o, nil
	})
	return func() (credential.Owner, error) {
		o, err := answer.Wait(ctx)
		if _, known := errors.AsType[*fault.Error](err); err == nil || known {
			return o, err
		}
		// The time ran out, or a fault of ours: no reason to refuse the order.
		return o, &fault.Error{Class: fault.Unclear, Operation: "looking up the owner", Message: err.Error(), Err: err}
	}
}
