package oci_test

import (
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"strconv"
	"testing"

	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/fault"
	"github.com/keyturn/keyturn/pkg/oci"
)

// knownSCIM are answers of identity domains, and their classes.
var knownSCIM = []struct {
	status            int
	detail, messageID string
	want              fault.Class
}{
	{429, "Too many requests", "", fault.Throttled},
	{408, "", "", fault.Unclear},
	{500, "maximum quota limit of 3 has been reached", "error.common.server.internal", fault.Unclear},
	{503, "", "", fault.Unclear},
	{401, "", "", fault.Unclear},
	{401, "maximum quota limit of 3 has been reached", "", fault.Unclear},
	{400, "Client is unauthorized. null", "", fault.Unclear},
	{400, "You can not create ApiKey as maximum quota limit of 3 has been reached.", "", fault.Full},
	{400, "You can not create AuthToken as maximum quota limit of 2 has been reached.",
		"error.common.validation.something", fault.Full},
	{409, "The maximum quota has been reached", "", fault.Full},
	{400, "Limit exceeded", "", fault.Full},
	{400, "", "error.identity.apikey.LimitExceeded", fault.Full},
	{400, "Invalid public key header or footer.", "error.identity.user.invalidHeaderFooter", fault.Invalid},
	{400, "The primary email must be specified.", "error.identity.user.primaryEmailNotSpecified", fault.Invalid},
	{400, "", "error.common.validation.invalidEmailFormat", fault.Invalid},
	{400, "Exists", "error.common.validation.uniqueness", fault.Conflict},
	{400, "Missing", "error.common.validation.missingReqAttributes", fault.Invalid},
	{400, "Unknown", "error.common.validation.invalidReferenceResource", fault.Invalid},
	{400, "Long", "error.common.validation.stringExceedsMaxLimit", fault.Invalid},
	{400, "Expired", "error.identity.passwordmgmt.invalidToken", fault.Invalid},
	{403, "", "", fault.Denied},
	{404, "Not found", "error.common.resource.notFound", fault.Absent},
	{404, "", "", fault.Absent},
	{409, "", "", fault.Conflict},
	{412, "", "", fault.Conflict},
	{405, "", "", fault.Invalid},
	{413, "", "", fault.Invalid},
	{415, "", "", fault.Invalid},

	// What no source explains may have taken effect.
	{400, "Something new", "", fault.Unclear},
	{400, "Something new", "error.something.new", fault.Unclear},
	{400, "", "", fault.Unclear},
	{402, "", "", fault.Unclear},
	{418, "", "", fault.Unclear},
	{302, "", "", fault.Unclear},
	{501, "", "", fault.Unclear},
	{599, "", "", fault.Unclear},
}

// byDomain are headers of an identity domain.
var byDomain = map[string]http.Header{
	"opc-request-id": {"Opc-Request-Id": {"Xabc123/0/1"}, "Content-Type": {"application/scim+json"}},
	"ECID only":      {"X-Oracle-Dms-Ecid": {"5b8e^x,0:1"}, "Content-Type": {"application/scim+json"}},
}

func TestEachAnswerOfAnIdentityDomainHasItsClass(t *testing.T) {
	met := map[int]bool{}
	for form, header := range byDomain {
		for _, c := range knownSCIM {
			body := scimError(strconv.Itoa(c.status), c.detail, c.messageID)
			got := oci.DomainRefused(c.status, header, body, noValue)
			if got.Class != c.want || got.Status != c.status {
				t.Errorf("%s: %d %s %q is %s, want %s", form, c.status, c.messageID, c.detail, got.Class, c.want)
			}
			if got.Code != c.messageID {
				t.Errorf("%s: %d %s has the code %q", form, c.status, c.messageID, got.Code)
			}
			met[oci.DomainRowOf(c.status, header, body)] = true
		}
	}
	if len(met) != oci.DomainRows || met[-1] {
		t.Errorf("%d of %d rows of the table were met", len(met), oci.DomainRows)
	}
}

