package report

import (
	"fmt"
	"html/template"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/keyturn/keyturn/pkg/credential"
)

// htmlPage is what the template needs besides the report.
type htmlPage struct {
	Report
	Policy string
	// Elements with what the policy's hashes are of. The template must not change them.
	Style, Script template.HTML
	Sum           Count // of all kinds
	Results       []resultCount
	Data          pageData
}

// resultCount is how many verdicts have a result.
type resultCount struct {
	Result Result
	N      int
}

// pageData is what the script needs besides the rows.
type pageData struct {
	At    int64             `json:"at"` // Unix time in seconds
	Limit int               `json:"limit"`
	Kinds map[string]string `json:"kinds"` // the name of each kind
	// The kinds that recommendations about an age are about, their limit in days, and the kind of 1.12 and 1.17.
	Aged       map[string]credential.Kind `json:"aged"`
	AgedLimit  int                        `json:"aged_limit"`
	SigningKey credential.Kind            `json:"signing_key"`
}

func newHTMLPage(r Report) htmlPage {
	p := htmlPage{
		Report: r, Policy: pagePolicy,
		Style:  template.HTML("<style>" + pageCSS + "</style>"),
		Script: template.HTML(`<script type="module">` + pageScript + "</script>"),
		Data: pageData{At: r.At.Unix(), Limit: r.LimitDays, Kinds: map[string]string{},
			Aged: map[string]credential.Kind{}, AgedLimit: limitDays, SigningKey: signingKey},
	}
	for _, a := range aged {
		p.Data.Aged[a.number] = a.kind
	}
	for _, k := range credential.Observed() {
		p.Data.Kinds[string(k)] = kindName(k)
	}
	for _, c := range r.Counts {
		p.Sum.All += c.All
		p.Sum.Old += c.Old
		p.Sum.Soon += c.Soon
		p.Sum.Undated += c.Undated
		p.Sum.Bound += c.Bound
		p.Sum.Exempt += c.Exempt
	}
	for _, result := range []Result{NotMet, NotKnown, Met} {
		n := 0
		for _, v := range r.Verdicts {
			if known(v.Result) == result {
				n++
			}
		}
		p.Results = append(p.Results, resultCount{result, n})
	}
	return p
}

// Complete reports whether the whole tenancy was read.
func (p htmlPage) Complete() bool { return len(p.NotAsked) == 0 && p.Interrupts == "" }

// kindName is the kind's name as the beginning of a sentence, or in a table.
func kindName(k credential.Kind) string {
	noun := k.Noun()
	if k.Record().IDForms == nil && noun == "credential" {
		return string(k) // a kind that this version doesn't know
	}
	return strings.ToUpper(noun[:1]) + noun[1:]
}

// known returns the result, or NotKnown for one that isn't in the list: only the word "met" means met.
func known(r Result) Result {
	if r == Met || r == NotMet {
		return r
	}
	return NotKnown
}

func resultClass(r Result) string { return strings.ReplaceAll(string(known(r)), " ", "-") }

func resultWord(r Result) string {
	word := string(known(r))
	return strings.ToUpper(word[:1]) + word[1:]
}

func instant(t time.Time) string { return t.UTC().Format("2 January 2006, 15:04 UTC") }

// number writes a number with commas between thousands.
func number(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// plural writes a number with its noun.
func plural(n int, one, more string) string {
	if n == 1 {
		return "1 " + one
	}
	return number(n) + " " + more
}

// visible replaces characters that can't be seen, and those that change the direction of a text, by their code points.
// Such a character in a name could make it look like another one.
func visible(text string) string {
	var b strings.Builder
	for _, r := range text {
		if unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp) {
			fmt.Fprintf(&b, "‹U+%04X›", r)
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}
