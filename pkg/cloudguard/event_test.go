package cloudguard_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/keyturn/keyturn/pkg/cloudguard"
)

func readEvent(t *testing.T, name string) cloudguard.Event {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	e, err := cloudguard.ParseEvent(b)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return e
}

// shape is the expected content of one file of testdata.
type shape struct {
	ours       bool
	rule       cloudguard.Rule
	title      string // display name
	risk       string
	hasComment bool
	noTime     bool
	id         string // kind of CredentialID: fingerprint, ocid, hex or ""
}

var shapes = map[string]shape{
	"remediated_api_key": {true, cloudguard.APIKeyTooOld, "API key is too old", "MEDIUM", true, false,
		"fingerprint"},
	"remediated_auth_token": {true, cloudguard.AuthTokenTooOld, "IAM Auth token is too old", "MEDIUM", true, false,
		"ocid"},
	"remediated_secret_key": {true, cloudguard.SecretKeyTooOld, "IAM Customer secret key is too old", "MEDIUM",
		true, false, "hex"},
	"remediated_password": {true, cloudguard.PasswordTooOld, "Password is too old", "MEDIUM", false, false, ""},
	"remediated_leading_blanks": {true, cloudguard.AuthTokenTooOld, "IAM Auth token is too old", "MEDIUM", true, false,
		"ocid"},
	"remediated_hand_edited": {true, cloudguard.APIKeyTooOld, "API key is too old", "HIGH", false, true,
		"fingerprint"},
	"remediated_odd_types": {true, cloudguard.SecretKeyTooOld, "IAM Customer secret key is too old", "MEDIUM",
		true, false, "hex"},
	"remediated_as_in_2021": {true, cloudguard.APIKeyTooOld, "API key is too old", "MEDIUM", false, false,
		"fingerprint"},
	"detected_as_in_2021": {false, "", "Bucket is public", "CRITICAL", false, false, ""},
	"detected_activity": {false, "SUSPICIOUS_IP_ACTIVITY", "Suspicious Ip Activity", "CRITICAL", false, false,
		""},
	"detected_configuration": {false, "VCN_NO_INBOUND_SECURITY_LIST", "VCN has no inbound Security List", "MEDIUM",
		false, false, ""},
	"detected_api_key": {false, cloudguard.APIKeyTooOld, "API key is too old", "MEDIUM", false, false,
		"fingerprint"},
}

func TestEveryKnownShapeOfAnEventIsRead(t *testing.T) {
	files, err := filepath.Glob("testdata/*.json")
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < 12 || len(files) != len(shapes) {
		t.Fatalf("testdata has %d events and the table %d, want the same number, 12 at least", len(files), len(shapes))
	}
	for name, want := range shapes {
		t.Run(name, func(t *testing.T) {
			e := readEvent(t, name)
			ours, reason := e.Ours()
			if ours != want.ours || ours == (reason != "") {
				t.Errorf("Ours() = %v, %q, want %v", ours, reason, want.ours)
			}
			got := shape{ours, e.Rule, e.ProblemName, e.RiskLevel, e.Comment != "", e.Time.IsZero(), ""}
			if id, _ := e.ID(); strings.HasPrefix(id, "ocid1.") {
				got.id = "ocid"
			} else if strings.Count(id, ":") == 15 {
				got.id = "fingerprint"
			} else if id != "" {
				got.id = "hex"
			}
			if got != want {
				t.Errorf("got  %+v\nwant %+v", got, want)
			}
			if ours {
				checkOurs(t, e)
			}
		})
	}
}

func checkOurs(t *testing.T, e cloudguard.Event) {
	t.Helper()
	if err := e.Validate(); err != nil {
		t.Errorf("Validate: %v", err)
	}
	if err := e.Missing(); err != nil {
		t.Errorf("Missing: %v", err)
	}
	for _, ocid := range []struct{ got, want string }{
		{e.ProblemID, cloudguard.TypeProblem}, {strings.Join(e.Users, " "), cloudguard.TypeUser},
		{e.TenancyID, cloudguard.TypeTenancy},
	} {
		if got := cloudguard.OCID(ocid.got).Type(); got != ocid.want {
			t.Errorf("%q has type %q, want %q", ocid.got, got, ocid.want)
		}
	}
	if e.TypeVersion != "2.0" {
		t.Errorf("version %q", e.TypeVersion)
	}
	if e.Comment != "" {
		if _, err := cloudguard.ParseComment(e.Rule, e.Comment); err != nil {
			t.Errorf("comment %q: %v", e.Comment, err)
		}
	}
}

