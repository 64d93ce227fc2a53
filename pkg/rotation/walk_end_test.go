package rotation

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"slices"
	"time"

	"github.com/keyturn/keyturn/pkg/config"
	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/fault"
	"github.com/keyturn/keyturn/pkg/vault"
)

// step lets the engine carry out a decision.
func (w *walker) step(n walkNode, i int, c Case, d Decision, v variant) (next walkNode, changes int, died bool) {
	p := *n.procs[i]
	world := n.world.clone()
	job := world.job(p.order)
	at := &call{walkWorld: world, variant: v, maker: p.mem.Maker, action: d.Action, job: job, proc: &p,
		other: n.procs[1-i]}
	r := &run{Engine: &Engine{Vault: at, Prover: at, Clock: at, Prove: config.ProveRequire}, Issuer: at, job: job,
		key: fixedKey(p.key), snap: p.snap, mem: p.mem,
		result: Result{Acted: p.acted, OldMade: walkStart}}
	ctx := context.Background()
	forward := ctx
	if v.late {
		var cancel context.CancelFunc
		forward, cancel = context.WithCancel(ctx)
		cancel()
	}
	at.proc = &p
	r.act(ctx, forward, c, d)
	if r.mem.Value != p.mem.Value && d.Action == Stage {
		p.key = world.keys
		world.keys++
	}
	p.snap, p.mem, p.acted = r.snap, r.mem, r.result.Acted
	p.steps++
	if d.Action == Look && r.mem.Failure == nil {
		var b bytes.Buffer
		n.world.key(&b)
		sum := sha256.Sum256(fmt.Append(b.Bytes(), v.name))
		p.seen, p.looked, p.wrote = string(sum[:]), n.world.acts, n.world.acts
	} else {
		sum := sha256.Sum256(fmt.Append([]byte(p.seen), d.Action, v.name))
		p.seen = string(sum[:])
	}
	if rest := world.now.Sub(n.world.now) % time.Minute; rest > 0 && d.Action == Prove {
		world.now = world.now.Add(time.Minute - rest)
	}
	next = n
	next.world, next.procs[i] = world, &p
	return next, at.changes, at.dead
}

// variants returns the ways in which a step can go wrong.
func (w *walker) variants(world *walkWorld, a Action, changes int) (out []variant) {
	young := slices.ContainsFunc(world.creds, func(c walkCred) bool {
		return world.now.Sub(c.created) < SpreadTime || !c.lives() && world.now.Sub(c.gone) < SpreadTime
	})
	if young && (a == Look || a == Prove && world.kind == credential.Password) {
		out = append(out, variant{name: lags[0], lag: true})
	}
	switch {
	case a == Look:
		out = append(out, variant{name: "OCI doesn't answer", unread: true}, variant{name: "the list is refused",
			deny: true})
	case a == Prove && world.kind != credential.Password:
		out = append(out, variant{name: "it is refused", proof: "refused"},
			variant{name: "the service does not answer", proof: "silent"})
	}
	for k := 1; k <= changes; k++ {
		out = append(out, variant{name: fmt.Sprint("it dies before change ", k), at: k},
			variant{name: fmt.Sprint("it dies after change ", k), at: k, after: true},
			variant{name: fmt.Sprint("no answer to change ", k, ", which was not made"), at: k, class: fault.Unclear},
			variant{name: fmt.Sprint("no answer to change ", k, ", which was made"), at: k, class: fault.Unclear,
				after: true})
		if a != Stage || world.kind != credential.APIKey {
			out = append(out, variant{name: fmt.Sprint("no answer to change ", k,
				", which was made, and the time is up"), at: k, class: fault.Unclear, after: true, late: true})
		}
		out = append(out, variant{name: fmt.Sprint("change ", k, " is refused"), at: k, class: fault.Denied},
			variant{name: fmt.Sprint("change ", k, " is throttled"), at: k, class: fault.Throttled})
	}
	switch {
	case changes == 0:
	case a == Create:
		out = append(out, variant{name: "OCI says that a limit is reached", at: 1, class: fault.Full})
	case a != Retire && a != Replace && a != Discard && a != Reset:
		out = append(out, variant{name: "the secret stays busy", at: 1, class: fault.Busy, stays: true})
	}
	return out
}

