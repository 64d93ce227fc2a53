package preflight

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/keyturn/keyturn/pkg/fault"
	"github.com/keyturn/keyturn/pkg/phrase"
)

// check declares one check: its documentation, and a pure function that judges the facts.
type check struct {
	name, asks, fails, warns string
	needs                    need
	when                     func(*Facts) bool // whether there is something to judge; nil means always
	whySkipped               string            // why not, for not_checked; "" leaves the check out of the answer
	proof                    bool              // only needed if new credentials are proven
	judge                    func(*Facts) []Check
}

// need is what has to be in order before a check can say anything. Each level includes those above it, except that
// only the checks of the level configured need the configuration: the others then have no secrets or users to judge.
type need int

const (
	nothing       need = iota
	safe               // the environment lets the function send requests
	authenticated      // the token and the clock are right
	recognized         // IAM knows the function
	configured
	tenancyRead
	homeReached
)

// blocked returns why a check with that need can't be judged; "" if it can.
func (f *Facts) blocked(n need) string {
	var name string
	switch {
	case n == configured && f.Refused != nil:
		name = checkConfig
	case n >= safe && f.unsafe():
		return "nothing is asked in an environment that may expose requests, see the check " + checkConfig
	case n >= authenticated && judgeToken(f)[0].Result == Failed:
		name = checkToken
	case n >= authenticated && judgeClock(f)[0].Result == Failed:
		name = checkClock
	case n >= recognized && stranger(f.Tenancy.Err), n >= tenancyRead && !f.Tenancy.OK():
		name = checkTenancy
	case n >= homeReached && !f.Home.OK():
		name = checkHome
	default:
		return ""
	}
	return blockedBy + name
}

const blockedBy = "it waits for the check "

// Judge makes the checks from the facts, and lists what was not checked.
func (f *Facts) Judge() (out []Check, skipped []NotChecked) {
	skipped = f.untested()
	for _, c := range checks {
		var results []Check
		whySkipped := c.whySkipped
		if whySkipped != "" && !f.listed() {
			whySkipped = "it is not known which secrets are bound, see the check " + checkCompartments
		}
		switch why := f.blocked(c.needs); {
		case c.proof && !f.proves():
			whySkipped = "prove is off"
		case c.when != nil && !c.when(f):
		case why != "":
			results = waiting(why)
		default:
			results = c.judge(f)
		}
		if len(results) == 0 && whySkipped != "" {
			skipped = append(skipped, NotChecked{What: c.name, Why: whySkipped})
		}
		for i := range results {
			results[i].Check = c.name
		}
		out = append(out, results...)
	}
	return out, skipped
}

// untested lists what a rotation needs and no check can test.
func (f *Facts) untested() []NotChecked {
	var out []NotChecked
	for _, s := range f.policy().Statements() {
		n := NotChecked{s.writes, "it can't be tested without writing", s.Text}
		switch {
		case s.writes == "" || s.Name == "mail" && f.Mail:
			continue
		case s.Name == "mail":
			n.Why = `a mail is sent only on request, with "mail":"yes"`
		case s.Compartment != "":
			n.What += " in " + place(s.Compartment)
		}
		out = append(out, n)
	}
	if f.AnyProblem.OK() && f.AnyProblem.Value == "" {
		out = append(out, NotChecked{"GetProblem, ListProblemHistories", "there is no problem yet to read",
			f.statement("problems")})
	}
	if f.asksDomains() {
		out = append(out, NotChecked{What: "changes of credentials in identity domains", Why: "they can't be tested " +
			"without writing, and no documentation says which permissions they need"})
	}
	return append(out,
		NotChecked{What: "secrets that a closure comment names in other compartments or regions", Why: "not known yet"},
		NotChecked{What: "the Events rule, the schedule and the topic's subscriptions",
			Why: "the function can't read them"})
}

// question is a call, for the findings about its answer.
type question struct {
	doing  string // e.g. "reading the topic"
	region string // of the service
	note   string // follows "is not allowed"
	remedy string // for a refusal
}