func TestSpacesAroundValuesAreTrimmed(t *testing.T) {
	e := readEvent(t, "remediated_leading_blanks")
	for _, s := range []string{e.Type, e.TypeVersion, e.Status, string(e.Rule), e.ProblemID, e.ProblemName,
		e.ResourceID,
		e.ResourceName, e.RiskLevel, strings.Join(e.Users, ""), strings.Join(e.IDs, ""), e.Comment, e.TenancyID} {
		if s == "" || s != strings.TrimSpace(s) {
			t.Errorf("%q is blank or has blanks around it", s)
		}
	}
	if want := time.Date(2026, 5, 4, 10, 0, 0, 0, time.UTC); !e.Time.Equal(want) {
		t.Errorf("Time = %v, want %v", e.Time, want)
	}
}

func TestSeveralCommentsInAListAreJoined(t *testing.T) {
	e := readEvent(t, "remediated_odd_types")
	c, err := cloudguard.ParseComment(e.Rule, e.Comment)
	if err != nil || len(c.Secrets) != 2 {
		t.Errorf("%q gave %v, %v, want two secrets", e.Comment, c, err)
	}
}

func TestTheUserOfAnOldShapeIsTakenFromTheKeyID(t *testing.T) {
	e := readEvent(t, "remediated_as_in_2021")
	if parts := strings.Split(e.ResourceID, "/"); !slices.Equal(e.Users, parts[1:2]) {
		t.Errorf("Users = %q, want %q", e.Users, parts[1])
	}
}

func TestAnEventThatCannotBeReadNamesTheFieldAndTheRemedy(t *testing.T) {
	cases := []struct{ body, field, problem string }{
		{"", "the event", "is empty"},
		{" \n\t", "the event", "is empty"},
		{"\ufeff", "the event", "is empty"},
		{"hello", "the event", "is not valid JSON"},
		{`{"eventType":`, "the event", "is not valid JSON"},
		{`{} {}`, "the event", "is not valid JSON"},
		{`{"a":1}x`, "the event", "at byte 8"},
		{`[{"eventType":"x"}]`, "the event", "is an array"},
		{`null`, "the event", "is null"},
		{`"text"`, "the event", "is a string"},
		{`12`, "the event", "is a number"},
		{`true`, "the event", "is a boolean"},
		{"{\"eventType\":\"\xff\"}", "the event", "UTF-8"},
		{strings.Repeat("[", 200000), "the event", "is not valid JSON"},
		{`{"a":` + strings.Repeat(`{"a":`, 100000) + `1` + strings.Repeat("}", 100001), "the event",
			"is not valid JSON"},
		{`"` + strings.Repeat("x", cloudguard.MaxEventBytes) + `"`, "the event", "is longer than 6291456 bytes"},
	}
	for _, c := range cases {
		_, err := cloudguard.ParseEvent([]byte(c.body))
		name := c.body[:min(40, len(c.body))]
		format, ok := errors.AsType[*cloudguard.FormatError](err)
		if !ok {
			t.Errorf("%q: error %v, want a FormatError", name, err)
			continue
		}
		if format.Field != c.field || !strings.Contains(format.Problem, c.problem) || format.Remedy == "" {
			t.Errorf("%q: %q %q %q, want %q %q and a remedy", name, format.Field, format.Problem, format.Remedy,
				c.field,
				c.problem)
		}
		for _, part := range []string{format.Field, format.Problem, format.Remedy} {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%q: the text %q lacks %q", name, err, part)
			}
		}
	}
}