func TestAnIdentityDomainsRefusalOfTheCallerIsNotADenial(t *testing.T) {
	for _, body := range []string{"", scimError("401", "", ""), scimError("401", "Client is unauthorized. null", ""),
		refusal("NotAuthenticated", "x")} {
		got := oci.DomainRefused(401, byDomain["opc-request-id"], body, noValue)
		if got.Class != fault.Unclear || !contains(got.Message, "the identity domain refused the request for now") {
			t.Errorf("%q is %s: %s", body, got.Class, got.Message)
		}
	}
}

func TestAnAnswerThatIsNotAnIdentityDomainsDecidesNothing(t *testing.T) {
	for name, body := range foreign {
		for status := 300; status < 600; status++ {
			want := fault.Unclear
			if status == http.StatusTooManyRequests {
				want = fault.Throttled
			}
			for _, header := range []http.Header{{}, byDomain["ECID only"], byDomain["opc-request-id"]} {
				got := oci.DomainRefused(status, header, body, noValue)
				if got.Class != want || contains(got.Message, "quota") || got.Code != "" {
					t.Fatalf("%s with %d is %s: %v", name, status, got.Class, got)
				}
			}
		}
	}
	for _, c := range knownSCIM {
		got := oci.DomainRefused(c.status, http.Header{}, scimError(strconv.Itoa(c.status), c.detail, c.messageID),
			noValue)
		if got.Class != fault.Unclear && c.status != http.StatusTooManyRequests ||
			c.detail != "" && contains(got.Message, c.detail) {
			t.Errorf("%d %s without a request id is %s: %v", c.status, c.messageID, got.Class, got)
		}
	}
}

func TestAnAnswerWithTwoStatusesDecidesNothing(t *testing.T) {
	for _, c := range [][2]int{{503, 404}, {500, 400}, {400, 404}, {404, 409}} {
		got := oci.DomainRefused(c[0], byDomain["opc-request-id"], scimError(strconv.Itoa(c[1]), "x", ""), noValue)
		if got.Class != fault.Unclear {
			t.Errorf("%d with %d in the body is %s", c[0], c[1], got.Class)
		}
	}
}

// noValue is of a request that sends no secret value.
var noValue credential.Value

func TestAnIdentityDomainsTextIsLeftOutIfItMayHaveAPartOfTheValueThatWasSent(t *testing.T) {
	const value = "kT7-vBq.9RmXw2_GcDzF"
	hides := credential.NewValue([]byte(value))
	for _, c := range []struct {
		text  string
		shown bool
	}{
		{"The password must have at least 12 characters.", true},
		{"The password doesn't fulfil the policy: maxRepeatedChars (1), the user's first name.", true},
		{"Mot de passe refusé", true},
		{"ends with 7-vBq", true},
		{"has 7-vBq.9", false},
		{"HAS 7-VBQ.9", false},
		{"has 7 v B q 9 R", false},
		{"has 7vBq9R", false},
		{value, false},
		{"a1B2c3", false},
		{"0123456789", false},
		{"decoded " + base64.StdEncoding.EncodeToString([]byte(value)), false},
		{"decoded " + hex.EncodeToString([]byte(value)), false},
	} {
		refused := func(detail, id string) *fault.Error {
			return oci.DomainRefused(400, byDomain["opc-request-id"], scimError("400", detail, id), hides)
		}
		got := refused(c.text, "error.identity.policy")
		if contains(got.Message, c.text) != c.shown || got.Code != "error.identity.policy" {
			t.Errorf("%q becomes %v", c.text, got)
		}
		got = refused("no", "error."+c.text)
		if !c.shown && got.Code != "" {
			t.Errorf("the messageId %q becomes %v", "error."+c.text, got)
		}
	}
	for _, c := range knownSCIM {
		body := scimError(strconv.Itoa(c.status), "the value "+value+" is bad: "+c.detail, c.messageID)
		if got := oci.DomainRefused(c.status, byDomain["opc-request-id"], body, hides); contains(got.Error(), value) {
			t.Errorf("%d %s: %v", c.status, c.messageID, got)
		}
	}
}
