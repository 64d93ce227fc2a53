// Package e2e tests the functions' unmodified binaries against the emulator, through the Fn contract. All checks are
// from outside: they use the emulator's requests and no code under test.
package e2e

import (
	"encoding/json"
	"flag"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/keyturn/keyturn/test/judge"
	"github.com/keyturn/keyturn/test/ociemu"
	"github.com/keyturn/keyturn/test/tenancy"
)

// binary and sweeper are the functions, built once.
var binary, sweeper string

func TestMain(m *testing.M) {
	flag.Parse()
	if !given("test.parallel") { // the longest tests only wait for deadlines
		if err := flag.Set("test.parallel", "8"); err != nil {
			panic(err)
		}
	}
	code := tenancy.RunTests(m, &binary, &sweeper)
	if code == 0 {
		code = leaks.report()
	}
	os.Exit(code)
}

func given(name string) bool {
	found := false
	flag.Visit(func(f *flag.Flag) { found = found || f.Name == name })
	return found
}

// newTenancy sets up a tenancy for one test, and searches its output for leaks.
func newTenancy(t *testing.T, o tenancy.Options) *tenancy.Deployment {
	t.Helper()
	o.Binary, o.Sweeper = binary, sweeper
	s, err := tenancy.New(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		leaks.collect(s)
		checkRecords(t, s)
		if err := s.End(); err != nil {
			t.Error(err)
		}
		if t.Failed() {
			t.Logf("the function printed:\n%s", s.Printed)
		}
	})
	leaks.watch(s)
	return s
}

// answer is the JSON reply of the function.
type answer struct {
	Outcome  string `json:"outcome"`
	Reason   string `json:"reason"`
	Remedy   string `json:"mend"`
	NewID    string `json:"new_id"`
	Reopened bool   `json:"reopened"`
	Changed  bool   `json:"changed"`
	Steps    []struct {
		Step string `json:"step"`
	} `json:"steps"`
}

// did reports whether the rotation had a step.
func (a answer) did(step string) bool {
	for _, s := range a.Steps {
		if s.Step == step {
			return true
		}
	}
	return false
}

// lastAnswer is the newest reply.
func lastAnswer(t *testing.T, s *tenancy.Deployment) answer {
	t.Helper()
	replies := s.Replies()
	if len(replies) == 0 {
		t.Fatal("the function was not called")
	}
	last := replies[len(replies)-1]
	var a answer
	if err := json.Unmarshal(last.Body, &a); err != nil || last.Status != 200 {
		t.Fatalf("the function answered %d: %s", last.Status, last.Body)
	}
	return a
}

// closeProblem closes the case's problem and returns the function's answer.
func closeProblem(t *testing.T, s *tenancy.Deployment, c *tenancy.Case, comment string) answer {
	t.Helper()
	if err := s.Close(t.Context(), c.Problem, comment); err != nil {
		t.Fatal(err)
	}
	return lastAnswer(t, s)
}

// rotated checks from outside that exactly one new credential has replaced the old one.
func rotated(t *testing.T, s *tenancy.Deployment, c *tenancy.Case) {
	t.Helper()
	rotatedBy(t, s, c, 1)
}

// rotatedBy checks the same for a rotation that may have taken several attempts. A killed process leaves an attempt for
// an API key, because no process uploads another one's key.
func rotatedBy(t *testing.T, s *tenancy.Deployment, c *tenancy.Case, attempts int) {
	t.Helper()
	if faults := judge.Replaced(c, false); len(faults) > 0 {
		t.Fatal(strings.Join(faults, "; "))
	}
	for key, id := range c.Secrets {
		snapshot := s.Secret(id)
		if n := len(snapshot.Versions); n < 2 || n > 1+attempts || snapshot.CurrentVersion != int64(n) {
			t.Errorf("secret %s has %d versions, CURRENT is %d; want one new one", key, len(snapshot.Versions),
				snapshot.CurrentVersion)
		}
		if snapshot.FreeformTags["team"] != "web" {
			t.Errorf("secret %s lost its tags", key)
		}
	}
}

// untouched checks that neither the credential nor a secret has changed.
func untouched(t *testing.T, s *tenancy.Deployment, c *tenancy.Case) {
	t.Helper()
	if ids := c.IDs(); len(ids) != 1+len(c.Bystander) || c.Kind != tenancy.Password && !slices.Contains(ids, c.OldID) {
		t.Errorf("the user has %v; want them as they were", ids)
	}
	for key, id := range c.Secrets {
		if n := len(s.Secret(id).Versions); n != 1 {
			t.Errorf("secret %s has %d versions, want 1", key, n)
		}
	}
	for _, call := range s.Calls() {
		if call.Caller.Kind == "function" && slices.Contains([]string{"UploadApiKey", "CreateApiKey", "CreateAuthToken",
			"CreateCustomerSecretKey", "CreateOrResetUIPassword",
			"DeleteApiKey", "DeleteAuthToken", "DeleteCustomerSecretKey", "UpdateSecret"}, call.Operation) {
			t.Errorf("the function called %s", call.Operation)
		}
	}
}

// functionCalls are the operations that the function has called, and its probes with the new credential.
func functionCalls(s *tenancy.Deployment) []string {
	var out []string
	for _, c := range s.Calls() {
		if c.Caller.Kind != "user" || !c.Caller.Operator {
			out = append(out, c.Operation)
		}
	}
	return out
}

// calm is a tenancy without delays.
var calm = tenancy.Options{Emulator: ociemu.Calm()}

// leaks is the search over all tests; see leak_test.go.
var leaks = &leakSearch{values: map[string]string{}, mu: sync.Mutex{}}