func TestTheOnlyProblemInAnUnreadableEventIsFound(t *testing.T) {
	const one, two = "ocid1.cloudguardproblem.oc1.iad.aaaa", "ocid1.cloudguardproblem.oc1.iad.bbbb"
	for body, want := range map[string]string{
		`{"data":{"resourceId":"` + one + `","additionalDetails":{"status":"RES`:      one, // cut short
		`[{"data":{"resourceId":"` + one + `"}}]`:                                     one,
		`"{\"data\":{\"resourceId\":\"` + one + `\"}}"`:                               one, // a text in a text
		`{'data':{'resourceId':'` + one + `'}}`:                                       one,
		`{"data":{"resourceId":"` + strings.ToUpper(one) + ` ","id":"` + one + `",}}`: one,
		`{"data":{"resourceId":"` + one + `"},"other":"` + two + `",}`:                "", // which of them?
		`{"data":{"resourceId":"` + one:                                               "", // may be cut short
		`{"data":{"resourceId":"` + one + `/../x",}}`:                                 "",
		`{"data":{"resourceId":"` + one + `?x",}}`:                                    "",
		`{"data":{"resourceId":"x` + one + `",}}`:                                     "",
		one: "",
		"":  "",
		strings.Repeat(" ", cloudguard.MaxEventBytes) + `{"id":"` + one + `"}`: one,
	} {
		e, err := cloudguard.ParseEvent([]byte(body))
		if err == nil || e.ProblemID != want {
			t.Errorf("%.80s: the problem is %q (%v), want %q", body, e.ProblemID, err, want)
		}
	}
}

func TestHarmlessOdditiesAreTolerated(t *testing.T) {
	cases := map[string]func(cloudguard.Event) bool{
		"{}": func(e cloudguard.Event) bool {
			return e.ProblemID+e.Type+string(e.Rule)+e.Comment == ""
		},
		"\ufeff {\"eventType\":\"x\"}\n":    func(e cloudguard.Event) bool { return e.Type == "x" },
		`{"eventType":"x","eventType":"y"}`: func(e cloudguard.Event) bool { return e.Type == "y" },
		`{"event_type":"x"}`:                func(e cloudguard.Event) bool { return e.Type == "x" },
		`{"data":null,"eventTypeVersion":2.0}`: func(e cloudguard.Event) bool {
			return e.TypeVersion == "2.0"
		},
		`{"eventType":"\u00a0x\u200b\r\n"}`: func(e cloudguard.Event) bool { return e.Type == "x" },
		`{"eventType":{}}`:                  func(e cloudguard.Event) bool { return e.Type == "" },
		`{"data":[],"eventType":"x"}`:       func(e cloudguard.Event) bool { return e.Type == "x" },
		`{"data":{"additionalDetails":7,"resourceName":"y"}}`: func(e cloudguard.Event) bool {
			return e.ProblemName == "y"
		},
		`{"data":{"additionalDetails":{"status":true,"labels":[1,{}]}}}`: func(
			e cloudguard.Event) bool {
			return e.Status == "true"
		},
		`{"data":{"additionalDetails":{"problemName":" api_key_too_old "}}}`: func(
			e cloudguard.Event) bool {
			return e.Rule == cloudguard.APIKeyTooOld
		},
		`{"data":{"additionalDetails":{"problemName":"API key is too old"}}}`: func(
			e cloudguard.Event) bool {
			return e.Rule == cloudguard.APIKeyTooOld
		},
		`{"data":{"additionalDetails":{"problemName":"API-Key-Too-Old"}}}`: func(
			e cloudguard.Event) bool {
			return e.Rule == cloudguard.APIKeyTooOld
		},
		`{"data":{"additionalDetails":{"problemName":"bucket_is_public"}}}`: func(
			e cloudguard.Event) bool {
			return e.Rule == "BUCKET_IS_PUBLIC"
		},
		`{"data":{"additionalDetails":{"problemName":"a bucket"}}}`: func(
			e cloudguard.Event) bool {
			return e.Rule == ""
		},
		`{"data":{"additionalDetails":{"problemName":12},"resourceName":"Password too old"}}`: func(
			e cloudguard.Event) bool {
			return e.Rule == cloudguard.PasswordTooOld
		},
		`{"data":{"resourceName":"IAM  Auth token is TOO old"}}`: func(
			e cloudguard.Event) bool {
			return e.Rule == cloudguard.AuthTokenTooOld
		},
		`{"data":{"additionalDetails":{"problemAdditionalDetails":null}}}`: func(
			e cloudguard.Event) bool {
			return e.Comment == ""
		},
		`{"data":{"additionalDetails":{"problemAdditionalDetails":"[a, b]"}}}`: func(
			e cloudguard.Event) bool {
			return e.Comment == ""
		},
		`{"data":{"additionalDetails":{"problemAdditionalDetails":"{\"comments\":\"x\"}"}}}`: func(
			e cloudguard.Event) bool {
			return e.Comment == "x"
		},
		`{"data":{"additionalDetails":{"problemAdditionalDetails":{"comments":null}}}}`: func(
			e cloudguard.Event) bool {
			return e.Comment == ""
		},
		`{"data":{"additionalDetails":{"problemAdditionalDetails":{"comments":{}}}}}`: func(
			e cloudguard.Event) bool {
			return e.Comment == ""
		},
		`{"data":{"additionalDetails":{"problemAdditionalDetails":{"comments":["a",[]]}}}}`: func(
			e cloudguard.Event) bool {
			return e.Comment == "a"
		},
		`{"data":{"additionalDetails":{"problemAdditionalDetails":{"Comment":" x "}}}}`: func(
			e cloudguard.Event) bool {
			return e.Comment == "x"
		},
		`{"data":{"additionalDetails":{"problemAdditionalDetails":{"comments":42,"x":{}}}}}`: func(
			e cloudguard.Event) bool {
			return e.Comment == "42"
		},
		`{"data":{"compartmentId":"ocid1.tenancy.oc1..aaaab"}}`: func(
			e cloudguard.Event) bool {
			return e.TenancyID == "ocid1.tenancy.oc1..aaaab"
		},
		`{"data":{"compartmentId":"ocid1.compartment.oc1..aaaab"}}`: func(
			e cloudguard.Event) bool {
			return e.TenancyID == ""
		},
		`{"data":{"resourceId":"OCID1.CloudGuardProblem.oc1.iad.AAAA"}}`: func(
			e cloudguard.Event) bool {
			return e.ProblemID == "ocid1.cloudguardproblem.oc1.iad.aaaa"
		},
		`{"data":{"resourceId":"x"},"id":" OCID1.CloudGuardProblem.oc1.iad.AAAA "}`: func(
			e cloudguard.Event) bool {
			return e.ProblemID == "ocid1.cloudguardproblem.oc1.iad.aaaa"
		},
		`{"data":{"resourceId":["ocid1.cloudguardproblem.oc1.iad.aaaa"]}}`: func(
			e cloudguard.Event) bool {
			return e.ProblemID == "ocid1.cloudguardproblem.oc1.iad.aaaa"
		},
		"{\"data\":{\"resourceId\":\"ocid1.cloudguardproblem.oc1.iad.aaaa\",\"resourceName\":\"\xff\"}}": func(
			e cloudguard.Event) bool {
			return e.ProblemID == "ocid1.cloudguardproblem.oc1.iad.aaaa"
		},
	}
	for body, holds := range cases {
		e, err := cloudguard.ParseEvent([]byte(body))
		if err != nil || !holds(e) {
			t.Errorf("%s gave %+v, %v", body, e, err)
		}
	}
}

