package preflight

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/guard"
	"github.com/keyturn/keyturn/pkg/phrase"
	"github.com/keyturn/keyturn/pkg/rotation"
	"github.com/keyturn/keyturn/pkg/vault"
)

// crowded is from how many versions on there is a word; the sweep makes room from 20 on, so something keeps it from
// that.
const crowded = 25

// living tells a state in which a secret can be read.
func living(state string) bool { return state == vault.Active || state == vault.Updating }

// name is how a secret is named in a message.
func name(s vault.Secret) string { return fmt.Sprintf("secret %s (%s)", s.Name, s.ID) }

func judgeCompartments(f *Facts) []Check {
	if why := f.unset(); why != "" {
		return []Check{waiting(why)}
	}
	var out []Check
	listed, readable := 0, 0
	for _, c := range f.Compartments {
		if !c.Secrets.Asked {
			out = append(out, unasked("the compartment "+c.ID))
			continue
		}
		if c.Secrets.Err == nil {
			listed, readable = listed+len(c.Secrets.Value), readable+1
			continue
		}
		problem, ok := trouble(c.Secrets.Err, f.Region)
		if !ok {
			problem = failed(fmt.Sprintf("as an administrator: oci iam compartment get --compartment-id %s; if it "+
				"is there, this is missing: %s; if not, correct secret_compartments", c.ID,
				f.policy().statement(stSecretsList, c.ID)),
				"the compartment %s is absent, or listing its secrets is not allowed: %s", c.ID, text(c.Secrets.Err))
		}
		out = append(out, problem)
	}
	switch {
	case len(out) > 0:
	case len(f.Compartments) == 0:
		out = append(out, unasked("any compartment"))
	case len(f.Secrets) == 0:
		out = append(out, warned("bind one, with the other defined tags that it has: "+
			guard.BindCommand(vault.Secret{ID: "<SECRET>"}, "<KIND>", "<USER>"),
			"%s listed in %s, and none is bound to a user: every closure comment has to name one elsewhere",
			count(listed, "secret"), count(readable, "compartment")))
	default:
		out = append(out, passed("%s listed in %s, %d of them bound", count(listed, "secret"), count(readable,
			"compartment"), len(f.Secrets)))
	}
	return out
}

func judgeBinding(f *Facts) []Check {
	var out []Check
	type pair struct {
		kind credential.Kind
		user string
	}
	var pairs []pair
	var active []vault.Secret
	for _, b := range f.Secrets {
		s, t := b.Listed, guard.TagsOf(b.Listed)
		kind, user, ok := guard.BoundTo(s)
		switch {
		case len(t.Clash) > 0:
			out = append(out, failed("correct the defined ones; or, if they are right, remove the freeform ones: "+
				guard.UnbindCommand(s),
				"the defined and the freeform tag %s of %s contradict each other", strings.Join(t.Clash, " and "),
				name(s)))
		case !isUser(t.User):
			out = append(out, failed(guard.BindCommand(s, credential.Kind(t.Kind), "<USER>"),
				"the tag user of %s is %q, which is not the OCID of a user", name(s), phrase.Excerpt(t.User)))
		case !ok:
			out = append(out, failed(guard.BindCommand(s, "<KIND>", t.User)+", the kind being one of "+kindWords(),
				"the tag kind of %s is %q, which is no kind", name(s), phrase.Excerpt(t.Kind)))
		case s.State == vault.Active || s.State == vault.Updating:
			s.State = vault.Active // one that settles in a moment counts
			active = append(active, s)
			if p := (pair{kind, user}); !slices.Contains(pairs, p) {
				pairs = append(pairs, p)
			}
		}
	}
	for _, p := range pairs {
		if halves(active, p.kind, p.user) {
			out = append(out, warned("name both in each closure comment, or give them the defined tag "+
				"keyturn.role: secret-key and access-key", "the two secrets for the %s of %s have no role, so no "+
				"one can tell which half is which", p.kind.Noun(), p.user))
			continue
		}
		if _, err := guard.Find(active, p.kind, p.user); err != nil {
			out = append(out, failed(remedyOf(err), "for the %s of %s: %s", p.kind.Noun(), p.user, problemOf(err)))
		}
	}
	if len(out) == 0 && len(f.Secrets) > 0 {
		out = append(out, passed("the tags of %s are consistent", count(len(f.Secrets), "bound secret")))
	}
	return out
}

