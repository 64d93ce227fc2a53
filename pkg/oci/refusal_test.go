package oci_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"

	"github.com/keyturn/keyturn/pkg/fault"
	"github.com/keyturn/keyturn/pkg/oci"
)

// byOCI are the headers of an answer from OCI.
var byOCI = http.Header{"Opc-Request-Id": {"iad-1:ABCDEF0123456789/0123/4567"}, "Content-Type": {"application/json"}}

// scimError is the error of an identity domain.
func scimError(status, detail, messageID string) string {
	all := map[string]any{"schemas": []string{"urn:ietf:params:scim:api:messages:2.0:Error"}, "detail": detail,
		"status": status}
	if messageID != "" {
		all["schemas"] = []string{"urn:ietf:params:scim:api:messages:2.0:Error",
			"urn:ietf:params:scim:api:oracle:idcs:extension:messages:Error"}
		all["urn:ietf:params:scim:api:oracle:idcs:extension:messages:Error"] = map[string]any{"messageId": messageID,
			"additionalData": map[string]any{}}
	}
	text, err := json.Marshal(all)
	if err != nil {
		panic(err)
	}
	return string(text)
}

const idcs = "IdcsConversionError"

// known are answers of OCI's services, and their classes.
var known = []struct {
	status        int
	code, message string
	want          fault.Class
}{
	{400, "CannotParseRequest", "", fault.Invalid},
	{400, "InvalidParameter", "A parameter is invalid.", fault.Invalid},
	{400, "MissingParameter", "", fault.Invalid},
	{400, "InvalidParameter", "name already exists", fault.Conflict}, // of a secret version, as published by users
	{400, "LimitExceeded", "", fault.Full},
	{400, "QuotaExceeded", "", fault.Full},
	{400, "InvalidParameter", "Limit exceeded: 2 auth tokens", fault.Full},
	{400, "InvalidParameter", "Maximum number of auth tokens reached", fault.Full},
	{400, "RelatedResourceNotAuthorizedOrNotFound", "", fault.Absent},
	{401, "NotAuthenticated", "", fault.Denied},
	{401, "SomethingNew", "", fault.Denied},
	{403, "NotAllowed", "Please go to your home region IAD to execute CREATE, UPDATE and DELETE operations.",
		fault.Denied},
	{403, "NotAuthorized", "", fault.Denied},
	{403, "SignUpRequired", "", fault.Denied},
	{404, "NotAuthorizedOrNotFound", "", fault.Absent},
	{404, "NotFound", "", fault.Absent},
	{404, "InvalidParameter", "", fault.Absent},
	{404, "SomethingNew", "", fault.Unclear},
	{405, "MethodNotAllowed", "", fault.Invalid},
	{408, "RequestTimeout", "", fault.Unclear},
	{409, "Conflict", "", fault.Conflict},
	{409, "InvalidatedRetryToken", "", fault.Conflict},
	{409, "NotAuthorizedOrResourceAlreadyExists", "", fault.Conflict},
	{409, "ResourceAlreadyExists", "", fault.Conflict},
	{409, "IncorrectState", "The secret is UPDATING, not ACTIVE.", fault.Busy},
	{409, "LockConflict", "", fault.Busy},
	{409, "LimitExceeded", "", fault.Full},
	{409, "ApiKeyLimitExceeded", "", fault.Full},
	{412, "NoEtagMatch", "", fault.Conflict},
	{413, "RequestEntityTooLarge", "", fault.Invalid},
	{429, "TooManyRequests", "", fault.Throttled},
	{400, "RequestRateLimitExceeded", "", fault.Throttled}, // a rate is no slot
	{418, "SomethingNew", "", fault.Unclear},
	// it may have taken effect
	{500, "InternalServerError", "maximum quota limit of 3 has been reached", fault.Unclear},
	{501, "MethodNotImplemented", "", fault.Unclear},
	{503, "ServiceUnavailable", "", fault.Unclear},
	{599, "SomethingNew", "", fault.Unclear},

	// A tenancy with identity domains.
	{400, idcs, "You can not create ApiKey as maximum quota limit of 3 has been reached.", fault.Full},
	{400, idcs, "You can not create AuthToken as maximum quota limit of 2 has been reached", fault.Full},
	{400, idcs, "You can not create CustomerSecretKey as maximum quota limit of 10 has been reached.", fault.Full},
	{409, idcs, "The maximum quota has been reached", fault.Full},
	{401, idcs, "Client is unauthorized. null", fault.Unclear},
	{401, idcs, "", fault.Unclear},
	{401, idcs, "maximum quota limit of 3 has been reached", fault.Unclear},
	{400, idcs, "401-IdcsConversionError, Client is unauthorized. null", fault.Unclear},
	{400, idcs, "Client is unauthorized. null", fault.Unclear},
	{403, idcs, "Forbidden", fault.Denied},
	{404, idcs, "User not found", fault.Absent},
	{400, idcs, "Invalid public key header or footer.", fault.Invalid},
	{400, idcs, "The primary email must be specified.", fault.Invalid},
	{400, idcs, "Something new", fault.Invalid},
	{500, idcs, "Something new", fault.Unclear},
	{400, idcs, "Post request failed" + scimError("401", "Client is unauthorized. null", ""), fault.Unclear},
	{400, idcs, "Post request failed" + scimError("400", "You can not create ApiKey as maximum quota limit of 3 "+
		"has been reached.", "error.identity.quota"), fault.Full},
	{400, idcs, "Post request failed" + scimError("400", "Bad", "error.identity.user.invalidHeaderFooter"),
		fault.Invalid},
	{400, idcs, "Delete request failed" + scimError("404", "Resource not found", "error.common.resource.notFound"),
		fault.Absent},
	{400, idcs, "Get request failed" + scimError("429", "Too many", ""), fault.Throttled},
	{400, idcs, "Get request failed" + scimError("503", "Try later", ""), fault.Unclear},
	{400, idcs, "Patch request failed" + scimError("412", "Version", ""), fault.Conflict},
	{400, idcs, "Post request failed" + scimError("409", "Exists", "error.common.validation.uniqueness"),
		fault.Conflict},
	{400, idcs,
		`Post request failed{"schemas":["urn:ietf:params:scim:api:messages:2.0:Error"],"status":401,"detail":"cut of`,
		fault.Unclear},
}

