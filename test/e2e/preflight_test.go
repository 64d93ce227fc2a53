package e2e

import (
	"encoding/json"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/keyturn/keyturn/test/fnhost"
	"github.com/keyturn/keyturn/test/ociemu"
	"github.com/keyturn/keyturn/test/tenancy"
)

const asked = `{"keyturn":"preflight"}`

// checked is the answer to a preflight.
type checked struct {
	Preflight, Function string
	Checks              []struct {
		Check, Result, Found string
		Remedy               string `json:"mend"`
	}
	NotChecked []struct{ What, Why, Needs string } `json:"not_checked"`
	raw        []byte
}

// result returns the worst result of a check, with its findings and remedies.
func (c checked) result(name string) (worst, words string) {
	order := []string{"", "passed", "warning", "unknown", "failed"}
	for _, one := range c.Checks {
		if one.Check == name && slices.Index(order, one.Result) > slices.Index(order, worst) {
			worst, words = one.Result, one.Found+" | "+one.Remedy
		}
	}
	return worst, words
}

func readPreflight(t *testing.T, r fnhost.Reply, err error) checked {
	t.Helper()
	var c checked
	if err != nil || r.Status != 200 {
		t.Fatalf("answered %d: %s (%v)", r.Status, r.Body, err)
	}
	if err := json.Unmarshal(r.Body, &c); err != nil {
		t.Fatal(err)
	}
	c.raw = r.Body
	return c
}

// inspected sets up a tenancy, and requests a preflight, which must change nothing.
func inspected(t *testing.T, o tenancy.Options, sweep bool, set func(*tenancy.Deployment)) (*tenancy.Deployment,
	checked) {
	t.Helper()
	s := newTenancy(t, o)
	for _, kind := range tenancy.Kinds() {
		s.Add(tenancy.Want{Kind: kind, Bundle: kind == tenancy.CustomerSecretKey})
	}
	if set != nil {
		set(s)
	}
	invoke := s.Invoke
	if sweep {
		invoke = s.InvokeSweep
	}
	s.ResetCalls()
	var changes atomic.Int32
	s.OnChange(func(ociemu.View) { changes.Add(1) })
	r, err := invoke(t.Context(), []byte(asked))
	c := readPreflight(t, r, err)
	if n := changes.Load(); n != 0 || len(s.Mails()) != 0 {
		t.Errorf("the preflight made %d changes and sent %d mails", n, len(s.Mails()))
	}
	for _, call := range s.Calls() {
		if call.Method != "GET" {
			t.Errorf("the preflight called %s (%s)", call.Operation, call.Method)
		}
	}
	return s, c
}

func TestAPreflightOfAGoodSetUpPasses(t *testing.T) {
	for _, sweep := range []bool{false, true} {
		o := calm
		o.Emulator.HomeRegion = "us-phoenix-1"
		o.Config = []string{"protected_users=nobody@example.com"}
		s, c := inspected(t, o, sweep, func(s *tenancy.Deployment) {
			s.Add(tenancy.Want{Kind: tenancy.APIKey, Bundle: true})
		})
		for _, one := range c.Checks {
			if one.Result != "passed" || one.Found == "" {
				t.Errorf("%s is %s: %s", one.Check, one.Result, one.Found)
			}
		}
		if c.Preflight != "passed" || len(c.Checks) < 20 {
			t.Errorf("the preflight is %s, with %d checks", c.Preflight, len(c.Checks))
		}
		writes := 0
		for _, n := range c.NotChecked {
			if strings.HasPrefix(n.Needs, "Allow dynamic-group <DYNAMIC_GROUP> to ") {
				writes++
			}
		}
		if writes < 9 {
			t.Errorf("%d statements of what could not be tried, want 9 or more: %s", writes, c.raw)
		}
		s.Host.Kill() // now its output is complete
		if printed := s.Printed.String(); !sweep && (strings.Count(printed, `"message":"preflight"`) != 1 ||
			strings.Contains(printed, "preflight check")) {
			t.Errorf("the function printed %s", printed)
		}
		t.Logf("%s", c.raw)
	}
}

// deny makes the services refuse some operations of the function.
func deny(o *tenancy.Options, operations ...string) {
	o.Emulator.Authorizer = func(caller ociemu.Caller, c ociemu.Call) bool {
		return caller.Kind != "function" || !slices.Contains(operations, c.Operation) &&
			!slices.Contains(operations, c.Service)
	}
}

