package responder

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/keyturn/keyturn/pkg/config"
	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/guard"
	"github.com/keyturn/keyturn/pkg/rotation"
	"github.com/keyturn/keyturn/pkg/vault"
)

// rotate runs the rotation. The owner is looked up while the engine looks at the credentials and secrets.
func (c *response) rotate(ctx context.Context, targets []rotation.Target) {
	ref := credential.Ref{Kind: c.kind, User: c.request.User, ID: c.request.ID}
	job := rotation.Job{Ref: ref, Targets: targets, Replace: c.order.Replace || c.unfit != nil && c.mayReplace(),
		Grace:  c.Config.Grace,
		DryRun: c.Config.DryRun || c.order.DryRun, Ordered: c.request.At, Problem: c.event.ProblemID, Doubt: c.doubt,
		Earlier:  c.earlier(targets),
		Prefetch: c.first}
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
		log.Info().Err(s.Err).Str("step", string(s.Action)).Str("because", s.Because).Dur("took_ms",
			s.Took).Strs("opc_request_ids", s.Requests).Msg("step")
	}
	// not waited for where the order is refused anyway
	whose := c.owner.of(log.WithContext(ctx), c.Directory, c.Clock, ref)
	job.Permit = func(_ context.Context, secrets []vault.Secret) (credential.Owner, error) {
		if c.unfit != nil {
			return credential.Owner{}, c.unfit
		}
		o, err := whose.wait(ctx)
		if err != nil {
			return o, err
		}
		_, err = authorize(c.Config, ref.Kind, o, targets, secrets)
		return o, err
	}
	r := c.Rotator.Run(log.WithContext(ctx), job)
	c.names(r.Owner)
	c.report(r)
	c.explain(ctx, r, targets)
	if c.unfit != nil {
		return
	}
	unbound, err := authorize(c.Config, ref.Kind, r.Owner, targets, r.Secrets)
	if err != nil {
		return
	}
	for _, s := range unbound {
		c.accepted(s)
	}
}

// names takes over who the owner is, for the mail.
func (c *response) names(o credential.Owner) {
	c.home = o.Region
	c.out.UserName, c.out.TenancyName = o.UserName, o.TenancyName
	if o.Tenancy != "" {
		c.out.TenancyID = o.Tenancy
	}
}

// authorize says whether a credential of the owner may be written to the secrets, as the guard has it. It returns the
// secrets without tags that secret_binding=warn lets through, or why nothing may be written.
func authorize(cfg config.Config, kind credential.Kind, o credential.Owner, targets []rotation.Target,
	secrets []vault.Secret) (unbound []vault.Secret, err error) {
	if err := guard.Protected(cfg.Protects, o.User, o.UserName); err != nil {
		return nil, err
	}
	for _, s := range secrets {
		free, err := guard.Bound(s, kind, o.User, cfg.SecretBinding == config.BindingWarn)
		if err != nil {
			return nil, err
		}
		own, other := rotation.OwnerOf(credential.Ref{Kind: kind, User: o.User}), rotation.JournalOf(s.Metadata).Owner
		if free && other != "" && other != own {
			return nil, &guard.Refusal{Problem: fmt.Sprintf("secret %s (%s) is not bound, and its journal names "+
				"another owner: %s", s.Name, s.ID, other),
				Remedy: "Close the problem again and name another secret in the comment."}
		}
		if i := slices.IndexFunc(targets, func(t rotation.Target) bool { return t.SecretID == s.ID }); i >= 0 {
			if err := guard.InRole(s, targets[i].Role); err != nil {
				return nil, err
			}
		}
		if err := guard.Writable(s); err != nil {
			return nil, err
		}
		if free {
			unbound = append(unbound, s)
		}
	}
	return unbound, nil
}