func TestEachAnswerOfTheServicesHasItsClass(t *testing.T) {
	met := map[int]bool{}
	for _, c := range known {
		body := refusal(c.code, c.message)
		if got := oci.Refused(c.status, byOCI, body, true); got.Class != c.want || got.Status != c.status {
			t.Errorf("%d %s %q is %s, want %s", c.status, c.code, c.message, got.Class, c.want)
		}
		met[oci.RowOf(c.status, byOCI, body)] = true
	}
	if len(met) != oci.Rows || met[-1] {
		t.Errorf("%d of %d rows of the table were met", len(met), oci.Rows)
	}
	if n := oci.Unsourced(); n != 0 {
		t.Errorf("%d rows of the tables name no source", n)
	}
}

// mangled are ways in which the same answer may be written.
var mangled = []func(code, message string) (string, string){
	func(c, m string) (string, string) { return strings.ToLower(c), strings.ToLower(m) },
	func(c, m string) (string, string) { return strings.ToUpper(c), strings.ToUpper(m) },
	func(c, m string) (string, string) { return c, "  " + strings.ReplaceAll(m, " ", "\n\t ") + "\r\n" },
	func(c, m string) (string, string) { return c, strings.ReplaceAll(m, " ", "\u00a0") },
	func(c, m string) (string, string) { return c, strings.ReplaceAll(m, `"`, `\"`) },   // quoted once
	func(c, m string) (string, string) { return c, strings.ReplaceAll(m, `"`, `\\\"`) }, // and once more
	func(c, m string) (string, string) { return c, "Error: " + m + " (see the log)" },
	func(c, m string) (string, string) { return c, m + strings.Repeat(" x", 200) },
}

func TestAnAnswerHasTheSameClassHoweverItIsWritten(t *testing.T) {
	r := rand.New(rand.NewPCG(12, 5))
	n := 0
	for _, c := range known {
		for range 20 {
			code, message := c.code, c.message
			for _, i := range r.Perm(len(mangled))[:1+r.IntN(3)] {
				code, message = mangled[i](code, message)
			}
			body, err := json.Marshal(map[string]string{"code": code, "message": message, "originalMessage": message})
			if err != nil {
				t.Fatal(err)
			}
			if got := oci.Refused(c.status, byOCI, string(body), true); got.Class != c.want {
				t.Errorf("%d %s is %s, want %s", c.status, body, got.Class, c.want)
			}
			n++
		}
	}
	if n < 1000 {
		t.Errorf("%d answers were judged, want 1,000 or more", n)
	}
}

func TestAFullSlotIsKnownForEveryNumberAndKind(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 2))
	for range 500 {
		thing := []string{"ApiKey", "AuthToken", "CustomerSecretKey", "SmtpCredential",
			"OAuth2ClientCredential"}[r.IntN(5)]
		message := fmt.Sprintf("You can not create %s as maximum quota limit of %d has been reached.", thing,
			r.IntN(1_000_000))
		for _, body := range []string{refusal(idcs, message), refusal(idcs, "Post request failed"+
			scimError("400", message, "error.common.quota")), scimError("400", message, "")} {
			if got := oci.Refused(400, byOCI, body, true); got.Class != fault.Full {
				t.Errorf("%s is %s", body, got.Class)
			}
		}
	}
}

func TestAnErrorOfAnIdentityDomainItselfIsRead(t *testing.T) {
	for _, c := range []struct {
		status int
		body   string
		want   fault.Class
	}{
		{400, scimError("400", "Missing attribute", "error.common.validation.missingReqAttributes"), fault.Invalid},
		{400, scimError("400", "Missing attribute", ""), fault.Invalid},
		{401, scimError("401", "", ""), fault.Unclear},
		{404, scimError("404", "Not found", "error.common.resource.notFound"), fault.Absent},
		{404, scimError("404", "Not found", ""), fault.Absent},
		{403, scimError("403", "", ""), fault.Denied},
		{409, scimError("409", "", ""), fault.Conflict},
		{412, scimError("412", "", ""), fault.Conflict},
		{429, scimError("429", "", ""), fault.Throttled},
		{503, scimError("503", "", ""), fault.Unclear},
		{400, `{"schemas":["urn:ietf:params:scim:api:messages:2.0:Error"],"status":404}`, fault.Absent},
	} {
		if got := oci.Refused(c.status, byOCI, c.body, true); got.Class != c.want {
			t.Errorf("%d %s is %s, want %s", c.status, c.body, got.Class, c.want)
		}
	}
}

