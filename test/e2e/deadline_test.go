package e2e

import (
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/keyturn/keyturn/test/fnhost"
	"github.com/keyturn/keyturn/test/need"
	"github.com/keyturn/keyturn/test/ociemu"
	"github.com/keyturn/keyturn/test/tenancy"
)

// hang makes every call of an operation that fits wait, as a service does that is stuck, until it is released.
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

// end lets the held calls go on, and waits until each has taken effect and is over. It reports how many they were.
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

// stuck are the services that hang, one call at a time, and how each kind calls it.
var stuck = []struct {
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
	{"proving", map[tenancy.Kind]string{tenancy.APIKey: "GetUser", tenancy.AuthToken: "DockerToken",
		tenancy.CustomerSecretKey: "ListBuckets"}},
	{"deleting", map[tenancy.Kind]string{tenancy.APIKey: "DeleteApiKey", tenancy.AuthToken: "DeleteAuthToken",
		tenancy.CustomerSecretKey: "DeleteCustomerSecretKey"}},
	{"publishing the mail", same("PublishMessage")},
	{"posting the figures", same("PostMetricData")},
}

func same(operation string) map[tenancy.Kind]string {
	m := map[tenancy.Kind]string{}
	for _, k := range tenancy.Kinds() {
		m[k] = operation
	}
	return m
}

// stuckScene is one rotation that meets a service that hangs.
type stuckScene struct {
	*tenancy.Deployment
	c     *tenancy.Case
	clock *tenancy.Clock
	h     *hang
}

// shortLife and fullLife are how long the platform lets the function work here, of which it uses three quarters for
// the work; the hang outlasts all of it.
const (
	shortLife = 8 * time.Second
	fullLife  = 30 * time.Second
)

func newStuckScene(t *testing.T, life time.Duration, kind tenancy.Kind, operation string,
	when ociemu.When) *stuckScene {
	t.Helper()
	clock := &tenancy.Clock{}
	clock.Add(-270 * time.Second) // as far back as signatures allow; see age
	o := ociemu.Calm()
	o.Now = clock.Now
	s := play(t, tenancy.Options{Emulator: o, Timeout: life})
	sc := &stuckScene{Deployment: s, c: s.Add(tenancy.Want{Kind: kind}), clock: clock}
	if kind != tenancy.Password {
		neverLost(t, s, sc.c)
	}
	sc.h = newHang(s, when, func(c ociemu.Call) bool {
		return c.Operation == operation && (operation != "GetUser" || c.Caller.Kind == "user")
	})
	return sc
}

// age makes all that was done so far older than an invocation can live.
func (sc *stuckScene) age() { sc.Forward(11 * time.Minute) }

func TestAServiceThatHangsEndsInAnAnswerAndAMailAndLosesNothing(t *testing.T) {
	t.Parallel()
	all := need.Chosen(t, need.Combinations)
	for turn, when := range []ociemu.When{ociemu.Before, ociemu.After} {
		for i, at := range stuck {
			if !plays(t, i+turn, 4) {
				continue
			}
			name := at.name + map[ociemu.When]string{ociemu.Before: ", no effect", ociemu.After: ", no answer"}[when]
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				var scenes []*stuckScene
				var kinds []tenancy.Kind
				for _, kind := range tenancy.Kinds() {
					if at.fits[kind] != "" {
						kinds = append(kinds, kind)
					}
				}
				if !all { // one kind for each, another one than for its neighbours
					kinds = []tenancy.Kind{kinds[(i+turn)%len(kinds)]}
				}
				for _, kind := range kinds {
					scenes = append(scenes, newStuckScene(t, shortLife, kind, at.fits[kind], when))
				}
				closeAll(scenes)
				for _, sc := range scenes {
					sc.inTime(t, at.fits[sc.c.Kind])
					sc.fixed(t)
				}
			})
		}
	}
}

// closeAll closes the problems, and returns when all deliveries have ended: they wait for their deadlines side by side.
func closeAll(scenes []*stuckScene) {
	var group sync.WaitGroup
	for _, sc := range scenes {
		group.Go(func() {
			sc.CloseProblem(sc.c.Problem, sc.c.Comment(), sc.Operator.Name)
			sc.Deliver()
		})
	}
	group.Wait()
}

// As above, with as much time as OCI Functions gives by default, in which more retries and waits fit.
func TestWith30SecondsLeftAServiceThatHangsEndsInAnAnswerAndAMailAndLosesNothing(t *testing.T) {
	need.Suite(t, need.Combinations)
	t.Parallel()
	var scenes []*stuckScene
	var operations []string
	for _, when := range []ociemu.When{ociemu.Before, ociemu.After} {
		for i, at := range stuck {
			kinds := tenancy.Kinds()
			kind := kinds[i%len(kinds)]
			if at.fits[kind] == "" {
				kind = tenancy.APIKey
			}
			scenes = append(scenes, newStuckScene(t, fullLife, kind, at.fits[kind], when))
			operations = append(operations, at.fits[kind])
		}
	}
	closeAll(scenes)
	for i, sc := range scenes {
		sc.inTime(t, operations[i])
		sc.fixed(t)
	}
}

// inTime checks that the function ended by itself, and said so.
func (sc *stuckScene) inTime(t *testing.T, operation string) {
	t.Helper()
	replies, mails := sc.Replies(), len(sc.Mails())
	if len(replies) != 1 {
		t.Fatalf("%s: %d replies", sc.c.Kind, len(replies))
	}
	if sc.h.end() == 0 {
		t.Fatalf("%s: %s was not called", sc.c.Kind, operation)
	}
	if operation == "PublishMessage" {
		if replies[0].Status == http.StatusOK {
			t.Errorf("%s: nobody could be told, and the platform counts no failure", sc.c.Kind)
		}
		return
	}
	if replies[0].Status == http.StatusGatewayTimeout {
		t.Errorf("%s: the platform had to cut the function off", sc.c.Kind)
	}
	if mails == 0 {
		t.Errorf("%s: nobody was told (the answer was %d %s)", sc.c.Kind, replies[0].Status, replies[0].Body)
	}
}

// fixed checks that the next delivery and the sweep finish what the hang left, when it is old enough.
func (sc *stuckScene) fixed(t *testing.T) {
	t.Helper()
	sc.age()
	var reply fnhost.Reply
	for range 2 {
		var err error
		if reply, err = sc.Invoke(t.Context(), sc.Events()[0]); err != nil {
			t.Fatal(err)
		}
	}
	if sc.Problem(sc.c.Problem).Status != "RESOLVED" {
		t.Errorf("%s: the problem is open again", sc.c.Kind)
	}
	sweep(t, sc.Deployment)
	if sc.c.Kind == tenancy.Password {
		if made := sc.User(sc.c.User).PasswordCreated; !made.After(sc.clock.Now().Add(-tenancy.Age)) {
			t.Error("the password was not reset")
		}
		return
	}
	ids := sc.c.IDs()
	stored, err := sc.c.Stored()
	if err != nil || len(ids) != 1 || ids[0] == sc.c.OldID || sc.c.Try(stored) != http.StatusOK {
		t.Errorf("%s: the user has %v, CURRENT is answered %d (%v); the last answer is %d %s", sc.c.Kind, ids,
			sc.c.Try(stored), err, reply.Status, reply.Body)
	}
}
