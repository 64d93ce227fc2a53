package rotation

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/fault"
	"github.com/keyturn/keyturn/pkg/vault"
)

// userAction is a manual change. do returns false if it doesn't apply.
type userAction struct {
	name string
	do   func(*walkWorld) bool
}

// userActions are the manual changes of the walk.
var userActions = []userAction{
	{"promotes the staged version", func(w *walkWorld) bool {
		return w.edit(func(s *walkSecret) bool {
			i := slices.IndexFunc(s.versions, func(v walkVersion) bool { return v.stage == "PENDING" })
			if i >= 0 {
				s.makeCurrent(i)
			}
			return i >= 0
		})
	}},
	{"rolls the secrets back", func(w *walkWorld) bool {
		return w.edit(func(s *walkSecret) bool {
			if s.versions[0].stage == "CURRENT" {
				return false
			}
			s.makeCurrent(0)
			return true
		})
	}},
	{"writes something else to the secrets", func(w *walkWorld) bool {
		return w.edit(func(s *walkSecret) bool {
			s.versions = append(s.versions, walkVersion{content: "something", created: w.now})
			s.makeCurrent(len(s.versions) - 1)
			return true
		})
	}},
	{"writes a living credential to the secrets", func(w *walkWorld) bool {
		if limit := w.kind.Limit(); limit == 0 || w.living() >= limit {
			return false
		}
		c := *w.add("operator", "", 0)
		return w.edit(func(s *walkSecret) bool {
			v := w.holding(s.Role, "", c).versions[0]
			v.created = w.now
			s.versions = append(s.versions, v)
			s.makeCurrent(len(s.versions) - 1)
			return true
		})
	}},
	{"binds a secret to another user", func(w *walkWorld) bool {
		return w.first(func(s *walkSecret) bool { s.user = "ocid1.user.oc1..another"; return true })
	}},
	{"schedules a secret's deletion", func(w *walkWorld) bool {
		return w.first(func(s *walkSecret) bool { s.state = "PENDING_DELETION"; return true })
	}},
	{"takes away the right to read a secret", func(w *walkWorld) bool {
		return w.first(func(s *walkSecret) bool { s.forbidden = true; return true })
	}},
	{"empties the metadata", func(w *walkWorld) bool {
		return w.edit(func(s *walkSecret) bool {
			had := s.metadata != ""
			s.metadata, w.wiped = "", w.wiped || had
			return had
		})
	}},
	{"writes to the metadata", func(w *walkWorld) bool {
		return w.first(func(s *walkSecret) bool {
			m, err := vault.Metadata(s.metadata).With("note", "an operator was here")
			s.metadata = string(m)
			return err == nil
		})
	}},
	{"deletes the old credential", func(w *walkWorld) bool {
		if w.kind == credential.Password || !w.old().lives() {
			return false
		}
		w.old().gone = w.now
		return true
	}},
	{"deletes the new credential", func(w *walkWorld) bool {
		for i := range w.creds {
			if c := &w.creds[i]; w.ours(*c) && c.lives() && w.kind != credential.Password {
				c.gone, c.taken = w.now, true
				return true
			}
		}
		return false
	}},
	{"makes another credential", func(w *walkWorld) bool {
		if limit := w.kind.Limit(); limit == 0 || w.living() >= limit {
			return false
		}
		w.add("operator", "", 0)
		return true
	}},
	{"deletes another credential", func(w *walkWorld) bool {
		i := slices.IndexFunc(w.creds, func(c walkCred) bool { return c.by == "user" && c.lives() })
		if i >= 0 {
			w.creds[i].gone, w.creds[i].taken = w.now, true
		}
		return i >= 0
	}},
	{"sets the password", func(w *walkWorld) bool {
		if w.kind != credential.Password {
			return false
		}
		w.now = w.now.Add(time.Second)
		for i := range w.creds {
			if w.creds[i].lives() {
				w.creds[i].gone = w.now
			}
		}
		w.add("operator", "", 0)
		return true
	}},
	{"closes the problem again with a grace of an hour", func(w *walkWorld) bool {
		w.now = w.now.Add(time.Minute)
		w.order = order{at: w.now, grace: time.Hour, given: true, another: w.order.another}
		return true
	}},
	{"closes the problem again with no grace", func(w *walkWorld) bool {
		w.now = w.now.Add(time.Minute)
		w.order = order{at: w.now, given: true, another: w.order.another}
		return w.grace > 0
	}},
	{"closes the problem again with another secret", func(w *walkWorld) bool {
		if len(w.roles) != 1 || w.order.another {
			return false
		}
		w.now = w.now.Add(time.Minute)
		w.order = order{at: w.now, grace: w.grace, another: true}
		return true
	}},
}

