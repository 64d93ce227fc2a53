package cloudguard

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/phrase"
)

// quotes are what people leave around keys and values, the angle brackets of
// printed instructions included.
const quotes = "\"'`<>\u2018\u2019\u201c\u201d\u00ab\u00bb"

var (
	// pairForm matches an item that is a known key with its colon, after a bullet.
	pairForm = lazily(func() string {
		return `^(?:[-*+#>` + "\u2022\u00b7\u2013\u2014" + `]+ )?[` + quotes + `]*(` + keyNames() + `)[` + quotes +
			` ]*:`
	})
	// keyForm matches an item that is a known key and nothing else.
	keyForm = lazily(func() string {
		return `^(?:[-*+#>` + "\u2022\u00b7\u2013\u2014" + `]+ )?[` + quotes + `]*(` + keyNames() + `)[` + quotes +
			` ]*$`
	})
	// secretOCID matches what begins like the OCID of a Vault secret.
	secretOCID = lazily(func() string { return anyCase("ocid1") + `\.` + anyCase("vaultsecret") + `\.[A-Za-z0-9._-]*` })
)

func keyNames() string {
	var names []string
	for _, k := range secretKeys() {
		names = append(names, anyCase(k.name))
	}
	for _, option := range []string{keyRotate, keyReplace, keyGrace, keyDryRun} {
		names = append(names, anyCase(option))
	}
	return strings.Join(names, "|")
}

// anyCase returns a pattern for word in any case. It is not (?i), which also
// matches the long s and the Kelvin sign, letters that asciiLower leaves alone.
func anyCase(word string) string {
	var b strings.Builder
	for _, r := range word {
		if unicode.IsLetter(r) {
			b.WriteString("[" + string(r) + string(unicode.ToUpper(r)) + "]")
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// reading is the state of reading one comment.
type reading struct {
	rule    Rule
	faults  []Fault
	claims  map[credential.Role][]OCID // distinct values by role, in the order of the text
	rotate  []bool                     // distinct values
	replace []bool
	dryRun  []bool
	grace   []time.Duration
	spoilt  map[string]bool // keys of secrets with a value that was refused
	free    []string
	rest    strings.Builder // the text that is in no pair, with its separators
}

func (r *reading) fault(item, problem string) {
	r.faults = append(r.faults, Fault{Item: phrase.Excerpt(item), Problem: problem})
}

// parse is the strict reading. Faults are all that is wrong; without any the
// comment is complete.
func parse(rule Rule, text string) (Comment, []Fault) {
	r := &reading{rule: rule, claims: map[credential.Role][]OCID{}, spoilt: map[string]bool{}}
	if len(text) > MaxComment {
		r.fault("the comment", fmt.Sprintf("is longer than %d bytes", MaxComment))
		return Comment{}, r.faults
	}
	for _, line := range joinPairs(plain(text)) {
		for line != "" {
			item, separator := line, "\n"
			if i := strings.IndexFunc(line, isSeparator); i >= 0 {
				item, separator = line[:i], line[i:i+1]
			}
			line = line[min(len(line), len(item)+1):]
			if !r.item(strings.Join(strings.Fields(item), " ")) {
				r.rest.WriteString(item)
			}
			r.rest.WriteString(separator)
		}
	}
	r.checkRepeated()
	r.checkShared()
	r.checkWhole()
	r.checkLoose()
	r.faults = append(r.faults, checkText(rule, r.rest.String())...)
	return r.comment(), r.faults
}

func (r *reading) comment() Comment {
	c := Comment{Free: r.free, Replace: slices.Contains(r.replace, true), DryRun: slices.Contains(r.dryRun, true)}
	for role, ids := range r.claims {
		if c.Secrets == nil {
			c.Secrets = map[credential.Role]OCID{}
		}
		c.Secrets[role] = ids[0]
	}
	if len(r.rotate) > 0 {
		c.Rotate = &r.rotate[0]
	}
	if len(r.grace) > 0 {
		c.Grace = &r.grace[0]
	}
	return c
}

func isSeparator(r rune) bool { return r == ',' || r == ';' }

// plain drops invisible characters and bytes that aren't UTF-8, and leaves of all
// blanks only the space and the line feed.
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

// joinPairs cuts text into its lines, without blank ones, and joins two of them
// that have a known key and its value, with the colon at the end of the first or at
// the beginning of the second.
func joinPairs(text string) []string {
	var lines []string
	for line := range strings.SplitSeq(text, "\n") {
		if line = strings.TrimSpace(line); line == "" {
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

// onePair reports whether two lines hold one pair between them.
func onePair(before, after string) bool {
	last := strings.TrimSpace(before[strings.LastIndexFunc(before, isSeparator)+1:])
	if strings.HasPrefix(after, ":") {
		return keyForm().MatchString(last)
	}
	at := pairForm().FindStringIndex(last)
	return at != nil && at[1] == len(last) && !pairForm().MatchString(after) && !keyForm().MatchString(after)
}

// item reads one item, and reports whether it is a pair.
func (r *reading) item(text string) bool {
	at := pairForm().FindStringSubmatchIndex(text)
	if at == nil {
		if text != "" {
			r.free = append(r.free, text)
		}
		return false
	}
	key, value := asciiLower(text[at[2]:at[3]]), unquote(text[at[1]:])
	switch key {
	case keyRotate:
		r.choice(key, value, &r.rotate)
	case keyReplace:
		r.choice(key, value, &r.replace)
	case keyDryRun:
		r.choice(key, value, &r.dryRun)
	case keyGrace:
		r.graceTime(value)
	default:
		r.secret(key, value)
	}
	return true
}

// unquote cuts blanks and quotes off both ends.
func unquote(s string) string { return strings.Trim(s, quotes+" ") }

func (r *reading) choice(key, value string, into *[]bool) {
	answer, ok := map[string]bool{"yes": true, "true": true, "no": false, "false": false}[asciiLower(value)]
	switch {
	case value == "":
		r.fault(key, "has no value: write yes or no")
	case !ok:
		r.fault(key, "must be yes or no")
	case !slices.Contains(*into, answer):
		*into = append(*into, answer)
	}
}

func (r *reading) graceTime(value string) {
	d, err := parseGrace(value)
	switch {
	case err != nil:
		r.fault(keyGrace, err.Error())
	case !slices.Contains(r.grace, d):
		r.grace = append(r.grace, d)
	}
}

// secret reads the value of a key that names a secret.
func (r *reading) secret(key, value string) {
	k := secretKeys()[slices.IndexFunc(secretKeys(), func(k secretKey) bool { return k.name == key })]
	if k.rule != r.rule && k.rule != "" {
		r.fault(key, "does not belong to "+r.rule.noun()+": the keys are "+r.rule.keyList())
		return
	}
	id, problem := readSecretOCID(value)
	if problem != "" {
		r.fault(key, problem)
		for _, k := range secretKeys() { // others may be in the value, for want of a comma
			r.spoilt[k.name] = r.spoilt[k.name] || k.name == key || strings.Contains(asciiLower(value), k.name)
		}
		return
	}
	if !slices.Contains(r.claims[k.role], id) {
		r.claims[k.role] = append(r.claims[k.role], id)
	}
}
