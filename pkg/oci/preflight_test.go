package oci_test

import (
	"encoding/base64"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/fault"
	"github.com/keyturn/keyturn/pkg/oci"
	"github.com/keyturn/keyturn/test/ociemu"
)

func TestTheClaimsAreThoseOfTheToken(t *testing.T) {
	cloud, e := emulated(t, ociemu.Calm())
	claims, err := cloud.Claims(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	exp, isNumber := claims["exp"].(float64)
	if claims["res_tenant"] != e.Tenancy() || claims["res_compartment"] != e.Tenancy() ||
		!strings.HasPrefix(claims["res_id"].(string), "ocid1.fnfunc.") || !isNumber || exp == 0 {
		t.Errorf("the claims are %v", claims)
	}
	if len(e.Calls()) != 0 {
		t.Error("a call was made")
	}
}

// odd is a principal with any key id.
type odd struct {
	principal
	id  string
	err error
}

func (o odd) KeyID() (string, error) {
	if o.id == "panic" {
		panic("the SDK takes a claim for granted")
	}
	return o.id, o.err
}

func TestATokenThatCantBeReadIsAnErrorThatQuotesNothing(t *testing.T) {
	_, e := emulated(t, ociemu.Calm())
	p := principal{e.NewFunction("odd", "")}
	noJSON := base64.RawURLEncoding.EncodeToString([]byte("hush"))
	some := base64.RawURLEncoding.EncodeToString([]byte(`{"hush":1}`))
	for _, c := range []struct {
		odd
		says string
	}{
		{odd{id: "hush"}, "no session token"},
		{odd{id: "hush." + some + ".c"}, "no session token"},
		{odd{id: "ST$hush"}, "no session token"},
		{odd{id: "ST$a." + some}, "no session token"},
		{odd{id: "ST$a." + some + ".c.d"}, "no session token"},
		{odd{id: "ST$a.hush!.c"}, "can't be decoded"},
		{odd{id: "ST$a." + noJSON + ".c"}, "can't be decoded"},
		{odd{err: errors.New("open /hush")}, "its token or key can't be read"},
		{odd{id: "panic"}, "the SDK can't read the token"},
	} {
		c.principal = p
		claims, err := oci.NewWith(c.odd).Claims(t.Context())
		if fault.Of(err) != fault.Invalid || claims != nil || contains(err.Error(), "hush") ||
			!contains(err.Error(), c.says) {
			t.Errorf("%q: %v, %v, want an error that says %q", c.id, claims, err, c.says)
		}
	}
}

func TestTheFunctionsRegionAndThatOfAnOCIDAreIdentifiers(t *testing.T) {
	o := ociemu.Calm()
	o.Region = "us-phoenix-1"
	cloud, _ := emulated(t, o)
	if region, err := cloud.Region(t.Context()); err != nil || region != "us-phoenix-1" {
		t.Errorf("the region is %q (%v)", region, err)
	}
	for ocid, want := range map[string]string{topic: "us-phoenix-1", secretID: "us-ashburn-1", user: "",
		"ocid1.vaultsecret.oc1.eu-madrid-1.aa": "eu-madrid-1"} {
		if got := cloud.RegionOf(ocid); got != want {
			t.Errorf("%s is of %q, want %q", ocid, got, want)
		}
	}
	if url := cloud.IdentityURL("eu-madrid-1"); url != "https://identity.eu-madrid-1.oci.oraclecloud.com/" {
		t.Errorf("IAM's address is %s", url)
	}
}

func TestAKnockCarriesNoCredentialsAndARefusalHasADate(t *testing.T) {
	o := ociemu.Calm()
	o.Now = func() time.Time { return time.Now().Add(10 * time.Minute) }
	cloud, e := emulated(t, o)
	status, server, err := cloud.Knock(t.Context(), cloud.IdentityURL("us-ashburn-1"))
	if err != nil || status != http.StatusUnauthorized || server.Before(time.Now().Add(9*time.Minute)) {
		t.Errorf("answered %d at %v (%v)", status, server, err)
	}
	for _, c := range e.Calls() {
		if c.Caller.Kind != "" {
			t.Errorf("%s has recognized %v", c.Service, c.Caller)
		}
	}
	s := &stub{answer: func(r *http.Request, _ int) (*http.Response, error) {
		if r.Header.Get("Authorization") != "" || r.Method != http.MethodGet {
			t.Errorf("%s with %v", r.Method, r.Header)
		}
		return reply(r, http.StatusServiceUnavailable, "busy")
	}}
	cloud.AnsweredBy(s)
	if status, server, err := cloud.Knock(t.Context(),
		"https://ocir.us-ashburn-1.oci.oraclecloud.com/v2/"); status != 503 || !server.IsZero() || err != nil {
		t.Errorf("answered %d at %v (%v)", status, server, err)
	}
	cloud.AnsweredBy(&stub{answer: func(*http.Request, int) (*http.Response, error) { return nil, errors.New("cut") }})
	if _, _, err := cloud.Knock(t.Context(), "https://ocir.us-ashburn-1.oci.oraclecloud.com/v2/"); fault.Of(
		err) != fault.Unclear || err == nil {
		t.Errorf("no answer is %v", err)
	}
}

func TestTheTenancyIsReadInTheRegionThatIsNamed(t *testing.T) {
	o := ociemu.Calm()
	o.HomeRegion = "us-phoenix-1"
	cloud, e := emulated(t, o)
	if err := cloud.TenancyIn(t.Context(), e.Tenancy(), "us-phoenix-1"); err != nil {
		t.Error(err)
	}
	if calls := called(e, "GetTenancy"); len(calls) != 1 || calls[0].Region != "us-phoenix-1" {
		t.Errorf("the calls are %v", calls)
	}
	if err := cloud.TenancyIn(t.Context(), e.Tenancy(), "sa-bogota-1"); fault.Of(err) != fault.Denied {
		t.Errorf("a region that is not subscribed to: %v", err)
	}
}

func TestWhatAPreflightReadsOfCloudGuard(t *testing.T) {
	for _, off := range []bool{false, true} {
		o := ociemu.Calm()
		o.ReportingRegion, o.GuardDisabled = "eu-frankfurt-1", off
		cloud, e := emulated(t, o)
		status, region, err := cloud.GuardConfiguration(t.Context(), e.Tenancy())
		if err != nil || region != "eu-frankfurt-1" || (status == "DISABLED") != off || status != "ENABLED" && !off {
			t.Errorf("%s in %s (%v)", status, region, err)
		}
		if id, err := cloud.AnyProblem(t.Context(), e.Tenancy()); id != "" || err != nil {
			t.Errorf("the problem %q of none (%v)", id, err)
		}
		want := e.AddProblem(ociemu.ProblemSeed{Rule: "API_KEY_TOO_OLD", User: e.AddUser("jane")})
		if id, err := cloud.AnyProblem(t.Context(), e.Tenancy()); id != want || err != nil {
			t.Errorf("the problem %q, want %q (%v)", id, want, err)
		}
	}
	// The key of a region means the same.
	cloud := oci.NewWith(stubbed(t))
	cloud.AnsweredBy(&stub{answer: func(r *http.Request, _ int) (*http.Response, error) {
		return reply(r, http.StatusOK, `{"reportingRegion":"FRA","status":"ENABLED","serviceConfigurations":[]}`)
	}})
	if _, region, err := cloud.GuardConfiguration(t.Context(), tenancy); region != "eu-frankfurt-1" || err != nil {
		t.Errorf("the reporting region is %q (%v)", region, err)
	}
}

func stubbed(t *testing.T) principal {
	t.Helper()
	return principal{ociemu.New(t, ociemu.Calm()).NewFunction("stubbed", "")}
}

func TestATopicIsReadInItsOwnRegion(t *testing.T) {
	cloud, e := emulated(t, ociemu.Calm())
	compartment := e.AddCompartment("alerts", "")
	id := e.AddTopicIn(compartment, "secops")
	name, state, in, err := cloud.Topic(t.Context(), id)
	if err != nil || name != "secops" || state != "ACTIVE" || in != compartment {
		t.Errorf("%s is %s in %s (%v)", name, state, in, err)
	}
	if _, _, _, err := cloud.Topic(t.Context(), topic); fault.Of(err) != fault.Absent {
		t.Errorf("a topic that is not there: %v", err)
	}
	if calls := called(e, "GetTopic"); calls[len(calls)-1].Region != "us-phoenix-1" {
		t.Errorf("it was looked for in %s", calls[len(calls)-1].Region)
	}
	if len(e.Mails()) != 0 {
		t.Error("a mail was sent")
	}
}

func TestAUserIsReadWithTheKindsThatAreNotAllowed(t *testing.T) {
	cloud := oci.NewWith(stubbed(t))
	cloud.AnsweredBy(&stub{answer: func(r *http.Request, _ int) (*http.Response, error) {
		return reply(r, http.StatusOK, `{"id":"`+user+
			`","name":"jane","lifecycleState":"INACTIVE","capabilities":{"canUseApiKeys":false,"canUseAuthTokens":true,"canUseConsolePassword":false}}`)
	}})
	name, state, mayNot, err := cloud.User(t.Context(), user)
	if err != nil || name != "jane" || state != "INACTIVE" ||
		!slices.Equal(mayNot, []credential.Kind{credential.APIKey, credential.Password}) {
		t.Errorf("%s is %s and may not have %v (%v)", name, state, mayNot, err)
	}
}
