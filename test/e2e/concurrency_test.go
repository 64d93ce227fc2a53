package e2e

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/test/fnhost"
	"github.com/keyturn/keyturn/test/ociemu"
	"github.com/keyturn/keyturn/test/tenancy"
)

// judgeCases is judgeCase for several cases, which may be credentials of one user.
func judgeCases(t *testing.T, s *tenancy.Deployment, cases ...*tenancy.Case) {
	t.Helper()
	for _, c := range cases {
		h := judgeCase(t, s, c)
		for _, other := range cases {
			if other != c && other.User == c.User && other.Kind == c.Kind {
				h.JudgedElsewhere(other.OldID)
			}
		}
	}
}

// finish delivers the newest event again after some time, and sweeps.
func finish(t *testing.T, s *tenancy.Deployment) {
	t.Helper()
	s.Forward(11 * time.Minute) // other deliveries wait this long for one that announced its work
	events := s.Events()
	if _, err := s.Invoke(t.Context(), events[len(events)-1]); err != nil {
		t.Fatal(err)
	}
	sweep(t, s)
}

// closeAtOnce closes several problems in parallel, and waits until all invocations have ended.
func closeAtOnce(s *tenancy.Deployment, comments map[*tenancy.Case]string) {
	var group sync.WaitGroup
	for c, comment := range comments {
		group.Go(func() { s.CloseProblem(c.Problem, comment, s.Operator.Name) })
	}
	group.Wait()
	s.Deliver()
}

// reopened lists the cases whose problems are open again.
func reopened(s *tenancy.Deployment, cases ...*tenancy.Case) []*tenancy.Case {
	return slices.DeleteFunc(cases, func(c *tenancy.Case) bool { return s.Problem(c.Problem).Status == "RESOLVED" })
}

// second gives the user of a case another credential that is too old, with a problem and a secret of its own.
func second(s *tenancy.Deployment, c *tenancy.Case) *tenancy.Case {
	other := *c
	s.SetCreatedOffset(-tenancy.Age)
	id, key := s.AddAPIKey(c.User)
	s.SetCreatedOffset(0)
	other.Old, other.OldID = tenancy.Credential{ID: id, Value: string(key)}, id
	other.Secrets = map[string]string{"api_secret_ocid": other.AddSecret("api_secret_ocid", true)}
	other.Problem = s.AddProblem(ociemu.ProblemSeed{Rule: c.Kind.Rule(), User: c.User, ResourceID: s.Tenancy() + "/" +
		c.User + "/" + id})
	c.Bystander, other.Bystander = []string{id}, []string{c.OldID}
	return &other
}

func TestTenDeliveriesAtOnceAreOneRotation(t *testing.T) {
	t.Parallel()
	for name, containers := range map[string]int{"one container": 1, "ten containers": 10} {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, w tenancy.Want) {
				s := newTenancy(t, tenancy.Options{Parallel: containers, Emulator: ociemu.Options{Deliveries: 10,
					ParallelDeliveries: true}})
				c := s.Add(w)
				judgeCases(t, s, c)
				if err := s.Close(t.Context(), c.Problem, c.Comment()); err != nil {
					t.Fatal(err)
				}
				if n := len(s.Replies()); n != 10 {
					t.Errorf("%d deliveries, want 10", n)
				}
				finish(t, s)
				rotated(t, s, c)
			})
		})
	}
}

// The platform gives a process one call at a time. Here ten calls share one process and its state.
func TestTenDeliveriesAtOnceInOneProcessAreOneRotation(t *testing.T) {
	each(t, func(t *testing.T, w tenancy.Want) {
		s := newTenancy(t, tenancy.Options{})
		c := s.Add(w)
		judgeCases(t, s, c)
		var event []byte
		s.HandleFunction(s.Function.FunctionID, func(_ context.Context, e []byte) error {
			event = e
			return nil
		})
		if err := s.Close(t.Context(), c.Problem, c.Comment()); err != nil {
			t.Fatal(err)
		}
		client := direct(t, s)
		answered := make([]bool, 10)
		var group sync.WaitGroup
		for i := range answered {
			group.Go(func() { answered[i] = post(t.Context(), client, fmt.Sprintf("call-%d", i), event) })
		}
		group.Wait()
		if !slices.Contains(answered, true) {
			t.Error("all ten failed")
		}
		if _, err := s.Invoke(t.Context(), event); err != nil {
			t.Fatal(err)
		}
		sweep(t, s)
		rotated(t, s, c)
	})
}

