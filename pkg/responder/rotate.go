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
	unbound := map[string]bool{}
	job.Permit = func(_ context.Context, secrets []secret.Secret) (credential.Owner, error) {
		if c.unfit != nil {
			return credential.Owner{}, c.unfit
		}
		w, err := owner()
		c.home = w.Region
		c.remember(secrets)
		c.out.UserName, c.out.TenancyName = w.UserName, w.tenancyName
		if w.Tenancy != "" {
			c.out.TenancyID = w.Tenancy
		}
		if err != nil {
			return w.Owner, err
		}
		return w.Owner, c.permit(w.Owner, targets, secrets, unbound)
	}
	r := c.Rotator.Run(log.WithContext(ctx), job)
	c.report(r)
	c.explain(ctx, r, targets)
	for _, t := range targets {
		if unbound[t.SecretID] {
			c.accepted(t.SecretID)
		}
	}
}

// permit asks the guard about the user and about each secret.
func (c *response) permit(o credential.Owner, targets []rotation.Target, secrets []secret.Secret, unbound map[string]bool) error {
	if err := guard.Spared(c.Config.Protects, o.User, o.UserName); err != nil {
		return err
	}
	for _, s := range secrets {
		free, err := guard.Bound(s, c.kind, o.User, c.Config.SecretBinding == config.BindingWarn)
		if err != nil {
			return err
		}
		if other := rotation.JournalOf(s.Metadata).Owner; free && other != "" && other != rotation.OwnerOf(credential.Ref{Kind: c.kind, User: o.User}) {
			return &guard.Refusal{Problem: fmt.Sprintf("secret %s (%s) is bound to nobody, and holds the credential of another: %s", s.Name, s.ID, other),
				Mend: "Close the problem again and name another secret in the comment."}
		}
		unbound[s.ID] = free
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

// who is the owner, with the tenancy's name for the mail.
type who struct {
	credential.Owner
	tenancyName string
}

// lookUp begins to look up the owner, and returns the function that waits for the answer.
func (c *response) lookUp(ctx context.Context) func() (who, error) {
	kind, user := c.kind, c.request.User
	answer := background.Start(func() (who, error) {
		id, name, region, err := c.Directory.Tenancy(ctx)
		if err != nil {
			return who{}, fmt.Errorf("looking up the tenancy: %w", err)
		}
		w := who{credential.Owner{Tenancy: id, User: user, Region: region}, name}
		if w.UserName, err = c.Directory.UserName(ctx, user); err != nil {
			return w, fmt.Errorf("looking up the user: %w", err)
		}
		if kind.Record().Endpoint != credential.AtIAM {
			if w.Namespace, err = c.Directory.Namespace(ctx); err != nil {
				return w, fmt.Errorf("looking up the Object Storage namespace: %w", err)
			}
			if w.Hosts, err = c.Directory.Hosts(region, w.Namespace); err != nil {
				return w, fmt.Errorf("finding the hosts at which the credential is used: %w", err)
			}
		}
		return w, nil
	})
	return func() (who, error) {
		w, err := answer.Wait(ctx)
		if _, known := errors.AsType[*fault.Error](err); err == nil || known {
			return w, err
		}
		// The time ran out, or a fault of ours: no reason to refuse the order.
		return w, &fault.Error{Class: fault.Unclear, Operation: "looking up the owner", Message: err.Error(), Err: err}
	}
}
