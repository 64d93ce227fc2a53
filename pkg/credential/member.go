package credential

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
)

// Users keep their own data in the JSON objects that Keyturn writes to: the metadata of a secret, and a bundle.
// Decoding it into Go values would change it: a number beyond 2^53 loses digits, 1e400 can't be decoded, 1.0 becomes 1.
// So WithText changes one member of the text and copies every other byte.

// ErrNotAnObject says that a text is not a JSON object, or that its member is not a string.
var ErrNotAnObject = errors.New("it is not a JSON object of which one member can be changed")

// member is one member of the object: its key, and the position of its value in the text.
type member struct {
	key        string
	start, end int
}

// TextOf returns the member of the object with the key, which must be a string. It returns "" if the member is missing
// or null.
func TextOf(object []byte, key string) (string, error) {
	members, err := membersOf(object)
	if err != nil {
		return "", err
	}
	text := ""
	for _, one := range members { // the last of several counts, as in most JSON decoders
		if one.key != key {
			continue
		}
		text = ""
		if err := json.Unmarshal(object[one.start:one.end], &text); err != nil {
			return "", fmt.Errorf("%w: its member %q is not a text", ErrNotAnObject, key)
		}
	}
	return text, nil
}

// WithText returns the object with the text as its member of that key. All other bytes stay the same. An empty object
// text and null count as an object without members.
func WithText(object []byte, key, text string) ([]byte, error) {
	members, err := membersOf(object)
	if err != nil {
		return nil, err
	}
	value, err := marshal(text)
	if err != nil {
		return nil, fmt.Errorf("encoding the member %q: %w", key, err)
	}
	name, err := marshal(key)
	if err != nil {
		return nil, fmt.Errorf("encoding the name %q: %w", key, err)
	}
	if len(members) == 0 {
		return slices.Concat([]byte("{"), name, []byte(":"), value, []byte("}")), nil
	}
	out, found := slices.Clone(object), false
	for _, one := range slices.Backward(members) { // from the end, so that earlier positions stay valid
		if one.key == key {
			out, found = slices.Concat(out[:one.start], value, out[one.end:]), true
		}
	}
	if !found {
		last := members[len(members)-1].end
		out = slices.Concat(out[:last], []byte(","), name, []byte(":"), value, out[last:])
	}
	return out, nil
}

// marshal encodes a text. Users copy tokens from the document, so "<" must not become "\u003c".
func marshal(text string) ([]byte, error) {
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	err := e.Encode(text)
	return bytes.TrimSuffix(out.Bytes(), []byte("\n")), err
}

// membersOf finds the members of the object. An empty text and null have none.
func membersOf(m []byte) ([]member, error) {
	if text := bytes.TrimSpace(m); len(text) == 0 || string(text) == "null" {
		return nil, nil
	}
	d := json.NewDecoder(bytes.NewReader(m))
	d.UseNumber()
	if first, err := d.Token(); err != nil || first != json.Delim('{') {
		return nil, ErrNotAnObject
	}
	var found []member
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return nil, ErrNotAnObject
		}
		var value json.RawMessage
		if d.Decode(&value) != nil {
			return nil, ErrNotAnObject
		}
		end := int(d.InputOffset())
		name, ok := key.(string)
		if start := end - len(value); ok && start > 0 && bytes.Equal(m[start:end], value) {
			found = append(found, member{name, start, end})
			continue
		}
		return nil, ErrNotAnObject
	}
	if _, err := d.Token(); err != nil { // the closing brace
		return nil, ErrNotAnObject
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, ErrNotAnObject
	}
	return found, nil
}