func bound(s *tenancy.Deployment, user string, seed ociemu.SecretSeed) {
	seed.Name = "the-one-at-fault"
	if seed.FreeformTags == nil {
		seed.FreeformTags = map[string]string{"keyturn-user": user, "keyturn-kind": "api-key"}
	}
	s.AddSecret(seed)
}

// broken is a set-up with one thing wrong.
type broken struct {
	name  string
	with  func(*tenancy.Options)
	set   func(*tenancy.Deployment)
	sweep bool
	check string
	is    string // failed unless given
	words []string
	// also has further checks that fail as a consequence, with their findings.
	also map[string]string
}

var brokenSetUps = []broken{
	{name: "the topic is gone", with: func(o *tenancy.Options) {
		o.Config = []string{"ons_topic=ocid1.onstopic.oc1.iad.aaaaaaaagone"}
	},
		check: "topic", words: []string{"is not allowed, or it is absent", "us-ashburn-1",
			"oci ons topic get --topic-id ocid1.onstopic.oc1.iad.aaaaaaaagone",
			"{ONS_TOPIC_READ} in compartment id <COMPARTMENT_OF_TOPIC>"}},
	{name: "the topic is of another region", with: func(o *tenancy.Options) {
		o.Config = []string{"ons_topic=ocid1.onstopic.oc1.eu-frankfurt-1.aaaaaaaafar"}
	},
		check: "topic", words: []string{"its OCID says eu-frankfurt-1"}},
	{name: "the topic may not be read", with: func(o *tenancy.Options) {
		deny(o, "GetTopic")
	}, check: "topic", words: []string{"{ONS_TOPIC_READ}"}},
	{name: "Cloud Guard may not be read", with: func(o *tenancy.Options) { deny(o, "cloudguard") },
		check: "cloud_guard", words: []string{"listing problems is not allowed",
			"to use cloud-guard-problems in tenancy"},
		also: map[string]string{"reporting_region": "to read cloud-guard-config in tenancy"}},
	{name: "problems may be listed and not read", with: func(o *tenancy.Options) { deny(o, "GetProblem") },
		check: "cloud_guard", words: []string{"is not allowed, but it is listed", "use cloud-guard-problems"}},
	{name: "another reporting region", with: func(o *tenancy.Options) { o.Emulator.ReportingRegion = "eu-frankfurt-1" },
		check: "reporting_region", words: []string{"us-ashburn-1", "eu-frankfurt-1",
			"deploy the stack in eu-frankfurt-1"}},
	{name: "Cloud Guard is off", with: func(o *tenancy.Options) { o.Emulator.GuardDisabled = true },
		check: "reporting_region", words: []string{"DISABLED", "oci cloud-guard configuration update"}},
	{name: "a secret is about to be deleted", set: func(s *tenancy.Deployment) {
		bound(s, s.AddUser("x@example.com"), ociemu.SecretSeed{State: "PENDING_DELETION"})
	},
		check: "secret", words: []string{"the-one-at-fault", "PENDING_DELETION",
			"oci vault secret cancel-secret-deletion --secret-id ocid1.vaultsecret"}},
	{name: "a secret has 30 versions", set: func(s *tenancy.Deployment) {
		bound(s, s.AddUser("x@example.com"), ociemu.SecretSeed{Versions: 30})
	},
		check: "secret_versions", words: []string{"the-one-at-fault", "30 versions", "--secret-version-number 1"}},
	{name: "a secret has 26 versions", set: func(s *tenancy.Deployment) {
		bound(s, s.AddUser("x@example.com"), ociemu.SecretSeed{Versions: 26})
	},
		check: "secret_versions", is: "warning", words: []string{"26 versions of 30"}},
	{name: "a secret is a replica", set: func(s *tenancy.Deployment) {
		bound(s, s.AddUser("x@example.com"), ociemu.SecretSeed{Replica: true})
	}, check: "secret", words: []string{"replica"}},
	{name: "a secret is bound to an unknown user", set: func(s *tenancy.Deployment) {
		bound(s, "ocid1.user.oc1..aaaaaaaanobody", ociemu.SecretSeed{})
	},
		check: "user", words: []string{"ocid1.user.oc1..aaaaaaaanobody", "is absent"}},
	{name: "no user may be read", with: func(o *tenancy.Options) {
		deny(o, "GetUser")
	}, check: "user", words: []string{"is not allowed, or the user is absent", "{USER_INSPECT} in tenancy"}},
	{name: "two secrets for one role", set: func(s *tenancy.Deployment) {
		s.Add(tenancy.Want{Kind: tenancy.AuthToken}).AddSecret("auth_secret_ocid", true)
	},
		check: "secret_binding", words: []string{"are both bound to this user and kind"}},
	{name: "two halves without a role", set: func(s *tenancy.Deployment) {
		s.Add(tenancy.Want{Kind: tenancy.CustomerSecretKey})
	},
		check: "secret_binding", is: "warning", words: []string{"which half is which", "access-key"}},
	{name: "an unknown kind", set: func(s *tenancy.Deployment) {
		bound(s, "", ociemu.SecretSeed{FreeformTags: map[string]string{"keyturn-user": s.AddUser("x@example.com"),
			"keyturn-kind": "apikey"}})
	}, check: "secret_binding", words: []string{`"apikey", which is no kind`, "api-key, auth-token"}},
	{name: "tags that contradict each other", set: func(s *tenancy.Deployment) {
		user := s.AddUser("x@example.com")
		bound(s, "", ociemu.SecretSeed{FreeformTags: map[string]string{"keyturn-user": user, "keyturn-kind": "api-key"},
			DefinedTags: map[string]map[string]any{"keyturn": {"user": user, "kind": "password"}}})
	}, check: "secret_binding", words: []string{"tag kind of secret the-one-at-fault", "contradict each other"}},
	{name: "a user's slots are full", set: func(s *tenancy.Deployment) {
		s.Add(tenancy.Want{Kind: tenancy.AuthToken, Bystander: 1})
	}, check: "slots", is: "warning",
		words: []string{"has 2 auth tokens", "ocid1.credential.oc1..", "replace:yes"}},
	{name: "credentials may not be listed", with: func(o *tenancy.Options) { deny(o, "ListApiKeys") }, check: "slots",
		words: []string{"{USER_READ} in tenancy"}},
	{name: "a protected user", with: func(o *tenancy.Options) { o.Config = []string{"protected_users=api-key-user-*"} },
		check: "protected_users", is: "warning", words: []string{"who is protected"}},
	{name: "the clock is 10 minutes behind", with: off(10*time.Minute + 30*time.Second), check: "clock",
		words: []string{"behind", "10m"}},
	{name: "the clock is 10 minutes ahead", with: off(-10*time.Minute - 30*time.Second), check: "clock",
		words: []string{"ahead of", "10m"}},
	{name: "the clock is 3 minutes behind", with: off(3 * time.Minute), check: "clock", is: "warning",
		words: []string{"behind"}},
	{name: "the home region is out of reach", with: func(o *tenancy.Options) { o.Emulator.HomeRegion = "us-phoenix-1" },
		set: func(s *tenancy.Deployment) {
			s.Inject(ociemu.Fault{Times: -1, Do: ociemu.Cut, Match: func(c ociemu.Call) bool {
				return c.Region == "us-phoenix-1" && c.Service == "identity"
			}})
		}, check: "home_region", words: []string{"us-phoenix-1", "does not answer", "NAT gateway"}},
	{name: "the configuration is misspelt", with: func(o *tenancy.Options) { o.Config = []string{"grace_periode=72h"} },
		check: "configuration", words: []string{"grace_periode is not a key", "did you mean grace_period?"}},
	{name: "the configuration would print secrets", with: func(o *tenancy.Options) {
		o.Config = []string{
			"OCI_GO_SDK_DEBUG=info"}
	}, check: "configuration", words: []string{"OCI_GO_SDK_DEBUG", "remove it"}},
	{name: "the secrets may not be listed", with: func(o *tenancy.Options) { deny(o, "ListSecrets") },
		check: "secret_compartments", words: []string{"ocid1.tenancy", "{SECRET_INSPECT} in tenancy"}},
	{name: "no secret may be read", with: func(o *tenancy.Options) { deny(o, "GetSecret") }, check: "secret",
		words: []string{"is not allowed, but ListSecrets shows that it exists", "{SECRET_READ, "}},
	{name: "no versions may be listed", with: func(o *tenancy.Options) {
		deny(o, "ListSecretVersions")
	}, check: "secret_versions", words: []string{"SECRET_VERSION_INSPECT"}},
	{name: "no content may be read", with: func(o *tenancy.Options) {
		deny(o, "GetSecretBundle")
	}, check: "secret_content", words: []string{"reading the content of", "is not allowed, but GetSecret shows " +
		"that it exists", "SECRET_BUNDLE_READ", "defined tags"}},
	{name: "the tenancy may not be read", with: func(o *tenancy.Options) { deny(o, "GetTenancy") }, check: "tenancy",
		words: []string{"{TENANCY_INSPECT} in tenancy"}},
	{name: "the token is over", with: func(o *tenancy.Options) { o.Emulator.TokenLife = -time.Minute }, check: "token",
		words: []string{"expired at", "oci fn function update --function-id ocid1.fnfunc", "--timeout-in-seconds"}},
	{name: "there is no token", with: func(o *tenancy.Options) {
		o.Config = []string{"OCI_RESOURCE_PRINCIPAL_RPST=/nowhere/rpst"}
	}, check: "token", words: []string{"can't be read", "run it as an OCI Function"}},
	{name: "the namespace may not be read", with: func(o *tenancy.Options) {
		deny(o, "GetNamespace")
	}, check: "namespace", words: []string{"{OBJECTSTORAGE_NAMESPACE_READ} in tenancy"}},
	{name: "the registry is out of reach", set: func(s *tenancy.Deployment) {
		s.Inject(ociemu.Fault{Operation: "RegistryPing", Times: -1, Do: ociemu.Cut})
	}, check: "registry", words: []string{"does not answer", "prove"}},
	{name: "the S3-compatible endpoint is out of reach", set: func(s *tenancy.Deployment) {
		s.Inject(ociemu.Fault{Operation: "ListBuckets", Times: -1, Do: ociemu.Cut})
	}, check: "s3_endpoint", words: []string{"does not answer"}},
	{name: "no users may be listed", sweep: true, with: func(o *tenancy.Options) {
		deny(o, "ListUsers")
	}, check: "users", words: []string{"{USER_INSPECT} in tenancy"}},
}

