package main

import (
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/keyturn/keyturn/test/ociemu"
)

// count is how many cells ran, and how many passed.
type count struct{ ran, passed int }

func (c *count) add(r result) {
	c.ran++
	if len(r.failures) == 0 {
		c.passed++
	}
}

func (c count) String() string {
	switch {
	case c.ran == 0:
		return ""
	case c.ran == c.passed:
		return fmt.Sprint(c.passed)
	}
	return fmt.Sprintf("**%d of %d**", c.passed, c.ran)
}

// tally counts the results by row and column, both in the order of their first appearance.
type tally struct {
	rows, columns []string
	counts        map[[2]string]*count
}

// tallyOf counts the results by form and by columnOf. It leaves out inconclusive ones.
func tallyOf(results []result, columnOf func(cell) string) tally {
	t := tally{counts: map[[2]string]*count{}}
	for _, r := range results {
		if r.inconclusive && len(r.failures) == 0 {
			continue
		}
		row, column := r.cell.form.name, columnOf(r.cell)
		if !slices.Contains(t.rows, row) {
			t.rows = append(t.rows, row)
		}
		if !slices.Contains(t.columns, column) {
			t.columns = append(t.columns, column)
		}
		key := [2]string{row, column}
		if t.counts[key] == nil {
			t.counts[key] = &count{}
		}
		t.counts[key].add(r)
	}
	return t
}

// countText is the table's text for a row and a column.
func (t tally) countText(row, column string) string {
	if c := t.counts[[2]string{row, column}]; c != nil {
		return c.String()
	}
	return ""
}

// faultColumn is the cell's row on the page: its fault.
func faultColumn(c cell) string {
	switch {
	case len(c.faults) == 1:
		return c.faults[0].name
	case c.sites[1].operation == "":
		return "two consecutive faults"
	}
	return "two faults anywhere"
}

// groupColumn is the cell's column on a terminal: its group of faults.
func groupColumn(c cell) string {
	if len(c.faults) > 1 {
		return "two"
	}
	switch d := c.faults[0]; {
	case d.action != nil:
		return "operator"
	case d.repeats:
		return "for good"
	case d.late && d.kill:
		return "late"
	case d.kill:
		return "killed"
	case d.late:
		return "hangs"
	case d.when == ociemu.After:
		return "answer lost"
	}
	return "refused"
}

// summary is the table for a terminal, with the largest numbers.
func summary(results []result) string {
	t := tallyOf(results, groupColumn)
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(w, "cells passed\t%s\tsum\t\n", strings.Join(t.columns, "\t"))
	for _, row := range t.rows {
		sum := count{}
		fmt.Fprintf(w, "%s\t", row)
		for _, column := range t.columns {
			if c := t.counts[[2]string{row, column}]; c != nil {
				sum.ran, sum.passed = sum.ran+c.ran, sum.passed+c.passed
			}
			fmt.Fprintf(w, "%s\t", t.countText(row, column))
		}
		fmt.Fprintf(w, "%s\t\n", sum)
	}
	_ = w.Flush() // a strings.Builder takes everything
	deliveries, versions, reclosed, unmailed := 0, 0, 0, 0
	for _, r := range results {
		deliveries, versions = max(deliveries, r.deliveries), max(versions, r.versions)
		if r.reclosed > 0 {
			reclosed++
		}
		if r.unmailed && !r.inconclusive {
			unmailed++
		}
	}
	fmt.Fprintf(&b, "at most %d deliveries and %d new versions in a cell; in %d cells an operator had to close the "+
		"problem again\n", deliveries, versions, reclosed)
	if unmailed > 0 {
		fmt.Fprintf(&b, "in %d cells without a second event there was no mail, only a failed invocation\n", unmailed)
	}
	return b.String()
}

// document is the page docs/fault-matrix.md.
func document(results []result, equal int, short bool) string {
	t := tallyOf(results, faultColumn)
	var b strings.Builder
	b.WriteString(introduction)
	total, inconclusive := count{}, 0
	for _, r := range results {
		if r.inconclusive && len(r.failures) == 0 {
			inconclusive++
			continue
		}
		total.add(r)
	}
	if short {
		b.WriteString("These are the numbers of the part that CI runs. ")
	}
	fmt.Fprintf(&b, "%d cells ran, and %d passed.", total.ran, total.passed)
	if inconclusive > 0 {
		fmt.Fprintf(&b, " %d more don't count: their second fault hit no call, their late call met no write,\nor the "+
			"operator's action was not possible.", inconclusive)
	}
	if equal > 0 {
		fmt.Fprintf(&b, " %d more did not run: they differ only in the redelivery from a cell that its first\n"+
			"delivery finished.", equal)
	}
	b.WriteString("\n\n")
	b.WriteString("| fault | " + strings.Join(t.rows, " | ") + " |\n|" + strings.Repeat(" --- |", len(t.rows)+1) + "\n")
	for _, column := range t.columns {
		b.WriteString("| " + column + " |")
		for _, row := range t.rows {
			b.WriteString(" " + t.countText(row, column) + " |")
		}
		b.WriteString("\n")
	}
	return b.String()
}

