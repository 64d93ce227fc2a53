package oci

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// form is the format of an answer. It shows which program answered: an OCI service, or a proxy, a gateway or a captive
// portal.
type form string

const (
	formOCI      form = "OCI's own"              // JSON with code and message, as every OCI API documents it
	formSCIM     form = "SCIM"                   // an identity domain's own error (RFC 7644, 3.12)
	formRegistry form = "a container registry's" // JSON with errors (OCI Distribution Specification, "Error Codes")
	formS3       form = "S3's"                   // XML with an Error (Amazon S3, "Error responses")
	formPage     form = "a web page"
	formEmpty    form = "an empty body"
	formOther    form = "in no form of OCI's"
)

// failure is an HTTP answer that is not a success, as far as it can be read.
type failure struct {
	http      int // HTTP status
	status    int // status of the SCIM error that the message embeds, else the HTTP status; the classes use it
	form      form
	code      string // "" if the form has none
	message   string // the service's text; it may quote the request
	requestID string // opc-request-id; "" if it is missing or malformed
}

// genuine reports whether the answer is from an OCI API: in OCI's form or SCIM's, with a request id.
func (a failure) genuine() bool {
	return (a.form == formOCI || a.form == formSCIM) && a.requestID != ""
}

// maxAnswer is how many bytes of an answer are read. OCI's errors have less than 4 KB.
const maxAnswer = 64 << 10

// readResponse reads an answer, and restores its body for the SDK.
func readResponse(r *http.Response) failure {
	body, _ := io.ReadAll(io.LimitReader(r.Body, maxAnswer)) // an incomplete body has the form formOther
	r.Body = struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bytes.NewReader(body), r.Body), r.Body}
	return readFailure(r.StatusCode, r.Header, body)
}

// readFailure reads an answer.
func readFailure(status int, header http.Header, text []byte) failure {
	a := failure{http: status, status: status, requestID: header.Get("Opc-Request-Id")}
	if len(a.requestID) > 256 || !plainID.MatchString(a.requestID) {
		a.requestID = ""
	}
	b := readBody(text)
	a.form, a.code, a.message = b.form, b.code, b.message
	if strings.EqualFold(a.code, idcsConversion) {
		b.status = embeddedStatus(a.message)
	}
	if b.status != 0 {
		a.status = b.status
	}
	return a
}

// plainID matches request ids: hexadecimal parts between slashes.
var plainID = regexp.MustCompile(`^[A-Za-z0-9/._:-]+$`) // without a length, which would be slow to compile

// body is the content of an answer.
type body struct {
	form          form
	status        int // of a SCIM error; 0 elsewhere
	code, message string
}

func readBody(all []byte) body {
	text := bytes.TrimSpace(all)
	if len(text) == 0 {
		return body{form: formEmpty}
	}
	var service struct{ Code, Message *string }
	if json.Unmarshal(text, &service) == nil && service.Code != nil && *service.Code != "" && service.Message != nil {
		return body{formOCI, 0, *service.Code, *service.Message}
	}
	if status, id, detail, ok := readSCIM(text); ok {
		return body{formSCIM, status, id, detail}
	}
	var registry struct {
		Errors []struct{ Code, Message string }
	}
	if json.Unmarshal(text, &registry) == nil && len(registry.Errors) > 0 {
		if first := registry.Errors[0]; first.Code+first.Message != "" {
			return body{formRegistry, 0, first.Code, first.Message}
		}
	}
	var s3 struct {
		XMLName       xml.Name
		Code, Message string
	}
	if xml.Unmarshal(text, &s3) == nil && s3.XMLName.Local == "Error" && s3.Code != "" {
		return body{formS3, 0, s3.Code, s3.Message}
	}
	if text[0] == '<' {
		return body{form: formPage}
	}
	return body{form: formOther}
}

// readSCIM reads a SCIM error. The extension with the messageId may be missing.
func readSCIM(text []byte) (status int, messageID, detail string, ok bool) {
	var all map[string]json.RawMessage
	var head struct {
		Schemas []string
		Detail  string
	}
	if json.Unmarshal(text, &all) != nil || json.Unmarshal(text, &head) != nil ||
		!slices.ContainsFunc(head.Schemas, func(s string) bool { return strings.HasSuffix(s, ":2.0:Error") }) {
		return 0, "", "", false
	}
	for key, v := range all {
		var extension struct{ MessageID string }
		if strings.HasPrefix(key, "urn:") && json.Unmarshal(v, &extension) == nil && extension.MessageID != "" {
			messageID = extension.MessageID
		}
	}
	return embeddedStatus(string(text)), messageID, head.Detail, true
}

// idcsConversion is the code with which the classic IAM API passes on the refusal of an identity domain. The message
// has the domain's reason: a plain text, or the whole SCIM error, quoted or cut off (chadgeary/cloudoffice#14).
const idcsConversion = "IdcsConversionError"

// statusKey finds the status of a SCIM error in a text: a JSON string, or a number in other versions.
var statusKey = regexp.MustCompile(`(?i)"status"\s*:\s*"?([1-5][0-9]{2})\b`)

// statusPrefix finds the status before the code in a refusal that was passed on more than once.
var statusPrefix = regexp.MustCompile(`(?i)\b([1-5][0-9]{2})-IdcsConversionError`)

// embeddedStatus is the status of the SCIM error in a message; 0 if there is none. If a refusal was passed on, the
// message has several: the last is the innermost one and has the reason.
func embeddedStatus(message string) int {
	plain := strings.ReplaceAll(message, `\`, "") // quotes are escaped once for each level of quoting
	for _, pattern := range []*regexp.Regexp{statusKey, statusPrefix} {
		if all := pattern.FindAllStringSubmatch(plain, -1); len(all) > 0 {
			n, _ := strconv.Atoi(all[len(all)-1][1]) // three digits
			return n
		}
	}
	return 0
}
