package cloudguard_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/keyturn/keyturn/pkg/cloudguard"
)

const (
	aUser       = "ocid1.user.oc1..aaaaaaaauser2"
	otherUser   = "ocid1.user.oc1..aaaaaaaauser3"
	aProblem    = "ocid1.cloudguardproblem.oc1.iad.amaaaaaaproblem"
	fingerprint = "0a:1b:2c:3d:4e:5f:60:71:82:93:a4:b5:c6:d7:e8:f9"
)

func ours(rule cloudguard.Rule, resource string) cloudguard.Event {
	return cloudguard.Event{
		Type: cloudguard.TypeRemediated, TypeVersion: "2.0", Status: "RESOLVED", Rule: rule,
		ProblemID: aProblem, ResourceID: resource, User: aUser,
	}
}

func TestOnlyResolvedProblemsOfTheFourRulesAreOurs(t *testing.T) {
	cases := []struct {
		change func(*cloudguard.Event)
		reason string // "" if it is ours
	}{
		{func(*cloudguard.Event) {}, ""},
		{func(e *cloudguard.Event) { e.Status = "" }, ""},
		{func(e *cloudguard.Event) { e.Status = "resolved" }, ""},
		{func(e *cloudguard.Event) { e.TypeVersion = "" }, ""},
		{func(e *cloudguard.Event) { e.TypeVersion = "2.7" }, ""},
		{func(e *cloudguard.Event) { e.Status = "OPEN" }, `status is "OPEN"`},
		{func(e *cloudguard.Event) { e.Status = "DISMISSED" }, "DISMISSED"},
		{func(e *cloudguard.Event) { e.TypeVersion = "3.0" }, "eventTypeVersion 3.0 is not known"},
		{func(e *cloudguard.Event) { e.TypeVersion = "20" }, "eventTypeVersion 20 is not known"},
		{func(e *cloudguard.Event) { e.Type = "" }, "eventType is absent"},
		{func(e *cloudguard.Event) { e.Type = "com.oraclecloud.cloudguard.problemdetected" }, "problemdetected"},
		{func(e *cloudguard.Event) { e.Rule = "" }, "problemName is absent"},
		{func(e *cloudguard.Event) { e.Rule = "BUCKET_IS_PUBLIC" }, "BUCKET_IS_PUBLIC"},
	}
	for _, c := range cases {
		e := ours(cloudguard.AuthTokenTooOld, "ocid1.credential.oc1..aaaa")
		c.change(&e)
		got, reason := e.Ours()
		if got != (c.reason == "") || !strings.Contains(reason, c.reason) {
			t.Errorf("%+v: Ours() = %v, %q, want %q", e, got, reason, c.reason)
		}
	}
	for _, rule := range cloudguard.Rules() {
		if got, reason := ours(rule, "x").Ours(); !got {
			t.Errorf("%s is not ours: %s", rule, reason)
		}
	}
}

func TestACredentialIDThatCouldChangeAPathIsRefused(t *testing.T) {
	upper := strings.ToUpper(fingerprint)
	tenancy := "ocid1.tenancy.oc1..aaaaaaaaten"
	cases := []struct {
		rule     cloudguard.Rule
		resource string
		want     string // "" if it is refused
	}{
		{cloudguard.APIKeyTooOld, tenancy + "/" + aUser + "/" + fingerprint, fingerprint},
		{cloudguard.APIKeyTooOld, "x/y/" + upper, fingerprint},
		{cloudguard.APIKeyTooOld, fingerprint, fingerprint},
		{cloudguard.APIKeyTooOld, aUser + "/" + fingerprint, ""},
		{cloudguard.APIKeyTooOld, "a/b/c/" + fingerprint, ""},
		{cloudguard.APIKeyTooOld, "x/y/" + fingerprint[3:], ""},
		{cloudguard.APIKeyTooOld, "x/y/" + fingerprint + ":00", ""},
		{cloudguard.APIKeyTooOld, "x/y/" + fingerprint + "?a=b", ""},
		{cloudguard.APIKeyTooOld, "x/y/" + fingerprint + "/..", ""},
		{cloudguard.APIKeyTooOld, "x/y/" + strings.Replace(fingerprint, ":", "%", 1), ""},
		{cloudguard.APIKeyTooOld, "x/y/" + strings.Replace(fingerprint, "a", "g", 1), ""},
		{cloudguard.APIKeyTooOld, fingerprint + "\n", fingerprint},
		{cloudguard.APIKeyTooOld, "", ""},
		{cloudguard.AuthTokenTooOld, "ocid1.credential.oc1..aaaaaaaatoken", "ocid1.credential.oc1..aaaaaaaatoken"},
		{cloudguard.AuthTokenTooOld, "ocid1.credential.oc1..aa/../x", ""},
		{cloudguard.AuthTokenTooOld, "a?b", ""},
		{cloudguard.AuthTokenTooOld, "a%2fb", ""},
		{cloudguard.AuthTokenTooOld, "..", ""},
		{cloudguard.AuthTokenTooOld, ".", ""},
		{cloudguard.AuthTokenTooOld, "a b", ""},
		{cloudguard.AuthTokenTooOld, "a\n", ""},
		{cloudguard.AuthTokenTooOld, "ab\u0456", ""},
		{cloudguard.AuthTokenTooOld, strings.Repeat("a", 256), ""},
		{cloudguard.SecretKeyTooOld, "0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c", "0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c"},
		{cloudguard.SecretKeyTooOld, "key+with/base64=", ""},
		{cloudguard.SecretKeyTooOld, "", ""},
	}
	for _, c := range cases {
		e := ours(c.rule, c.resource)
		if got := e.CredentialID(); got != c.want {
			t.Errorf("%s %q: CredentialID() = %q, want %q", c.rule, c.resource, got, c.want)
		}
		if err := e.Validate(); (err == nil) != (c.want != "") {
			t.Errorf("%s %q: Validate() = %v", c.rule, c.resource, err)
		}
	}
}