const introduction = `# The fault matrix

The fault matrix runs each fault at each API call of a rotation, one fault in each cell. Further cells have two faults:
two consecutive ones (every pair for the plain API key, 150 drawn pairs for each other form), or two anywhere (1000 and
50 drawn pairs). In the last group an operator changes something while a call waits. The function is the deployed
binary, and the services are those of the [emulator](../test/ociemu/README.md).

This page is written by ` + "`go run ./test/matrix -write -results matrix.results`" + `. The command takes
several hours and can be interrupted: a cell that passed with the same build does not run again. With ` + "`-short`" + `
it runs a fixed part, as CI does:

- for each form, a cell with one fault of each group: refused, refused for good, answer lost, no answer, killed, late,
- at each call of a rotation one fault. Forms that differ only in how the secrets hold the value, or in the user's
  domain, share the calls: the seed draws which of them has a call. A form in a domain always has the calls of the
  domain's own API,
- for each form, a cell with two consecutive faults. Forms that share the calls have one with two faults anywhere,
- a third of an operator's actions, each at one call. They are shared in the same way, but each form has one.

` + "`-seed`" + ` selects another part.

## What a cell is

A problem is closed, and one call of the rotation fails. Then one of three things happens, in turn from cell to cell:

- *at once*: the event is delivered twice more within seconds,
- *later*: the event is delivered twice more, after the longest lifetime of the first process,
- *swept*: the event is not delivered again, and only the sweep runs.

` + "`-redeliveries`" + ` runs all three for each call and fault, except where the first delivery finished everything.
If the problem is open again, an operator closes it with the same comment. At the end the sweep runs. A number in the
table is how many cells passed. "3 of 4" in bold means that one failed.

A cell passes if an observer from outside sees that

- at every moment the user had a working credential, or one could be read in a secret,
- the old credential was deleted only after a new one was CURRENT in every secret. With *replace* the old one goes
  first, and the user's other credentials have to work until the end,
- at the end there is exactly one new credential. It is CURRENT in every secret, and the service accepts it. The service
  refuses the old one, or still accepts it during a grace. No other credential is changed, and the problem is closed,
- SecOps got a mail. If the event is not delivered again, a failed invocation that the platform counts is enough: when
  the process is killed between its last step and its mail, the sweep finds nothing to report.

A cell in which an operator acts passes if, from then on,

- no function leaves the user without a credential whose value can be read,
- no function writes to a secret that is bound to another user,
- no function replaces a version that the operator made CURRENT after the rotation had begun. There is one exception:
  the user's new password may replace it, because the CURRENT one no longer works. The operator's value stays as an
  earlier version,
- at the end there is at most one new credential. The problem is open if the old credential exists without a grace, and
  closed if it is gone. It may also be open if the user is gone, or if the secret can no longer be read and the old
  credential was deleted first or is still listed, because OCI does not show then what became of the credential,
- if the operator closed the problem again with another secret before the first delivery had written anything, these
  are two orders. Either each was carried out into its own secret, or one was refused and opened the problem again,
- SecOps got a mail.

In those cells the problem is not closed again at the end. A deletion of a credential that was already sent when the
operator acted is no failure. A second closure is a second order: with lagging lists it may reset a password again.

A password passes if it was reset once, or at most twice if the answer to the reset was lost. Its one-time value must be
in the secret, or a mail must say that it is in no secret. In a domain Keyturn chooses the value: it must be in a secret
from the moment when the domain sets it, and CURRENT at the end. It may be in an earlier version instead, if the request
of a killed process set it after Keyturn had begun again, and a mail says that it may be in no secret. Without a secret,
the domain mails one link for each reset.

## The faults

- **a number**: the call gets this answer once, and has no effect. **for good**: every later call of the operation in
  that delivery gets it, too.
- **effect, then** ...: the call takes effect, but the caller gets another answer or none.
- **no answer**: the call hangs until the invocation's deadline.
- **killed**: the process gets SIGKILL before or after the effect of the call.
- **late**: the process is killed, and its call takes effect during the next delivery: before or after the first, second
  or third write of that delivery.

The columns have these forms of a rotation:

- **undo**: OCI refuses the new credential, and Keyturn takes it back,
- **grace**: the old credential keeps working for an hour,
- **replace**: the user has no free slot, and the old credential goes first,
- **wiped**: the secrets' metadata is emptied after the first delivery, and with it Keyturn's journal,
- **lagging**: IAM's lists are a minute old,
- **domain**: the user is in another identity domain than Default, with another home region, and the domain's own API
  has the credentials. Each kind has each of the forms above once there, and passwords have all their forms.

**Two consecutive faults**: the second one hits the next call, which is a retry, the next step or a call of the next
delivery. **Two faults anywhere** are drawn from all pairs of calls and faults by the seed. Faults that make the
function wait for its deadline (*for good*, *no answer*) run only as single faults.

**An operator** acts while a call of the function waits before its effect. The operator

- promotes the staged version, or rolls the secrets back,
- writes something else to the secrets, or another existing credential,
- binds a secret to another user, perhaps temporarily, or gives it another role,
- takes away the right to read a secret, or schedules its deletion,
- writes to the metadata, or empties it,
- deletes the new credential, the old one, another one or the user,
- creates another credential, or sets the password,
- closes the problem again with a grace, with none, or with another secret.

These are the actions of the walk in pkg/rotation's tests, and more. A cell does not count if the action is not
possible, for example because nothing is staged yet. Passwords have only the actions that apply to them. Rotations with
*undo* or *wiped*, and passwords without a secret, have none. An operator promotes
the version of a password, or rolls it back, only if Keyturn chose the value.

## The table

`