// off makes the services' clock differ from the function's.
func off(by time.Duration) func(*tenancy.Options) {
	return func(o *tenancy.Options) {
		c := &tenancy.Clock{}
		c.Add(by)
		o.Emulator.Now = c.Now
	}
}

func TestAPreflightNamesTheOneThingThatIsWrong(t *testing.T) {
	t.Parallel()
	if len(brokenSetUps) < 35 {
		t.Errorf("%d set-ups, want 35 or more", len(brokenSetUps))
	}
	for _, b := range brokenSetUps {
		t.Run(b.name, func(t *testing.T) { b.inspect(t, calm) })
	}
}

// inspect requests a preflight of the set-up, which must name the fault and nothing else.
func (b broken) inspect(t *testing.T, o tenancy.Options) {
	t.Helper()
	if b.with != nil {
		b.with(&o)
	}
	s, c := inspected(t, o, b.sweep, b.set)
	want := b.is
	if want == "" {
		want = "failed"
	}
	if (c.Preflight == "failed") != (want == "failed" || want == "unknown") {
		t.Errorf("the preflight is %s", c.Preflight)
	}
	is, words := c.result(b.check)
	if is != want {
		t.Errorf("%s is %s: %s", b.check, is, words)
	}
	for _, w := range b.words {
		if !strings.Contains(words, w) {
			t.Errorf("%s doesn't say %q: %s", b.check, w, words)
		}
	}
	lines := 0
	for _, one := range c.Checks {
		if one.Result == "failed" || one.Result == "unknown" {
			lines++
		}
		if one.Check == b.check || one.Result == "passed" || one.Result == "unknown" &&
			strings.Contains(one.Found, "the check "+b.check) {
			continue
		}
		if why := b.also[one.Check]; why == "" || one.Result != "unknown" ||
			!strings.Contains(one.Remedy, why) {
			t.Errorf("%s is %s as well: %s | %s", one.Check, one.Result, one.Found, one.Remedy)
		}
	}
	s.Host.Kill()
	if n := strings.Count(s.Printed.String(), `"message":"preflight check"`); n != lines && !b.sweep {
		t.Errorf("%d lines of the log for %d checks that did not pass", n, lines)
	}
	t.Logf("%s", c.raw)
}
