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

// faults lists the faults of a call, except kills.
var faults = []struct {
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

// One fault in killShare is a kill.
const killShare = 8

// injector injects faults. The seed alone decides the fault of the n-th call of an operation for one user, whatever
// calls for other users come in between.
type injector struct {
	s    *tenancy.Deployment
	seed uint64
	odds float64

	mu     sync.Mutex
	on     bool
	owners map[string]string // OCID of a user, secret or problem -> the user's name
	counts map[string]int    // calls so far, by operation and user
	chosen map[int]int       // sequence number of a call -> its fault's index; from len(faults) on: a kill; -1: none
	faults int
	kills  int
}

func newInjector(s *tenancy.Deployment, seed uint64, odds float64) *injector {
	inj := &injector{s: s, seed: seed, odds: odds, owners: map[string]string{}, counts: map[string]int{},
		chosen: map[int]int{}}
	for i, w := range faults {
		s.Inject(ociemu.Fault{When: w.when, Do: w.do, Times: -1, Match: func(c ociemu.Call) bool {
			return inj.choose(c) == i
		}})
	}
	// The call of a killed process takes effect or not, but gets no answer.
	for i, when := range []ociemu.When{ociemu.Before, ociemu.After} {
		killed := make(chan struct{}, 1<<20)
		s.Inject(ociemu.Fault{When: when, Do: ociemu.Hold(killed), Times: -1, Match: func(c ociemu.Call) bool {
			if inj.choose(c) != len(faults)+i {
				return false
			}
			go func() {
				s.Host.Kill()
				killed <- struct{}{}
			}()
			return true
		}})
	}
	return inj
}

// setOwner makes calls about the resources count for a user.
func (inj *injector) setOwner(user string, ids ...string) {
	inj.mu.Lock()
	defer inj.mu.Unlock()
	for _, id := range ids {
		inj.owners[id] = user
	}
}

// ownerOf is the user that a call is for, or the path of a call for no user. The caller holds inj.mu.
func (inj *injector) ownerOf(c ociemu.Call) string {
	if name := inj.owners[c.Caller.ID]; name != "" {
		return name
	}
	// A domain's lists have the user's OCID in a filter, between quotes.
	for id := range strings.SplitSeq(c.Path+"/"+strings.ReplaceAll(c.Query, "%22", "/"), "/") {
		if name := inj.owners[id]; name != "" {
			return name
		}
	}
	return c.Path
}

// enable turns the faults on or off.
func (inj *injector) enable(on bool) {
	inj.mu.Lock()
	defer inj.mu.Unlock()
	inj.on = on
	clear(inj.chosen)
}

// choose draws the fault of a call, once.
func (inj *injector) choose(c ociemu.Call) int {
	inj.mu.Lock()
	defer inj.mu.Unlock()
	if !inj.on || c.Caller.Operator {
		return -1
	}
	if index, known := inj.chosen[c.Seq]; known {
		return index
	}
	key := c.Operation + " " + inj.ownerOf(c)
	inj.counts[key]++
	h := fnv.New64a()
	_, _ = h.Write([]byte(key)) // a hash's Write never fails
	_, _ = h.Write(binary.BigEndian.AppendUint64(nil, uint64(inj.counts[key])))
	r := rand.New(rand.NewPCG(inj.seed, h.Sum64()))
	index := -1
	if r.Float64() < inj.odds {
		inj.faults++
		index = r.IntN(len(faults))
		if r.IntN(killShare) == 0 && c.Caller.Name != "sweep" {
			index = len(faults) + r.IntN(2)
			inj.kills++
		}
	}
	inj.chosen[c.Seq] = index
	return index
}

func (inj *injector) count() (faults, kills int) {
	inj.mu.Lock()
	defer inj.mu.Unlock()
	return inj.faults, inj.kills
}
