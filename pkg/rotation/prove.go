package rotation

import (
	"context"
	"time"

	"github.com/keyturn/keyturn/pkg/fault"
)

// prove uses the new credential until it is accepted. One refusal says little: services refuse a new credential for
// minutes, and some answers come from a server that doesn't know it yet. So it counts as bad only after several refusals
// of this delivery, when it has been old enough for half an hour. Before that a delivery asks for SpreadTime, and later
// ones a few times each; then the proof is unclear, and a later delivery goes on.
func (r *run) prove(ctx context.Context) error {
	r.tried, r.refused = r.material.ID, false
	refusals, first := 0, time.Time{}
	for pause := 50 * time.Millisecond; ; pause = min(2*pause, 5*time.Second) {
		accepted, err := r.Prover.Prove(ctx, *r.material, r.owner)
		now := r.Clock.Now()
		switch {
		case err == nil && accepted:
			r.proof, r.proven = ProofGood, true
			return nil
		case err == nil:
			if refusals++; refusals == 1 {
				first, r.refused = now, true
			}
			if refusals >= fewRefusals && now.Sub(first) >= refusalTime && r.spread() {
				if r.proof = ProofUnclear; r.proofAge() >= ProofTime {
					r.proof = ProofBad
				}
				return nil
			}
		case fault.Of(err) == fault.Invalid && r.Engine.Prove != ProveTry:
			return err // the same every time: no request can be made with it, or nobody can prove the kind
		}
		if r.Clock.Sleep(ctx, pause) == nil && (err == nil || pause < 5*time.Second) {
			continue
		}
		r.proof, r.result.Cause = r.unanswered(), err
		return nil
	}
}

// unanswered is the proof when the time is up and the credential was not accepted.
func (r *run) unanswered() Proof {
	switch {
	case r.refused:
		return ProofUnclear
	case r.Engine.Prove == ProveTry:
		return ProofGood // it was not refused
	case r.proofAge() >= SilentTime:
		return ProofSilent
	}
	return ProofUnclear
}

// proofWindow is since when the new credential should be accepted, and when it counts as failed if it isn't. At the end
// of an overlap that counts from its end, since nothing has used it in this package's sight before.
func (r *run) proofWindow() (since, until time.Time) {
	if r.material == nil || r.obs.credential(r.material.ID) == nil {
		return since, until
	}
	since = r.obs.credential(r.material.ID).Created
	if end := r.retireAt(); end.After(since) {
		since = end
	}
	if r.refused {
		return since, since.Add(ProofTime)
	}
	return since, since.Add(SilentTime)
}

// spread: the new credential is so old that waiting in this delivery for it to be accepted is no use.
func (r *run) spread() bool {
	made := r.obs.credential(r.material.ID)
	return made != nil && r.serverNow().Sub(made.Created) >= SpreadTime
}

// proofAge is for how long the new credential should have been accepted, by OCI's clock.
func (r *run) proofAge() time.Duration {
	since, _ := r.proofWindow()
	if since.IsZero() {
		return 0
	}
	return r.serverNow().Sub(since)
}