func FuzzParseEvent(f *testing.F) {
	files, err := filepath.Glob("testdata/*.json")
	if err != nil || len(files) < 12 {
		f.Fatalf("%d seeds, %v, want 12 at least", len(files), err)
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
		f.Add(bytes.ReplaceAll(b, []byte("ocid1."), []byte("../?#%2f")))
	}
	f.Add([]byte(`{"data":{"additionalDetails":{"resourceId":["a"],"problemName":"API_KEY_TOO_OLD"}}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := cloudguard.ParseEvent(b)
		if err != nil {
			if format, ok := errors.AsType[*cloudguard.FormatError](err); !ok || format.Field == "" ||
				format.Problem == "" || format.Remedy == "" {
				t.Fatalf("the error %#v is not a whole FormatError", err)
			}
			return
		}
		if ours, reason := e.Ours(); ours == (reason != "") {
			t.Errorf("Ours() = %v with the reason %q", ours, reason)
		}
		for _, id := range slices.Concat(e.IDs, e.Users) {
			if !safeInPath(id) {
				t.Errorf("%q could change a path", id)
			}
		}
		if e.Validate() == nil && !safeInPath(e.ProblemID) {
			t.Errorf("valid, but %q", e.ProblemID)
		}
		if id, _ := e.ID(); e.Rule.Known() && e.Missing() == nil &&
			(len(e.Users) != 1 || (id == "") != (e.Rule == cloudguard.PasswordTooOld)) {
			t.Errorf("nothing is missing, but %q, %q", e.Users, id)
		}
	})
}

// safeInPath reports whether s stays one element of a URL's path.
func safeInPath(s string) bool {
	return s != "" && s != "." && s != ".." &&
		strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.:_-") == "" &&
		!strings.ContainsAny(s, "/?#%\\ ;@&=\r\n\t")
}
