package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/keyturn/keyturn/test/ociemu"
	"github.com/keyturn/keyturn/test/tenancy"
)

// rotation is a problem that the demo closes, and the result.
type rotation struct {
	c             *tenancy.Case
	comment       string
	before, after state
	answer        answer
	mails         []ociemu.Mail
	took          time.Duration
	checks        []check
}

// answer is the part of the function's JSON answer that the demo shows.
type answer struct {
	Outcome string `json:"outcome"`
	Reason  string `json:"reason"`
	Steps   []struct {
		Step  string `json:"step"`
		Error string `json:"error"`
	} `json:"steps"`
}

// runKinds closes one problem of each kind and prints a summary.
func runKinds(ctx context.Context, out *screen, s *tenancy.Deployment, w *leakWatcher, o options) error {
	rotated, wrong := 0, 0
	var total time.Duration
	for i, kind := range o.kinds {
		if err := ctx.Err(); err != nil {
			return err
		}
		t := rotation{}
		t.c, t.comment = o.add(s, kind)
		out.rule(fmt.Sprintf("%d of %d  %s", i+1, len(o.kinds), kind.Record().Noun), " of "+t.c.UserName)
		if err := t.run(ctx, out, s); err != nil {
			return err
		}
		t.check(s, w)
		t.show(out, s)
		total += t.took
		faults := t.unexpected(s, !o.hasComment)
		for _, f := range faults {
			out.line("", out.paint(red, "  Not as expected: ")+f)
		}
		if len(faults) > 0 {
			wrong++
		} else if t.answer.Outcome == "rotated" {
			rotated++
		}
	}
	leaks := w.search(s)
	out.rule("Summary", "")
	how := green
	switch {
	case wrong > 0:
		how = red
	case o.hasComment:
		how = bold
	}
	out.line("  " + out.paint(how, fmt.Sprintf("%d of %d rotated in %s", rotated, len(o.kinds), seconds(total))))
	for _, l := range leaks {
		out.line("  " + out.paint(red, "A secret value leaked: ") + l)
	}
	if len(leaks) == 0 {
		out.text("  ", fmt.Sprintf("Secret values in the log, the answers and the mails: none (searched for %d)",
			w.known()))
	}
	if wrong > 0 || len(leaks) > 0 {
		return errUnexpected
	}
	if !o.hasComment {
		showNext(out)
	}
	return nil
}

func showNext(out *screen) {
	out.line("", "  Next:")
	out.table("    ", [][]cell{
		{plain("go run ./test/demo -serve"), {"close the problems yourself", dim}},
		{plain("go run ./test/demo -comment 'api_secret_ocd:{secret}'"), {"a closure comment with a mistake", dim}},
		{plain("go run ./test/demo -h"), {"everything else that it can do", dim}},
		{plain("go run ./test/bench"), {"calls, memory and times", dim}},
	})
}

// run shows the credentials, closes the problem and waits for the function.
func (t *rotation) run(ctx context.Context, out *screen, s *tenancy.Deployment) error {
	t.before = look(s, t.c)
	out.table("  ", credentialRows(t.c.Kind, t.before, nil))
	out.line("", "  Closing "+t.c.Kind.Rule()+" in Cloud Guard with the comment")
	for _, l := range wrap(cmp.Or(shorten(t.comment), "(none)"), out.width-4) {
		out.line("    " + out.paint(bold, l))
	}
	replies, mails := len(s.Replies()), len(s.Mails())
	began := time.Now()
	if err := s.Close(ctx, t.c.Problem, t.comment); err != nil {
		return err
	}
	t.took = time.Since(began)
	t.after, t.mails = look(s, t.c), s.Mails()[mails:]
	all := s.Replies()
	if len(all) == replies {
		return fmt.Errorf("the problem was closed, but the function was not called: %v", s.Failures())
	}
	last := all[len(all)-1]
	if last.Status != 200 {
		return fmt.Errorf("the function failed with status %d: %s\n%s", last.Status, last.Body, s.Printed)
	}
	if err := json.Unmarshal(last.Body, &t.answer); err != nil {
		return fmt.Errorf("reading the function's answer: %w", err)
	}
	return nil
}

// show shows the result.
func (t *rotation) show(out *screen, s *tenancy.Deployment) {
	how := bold
	if t.answer.Outcome == "rotated" {
		how = green
	}
	out.line("", "  After "+t.took.Round(time.Millisecond).String()+" the function answers "+
		out.paint(how, t.answer.Outcome)+
		"; the problem is "+s.Problem(t.c.Problem).Status)
	var steps []string
	for _, s := range t.answer.Steps {
		if s.Error != "" {
			s.Step += " (failed)"
		}
		steps = append(steps, s.Step)
	}
	if len(steps) > 0 {
		for _, l := range wrap(strings.Join(steps, " → "), out.width-4) {
			out.line("    " + out.paint(dim, l))
		}
	}
	out.line("")
	out.table("  ", credentialRows(t.c.Kind, t.after, &t.before))
	if len(t.after.secrets) > 0 {
		out.line("")
		out.table("  ", versionRows(t.after, t.before))
	}
	out.line("")
	rows := [][]cell{{{"checked from outside", dim}, {"answer", dim}, plain("")}}
	for _, c := range t.checks {
		how := green
		if !c.ok {
			how = red
		}
		rows = append(rows, []cell{plain(c.what), plain(c.answer), {c.verdict, how}})
	}
	out.table("  ", rows)
	showMails(out, t.mails)
}

func showMails(out *screen, mails []ociemu.Mail) {
	out.line("")
	for _, m := range mails {
		out.box("mail to SecOps", m.Title, m.Body)
	}
	if len(mails) == 0 {
		out.line("  SecOps got no mail.")
	}
}
