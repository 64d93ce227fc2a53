package acceptance

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

// run is the state of one run.
type run struct {
	*admin
	*report
	options  Options
	rotate   *deployment
	sweep    *deployment // nil: not tested
	state    *state
	within   *identityDomain // of --domain; nil: not tested
	subjects []*subject
	times    map[string][]timing // by fact: spread-time, end-time
	dates    []string            // Date headers of some answers
	heading  heading
}

type timing struct {
	what string
	took time.Duration
}

// Accept runs everything, removes what it created, and reports. An error says why there is no report, or what is left.
func (r *Runner) Accept(ctx context.Context, o Options) (Report, error) {
	if err := o.check(); err != nil {
		return Report{}, Refusal{err}
	}
	a, err := newAdmin(ctx, r.Signer)
	if err != nil {
		return Report{}, Refusal{err}
	}
	n, err := prepare(ctx, a, o)
	if err != nil {
		return Report{}, Refusal{err}
	}
	fmt.Fprint(r.Out, n.introduction())
	if err := r.Ask("Create these users and secrets, and remove them at the end?"); err != nil {
		return Report{}, err
	}
	if err := n.state.write(); err != nil { // must work before anything is created
		return Report{}, Refusal{err}
	}
	r.statePath.Store(&n.state.path)
	n.report = newReport(r.Out)
	if n.within == nil {
		n.noDomain()
	}
	if err := n.play(ctx); err != nil {
		if ctx.Err() != nil {
			err = errors.New("interrupted")
		}
		n.check(false, "the run goes through to its end", "%v", err)
	}
	fmt.Fprintln(r.Out, "Removing everything that was created ...")
	left := n.state.remove(context.WithoutCancel(ctx), a)
	n.timings(n.times)
	fmt.Fprintf(r.Out, "\n%s", n.text(n.heading, left))
	whole := n.whole(n.heading, left)
	if !left.clean() {
		return whole, errLeft(n.state.path)
	}
	return whole, n.state.discard()
}

// prepare checks what a run needs. It creates nothing.
func prepare(ctx context.Context, a *admin, o Options) (*run, error) {
	a.at(o.functionRegion, o.secretRegion)
	f, err := a.deployment(ctx, o.Function)
	if err != nil {
		return nil, err
	}
	if err := f.fits(o); err != nil {
		return nil, err
	}
	n := &run{admin: a, options: o, rotate: f, subjects: plan(o.Domain != ""), times: map[string][]timing{}}
	if o.Domain != "" {
		n.within, err = a.identityDomain(ctx, o.Domain)
		if err == nil {
			err = n.within.fits(f, a.tenancy)
		}
		if err != nil {
			return nil, err
		}
	}
	if o.Sweep != "" {
		n.sweep, err = a.deployment(ctx, o.Sweep)
		if err != nil {
			return nil, err
		}
		if is(n.sweep.config["dry_run"], "yes") {
			return nil, errors.New("the function sweep has dry_run=yes, so it would retire nothing. Set dry_run " +
				"to no, or omit --sweep")
		}
	}
	id := random(8)
	path := o.State
	if path == "" {
		path = prefix + id + ".json"
	}
	path, err = filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("--state: %w", err)
	}
	n.state = &state{Version: 1, Run: id, Tenancy: a.tenancy, Vault: o.Vault, Compartment: f.compartmentOf(o),
		Domain: o.Domain, path: path}
	n.heading = heading{Run: id, Began: time.Now().UTC().Format(time.RFC3339), Home: a.home,
		Region: longRegion(o.functionRegion),
		Vault:  longRegion(o.secretRegion), SDK: sdkVersion(), Configured: f.configured()}
	if d := n.within; d != nil {
		n.heading.Configured += fmt.Sprintf(", identity domain of the license type %s in %s", d.license,
			longRegion(strings.ToLower(d.Region)))
	}
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

