package preflight_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"github.com/keyturn/keyturn/pkg/cloudguard"
	"github.com/keyturn/keyturn/pkg/config"
	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/preflight"
	"github.com/keyturn/keyturn/pkg/vault"
)

// world gives a good answer to every question, unless a field says otherwise.
type world struct {
	hangs   string // the question without an answer
	panics  bool
	secrets int
	asked   atomic.Int32  // GetSecret
	any     atomic.Int32  // calls of Claims and of wait
	slow    time.Duration // how long GetSecret takes
	config  config.Config
	mu      sync.Mutex
	listed  []string // compartments
	mails   atomic.Int32
	domains atomic.Int32 // calls about identity domains
}

// wait hangs until its deadline if the question is the one to hang.
func (w *world) wait(ctx context.Context, question string) error {
	w.any.Add(1)
	if w.hangs != question {
		return nil
	}
	<-ctx.Done()
	return silent
}

func (w *world) Now() time.Time { return time.Now() }
func (w *world) Claims(context.Context) (map[string]any, error) {
	w.any.Add(1)
	return map[string]any{"res_tenant": tenancy, "res_compartment": home,
		"exp": float64(time.Now().Add(time.Hour).Unix())}, nil
}
func (w *world) Region(context.Context) (string, error) { return "us-ashburn-1", nil }
func (w *world) RegionOf(string) string                 { return "us-ashburn-1" }
func (w *world) IdentityURL(string) string              { return "identity" }
func (w *world) Knock(ctx context.Context, url string) (int, time.Time, error) {
	return 401, time.Now(), w.wait(ctx, url)
}
func (w *world) Tenancy(ctx context.Context) (credential.Tenancy, error) {
	return credential.Tenancy{ID: tenancy, Name: "acme", Home: "us-ashburn-1"}, w.wait(ctx, "GetTenancy")
}
func (w *world) TenancyIn(ctx context.Context, _, _ string) error { return w.wait(ctx, "home") }
func (w *world) User(ctx context.Context, _ string) (string, string, []credential.Kind, error) {
	return "jane", "ACTIVE", nil, w.wait(ctx, "GetUser")
}
func (w *world) AllDomains(ctx context.Context) ([]credential.Domain, error) {
	w.domains.Add(1)
	return []credential.Domain{partners, {ID: "ocid1.domain.oc1..old", Name: "Old", State: "INACTIVE"}},
		w.wait(ctx, "ListDomains")
}
func (w *world) DomainURL(d credential.Domain) (string, error) { return d.URL + "/", nil }
func (w *world) TryDomainList(ctx context.Context, _ credential.Domain, k credential.Kind) error {
	w.domains.Add(1)
	return w.wait(ctx, "SCIM "+string(k))
}
func (w *world) Membership(ctx context.Context, _ string) (credential.Domain, bool, bool, error) {
	w.domains.Add(1)
	return partners, false, false, w.wait(ctx, "Membership")
}
func (w *world) Users(context.Context, string) ([]credential.User, string, error) {
	return nil, "", nil
}
func (w *world) Hosts(region, namespace string) (credential.Hosts, error) {
	return credential.Hosts{Registry: "ocir." + region + ".oci.oraclecloud.com", S3: namespace +
		".compat.objectstorage." + region + ".oraclecloud.com"}, nil
}
func (w *world) Namespace(context.Context) (string, error) { return "acmespace", nil }
func (w *world) AnyProblem(ctx context.Context, _ string) (string, error) {
	return "problem", w.wait(ctx, "ListProblems")
}
func (w *world) Problem(context.Context, string) (cloudguard.Problem, error) {
	return cloudguard.Problem{}, nil
}
func (w *world) GuardConfiguration(context.Context, string) (string, string, error) {
	return "ENABLED", "us-ashburn-1", nil
}
func (w *world) Topic(context.Context, string) (string, string, string, error) {
	if w.panics {
		panic("a value that may be anything")
	}
	return "secops", "ACTIVE", home, nil
}
func (w *world) Publish(context.Context, string, string, string) error { w.mails.Add(1); return nil }
func (w *world) secret(i int) vault.Secret {
	return boundSecret(fmt.Sprintf("s%d", i), jane+fmt.Sprint(i), credential.APIKey).Listed
}

