package sweep

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/keyturn/keyturn/pkg/cloudguard"
	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/fault"
	"github.com/keyturn/keyturn/pkg/outcome"
	"github.com/keyturn/keyturn/pkg/rotation"
)

// claim is what the journal of a bound secret says is left to do by the order of a problem's closure.
type claim struct {
	secret string // "name (OCID)"
	kind   credential.Kind
	user   string
	old    string
}

// maxDuties is how many duties of one secret are looked at. A journal that Keyturn has written has a few.
const maxDuties = 10

// claim takes a duty out of a secret's journal.
func (r *run) claim(c claim, d rotation.Duty) {
	const older = "If that credential is still in use, close its problem in Cloud Guard again. If it is not, " +
		"delete it, and remove the key keyturn from the secret's metadata"
	id, err := cloudguard.ParseOCID(d.Problem, cloudguard.TypeProblem)
	switch {
	case d.Problem == "":
		r.needs(c, "no problem", "its journal, which an older Keyturn wrote, names no problem. "+older)
	case err != nil:
		r.needs(c, "malformed", fmt.Sprintf("its journal names no problem's OCID but %s. Somebody else has written "+
			"that. %s", quoted(d.Problem), older))
	default:
		r.mu.Lock()
		defer r.mu.Unlock()
		r.claims[string(id)] = append(r.claims[string(id)], c)
	}
}

// needs is a finding about a claim that a person has to look at.
func (r *run) needs(c claim, state, text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.digest.Unfinished = append(r.digest.Unfinished, outcome.Finding{About: "journal of " + c.secret + " " + c.old,
		State: state, Needs: true,
		Text: fmt.Sprintf("Secret %s: the rotation of %s is not finished, and was left alone: %s.", c.secret,
			quoted(c.old), text)})
}

// quoted is a text out of a journal, which anybody may have written, as a mail may show it.
func quoted(text string) string {
	if cut := []rune(text); len(cut) > 60 {
		text = string(cut[:60]) + "..."
	}
	return fmt.Sprintf("%q", text)
}

// duties reviews the problems that journals name. Nothing but the problem's OCID is taken from a journal.
func (r *run) duties(ctx context.Context) {
	ids := slices.Collect(maps.Keys(r.claims))
	named := func(string) ([]string, string, error) { return ids, "", nil }
	r.ring(ctx, []list{{"list the problems that journals name", named}}, "read the problems that journals name", r.duty)
}

func (r *run) duty(ctx context.Context, id string) error {
	claims := r.claims[id]
	p, err := r.Inventory.Problem(ctx, id)
	switch fault.Of(err) {
	case fault.Absent, fault.Denied, fault.Invalid:
		for _, c := range claims {
			r.needs(c, "not found", fmt.Sprintf("its problem %s can't be read: %s. Check that the function may "+
				"read cloud-guard-problems. "+
				"If the problem is gone, delete the old credential once it isn't used any more", id, fault.Plain(err)))
		}
		return nil
	}
	if err != nil {
		return err
	}
	fits := false
	for _, c := range claims {
		if why := c.contradicts(p); why != "" {
			r.needs(c, "contradicts", fmt.Sprintf("Cloud Guard's record of problem %s is about %s. Check who may "+
				"write to the secret", id, why))
			continue
		}
		fits = true
	}
	if fits && p.Resolved() { // one that is open again, or dismissed, orders nothing
		r.review(ctx, p)
	}
	return nil
}

// contradicts says what a problem's record is about, if that is not what the secret is bound to and its journal names.
func (c claim) contradicts(p cloudguard.Problem) string {
	subject := p.Subject()
	user, err := subject.User()
	switch {
	case subject.Rule.Kind() != c.kind:
		return "another kind of credential"
	case err != nil || !strings.EqualFold(user, c.user):
		return "another user, or none"
	case c.kind.Origin() == credential.Reset:
		return ""
	case !slices.ContainsFunc(subject.IDs, func(id string) bool { return strings.EqualFold(id, c.old) }):
		return "another credential"
	}
	return ""
}

// problems reviews the problems that were closed in the last days, apart from those that the sweep has reviewed.
func (r *run) problems(ctx context.Context) {
	since := r.Clock.Now().AddDate(0, 0, -r.Config.SweepDays)
	closed := func(page string) ([]string, string, error) { return r.Inventory.ClosedProblems(ctx, since, page) }
	r.ring(ctx, []list{{"list the closed problems", closed}}, "read closed problems",
		func(ctx context.Context, id string) error {
			if r.was(id) {
				return nil
			}
			p, err := r.Inventory.Problem(ctx, id)
			if err == nil {
				r.review(ctx, p)
			}
			return err
		})
}

// review hands a problem to the responder, and takes what comes of it into the digest.
func (r *run) review(ctx context.Context, p cloudguard.Problem) {
	r.mu.Lock()
	r.reviewed[strings.ToLower(p.ID)] = true
	r.mu.Unlock()
	r.add(r.Responder.Review(ctx, r.callID, p))
}

func (r *run) was(id string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.reviewed[strings.ToLower(id)]
}