const path = "check the network path (service gateway, security lists) from the function's subnet to "

// answer judges the answer to a question. It is unknown if there was no call or no clear answer. A refusal fails; if it
// is a 401, the region is the cause. judge judges a value.
func answer[T any](s Response[T], q question, judge func(T) []Check) []Check {
	switch {
	case !s.Asked:
		return unasked(q.doing)
	case s.Err == nil:
		return judge(s.Value)
	case unclear(s.Err):
		return unknown("invoke the preflight again; if this persists, "+path+"that service",
			"%s: no clear answer: %s", q.doing, text(s.Err))
	case stranger(s.Err):
		return failed("check that the tenancy is subscribed to that region: oci iam region-subscription list",
			"%s: the service of %s doesn't recognize the function: %s",
			q.doing, cmp.Or(q.region, "that region"), text(s.Err))
	}
	return failed(q.remedy, "%s is not allowed%s: %s", q.doing, q.note, text(s.Err))
}

// denied reports that the service answered, and refused the call itself.
func denied(err error) bool { return err != nil && !unclear(err) && !stranger(err) }

// unclear reports that an error leaves the question open.
func unclear(err error) bool {
	switch fault.Of(err) {
	case fault.Unclear, fault.Throttled, fault.Busy:
		return true
	}
	return false
}

// stranger reports that a service doesn't recognize the function.
func stranger(err error) bool {
	f, ok := errors.AsType[*fault.Error](err)
	return ok && f.Status == http.StatusUnauthorized
}

// text returns an error in one line. An error of a library may quote anything, so its text is left out.
func text(err error) string {
	if f, ok := errors.AsType[*fault.Error](err); ok {
		return f.Error()
	}
	return "the call could not be made"
}

// found is a check with one result. Judges return lists, since some checks have several results, or none.
func found(r Result, remedy, format string, args ...any) []Check {
	return []Check{{Result: r, Found: fmt.Sprintf(format, args...), Remedy: remedy}}
}

func passed(format string, args ...any) []Check       { return found(Passed, "", format, args...) }
func failed(remedy, format string, a ...any) []Check  { return found(Failed, remedy, format, a...) }
func warned(remedy, format string, a ...any) []Check  { return found(Warning, remedy, format, a...) }
func unknown(remedy, format string, a ...any) []Check { return found(Unknown, remedy, format, a...) }

// waiting judges what depends on something else.
func waiting(why string) []Check { return unknown("", "not known: %s", why) }

// unasked judges a call that was needed and not made: it never passes.
func unasked(doing string) []Check {
	return unknown("invoke the preflight again, with a longer timeout of the function",
		"not checked: %s; the function ran out of time, or the service no longer answered", doing)
}

// mostNamed is how many secrets or users with the same fault a finding names.
const mostNamed = 5

// each judges each of a list. Findings with the same remedy, such as a missing statement, become one: a hundred secrets
// have one cause. Those that passed are counted with noun and good.
func each[T interface{ about() string }](all []T, noun, good string, judge func(T) []Check) (out []Check) {
	var more [][]string // by finding: what else has the same fault
	n := 0
	for _, x := range all {
		for _, c := range judge(x) {
			i := slices.IndexFunc(out, func(o Check) bool { return o.Remedy == c.Remedy && o.Result == c.Result })
			switch {
			case c.Result == Passed:
				n++
			case i < 0 || c.Remedy == "":
				out, more = append(out, c), append(more, nil)
			default:
				more[i] = append(more[i], x.about())
			}
		}
	}
	for i, others := range more {
		same := len(others)
		if same > mostNamed {
			others = append(others[:mostNamed], "...")
		}
		if same > 0 {
			out[i].Found += fmt.Sprintf("; the same goes for %d more: %s", same, strings.Join(others, ", "))
		}
	}
	if n > 0 {
		out = append(out, passed("%s: %s", phrase.Count(n, noun), good)...)
	}
	return out
}
