package e2e

import (
	"strings"
	"testing"
	"time"

	"github.com/keyturn/keyturn/test/fnhost"
	"github.com/keyturn/keyturn/test/ociemu"
	"github.com/keyturn/keyturn/test/tenancy"
)

func TestAHangingServiceDelaysNoOtherPreflightCheck(t *testing.T) {
	t.Parallel()
	o := calm
	o.Timeout = 12 * time.Second
	never := make(chan struct{})
	t.Cleanup(func() { close(never) })
	_, c := inspected(t, o, false, func(s *tenancy.Deployment) {
		s.Inject(ociemu.Fault{Operation: "ListProblems", Times: -1, Do: ociemu.Hold(never)})
	})
	if is, words := c.result("cloud_guard"); is != "unknown" || !strings.Contains(words, "no answer in time") ||
		c.Preflight != "failed" {
		t.Errorf("cloud_guard is %s: %s", is, words)
	}
	for _, one := range c.Checks {
		if one.Check != "cloud_guard" && one.Result != "passed" {
			t.Errorf("%s is %s: %s", one.Check, one.Result, one.Found)
		}
	}
}

func TestAFunctionWithARefusedEnvironmentMakesNoCall(t *testing.T) {
	o := tenancy.Options{Emulator: ociemu.Calm(), Config: []string{"OCI_DEFAULT_REALM=example.com"},
		Places: withTracing}
	s, c := inspected(t, o, false, nil)
	if is, words := c.result("token"); is != "unknown" || !strings.Contains(words, "nothing is asked") {
		t.Errorf("the token is %s: %s", is, words)
	}
	if calls := functionCalls(s); len(calls) > 0 {
		t.Errorf("the function called %v", calls)
	}
	if spans := s.Spans(); len(spans) > 0 {
		t.Errorf("a trace of %d spans was sent", len(spans))
	}
}

func TestAPreflightSendsOneTestMailIfAskedTo(t *testing.T) {
	s := newTenancy(t, calm)
	r, err := s.Invoke(t.Context(), []byte(`{"keyturn":"preflight","mail":"yes"}`))
	c := readPreflight(t, r, err)
	if is, words := c.result("mail"); is != "passed" {
		t.Errorf("the mail is %s: %s", is, words)
	}
	if mails := s.Mails(); len(mails) != 1 || !strings.Contains(mails[0].Title, "Test mail of a preflight") ||
		!strings.Contains(mails[0].Body, "Nothing was rotated") {
		t.Errorf("the mails are %v", mails)
	}
}

func TestAMalformedPreflightIsRefusedAndStartsNothing(t *testing.T) {
	s := newTenancy(t, calm)
	for body, want := range map[string]string{
		`{"keyturn":"prefligth"}`:                    `keyturn is "prefligth", not "preflight"`,
		`{"Keyturn":"preflight"}`:                    "Keyturn is not a field",
		`{"keyturn":"preflight","mial":"yes"}`:       "mial is not a field",
		`{"keyturn":"preflight","mail":true}`:        `mail is true, neither "yes" nor "no"`,
		`{"keyturn":"preflight"`:                     "not a JSON object",
		`{"keyturn":null,"eventType":"x","data":{}}`: "data is not a field",
	} {
		for _, invoke := range []func() (fnhost.Reply, error){
			func() (fnhost.Reply, error) { return s.Invoke(t.Context(), []byte(body)) },
			func() (fnhost.Reply, error) { return s.InvokeSweep(t.Context(), []byte(body)) },
		} {
			r, err := invoke()
			c := readPreflight(t, r, err)
			if is, words := c.result("request"); c.Preflight != "failed" || is != "failed" ||
				!strings.Contains(words, want) || !strings.Contains(words, asked) {
				t.Errorf("%s: the request is %s: %s", body, is, words)
			}
		}
	}
	if n := len(s.Calls()); n != 0 {
		t.Errorf("%d calls were made", n)
	}
}

func TestWithARefusedConfigurationEveryEventFailsAndNothingIsTouched(t *testing.T) {
	s := newTenancy(t, tenancy.Options{Emulator: ociemu.Calm(), Config: []string{"prove=perhaps"}})
	c := s.Add(tenancy.Want{Kind: tenancy.APIKey})
	if err := s.Close(t.Context(), c.Problem, c.Comment()); err != nil {
		t.Fatal(err)
	}
	swept, err := s.Sweep(t.Context())
	if r := s.Replies(); len(r) != 1 || r[0].Status != 502 || swept.Status != 502 || err != nil {
		t.Errorf("answered %d and %d (%v), want failures that the platform counts", r[0].Status, swept.Status, err)
	}
	untouched(t, s, c)
	if n := strings.Count(s.Printed.String(), "the configuration is refused: "); n != 2 || len(s.Mails()) != 0 {
		t.Errorf("%d invocations say why, and %d mails were sent", n, len(s.Mails()))
	}
}