// direct starts a process of the function, and returns a client that calls it without the platform.
func direct(t *testing.T, s *tenancy.Deployment) *http.Client {
	t.Helper()
	dir, err := os.MkdirTemp("", "one") // the path of a socket must be short
	if err != nil {
		t.Fatal(err)
	}
	host, err := fnhost.Start(t.Context(), fnhost.Options{Binary: binary, Dir: dir, Stdout: s.Printed,
		Stderr: s.Printed,
		Env:    append(s.Env(s.Function), "ons_topic="+s.Topic)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := host.Close(); err != nil {
			t.Error(err)
		}
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	sockets, err := filepath.Glob(filepath.Join(dir, "*", "*", "lsnr.sock"))
	if err != nil || len(sockets) != 1 {
		t.Fatalf("found %v (%v), want one socket", sockets, err)
	}
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "unix", sockets[0])
	}}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// post makes one call, and reports whether it was answered.
func post(ctx context.Context, client *http.Client, id string, body []byte) bool {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://localhost/call", bytes.NewReader(body))
	if err != nil {
		return false
	}
	r.Header.Set("Fn-Call-Id", id)
	r.Header.Set("Fn-Deadline", time.Now().Add(30*time.Second).UTC().Format(time.RFC3339))
	answer, err := client.Do(r)
	if err != nil {
		return false
	}
	defer answer.Body.Close()
	_, err = io.Copy(io.Discard, answer.Body)
	return err == nil && answer.StatusCode == http.StatusOK
}

// Two old keys and two new ones are one more than a user can have. The rotation that finds no free slot is refused,
// keeps its staged version, and succeeds at the next closure.
func TestTwoKeysOfOneUserAreBothRotated(t *testing.T) {
	s := newTenancy(t, tenancy.Options{})
	a := s.Add(tenancy.Want{Kind: tenancy.APIKey})
	b := second(s, a)
	judgeCases(t, s, a, b)
	closeAtOnce(s, map[*tenancy.Case]string{a: a.Comment(), b: b.Comment()})
	late := reopened(s, a, b)
	if len(late) > 1 {
		t.Fatal("both were refused")
	}
	s.Forward(11 * time.Minute) // other deliveries wait this long for one that announced its work
	for _, c := range late {
		if a := closeProblem(t, s, c, c.Comment()); a.Outcome != "rotated" {
			t.Fatalf("closed again, the answer is %+v", a)
		}
	}
	eventually(t, s) // after some minutes a staged version without a credential is given up
	a.Bystander, b.Bystander = []string{storedKey(t, b)}, []string{storedKey(t, a)}
	successorOnly(t, a)
	successorOnly(t, b)
}

// storedKey is the fingerprint of the private key in the case's secret.
func storedKey(t *testing.T, c *tenancy.Case) string {
	t.Helper()
	stored, err := c.Stored()
	if err != nil {
		t.Fatal(err)
	}
	m, err := credential.APIKeyMaterial(credential.NewValue([]byte(stored.Value)))
	if err != nil {
		t.Fatal(err)
	}
	return m.ID
}

