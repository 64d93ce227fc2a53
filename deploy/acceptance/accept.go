package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime/debug"
	"strings"
	"time"

	"github.com/oracle/oci-go-sdk/v65/common"
	"github.com/oracle/oci-go-sdk/v65/ons"

	"github.com/keyturn/keyturn/pkg/cloudguard"
	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/outcome"
)

// run is what a run knows.
type run struct {
	*admin
	options  options
	rotate   *deployment
	sweep    *deployment // nil: not to be tried out
	state    *state
	report   *report
	subjects []*subject
	times    map[string][]timing // by what they are of
	dates    []string            // the Date headers of some answers
	heading  heading
}

// timing is how long something took.
type timing struct {
	what string
	took time.Duration
}

// accept makes a run, removes what it made, and reports. It returns the exit code.
func (r *runner) accept(ctx context.Context, a *admin, o options) int {
	n, err := prepare(ctx, a, o)
	if err != nil {
		fmt.Fprintln(r.stderr, "acceptance:", err)
		return exitUsage
	}
	if err := n.state.write(); err != nil { // it must be possible to write it before anything is made
		fmt.Fprintln(r.stderr, "acceptance:", err)
		return exitUsage
	}
	r.statePath.Store(&n.state.path)
	n.report = newReport(r.stdout)
	fmt.Fprint(r.stdout, n.introduction())
	if err := n.play(ctx); err != nil {
		if ctx.Err() != nil {
			err = errors.New("interrupted")
		}
		n.report.check(false, "the run goes through to its end", "%v", err)
	}
	fmt.Fprintln(r.stdout, "Removing all that was made ...")
	left := n.state.remove(context.WithoutCancel(ctx), a)
	n.report.timings(n.times)
	fmt.Fprintf(r.stdout, "\n%s", n.report.text(n.heading, left))
	code := exitFine
	if len(n.report.failed()) > 0 || !left.clean() {
		code = exitWrong
	}
	if o.json != "" {
		if err := n.report.writeJSON(o.json, n.heading, left); err != nil {
			fmt.Fprintln(r.stderr, "acceptance:", err)
			code = exitWrong
		}
	}
	if !left.clean() {
		fmt.Fprintf(r.stderr, "acceptance: something is left; remove it with:\n  go run ./deploy/acceptance "+
			"-clean-up %s\n", n.state.path)
		return exitWrong
	}
	if err := n.state.discard(); err != nil {
		fmt.Fprintln(r.stderr, "acceptance:", err)
		return exitWrong
	}
	return code
}

// prepare checks what a run needs. Nothing has been made when it returns.
func prepare(ctx context.Context, a *admin, o options) (*run, error) {
	a.at(o.functionRegion, o.secretRegion)
	f, err := a.deployment(ctx, o.function)
	if err != nil {
		return nil, err
	}
	if err := f.fits(o); err != nil {
		return nil, err
	}
	n := &run{admin: a, options: o, rotate: f, subjects: plan(), times: map[string][]timing{}}
	if o.sweep != "" {
		if n.sweep, err = a.deployment(ctx, o.sweep); err != nil {
			return nil, err
		}
		if is(n.sweep.config["dry_run"], "yes") {
			return nil, errors.New("the function sweep has dry_run=yes: it would retire nothing. Set dry_run to " +
				"no, or leave -sweep out")
		}
	}
	id := random(8)
	path := o.state
	if path == "" {
		path = prefix + id + ".json"
	}
	if path, err = filepath.Abs(path); err != nil {
		return nil, fmt.Errorf("-state: %w", err)
	}
	n.state = &state{Version: 1, Run: id, Tenancy: a.tenancy, Vault: o.vault, Compartment: f.compartmentOf(o),
		path: path}
	n.heading = heading{Run: id, Began: time.Now().UTC().Format(time.RFC3339), Home: a.home,
		Region: longRegion(o.functionRegion),
		Vault:  longRegion(o.secretRegion), SDK: sdkVersion(), Configured: f.configured()}
	return n, nil
}

func sdkVersion() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, m := range info.Deps {
			if strings.HasPrefix(m.Path, "github.com/oracle/oci-go-sdk/") {
				return m.Version
			}
		}
	}
	return "unknown"
}

