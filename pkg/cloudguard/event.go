package cloudguard

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// MaxEventBytes is the longest event that [ParseEvent] reads: the limit of OCI
// Functions for the body of a request (6 MB). Whoever reads the body should stop
// one byte after it.
const MaxEventBytes = 6 << 20

// TypeRemediated is the type of the event that Cloud Guard emits when a problem
// is closed as resolved.
const TypeRemediated = "com.oraclecloud.cloudguard.problemremediated"

// Event is what one Cloud Guard event says. Every string is trimmed; a field
// that the event doesn't have is "". OCIDs that are well-formed are in lower
// case. Nothing in it has been checked against Cloud Guard.
type Event struct {
	Type        string    // eventType
	TypeVersion string    // eventTypeVersion, such as "2.0"
	ID          string    // eventID, a UUID
	Source      string    // source
	Time        time.Time // eventTime; zero if absent or malformed
	Status      string    // the problem's status at the time, such as "RESOLVED"
	// Rule is the detector rule id (problemName); for events that have none, it
	// is taken from the display name.
	Rule         Rule
	ProblemID    string // the problem's OCID (data.resourceId)
	ProblemName  string // the problem's display name (data.resourceName)
	ResourceID   string // the credential; its form depends on the rule
	ResourceName string // the credential's name; free text
	ResourceType string // such as "User"
	RiskLevel    string // upper case, such as "MEDIUM"
	// User is the OCID of the credential's user. If the event doesn't name it
	// apart, it is taken from the ResourceID of an API key or a password.
	User      string
	Comment   string // the closure comment, as it was typed
	TenancyID string // OCID of the tenancy
	Region    string // long name of the region, such as "us-ashburn-1"
	// HasComment tells an event with an empty comment from one without any.
	HasComment bool
}

// ParseEvent reads one event, as OCI Events hands it to a function.
//
// It is tolerant, because no sample of a remediated problem of the four rules
// has been published: any field may be absent or null, values may have blanks
// around them, a number or boolean is taken by its literal where a string is
// usual, labels may be a string or an array, dates may be malformed, unknown
// fields are ignored, and of a key given twice the last one counts.
//
// It fails with a [*FormatError] if the body is empty, longer than
// [MaxEventBytes], not UTF-8, not one JSON object, or has an object or a list
// where a field needs something else.
func ParseEvent(b []byte) (Event, error) {
	root, err := parseObject(b)
	if err != nil {
		return Event{}, err
	}
	data, err := root.child("data")
	if err != nil {
		return Event{}, err
	}
	details, err := data.child("additionalDetails")
	if err != nil {
		return Event{}, err
	}
	more, err := details.child("problemAdditionalDetails")
	if err != nil {
		return Event{}, err
	}

	var e Event
	var eventTime, problemName, compartment string
	for _, f := range []struct {
		to   *string
		from object
		key  string
	}{
		{&e.Type, root, "eventType"},
		{&e.TypeVersion, root, "eventTypeVersion"},
		{&e.ID, root, "eventID"},
		{&e.Source, root, "source"},
		{&eventTime, root, "eventTime"},
		{&e.ProblemID, data, "resourceId"},
		{&e.ProblemName, data, "resourceName"},
		{&compartment, data, "compartmentId"},
		{&e.Status, details, "status"},
		{&problemName, details, "problemName"},
		{&e.ResourceID, details, "resourceId"},
		{&e.ResourceName, details, "resourceName"},
		{&e.ResourceType, details, "resourceType"},
		{&e.RiskLevel, details, "riskLevel"},
		{&e.TenancyID, details, "tenantId"},
		{&e.Region, details, "region"},
	} {
		if *f.to, err = f.from.text(f.key); err != nil {
			return Event{}, err
		}
	}
	if key, ok := more.find("User OCID"); ok {
		if e.User, err = more.text(key); err != nil {
			return Event{}, err
		}
	}
	// The event's key is "comments"; the API calls the same thing "comment".
	if key, ok := more.find("comments", "comment"); ok && kindOf(more.fields[key]) != "null" {
		e.HasComment = true
		if e.Comment, err = more.textOrList(key); err != nil {
			return Event{}, err
		}
	}
	e.settle(eventTime, problemName, compartment)
	return e, nil
}

// settle brings the fields into one spelling and fills what can be known from
// others.
func (e *Event) settle(eventTime, problemName, compartment string) {
	if t, err := time.Parse(time.RFC3339, eventTime); err == nil {
		e.Time = t
	}
	e.Rule = ruleOf(problemName, e.ProblemName)
	e.RiskLevel = strings.ToUpper(e.RiskLevel)
	e.ProblemID = lowerOCID(e.ProblemID)
	e.User = lowerOCID(e.User)
	if e.User == "" {
		e.User = e.resourceUser()
	}
	if e.TenancyID == "" && OCID(asciiLower(compartment)).Type() == TypeTenancy {
		e.TenancyID = compartment
	}
	e.TenancyID = lowerOCID(e.TenancyID)
}

// resourceUser returns the user's OCID that stands in the ResourceID, or "".
func (e *Event) resourceUser() string {
	id := e.ResourceID
	switch e.Rule {
	case APIKeyTooOld:
		parts := strings.Split(id, "/")
		if len(parts) != 3 {
			return ""
		}
		id = parts[1]
	case PasswordTooOld:
	default:
		return ""
	}
	user, err := ParseOCID(id, TypeUser)
	if err != nil {
		return ""
	}
	return string(user)
}

func lowerOCID(s string) string {
	if o, err := ParseOCID(s); err == nil {
		return string(o)
	}
	return s
}

// parseObject reads the outermost object.
func parseObject(b []byte) (object, error) {
	fail := func(problem, mend string) (object, error) {
		return object{}, &FormatError{wholeEvent, problem, mend}
	}
	if len(b) > MaxEventBytes {
		return fail(fmt.Sprintf("is longer than %d bytes", MaxEventBytes), "send one event only")
	}
	if !utf8.Valid(b) {
		return fail("is not valid UTF-8", "send it as UTF-8 text")
	}
	b = bytes.TrimSpace(bytes.TrimPrefix(b, []byte("\ufeff")))
	if len(b) == 0 {
		return fail("is empty", mendWhole)
	}
	if !json.Valid(b) {
		return fail(syntaxProblem(b), mendWhole)
	}
	if k := kindOf(b); k != "an object" {
		return fail("must be a JSON object, is "+k, mendWhole)
	}
	o := object{}
	if err := json.Unmarshal(b, &o.fields); err != nil {
		return fail(fmt.Sprintf("cannot be read (%v)", err), mendWhole)
	}
	return o, nil
}

// syntaxProblem says where the JSON breaks. The offset is enough to find it;
// the text around it may be anything and isn't repeated.
func syntaxProblem(b []byte) string {
	var whole json.RawMessage
	err := json.Unmarshal(b, &whole)
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		return fmt.Sprintf("is not valid JSON (%v, at byte %d)", syntax, syntax.Offset)
	}
	return "is not valid JSON"
}
