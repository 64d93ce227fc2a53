package e2e

import (
	"context"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/keyturn/keyturn/test/judge"
	"github.com/keyturn/keyturn/test/ociemu"
	"github.com/keyturn/keyturn/test/tenancy"
)

// position is a position of one of the emulator's switches about domains, and how a rotation meets it.
type position struct {
	name   string
	field  string       // of ociemu.DomainAnswers
	kind   tenancy.Kind // "" any
	meets  meeting
	change func(*ociemu.DomainAnswers)
}

// meeting is what makes a rotation meet a position; "" nothing.
type meeting string

const (
	aRefusal    meeting = "a refusal"             // the domain refuses every third call
	aLostCreate meeting = "a lost answer"         // to the create
	aFullSlot   meeting = "a full slot"           // somebody else fills it right before the create
	anInactive  meeting = "an inactive bystander" // no slot is free, and the closure allows to replace
	aRole       meeting = "a role"                // the functions have one in each domain
)

// otherFields are the switches that don't matter to a rotation of the forms: those of passwords, of the sweep's lists
// and of apps, and the length of a lag.
var otherFields = []string{"OneTimePassword", "PasswordMustChange", "NoPasswordDate", "WholeLists", "HidesAppSecret",
	"RegeneratorStatus", "InactiveLag"}

// domainPositions are the positions that may matter to a rotation. Without policies one reading of the permissions is
// like the default.
var domainPositions = []position{
	{"classic sees all users", "ClassicSeesAll", "", "", func(a *ociemu.DomainAnswers) { a.ClassicSeesAll = true }},
	{"a host without its port", "HostPort", "", "",
		func(a *ociemu.DomainAnswers) { a.HostPort = ociemu.HostPortOptional }},
	{"no message ids", "MessageIDs", "", aRefusal,
		func(a *ociemu.DomainAnswers) { a.MessageIDs = ociemu.MessageIDsAbsent }},
	{"401 without a body", "EmptyUnauthorized", "", aRefusal,
		func(a *ociemu.DomainAnswers) { a.EmptyUnauthorized = true }},
	{"409 for a full slot", "Quota", tenancy.APIKey, aFullSlot,
		func(a *ociemu.DomainAnswers) { a.Quota = ociemu.QuotaConflict }},
	{"an unknown full slot", "Quota", tenancy.APIKey, aFullSlot,
		func(a *ociemu.DomainAnswers) { a.Quota = ociemu.QuotaOther }},
	{"no value again", "RetryToken", tenancy.AuthToken, aLostCreate,
		func(a *ociemu.DomainAnswers) { a.RetryToken = ociemu.RetryTokenNoValue }},
	{"409 again", "RetryToken", tenancy.CustomerSecretKey, aLostCreate,
		func(a *ociemu.DomainAnswers) { a.RetryToken = ociemu.RetryTokenConflict }},
	{"no retry token", "RetryToken", "", aLostCreate,
		func(a *ociemu.DomainAnswers) { a.RetryToken = ociemu.RetryTokenIgnored }},
	{"an inactive slot", "InactiveSlot", tenancy.AuthToken, anInactive,
		func(a *ociemu.DomainAnswers) { a.InactiveSlot = ociemu.InactiveFreesSlot }},
	{"an inactive one lags", "InactiveUse", tenancy.CustomerSecretKey, anInactive,
		func(a *ociemu.DomainAnswers) { a.InactiveUse = ociemu.InactiveUseLags }},
	{"an inactive one works", "InactiveUse", tenancy.AuthToken, anInactive,
		func(a *ociemu.DomainAnswers) { a.InactiveUse = ociemu.InactiveUseWorks }},
	{"an inactive one in classic", "ClassicInactive", tenancy.CustomerSecretKey, anInactive,
		func(a *ociemu.DomainAnswers) { a.ClassicInactive = true }},
	{"listed secrets", "ListedSecrets", tenancy.CustomerSecretKey, "",
		func(a *ociemu.DomainAnswers) { a.ListedSecrets = true }},
	{"both registry names", "RegistryNames", tenancy.AuthToken, "",
		func(a *ociemu.DomainAnswers) { a.RegistryNames = ociemu.RegistryNamesBoth }},
	{"domains in all names", "RegistryNames", tenancy.AuthToken, "",
		func(a *ociemu.DomainAnswers) { a.RegistryNames = ociemu.RegistryNamesDomain }},
	{"lists in no order", "IgnoresSortBy", "", "", func(a *ociemu.DomainAnswers) { a.IgnoresSortBy = true }},
	{"problems with OCIDs", "ProblemIDs", "", "",
		func(a *ociemu.DomainAnswers) { a.ProblemIDs = ociemu.ProblemIDsOCID }},
	{"problems with paths", "ProblemIDs", "", "",
		func(a *ociemu.DomainAnswers) { a.ProblemIDs = ociemu.ProblemIDsPath }},
	{"problems with SCIM ids", "ProblemIDs", "", "",
		func(a *ociemu.DomainAnswers) { a.ProblemIDs = ociemu.ProblemIDsSCIM }},
	{"problems with domains", "ProblemDomains", "", "",
		func(a *ociemu.DomainAnswers) { a.ProblemDomains = true }},
	{"an App role", "Authorization", "", aRole,
		func(a *ociemu.DomainAnswers) { a.Authorization = ociemu.AuthorizationAppRole }},
}