// halves reports that the two secrets of a pair are bound without a role: fine for a comment that names both.
func halves(all []vault.Secret, kind credential.Kind, user string) bool {
	n := 0
	for _, s := range all {
		if k, u, _ := guard.BoundTo(s); k == kind && u == user {
			if n++; guard.TagsOf(s).Role != "" {
				return false
			}
		}
	}
	return n == 2 && kind.Pair()
}

func kindWords() string {
	var words []string
	for _, k := range credential.Kinds() {
		words = append(words, string(k))
	}
	return strings.Join(words, ", ")
}

func remedyOf(err error) string {
	if r, ok := err.(*guard.Refusal); ok {
		return r.Remedy
	}
	return ""
}

func problemOf(err error) string {
	if r, ok := err.(*guard.Refusal); ok {
		return r.Problem
	}
	return text(err)
}

// overSecrets judges each bound secret, and sums up those that have no fault.
func (f *Facts) overSecrets(sum string, judge func(Bound) (c Check, fault, looked bool)) []Check {
	if len(f.Secrets) == 0 {
		return nil
	}
	if why := f.unset(); why != "" {
		return []Check{waiting(why)}
	}
	var out []Check
	good := 0
	for _, b := range f.Secrets {
		c, fault, looked := judge(b)
		switch {
		case fault:
			c.about = name(b.Listed)
			out = append(out, c)
		case looked:
			good++
		}
	}
	if out = merge(out); good > 0 {
		out = append(out, passed("%s %s", count(good, "bound secret"), sum))
	}
	return out
}

// inReach is what lets the function reach a secret: the statement, or, since its condition sees defined tags alone, the
// command that gives the secret those.
func (f *Facts) inReach(s vault.Secret) string {
	statement := f.policy().statement(stSecrets, s.Compartment)
	if _, _, ok := guard.BoundTo(vault.Secret{Defined: s.Defined}); ok {
		return statement
	}
	kind, user, ok := guard.BoundTo(s)
	if !ok {
		kind, user = "<KIND>", "<USER>"
	}
	return "the policies of the stack see defined tags alone, and this secret has freeform ones: " +
		guard.BindCommand(s, kind, user) +
		" (or set the stack's secret_policy to compartment). If it has them, this statement is missing: " + statement
}

func judgeSecret(f *Facts) []Check {
	return f.overSecrets("can be read and take a new version", func(b Bound) (Check, bool, bool) {
		s := b.Listed
		if b.Secret.OK() {
			s = b.Secret.Value
		}
		switch {
		case !living(s.State) && strings.HasSuffix(s.State, "_DELETION"):
			return failed("oci vault secret cancel-secret-deletion --secret-id "+s.ID+"; or remove its tags, if it "+
					"is not needed any more", "%s is scheduled for deletion: it is in the state %s", name(s), s.State),
				true, true
		case !living(s.State):
			return failed("oci vault secret get --secret-id "+s.ID, "%s is in the state %s", name(s), s.State), true,
				true
		case !b.Secret.Asked:
			return unasked(name(s)), true, true
		case b.Secret.Err != nil:
			if c, ok := trouble(b.Secret.Err, b.Region); ok {
				c.Found = name(s) + ": " + c.Found
				return c, true, true
			}
			return failed(f.inReach(s), "ListSecrets shows %s, so it exists: reading it is not allowed: %s", name(s),
				text(b.Secret.Err)), true, true
		case s.Replica:
			return failed("bind its source secret, and remove the tags from the replica", "%s is a read-only replica",
				name(s)), true, true
		case b.Region != f.Region:
			return failed("bind a secret of "+f.Region, "%s was listed in %s, and its OCID says %s, where it would "+
				"be written", name(s), f.Region, b.Region), true, true
		case s.State == vault.Updating:
			return warned("", "%s is being changed just now", name(s)), true, true
		}
		return Check{}, false, true
	})
}