// introduction describes what the run will do.
func (r *run) introduction() string {
	var b strings.Builder
	fmt.Fprintf(&b, "Keyturn acceptance run %s, of the function %s\n", r.state.Run, r.rotate.id)
	fmt.Fprintf(&b, "  tenancy      %s, home region %s\n  secrets in   %s\n", r.tenancy, r.home, r.state.Compartment)
	users, secrets := len(r.subjects)+1, 2
	if r.within != nil {
		users += 3
	}
	if r.options.Mail != "" {
		users++
	}
	for _, s := range r.subjects {
		secrets += len(s.secrets)
	}
	fmt.Fprintf(&b, "  creates      %d users and %d secrets, all named %s%s-...\n", users, secrets, prefix, r.state.Run)
	fmt.Fprintf(&b, "  state file   %s: if the run is killed, --clean-up with this file removes what is left\n\n",
		r.state.path)
	return b.String()
}

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
	return inOrder(ctx, r.wake, r.each(r.equip), r.oldOnesWork, r.refusals, r.each(r.turn), r.probes, r.retirement)
}

// inOrder runs steps until one fails or ctx ends.
func inOrder(ctx context.Context, steps ...func(context.Context) error) error {
	for _, step := range steps {
		if err := step(ctx); err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	return nil
}

// each is the step that does the same with every subject.
func (r *run) each(do func(context.Context, *subject) error) func(context.Context) error {
	return func(ctx context.Context) error {
		for _, s := range r.subjects {
			if err := do(ctx, s); err != nil {
				return err
			}
		}
		return nil
	}
}

// announce sends a mail that explains the next ones.
func (r *run) announce(ctx context.Context) {
	topic, err := cloudguard.ParseOCID(r.rotate.config["ons_topic"], cloudguard.TypeTopic)
	if err != nil {
		r.check(false, "the function has a topic", "ons_topic: %v", err)
		return
	}
	id := string(topic)
	client := r.ons
	client.SetRegion(longRegion(topic.Region()))
	response, err := client.PublishMessage(context.WithoutCancel(ctx), ons.PublishMessageRequest{TopicId: &id,
		MessageDetails: ons.MessageDetails{
			Title: common.String("Keyturn acceptance run " + r.state.Run + " begins"),
			Body: common.String("Names that begin with " + prefix + r.state.Run + " in the next mails belong to " +
				"throw-away users and secrets of this run. You need not do anything.\n")}})
	if err != nil {
		r.unseen("publish-status", "you may not publish to the topic: %s", seen(err))
		return
	}
	r.fact("publish-status", fmt.Sprint(status(response.RawResponse)), "")
}

// wake sends the function an event that isn't Keyturn's, twice.
func (r *run) wake(ctx context.Context) error {
	for _, id := range []string{"cold-start", "warm-start"} {
		i, err := r.rotate.invoke(ctx, []byte(`{"eventType":"com.example.keyturn.acceptance"}`))
		if err != nil {
			return err
		}
		if !r.check(i.reply.Status == outcome.Ignored, "an event that isn't Keyturn's is ignored", "%s", i) {
			return errors.New("the function doesn't answer as expected: see its log")
		}
		r.fact(id, "", "%s", i.took.Round(time.Millisecond))
		call := i.header.Get("Fn-Call-Id")
		r.fact("call-id", pick(call != "" && call == i.reply.CallID, "the same", "not the same"), "")
		r.fact("invoke-headers", "", "%s", names(i.header))
	}
	return nil
}

// oldOnesWork uses the old credentials: only if they worked before does a later refusal mean something.
func (r *run) oldOnesWork(ctx context.Context) error {
	r.check(true, "users, credentials and secrets are created", "%d users, %d secrets", len(r.state.Users)+
		len(r.state.DomainUsers),
		len(r.state.Secrets))
	for _, s := range r.subjects {
		if s.kind.Origin() != credential.Reset {
			r.works(ctx, s.old, s.owner, wait{s.label + ": the old one works, so far", spreadTime, s.label})
		}
	}
	return nil
}
