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
	// callTime is the time limit of one question, with its retries.
	callTime = 8 * time.Second
	// workers is how many secrets, and at the same time users, are read in parallel.
	workers = 4
	// maxSilent is how many questions in a row a service may leave unanswered before the others are dropped. Workers
	// start a second round before the first is counted, so a silent service costs at most twice callTime.
	maxSilent = 4
)

// ask makes one call. It recovers a panic, and leaves out its value, which may be a secret.
func ask[T any](ctx context.Context, question func(context.Context) (T, error)) (s Response[T]) {
	s.Asked = true
	limited, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	s.Err = background.Run(func() (err error) {
		s.Value, err = question(limited)
		return err
	})
	if p, ok := errors.AsType[*background.Panic](s.Err); ok {
		s.Err = fault.New(fault.Unclear, "preflight", "the call panicked: "+p.Error())
	}
	return s
}

// try is ask for a call that returns only an error.
func try(ctx context.Context, call func(context.Context) error) Response[struct{}] {
	return ask(ctx, func(ctx context.Context) (struct{}, error) { return struct{}{}, call(ctx) })
}

// with makes a question from a call with one argument.
func with[A, T any](a A, call func(context.Context, A) (T, error)) func(context.Context) (T, error) {
	return func(ctx context.Context) (T, error) { return call(ctx, a) }
}

// breaker counts how many questions in a row one service has left unanswered. Once it is silent, no more are asked.
type breaker struct{ silent atomic.Int32 }

func askIn[T any](ctx context.Context, b *breaker, question func(context.Context) (T, error)) (s Response[T]) {
	if b.silent.Load() >= maxSilent || ctx.Err() != nil {
		return s
	}
	s = ask(ctx, question)
	switch {
	case s.Err == nil || fault.Of(s.Err) != fault.Unclear:
		b.silent.Store(0)
	case ctx.Err() != nil: // there was no time left, which says nothing about the service
		return Response[T]{}
	default:
		b.silent.Add(1)
	}
	return s
}

// gather asks all questions, in parallel unless one needs the answer to another.
func (p *Preflight) gather(ctx context.Context, r Request) *Facts {
	f := &Facts{Function: p.Function, Config: p.Config, Refused: p.Refused, Mail: r.Mail, Now: p.Clock.Now()}
	if f.unsafe() {
		return f
	}
	f.Claims = ask(ctx, p.Cloud.Claims)
	f.Region = ask(ctx, p.Cloud.Region).Value
	root := f.claim(claimTenancy)
	var group background.Group
	home := background.Start(func() (_ bool, _ error) {
		if root != "" {
			p.homeRegion(ctx, f)
		}
		return f.Home.OK(), nil
	})
	group.Do(func() { home.Wait(context.WithoutCancel(ctx)) })
	if f.Region != "" {
		group.Do(func() { f.Clock = ask(ctx, with(f.Region, p.clocks)) })
	}
	if root != "" {
		group.Do(func() {
			f.Guard = ask(ctx, func(ctx context.Context) (g Guard, err error) {
				g.Status, g.ReportingRegion, err = p.Cloud.GuardConfiguration(ctx, root)
				return g, err
			})
		})
		group.Do(func() {
			f.AnyProblem = ask(ctx, with(root, p.Cloud.AnyProblem))
			if id := f.AnyProblem.Value; id != "" {
				f.Problem = ask(ctx, with(id, p.Cloud.Problem))
			}
		})
	}
	if f.Refused == nil && f.Claims.OK() {
		group.Do(func() { p.topic(ctx, f) })
		group.Do(func() { p.vault(ctx, f, home) })
		group.Do(func() { p.domains(ctx, f, home) })
	}
	group.Join()
	return f
}

func (p *Preflight) clocks(ctx context.Context, region string) (Clocks, error) {
	k, err := p.knock(ctx, p.Cloud.IdentityURL(region))
	if err == nil && k.Server.IsZero() {
		err = fault.New(fault.Invalid, "Knock", "the answer has no Date")
	}
	return k.Clocks, err
}

func (p *Preflight) knock(ctx context.Context, url string) (Knocked, error) {
	began := p.Clock.Now()
	status, server, err := p.Cloud.Knock(ctx, url)
	return Knocked{status, Clocks{server, began.Add(p.Clock.Now().Sub(began) / 2)}}, err
}

func (p *Preflight) homeRegion(ctx context.Context, f *Facts) {
	f.Tenancy = ask(ctx, p.Cloud.Tenancy)
	if !f.Tenancy.OK() {
		return
	}
	f.Home = try(ctx, func(ctx context.Context) error { return p.Cloud.TenancyIn(ctx, f.Tenancy.Value.ID, f.home()) })
	if f.Home.OK() && f.Function == sweeping {
		f.UserList = try(ctx, func(ctx context.Context) (err error) { _, _, err = p.Cloud.Users(ctx, ""); return err })
	}
}

