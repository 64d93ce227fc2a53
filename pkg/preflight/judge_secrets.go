package preflight

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/keyturn/keyturn/pkg/cloudguard"
	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/guard"
	"github.com/keyturn/keyturn/pkg/phrase"
	"github.com/keyturn/keyturn/pkg/rotation"
	"github.com/keyturn/keyturn/pkg/vault"
)

// crowded is how many versions a secret has when a check warns. The sweep prunes above 20, so something prevents it.
const crowded = 25

// living reports whether a secret in a state can be read.
func living(state string) bool { return state == vault.Active || state == vault.Updating }

// name is how messages name a secret.
func name(s vault.Secret) string { return fmt.Sprintf("secret %s (%s)", s.Name, s.ID) }

func judgeCompartments(f *Facts) []Check {
	var out []Check
	secrets := 0
	for _, c := range f.Compartments {
		q := question{"listing the secrets of the compartment " + c.ID, f.Region, ", or it is absent",
			lookUp("iam compartment get --compartment-id "+c.ID, f.policy().statement("secrets-list", c.ID),
				"correct secret_compartments")}
		out = append(out, answer(c.Secrets, q, func(all []vault.Secret) []Check { secrets += len(all); return nil })...)
	}
	listed := fmt.Sprintf("%s listed in %s", phrase.Count(secrets, "secret"),
		phrase.Count(len(f.Compartments), "compartment"))
	switch {
	case len(out) > 0:
		return out
	case len(f.Compartments) == 0:
		return unasked("listing the secrets of a compartment")
	case len(f.Secrets) == 0:
		return warned("bind one, with its other defined tags: "+
			guard.BindCommand(vault.Secret{ID: "<SECRET>"}, "<KIND>", "<USER>"),
			"%s, and none is bound to a user: every closure comment must name a secret elsewhere", listed)
	}
	return passed("%s, %d of them bound", listed, len(f.Secrets))
}

func judgeBinding(f *Facts) []Check {
	var out []Check
	var active []vault.Secret
	for _, b := range f.Secrets {
		s, t := b.Listed, guard.TagsOf(b.Listed)
		_, noUser := cloudguard.ParseOCID(t.User, cloudguard.TypeUser)
		_, _, ok := guard.BoundTo(s)
		switch {
		case len(t.Clash) > 0:
			out = append(out, failed("correct the defined tags; or, if they are right, remove the freeform ones: "+
				guard.UnbindCommand(s), "the defined and the freeform tag %s of %s contradict each other",
				strings.Join(t.Clash, " and "), name(s))...)
		case noUser != nil:
			out = append(out, failed(guard.BindCommand(s, credential.Kind(t.Kind), "<USER>"),
				"the tag user of %s is %q, which is not the OCID of a user", name(s), phrase.Excerpt(t.User))...)
		case !ok:
			kinds := strings.Trim(strings.ReplaceAll(fmt.Sprint(credential.Kinds()), " ", ", "), "[]")
			out = append(out, failed(guard.BindCommand(s, "<KIND>", t.User)+", with one of these kinds: "+kinds,
				"the tag kind of %s is %q, which is no kind", name(s), phrase.Excerpt(t.Kind))...)
		case living(s.State):
			s.State = vault.Active // one that is UPDATING will be in a moment
			active = append(active, s)
		}
	}
	for _, u := range usersOf(active) {
		for _, k := range u.Kinds {
			_, err := guard.Find(active, k, u.ID)
			refusal, ok := errors.AsType[*guard.Refusal](err)
			switch {
			case halves(active, k, u.ID):
				out = append(out, warned("name both in each closure comment, or give them the defined tag "+
					"keyturn.role: "+
					"secret-key and access-key", "the two secrets for the %s of %s have no role, so it is not known "+
					"which half is which", k.Noun(), u.ID)...)
			case ok:
				out = append(out, failed(refusal.Remedy, "for the %s of %s: %s", k.Noun(), u.ID, refusal.Problem)...)
			case err != nil:
				out = append(out, failed("", "for the %s of %s: %s", k.Noun(), u.ID, text(err))...)
			}
		}
	}
	if len(out) == 0 {
		out = append(out, passed("the tags of %s are consistent", phrase.Count(len(f.Secrets), "bound secret"))...)
	}
	return out
}

// halves reports that the two secrets of a pair are bound without a role. A comment that names both can still use them.
func halves(all []vault.Secret, kind credential.Kind, user string) bool {
	n := 0
	for _, s := range all {
		if k, u, _ := guard.BoundTo(s); k == kind && u == user {
			n++
			if guard.TagsOf(s).Role != "" {
				return false
			}
		}
	}
	return n == 2 && kind.Pair()
}

// eachSecret makes a check of a judge of one bound secret, which returns nil if the check secret has reported why.
func eachSecret(good string, judge func(*Facts, Bound) []Check) func(*Facts) []Check {
	return func(f *Facts) []Check {
		return each(f.Secrets, "bound secret", good, func(b Bound) []Check { return judge(f, b) })
	}
}

