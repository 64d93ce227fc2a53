package cloudguard

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// MaxEventBytes is the length limit of an event for [ParseEvent]: the limit of OCI Functions for the body of a request
// (6 MB). A caller should stop reading the body one byte after it.
const MaxEventBytes = 6 << 20

// TypeRemediated is the type of the event that Cloud Guard emits when a problem is closed as resolved.
const TypeRemediated = "com.oraclecloud.cloudguard.problemremediated"

// Event is the content of one Cloud Guard event. Strings are trimmed. A field that is absent or isn't text is "".
// Nothing has been checked against Cloud Guard: an event is a hint, and only its ProblemID is required.
type Event struct {
	Type         string    // eventType
	TypeVersion  string    // eventTypeVersion, such as "2.0"
	Time         time.Time // eventTime; zero if absent or malformed
	Status       string    // the problem's status at the time, such as "RESOLVED"
	ProblemID    string    // the problem's OCID; see ParseEvent
	ProblemName  string    // the problem's display name (data.resourceName)
	ResourceID   string    // the credential; its form depends on the rule
	ResourceName string    // the credential's name; free text
	RiskLevel    string    // upper case, such as "MEDIUM"
	Comment      string    // the closure comment as typed
	TenancyID    string    // OCID of the tenancy
	Subject                // the owner and the credential
}

// ParseEvent reads one event as OCI Events delivers it to a function.
//
// It is tolerant, because no sample of a remediated problem of the four rules is published, and because Cloud Guard's
// own record has everything but the problem's OCID. Any field may be absent or of another type. Keys may have any
// spelling, values may have spaces around them, and dates may be malformed. Unknown fields are ignored, and the last of
// equal keys counts. If data.resourceId isn't the OCID of a problem, ParseEvent takes the only such OCID in the event.
//
// It returns a [*FormatError] if the body is empty, longer than [MaxEventBytes], not one JSON object, or neither UTF-8
// nor with the OCID of a problem. The Event then has only the ProblemID, if one can be found.
func ParseEvent(b []byte) (Event, error) {
	root, err := parseObject(b)
	if err != nil {
		return Event{ProblemID: onlyProblem(b)}, err
	}
	data := root.child("data")
	details := data.child("additionalDetails")
	more := details.child("problemAdditionalDetails")
	e := Event{
		Type:         root.text("eventType"),
		TypeVersion:  root.text("eventTypeVersion"),
		ProblemID:    data.text("resourceId"),
		ProblemName:  data.text("resourceName"),
		Status:       details.text("status"),
		ResourceID:   details.text("resourceId"),
		ResourceName: details.text("resourceName"),
		RiskLevel:    strings.ToUpper(details.text("riskLevel")),
		// The event's key is "comments"; the API calls the same thing "comment".
		Comment: cmp.Or(more.text("comments"), more.text("comment")),
	}
	if t, err := time.Parse(time.RFC3339, root.text("eventTime")); err == nil {
		e.Time = t
	}
	for _, id := range []string{details.text("tenantId"), data.text("compartmentId")} {
		if tenancy, err := ParseOCID(id, TypeTenancy); err == nil && e.TenancyID == "" {
			e.TenancyID = string(tenancy)
		}
	}
	if id, err := ParseOCID(e.ProblemID, TypeProblem); err == nil {
		e.ProblemID = string(id)
	} else {
		e.ProblemID = cmp.Or(onlyProblem(b), e.ProblemID)
	}
	rule := ruleOf(details.text("problemName"), e.ProblemName)
	e.Subject = readSubject(rule, e.ResourceID, e.ResourceName, more.texts(), fromEvent)
	if !utf8.Valid(b) && e.Validate() != nil {
		return Event{}, &FormatError{wholeEvent, "is not valid UTF-8", "send it as UTF-8 text"}
	}
	return e, nil
}

// onlyProblem returns the only OCID of a problem that the text has in quotes; "" for none or several. The closing quote
// shows that the OCID isn't cut short. It is escaped if the event is a string in another event.
func onlyProblem(text []byte) string {
	closed := text[:max(bytes.LastIndexAny(text, `"'`), 0)]
	var found OCID
	for quoted := range bytes.FieldsFuncSeq(closed, func(r rune) bool { return r == '"' || r == '\'' || r == '\\' }) {
		if len(quoted) > 2*maxOCID {
			continue
		}
		id, err := ParseOCID(string(quoted), TypeProblem)
		if err != nil {
			continue
		}
		if found != "" && found != id {
			return ""
		}
		found = id
	}
	return string(found)
}

// parseObject reads the outermost object.
func parseObject(b []byte) (object, error) {
	fail := func(problem, remedy string) (object, error) {
		return nil, &FormatError{wholeEvent, problem, remedy}
	}
	if len(b) > MaxEventBytes {
		return fail(fmt.Sprintf("is longer than %d bytes", MaxEventBytes), "send one event only")
	}
	b = bytes.TrimSpace(bytes.TrimPrefix(b, []byte("\ufeff")))
	if len(b) == 0 {
		return fail("is empty", remedyWhole)
	}
	if !json.Valid(b) {
		return fail(syntaxProblem(b), remedyWhole)
	}
	if k := kindOf(b); k != "an object" {
		return fail("must be a JSON object, is "+k, remedyWhole)
	}
	var o object
	if err := json.Unmarshal(b, &o); err != nil {
		return fail(fmt.Sprintf("cannot be read (%v)", err), remedyWhole)
	}
	return o, nil
}

// syntaxProblem says where the JSON is invalid, by its offset. It doesn't repeat the text, which may be a secret.
func syntaxProblem(b []byte) string {
	var whole json.RawMessage
	err := json.Unmarshal(b, &whole)
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		return fmt.Sprintf("is not valid JSON (%v, at byte %d)", syntax, syntax.Offset)
	}
	return "is not valid JSON"
}