// answersPair is a rotation with two positions.
type answersPair struct {
	positions [2]position
	want      tenancy.Want
}

func (p answersPair) name() string {
	name := p.positions[0].name + ", " + p.positions[1].name + ", " + string(p.want.Kind)
	if p.want.Bundle {
		name += " bundle"
	}
	return name + ", " + tenancy.ShownDomain(p.want.Domain)
}

func (p answersPair) meets(m meeting) bool {
	return p.positions[0].meets == m || p.positions[1].meets == m
}

// drawPairs draws pairs of positions of different switches that one rotation can meet, and the rotation's form and
// domain. A position that has been in fewer pairs comes first.
func drawPairs(seed uint64, n int) (pairs []answersPair) {
	random := rand.New(rand.NewPCG(seed, 15))
	times, drawn := map[string]int{}, map[[2]string]bool{}
	next := func(fits func(position) bool) (best position, ok bool) {
		for _, i := range random.Perm(len(domainPositions)) {
			p := domainPositions[i]
			if fits(p) && (!ok || times[p.name] < times[best.name]) {
				best, ok = p, true
			}
		}
		return best, ok
	}
	kinds := []tenancy.Kind{tenancy.APIKey, tenancy.AuthToken, tenancy.CustomerSecretKey}
	for len(pairs) < n {
		a, _ := next(func(position) bool { return true })
		b, ok := next(func(b position) bool {
			return a.field != b.field && (a.kind == "" || b.kind == "" || a.kind == b.kind) &&
				!drawn[[2]string{a.name, b.name}] && !drawn[[2]string{b.name, a.name}]
		})
		if !ok {
			return pairs
		}
		times[a.name]++
		times[b.name]++
		drawn[[2]string{a.name, b.name}] = true
		w := tenancy.Want{Kind: a.kind, Bundle: random.IntN(2) == 1,
			Domain: tenancy.AllDomains()[random.IntN(len(tenancy.AllDomains()))]}
		if w.Kind == "" {
			w.Kind = b.kind
		}
		if w.Kind == "" {
			w.Kind = kinds[random.IntN(len(kinds))]
		}
		pairs = append(pairs, answersPair{[2]position{a, b}, w})
	}
	return pairs
}

// The seed and number of the pairs. Each position is in at least two of them.
const (
	pairsSeed  = 1
	pairsCount = 24
)