// question is about one bound secret. Another call has shown that it exists.
func (b Bound) question(f *Facts, doing, shown string) question {
	return question{doing + name(b.Listed), b.Region, ", but " + shown + " shows that it exists", f.inReach(b.Listed)}
}

// inReach is the remedy that lets the function reach a secret: the statement; or, since its condition only sees defined
// tags, the command that gives the secret those.
func (f *Facts) inReach(s vault.Secret) string {
	statement := f.policy().statement("secrets-write", s.Compartment)
	if _, _, ok := guard.BoundTo(vault.Secret{Defined: s.Defined}); ok {
		return statement
	}
	kind, user, ok := guard.BoundTo(s)
	if !ok {
		kind, user = "<KIND>", "<USER>"
	}
	return "the stack's policies only see defined tags, and this secret has freeform ones: " +
		guard.BindCommand(s, kind, user) +
		" (or set the stack's secret_policy to compartment). If it has them, this statement is missing: " + statement
}

func judgeSecret(f *Facts, b Bound) []Check {
	s := b.Listed
	if b.Secret.OK() {
		s = b.Secret.Value
	}
	switch {
	case strings.HasSuffix(s.State, "_DELETION"):
		return failed("oci vault secret cancel-secret-deletion --secret-id "+s.ID+"; or remove its tags, if it is no "+
			"longer needed", "%s is scheduled for deletion: it is in the state %s", name(s), s.State)
	case !living(s.State):
		return failed("oci vault secret get --secret-id "+s.ID, "%s is in the state %s", name(s), s.State)
	}
	return answer(b.Secret, b.question(f, "reading ", "ListSecrets"), func(vault.Secret) []Check {
		switch {
		case s.Replica:
			return failed("bind its source secret, and remove the tags from the replica",
				"%s is a read-only replica", name(s))
		case b.Region != f.Region:
			return failed("bind a secret of "+f.Region, "%s was listed in %s, but its OCID says %s, where it would be "+
				"written", name(s), f.Region, b.Region)
		case s.State == vault.Updating:
			return warned("", "%s is being changed at this moment", name(s))
		}
		return passed("")
	})
}

// readable reports that a secret was read, so that its versions and content must have been asked for.
func (b Bound) readable() bool { return b.Secret.OK() && living(b.Secret.Value.State) }

func judgeVersions(f *Facts, b Bound) []Check {
	if !b.readable() {
		return nil
	}
	return answer(b.Versions, b.question(f, "listing the versions of ", "GetSecret"),
		func(all []vault.Version) []Check {
			s := b.Listed
			live := slices.DeleteFunc(slices.Clone(all), func(v vault.Version) bool { return v.Leaving })
			remedy := "invoke functions/sweep, which schedules the deletion of old versions"
			slices.SortFunc(live, func(a, b vault.Version) int { return int(a.Number - b.Number) })
			if i := slices.IndexFunc(live, func(v vault.Version) bool { return v.Stale }); i >= 0 {
				remedy += fmt.Sprintf("; or: oci vault secret-version schedule-deletion --secret-id %s "+
					"--secret-version-number %d", s.ID, live[i].Number)
			}
			switch n := len(live); {
			case n < crowded:
				return passed("")
			case n < vault.MaxVersions:
				return warned(remedy, "%s has %d versions of %d", name(s), n, vault.MaxVersions)
			default:
				return failed(remedy, "%s has %d versions, the most that OCI keeps: no new one fits", name(s), n)
			}
		})
}

func judgeContent(f *Facts, b Bound) []Check {
	if !b.readable() {
		return nil
	}
	return answer(b.Current, b.question(f, "reading the content of ", "GetSecret"),
		func(int64) []Check { return passed("") })
}

func judgeJournal(_ *Facts, b Bound) []Check {
	if !b.Secret.OK() {
		return nil
	}
	s := b.Secret.Value
	j := rotation.JournalOf(s.Metadata)
	due := j.Due(s.At)
	switch {
	case len(due) > 0 && due[0].Problem == "":
		return warned("close the problem of that credential again; the journal, written by an older Keyturn, does not "+
			"name it", "%s: the rotation of %s is not finished", name(s), due[0].Old)
	case len(due) > 0 && j.Staged != nil && j.Staged.Old == due[0].Old:
		return warned("none: the next sweep asks Cloud Guard, and continues; or close its problem again",
			"%s: a rotation of %s was interrupted", name(s), due[0].Old)
	case len(due) > 0:
		return warned("none: the next sweep asks Cloud Guard, and retires it", "%s: the grace period of %s is over",
			name(s), due[0].Old)
	case j.Staged != nil && j.Staged.Phase != rotation.PhaseUndone:
		return warned("none, if it ends; else the sweep continues it after "+
			rotation.MakerLife.Round(time.Second).String(),
			"%s: a rotation of %s is in progress", name(s), j.Staged.Old)
	}
	return passed("")
}