// lags are disturbances by time and by IAM's lists.
var lags = []string{"IAM's lists are four minutes old", "four minutes pass"}

// waits are the times between two deliveries.
var waits = []time.Duration{0, 6 * time.Minute, 11 * time.Minute, time.Hour}

// edit calls f with each of the rotation's secrets, and reports whether one changed.
func (w *walkWorld) edit(f func(*walkSecret) bool) (done bool) {
	for i := range w.roles {
		if f(&w.secrets[i]) {
			w.secrets[i].revision++
			done = true
		}
	}
	return done
}

func (w *walkWorld) first(f func(*walkSecret) bool) bool {
	if len(w.roles) == 0 {
		return false
	}
	w.secrets[0].revision++
	return f(&w.secrets[0])
}

// ours reports whether a process made the credential.
func (w *walkWorld) ours(c walkCred) bool {
	return !slices.Contains([]string{"old", "user", "operator"}, c.by)
}

// walkNode is a node of the walk: the world, up to two running processes, and what may still happen.
type walkNode struct {
	world        *walkWorld
	procs        [2]*walkProcess
	disturbances int // that may still happen: failures, deaths, manual changes, lags
	starts       int // of processes that may still happen
}

func (n walkNode) key() [32]byte {
	var b bytes.Buffer
	n.world.key(&b)
	fmt.Fprint(&b, "#", n.disturbances, n.starts)
	for _, p := range n.procs {
		if p != nil {
			p.identify(&b)
		}
	}
	return sha256.Sum256(b.Bytes())
}

func (p *walkProcess) identify(b *bytes.Buffer) {
	m := p.mem
	fmt.Fprint(b, "#", p.order.at.Unix(), p.order.grace, p.order.given, p.order.another, p.acted, p.key, p.seen,
		m.Maker, m.Looks, m.Fresh, m.Kept, m.Unsure,
		m.Deleted, m.Undone, m.Limited != nil, m.Withdrew, m.Unanswered, m.Mismatch,
		m.Trial.Credential, m.Trial.Accepted, m.Trial.Refusals,
		m.Trial.Lasted, m.Trial.Looks, m.Trial.Err != nil, len(m.Tries))
	if m.Made != nil {
		fmt.Fprint(b, "made", m.Made.ID)
	}
	if m.Value != nil {
		fmt.Fprint(b, "value", m.Value.ID)
	}
	for _, a := range slices.Sorted(maps.Keys(m.Tries)) {
		fmt.Fprint(b, a, m.Tries[a])
	}
	if f := m.Failure; f != nil {
		fmt.Fprint(b, f.Action, fault.Of(f.Err), f.TimeUp)
	}
}

// walker is a model checker: it visits every node that it can reach from an origin, and records broken promises as
// faults. It uses the package's own reduction and decision, unless a test replaces them.
type walker struct {
	reduce func(Job, Snapshot, Memory) Case
	next   func(State) Decision
	sample uint64 // visit one in so many second disturbances
	enough bool   // stop at the first fault

	seen   map[[32]byte]bool // true once all paths from it are visited
	rested map[[32]byte]bool
	states map[State]bool
	acts   map[string]int
	ends   map[string]int
	edges  int
	faults map[string]string // each fault, with the shortest path to it
}

func newWalker() *walker {
	return &walker{reduce: Reduce, next: Next, sample: 1, seen: map[[32]byte]bool{}, rested: map[[32]byte]bool{},
		states: map[State]bool{},
		acts:   map[string]int{}, ends: map[string]int{}, faults: map[string]string{}}
}

// path is how the walk reached a node.
type path struct {
	before *path
	step   string
}

func (t *path) String() string {
	var all []string
	for ; t != nil; t = t.before {
		all = append(all, t.step)
	}
	slices.Reverse(all)
	return strings.Join(all, "; ")
}

func (w *walker) fault(t *path, format string, args ...any) {
	what := fmt.Sprintf(format, args...)
	if before, known := w.faults[what]; !known || len(t.String()) < len(before) {
		w.faults[what] = t.String()
	}
}

