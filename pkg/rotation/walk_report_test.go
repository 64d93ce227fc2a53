package rotation

import (
	"maps"
	"slices"
	"testing"
)

func (w *walker) report(t *testing.T) {
	t.Helper()
	for _, what := range slices.Sorted(maps.Keys(w.faults)) {
		t.Errorf("%s\n\t%s", what, w.faults[what])
	}
	t.Logf("%d places, %d edges, %d states of the table", len(w.seen), w.edges, len(w.states))
}

// Each path has two disturbances: every pair near its beginning, and a fixed sample of the rest.
func TestNoWayThroughARotationLosesACredentialOrRunsInCircles(t *testing.T) {
	played := map[string]int{}
	for _, group := range []struct {
		name    string
		origins []*origin
		sample  uint64
	}{
		{"a credential that OCI makes", serverMadeOrigins(), 16001},
		{"an API key", apiKeyOrigins()[:1], 128021},
		{"a password", passwordOrigins(), 251},
		{"a chosen password", chosenOrigins(), 1},
	} {
		t.Run(group.name, func(t *testing.T) {
			w := newWalker()
			w.sample = group.sample
			for _, o := range group.origins {
				w.walk(o, 2, 1)
			}
			w.report(t)
			for name, n := range w.acts {
				played[name] += n
			}
		})
	}
	for _, a := range userActions {
		if played[a.name] == 0 {
			t.Errorf("no user %s", a.name)
		}
	}
	for _, lag := range lags {
		if played[lag] == 0 {
			t.Error("it never happens that", lag)
		}
	}
}

// reduced replaces the reduction with one that makes a mistake.
func reduced(mistake func(*Case)) func(*walker) {
	return func(w *walker) {
		w.reduce = func(j Job, s Snapshot, m Memory) Case {
			c := Reduce(j, s, m)
			mistake(&c)
			return c
		}
	}
}

// decided replaces Next with one that uses a table with a changed row.
func decided(t *testing.T, fits func(Row) bool, change func(*Row)) func(*walker) {
	table := slices.Clone(Table)
	i := slices.IndexFunc(table, fits)
	if i < 0 {
		t.Fatal("no such row")
	}
	change(&table[i])
	return func(w *walker) {
		w.next = func(s State) Decision {
			d := decide(table, s)
			if (d.Action == Refuse || d.Action == Wait) && s.Sight == SightFirst && s.Trouble == TroubleNone {
				d.Action = Look
			}
			return d
		}
	}
}

func TestTheWalkFindsADeliberateFault(t *testing.T) {
	then := func(a Action) func(Row) bool { return func(r Row) bool { return r.Then == a && r.Order == "" } }
	for name, broken := range map[string]func(*walker){
		"it retires before anything is promoted": decided(t, func(r Row) bool {
			return r.Then == Promote && r.Proof == ProofGood
		}, func(r *Row) { r.Then = Retire }),
		"it retires instead of proving": decided(t, func(r Row) bool {
			return r.Then == Prove && len(r.Origin) == 0
		}, func(r *Row) { r.Then = Retire }),
		"it retires without a claim": decided(t, then(Claim), func(r *Row) { r.Then = Retire }),
		"it waits for ever": decided(t, then(Claim), func(r *Row) {
			r.Then, r.Reason = Wait, InProgress
		}),
		"it proves for ever": decided(t, func(r Row) bool {
			return r.Reason == NotProvenYet
		}, func(r *Row) { r.Then, r.Reason = Prove, "" }),
		"it never settles": decided(t, then(Settle), func(r *Row) {
			r.Then, r.Reason = Done, Rotated
		}),
		"it overlooks the guard": reduced(func(c *Case) { c.Guard = GuardAllows }),
		"it takes a stale picture for a fresh one": reduced(func(c *Case) {
			if c.Sight == SightStale {
				c.Sight = SightAgain
			}
		}),
		"it takes what is elsewhere for nothing": reduced(func(c *Case) {
			if c.Made == MadeElsewhere {
				c.Made = MadeNone
			}
		}),
		"it takes every proof for good": reduced(func(c *Case) {
			if c.Proof == ProofUnclear || c.Proof == ProofBad {
				c.Proof = ProofGood
			}
		}),
		"it takes a grace that runs for over": reduced(func(c *Case) {
			if c.Grace == GraceOver {
				c.Grace = GraceRuns
			}
		}),
		"it takes a lost credential for none": reduced(func(c *Case) {
			if c.Made == MadeLost {
				c.Made = MadeNone
			}
		}),
	} {
		t.Run(name, func(t *testing.T) {
			w := newWalker()
			w.enough, w.sample = true, 7
			broken(w)
			for _, disturbances := range []int{0, 1} {
				for _, o := range append(serverMadeOrigins()[:3], serverMadeOrigins()[4:]...) {
					w.walk(o, disturbances, 2)
				}
			}
			if len(w.faults) == 0 {
				t.Errorf("not found in %d places", len(w.seen))
			}
		})
	}
}
