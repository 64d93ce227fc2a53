package main

import (
	"encoding/binary"
	"hash/fnv"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"github.com/keyturn/keyturn/test/ociemu"
	"github.com/keyturn/keyturn/test/tenancy"
)

// ways are what can happen to a call.
var ways = []struct {
	name string
	when ociemu.When
	do   ociemu.Action
}{
	{"429", ociemu.Before, ociemu.Answer(429, "TooManyRequests")},
	{"500", ociemu.Before, ociemu.Answer(500, "InternalServerError")},
	{"503", ociemu.Before, ociemu.Answer(503, "ServiceUnavailable")},
	{"409", ociemu.Before, ociemu.Answer(409, "IncorrectState")},
	{"500 after the effect", ociemu.After, ociemu.Answer(500, "InternalServerError")},
	{"cut", ociemu.Before, ociemu.Cut},
	{"cut after the effect", ociemu.After, ociemu.Cut},
	{"delay", ociemu.Before, ociemu.Delay(50 * time.Millisecond)},
	{"delay of the answer", ociemu.After, ociemu.Delay(50 * time.Millisecond)},
}

// killShare is how many of the disturbances are kills: one in so many.
const killShare = 8

// trouble disturbs calls. Whether the n-th call of an operation for one person is disturbed, and how, follows from the
// seed, whatever calls for others fall between.
type trouble struct {
	s    *tenancy.Deployment
	seed uint64
	odds float64

	mu     sync.Mutex
	on     bool
	owners map[string]string // OCID of a user, secret or problem -> the person's name
	counts map[string]int    // calls so far, by operation and person
	chosen map[int]int       // sequence number of a call -> its way; killing is len(ways), peace -1
	faults int
	kills  int
}

func newTrouble(s *tenancy.Deployment, seed uint64, odds float64) *trouble {
	t := &trouble{s: s, seed: seed, odds: odds, owners: map[string]string{}, counts: map[string]int{},
		chosen: map[int]int{}}
	for i, w := range ways {
		s.Inject(ociemu.Fault{When: w.when, Do: w.do, Times: -1, Match: func(c ociemu.Call) bool {
			return t.choose(c) == i
		}})
	}
	// A killed process's call takes effect or not, but is answered to nobody.
	for i, when := range []ociemu.When{ociemu.Before, ociemu.After} {
		killed := make(chan struct{}, 1<<20)
		s.Inject(ociemu.Fault{When: when, Do: ociemu.Hold(killed), Times: -1, Match: func(c ociemu.Call) bool {
			if t.choose(c) != len(ways)+i {
				return false
			}
			go func() {
				s.Host.Kill()
				killed <- struct{}{}
			}()
			return true
		}})
	}
	return t
}

// own says whom the calls about a resource are for.
func (t *trouble) own(person string, ids ...string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, id := range ids {
		t.owners[id] = person
	}
}

// ownerOf is the person that a call is for, or its path if it is for nobody in particular. The caller holds t.mu.
func (t *trouble) ownerOf(c ociemu.Call) string {
	if name := t.owners[c.Caller.ID]; name != "" {
		return name
	}
	for id := range strings.SplitSeq(c.Path, "/") {
		if name := t.owners[id]; name != "" {
			return name
		}
	}
	return c.Path
}

// set begins or ends the trouble.
func (t *trouble) set(on bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.on = on
	clear(t.chosen)
}

// choose draws what happens to a call, once.
func (t *trouble) choose(c ociemu.Call) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.on || c.Caller.Operator {
		return -1
	}
	if way, known := t.chosen[c.Seq]; known {
		return way
	}
	key := c.Operation + " " + t.ownerOf(c)
	t.counts[key]++
	h := fnv.New64a()
	_, _ = h.Write([]byte(key)) // a hash's Write never fails
	_, _ = h.Write(binary.BigEndian.AppendUint64(nil, uint64(t.counts[key])))
	r := rand.New(rand.NewPCG(t.seed, h.Sum64()))
	way := -1
	if r.Float64() < t.odds {
		t.faults++
		if way = r.IntN(len(ways)); r.IntN(killShare) == 0 && c.Caller.Name != "sweep" {
			way = len(ways) + r.IntN(2)
			t.kills++
		}
	}
	t.chosen[c.Seq] = way
	return way
}

func (t *trouble) count() (faults, kills int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.faults, t.kills
}