// readable tells that a secret was read, and that its versions and content must have been asked for then.
func (b Bound) readable() bool { return b.Secret.OK() && living(b.Secret.Value.State) }

func judgeVersions(f *Facts) []Check {
	return f.overSecrets("have room for new versions", func(b Bound) (Check, bool, bool) {
		s := b.Listed
		if !b.readable() {
			return Check{}, false, false // judgeSecret has said why
		}
		if !b.Versions.Asked {
			return unasked("the list of versions of " + name(s)), true, true
		}
		if b.Versions.Err != nil {
			if c, ok := trouble(b.Versions.Err, b.Region); ok {
				c.Found = name(s) + ": " + c.Found
				return c, true, true
			}
			return failed(f.inReach(s), "GetSecret shows %s, so it exists: listing its versions is not allowed: %s",
				name(s), text(b.Versions.Err)), true, true
		}
		live := slices.DeleteFunc(slices.Clone(b.Versions.Value), func(v vault.Version) bool { return v.Leaving })
		if len(live) < crowded {
			return Check{}, false, true
		}
		remedy := "invoke functions/sweep, which makes room"
		slices.SortFunc(live, func(a, b vault.Version) int { return int(a.Number - b.Number) })
		if i := slices.IndexFunc(live, func(v vault.Version) bool { return v.Stale }); i >= 0 {
			remedy += fmt.Sprintf("; or: oci vault secret-version schedule-deletion --secret-id %s "+
				"--secret-version-number %d", s.ID, live[i].Number)
		}
		if len(live) < vault.MaxVersions {
			return warned(remedy, "%s has %d versions of %d", name(s), len(live), vault.MaxVersions), true, true
		}
		return failed(remedy, "%s has %d versions, as many as OCI keeps: no new one fits", name(s), len(live)), true,
			true
	})
}

func judgeContent(f *Facts) []Check {
	return f.overSecrets("have a CURRENT version that can be read", func(b Bound) (Check, bool, bool) {
		s := b.Listed
		switch {
		case !b.readable():
			return Check{}, false, false // judgeSecret has said why
		case !b.Current.Asked:
			return unasked("the content of " + name(s)), true, true
		case b.Current.Err == nil:
			return Check{}, false, true
		}
		if c, ok := trouble(b.Current.Err, b.Region); ok {
			c.Found = name(s) + ": " + c.Found
			return c, true, true
		}
		return failed(f.inReach(s), "GetSecret shows %s, so it exists: reading its content is not allowed: %s",
			name(s), text(b.Current.Err)), true, true
	})
}

func judgeJournal(f *Facts) []Check {
	return f.overSecrets("have no rotation under way", func(b Bound) (Check, bool, bool) {
		if !b.Secret.OK() {
			return Check{}, false, false
		}
		s := b.Secret.Value
		j := rotation.JournalOf(s.Metadata)
		for _, duty := range j.Due(s.At) {
			old := duty.Old
			switch staged := j.Staged != nil && j.Staged.Old == duty.Old; {
			case duty.Problem == "":
				return warned("close the problem of that credential again; the journal of an older Keyturn "+
					"doesn't name it",
					"%s: the rotation of %s is not finished", name(s), old), true, true
			case staged:
				return warned("nothing: the next sweep asks Cloud Guard, and goes on; or close its problem again",
					"%s: a rotation of %s was left half-way", name(s), old), true, true
			default:
				return warned("nothing: the next sweep asks Cloud Guard, and retires it",
					"%s: the grace period of %s is over", name(s), old), true, true
			}
		}
		switch {
		case j.Staged != nil && j.Staged.Phase != rotation.PhaseUndone:
			return warned("nothing, if it ends; else the sweep goes on after "+rotation.MakerLife.Round(
				time.Second).String(), "%s: a rotation of %s is under way", name(s), j.Staged.Old), true, true
		}
		return Check{}, false, true
	})
}
