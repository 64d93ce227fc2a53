package e2e

import (
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/keyturn/keyturn/test/fnhost"
	"github.com/keyturn/keyturn/test/judge"
	"github.com/keyturn/keyturn/test/need"
	"github.com/keyturn/keyturn/test/ociemu"
	"github.com/keyturn/keyturn/test/tenancy"
)

// hang makes every call that fits wait until it is released, like a service that hangs.
type hang struct {
	s       *tenancy.Deployment
	release chan struct{}

	mu   sync.Mutex
	seqs []int
}

func newHang(s *tenancy.Deployment, when ociemu.When, fits func(ociemu.Call) bool) *hang {
	h := &hang{s: s, release: make(chan struct{})}
	s.Inject(ociemu.Fault{When: when, Times: -1, Do: ociemu.Hold(h.release), Match: func(c ociemu.Call) bool {
		if c.Caller.Operator || !fits(c) {
			return false
		}
		h.mu.Lock()
		defer h.mu.Unlock()
		h.seqs = append(h.seqs, c.Seq)
		return true
	}})
	return h
}

// end releases the waiting calls, and waits until they have ended. It returns how many they were.
func (h *hang) end() int {
	h.s.ClearFaults()
	close(h.release)
	h.mu.Lock()
	held := map[int]bool{}
	for _, seq := range h.seqs {
		held[seq] = true
	}
	h.mu.Unlock()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for ; ; <-tick.C {
		open := 0
		for _, c := range h.s.Calls() {
			if held[c.Seq] && c.Status == 0 {
				open++
			}
		}
		if open == 0 {
			return len(held)
		}
	}
}

// hangs lists the calls that hang, one in each test, with the operation of each kind.
var hangs = []struct {
	name string
	fits map[tenancy.Kind]string
}{
	{"reading the problem", same("GetProblem")},
	{"looking up the tenancy", same("GetTenancy")},
	{"reading the secret", same("GetSecret")},
	{"reading the secret back", same("GetSecretBundle")},
	{"writing the secret", same("UpdateSecret")},
	{"listing the credentials", map[tenancy.Kind]string{tenancy.APIKey: "ListApiKeys",
		tenancy.AuthToken:         "ListAuthTokens",
		tenancy.CustomerSecretKey: "ListCustomerSecretKeys", tenancy.Password: "GetUserUIPasswordInformation"}},
	{"creating", creates},
	{"proving", proofs},
	{"deleting", deletes},
	{"publishing the mail", same("PublishMessage")},
	{"posting the metrics", same("PostMetricData")},
}

func same(operation string) map[tenancy.Kind]string {
	m := map[tenancy.Kind]string{}
	for _, k := range tenancy.Kinds() {
		m[k] = operation
	}
	return m
}

// hangTest is a rotation with a call that hangs.
type hangTest struct {
	*tenancy.Deployment
	c     *tenancy.Case
	clock *tenancy.Clock
	h     *hang
}

// The timeouts of an invocation. The function works for three quarters of it. The hang lasts longer.
const (
	shortTimeout   = 8 * time.Second
	defaultTimeout = 30 * time.Second
)

func newHangTest(t *testing.T, life time.Duration, kind tenancy.Kind, operation string,
	when ociemu.When) *hangTest {
	t.Helper()
	clock := &tenancy.Clock{}
	clock.Add(-270 * time.Second) // nearly as far back as signatures allow
	o := ociemu.Calm()
	o.Now = clock.Now
	s := newTenancy(t, tenancy.Options{Emulator: o, Timeout: life})
	ht := &hangTest{Deployment: s, c: s.Add(tenancy.Want{Kind: kind}), clock: clock}
	if kind != tenancy.Password {
		judgeCases(t, s, ht.c)
	}
	ht.h = newHang(s, when, func(c ociemu.Call) bool {
		return c.Operation == operation && (operation != "GetUser" || c.Caller.Kind == "user")
	})
	return ht
}

// age makes everything so far older than an invocation can live.
func (ht *hangTest) age() { ht.Forward(11 * time.Minute) }

