package acceptance

import (
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
)

// check is a requirement, and whether it was met.
type check struct {
	Name   string `json:"name"`
	Passed bool   `json:"passed"`
	Detail string `json:"detail,omitempty"`
}

// The verdicts on a fact.
const (
	asAssumed = "as assumed"
	expected  = "differs, and Keyturn is ready for it"
	differs   = "DIFFERS, and Keyturn was not tested with it"
	noted     = "noted"
	notSeen   = "not observed"
)

// observation is what a run saw of a fact.
type observation struct {
	Fact    string `json:"fact"`
	Assumed string `json:"assumed"`
	Matters string `json:"matters"`
	Saw     string `json:"saw,omitempty"`
	Verdict string `json:"verdict"`
}

// report collects the results, and prints each check. It holds no value of a credential.
type report struct {
	out    io.Writer
	checks []check
	saw    map[string]observation // by fact
}

func newReport(out io.Writer) *report { return &report{out: out, saw: map[string]observation{}} }

// check adds a check. The detail says what was seen, whether it passed or not.
func (r *report) check(passed bool, name, detail string, args ...any) bool {
	c := check{Name: name, Passed: passed, Detail: fmt.Sprintf(detail, args...)}
	r.checks = append(r.checks, c)
	fmt.Fprintln(r.out, c)
	return passed
}

func (c check) String() string {
	line := pick(c.Passed, "  passed  ", "  FAILED  ") + c.Name
	if c.Detail != "" {
		line += ": " + c.Detail
	}
	return line
}

// fact adds what was seen of a fact: the outcome, which is compared, and details.
func (r *report) fact(id, outcome, detail string, args ...any) {
	f, verdict := factOf(id), differs
	switch {
	case f.Expect == "":
		verdict = noted
	case outcome == f.Expect:
		verdict = asAssumed
	case slices.Contains(f.Ready, outcome):
		verdict = expected
	}
	saw := outcome
	if more := fmt.Sprintf(detail, args...); more != "" {
		saw = strings.TrimPrefix(outcome+"; "+more, "; ")
	}
	r.saw[id] = f.observed(saw, verdict)
}

// unseen adds the reason why a fact was not observed.
func (r *report) unseen(id, why string, args ...any) {
	r.saw[id] = factOf(id).observed(fmt.Sprintf(why, args...), notSeen)
}

func (f fact) observed(saw, verdict string) observation {
	return observation{Fact: f.ID, Assumed: f.Assumes, Matters: f.Matters, Saw: saw, Verdict: verdict}
}

// observations are those of all facts, in the order of the table.
func (r *report) observations() []observation {
	var all []observation
	for _, f := range facts {
		o, ok := r.saw[f.ID]
		if !ok {
			o = f.observed(pick(f.Expect == never, f.How, "the run ended before"), notSeen)
		}
		all = append(all, o)
	}
	return all
}

// failed are the checks that failed.
func (r *report) failed() []check {
	return slices.DeleteFunc(slices.Clone(r.checks), func(c check) bool { return c.Passed })
}

// heading identifies a run.
type heading struct {
	Run        string `json:"run"`
	Began      string `json:"began"`
	Home       string `json:"home_region"`
	Region     string `json:"function_region"`
	Vault      string `json:"vault_region"`
	SDK        string `json:"sdk"`
	Configured string `json:"configured"` // see deployment.configured
}

// text is the report as Markdown, ready for an issue.
func (r *report) text(h heading, left Remains) string {
	var b strings.Builder
	fmt.Fprintf(&b, "## Keyturn acceptance run %s\n\n", h.Run)
	fmt.Fprintf(&b, "- began %s, home region %s, function in %s, vault in %s\n- %s, oci-go-sdk %s\n", h.Began, h.Home,
		h.Region, h.Vault, h.Configured, h.SDK)
	failed := r.failed()
	fmt.Fprintf(&b, "- %d of %d checks passed\n", len(r.checks)-len(failed), len(r.checks))
	for _, line := range left.lines() {
		fmt.Fprintf(&b, "- %s\n", line)
	}
	if len(failed) > 0 {
		b.WriteString("\n### Checks that failed\n\n```\n")
		for _, c := range failed {
			fmt.Fprintln(&b, c)
		}
		b.WriteString("```\n")
	}
	all := r.observations()
	for _, part := range []struct {
		title    string
		verdicts []string
	}{
		{"What OCI does differently from what Keyturn assumes", []string{differs, expected}},
		{"What is as assumed", []string{asAssumed}},
		{"What was noted", []string{noted}},
		{"What was not observed", []string{notSeen}},
	} {
		fmt.Fprintf(&b, "\n### %s\n\n", part.title)
		rows := 0
		for _, o := range all {
			if !slices.Contains(part.verdicts, o.Verdict) {
				continue
			}
			rows++
			if rows == 1 {
				b.WriteString("| fact | assumed | seen | verdict |\n|---|---|---|---|\n")
			}
			fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", o.Fact, cell(o.Assumed), cell(o.Saw), o.Verdict)
		}
		if rows == 0 {
			b.WriteString("Nothing.\n")
		}
	}
	return ocid.ReplaceAllString(b.String(), "$1...$2")
}

// ocid matches the unique part of an OCID, which a public issue doesn't need.
var ocid = regexp.MustCompile(`(ocid1\.[a-z0-9]+\.[a-z0-9]*\.[a-z0-9-]*\.)[a-z0-9]{12,}([a-z0-9]{6})`)

// cell makes a text fit for a table.
func cell(s string) string {
	return strings.ReplaceAll(strings.Join(strings.Fields(s), " "), "|", `\|`)
}

// Report is the result of a run, for programs. It has full OCIDs.
type Report struct {
	Run    heading       `json:"run"`
	Passed bool          `json:"passed"` // all checks, and nothing is left
	Checks []check       `json:"checks"`
	Facts  []observation `json:"facts"`
	Left   Remains       `json:"left"`
}

// whole is the report of a run.
func (r *report) whole(h heading, left Remains) Report {
	return Report{Run: h, Passed: len(r.failed()) == 0 && left.clean(), Checks: r.checks, Facts: r.observations(),
		Left: left}
}
