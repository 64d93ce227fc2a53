package preflight

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"time"

	"github.com/keyturn/keyturn/pkg/background"
	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/fault"
	"github.com/keyturn/keyturn/pkg/guard"
	"github.com/keyturn/keyturn/pkg/vault"
)

const (
	// patience is how long one question may take, with its repetitions.
	patience = 8 * time.Second
	// workers is how many secrets, and beside them users, are looked at side by side.
	workers = 4
	// silences is how many questions in a row a service may leave open before the others are not asked any more. The
	// workers begin a second round before the first has been counted: a silent service costs twice the patience at
	// most.
	silences = 4
)

// ask puts one question. A panic below it must not end the process, and its value may be anything: it isn't shown.
func ask[T any](ctx context.Context, question func(context.Context) (T, error)) (s Said[T]) {
	s.Asked = true
	limited, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	s.Err = background.Run(func() (err error) {
		s.Value, err = question(limited)
		return err
	})
	if p, ok := errors.AsType[*background.Panic](s.Err); ok {
		s.Err = fault.New(fault.Unclear, "preflight", "the question could not be put: "+p.Error())
	}
	return s
}

// nothing makes a question of one that has no answer but its error.
func nothing(do func(context.Context) error) func(context.Context) (struct{}, error) {
	return func(ctx context.Context) (struct{}, error) { return struct{}{}, do(ctx) }
}

// gather asks everybody. What doesn't wait for an answer to something else is asked side by side.
func (p *Preflight) gather(ctx context.Context, r Request) *Facts {
	f := &Facts{Function: p.Function, Config: p.Config, Refused: p.Refused, Mail: r.Mail, Now: p.Clock.Now()}
	if f.betrayed() {
		return f
	}
	f.Claims = ask(ctx, p.Principal.Claims)
	f.Region = ask(ctx, p.Principal.Region).Value
	home := make(chan struct{})
	var group background.Group
	if f.Region != "" {
		group.Do(func() { f.Clock = ask(ctx, p.clocks(f.Region)) })
	}
	if root := f.claim(claimTenancy); root != "" {
		group.Do(func() {
			defer close(home)
			p.homeRegion(ctx, f)
		})
		group.Do(func() { f.Guard = ask(ctx, p.guard(root)) })
		group.Do(func() {
			if f.AnyProblem = ask(ctx, func(ctx context.Context) (string, error) {
				return p.CloudGuard.AnyProblem(ctx, root)
			}); f.AnyProblem.Value != "" {
				f.Problem = ask(ctx, nothing(func(ctx context.Context) error {
					_, err := p.CloudGuard.Problem(ctx, f.AnyProblem.Value)
					return err
				}))
			}
		})
	} else {
		close(home)
	}
	if f.Refused == nil && f.Claims.OK() {
		group.Do(func() { p.topic(ctx, f) })
		group.Do(func() { p.vault(ctx, f, home) })
	}
	group.Join()
	return f
}

func (p *Preflight) clocks(region string) func(context.Context) (Clocks, error) {
	return func(ctx context.Context) (Clocks, error) {
		began := p.Clock.Now()
		_, server, err := p.Network.Knock(ctx, p.Network.IdentityURL(region))
		ended := p.Clock.Now()
		if err == nil && server.IsZero() {
			err = fault.New(fault.Invalid, "Knock", "the answer has no Date")
		}
		return Clocks{server, began.Add(ended.Sub(began) / 2)}, err
	}
}

func (p *Preflight) homeRegion(ctx context.Context, f *Facts) {
	f.Tenancy = ask(ctx, p.Directory.Tenancy)
	if !f.Tenancy.OK() {
		return
	}
	t := f.Tenancy.Value
	f.Home = ask(ctx, nothing(func(ctx context.Context) error { return p.Directory.TenancyIn(ctx, t.ID, t.Home) }))
	if f.Home.OK() && f.Function == sweeping {
		f.People = ask(ctx, nothing(func(ctx context.Context) error {
			_, _, err := p.Directory.Users(ctx, "")
			return err
		}))
	}
}

func (p *Preflight) guard(root string) func(context.Context) (Guard, error) {
	return func(ctx context.Context) (g Guard, err error) {
		g.Status, g.ReportingRegion, err = p.CloudGuard.GuardConfiguration(ctx, root)
		return g, err
	}
}

func (p *Preflight) topic(ctx context.Context, f *Facts) {
	id := f.Config.Topic
	f.TopicRegion = cmp.Or(p.Principal.RegionOf(id), f.Region)
	f.Topic = ask(ctx, func(ctx context.Context) (t Topic, err error) {
		t.Name, t.State, t.Compartment, err = p.Topics.Topic(ctx, id)
		return t, err
	})
	if f.Mail {
		f.Sent = ask(ctx, nothing(func(ctx context.Context) error {
			return p.Topics.Publish(ctx, id, mailTitle, mailBody(p.Function))
		}))
	}
}

