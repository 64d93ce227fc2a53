package report

import (
	"fmt"
	"slices"

	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/phrase"
)

// maxExamples is how many examples a verdict has.
const maxExamples = 20

// limitDays is the limit of the benchmark, whatever the report's own one.
const limitDays = 90

// signingKey is the kind that 1.12 and 1.17 are about.
const signingKey = credential.APIKey

// aged are the recommendations about the age of a kind of credential.
var aged = []struct {
	number string
	kind   credential.Kind
	title  string
}{
	{"1.8", credential.APIKey, "User API keys are at most 90 days old"},
	{"1.9", credential.CustomerSecretKey, "Customer secret keys are at most 90 days old"},
	{"1.10", credential.AuthToken, "Auth tokens are at most 90 days old"},
	{"1.11", credential.DatabasePassword, "IAM database passwords are at most 90 days old"},
}

// assessment adds rows up. They come oldest first.
type assessment struct {
	b       *Builder
	missing map[credential.Kind]bool
	counts  []Count
	aged    map[credential.Kind]*Verdict
	undated map[credential.Kind]int
	admins  examples // administrators with an API key
	many    examples // users with several API keys
}

// examples has the first users of a list.
type examples struct {
	users []string
	texts []string
}

func (e *examples) add(user, text string) {
	if len(e.users) < maxExamples && !slices.Contains(e.users, user) {
		e.users, e.texts = append(e.users, user), append(e.texts, text)
	}
}

func newAssessment(b *Builder, missing map[credential.Kind]bool) *assessment {
	a := &assessment{b: b, missing: missing, aged: map[credential.Kind]*Verdict{},
		undated: map[credential.Kind]int{}}
	for _, r := range aged {
		a.aged[r.kind] = &Verdict{Recommendation: r.number, Title: r.title}
	}
	return a
}

// count returns the count of the kind.
func (a *assessment) count(k credential.Kind) *Count {
	i := slices.IndexFunc(a.counts, func(c Count) bool { return c.Kind == k })
	if i < 0 {
		a.counts, i = append(a.counts, Count{Kind: k}), len(a.counts)
	}
	return &a.counts[i]
}

func (a *assessment) add(r Row) {
	c := a.count(r.Kind)
	c.All++
	switch r.State {
	case StateOld:
		c.Old++
	case StateSoon:
		c.Soon++
	case StateNotKnown:
		c.Undated++
		a.undated[r.Kind]++
	}
	if len(r.Secrets) > 0 {
		c.Bound++
	}
	if r.Exempt != "" {
		c.Exempt++
	}
	if v := a.aged[r.Kind]; v != nil {
		v.Checked++
		if r.AgeDays >= limitDays {
			v.Against++
			if r.Exempt != "" {
				v.Exempt++
			}
			if len(v.Examples) < maxExamples {
				v.Examples = append(v.Examples, example(r))
			}
		}
	}
	if r.Kind == signingKey {
		a.addAPIKey(r)
	}
}

// apiKeys is the index of API keys in user.has.
var apiKeys = slices.Index(credential.Observed(), signingKey)

func (a *assessment) addAPIKey(r Row) {
	n := int(a.b.users[a.b.key(r.User, "")].has[apiKeys])
	text := fmt.Sprintf("%s: %s, the oldest %d days old", r.UserName, phrase.Count(n, "API key"), r.AgeDays)
	if r.Exempt != "" {
		text += ", exempt: " + r.Exempt
	}
	if r.Administrator == Yes {
		a.admins.add(r.User, text)
	}
	if n > 1 {
		a.many.add(r.User, text)
	}
}

// verdicts returns the verdicts, in the benchmark's order.
func (a *assessment) verdicts() []Verdict {
	var all []Verdict
	for _, r := range aged {
		v := *a.aged[r.kind]
		undated := a.undated[r.kind]
		v.Result = v.result(a.missing[r.kind] || undated > 0)
		v.Why = fmt.Sprintf("%d of %s older than %d days", v.Against, phrase.Count(v.Checked, r.kind.Noun()+" is",
			r.kind.Noun()+"s are"), limitDays) + v.exempted() + "."
		if undated > 0 {
			v.Why += fmt.Sprintf(" The age of %d isn't known.", undated)
		}
		all = append(all, a.finished(v, a.missing[r.kind]))
	}
	return append(all, a.administrators(), a.several())
}

// leaversCount ends each verdict.
const leaversCount = "Users who can't sign in count, as OCI lists them."

// finished adds what all verdicts say.
func (a *assessment) finished(v Verdict, missing bool) Verdict {
	if missing {
		v.Why += " Not all could be read: see what was not asked."
	}
	v.Why += " " + leaversCount
	return v
}

// result is the result of a verdict. partial says that something that matters isn't known.
func (v Verdict) result(partial bool) Result {
	switch {
	case v.Against > v.Exempt:
		return NotMet
	case partial:
		return NotKnown
	}
	return Met
}

func (v Verdict) exempted() string {
	if v.Exempt == 0 {
		return ""
	}
	return fmt.Sprintf(", %d of them with an exemption", v.Exempt)
}

// administrators is 1.12. It counts users.
func (a *assessment) administrators() Verdict {
	v := Verdict{Recommendation: "1.12", Title: "Administrators of the tenancy have no API keys",
		Examples: a.admins.texts}
	for at, u := range a.b.users {
		if !u.admin {
			continue
		}
		v.Checked++
		if u.has[apiKeys] > 0 {
			v.Against++
			v.Exempt += a.exempt(at)
		}
	}
	known := a.b.admins.asked && a.b.admins.err == nil
	v.Result = v.result(a.missing[signingKey] || !known)
	v.Why = fmt.Sprintf("%d of %s an API key", v.Against, phrase.Count(v.Checked, "administrator has",
		"administrators have")) + v.exempted() + "."
	if !known {
		v.Why += " It isn't known who all the administrators are."
	}
	return a.finished(v, a.missing[signingKey])
}

// several is 1.17. It counts users.
func (a *assessment) several() Verdict {
	v := Verdict{Recommendation: "1.17", Title: "A user has at most one API key", Examples: a.many.texts}
	for at, u := range a.b.users {
		if u.listed || u.has[apiKeys] > 0 {
			v.Checked++
		}
		if u.has[apiKeys] > 1 {
			v.Against++
			v.Exempt += a.exempt(at)
		}
	}
	v.Result = v.result(a.missing[signingKey])
	v.Why = fmt.Sprintf("%d of %s more than one API key", v.Against, phrase.Count(v.Checked, "user has",
		"users have")) + v.exempted() + ". A rotation's grace period counts while it lasts."
	return a.finished(v, a.missing[signingKey])
}

// exempt is 1 if the user's API keys have an exemption that counts.
func (a *assessment) exempt(user uint64) int {
	if e, _ := exemptionOf(a.b.exempt[user], signingKey); e != nil {
		return 1
	}
	return 0
}
