package main

import (
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/keyturn/keyturn/test/ociemu"
)

// count is how many cells of a square were played, and passed.
type count struct{ played, passed int }

func (c *count) add(r result) {
	c.played++
	if len(r.faults) == 0 {
		c.passed++
	}
}

func (c count) String() string {
	switch {
	case c.played == 0:
		return ""
	case c.played == c.passed:
		return fmt.Sprint(c.passed)
	}
	return fmt.Sprintf("**%d of %d**", c.passed, c.played)
}

// tally sorts the results into rows and columns, both in the order of their first appearance.
type tally struct {
	rows, columns []string
	counts        map[[2]string]*count
}

// tallyOf sorts by form and by what columnOf says.
func tallyOf(results []result, columnOf func(cell) string) tally {
	t := tally{counts: map[[2]string]*count{}}
	for _, r := range results {
		if r.void && len(r.faults) == 0 {
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

// cellText is what stands in a square.
func (t tally) cellText(row, column string) string {
	if c := t.counts[[2]string{row, column}]; c != nil {
		return c.String()
	}
	return ""
}

// exactly is the column of a cell on the page: its fault.
func exactly(c cell) string {
	switch {
	case len(c.faults) == 1:
		return c.faults[0].name
	case c.sites[1].operation == "":
		return "two faults in a row"
	}
	return "two faults anywhere"
}

// roughly is the column of a cell on a terminal: its sort of fault.
func roughly(c cell) string {
	if len(c.faults) > 1 {
		return "two"
	}
	switch d := c.faults[0]; {
	case d.act != nil:
		return "person"
	case d.stays:
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

// summary is the table for a terminal, and what was the most of anything.
func summary(results []result) string {
	t := tallyOf(results, roughly)
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(w, "cells passed\t%s\tsum\t\n", strings.Join(t.columns, "\t"))
	for _, row := range t.rows {
		sum := count{}
		fmt.Fprintf(w, "%s\t", row)
		for _, column := range t.columns {
			if c := t.counts[[2]string{row, column}]; c != nil {
				sum.played, sum.passed = sum.played+c.played, sum.passed+c.passed
			}
			fmt.Fprintf(w, "%s\t", t.cellText(row, column))
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
		if r.unmailed && !r.void {
			unmailed++
		}
	}
	fmt.Fprintf(&b, "at most %d deliveries and %d new versions a cell; a person had to close the problem again in "+
		"%d cells\n", deliveries, versions, reclosed)
	if unmailed > 0 {
		fmt.Fprintf(&b, "in %d cells without a second event the only word was a failed invocation\n", unmailed)
	}
	return b.String()
}

// document is the page docs/fault-matrix.md.
func document(results []result, equal int, short bool) string {
	t := tallyOf(results, exactly)
	var b strings.Builder
	b.WriteString(introduction)
	total, void := count{}, 0
	for _, r := range results {
		if r.void && len(r.faults) == 0 {
			void++
			continue
		}
		total.add(r)
	}
	if short {
		b.WriteString("These are the numbers of the part that CI plays. ")
	}
	fmt.Fprintf(&b, "%d cells were played, and %d passed.", total.played, total.passed)
	if void > 0 {
		fmt.Fprintf(&b, " %d more don't count: what had been done by then kept their second\nfault from meeting a "+
			"call, their late call from meeting a write, or the person from having anything to do.", void)
	}
	if equal > 0 {
		fmt.Fprintf(&b, " %d more were not played, since they differ only in when the event comes again from a "+
			"cell whose first\ndelivery had finished everything.", equal)
	}
	b.WriteString("\n\n")
	b.WriteString("| fault | " + strings.Join(t.rows, " | ") + " |\n|" + strings.Repeat(" --- |", len(t.rows)+1) + "\n")
	for _, column := range t.columns {
		b.WriteString("| " + column + " |")
		for _, row := range t.rows {
			b.WriteString(" " + t.cellText(row, column) + " |")
		}
		b.WriteString("\n")
	}
	return b.String()
}

const introduction = `# The fault matrix

Every API call of a rotation is disturbed by every fault, one fault a cell. Then two faults disturb one rotation: two in a row (every pair for the
plain API key, 150 that are drawn for each other form), and two anywhere (1000 and 50). At last a person acts while a call waits. The function is
the deployed binary, the services are those of the [emulator](../test/ociemu/README.md). This page is written by
` + "`go run ./test/matrix -write -ledger matrix.ledger`" + `, which takes hours and can be interrupted: what the same build has passed is kept in the ledger.

CI plays a part of the same cells with ` + "`-short`" + `, the same part each time. Of the cells with one fault, it plays those of one fault in 18 at each call
(half of that where lists lag); of each form 2 cells with two faults in a row and 1 with two faults anywhere; and a third of the acts of a person, each at one call. The
` + "`-seed`" + ` draws another part.

## What a cell is

A problem is closed, and one call of the rotation that follows is disturbed. What comes then is one of three things, in turn from cell to cell: the
same event is delivered twice more *at once*, as a platform does that repeats; or *later*, when more time has passed than the first process can
have lived; or it never comes again, and the *sweep* goes on. If the problem is open again, a person closes it again with the same comment. At
the end the sweep runs. (` + "`-paces`" + ` plays all three for each call and fault, but for those whose first delivery has finished everything.) A number in the table is how many cells of the square passed; "3 of 4" in bold means that one failed.

A cell passes if, seen from the outside,

- at every moment a working credential was in the user's hands or readable in a secret,
- the old credential was deleted only when a new one was CURRENT in every secret (except with replace, where it goes first, and the user's other
  credentials are the working ones until the end),
- at the end there is exactly one new credential, CURRENT everywhere and accepted over the wire, the old one is refused (or, with a grace, still
  accepted), nobody else's credential is touched, and the problem is closed,
- SecOps got a mail. Where the event never comes again, an invocation that failed where the platform counts it is word enough: a process that is killed
  between its last step and its mail leaves nothing for the sweep to find.

A cell in which a person acts passes if, from then on,

- no function leaves the user without a credential whose value can be read,
- no function writes to a secret that is bound to somebody else, or replaces a version that the person made CURRENT after the rotation had begun
  (with the user's new password, it may: the one that was CURRENT before works no more, and what the person wrote stays as an earlier version),
- at the end there is at most one new credential, the problem is open if the old credential is there without a grace, and closed if it is gone
  (where the user is gone, or the old one went first and the secret can no longer be read, it may be open: nobody can tell what became of it),
- if the person closed the problem again with another secret before the first delivery had written anything, those are two orders: each may have been
  carried out, into its own secret; or one was, and the other refused, which has opened the problem again,
- SecOps got a mail.

Nobody closes the problem again in those cells. What can't be known is excused: a deletion of a credential that was on its way when the person acted.
A second closure is a second order: where lists lag, it may reset a password again.

A password passes if it was reset once (twice at most where the answer to the reset itself was lost), and its one-time value is in the secret, or a mail
says that it is in none.

## The faults

- **a number**: the call is answered so, once, and has no effect. **for good**: each later call of the operation in that delivery, too.
- **effect, then** ...: the call takes effect, but the caller is answered something else, or nothing.
- **no answer**: the call hangs until the invocation's deadline is over.
- **killed**: SIGKILL to the process before or after the effect of the call.
- **late**: the process is killed, and its call takes effect in the middle of the next delivery: before or after that one's first, second or third
  write.

The rows with **undo** are rotations whose new credential is refused and taken back; with **grace**, the old credential stays for an hour; with
**replace**, the user's slots are full and the old credential goes first; with **wiped**, somebody empties the secrets' metadata after the first
delivery, and with it what Keyturn had noted there; with **lagging**, IAM's lists show all along what was there a minute ago.

**Two faults in a row**: the second one hits the very next call, whether that is a retry, the next step or a call of the next delivery. **Two faults
anywhere** are drawn from the product of all calls and faults; the seed stands in the command. Of the faults that make the function wait for its
deadline (*for good*, *no answer*) only single ones are played.

**A person**, while a call of the function waits, before it takes effect: promotes the staged version; rolls the secrets back; writes something else to
them, or another living credential; binds a secret to somebody else, and perhaps back; gives it another role; takes away the right to read it; writes to
its metadata, or empties it; schedules its deletion; deletes the new credential, the old one, another one or the user; makes another one; sets the
password; closes the problem again with a grace, with none, or with another secret. Those are the acts of the walk in pkg/rotation, and more. Where none
of that is possible (nothing is staged yet), the cell doesn't count. Rotations with *undo* or *wiped*, and passwords that no secret keeps, have no such
rows; passwords have those that fit.

## The table

`
