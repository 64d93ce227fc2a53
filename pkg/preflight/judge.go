package preflight

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/keyturn/keyturn/pkg/fault"
)

// check declares one check: its documentation, and a pure function that judges the facts.
type check struct {
	name, asks, fails, warns string
	needs                    need

	// when reports whether there is something to judge. nil means always.
	when func(*Facts) bool
	// idle says why there was nothing to judge, for not_checked. Without it the answer does not mention the check.
	idle  string
	proof bool // only needed if new credentials are proven
	judge func(*Facts) []Check
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

// waits returns why a check with that need can't be judged; "" if it can.
func (f *Facts) waits(n need) string {
	fails := func(judge func(*Facts) []Check) bool {
		return slices.ContainsFunc(judge(f), func(c Check) bool { return c.Result == Failed })
	}
	name := ""
	switch {
	case n == configured && f.Refused != nil:
		name = checkConfig
	case n >= safe && f.unsafe():
		return "nothing is asked in an environment that may expose requests, see the check " + checkConfig
	case n >= authenticated && fails(judgeToken):
		name = checkToken
	case n >= authenticated && fails(judgeClock):
		name = checkClock
	case n >= recognized && stranger(f.Tenancy.Err), n >= tenancyRead && !f.Tenancy.OK():
		name = checkTenancy
	case n >= homeReached && !f.Home.OK():
		name = checkHome
	default:
		return ""
	}
	return waitsFor + name
}

const waitsFor = "it waits for the check "

// Judge makes the checks from the facts, and lists what was not checked.
func (f *Facts) Judge() ([]Check, []NotChecked) {
	var out []Check
	skipped := f.untested()
	for _, c := range checks {
		var found []Check
		switch why := f.waits(c.needs); {
		case c.when != nil && !c.when(f), c.proof && !f.proves():
		case why != "":
			found = []Check{waiting(why)}
		default:
			found = c.judge(f)
		}
		for _, one := range found {
			one.Check = c.name
			out = append(out, one)
		}
		if len(found) > 0 || c.idle == "" {
			continue
		}
		why := c.idle
		if c.proof && !f.proves() {
			why = "prove is off"
		} else if !f.listed() {
			why = "it is not known which secrets are bound, see the check " + checkCompartments
		}
		skipped = append(skipped, NotChecked{What: c.name, Why: why})
	}
	return out, skipped
}

// untested lists what a rotation needs and no check can test.
func (f *Facts) untested() []NotChecked {
	var out []NotChecked
	for _, s := range f.policy().Statements() {
		n := NotChecked{s.writes, "it can't be tested without writing", s.Text}
		if s.Compartment != "" {
			n.What += " in " + place(s.Compartment)
		}
		if s.Name == stMail {
			n.Why = `a mail is sent only on request, with "mail":"yes"`
		}
		if s.writes != "" && !(s.Name == stMail && f.Mail) {
			out = append(out, n)
		}
	}
	if f.AnyProblem.OK() && f.AnyProblem.Value == "" {
		out = append(out, NotChecked{"GetProblem, ListProblemHistories", "Cloud Guard has no problem yet to read",
			f.statement(stProblems)})
	}
	return append(out, NotChecked{"secrets that a closure comment names in other compartments or regions",
		"they are not known in advance", ""},
		NotChecked{"the Events rule, the schedule and the subscriptions of the topic", "the function may not read them",
			""})
}

// question is one call, for the findings about its answer.
type question struct {
	of      string // what was asked for
	region  string // of the service
	refused string // what a refusal means
	remedy  string // for a refusal
}

// answer judges the answer to a question. A call that was not made, or without a clear answer, is unknown. A refusal
// fails, except that a 401 is about the region. judge judges a value.
func answer[T any](s Said[T], q question, judge func(T) Check) Check {
	switch {
	case !s.Asked:
		return unasked(q.of)
	case s.Err == nil:
		return judge(s.Value)
	case unclear(s.Err):
		return unknown("invoke the preflight again; if this persists, check the network path from the function's "+
			"subnet to that service (service gateway, security lists)", "%s: no clear answer: %s", q.of, text(s.Err))
	case stranger(s.Err):
		return failed("check that the tenancy is subscribed to that region: oci iam region-subscription list",
			"%s: the service of %s doesn't recognize the function: %s", q.of, cmp.Or(q.region, "that region"),
			text(s.Err))
	}
	return failed(q.remedy, "%s: %s", q.refused, text(s.Err))
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

func finding(r Result, remedy, format string, args ...any) Check {
	return Check{Result: r, Found: fmt.Sprintf(format, args...), Remedy: remedy}
}

func passed(format string, args ...any) Check { return finding(Passed, "", format, args...) }

func failed(remedy, format string, args ...any) Check {
	return finding(Failed, remedy, format, args...)
}

func warned(remedy, format string, args ...any) Check {
	return finding(Warning, remedy, format, args...)
}

func unknown(remedy, format string, args ...any) Check {
	return finding(Unknown, remedy, format, args...)
}

func waiting(why string) Check { return unknown("", "not known: %s", why) }

// unasked judges a call that was needed and not made: it never passes.
func unasked(what string) Check {
	return unknown("invoke the preflight again, with a longer timeout of the function",
		"%s was not checked: the function ran out of time, or the service no longer answered", what)
}

// one makes a list of a check with exactly one result.
func one(judge func(*Facts) Check) func(*Facts) []Check {
	return func(f *Facts) []Check { return []Check{judge(f)} }
}

// mostNamed is how many secrets or users with the same fault a finding names.
const mostNamed = 5

// each judges each of a list. Findings with the same remedy, such as a missing statement, become one: a hundred secrets
// have one cause. Those that passed are counted with noun and good.
func each[T interface{ about() string }](all []T, noun, good string, judge func(T) []Check) []Check {
	var out []Check
	var more [][]string // by finding: what else has the same fault
	n := 0
	for _, x := range all {
		for _, c := range judge(x) {
			if c.Result == Passed {
				n++
				continue
			}
			i := slices.IndexFunc(out, func(o Check) bool {
				return c.Remedy != "" && o.Remedy == c.Remedy && o.Result == c.Result
			})
			if i < 0 {
				out, more = append(out, c), append(more, nil)
				continue
			}
			more[i] = append(more[i], x.about())
		}
	}
	for i, others := range more {
		if len(others) == 0 {
			continue
		}
		named := strings.Join(others[:min(len(others), mostNamed)], ", ")
		if len(others) > mostNamed {
			named += ", ..."
		}
		out[i].Found += fmt.Sprintf("; the same goes for %d more: %s", len(others), named)
	}
	if n > 0 {
		out = append(out, passed("%s: %s", count(n, noun), good))
	}
	return out
}

// count writes a number with its noun.
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
