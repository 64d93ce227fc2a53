package responder

import (
	"context"
	"time"

	"github.com/keyturn/keyturn/pkg/config"
	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/guard"
	"github.com/keyturn/keyturn/pkg/rotation"
	"github.com/keyturn/keyturn/pkg/vault"
)

// rotate runs the rotation. The owner is looked up while the engine looks at the credentials and secrets.
func (c *response) rotate(ctx context.Context) {
	job := rotation.Job{Request: c.request, Doubt: c.doubt, Earlier: c.earlier(), Prefetch: c.first}
	if c.kind.Origin() == credential.Reset {
		job.ResetAfter = []time.Time{c.request.At}
		if !c.problem.LastDetected.IsZero() {
			job.ResetAfter = append(job.ResetAfter, c.problem.LastDetected)
		}
	}
	log := c.log.With().Str("rotation", string(job.Ref.RotationID())).Str("problem", c.out.ProblemID).Logger()
	job.OnStep = func(s rotation.Step) {
		log.Info().Err(s.Err).Str("step", string(s.Action)).Str("because", s.Because).
			Dur("took_ms", s.Took).Strs("opc_request_ids", s.Requests).Msg("step")
	}
	ctx = log.WithContext(ctx)
	owner := c.owner.Reuse(ctx, c.Directory, c.Clock.Now(), rotation.PrefetchLife, c.request.Ref)
	authorizer := guard.Guard{Protects: c.Config.Protects, AcceptUnbound: c.Config.SecretBinding == config.BindingWarn,
		OtherOwner: rotation.OtherOwner}
	job.Authorize = func(ctx context.Context, secrets []vault.Secret) (credential.Authorized, error) {
		if c.refusal != nil {
			return credential.Authorized{}, c.refusal
		}
		return authorizer.Authorize(ctx, c.request, owner, secrets)
	}
	r := c.Rotator.Run(ctx, job)
	c.names(r.Authorized.Owner)
	c.report(r)
	c.explain(ctx, r)
	for _, w := range r.Authorized.Warnings {
		c.note("%s", w.Text)
		c.todo(w.Remedy)
	}
}

// names copies the names of the owner into the outcome.
func (c *response) names(o credential.Owner) {
	c.home = o.Region
	c.out.UserName, c.out.TenancyName = o.UserName, o.TenancyName
	if o.Tenancy != "" {
		c.out.TenancyID = o.Tenancy
	}
}
