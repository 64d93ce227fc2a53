package cloudguard

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// FormatError tells one thing that is wrong with an event, and its mend.
type FormatError struct {
	// Field is the JSON path, such as "data.additionalDetails.resourceId", or
	// "the event" for the whole.
	Field string
	// Problem completes the sentence that Field begins: "must be an object, is
	// an array".
	Problem string
	// Mend says what to send instead.
	Mend string
}

// Error gives the field, the problem and the mend in one line.
func (e *FormatError) Error() string {
	return e.Field + " " + e.Problem + ": " + e.Mend
}

const (
	wholeEvent = "the event"
	mendWhole  = `send the event as OCI Events delivers it, {"eventType":"com.oraclecloud.cloudguard.problemremediated","data":{...},...}`
)

// object is one level of the event with its path. A nil map is an object that
// the event doesn't have: every field of it is absent.
type object struct {
	path   string
	fields map[string]json.RawMessage
}

func (o object) at(key string) string {
	if o.path == "" {
		return key
	}
	return o.path + "." + key
}

// child returns the object under key; absent and null give an empty one.
func (o object) child(key string) (object, error) {
	c := object{path: o.at(key)}
	raw, ok := o.fields[key]
	if !ok || kindOf(raw) == "null" {
		return c, nil
	}
	if k := kindOf(raw); k != "an object" {
		return c, &FormatError{c.path, "must be an object, is " + k, mendWhole}
	}
	if err := json.Unmarshal(raw, &c.fields); err != nil {
		return c, &FormatError{c.path, fmt.Sprintf("cannot be read (%v)", err), mendWhole}
	}
	return c, nil
}

// text returns the trimmed string under key. Absent and null give ""; a number
// or a boolean gives its literal, because nothing is lost by it.
func (o object) text(key string) (string, error) {
	raw, ok := o.fields[key]
	if !ok {
		return "", nil
	}
	switch k := kindOf(raw); k {
	case "null":
		return "", nil
	case "a string":
		var s string
		if err := json.Unmarshal(raw, &s); err != nil {
			return "", &FormatError{o.at(key), fmt.Sprintf("cannot be read (%v)", err), mendWhole}
		}
		return trim(s), nil
	case "a number", "a boolean":
		return string(bytes.TrimSpace(raw)), nil
	default:
		return "", &FormatError{o.at(key), "must be a string, is " + k, "send it as one string in double quotes"}
	}
}

// textOrList is text for a field that may also come as an array of strings; the
// elements are joined by ", ", as Cloud Guard joins the labels of a problem.
func (o object) textOrList(key string) (string, error) {
	raw, ok := o.fields[key]
	if !ok || kindOf(raw) != "an array" {
		return o.text(key)
	}
	var items []json.RawMessage
	if err := json.Unmarshal(raw, &items); err != nil {
		return "", &FormatError{o.at(key), fmt.Sprintf("cannot be read (%v)", err), mendWhole}
	}
	var texts []string
	for i, item := range items {
		name := fmt.Sprintf("%s[%d]", key, i)
		t, err := object{o.path, map[string]json.RawMessage{name: item}}.text(name)
		if err != nil {
			return "", err
		}
		if t != "" {
			texts = append(texts, t)
		}
	}
	return strings.Join(texts, ", "), nil
}

// find returns the key of o that is spelt like one of names, apart from case,
// blanks, '_' and '-'. Earlier names win; the exact spelling wins over others.
func (o object) find(names ...string) (string, bool) {
	for _, name := range names {
		if _, ok := o.fields[name]; ok {
			return name, true
		}
		for _, key := range slices.Sorted(maps.Keys(o.fields)) {
			if foldKey(key) == foldKey(name) {
				return key, true
			}
		}
	}
	return "", false
}

func foldKey(s string) string {
	return strings.Map(func(r rune) rune {
		if r == ' ' || r == '_' || r == '-' {
			return -1
		}
		return r
	}, asciiLower(trim(s)))
}

// kindOf names the JSON type of a value that is known to be valid JSON.
func kindOf(raw json.RawMessage) string {
	raw = bytes.TrimSpace(raw)
	if len(raw) == 0 {
		return "nothing"
	}
	switch raw[0] {
	case '{':
		return "an object"
	case '[':
		return "an array"
	case '"':
		return "a string"
	case 't', 'f':
		return "a boolean"
	case 'n':
		return "null"
	default:
		return "a number"
	}
}
