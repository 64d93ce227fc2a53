package cloudguard

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/phrase"
)

// The keys of the options.
const (
	keyRotate  = "rotate"
	keyReplace = "replace"
	keyGrace   = "grace"
	keyDryRun  = "dry_run"
)

// key is a key that a comment may have.
type key struct {
	name  string
	form  string                                           // how to write the pair, for messages
	read  func(value string) (v pairValue, problem string) // problem completes a sentence about the key
	role  credential.Role                                  // of the secret; "" for an option
	rule  Rule                                             // "" for a key that fits every rule
	thing string                                           // what the secret holds, for messages
}

// pairValue is the value of a pair. The key says which field has it.
type pairValue struct {
	id    OCID
	yes   bool
	grace time.Duration
}

// keys is the table of all keys, in the order in which they are printed.
var keys = sync.OnceValue(func() (all []key) {
	secret := func(name string, role credential.Role, rule Rule, thing string) {
		all = append(all, key{name, name + ":<OCID>", secretValue, role, rule, thing})
	}
	for _, k := range credential.Kinds() {
		parts := slices.Clone(k.Record().Parts)
		slices.SortStableFunc(parts, func(a, b credential.Part) int { return strings.Compare(a.Key, b.Key) })
		for _, p := range parts {
			secret(p.Key, p.Role, RuleOf(k), p.Thing)
		}
	}
	secret(credential.BundleKey, credential.RoleBundle, "", "bundle")
	return append(all,
		key{name: keyRotate, form: "rotate:yes or rotate:no", read: choiceValue},
		key{name: keyReplace, form: "replace:yes", read: choiceValue},
		key{name: keyGrace, form: "grace:72h, grace:3d or grace:0", read: graceValue},
		key{name: keyDryRun, form: "dry_run:yes", read: choiceValue})
})

// keyNamed returns the key with the exact name; a zero key if there is none.
func keyNamed(name string) key {
	for _, k := range keys() {
		if k.name == name {
			return k
		}
	}
	return key{}
}

// fits reports whether a comment on a problem of the rule may have the key.
func (k key) fits(rule Rule) bool { return k.rule == "" || k.rule == rule }

func secretValue(value string) (pairValue, string) {
	id, problem := readSecretOCID(value)
	return pairValue{id: id}, problem
}

func graceValue(value string) (pairValue, string) {
	d, err := parseGrace(value)
	if err != nil {
		return pairValue{}, err.Error()
	}
	return pairValue{grace: d}, ""
}

func choiceValue(value string) (pairValue, string) {
	switch asciiLower(value) {
	case "yes", "true":
		return pairValue{yes: true}, ""
	case "no", "false":
		return pairValue{}, ""
	case "":
		return pairValue{}, "has no value: write yes or no"
	}
	return pairValue{}, "must be yes or no"
}

const (
	separators = ",;\n"
	// quotes are what people leave around keys and values, such as the angle brackets of printed instructions.
	quotes  = "\"'`<>\u2018\u2019\u201c\u201d\u00ab\u00bb"
	bullets = "-*+#>\u2022\u00b7\u2013\u2014"
)

// reading is the state of parsing one comment.
type reading struct {
	rule   Rule
	faults []Fault
	values map[string][]pairValue // distinct values by key, in the order of the text
	spoilt map[string]bool        // keys of secrets with a refused value
	free   []string
	rest   strings.Builder // the text outside of pairs, with its separators
}

func (r *reading) fault(item, problem string) {
	r.faults = append(r.faults, Fault{Item: phrase.Excerpt(item), Problem: problem})
}

// understand parses a comment and checks its free text. Without faults the comment is understood completely.
func understand(rule Rule, text string) (Comment, []Fault) {
	r := parse(rule, text)
	return r.comment(), append(r.faults, checkText(rule, r.rest.String())...)
}

// parse splits a comment into pairs and free text, and checks the pairs.
func parse(rule Rule, text string) *reading {
	r := &reading{rule: rule, values: map[string][]pairValue{}, spoilt: map[string]bool{}}
	if len(text) > MaxComment {
		r.fault("the comment", fmt.Sprintf("is longer than %d bytes", MaxComment))
		return r
	}
	for _, line := range joinPairs(plain(text)) {
		for line += "\n"; line != ""; {
			end := strings.IndexAny(line, separators)
			r.item(line[:end])
			r.rest.WriteByte(line[end])
			line = line[end+1:]
		}
	}
	r.checkRepeated()
	r.checkShared()
	r.checkWhole()
	r.checkLoose()
	return r
}

func (r *reading) comment() Comment {
	yes := func(key string) bool { return slices.Contains(r.values[key], pairValue{yes: true}) }
	c := Comment{Free: r.free, Replace: yes(keyReplace), DryRun: yes(keyDryRun)}
	for _, k := range keys() {
		if len(r.values[k.name]) == 0 {
			continue
		}
		value := r.values[k.name][0]
		switch {
		case k.role != "":
			if c.Secrets == nil {
				c.Secrets = map[credential.Role]OCID{}
			}
			c.Secrets[k.role] = value.id
		case k.name == keyGrace:
			c.Grace = &value.grace
		case k.name == keyRotate:
			c.Rotate = &value.yes
		}
	}
	return c
}

