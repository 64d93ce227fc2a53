package sweep

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/fault"
	"github.com/keyturn/keyturn/pkg/guard"
	"github.com/keyturn/keyturn/pkg/outcome"
	"github.com/keyturn/keyturn/pkg/rotation"
	"github.com/keyturn/keyturn/pkg/vault"
)

// markedKinds lists the kinds whose credentials carry Keyturn's mark: those whose value OCI generates.
func markedKinds() (kinds []credential.Kind) {
	for _, k := range credential.Kinds() {
		if k.Origin() == credential.Server {
			kinds = append(kinds, k)
		}
	}
	return kinds
}

// candidate returns the secret that a credential was made for, if the credential may be an orphan: it is marked, its
// maker can't be running any more, and the secret is known and doesn't mention it. Otherwise it returns nil.
func (r *run) candidate(kind credential.Kind, user string, c credential.Issued, now time.Time) *boundSecret {
	mark, ok := credential.ParseMark(c.Description)
	if !ok || now.Sub(c.Created) < rotation.MakerLife {
		return nil
	}
	r.mu.Lock()
	h := r.boundSecrets[mark.Home]
	r.mu.Unlock()
	if h == nil || h.kind != kind || !strings.EqualFold(h.user, user) || slices.Contains(h.credentials, c.ID) {
		return nil
	}
	return h
}

// collect passes a credential to the engine, which decides whether to delete it. It does so once for a credential that
// two lists have.
func (r *run) collect(ctx context.Context, kind credential.Kind, user string, c credential.Issued, h *boundSecret) {
	key := string(kind) + " " + c.ID
	r.mu.Lock()
	known := r.collected[key]
	r.collected[key] = true
	r.mu.Unlock()
	if known {
		return
	}
	result := r.Collector.Collect(ctx, rotation.Orphan{Kind: kind, User: user, Issued: c, DryRun: r.Config.DryRun,
		Home: credential.Target{Role: kind.DefaultRole(), SecretID: h.id},
		Authorize: func(ctx context.Context, secrets []vault.Secret) (credential.Authorized, error) {
			return r.authorize(ctx, credential.Ref{Kind: kind, User: user}, secrets)
		}})
	switch {
	case result.End == rotation.Done && result.Acted:
		r.addFound("The %s %s of %s was deleted: an interrupted rotation had made it, and its value is stored nowhere.",
			kind.Noun(),
			c.ID, user)
	case result.End == rotation.Done && slices.Contains(result.Plan, rotation.Discard):
		r.addFound("The %s %s of %s has the mark of a rotation, but its value is stored nowhere. It would be deleted.",
			kind.Noun(), c.ID, user)
	case result.End == rotation.Refuse && !stored(result):
		r.addRefusal(kind, user, c.ID, result)
	}
}

// stored reports whether the secret has a version of the rotation that made the credential, and so its value.
func stored(result rotation.Result) bool {
	return slices.ContainsFunc(result.Placed, func(p rotation.Placed) bool { return p.Version != 0 })
}

// addRefusal adds a finding about a credential that was not deleted.
func (r *run) addRefusal(kind credential.Kind, user, id string, result rotation.Result) {
	why := string(result.Reason)
	refusal, refused := errors.AsType[*guard.Refusal](result.Cause)
	switch {
	case refused:
		why = refusal.Problem
	case result.Cause != nil:
		why = fault.Plain(result.Cause)
	case result.Detail != "":
		why += ": " + result.Detail
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.digest.Unfinished = append(r.digest.Unfinished, outcome.Finding{About: "orphan " + id, State: why, Needs: true,
		Text: fmt.Sprintf("The %s %s of %s has the mark of a rotation, and its value may be stored nowhere. It was "+
			"not deleted: %s. Delete it if it isn't used.",
			kind.Noun(), id, user, strings.TrimSuffix(why, "."))})
}

// authorize checks with the guard that the user isn't protected, and that the secrets are bound to the user and
// writable.
func (r *run) authorize(ctx context.Context, ref credential.Ref, secrets []vault.Secret) (credential.Authorized,
	error) {
	name, err := r.Directory.UserName(ctx, ref.User)
	if err != nil {
		return credential.Authorized{}, fmt.Errorf("looking up the user: %w", err)
	}
	return guard.Guard{Protects: r.Config.Protects}.Authorize(ctx, credential.Request{Ref: ref},
		guard.Known(credential.Owner{User: ref.User, UserName: name}), secrets)
}