func (p *Preflight) topic(ctx context.Context, f *Facts) {
	id := f.Config.Topic
	f.TopicRegion = cmp.Or(p.Cloud.RegionOf(id), f.Region)
	f.Topic = ask(ctx, func(ctx context.Context) (t Topic, err error) {
		t.Name, t.State, t.Compartment, err = p.Cloud.Topic(ctx, id)
		return t, err
	})
	if records := f.Config.RecordsTopic; records != "" {
		f.RecordsRegion = cmp.Or(p.Cloud.RegionOf(records), f.Region)
		f.Records = ask(ctx, func(ctx context.Context) (t Topic, err error) {
			t.Name, t.State, t.Compartment, err = p.Cloud.Topic(ctx, records)
			return t, err
		})
	}
	if f.Mail {
		f.Sent = try(ctx, func(ctx context.Context) error {
			return p.Cloud.Publish(ctx, id, mailTitle, mailBody(p.Function))
		})
	}
}

// vault lists the secrets, then reads the bound ones, their users, and what their kinds need.
func (p *Preflight) vault(ctx context.Context, f *Facts, home *background.Task[bool]) {
	ids := f.compartments()
	f.Compartments = make([]Compartment, len(ids))
	var lists background.Group
	for i, id := range ids {
		lists.Do(func() { f.Compartments[i] = Compartment{id, ask(ctx, with(id, p.Secrets.List))} })
	}
	lists.Join()
	var bound []vault.Secret
	for _, c := range f.Compartments {
		for _, s := range c.Secrets.Value {
			if guard.TagsOf(s).Any() && s.State != "DELETED" {
				bound = append(bound, s)
				f.Secrets = append(f.Secrets, Bound{Listed: s, Region: cmp.Or(p.Cloud.RegionOf(s.ID), f.Region)})
			}
		}
	}
	f.Users = usersOf(bound)
	var group background.Group
	group.Do(func() { p.secrets(ctx, f.Secrets) })
	group.Do(func() {
		if reached, _ := home.Wait(ctx); reached {
			p.users(ctx, f.Users)
		}
	})
	group.Do(func() { p.endpoints(ctx, f, home) })
	group.Join()
}

// usersOf returns the users of bound secrets, each with the kinds, in the order in which they come.
func usersOf(secrets []vault.Secret) []User {
	var out []User
	for _, s := range secrets {
		kind, id, ok := guard.BoundTo(s)
		if !ok {
			continue
		}
		i := slices.IndexFunc(out, func(u User) bool { return u.ID == id })
		if i < 0 {
			i = len(out)
			out = append(out, User{ID: id, Has: map[credential.Kind]Response[credential.Listing]{}})
		}
		if !slices.Contains(out[i].Kinds, kind) {
			out[i].Kinds = append(out[i].Kinds, kind)
		}
	}
	return out
}

// inParallel calls do for each of a list, with a few at a time.
func inParallel[T any](all []T, do func(*T)) {
	group := background.Group{Limit: workers}
	for i := range all {
		group.Do(func() { do(&all[i]) })
	}
	group.Join()
}

func (p *Preflight) secrets(ctx context.Context, all []Bound) {
	var management, retrieval breaker
	inParallel(all, func(b *Bound) {
		id := b.Listed.ID
		if !living(b.Listed.State) {
			return
		}
		b.Secret = askIn(ctx, &management, with(id, p.Secrets.Secret))
		if !b.readable() {
			return
		}
		b.Versions = askIn(ctx, &management, with(id, p.Secrets.Versions))
		b.Current = askIn(ctx, &retrieval, func(ctx context.Context) (int64, error) {
			number, _, err := p.Secrets.Read(ctx, id, "")
			return number, err
		})
	})
}

func (p *Preflight) users(ctx context.Context, all []User) {
	var iam breaker
	inParallel(all, func(u *User) {
		u.Person = askIn(ctx, &iam, func(ctx context.Context) (w Person, err error) {
			w.User, w.Domain, w.NoMail, err = p.Cloud.Account(ctx, u.ID)
			return w, err
		})
		for _, k := range u.Kinds {
			if u.Person.OK() && k.Limit() > 0 {
				u.Has[k] = askIn(ctx, &iam, with(u.ID, p.Issuers[k].List))
			}
		}
	})
}

// endpoints calls the places where the credentials of the bound secrets' kinds are proven.
func (p *Preflight) endpoints(ctx context.Context, f *Facts, home *background.Task[bool]) {
	if !f.uses(credential.AtRegistry, credential.AtS3) {
		return
	}
	f.Namespace = ask(ctx, p.Cloud.Namespace)
	if _, err := home.Wait(ctx); err != nil || f.home() == "" || !f.proves() {
		return
	}
	hosts, unknown := p.Cloud.Hosts(f.home(), f.Namespace.Value)
	knock := func(url string) Response[int] {
		return ask(ctx, func(ctx context.Context) (int, error) {
			if unknown != nil {
				return 0, unknown
			}
			status, _, err := p.Cloud.Knock(ctx, "https://"+url)
			return status, err
		})
	}
	var group background.Group
	if f.uses(credential.AtRegistry) {
		group.Do(func() { f.Registry = knock(hosts.Registry + "/v2/") })
	}
	if f.uses(credential.AtS3) && f.Namespace.OK() {
		group.Do(func() { f.S3 = knock(hosts.S3 + "/") })
	}
	group.Join()
}
