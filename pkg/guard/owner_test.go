package guard_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/keyturn/keyturn/pkg/cloudguard"
	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/fault"
	"github.com/keyturn/keyturn/pkg/guard"
	"github.com/keyturn/keyturn/pkg/vault"
)

// directory is a tenancy with one user. It records its calls, and fails those that fails names, the first of them only
// if once is set.
type directory struct {
	mu    sync.Mutex
	calls []string
	fails map[string]error
	once  bool
}

func (d *directory) call(name string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.calls = append(d.calls, name)
	err := d.fails[name]
	if d.once {
		delete(d.fails, name)
	}
	return err
}

func (d *directory) Tenancy(context.Context) (credential.Tenancy, error) {
	return credential.Tenancy{ID: tenancy, Name: "acme", Home: "us-ashburn-1"}, d.call("Tenancy")
}

func (d *directory) UserName(_ context.Context, id string) (string, error) {
	return "name of " + id, d.call("UserName")
}

func (d *directory) Namespace(context.Context) (string, error) { return "ns", d.call("Namespace") }

func (d *directory) Hosts(region, namespace string) (credential.Hosts, error) {
	return credential.Hosts{Registry: region + ".registry", S3: namespace + ".s3"}, d.call("Hosts")
}

// asked are the calls so far, sorted.
func (d *directory) asked() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	slices.Sort(d.calls)
	return strings.Join(d.calls, " ")
}

// lookedUp returns the owner that a lookup finds.
func lookedUp(ctx context.Context, l *guard.Lookup) (credential.Owner, error) {
	a, err := guard.Guard{Protects: func(string, string) bool { return false }}.Authorize(ctx, credential.Request{}, l,
		nil)
	return a.Owner, err
}

func ref(kind credential.Kind) credential.Ref {
	return credential.Ref{Kind: kind, User: owner, ID: "old"}
}

func TestAnOwnerHasWhatTheKindIsUsedWith(t *testing.T) {
	base := credential.Owner{Tenancy: tenancy, TenancyName: "acme", User: owner, UserName: "name of " + owner,
		Region: "us-ashburn-1"}
	elsewhere := base
	elsewhere.Namespace = "ns"
	elsewhere.Hosts = credential.Hosts{Registry: "us-ashburn-1.registry", S3: "ns.s3"}
	for _, kind := range credential.Kinds() {
		d := &directory{}
		want, calls := elsewhere, "Hosts Namespace Tenancy UserName"
		if kind.Record().Endpoint == credential.AtIAM {
			want, calls = base, "Tenancy UserName"
		}
		got, err := lookedUp(t.Context(), guard.LookUp(t.Context(), d, noon, ref(kind)))
		if err != nil || got != want || d.asked() != calls {
			t.Errorf("%s: the owner is %+v (%v) after %s", kind, got, err, d.asked())
		}
	}
}

func TestAnOwnerThatCannotBeLookedUpIsAnErrorThatSaysWhatFailed(t *testing.T) {
	for call, want := range map[string]string{"Tenancy": "looking up the tenancy", "UserName": "looking up the user",
		"Namespace": "Object Storage namespace", "Hosts": "finding the hosts"} {
		denied := fault.New(fault.Denied, call, "no")
		d := &directory{fails: map[string]error{call: denied}}
		_, err := lookedUp(t.Context(), guard.LookUp(t.Context(), d, noon, ref(credential.AuthToken)))
		if !errors.Is(err, denied) || fault.Of(err) != fault.Denied || !strings.Contains(err.Error(), want) {
			t.Errorf("%s failed: the error is %v", call, err)
		}
	}
}