func TestASecretThatTwoCommentsNameTakesOnlyItsUsersCredential(t *testing.T) {
	each(t, func(t *testing.T, w tenancy.Want) {
		s := newTenancy(t, tenancy.Options{})
		owner, other := s.Add(w), s.Add(w)
		judgeCases(t, s, owner, other)
		closeAtOnce(s, map[*tenancy.Case]string{owner: owner.Comment(), other: owner.Comment()})
		if late := reopened(s, owner, other); len(late) != 1 || late[0] != other {
			t.Errorf("%d problems are open again, want the other user's", len(late))
		}
		if !slices.ContainsFunc(s.Replies(), func(r fnhost.Reply) bool {
			return strings.Contains(string(r.Body), "bound to")
		}) {
			t.Error("no answer says to whom the secret is bound")
		}
		sweep(t, s)
		rotated(t, s, owner)
		if ids := other.IDs(); !slices.Equal(ids, []string{other.OldID}) || other.Try(other.Old) != 200 {
			t.Errorf("the other user has %v", ids)
		}
	})
}

func TestASecretThatTwoCommentsNameTakesOneKey(t *testing.T) {
	s := newTenancy(t, tenancy.Options{})
	a := s.Add(tenancy.Want{Kind: tenancy.APIKey})
	b := second(s, a)
	b.Secrets = map[string]string{"api_secret_ocid": a.Secrets["api_secret_ocid"]}
	judgeCases(t, s, a, b)
	closeAtOnce(s, map[*tenancy.Case]string{a: a.Comment(), b: a.Comment()})
	finish(t, s)
	stored, err := a.Stored()
	if err != nil || a.Try(stored) != 200 {
		t.Fatalf("CURRENT is answered %d (%v)", a.Try(stored), err)
	}
	ids := a.IDs()
	if len(ids) != 2 || slices.Contains(ids, a.OldID) && slices.Contains(ids, b.OldID) {
		t.Errorf("the user has %v; want a new one, and one of %s and %s", ids, a.OldID, b.OldID)
	}
	if n := len(s.Secret(a.Secrets["api_secret_ocid"]).Versions); n != 2 {
		t.Errorf("the secret has %d versions, want 2", n)
	}
	for _, c := range []*tenancy.Case{a, b} {
		if slices.Contains(ids, c.OldID) && c.Try(c.Old) != 200 {
			t.Error("the key that was not rotated does not work")
		}
	}
}

func TestTwoSweepsAtOnceAreOneRotation(t *testing.T) {
	each(t, func(t *testing.T, w tenancy.Want) {
		s := newTenancy(t, tenancy.Options{})
		c := s.Add(w)
		judgeCases(t, s, c)
		dropEvents(s)
		if err := s.Close(t.Context(), c.Problem, c.Comment()); err != nil {
			t.Fatal(err)
		}
		sweepAtOnce(t, s, 2)
		sweep(t, s)
		rotated(t, s, c)
	})
}

func TestTheSweepAndFiveDeliveriesAtOnceAreOneRotation(t *testing.T) {
	each(t, func(t *testing.T, w tenancy.Want) {
		s := newTenancy(t, tenancy.Options{Emulator: ociemu.Options{Deliveries: 5, ParallelDeliveries: true}})
		c := s.Add(w)
		judgeCases(t, s, c)
		s.CloseProblem(c.Problem, c.Comment(), s.Operator.Name)
		sweepAtOnce(t, s, 1)
		s.Deliver()
		finish(t, s)
		rotated(t, s, c)
	})
}

// sweepAtOnce runs sweeps in parallel. One that meets another may leave work to the next sweep.
func sweepAtOnce(t *testing.T, s *tenancy.Deployment, n int) {
	t.Helper()
	var group sync.WaitGroup
	for range n {
		group.Go(func() {
			if r, err := s.Sweep(t.Context()); err != nil || r.Status == http.StatusGatewayTimeout {
				t.Errorf("a sweep was answered %d (%v)", r.Status, err)
			}
		})
	}
	group.Wait()
}

// duplicate delivers the newest event again while the first call that fits waits. The returned function waits for that.
func duplicate(t *testing.T, s *tenancy.Deployment, fits func(ociemu.Call) bool) (wait func() bool) {
	t.Helper()
	return duringCall(t, s, ociemu.Before, fits, func(ctx context.Context, _ int) {
		events := s.Events()
		if _, err := s.Invoke(ctx, events[len(events)-1]); err != nil {
			t.Error(err)
		}
	})
}
