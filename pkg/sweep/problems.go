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

// order is a rotation or a deletion that the journal of a bound secret says is left to do.
type order struct {
	secret string // "name (OCID)"
	kind   credential.Kind
	user   string
	old    string
}

// maxOrders is how many orders of one secret are reviewed. A journal that Keyturn wrote has only a few.
const maxOrders = 10

// addOrder adds the order of a journal's duty, or a finding if the duty names no problem.
func (r *run) addOrder(c order, d rotation.Duty) {
	const older = "If that credential is still in use, close its problem in Cloud Guard again. If it is not, " +
		"delete it, and remove the key keyturn from the secret's metadata"
	id, err := cloudguard.ParseOCID(d.Problem, cloudguard.TypeProblem)
	switch {
	case d.Problem == "":
		r.needs(c, "no problem", "its journal, written by an older version of Keyturn, names no problem. "+older)
	case err != nil:
		r.needs(c, "malformed", fmt.Sprintf("its journal names no problem's OCID but %s. Keyturn did not write "+
			"that. %s", quoted(d.Problem), older))
	default:
		r.mu.Lock()
		defer r.mu.Unlock()
		r.orders[string(id)] = append(r.orders[string(id)], c)
	}
}

// needs adds a finding about an order that a person has to look at.
func (r *run) needs(c order, state, text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.digest.Unfinished = append(r.digest.Unfinished, outcome.Finding{About: "journal of " + c.secret + " " + c.old,
		State: state, Needs: true,
		Text: fmt.Sprintf("Secret %s: the rotation of %s is not finished, and was not continued: %s.", c.secret,
			quoted(c.old), text)})
}

// quoted makes a text from a journal, which other users may have written, safe to show in a mail.
func quoted(text string) string {
	if cut := []rune(text); len(cut) > 60 {
		text = string(cut[:60]) + "..."
	}
	return fmt.Sprintf("%q", text)
}

// reviewOrders reviews the problems that journals name. It takes only the problem's OCID from a journal.
func (r *run) reviewOrders(ctx context.Context) {
	ids := slices.Collect(maps.Keys(r.orders))
	named := func(string) ([]string, string, error) { return ids, "", nil }
	r.forEach(ctx, []list{{"list the problems that journals name", named}}, "read the problems that journals name",
		r.reviewOrder)
}

func (r *run) reviewOrder(ctx context.Context, id string) error {
	claims := r.orders[id]
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
	if fits && p.Resolved() { // an open or dismissed problem orders nothing
		r.review(ctx, p)
	}
	return nil
}

// contradicts says what a problem's record is about, if it doesn't match the secret's binding and journal.
func (c order) contradicts(p cloudguard.Problem) string {
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

// reviewClosed reviews the recently closed problems that this sweep hasn't reviewed yet.
func (r *run) reviewClosed(ctx context.Context) {
	since := r.Clock.Now().AddDate(0, 0, -r.Config.SweepDays)
	closed := func(page string) ([]string, string, error) { return r.Inventory.ClosedProblems(ctx, since, page) }
	r.forEach(ctx, []list{{"list the closed problems", closed}}, "read closed problems",
		func(ctx context.Context, id string) error {
			if r.wasReviewed(id) {
				return nil
			}
			p, err := r.Inventory.Problem(ctx, id)
			if err == nil {
				r.review(ctx, p)
			}
			return err
		})
}

// review passes a problem to the responder, and adds the outcome to the digest.
func (r *run) review(ctx context.Context, p cloudguard.Problem) {
	r.mu.Lock()
	r.reviewed[strings.ToLower(p.ID)] = true
	r.mu.Unlock()
	r.add(r.Responder.Review(ctx, r.callID, p))
}

func (r *run) wasReviewed(id string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.reviewed[strings.ToLower(id)]
}