// vault lists the secrets, then looks at the bound ones, at their users, and at what their kinds need.
func (p *Preflight) vault(ctx context.Context, f *Facts, home <-chan struct{}) {
	ids := compartments(f.Config, f.claim(claimCompartment))
	f.Compartments = make([]Compartment, len(ids))
	var lists background.Group
	for i, id := range ids {
		lists.Do(func() {
			f.Compartments[i] = Compartment{id, ask(ctx, func(ctx context.Context) ([]vault.Secret, error) {
				return p.Secrets.List(ctx, id)
			})}
		})
	}
	lists.Join()
	for _, c := range f.Compartments {
		for _, s := range c.Secrets.Value {
			if guard.TagsOf(s).Any() && s.State != "DELETED" {
				f.Secrets = append(f.Secrets, Bound{Listed: s, Region: cmp.Or(p.Principal.RegionOf(s.ID), f.Region)})
			}
		}
	}
	f.Users = usersOf(f.Secrets)
	var group background.Group
	group.Do(func() { p.secrets(ctx, f.Secrets) })
	group.Do(func() {
		if wait(ctx, home) && f.Home.OK() {
			p.users(ctx, f.Users)
		}
	})
	group.Do(func() { p.endpoints(ctx, f, home) })
	group.Join()
}

// usersOf are the users of bound secrets, each with the kinds, in the order in which they come.
func usersOf(secrets []Bound) []User {
	var out []User
	for _, b := range secrets {
		kind, id, ok := guard.BoundTo(b.Listed)
		if !ok || !isUser(id) {
			continue
		}
		i := slices.IndexFunc(out, func(u User) bool { return u.ID == id })
		if i < 0 {
			i = len(out)
			out = append(out, User{ID: id, Has: map[credential.Kind]Said[[]credential.Issued]{}})
		}
		if !slices.Contains(out[i].Kinds, kind) {
			out[i].Kinds = append(out[i].Kinds, kind)
		}
	}
	return out
}

// line is a row of questions to one service, which are not asked any more once it keeps silent.
type line struct{ silent atomic.Int32 }

func askIn[T any](ctx context.Context, l *line, question func(context.Context) (T, error)) (s Said[T]) {
	if l.silent.Load() >= silences || ctx.Err() != nil {
		return s
	}
	s = ask(ctx, question)
	switch {
	case s.Err == nil || fault.Of(s.Err) != fault.Unclear:
		l.silent.Store(0)
	case ctx.Err() != nil: // it was cut off for want of time, which says nothing about the service
		return Said[T]{}
	default:
		l.silent.Add(1)
	}
	return s
}

// wait waits until the channel is closed, and reports whether that came before the context's end.
func wait(ctx context.Context, c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	case <-ctx.Done():
		return false
	}
}

// each does n things, a few side by side.
func each(n int, do func(int)) {
	group := background.Group{Limit: workers}
	for i := range n {
		group.Do(func() { do(i) })
	}
	group.Join()
}

func (p *Preflight) secrets(ctx context.Context, all []Bound) {
	var management, retrieval line
	each(len(all), func(i int) {
		b := &all[i]
		id := b.Listed.ID
		if !living(b.Listed.State) {
			return
		}
		b.Secret = askIn(ctx, &management, func(ctx context.Context) (vault.Secret, error) {
			return p.Secrets.Secret(ctx, id)
		})
		if !b.Secret.OK() || !living(b.Secret.Value.State) {
			return
		}
		b.Versions = askIn(ctx, &management, func(ctx context.Context) ([]vault.Version, error) {
			return p.Secrets.Versions(ctx, id)
		})
		b.Current = askIn(ctx, &retrieval, func(ctx context.Context) (int64, error) {
			number, _, err := p.Secrets.Read(ctx, id, "")
			return number, err
		})
	})
}

func (p *Preflight) users(ctx context.Context, all []User) {
	var iam line
	each(len(all), func(i int) {
		u := &all[i]
		u.Who = askIn(ctx, &iam, func(ctx context.Context) (w Person, err error) {
			w.Name, w.State, w.MayNot, err = p.Directory.User(ctx, u.ID)
			return w, err
		})
		for _, k := range u.Kinds {
			if u.Who.OK() && k.Limit() > 0 {
				u.Has[k] = askIn(ctx, &iam, func(ctx context.Context) ([]credential.Issued, error) {
					l, err := p.Issuers[k].List(ctx, u.ID)
					return l.Credentials, err
				})
			}
		}
	})
}

// endpoints knocks where the kinds of the bound secrets are tried out.
func (p *Preflight) endpoints(ctx context.Context, f *Facts, home <-chan struct{}) {
	token, key := f.uses(credential.AtRegistry), f.uses(credential.AtS3)
	if !token && !key {
		return
	}
	f.Namespace = ask(ctx, p.Directory.Namespace)
	if !wait(ctx, home) {
		return
	}
	region := f.Tenancy.Value.Home
	if region == "" || !f.proves() {
		return
	}
	hosts, unknown := p.Directory.Hosts(region, f.Namespace.Value)
	knock := func(host, path string) Said[int] {
		return ask(ctx, func(ctx context.Context) (int, error) {
			if unknown != nil {
				return 0, unknown
			}
			status, _, err := p.Network.Knock(ctx, "https://"+host+path)
			return status, err
		})
	}
	var group background.Group
	if token {
		group.Do(func() { f.Registry = knock(hosts.Registry, "/v2/") })
	}
	if key && f.Namespace.OK() {
		group.Do(func() { f.S3 = knock(hosts.S3, "/") })
	}
	group.Join()
}