// introduction says what is about to happen.
func (r *run) introduction() string {
	var b strings.Builder
	fmt.Fprintf(&b, "Keyturn acceptance run %s, of the function %s\n", r.state.Run, r.rotate.id)
	fmt.Fprintf(&b, "  tenancy      %s, home region %s\n  secrets in   %s\n", r.tenancy, r.home, r.state.Compartment)
	users, secrets := len(r.subjects)+1, 2
	for _, s := range r.subjects {
		secrets += len(s.secrets)
	}
	fmt.Fprintf(&b, "  makes        %d users and %d secrets, all named %s%s-...\n", users, secrets, prefix, r.state.Run)
	fmt.Fprintf(&b, "  state file   %s: if this is killed, -clean-up with it removes what is left\n\n", r.state.path)
	return b.String()
}

// play goes through the run.
func (r *run) play(ctx context.Context) error {
	if !is(r.rotate.config[eventCheck], "off") {
		s := &switched{ID: r.rotate.id}
		if before, ok := r.rotate.config[eventCheck]; ok {
			s.Before = &before
		}
		r.state.Function = s
		if err := r.state.write(); err != nil {
			return err
		}
		if err := r.set(ctx, r.rotate.id, eventCheck, common.String("off")); err != nil {
			return err
		}
	}
	r.announce(ctx)
	for _, step := range []func(context.Context) error{
		r.wake, r.equipAll, r.refusals, r.turns, r.probes, r.retirement} {
		if err := step(ctx); err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	return nil
}

// announce tells the readers of the topic what the next mails are about.
func (r *run) announce(ctx context.Context) {
	topic, err := cloudguard.ParseOCID(r.rotate.config["ons_topic"], cloudguard.TypeTopic)
	if err != nil {
		r.report.check(false, "the function has a topic", "ons_topic: %v", err)
		return
	}
	id := string(topic)
	client := r.ons
	client.SetRegion(longRegion(topic.Region()))
	response, err := client.PublishMessage(context.WithoutCancel(ctx), ons.PublishMessageRequest{TopicId: &id,
		MessageDetails: ons.MessageDetails{
			Title: common.String("Keyturn acceptance run " + r.state.Run + " begins"),
			Body: common.String("The next mails that name users and secrets that begin with " + prefix + r.state.Run +
				" are about throw-away ones of this run. They ask for nothing to be done.\n")}})
	if err != nil {
		r.report.unseen("publish-status", "you may not publish to the topic: %s", seen(err))
		return
	}
	r.report.fact("publish-status", fmt.Sprint(status(response.RawResponse)), "")
}

// wake sends an event that is none of Keyturn's, twice.
func (r *run) wake(ctx context.Context) error {
	for _, id := range []string{"cold-start", "warm-start"} {
		i, err := r.rotate.invoke(ctx, []byte(`{"eventType":"com.example.keyturn.acceptance"}`))
		if err != nil {
			return err
		}
		if !r.report.check(i.reply.Status == outcome.Ignored, "an event that is none of Keyturn's is ignored", "%s",
			i.came()) {
			return errors.New("the function doesn't answer as it should: see its log")
		}
		r.report.fact(id, "", "%s", i.took.Round(time.Millisecond))
		same := "the same"
		if id := i.header.Get("Fn-Call-Id"); id == "" || id != i.reply.CallID {
			same = "not the same"
		}
		r.report.fact("call-id", same, "")
		r.report.fact("invoke-headers", "", "%s", names(i.header))
	}
	return nil
}

func (r *run) equipAll(ctx context.Context) error {
	for _, s := range r.subjects {
		if err := r.equip(ctx, s); err != nil {
			return err
		}
	}
	r.report.check(true, "users, credentials and secrets are made", "%d users, %d secrets", len(r.state.Users),
		len(r.state.Secrets))
	// That the old one is refused afterwards means nothing unless it was accepted before.
	for _, s := range r.subjects {
		if s.kind.Origin() == credential.Reset {
			continue
		}
		took, last, err := r.works(ctx, s.old, s.owner, spreadTime)
		if r.report.check(err == nil, s.label+": the old one works, so far", "%s", because(last, err)) {
			r.times["spread"] = append(r.times["spread"], timing{s.label, took})
		}
	}
	return nil
}

func (r *run) turns(ctx context.Context) error {
	for _, s := range r.subjects {
		if err := r.turn(ctx, s); err != nil {
			return err
		}
	}
	return nil
}