// foreign are bodies that no API of OCI returns.
var foreign = map[string]string{
	"nothing": "",
	"blanks":  " \r\n\t",
	"a page of a proxy": "<html><head><title>403 Forbidden</title></head><body>Access denied by " +
		"policy</body></html>",
	"a captive portal":        "<!DOCTYPE html>\n<html>Please log in. NotAuthorizedOrNotFound</html>",
	"a text":                  "Forbidden",
	"a text with our words":   `code: NotAuthorizedOrNotFound, message: maximum quota limit of 3 has been reached`,
	"an API gateway":          `{"code":403,"message":"Forbidden"}`,
	"another API gateway":     `{"message":"Forbidden"}`,
	"only a code":             `{"code":"NotAuthorizedOrNotFound"}`,
	"an empty code":           `{"code":"","message":"maximum quota limit of 3 has been reached"}`,
	"null":                    `{"code":null,"message":null}`,
	"a list":                  `[{"code":"NotAuthorizedOrNotFound","message":"x"}]`,
	"nested":                  `{"error":{"code":"NotAuthorizedOrNotFound","message":"x"}}`,
	"RFC 7807":                `{"type":"about:blank","title":"Forbidden","status":403}`,
	"Spring":                  `{"timestamp":1,"status":404,"error":"Not Found","path":"/"}`,
	"cut off":                 `{"code":"NotAuthorizedOrNotFound","message":"Authoriza`,
	"a registry":              `{"errors":[{"code":"DENIED","message":"denied"}]}`,
	"S3":                      `<?xml version="1.0"?><Error><Code>AccessDenied</Code><Message>m</Message></Error>`,
	"OAuth2":                  `{"error":"invalid_client","error_description":"Client is unauthorized. null"}`,
	"a byte order mark":       "\ufeff{}",
	"bytes":                   "\x00\x01\xff\xfe",
	"GraphQL":                 `{"errors":[]}`,
	"an OCI error with an id": `{"opc-request-id":"x","message":"no code"}`,
}

func TestAnAnswerThatIsNotOCIsDecidesNothing(t *testing.T) {
	for name, body := range foreign {
		for _, header := range []http.Header{byOCI, {}, {"Content-Type": {"text/html"}}} {
			for status := 300; status < 600; status++ {
				want := fault.Unclear
				if status == http.StatusTooManyRequests {
					want = fault.Throttled
				}
				got := oci.Refused(status, header, body, true)
				if got.Class != want {
					t.Fatalf("%s with %d is %s, want %s", name, status, got.Class, want)
				}
				if len(got.Message) > 200 || strings.Contains(got.Message, "quota") ||
					strings.Contains(got.Message, "Forbidden") {
					t.Fatalf("%s with %d: the error quotes it: %s", name, status, got.Message)
				}
			}
		}
	}
}

func TestAnAnswerInOCIsFormWithoutARequestIDDecidesNothing(t *testing.T) {
	for _, id := range []string{"", "two words", "<script>", strings.Repeat("a", 300)} {
		for _, c := range known {
			got := oci.Refused(c.status, http.Header{"Opc-Request-Id": {id}}, refusal(c.code, c.message), true)
			if got.Class != fault.Unclear && got.Class != fault.Throttled || got.RequestID != "" {
				t.Errorf("%d %s with the id %.20q is %s", c.status, c.code, id, got.Class)
			}
			if c.message != "" && strings.Contains(got.Message, c.message) {
				t.Errorf("%d %s with the id %.20q is quoted: %s", c.status, c.code, id, got.Message)
			}
		}
	}
}

func FuzzAnAnswerIsNeverASuccessAndNeverTooLong(f *testing.F) {
	for _, c := range known {
		f.Add(c.status, refusal(c.code, c.message), "request-1")
	}
	for _, body := range foreign {
		f.Add(403, body, "")
	}
	classes := map[fault.Class]bool{fault.Unclear: true, fault.Absent: true, fault.Denied: true, fault.Invalid: true,
		fault.Conflict: true,
		fault.Busy:     true, fault.Throttled: true, fault.Full: true}
	f.Fuzz(func(t *testing.T, status int, body, id string) {
		header := http.Header{}
		header.Set("Opc-Request-Id", id)
		got := oci.Refused(status, header, body, true)
		if !classes[got.Class] {
			t.Errorf("the class is %q", got.Class)
		}
		if text := got.Error(); len(text) > 900 || strings.ContainsAny(text, "\r\n") {
			t.Errorf("the error has %d bytes: %q", len(text), text)
		}
	})
}