// walk visits all nodes from an origin.
func (w *walker) walk(o *origin, disturbances, starts int) {
	n := walkNode{world: o.begin(), disturbances: disturbances, starts: starts}
	w.visit(n.start(0), &path{step: o.name})
}

// start starts process i.
func (n walkNode) start(i int) walkNode {
	n.world = n.world.clone()
	n.world.makers++
	n.starts--
	n.procs[i] = &walkProcess{order: n.world.order, key: n.world.keys,
		mem: Memory{Maker: fmt.Sprintf("maker%d", n.world.makers)}}
	n.world.keys++
	return n
}

func (w *walker) visit(n walkNode, t *path) {
	if w.enough && len(w.faults) > 0 {
		return
	}
	key := n.key()
	if done, known := w.seen[key]; known {
		if !done {
			w.fault(t, "the path runs in a circle")
		}
		return
	}
	w.seen[key] = false
	defer func() { w.seen[key] = true }()
	if n.procs[0] == nil && n.procs[1] == nil {
		w.idle(n, t)
		return
	}
	disturb := n.disturbances > 0
	chance := uint64(key[0]) | uint64(key[1])<<8
	for i, p := range n.procs {
		if p == nil {
			continue
		}
		c, d := w.decide(n.world, p)
		w.states[c.State] = true
		switch {
		case d.Row == 0:
			w.fault(t, "no row fits %+v", c.State)
			continue
		case p.steps > 30:
			w.fault(t, "a run does not end")
			continue
		case d.Action.Ends():
			w.ended(n.world, p, d, t)
			next := n
			next.procs[i] = nil
			w.edge(next, t, "%d ends: %s (%s)", i, d.Action, d.Reason)
			continue
		}
		next, changes, _ := w.step(n, i, c, d, variant{})
		w.check(next.world, t, "%d %s", i, d.Action)
		w.edge(next, t, "%d %s", i, d.Action)
		if !disturb {
			continue
		}
		for k, v := range w.variants(n.world, d.Action, changes) {
			if w.skips(n, chance, k) {
				continue
			}
			next, _, died := w.step(n, i, c, d, v)
			next.disturbances--
			if died {
				next.procs[i] = nil
			}
			w.acts[v.name]++
			w.check(next.world, t, "%d %s, %s", i, d.Action, v.name)
			w.edge(next, t, "%d %s, %s", i, d.Action, v.name)
		}
	}
	if !disturb {
		return
	}
	for k, a := range userActions {
		if w.skips(n, chance, 100+k) {
			continue
		}
		next := n
		next.world = n.world.clone()
		next.disturbances--
		if a.do(next.world) {
			next.world.acts++
			w.acts[a.name]++
			w.edge(next, t, "an operator %s", a.name)
		}
	}
	if !w.skips(n, chance, 200) {
		next := n
		next.world = n.world.clone()
		next.world.now = next.world.now.Add(SpreadTime)
		next.disturbances--
		w.acts[lags[1]]++
		w.edge(next, t, "%s", lags[1])
	}
	if n.starts > 0 && (n.procs[0] == nil || n.procs[1] == nil) {
		i := slices.Index(n.procs[:], nil)
		next := n.start(i)
		next.world.together = true
		next.disturbances--
		w.edge(next, t, "another process begins")
	}
}

// skips leaves out most of the second disturbances of a path.
func (w *walker) skips(n walkNode, chance uint64, k int) bool {
	return n.disturbances == 1 && n.world.acts+n.world.makers > 1 && w.sample > 1 && (chance+uint64(k)*31)%w.sample != 0
}

func (w *walker) edge(n walkNode, t *path, format string, args ...any) {
	w.edges++
	w.visit(n, &path{t, fmt.Sprintf(format, args...)})
}

func (w *walker) check(world *walkWorld, t *path, format string, args ...any) {
	for _, what := range world.violations {
		w.fault(&path{t, fmt.Sprintf(format, args...)}, "%s", what)
	}
}

// decide reduces and decides, as the engine does.
func (w *walker) decide(world *walkWorld, p *walkProcess) (Case, Decision) {
	m := p.mem
	m.Now = world.now
	c := w.reduce(world.job(p.order), p.snap, m)
	return c, w.next(c.State)
}
