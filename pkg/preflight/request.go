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

// Request is an invocation that is meant for the preflight.
type Request struct {
	Mail  bool   // send one test mail
	Fault *Check // what is wrong with the request; nothing is looked at then
}

const (
	keyword = "keyturn"
	word    = "preflight"
	example = `{"keyturn":"preflight"}, or {"keyturn":"preflight","mail":"yes"}`
)

// typed is how long a body may be that a person has typed: of these, misspelt capitals are seen as well.
const typed = 1 << 10

// Asked tells whether a body is meant for the preflight: whether it has the field keyturn, which no event has at its
// top. A body without that word is let through after one look at its bytes. Whatever has the word and is not an object
// without the field is a request too, with the fault named: nothing else may be begun by it.
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
	if !slices.ContainsFunc(slices.Collect(maps.Keys(fields)), func(k string) bool {
		return strings.EqualFold(k, keyword)
	}) {
		return Request{}, false
	}
	return read(fields), true
}

func read(fields map[string]json.RawMessage) Request {
	var r Request
	var wrong []string
	for _, key := range slices.Sorted(maps.Keys(fields)) {
		var value string
		text := json.Unmarshal(fields[key], &value) == nil
		switch {
		case key == keyword && text && value == word:
		case key == keyword:
			wrong = append(wrong, fmt.Sprintf("%s is %s, not %q", key, phrase.Excerpt(string(fields[key])), word))
		case key == "mail" && text && (value == "yes" || value == "no"):
			r.Mail = value == "yes"
		case key == "mail":
			wrong = append(wrong, fmt.Sprintf(`mail is %s, neither "yes" nor "no"`,
				phrase.Excerpt(string(fields[key]))))
		default:
			wrong = append(wrong, fmt.Sprintf("%s is not a field of a preflight", phrase.Excerpt(key)))
		}
	}
	if len(wrong) > 0 {
		return faulty(strings.Join(wrong, "; "))
	}
	return r
}

func faulty(found string) Request {
	return Request{Fault: &Check{Check: checkRequest, Result: Failed, Found: found + "; nothing was looked at, and " +
		"nothing begun", Remedy: "send " + example}}
}
