package preflight

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/keyturn/keyturn/pkg/config"
	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/fault"
)

// Judge makes the checks out of the facts, and lists what was not looked at.
func (f *Facts) Judge() ([]Check, []NotChecked) {
	var checks []Check
	var skipped []NotChecked
	for _, s := range specs() {
		out := s.judge(f)
		for _, c := range out {
			c.Check = s.name
			checks = append(checks, c)
		}
		if len(out) == 0 && s.skipped != nil {
			skipped = append(skipped, NotChecked{What: s.name, Why: s.skipped(f)})
		}
	}
	return checks, append(f.untried(), skipped...)
}

func passed(format string, args ...any) Check {
	return Check{Result: Passed, Found: fmt.Sprintf(format, args...)}
}

func failed(remedy, format string, args ...any) Check {
	return Check{Result: Failed, Found: fmt.Sprintf(format, args...), Remedy: remedy}
}

func warned(remedy, format string, args ...any) Check {
	return Check{Result: Warning, Found: fmt.Sprintf(format, args...), Remedy: remedy}
}

func unknown(remedy, format string, args ...any) Check {
	return Check{Result: Unknown, Found: fmt.Sprintf(format, args...), Remedy: remedy}
}

// waiting says that an answer is not worth anything before another check passes.
func waiting(why string) Check { return unknown("", "not known: %s", why) }

// longer is the remedy of what the time was too short for.
const longer = "invoke the preflight again, with a longer timeout of the function"

// unasked judges a question that should have been put, and was not: it is never taken for a good answer.
func unasked(what string) Check {
	return unknown(longer, "%s was not looked at: the time, or the patience with a silent service, was over", what)
}

// listed tells that it is known which secrets are bound.
func (f *Facts) listed() bool {
	return len(f.Compartments) > 0 && !slices.ContainsFunc(f.Compartments, func(c Compartment) bool {
		return !c.Secrets.OK()
	})
}

// betrayed tells that what is sent and answered might get into the log, or to somebody else: then nothing may be asked
// at all.
func (f *Facts) betrayed() bool { return f.Refused != nil && f.Refused.Unsafe() }

// groundless is what makes every signed question worthless, before any was put; "" if nothing does.
func (f *Facts) groundless() string {
	switch {
	case f.betrayed():
		return "nothing is asked in an environment that might betray it, see the check " + checkConfig
	case f.checkFails(judgeToken):
		return "it waits for the check " + checkToken
	case f.checkFails(judgeClock):
		return "it waits for the check " + checkClock
	}
	return ""
}

// baseless is the same, with the answer to the first one.
func (f *Facts) baseless() string {
	if why := f.groundless(); why != "" || !stranger(f.Tenancy.Err) {
		return why
	}
	return "it waits for the check " + checkTenancy
}

// stranger tells that a service doesn't recognize the function.
func stranger(err error) bool {
	var f *fault.Error
	return errors.As(err, &f) && f.Status == http.StatusUnauthorized
}

// unset is what makes the questions worthless that need the configuration.
func (f *Facts) unset() string {
	if f.Refused != nil {
		return "it waits for the check " + checkConfig
	}
	return f.baseless()
}

// away is what makes the questions worthless that are put to the home region.
func (f *Facts) away() string {
	switch {
	case f.unset() != "":
		return f.unset()
	case !f.Tenancy.OK():
		return "it waits for the check " + checkTenancy
	case !f.Home.OK():
		return "it waits for the check " + checkHome
	}
	return ""
}

func (f *Facts) checkFails(judge func(*Facts) []Check) bool {
	return slices.ContainsFunc(judge(f), func(c Check) bool { return c.Result == Failed })
}

// proves tells that a new credential is tried out.
func (f *Facts) proves() bool { return f.Config.Prove != config.ProveOff }

// open tells that an error leaves the question open.
func open(err error) bool {
	switch fault.Of(err) {
	case fault.Unclear, fault.Throttled, fault.Busy:
		return true
	}
	return false
}