func TestAPasswordNeedsNoResource(t *testing.T) {
	for _, resource := range []string{"", aUser, "jane@example.com", "a/b?c"} {
		e := ours(cloudguard.PasswordTooOld, resource)
		if err := e.Validate(); err != nil || e.CredentialID() != "" {
			t.Errorf("%q: %v, id %q", resource, err, e.CredentialID())
		}
	}
}

func TestACredentialOfAnotherUserIsRefused(t *testing.T) {
	for _, e := range []cloudguard.Event{
		ours(cloudguard.APIKeyTooOld, "t/"+otherUser+"/"+fingerprint),
		ours(cloudguard.PasswordTooOld, otherUser),
	} {
		if err := e.Validate(); err == nil || !strings.Contains(err.Error(), otherUser) || !strings.Contains(err.Error(), aUser) {
			t.Errorf("%s: Validate() = %v, want both users named", e.Rule, err)
		}
	}
}

func TestAllFaultsOfAnEventAreToldAtOnce(t *testing.T) {
	e := ours(cloudguard.APIKeyTooOld, "not a key")
	e.ProblemID, e.User = "ocid1.user.oc1..aaaa", "jane@example.com"
	err := e.Validate()
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok || len(joined.Unwrap()) != 3 {
		t.Fatalf("Validate() = %v, want three faults", err)
	}
	for _, fault := range joined.Unwrap() {
		if _, ok := errors.AsType[*cloudguard.FormatError](fault); !ok {
			t.Errorf("%v is not a FormatError", fault)
		}
	}
	for _, want := range []string{`type "user", want "cloudguardproblem"`, "User OCID", "fingerprint"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not say %q", err, want)
		}
	}
}

func TestAnOCIDIsTakenApart(t *testing.T) {
	cases := []struct{ in, kind, realm, region string }{
		{"ocid1.vaultsecret.oc1.ap-mumbai-1.amaaaaaa7", "vaultsecret", "oc1", "ap-mumbai-1"},
		{" OCID1.VaultSecret.OC1.IAD.AMAAAA\t", "vaultsecret", "oc1", "iad"},
		{"\u200bocid1.user.oc1..aaaa\u00a0", "user", "oc1", ""},
		{"ocid1.onstopic.oc19.eu-frankfurt-2.future.aaaa", "onstopic", "oc19", "eu-frankfurt-2"},
	}
	for _, c := range cases {
		o, err := cloudguard.ParseOCID(c.in)
		if err != nil || o.Type() != c.kind || o.Realm() != c.realm || o.Region() != c.region {
			t.Errorf("%q: %q (%q, %q, %q), %v", c.in, o, o.Type(), o.Realm(), o.Region(), err)
		}
		again, err := cloudguard.ParseOCID(string(o), "x", c.kind)
		if err != nil || again != o {
			t.Errorf("%q read again: %q, %v", o, again, err)
		}
	}
}

func TestABadOCIDIsExplained(t *testing.T) {
	cases := []struct{ in, want string }{
		{"", "empty"},
		{"my-secret", `does not begin with "ocid1."`},
		{"ocid1.", "2 parts"},
		{"ocid1.vaultsecret.oc1.iad", "4 parts"},
		{"ocid1.secret.oc1.iad.aaaa", `type "secret", want "vaultsecret"`},
		{"ocid1..oc1.iad.aaaa", "empty type"},
		{"ocid1.vaultsecret..iad.aaaa", "empty realm"},
		{"ocid1.vaultsecret.oc1.iad.", "empty unique"},
		{"ocid1.vaultsecret.oc1.iad.aaaa.", "empty unique"},
		{"ocid1.vaultsecret.oc1.iad.aa/aa", `'/' in its unique`},
		{"ocid1.vaultsecret.oc1.ia?d.aaaa", `'?' in its region`},
		{"ocid1.vaultsecret.oc1.iad.aa aa", `' ' in its unique`},
		{"ocid1.vault-secret.oc1.iad.aaaa", `'-' in its type`},
		{"ocid1.vaultsecret.oc1.iad.\u212aaaa", "character"},
		{"ocid1.vaultsecret.oc1.iad." + strings.Repeat("a", 255), "281 characters"},
	}
	for _, c := range cases {
		_, err := cloudguard.ParseOCID(c.in, cloudguard.TypeSecret)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v, want %q", c.in, err, c.want)
		}
	}
}

func TestWhatIsNotAnOCIDIsNotRepeatedInTheError(t *testing.T) {
	const pasted = "hunter2-hunter2"
	if _, err := cloudguard.ParseOCID(pasted); err == nil || strings.Contains(err.Error(), pasted) {
		t.Errorf("error %v", err)
	}
	if o := cloudguard.OCID("x"); o.Type()+o.Realm()+o.Region() != "" {
		t.Error("a string that is no OCID has parts")
	}
}