// ended checks the result of a run.
func (w *walker) ended(world *walkWorld, p *walkProcess, d Decision, t *path) {
	w.ends[fmt.Sprintf("%s: %s", d.Action, d.Reason)]++
	for _, c := range world.creds {
		if d.Action == Done && !world.ambiguous() && c.lives() && p.holdsInHand(c.id) && !world.stored(c) &&
			p.mem.Tries[Discard] == 0 && world.kind != credential.Password {
			w.fault(t, "done, and the value is in no secret")
		}
	}
	if world.acts > 0 || world.kind == credential.Password && !world.keepsChosen() {
		return
	}
	switch finished := slices.ContainsFunc(world.creds, func(c walkCred) bool {
		return world.ours(c) && world.works(c) && world.current(c, world.targets(p.order))
	}); {
	case d.Reason == Rotated && (world.old().lives() || !finished):
		w.fault(t, "done, but not rotated")
	case d.Reason == GraceRunning && !finished:
		w.fault(t, "the grace runs, but the new credential is not CURRENT")
	case d.Reason == AlreadyGone && world.deleted && !finished && world.replace:
		w.fault(t, "done, but the credential that was deleted first has no successor")
	}
}

// idle handles a world without a running process: sweeps finish it, or another delivery begins.
func (w *walker) idle(n walkNode, t *path) {
	w.sweepUntilDone(n.world, t)
	if n.starts == 0 {
		return
	}
	for _, d := range waits {
		next := n.start(0)
		next.world.now = next.world.now.Add(d)
		w.edge(next, t, "%v later a process begins", d)
	}
}

// sweepUntilDone runs sweeps until nothing is left to do, and checks the final state.
func (w *walker) sweepUntilDone(world *walkWorld, t *path) {
	var b bytes.Buffer
	world.key(&b)
	key := sha256.Sum256(b.Bytes())
	if w.rested[key] {
		return
	}
	w.rested[key] = true
	n := walkNode{world: world}
	var last Decision
	for _, wait := range []time.Duration{11 * time.Minute, 40 * time.Minute, 2 * time.Hour, time.Hour} {
		n.world = n.world.clone()
		n.world.now = n.world.now.Add(wait)
		t = &path{t, fmt.Sprintf("%v later the sweep", wait)}
		before := n.world.revisions()
		n, last, t = w.deliver(n, t)
		for _, c := range n.world.creds {
			if m, ok := credential.ParseMark(c.mark); ok && c.lives() && !n.world.stored(c) {
				n = w.collect(n, c, m, t)
			}
		}
		if last.Action == Refuse { // the problem is open again
			break
		}
		if last.Action == Done && last.Reason != GraceRunning && n.world.revisions() == before {
			break
		}
	}
	world = n.world
	made := 0
	for _, c := range world.creds {
		if world.ours(c) && c.lives() {
			made++
		}
	}
	disturbed := world.acts > 0
	switch {
	case made > 1 && !world.ambiguous():
		w.fault(t, "there are %d successors", made)
	case last.Action != Done && last.Action != Refuse:
		w.fault(t, "it waits for ever: %s", last.Reason)
	case world.kind != credential.Password && world.deleted && !disturbed &&
		!slices.ContainsFunc(world.creds, func(c walkCred) bool { return c.by != "user" && world.readable(c) }):
		w.fault(t, "the old credential is deleted, and has no successor")
	case !disturbed && (world.kind != credential.Password || world.keepsChosen()) && !world.refused &&
		(!world.full() || world.replace) &&
		last.Reason != Rotated:
		w.fault(t, "it was not disturbed, but ends with %s (%s)", last.Action, last.Reason)
	case !disturbed && world.refused && !world.replace && (made > 0 || !world.old().lives()):
		w.fault(t, "a credential that is refused stays, or the old one is gone")
	}
	if last.Reason == Rotated && !disturbed {
		for i := range world.roles {
			if j := JournalOf(vault.Metadata(world.secrets[i].metadata)); len(j.Retire) > 0 || j.Staged != nil {
				w.fault(t, "it is done, and the journal has something left to do")
			}
		}
	}
}

// keepsChosen reports whether the password is one that Keyturn chooses.
func (o *origin) keepsChosen() bool { return o.chosen && len(o.roles) > 0 }

func (o *origin) full() bool { return o.kind.Limit() > 0 && 1+o.others >= o.kind.Limit() }

func (w *walkWorld) revisions() (n int) {
	for _, s := range w.secrets {
		n += s.revision
	}
	return n + 1000*len(w.creds) + 100000*w.living()
}

