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
	"github.com/keyturn/keyturn/pkg/inventory"
	"github.com/keyturn/keyturn/pkg/outcome"
	"github.com/keyturn/keyturn/pkg/rotation"
)

// duty is a rotation or a deletion that the journal of a bound secret says is left to do.
type duty struct {
	secret string // "name (OCID)"
	kind   credential.Kind
	user   string
	old    string
}

// maxDuties is how many duties of one secret are reviewed. A journal that Keyturn wrote has only a few.
const maxDuties = 10

// addDuty adds a duty that a journal names, or a finding if it names no problem.
func (r *run) addDuty(d duty, of rotation.Duty) {
	const older = "If that credential is still in use, close its problem in Cloud Guard again. If it is not, " +
		"delete it, and remove the key keyturn from the secret's metadata"
	id, err := cloudguard.ParseOCID(of.Problem, cloudguard.TypeProblem)
	switch {
	case of.Problem == "":
		r.needs(d, "no problem", "its journal, written by an older version of Keyturn, names no problem. "+older)
	case err != nil:
		r.needs(d, "malformed", fmt.Sprintf("its journal names no problem's OCID but %s. Keyturn did not write "+
			"that. %s", quoted(of.Problem), older))
	default:
		r.mu.Lock()
		defer r.mu.Unlock()
		r.duties[string(id)] = append(r.duties[string(id)], d)
	}
}

// needs adds a finding about a duty that a person has to look at.
func (r *run) needs(d duty, state, text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.digest.Unfinished = append(r.digest.Unfinished, outcome.Finding{About: "journal of " + d.secret + " " + d.old,
		State: state, Needs: true,
		Text: fmt.Sprintf("Secret %s: the rotation of %s is not finished, and was not continued: %s.", d.secret,
			quoted(d.old), text)})
}

// quoted makes a text from a journal, which other users may have written, safe to show in a mail.
func quoted(text string) string {
	if cut := []rune(text); len(cut) > 60 {
		text = string(cut[:60]) + "..."
	}
	return fmt.Sprintf("%q", text)
}

// reviewDuties reviews the problems that journals name. It takes only the problem's OCID from a journal.
func (r *run) reviewDuties(ctx context.Context) {
	ids := slices.Collect(maps.Keys(r.duties))
	named := func(string) ([]string, string, error) { return ids, "", nil }
	r.forEach(ctx, []inventory.IDs{{Doing: "list the problems that journals name", Read: named}},
		"read the problems that journals name", r.reviewDuty)
}

func (r *run) reviewDuty(ctx context.Context, id string) error {
	duties := r.duties[id]
	p, err := r.Inventory.Problem(ctx, id)
	switch fault.Of(err) {
	case fault.Absent, fault.Denied, fault.Invalid:
		for _, d := range duties {
			r.needs(d, "not found", fmt.Sprintf("its problem %s can't be read: %s. Check that the function may "+
				"read cloud-guard-problems. If the problem is gone, delete the old credential once it isn't used "+
				"any more", id, fault.Plain(err)))
		}
		return nil
	}
	if err != nil {
		return err
	}
	fits := false
	for _, d := range duties {
		if why := d.contradicts(p); why != "" {
			r.needs(d, "contradicts", fmt.Sprintf("Cloud Guard's record of problem %s is about %s. Check who may "+
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
func (d duty) contradicts(p cloudguard.Problem) string {
	subject := p.Subject()
	user, err := subject.User()
	switch {
	case subject.Rule.Kind() != d.kind:
		return "another kind of credential"
	case err != nil || !strings.EqualFold(user, d.user):
		return "another user, or none"
	case d.kind.Origin() == credential.Reset:
		return ""
	case len(subject.IDs) == 0 || subject.Contradicts(cloudguard.Subject{IDs: []string{strings.ToLower(d.old)}}) != "":
		return "another credential"
	}
	return ""
}

// reviewClosed reviews the recently closed problems that this sweep hasn't reviewed yet.
func (r *run) reviewClosed(ctx context.Context) {
	since := r.Clock.Now().AddDate(0, 0, -r.Config.SweepDays)
	closed := func(page string) ([]string, string, error) { return r.Inventory.ClosedProblems(ctx, since, page) }
	r.forEach(ctx, []inventory.IDs{{Doing: "list the closed problems", Read: closed}}, "read closed problems",
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
