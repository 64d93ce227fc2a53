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

// withMark are the kinds whose credentials carry our mark: those whose value OCI generates.
func withMark() (kinds []credential.Kind) {
	for _, k := range credential.Kinds() {
		if k.Origin() == credential.Server {
			kinds = append(kinds, k)
		}
	}
	return kinds
}

// orphans looks at every user's auth tokens and customer secret keys for those with our mark whose value may be
// nowhere. It costs a call for each user and kind. Keyturn stores an API key before OCI knows it, and a password has no
// mark: neither can be an orphan.
func (r *run) orphans(ctx context.Context) {
	kinds := withMark()
	users := func(page string) ([]string, string, error) { return r.Inventory.Users(ctx, page) }
	r.ring(ctx, []list{{"list the users", users}}, "check the "+nouns(kinds)+" of users",
		func(ctx context.Context, user string) error {
			for _, kind := range kinds {
				listing, err := r.Issuers[kind].List(ctx, user)
				if err != nil {
					return fmt.Errorf("listing the %ss of %s: %w", kind.Noun(), user, err)
				}
				for _, c := range listing.Credentials {
					if h := r.candidate(kind, user, c, listing.At); h != nil {
						r.collect(ctx, kind, user, c, h)
					}
				}
			}
			return nil
		})
}

// candidate is the secret that a credential was made for, if its value may be nowhere: it carries our mark, its maker
// can't be at work any more, and the secret can be seen and doesn't mention it; else nil.
func (r *run) candidate(kind credential.Kind, user string, c credential.Issued, now time.Time) *home {
	mark, ok := credential.ParseMark(c.Description)
	if !ok || now.Sub(c.Created) < rotation.MakerLife {
		return nil
	}
	r.mu.Lock()
	h := r.homes[mark.Home]
	r.mu.Unlock()
	if h == nil || h.kind != kind || !strings.EqualFold(h.user, user) || slices.Contains(h.known, c.ID) {
		return nil
	}
	return h
}

// collect hands a credential to the engine, which alone decides whether it is deleted.
func (r *run) collect(ctx context.Context, kind credential.Kind, user string, c credential.Issued, h *home) {
	result := r.Collector.Collect(ctx, rotation.Orphan{Kind: kind, User: user, Issued: c, DryRun: r.Config.DryRun,
		Home: credential.Target{Role: kind.DefaultRole(), SecretID: h.id},
		Authorize: func(ctx context.Context, secrets []vault.Secret) (credential.Authorized, error) {
			return r.authorize(ctx, credential.Ref{Kind: kind, User: user}, secrets)
		}})
	switch {
	case result.End == rotation.Done && result.Acted:
		r.found("The %s %s of %s was deleted: a rotation that died had made it, and its value is nowhere.", kind.Noun(),
			c.ID, user)
	case result.End == rotation.Done && slices.Contains(result.Plan, rotation.Discard):
		r.found("The %s %s of %s has the mark of a rotation, but its value is nowhere. It would be deleted.",
			kind.Noun(), c.ID, user)
	case result.End == rotation.Refuse && !stored(result):
		r.refused(kind, user, c.ID, result)
	}
}

// stored reports whether the secret has a version of the rotation that made the credential: its value is there.
func stored(result rotation.Result) bool {
	return slices.ContainsFunc(result.Placed, func(p rotation.Placed) bool { return p.Version != 0 })
}

// refused is a finding about a credential that was not deleted.
func (r *run) refused(kind credential.Kind, user, id string, result rotation.Result) {
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

// authorize asks the guard about the user and the secret.
func (r *run) authorize(ctx context.Context, ref credential.Ref, secrets []vault.Secret) (credential.Authorized,
	error) {
	name, err := r.Directory.UserName(ctx, ref.User)
	if err != nil {
		return credential.Authorized{}, fmt.Errorf("looking up the user: %w", err)
	}
	return guard.Guard{Protects: r.Config.Protects}.Authorize(ctx, credential.Request{Ref: ref},
		guard.Known(credential.Owner{User: ref.User, UserName: name}), secrets)
}

// nouns names kinds in a sentence: "auth tokens and customer secret keys".
func nouns(kinds []credential.Kind) string {
	var all []string
	for _, k := range kinds {
		all = append(all, k.Noun()+"s")
	}
	return strings.Join(all, " and ")
}
