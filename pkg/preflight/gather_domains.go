package preflight

import (
	"context"

	"github.com/keyturn/keyturn/pkg/background"
	"github.com/keyturn/keyturn/pkg/credential"
)

// active is the lifecycle state of a domain or user that can be used.
const active = "ACTIVE"

// domains reads the identity domains of the configuration, and asks the ACTIVE ones. Without any in the configuration
// it makes no call.
func (p *Preflight) domains(ctx context.Context, f *Facts, home *background.Task[bool]) {
	if !f.asksDomains() {
		return
	}
	if reached, _ := home.Wait(ctx); !reached {
		return
	}
	f.Domains = ask(ctx, p.Cloud.AllDomains)
	for _, d := range f.Domains.Value {
		if d.State == active {
			f.Active = append(f.Active, Domain{Domain: d, Lists: map[credential.Kind]Response[struct{}]{}})
		}
	}
	inParallel(f.Active, func(d *Domain) { p.domain(ctx, d) })
}

// listedKinds are "", which stands for the users, and the kinds that OCI lists.
func listedKinds() []credential.Kind {
	all := []credential.Kind{""}
	for _, k := range credential.Kinds() {
		if k.Limit() > 0 {
			all = append(all, k)
		}
	}
	return all
}

// domain asks one domain. If its host doesn't answer, it makes no more calls.
func (p *Preflight) domain(ctx context.Context, d *Domain) {
	d.Host = ask(ctx, func(ctx context.Context) (Knocked, error) {
		url, err := p.Cloud.DomainURL(d.Domain)
		if err != nil {
			return Knocked{}, err
		}
		return p.knock(ctx, url)
	})
	if !d.answers() {
		return
	}
	var silent breaker
	for _, k := range listedKinds() {
		d.Lists[k] = askIn(ctx, &silent, func(ctx context.Context) (struct{}, error) {
			return struct{}{}, p.Cloud.TryDomainList(ctx, d.Domain, k)
		})
	}
}

// answers reports whether the domain's host gives answers other than failures.
func (d *Domain) answers() bool { return d.Host.OK() && d.Host.Value.Status < 500 }