// trouble judges an error that is not about the thing itself; ok is false for a refusal, which is the caller's to
// explain.
func trouble(err error, region string) (c Check, ok bool) {
	switch {
	case open(err):
		return unknown("invoke the preflight again; if it stays so, look at the way from the function's subnet to "+
			"that service (service gateway, security lists)",
			"no clear answer: %s", text(err)), true
	case stranger(err):
		return failed("is the tenancy subscribed to that region? oci iam region-subscription list",
			"the service of %s doesn't recognize the function: %s",
			cmp.Or(region, "that region"), text(err)), true
	}
	return Check{}, false
}

// text is an error in one line, without what an error of a library may quote.
func text(err error) string {
	var f *fault.Error
	if errors.As(err, &f) {
		return f.Error()
	}
	return "the call could not be made"
}

// mostNamed is how many secrets or users are named that have one fault in common.
const mostNamed = 5

// merge makes one check of those that one remedy fixes, such as a missing statement: a hundred secrets are one finding
// then.
func merge(checks []Check) []Check {
	var out []Check
	more := map[Check][]string{}
	for _, c := range checks {
		i := slices.IndexFunc(out, func(o Check) bool {
			return c.Remedy != "" && o.Remedy == c.Remedy && o.Result == c.Result
		})
		if i < 0 {
			out = append(out, c)
			continue
		}
		more[out[i]] = append(more[out[i]], c.about)
	}
	for i, c := range out {
		if others := more[c]; len(others) > 0 {
			named := strings.Join(others[:min(len(others), mostNamed)], ", ")
			if len(others) > mostNamed {
				named += ", ..."
			}
			out[i].Found = fmt.Sprintf("%s; the same goes for %d more: %s", c.Found, len(others), named)
		}
	}
	return out
}

// isUser tells that a text is the OCID of a user.
func isUser(id string) bool { return strings.HasPrefix(strings.ToLower(id), "ocid1.user.") }

// count writes a number with its noun.
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// write is something that a rotation does and that is never tried.
type write struct {
	what, statement string
	secrets         bool // there is a statement for each compartment
}

func (w write) place(p Policy) string {
	if w.secrets {
		return p.Compartments[0]
	}
	return ""
}

// writes are all writes of a function.
func writes(function string) []write {
	out := []write{{"UpdateProblemStatus", stProblems, false}, {"part of all changes of credentials", stChange, false}}
	for _, k := range credential.Kinds() {
		operations := slices.Clone(k.Record().Operations)
		// the policies' name of the same
		operations = slices.DeleteFunc(operations, func(o string) bool { return o == "CreateSecretKey" })
		out = append(out, write{strings.Join(operations, ", "), string(k), false})
	}
	out = append(out, write{"CreateOrResetUIPassword, if IAM asks for the permission of Oracle's tutorial",
		stPasswordSet, false},
		write{"UpdateSecret", stSecrets, true})
	if function == sweeping {
		out = append(out, write{"ScheduleSecretVersionDeletion", stPrune, true})
	}
	return append(out, write{"PublishMessage", stMail, false}, write{"PostMetricData, which no rotation needs",
		stMetrics, false})
}

// untried lists the writes, and what else could not be tried.
func (f *Facts) untried() []NotChecked {
	const why = "it can't be tried without writing"
	p := f.policy()
	var out []NotChecked
	for _, w := range writes(f.Function) {
		switch {
		case w.statement == stMail && f.Mail:
		case w.secrets:
			for _, c := range p.Compartments {
				out = append(out, NotChecked{w.what + " in " + place(c), why, p.statement(w.statement, c)})
			}
		case w.statement == stMail:
			out = append(out, NotChecked{w.what, `no mail is sent unless asked for with "mail":"yes"`,
				p.statement(w.statement, "")})
		default:
			out = append(out, NotChecked{w.what, why, p.statement(w.statement, "")})
		}
	}
	if f.AnyProblem.OK() && f.AnyProblem.Value == "" {
		out = append(out, NotChecked{"GetProblem, ListProblemHistories", "Cloud Guard has no problem yet that " +
			"could be read", p.statement(stProblems, "")})
	}
	return append(out, NotChecked{"secrets that a closure comment names in other compartments or regions",
		"they are not known in advance", ""},
		NotChecked{"the Events rule, the schedule and the subscriptions of the topic", "the function may not read them",
			""})
}