func TestEveryPositionOfADomainSwitchIsInTwoPairs(t *testing.T) {
	positions, fields, domains := map[string]int{}, map[string]bool{}, map[string]bool{}
	pairs := drawPairs(pairsSeed, pairsCount)
	for _, p := range pairs {
		for _, one := range p.positions {
			positions[one.name]++
			fields[one.field] = true
			if one.kind != "" && one.kind != p.want.Kind {
				t.Errorf("%s: the rotation doesn't meet %s", p.name(), one.name)
			}
		}
		domains[p.want.Domain] = true
	}
	for _, p := range domainPositions {
		if positions[p.name] < 2 {
			t.Errorf("%s is in %d pairs", p.name, positions[p.name])
		}
	}
	for _, field := range reflect.VisibleFields(reflect.TypeFor[ociemu.DomainAnswers]()) {
		if fields[field.Name] == slices.Contains(otherFields, field.Name) {
			t.Errorf("the switch %s is in no pair", field.Name)
		}
	}
	if len(pairs) != pairsCount || len(domains) != len(tenancy.AllDomains()) {
		t.Errorf("%d pairs in %d domains", len(pairs), len(domains))
	}
}

func TestADomainUserIsRotatedWhateverTheDomainAnswers(t *testing.T) {
	for _, p := range drawPairs(pairsSeed, pairsCount) {
		t.Run(p.name(), func(t *testing.T) {
			t.Parallel()
			var o ociemu.Options
			for _, one := range p.positions {
				one.change(&o.DomainAnswers)
			}
			if p.meets(aRefusal) {
				o.DomainRefusals = 3
			}
			if p.meets(anInactive) {
				p.want.Bystander = p.want.Kind.Record().Limit - 1
			}
			s := withDomains(t, o)
			c := s.Add(p.want)
			h := judgeCase(t, s, c)
			meet(t, s, c, p, h)
			var options []string
			if p.meets(anInactive) {
				options = append(options, "replace:yes")
			}
			a := closeProblem(t, s, c, c.Comment(options...))
			if p.meets(aFullSlot) {
				if a.Outcome != "refused" || len(c.IDs()) != c.Kind.Record().Limit {
					t.Fatalf("without a free slot the answer is %+v, and the user has %v", a, c.IDs())
				}
				s.Forward(11 * time.Minute) // a delivery waits this long for the one that announced its work
				a = closeProblem(t, s, c, c.Comment("replace:yes"))
			}
			if a.Outcome != "rotated" {
				t.Fatalf("the answer is %+v", a)
			}
			successorOnly(t, c)
			if p := s.Problem(c.Problem); p.Status != "RESOLVED" {
				t.Errorf("the problem is %s (%s)", p.Status, p.Comment)
			}
		})
	}
}

// meet arranges what makes the rotation meet the positions.
func meet(t *testing.T, s *tenancy.Deployment, c *tenancy.Case, p answersPair, h *judge.History) {
	t.Helper()
	create := func(k ociemu.Call) bool {
		return k.Operation == creates[c.Kind] || k.Operation == "CreateApiKey"
	}
	if p.meets(aRole) {
		for _, d := range s.Domains() {
			s.GrantDomainRole(d.ID, s.Function.FunctionID)
			s.GrantDomainRole(d.ID, s.Operator.UserID)
		}
	}
	if p.meets(anInactive) {
		if err := c.Deactivate(t.Context(), c.Bystander[0]); err != nil {
			t.Fatal(err)
		}
	}
	if p.meets(aLostCreate) {
		s.Inject(ociemu.Fault{When: ociemu.After, Do: ociemu.Cut, Match: create})
	}
	if p.meets(aFullSlot) {
		duringCall(t, s, ociemu.Before, create, func(context.Context, int) {
			for len(c.IDs()) < c.Kind.Record().Limit {
				own := c.AddCredential()
				h.AddKnown(own.ID)
				c.Bystander = append(c.Bystander, own.ID)
			}
		})
	}
}
