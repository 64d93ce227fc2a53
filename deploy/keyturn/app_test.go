package main

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// typed is an app at a terminal, or not, whose user types the text.
func typed(text string, terminal bool) (*app, *bytes.Buffer, *bytes.Buffer) {
	var out, err bytes.Buffer
	a := newApp(strings.NewReader(text), &out, &err, nil)
	a.terminal = func(stream any) bool { return terminal && stream == a.in }
	return a, &out, &err
}

func TestAQuestionIsAnsweredWithYesOrNo(t *testing.T) {
	for text, want := range map[string]bool{"y\n": true, "Yes\n": true, " YES \r\n": true, "n\n": false, "\n": false,
		"": false, "maybe\n": false, "yes": true, "yess\n": false} {
		a, out, stderr := typed(text, true)
		got, err := a.ask("Delete everything?")
		if err != nil || got != want {
			t.Errorf("%q is the answer %t (%v), want %t", text, got, err, want)
		}
		if out.Len() > 0 || !strings.Contains(stderr.String(), "Delete everything? [y/N] ") {
			t.Errorf("the question is on the standard output %q, on the standard error %q", out, stderr)
		}
	}
}

func TestNobodyIsAskedWithoutATerminal(t *testing.T) {
	a, _, stderr := typed("y\n", false)
	yes, err := a.ask("Delete everything?")
	e, ok := errors.AsType[exit](err)
	if yes || !ok || e.code != exitDeclined || !strings.Contains(err.Error(), "--yes") || stderr.Len() > 0 {
		t.Errorf("the answer is %t (%v), and it printed %q", yes, err, stderr)
	}
	a.yes = true
	if yes, err := a.ask("Delete everything?"); !yes || err != nil || stderr.Len() > 0 {
		t.Errorf("with --yes the answer is %t (%v), and it printed %q", yes, err, stderr)
	}
}

func TestAnErrorHasItsExitCode(t *testing.T) {
	for _, tt := range []struct {
		err  error
		code int
		said string
	}{
		{nil, 0, ""},
		{errors.New("broken"), 1, "keyturn: broken\n"},
		{exit{exitWrong, nil}, 1, ""},
		{usage("--n is %d", 3), 2, "keyturn: --n is 3\n"},
		{incomplete("no answer from eu-zurich-1"), 3, "keyturn: no answer from eu-zurich-1\n"},
		{declined, 4, "keyturn: nothing was done\n"},
	} {
		before := commands
		commands = []func(*app) *cobra.Command{func(*app) *cobra.Command {
			return &cobra.Command{Use: "try", RunE: func(*cobra.Command, []string) error { return tt.err }}
		}}
		a, out, stderr := typed("", false)
		code := a.run(t.Context(), []string{"try"})
		commands = before
		if code != tt.code || out.Len() > 0 || stderr.String() != tt.said {
			t.Errorf("%v ends with %d and prints %q, want %d and %q", tt.err, code, stderr, tt.code, tt.said)
		}
	}
}

func TestProgressIsSilentWithoutATerminal(t *testing.T) {
	a, out, stderr := typed("", false)
	p := a.progress(1000, "users")
	p.Add(500)
	if out.Len()+stderr.Len() > 0 {
		t.Errorf("it printed %q and %q", out, stderr)
	}
	p.next = p.next.Add(-2 * lineEvery)
	p.Add(1)
	p.Add(1)
	p.Finish()
	if got := stderr.String(); got != "keyturn: 501 of 1000 users\n" {
		t.Errorf("after a while it printed %q", got)
	}
}

func TestATerminalGetsABarThatIsRemoved(t *testing.T) {
	for _, total := range []int{10, 0} {
		a, out, stderr := typed("", true)
		a.terminal = func(stream any) bool { return stream == a.err }
		p := a.progress(total, "users")
		for range 10 {
			p.Add(1)
		}
		p.Finish()
		p.Finish()
		if out.Len() > 0 || !strings.Contains(stderr.String(), "users") {
			t.Errorf("it printed %q and %q", out, stderr)
		}
		text := stderr.String()
		if strings.Contains(text, "\n") || !strings.HasSuffix(strings.TrimRight(text, " "), "\r") {
			t.Errorf("the bar is left: %q", text)
		}
	}
}

func TestAResultIsTextOrOneJSONDocument(t *testing.T) {
	text := func(w io.Writer) error {
		_, err := io.WriteString(w, "two users\n")
		return err
	}
	a, out, _ := typed("", false)
	for _, want := range []string{"two users\n", "{\n  \"rule\": \"a<b\"\n}\n"} {
		out.Reset()
		if err := a.print(map[string]string{"rule": "a<b"}, text); err != nil || out.String() != want {
			t.Errorf("it printed %q (%v), want %q", out, err, want)
		}
		a.json = true
	}
}