func (w *world) List(_ context.Context, compartment string) (out []vault.Secret, err error) {
	w.mu.Lock()
	w.listed = append(w.listed, compartment)
	w.mu.Unlock()
	for i := range w.secrets {
		out = append(out, w.secret(i))
	}
	return out, nil
}

func (w *world) Secret(ctx context.Context, id string) (vault.Secret, error) {
	w.asked.Add(1)
	if w.slow > 0 {
		select {
		case <-time.After(w.slow):
		case <-ctx.Done():
			return vault.Secret{}, silent
		}
	}
	s := w.secret(0)
	s.ID = id
	return s, w.wait(ctx, "GetSecret")
}
func (w *world) Versions(context.Context, string) ([]vault.Version, error) { return versions(1), nil }
func (w *world) Read(context.Context, string, string) (int64, credential.Value, error) {
	return 1, credential.NewValue([]byte("a value that must stay secret")), nil
}

// issuer lists nothing.
type issuer struct{}

func (issuer) List(context.Context, string) (credential.Listing, error) {
	return credential.Listing{}, nil
}

// run runs a preflight with a time limit. It returns the answer and the log.
func (w *world) run(t *testing.T, within time.Duration, r preflight.Request, refused *config.Error) (preflight.Answer,
	string) {
	t.Helper()
	cfg := w.config
	cfg.Topic, cfg.EventCheck = topic, true
	p := &preflight.Preflight{Function: "sweep", Config: cfg, Refused: refused, Cloud: w, Secrets: w,
		Issuers: map[credential.Kind]preflight.Issuer{
			credential.APIKey: issuer{}}, Clock: w}
	var log bytes.Buffer
	ctx, cancel := context.WithTimeout(zerolog.New(&log).WithContext(t.Context()), within)
	defer cancel()
	a := p.Run(ctx, r)
	text, err := json.Marshal(a)
	if err != nil || ctx.Err() != nil {
		t.Fatalf("the answer came too late, or is none (%v)", err)
	}
	if all := string(text) + log.String(); strings.Contains(all, "must stay secret") ||
		strings.Contains(all, "may be anything") {
		t.Errorf("a value leaked: %s", all)
	}
	return a, log.String()
}

func TestAHangingServiceLeavesOnlyItsOwnChecksUnknown(t *testing.T) {
	for question, checks := range map[string]string{"ListProblems": "cloud_guard", "GetSecret": "secret",
		"GetUser": "user", "identity": "clock", "": ""} {
		synctest.Test(t, func(t *testing.T) {
			w := &world{hangs: question, secrets: 100}
			began := time.Now()
			a, _ := w.run(t, 30*time.Second, preflight.Request{}, nil)
			// two rounds: workers start the second before the first is counted
			if took := time.Since(began); took > 17*time.Second {
				t.Errorf("%s: it took %v, more than twice the time limit of a question", question, took)
			}
			passed := 0
			for _, c := range a.Checks {
				switch {
				case c.Check == checks && c.Result != preflight.Unknown, c.Check != checks &&
					c.Result != preflight.Passed:
					t.Errorf("%s: %+v", question, c)
				case c.Result == preflight.Passed:
					passed++
				}
			}
			if passed < 10 || (a.Preflight == preflight.Passed) != (question == "") {
				t.Errorf("%s: %d checks passed, the preflight is %s", question, passed, a.Preflight)
			}
			if question == "GetSecret" && w.asked.Load() > 10 {
				t.Errorf("a silent service was asked %d times", w.asked.Load())
			}
		})
	}
}

func TestAPreflightAnswersWithinAShortTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{hangs: "home", secrets: 1}
		began := time.Now()
		a, _ := w.run(t, 4*time.Second, preflight.Request{}, nil)
		if took := time.Since(began); took > 3*time.Second {
			t.Errorf("the answer took %v of 4 s", took)
		}
		if a.Preflight != preflight.Failed {
			t.Errorf("%+v", a)
		}
	})
}

func TestAPanicLeavesOneCheckUnknown(t *testing.T) {
	w := &world{panics: true, secrets: 1}
	a, log := w.run(t, time.Minute, preflight.Request{}, nil)
	bad := 0
	for _, c := range a.Checks {
		if c.Result != preflight.Passed {
			bad++
		}
	}
	if bad != 1 || strings.Count(log, "preflight check") != 1 || !strings.Contains(log, `"check":"topic"`) {
		t.Errorf("%d checks did not pass: %s", bad, log)
	}
}

func TestAMailIsSentOnlyOnRequest(t *testing.T) {
	w := &world{secrets: 1}
	w.run(t, time.Minute, preflight.Request{}, nil)
	if n := w.mails.Load(); n != 0 {
		t.Errorf("%d mails", n)
	}
	w.run(t, time.Minute, preflight.Request{Mail: true}, nil)
	if n := w.mails.Load(); n != 1 {
		t.Errorf("%d mails, want 1", n)
	}
}

func TestAnUnsafeEnvironmentPreventsEveryCall(t *testing.T) {
	w := &world{secrets: 1}
	a, _ := w.run(t, time.Minute, preflight.Request{Mail: true},
		&config.Error{Faults: []config.Fault{{Key: "anything", Problem: "is set", Remedy: "remove it", Unsafe: true}}})
	for _, c := range a.Checks {
		if c.Check != "configuration" && c.Result != preflight.Unknown {
			t.Errorf("%+v", c)
		}
	}
	if w.mails.Load() != 0 || w.any.Load() != 0 {
		t.Error("a call was made")
	}
}

func TestChecksAfterTheDeadlineAreOneFindingAndMakeNoCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{secrets: 100, slow: time.Second}
		// 9.3 s for the checks, which end in the middle of an answer
		a, _ := w.run(t, 12400*time.Millisecond, preflight.Request{}, nil)
		var found []preflight.Check
		for _, c := range a.Checks {
			switch {
			case c.Check == "secret" && c.Result == preflight.Unknown:
				found = append(found, c)
			case c.Check != "secret" && c.Result != preflight.Passed:
				t.Errorf("%+v", c)
			}
		}
		if len(found) != 1 || !strings.Contains(found[0].Found, "not checked: ") ||
			!strings.Contains(found[0].Found, "the same goes for ") || a.Preflight != preflight.Failed {
			t.Errorf("%+v", found)
		}
		if n := w.asked.Load(); n < 30 || n > 40 { // four in parallel, for a little over 9 s
			t.Errorf("%d secrets were asked for", n)
		}
	})
}

func TestTheConfiguredCompartmentsAreListedOrElseTheFunctionsOwn(t *testing.T) {
	for _, configured := range [][]string{nil, {"ocid1.compartment.oc1..a", "ocid1.compartment.oc1..b"}} {
		w := &world{secrets: 1, config: config.Config{SecretCompartments: configured}}
		w.run(t, time.Minute, preflight.Request{}, nil)
		want := configured
		if want == nil {
			want = []string{home}
		}
		slices.Sort(w.listed)
		if !slices.Equal(w.listed, want) {
			t.Errorf("listed %v, want %v", w.listed, want)
		}
	}
}

func TestUsersAreNotJudgedIfTheHomeRegionDoesNotAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, _ := (&world{hangs: "home", secrets: 3}).run(t, 30*time.Second, preflight.Request{}, nil)
		for _, c := range a.Checks {
			waits := c.Result == preflight.Unknown && c.Found == "not known: it waits for the check home_region" &&
				c.Remedy == ""
			if (c.Check == "user" || c.Check == "slots" || c.Check == "users") && !waits {
				t.Errorf("%+v", c)
			}
		}
	})
}
