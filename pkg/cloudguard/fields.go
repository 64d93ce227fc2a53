package cloudguard

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strings"
)

// FormatError is one fault of an event or a record.
type FormatError struct {
	// Field is the JSON path, such as "data.additionalDetails.resourceId", or "the event".
	Field string
	// Problem completes the sentence that Field begins: "must be an object, is an array".
	Problem string
	// Remedy says how to fix it.
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

// object is one level of the event. A nil object has no fields.
type object map[string]json.RawMessage

// child returns the object under the key; nil if there is none. It also reads an object from a string of JSON.
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

// text reads a value as one trimmed string. A number or a boolean gives its literal. The elements of an array are
// joined by ", ", as Cloud Guard joins the labels of a problem. Anything else gives "".
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
			if kindOf(item) == "an array" { // nested arrays would take quadratic time
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

// raw returns the value of the field whose name is key, apart from case, spaces and punctuation; nil if there is none.
// It prefers the exact name.
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

// foldKey keeps only the letters and digits of a name, in lower case, because people and programs write the rest
// differently.
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