func TestAHangingServiceEndsInAnAnswerAndAMail(t *testing.T) {
	t.Parallel()
	all := need.Chosen(t, need.Combinations)
	for j, when := range []ociemu.When{ociemu.Before, ociemu.After} {
		for i, at := range hangs {
			if !runsCase(t, i+j, 4) {
				continue
			}
			name := at.name + map[ociemu.When]string{ociemu.Before: ", no effect", ociemu.After: ", no answer"}[when]
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				var tests []*hangTest
				var kinds []tenancy.Kind
				for _, kind := range tenancy.Kinds() {
					if at.fits[kind] != "" {
						kinds = append(kinds, kind)
					}
				}
				if !all { // one kind, in turn
					kinds = []tenancy.Kind{kinds[(i+j)%len(kinds)]}
				}
				for _, kind := range kinds {
					tests = append(tests, newHangTest(t, shortTimeout, kind, at.fits[kind], when))
				}
				closeAll(tests)
				for _, ht := range tests {
					ht.checkAnswered(t, at.fits[ht.c.Kind])
					ht.checkFinished(t)
				}
			})
		}
	}
}

// closeAll closes the problems in parallel, and returns when all deliveries have ended.
func closeAll(tests []*hangTest) {
	var group sync.WaitGroup
	for _, ht := range tests {
		group.Go(func() {
			ht.CloseProblem(ht.c.Problem, ht.c.Comment(), ht.Operator.Name)
			ht.Deliver()
		})
	}
	group.Wait()
}

// As above, with the default timeout of OCI Functions, in which there is time for more retries.
func TestAHangingServiceEndsInAnAnswerAndAMailWithin30Seconds(t *testing.T) {
	need.Suite(t, need.Combinations)
	t.Parallel()
	var tests []*hangTest
	var operations []string
	for _, when := range []ociemu.When{ociemu.Before, ociemu.After} {
		for i, at := range hangs {
			kinds := tenancy.Kinds()
			kind := kinds[i%len(kinds)]
			if at.fits[kind] == "" {
				kind = tenancy.APIKey
			}
			tests = append(tests, newHangTest(t, defaultTimeout, kind, at.fits[kind], when))
			operations = append(operations, at.fits[kind])
		}
	}
	closeAll(tests)
	for i, ht := range tests {
		ht.checkAnswered(t, operations[i])
		ht.checkFinished(t)
	}
}

// checkAnswered checks that the function ended before its timeout and sent a mail.
func (ht *hangTest) checkAnswered(t *testing.T, operation string) {
	t.Helper()
	replies, mails := ht.Replies(), len(ht.Mails())
	if len(replies) != 1 {
		t.Fatalf("%s: %d replies", ht.c.Kind, len(replies))
	}
	if ht.h.end() == 0 {
		t.Fatalf("%s: %s was not called", ht.c.Kind, operation)
	}
	if operation == "PublishMessage" {
		if replies[0].Status == http.StatusOK {
			t.Errorf("%s: no mail could be sent, and the platform counts no failure", ht.c.Kind)
		}
		return
	}
	if replies[0].Status == http.StatusGatewayTimeout {
		t.Errorf("%s: the function ran into its timeout", ht.c.Kind)
	}
	if mails == 0 {
		t.Errorf("%s: there was no mail (the answer was %d %s)", ht.c.Kind, replies[0].Status, replies[0].Body)
	}
}

// checkFinished checks that a later delivery and the sweep finish the rotation.
func (ht *hangTest) checkFinished(t *testing.T) {
	t.Helper()
	ht.age()
	var reply fnhost.Reply
	for range 2 {
		var err error
		reply, err = ht.Invoke(t.Context(), ht.Events()[0])
		if err != nil {
			t.Fatal(err)
		}
	}
	if ht.Problem(ht.c.Problem).Status != "RESOLVED" {
		t.Errorf("%s: the problem is open again", ht.c.Kind)
	}
	sweep(t, ht.Deployment)
	if ht.c.Kind == tenancy.Password {
		if made := ht.User(ht.c.User).PasswordCreated; !made.After(ht.clock.Now().Add(-tenancy.Age)) {
			t.Error("the password was not reset")
		}
		return
	}
	if faults := judge.Replaced(ht.c, false); len(faults) > 0 {
		t.Errorf("%s: %v; the last answer is %d %s", ht.c.Kind, faults, reply.Status, reply.Body)
	}
}
