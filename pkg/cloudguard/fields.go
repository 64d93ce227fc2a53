package cloudguard

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strings"
)

// FormatError says one thing that is wrong with an event or a record, and its remedy.
type FormatError struct {
	// Field is the JSON path, such as "data.additionalDetails.resourceId", or
	// "the event" for the whole.
	Field string
	// Problem completes the sentence that Field begins: "must be an object, is
	// an array".
	Problem string
	// Remedy says what to do about it.
	Remedy string
}

// Error gives the field, the problem and the remedy in one line.
func (e *FormatError) Error() string {
	return e.Field + " " + e.Problem + ": " + e.Remedy
}

const (
	wholeEvent  = "the event"
	remedyWhole = `send the event as OCI Events delivers it, {"eventType":"com.oraclecloud.cloudguard.problemremediated","data":{...},...}`
)

// object is one level of the event. A nil map is an object that the event doesn't have: every field of it is absent.
type object map[string]json.RawMessage

// child returns the object under the key; an empty one if it is absent or anything else. A string that holds an object
// in JSON is read as that object.
func (o object) child(key string) object {
	raw := o.raw(key)
	if kindOf(raw) == "a string" {
		raw = json.RawMessage(text(raw))
	}
	var c object
	if json.Unmarshal(raw, &c) != nil {
		return nil
	}
	return c
}

// text returns the string under the key, trimmed; see the function text.
func (o object) text(key string) string { return text(o.raw(key)) }

// texts returns all fields as strings.
func (o object) texts() map[string]string {
	all := make(map[string]string, len(o))
	for key, raw := range o {
		all[key] = text(raw)
	}
	return all
}

// text reads a value as one trimmed string. A number or a boolean gives its literal, because nothing is lost by it; of
// an array the elements are joined by ", ", as Cloud Guard joins the labels of a problem. Anything else gives "".
func text(raw json.RawMessage) string {
	switch kindOf(raw) {
	case "a string":
		var s string
		if json.Unmarshal(raw, &s) == nil {
			return trim(s)
		}
	case "a number", "a boolean":
		return string(bytes.TrimSpace(raw))
	case "an array":
		var items []json.RawMessage
		if json.Unmarshal(raw, &items) != nil {
			return ""
		}
		var texts []string
		for _, item := range items {
			if kindOf(item) == "an array" { // nested ones could cost as much as the square of their depth
				continue
			}
			if t := text(item); t != "" {
				texts = append(texts, t)
			}
		}
		return strings.Join(texts, ", ")
	}
	return ""
}

// raw returns the value of the field that is spelt like key, apart from case, blanks and punctuation. The exact
// spelling wins over others; nil if there is none.
func (o object) raw(key string) json.RawMessage {
	if raw, ok := o[key]; ok {
		return raw
	}
	for _, other := range slices.Sorted(maps.Keys(o)) {
		if foldKey(other) == foldKey(key) {
			return o[other]
		}
	}
	return nil
}

// foldKey is a key or a rule's name without everything that people and programs write differently: only its letters and
// digits are left, in lower case.
func foldKey(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, asciiLower(s))
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
