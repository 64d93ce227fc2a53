package preflight

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/keyturn/keyturn/pkg/phrase"
)

// Request is an invocation that requests a preflight.
type Request struct {
	Mail  bool   // send one test mail
	Fault *Check // what is wrong with the request; then nothing is checked
}

const (
	keyword = "keyturn"
	// typed is the length up to which a body may be written by a person. Wrong capitals are then found too.
	typed = 1 << 10
)

// Asked reports whether a body requests a preflight: whether it has the field keyturn, which no event has at its top
// level. Other bodies cost one search. A body that contains the keyword and is not a JSON object, or has a malformed
// field, is a request with a Fault, so that it starts nothing else.
func Asked(body []byte) (Request, bool) {
	look := body
	if len(body) <= typed {
		look = bytes.ToLower(body)
	}
	if !bytes.Contains(look, []byte(`"`+keyword+`"`)) {
		return Request{}, false
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(body, &fields); err != nil {
		return faulty("the body is not a JSON object"), true
	}
	for key := range fields {
		if strings.EqualFold(key, keyword) {
			return read(fields), true
		}
	}
	return Request{}, false
}

func read(fields map[string]json.RawMessage) (r Request) {
	var wrong []string
	for _, key := range slices.Sorted(maps.Keys(fields)) {
		var text string // stays empty for another type
		_ = json.Unmarshal(fields[key], &text)
		shown := phrase.Excerpt(string(fields[key]))
		switch {
		case key == keyword && text == "preflight", key == "mail" && text == "no":
		case key == keyword:
			wrong = append(wrong, fmt.Sprintf("%s is %s, not %q", key, shown, "preflight"))
		case key == "mail" && text == "yes":
			r.Mail = true
		case key == "mail":
			wrong = append(wrong, fmt.Sprintf(`mail is %s, neither "yes" nor "no"`, shown))
		default:
			wrong = append(wrong, phrase.Excerpt(key)+" is not a field of a preflight")
		}
	}
	if len(wrong) > 0 {
		return faulty(strings.Join(wrong, "; "))
	}
	return r
}

func faulty(found string) Request {
	return Request{Fault: &Check{Check: checkRequest, Result: Failed, Found: found + "; nothing was checked or started",
		Remedy: `send {"keyturn":"preflight"}, or {"keyturn":"preflight","mail":"yes"}`}}
}
