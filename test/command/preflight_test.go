package command

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/keyturn/keyturn/test/ociemu"
	"github.com/keyturn/keyturn/test/tenancy"
)

// answers is what keyturn preflight --json prints.
type answers struct {
	Preflight string
	Functions []struct {
		ID, Name, Error string
		Answer          struct {
			Preflight, Function string
			Checks              []struct{ Check, Result, Found, Mend string }
		}
	}
}

func askPreflights(t *testing.T, c *tenancy.Command, code int, args ...string) answers {
	t.Helper()
	r := run(t, c, code, "", slices.Concat([]string{"preflight", "--json"}, args)...)
	var a answers
	if err := json.Unmarshal([]byte(r.Stdout), &a); err != nil {
		t.Fatalf("%v: %s", err, r.Stdout)
	}
	return a
}

func TestThePreflightAsksTheFunctionsOfACompartment(t *testing.T) {
	s, c := sharedTenancy(t)
	s.Deploy(s.NewFunction("other", ""), ociemu.Deployment{})
	a := askPreflights(t, c, 0, "--compartment", s.Tenancy())
	if a.Preflight != "passed" || len(a.Functions) != 2 || a.Functions[0].Name != "rotate" ||
		a.Functions[1].Name != "sweep" {
		t.Fatalf("it answers %+v", a)
	}
	for _, f := range a.Functions {
		if f.Answer.Function != f.Name || len(f.Answer.Checks) < 5 {
			t.Errorf("%s answers %+v", f.Name, f.Answer)
		}
	}
	text := run(t, c, 0, "", "preflight", "--compartment", s.Tenancy()).Stdout
	for _, check := range a.Functions[0].Answer.Checks {
		if !strings.Contains(text, check.Check) || !strings.Contains(text, check.Found) {
			t.Errorf("the table lacks %s, %s:\n%s", check.Check, check.Found, text)
		}
	}
}

func TestThePreflightsExitCodeIsThatOfTheWorstCheck(t *testing.T) {
	s := newTenancy(t, tenancy.Options{})
	c := shell(t, s.Emulator, s.Operator)
	function := []string{"preflight", "--function", s.Function.FunctionID}

	r := run(t, c, 1, "", function...) // it isn't deployed
	if !strings.Contains(r.Stdout, "no answer") {
		t.Errorf("a function that isn't there: %+v", r)
	}
	s.DeployFunctions()
	run(t, c, 0, "", function...)

	unknown := s.Inject(ociemu.Fault{Operation: "GetTopic", Do: ociemu.Answer(503, "ServiceUnavailable"), Times: -1})
	r = run(t, c, 3, "", function...)
	if !strings.Contains(r.Stdout, ": unknown\n") || !strings.Contains(r.Stdout, "UNKNOWN ") {
		t.Errorf("an unknown check: %s", r.Stdout)
	}
	s.Inject(ociemu.Fault{Operation: "GetTenancy", Do: ociemu.Answer(404, "NotAuthorizedOrNotFound"), Times: -1})
	r = run(t, c, 1, "", function...)
	if !strings.Contains(r.Stdout, "FAILED") || !strings.Contains(r.Stdout, "fix: ") ||
		!strings.Contains(r.Stdout, "TENANCY_INSPECT") {
		t.Errorf("a failed check and an unknown one: %s", r.Stdout)
	}
	unknown.Remove()
	s.ClearFaults()

	for _, answer := range []string{`{"status":"rotated"}`, `{}`, `hello`} { // what isn't Keyturn's function
		s.Deploy(s.Function, ociemu.Deployment{Invoke: reply(200, answer)})
		if r := run(t, c, 1, "", function...); !strings.Contains(r.Stdout, "no preflight") {
			t.Errorf("the answer %s: %+v", answer, r)
		}
	}
	s.Deploy(s.Function, ociemu.Deployment{Invoke: reply(502, "")})
	if r := run(t, c, 1, "", function...); !strings.Contains(r.Stdout, "FunctionInvokeExecutionFailed") {
		t.Errorf("a function that fails: %+v", r)
	}
}

func TestThePreflightMailsOnlyIfAsked(t *testing.T) {
	s := newTenancy(t, tenancy.Options{})
	s.DeployFunctions()
	c := shell(t, s.Emulator, s.Operator)
	askPreflights(t, c, 0, "--function", s.Function.FunctionID)
	if n := len(s.Mails()); n != 0 {
		t.Errorf("it sent %d mails", n)
	}
	askPreflights(t, c, 0, "--function", s.Function.FunctionID, "--mail")
	if n := len(s.Mails()); n != 1 {
		t.Errorf("with --mail it sent %d mails", n)
	}
}

// reply is a function that always answers the same.
func reply(status int, body string) func(context.Context, map[string]string, []byte) (int, []byte, string) {
	return func(context.Context, map[string]string, []byte) (int, []byte, string) {
		return status, []byte(body), "id"
	}
}