// deliver runs one undisturbed delivery to its end.
func (w *walker) deliver(n walkNode, t *path) (walkNode, Decision, *path) {
	n = n.start(0)
	for range 40 {
		c, d := w.decide(n.world, n.procs[0])
		w.states[c.State] = true
		w.edges++
		if d.Row == 0 {
			w.fault(t, "no row fits %+v", c.State)
		}
		if d.Action.Ends() {
			w.ended(n.world, n.procs[0], d, t)
			n.procs[0] = nil
			return n, d, &path{t, fmt.Sprintf("%s: %s", d.Action, d.Reason)}
		}
		n, _, _ = w.step(n, 0, c, d, variant{})
		t = &path{t, string(d.Action)}
		w.check(n.world, t, "")
	}
	w.fault(t, "a run does not end")
	return n, Decision{Action: Refuse}, t
}

// collect lets the sweep collect a marked credential.
func (w *walker) collect(n walkNode, o walkCred, m credential.Mark, t *path) walkNode {
	world := n.world.clone()
	i := slices.IndexFunc(world.secrets, func(s walkSecret) bool { return credential.Home(s.SecretID) == m.Home })
	at := &call{walkWorld: world, maker: "sweep", proc: &walkProcess{}}
	job := Job{Request: credential.Request{Ref: credential.Ref{Kind: world.kind, User: walkUser},
		Secrets: []credential.Target{world.secrets[i].Target}},
		Authorize: walkAuthorize,
		Prove:     config.ProveRequire,
		orphan:    o.id,
		marked:    m.Rotation}
	r := &run{Engine: &Engine{Vault: at, Prover: at, Clock: at}, Issuer: at, job: job, mem: Memory{Maker: "sweep"}}
	for range 20 {
		c := w.reduce(job, r.snap, r.memory())
		d := w.next(c.State)
		w.states[c.State] = true
		at.action = d.Action
		if d.Action.Ends() {
			break
		}
		at.proc = &walkProcess{snap: r.snap, mem: r.mem}
		r.act(context.Background(), context.Background(), c, d)
	}
	w.check(world, t, "a sweep collects %s", o.id)
	n.world = world
	return n
}

func serverMadeOrigins() []*origin {
	token, pair := []credential.Role{credential.RoleToken}, []credential.Role{credential.RoleSecretKey,
		credential.RoleAccessKey}
	return []*origin{
		{name: "a token", kind: credential.AuthToken, roles: token},
		{name: "a token that is refused", kind: credential.AuthToken, roles: token, refused: true},
		{name: "a token with a grace", kind: credential.AuthToken, roles: token, grace: 90 * time.Minute},
		{name: "a token, all slots taken", kind: credential.AuthToken, roles: token, others: 1},
		{name: "a token, all slots taken, replace:yes", kind: credential.AuthToken, roles: token, others: 1,
			replace: true},
		{name: "a customer secret key in two secrets", kind: credential.CustomerSecretKey, roles: pair},
		{name: "a customer secret key in two secrets with a grace", kind: credential.CustomerSecretKey, roles: pair,
			grace: 90 * time.Minute},
		{name: "a customer secret key in two secrets, replace:yes", kind: credential.CustomerSecretKey, roles: pair,
			others: 1, replace: true},
	}
}

func apiKeyOrigins() []*origin {
	one, two := []credential.Role{credential.RolePrivateKey}, []credential.Role{credential.RoleBundle,
		credential.RolePrivateKey}
	return []*origin{
		{name: "an API key", kind: credential.APIKey, roles: one},
		{name: "an API key in two secrets", kind: credential.APIKey, roles: two},
		{name: "an API key, all slots taken, replace:yes", kind: credential.APIKey, roles: one, others: 2,
			replace: true},
	}
}

func chosenOrigins() []*origin {
	one, two := []credential.Role{credential.RolePassword}, []credential.Role{credential.RoleBundle,
		credential.RolePassword}
	return []*origin{
		{name: "a password by mail", kind: credential.Password, chosen: true},
		{name: "a chosen password", kind: credential.Password, roles: one, chosen: true},
		{name: "a chosen password in two secrets", kind: credential.Password, roles: two, chosen: true},
	}
}

func passwordOrigins() []*origin {
	return []*origin{
		{name: "a password", kind: credential.Password},
		{name: "a password in a secret", kind: credential.Password, roles: []credential.Role{credential.RolePassword}},
	}
}