func TestAFaultOfALookupThatIsNoRefusalOfOCIMayPass(t *testing.T) {
	cause := errors.New("something else")
	d := &directory{fails: map[string]error{"Tenancy": cause}}
	_, err := lookedUp(t.Context(), guard.LookUp(t.Context(), d, noon, ref(credential.APIKey)))
	if fault.Of(err) != fault.Unclear || !errors.Is(err, cause) || !strings.Contains(err.Error(), "something else") {
		t.Errorf("the error is %v", err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if o, err := lookedUp(ended, guard.Known(credential.Owner{User: owner, UserName: "jane"})); err != nil ||
		o.User != owner {
		t.Errorf("a known owner is %+v (%v) after the end of the context", o, err)
	}
}

func TestALookupIsReusedForTheSameOwnerWhileItIsYoung(t *testing.T) {
	other := ref(credential.AuthToken)
	other.User = stranger
	upper := ref(credential.AuthToken)
	upper.User = strings.ToUpper(owner)
	for name, c := range map[string]struct {
		ref   credential.Ref
		later time.Duration
		calls int
	}{
		"the same":             {ref(credential.AuthToken), 0, 1},
		"in capitals":          {upper, 0, 1},
		"at the end of life":   {ref(credential.AuthToken), time.Second, 1},
		"after the end of it":  {ref(credential.AuthToken), time.Second + 1, 2},
		"another user":         {other, 0, 2},
		"another kind":         {ref(credential.CustomerSecretKey), 0, 2},
		"for an API key there": {ref(credential.APIKey), 0, 2},
	} {
		d := &directory{}
		l := guard.LookUp(t.Context(), d, noon, ref(credential.AuthToken))
		_, _ = lookedUp(t.Context(), l)
		got, err := lookedUp(t.Context(), l.Reuse(t.Context(), d, noon.Add(c.later), time.Second, c.ref))
		if n := strings.Count(d.asked(), "Tenancy"); err != nil || n != c.calls || got.UserName == "" {
			t.Errorf("%s: the tenancy was asked for %d times, want %d (%v)", name, n, c.calls, err)
		}
	}
	var none *guard.Lookup
	d := &directory{}
	got, err := lookedUp(t.Context(), none.Reuse(t.Context(), d, noon, time.Second, ref(credential.APIKey)))
	if err != nil || got.User != owner {
		t.Errorf("without a lookup before, the owner is %+v (%v)", got, err)
	}
}

func TestALookupThatFailedIsRepeatedOnce(t *testing.T) {
	for _, once := range []bool{true, false} {
		d := &directory{fails: map[string]error{"UserName": fault.New(fault.Throttled, "GetUser", "")}, once: once}
		l := guard.LookUp(t.Context(), d, noon, ref(credential.APIKey))
		got, err := lookedUp(t.Context(), l.Reuse(t.Context(), d, noon, time.Second, ref(credential.APIKey)))
		if (err == nil) != once || once && got.UserName == "" || strings.Count(d.asked(), "UserName") != 2 {
			t.Errorf("it fails once %v: %+v (%v) after %s", once, got, err, d.asked())
		}
	}
}

func authorize(g guard.Guard, r credential.Request, secrets ...vault.Secret) (credential.Authorized, error) {
	if g.Protects == nil {
		g.Protects = func(string, string) bool { return false }
	}
	if g.OtherOwner == nil {
		g.OtherOwner = func(vault.Metadata, credential.Ref) string { return "" }
	}
	return g.Authorize(context.Background(), r, guard.Known(credential.Owner{User: owner, UserName: "jane"}), secrets)
}

func request(secrets ...credential.Target) credential.Request {
	return credential.Request{Ref: ref(credential.AuthToken), Secrets: secrets}
}

func TestARequestIsAuthorizedWithItsOwnerAndContacts(t *testing.T) {
	s := changed(bound(1, credential.AuthToken, ""), func(s *vault.Secret) {
		s.Freeform["keyturn-owner"] = " the  web\nteam "
	})
	a, err := authorize(guard.Guard{}, request(), s, bound(2, credential.AuthToken, ""))
	if err != nil || a.Owner.UserName != "jane" || len(a.Warnings) != 0 {
		t.Errorf("authorized: %+v (%v)", a, err)
	}
	if len(a.Contacts) != 2 || a.Contacts[s.ID] != "the web team" {
		t.Errorf("the contacts are %q", a.Contacts)
	}
}

func TestOnlyASecretThatIsBoundToTheCredentialMayAskForATopic(t *testing.T) {
	const topic, another = "ocid1.onstopic.oc1.iad.Team", "ocid1.onstopic.oc1.iad.other"
	asks := func(change func(*vault.Secret)) vault.Secret {
		return changed(bound(1, credential.AuthToken, ""), func(s *vault.Secret) {
			s.Freeform["keyturn-topic"] = " " + topic
			change(s)
		})
	}
	for name, c := range map[string]struct {
		change func(*vault.Secret)
		want   string
	}{
		"a bound one":        {func(*vault.Secret) {}, topic},
		"an unbound one":     {func(s *vault.Secret) { delete(s.Freeform, "keyturn-user") }, ""},
		"another user's":     {func(s *vault.Secret) { s.Freeform["keyturn-user"] = "ocid1.user.oc1..else" }, ""},
		"one for other keys": {func(s *vault.Secret) { s.Freeform["keyturn-kind"] = "api-key" }, ""},
		"no tag":             {func(s *vault.Secret) { delete(s.Freeform, "keyturn-topic") }, ""},
		"a defined tag": {func(s *vault.Secret) {
			delete(s.Freeform, "keyturn-topic")
			s.Defined = map[string]map[string]any{"Keyturn": {"Topic": another}}
		}, another},
		"two topics": {func(s *vault.Secret) {
			s.Defined = map[string]map[string]any{"keyturn": {"topic": another}}
		}, "two topics, by its defined and its freeform tag"},
	} {
		s := asks(c.change)
		a, _ := authorize(guard.Guard{AcceptUnbound: true, OtherOwner: func(vault.Metadata, credential.Ref) string {
			return ""
		}}, request(), s)
		if a.Topics[s.ID] != c.want {
			t.Errorf("%s asks for %q, want %q", name, a.Topics[s.ID], c.want)
		}
	}
}

func TestARequestIsRefused(t *testing.T) {
	token := func(n int) vault.Secret { return bound(n, credential.AuthToken, "") }
	unbound := changed(token(1), func(s *vault.Secret) { s.Freeform = nil })
	warn := guard.Guard{AcceptUnbound: true}
	for name, c := range map[string]struct {
		guard   guard.Guard
		request credential.Request
		secrets []vault.Secret
		want    string
	}{
		"a protected user": {guard.Guard{Protects: func(id, name string) bool { return id == owner && name == "jane" }},
			request(), []vault.Secret{token(1)}, "is protected"},
		"an unbound secret":        {guard.Guard{}, request(), []vault.Secret{unbound}, "is not bound"},
		"the second secret of two": {guard.Guard{}, request(), []vault.Secret{token(2), unbound}, "is not bound"},
		"another user's secret, warning": {warn, request(), []vault.Secret{changed(token(1), toStranger)},
			"another user"},
		"an unbound secret with another's journal": {guard.Guard{AcceptUnbound: true,
			OtherOwner: func(m vault.Metadata, r credential.Ref) string { return "auth-token " + stranger }},
			request(), []vault.Secret{unbound}, "names another owner: auth-token " + stranger},
		"another role": {guard.Guard{},
			request(credential.Target{Role: credential.RoleBundle, SecretID: token(1).ID}),
			[]vault.Secret{bound(1, credential.AuthToken, "auth-token")}, "for the part"},
		"a secret that is deleted": {guard.Guard{}, request(),
			[]vault.Secret{changed(token(1), func(s *vault.Secret) { s.State = "DELETED" })}, "is deleted"},
	} {
		a, err := authorize(c.guard, c.request, c.secrets...)
		refusal, ok := errors.AsType[*guard.Refusal](err)
		if !ok || !strings.Contains(refusal.Problem, c.want) {
			t.Errorf("%s: the error is %v, want a refusal with %q", name, err, c.want)
		}
		if a.Owner.UserName != "jane" || len(a.Contacts) != len(c.secrets) || len(a.Warnings) != 0 {
			t.Errorf("%s: with the refusal come %+v", name, a)
		}
	}
}

func toStranger(s *vault.Secret) { s.Freeform["keyturn-user"] = stranger }

func TestASecretThatTheRequestDoesNotNameHasNoRole(t *testing.T) {
	s := bound(1, credential.AuthToken, "auth-token")
	other := credential.Target{Role: credential.RoleBundle, SecretID: "another"}
	if _, err := authorize(guard.Guard{}, request(other), s); err != nil {
		t.Errorf("refused: %v", err)
	}
}

func TestAnEventOfAnUnknownRuleIsRefusedWithARuleThatKeyturnKnows(t *testing.T) {
	e := tokenEvent()
	e.Rule = "OTHER"
	_, err := guard.Trust(e)
	format, ok := errors.AsType[*cloudguard.FormatError](err)
	if !ok || !strings.HasSuffix(format.Remedy, string(cloudguard.APIKeyTooOld)) {
		t.Errorf("the error is %v", err)
	}
}

func TestOneHalfOfAPairIsRefusedWithTheRoleOfTheOther(t *testing.T) {
	for has, lacks := range map[string]string{"access-key": "secret-key", "secret-key": "access-key"} {
		_, err := guard.Find([]vault.Secret{bound(1, credential.CustomerSecretKey, has)}, credential.CustomerSecretKey,
			owner)
		refusal, ok := errors.AsType[*guard.Refusal](err)
		if !ok || !strings.Contains(refusal.Remedy, "its tag role is "+lacks+")") {
			t.Errorf("with the %s alone the error is %v", has, err)
		}
	}
}

func TestTheJournalOfABoundSecretMayNameAnotherOwner(t *testing.T) {
	g := guard.Guard{OtherOwner: func(vault.Metadata, credential.Ref) string { return "auth-token " + stranger }}
	if _, err := authorize(g, request(), bound(1, credential.AuthToken, "")); err != nil {
		t.Errorf("refused: %v", err)
	}
}

func TestAnUnboundSecretThatIsAcceptedIsAWarningWithTheCommandToBindIt(t *testing.T) {
	nameless := vault.Secret{ID: "ocid1.vaultsecret.oc1..x", State: vault.Active}
	named := nameless
	named.Name = "web-token"
	for name, s := range map[string]vault.Secret{"ocid1.vaultsecret.oc1..x": nameless, "web-token": named} {
		a, err := authorize(guard.Guard{AcceptUnbound: true}, request(), s)
		if err != nil || len(a.Warnings) != 1 {
			t.Errorf("%s: %+v (%v)", name, a, err)
			continue
		}
		w := a.Warnings[0]
		if !strings.Contains(w.Text, "Secret "+name+" is not bound") ||
			!strings.HasSuffix(w.Remedy, guard.BindCommand(s, credential.AuthToken, owner)) ||
			!strings.HasPrefix(w.Remedy, "If secret "+name+" is meant") {
			t.Errorf("%s: the warning is %+v", name, w)
		}
	}
}

func TestAnOwnerThatCannotBeLookedUpIsNotAuthorized(t *testing.T) {
	d := &directory{fails: map[string]error{"UserName": fault.New(fault.Throttled, "GetUser", "")}}
	a, err := guard.Guard{}.Authorize(t.Context(), request(),
		guard.LookUp(t.Context(), d, noon, ref(credential.AuthToken)),
		[]vault.Secret{bound(1, credential.AuthToken, "")})
	if fault.Of(err) != fault.Throttled || len(a.Contacts) != 1 {
		t.Errorf("%+v (%v)", a, err)
	}
}