// plain removes invisible characters and invalid UTF-8, and turns all white space into spaces and line feeds.
func plain(text string) string {
	text = strings.ReplaceAll(strings.ToValidUTF8(text, ""), "\r\n", "\n")
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n', r == '\r', r == '\v', r == '\f', r == '\u0085', r == '\u2028', r == '\u2029':
			return '\n'
		case invisible(r):
			return -1
		case unicode.IsSpace(r), unicode.IsControl(r):
			return ' '
		}
		return r
	}, text)
}

// joinPairs returns the lines of text that aren't blank. It joins two lines if they hold one pair.
func joinPairs(text string) []string {
	var lines []string
	for line := range strings.SplitSeq(text, "\n") {
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		if n := len(lines); n > 0 && onePair(lines[n-1], line) {
			lines[n-1] += " " + line
		} else {
			lines = append(lines, line)
		}
	}
	return lines
}

// onePair reports whether one line ends with a key and the next begins with its value. The colon may be on either line.
func onePair(before, after string) bool {
	name, rest := cutKey(strings.TrimSpace(before[strings.LastIndexAny(before, separators)+1:]))
	if strings.HasPrefix(after, ":") {
		return name != "" && rest == ""
	}
	next, _ := cutKey(after)
	return rest == ":" && next == ""
}

// cutKey cuts a key off the beginning of an item, with a bullet before it and quotes around it. The rest is empty or
// begins with the colon. Both results are "" if the item doesn't begin with a key.
func cutKey(item string) (name, rest string) {
	if bare := strings.TrimLeft(item, bullets); bare != item && strings.HasPrefix(bare, " ") {
		item = bare[1:]
	}
	item = strings.TrimLeft(item, quotes)
	for _, k := range keys() {
		n := len(k.name)
		if len(item) < n || asciiLower(item[:n]) != k.name {
			continue
		}
		rest = strings.TrimLeft(item[n:], quotes+" ")
		if rest == "" || rest[0] == ':' {
			return k.name, rest
		}
	}
	return "", ""
}

// item reads a pair or a piece of free text.
func (r *reading) item(text string) {
	item := strings.Join(strings.Fields(text), " ")
	name, value := cutKey(item)
	if value == "" { // at least the colon in a pair
		if item != "" {
			r.free = append(r.free, item)
		}
		r.rest.WriteString(text)
		return
	}
	k, value := keyNamed(name), unquote(value[1:])
	if !k.fits(r.rule) {
		r.fault(name, "does not belong to "+r.rule.noun()+": the keys are "+r.rule.keyList())
		return
	}
	v, problem := k.read(value)
	if problem != "" {
		r.fault(name, problem)
		for _, other := range keys() { // a comma may be missing before another key
			if k.role != "" && (other.name == name || strings.Contains(asciiLower(value), other.name)) {
				r.spoilt[other.name] = true
			}
		}
	} else if !slices.Contains(r.values[name], v) {
		r.values[name] = append(r.values[name], v)
	}
}

// unquote cuts spaces and quotes off both ends.
func unquote(s string) string { return strings.Trim(s, quotes+" ") }

// checkRepeated refuses a key with several values.
func (r *reading) checkRepeated() {
	for _, k := range keys() {
		if len(r.values[k.name]) > 1 {
			r.fault(k.name, "is given more than once, with different values: keep one")
		}
	}
}

// checkShared refuses one secret for two roles: the second value would overwrite the first.
func (r *reading) checkShared() {
	for i, a := range keys() {
		for _, b := range keys()[i+1:] {
			if b.role != "" && slices.ContainsFunc(r.values[a.name], func(id pairValue) bool {
				return slices.Contains(r.values[b.name], id)
			}) {
				r.fault(b.name, "names the same secret as "+a.name+": each needs a separate secret")
			}
		}
	}
}

// checkWhole refuses a part of the secrets that the rule's credentials need.
func (r *reading) checkWhole() {
	roles := r.rule.Roles()
	given := func(role credential.Role) bool { return len(r.values[role.Key()]) > 0 || r.spoilt[role.Key()] }
	if !slices.ContainsFunc(roles, given) {
		return
	}
	for _, role := range roles {
		if !given(role) {
			r.fault(role.Key(), "is missing: "+r.rule.noun()+" needs "+r.rule.keyList())
		}
	}
}

// checkLoose refuses the OCIDs of secrets in free text, unless a key names the same OCID.
func (r *reading) checkLoose() {
	for _, text := range r.free {
		named := sync.OnceValue(func() bool { return namesSecret(text) })
		for _, at := range secretOCID().FindAllStringIndex(asciiLower(text), -1) {
			found := text[at[0]:at[1]]
			id, problem := readSecretOCID(strings.TrimRight(found, "."))
			if problem != "" {
				r.fault("the text", problem)
			} else if !r.claimed(id) && !named() { // checkText refuses a misspelt key
				r.fault(found, "has no key: which secret is it? Write its key and a colon before it")
			}
		}
	}
}

func (r *reading) claimed(id OCID) bool {
	named := func(k key) bool { return slices.Contains(r.values[k.name], pairValue{id: id}) }
	return slices.ContainsFunc(keys(), named)
}

// keyList names the keys of secrets that fit the rule.
func (r Rule) keyList() string {
	var names []string
	for _, role := range r.Roles() {
		names = append(names, role.Key())
	}
	list := strings.Join(names, " and ")
	if len(names) > 1 {
		list += ","
	}
	return list + " or " + credential.BundleKey
}
