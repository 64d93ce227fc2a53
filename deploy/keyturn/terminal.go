package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

func isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// ask asks a question that is answered with yes or no, and reports the answer. With --yes it doesn't ask. Nobody can be
// asked if the standard input is no terminal; then it returns an error with exit code 4. A command whose question was
// answered with no returns declined.
func (a *app) ask(question string) (bool, error) {
	if a.yes {
		return true, nil
	}
	if !a.terminal(a.in) {
		return false, exit{exitDeclined, fmt.Errorf("%s Nobody can be asked, because the standard input is no "+
			"terminal: nothing was done. Add --yes to agree", question)}
	}
	fmt.Fprintf(a.err, "%s [y/N] ", question)
	line, err := bufio.NewReader(a.in).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return false, fmt.Errorf("reading the answer: %w", err)
	}
	if err != nil {
		fmt.Fprintln(a.err)
	}
	switch strings.ToLower(strings.TrimSpace(line)) {
	case "y", "yes":
		return true, nil
	}
	return false, nil
}

// lineEvery is the time between two lines about progress if the standard error is no terminal.
const lineEvery = 30 * time.Second

// progress shows how far long work has come, on the standard error: as a bar if that is a terminal, else as a line now
// and then. Its methods may be called concurrently.
type progress struct {
	bar *progressbar.ProgressBar // nil if there is no terminal

	mu          sync.Mutex
	w           io.Writer
	what        string
	done, total int
	next        time.Time
}

// progress begins to show work of total parts; 0 if the number isn't known. What names the parts in the plural, such as
// "users".
func (a *app) progress(total int, what string) *progress {
	p := &progress{w: a.err, what: what, total: total, next: time.Now().Add(lineEvery)}
	if a.terminal(a.err) {
		most := int64(total)
		if total <= 0 {
			most = -1
		}
		p.bar = progressbar.NewOptions64(most, progressbar.OptionSetWriter(a.err),
			progressbar.OptionSetDescription(what), progressbar.OptionShowCount(),
			progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionClearOnFinish(),
			progressbar.OptionSetSpinnerChangeInterval(0), progressbar.OptionSetWidth(30))
	}
	return p
}

// Add says that n more parts are done.
func (p *progress) Add(n int) {
	if p.bar != nil {
		_ = p.bar.Add(n) // what can't be shown is no reason to end the work
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done += n
	if now := time.Now(); now.After(p.next) {
		p.next = now.Add(lineEvery)
		of := ""
		if p.total > 0 {
			of = fmt.Sprintf(" of %d", p.total)
		}
		fmt.Fprintf(p.w, "keyturn: %d%s %s\n", p.done, of, p.what)
	}
}

// Finish removes the bar. It may be called more than once.
func (p *progress) Finish() {
	if p.bar != nil && !p.bar.IsFinished() {
		_ = p.bar.Finish()
	}
}
