package cloudguard_test

import (
	"strings"
	"testing"

	"github.com/keyturn/keyturn/pkg/cloudguard"
)

const (
	aUser       = "ocid1.user.oc1..aaaaaaaauser2"
	otherUser   = "ocid1.user.oc1..aaaaaaaauser3"
	aProblem    = "ocid1.cloudguardproblem.oc1.iad.amaaaaaaproblem"
	aToken      = "ocid1.credential.oc1..aaaaaaaatoken"
	accessKey   = "0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c"
	scim        = "3f5b8a0c1d2e4f60718293a4b5c6d7e8"
	fingerprint = "0a:1b:2c:3d:4e:5f:60:71:82:93:a4:b5:c6:d7:e8:f9"
)

func ours(rule cloudguard.Rule) cloudguard.Event {
	return cloudguard.Event{
		Type: cloudguard.TypeRemediated, TypeVersion: "2.0", Status: "RESOLVED", ProblemID: aProblem,
		Subject: cloudguard.Subject{Rule: rule, Users: []string{aUser}},
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
		{func(e *cloudguard.Event) { e.Status = "remediated by a person" }, ""},
		{func(e *cloudguard.Event) { e.TypeVersion = "second" }, ""},
		{func(e *cloudguard.Event) { e.Type = "COM.oraclecloud.CloudGuard.ProblemRemediated" }, ""},
		{func(e *cloudguard.Event) { e.Type = "" }, ""},
		{func(e *cloudguard.Event) { e.Rule = "" }, ""},
		{func(e *cloudguard.Event) { e.Type, e.ProblemID = "", "" }, "eventType is absent"},
		{func(e *cloudguard.Event) { e.Status = "deleted" }, "DELETED"},
		{func(e *cloudguard.Event) { e.Type = "com.oraclecloud.cloudguard.problemdetected" }, "problemdetected"},
		{func(e *cloudguard.Event) { e.Rule = "BUCKET_IS_PUBLIC" }, "BUCKET_IS_PUBLIC"},
	}
	for _, c := range cases {
		e := ours(cloudguard.AuthTokenTooOld)
		c.change(&e)
		got, reason := e.Ours()
		if got != (c.reason == "") || !strings.Contains(reason, c.reason) {
			t.Errorf("%+v: Ours() = %v, %q, want %q", e, got, reason, c.reason)
		}
	}
	for _, rule := range cloudguard.Rules() {
		if got, reason := ours(rule).Ours(); !got {
			t.Errorf("%s is not ours: %s", rule, reason)
		}
	}
}

func TestAnOCIDIsSplitIntoItsParts(t *testing.T) {
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

func TestTheErrorDoesNotRepeatTextThatIsNotAnOCID(t *testing.T) {
	const pasted = "hunter2-hunter2"
	if _, err := cloudguard.ParseOCID(pasted); err == nil || strings.Contains(err.Error(), pasted) {
		t.Errorf("error %v", err)
	}
	if o := cloudguard.OCID("x"); o.Type()+o.Realm()+o.Region() != "" {
		t.Error("a string that is no OCID has parts")
	}
}
