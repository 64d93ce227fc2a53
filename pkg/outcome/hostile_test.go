package outcome_test

import (
	"bytes"
	"encoding/json"
	"regexp"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/rs/zerolog"

	"github.com/keyturn/keyturn/pkg/outcome"
)

// hostile are harmful names, intended or not.
var hostile = map[string]string{
	"line breaks":            "web\r\nBcc: all@example.com\r\n\r\nbody",
	"a lone line feed":       "web\nX: y",
	"a lone carriage return": "web\rX: y",
	"Unicode's line breaks":  "web\u2028X: y\u2029Z\u0085W\vV\fU",
	"control characters":     "web\x00\x07\x1b[31m\x7f",
	"300 characters":         strings.Repeat("long-name-", 30),
	"300 characters of 3":    strings.Repeat("网", 300),
	"invalid UTF-8":          "web\xff\xfe\xc3",
	"only blanks":            " \t\u00a0\u3000 ",
}

var statuses = []outcome.Status{outcome.Rotated, outcome.Already, outcome.Refused, outcome.Unfinished,
	outcome.InProgress, outcome.DryRun, outcome.Ignored}

func TestATitleIsOneShortLineWithAnyNames(t *testing.T) {
	for name, text := range hostile {
		for _, status := range statuses {
			for _, o := range []outcome.Outcome{
				{Status: status, Noun: "API key", UserName: text, UserID: userID},
				{Status: status, Noun: "API key", UserID: text}, {Status: status, Noun: text},
			} {
				title := o.Title()
				switch {
				case len(title) >= 100:
					t.Errorf("%s: the title has %d bytes: %q", name, len(title), title)
				case !utf8.ValidString(title):
					t.Errorf("%s: the title is not UTF-8: %q", name, title)
				case strings.IndexFunc(title, func(r rune) bool {
					return unicode.IsControl(r) || r == '\u2028' || r == '\u2029'
				}) >= 0:
					t.Errorf("%s: the title has more than one line: %q", name, title)
				case !strings.HasPrefix(title, "Keyturn | "):
					t.Errorf("%s: the title is %q", name, title)
				}
			}
		}
	}
}

func TestATitleHasTheVerdict(t *testing.T) {
	for status, want := range map[outcome.Status]string{
		outcome.Rotated: "Keyturn | Rotated: API key of web", outcome.Already: "Keyturn | Nothing to do: API " +
			"key of web", outcome.Refused: "Keyturn | NOT ROTATED: API key of web",
		outcome.Unfinished: "Keyturn | NOT FINISHED: API key of web",
		outcome.DryRun:     "Keyturn | Dry run: API key of web",
	} {
		if got := (outcome.Outcome{Status: status, Noun: "API key", UserName: "web",
			UserID: userID}).Title(); got != want {
			t.Errorf("the title is %q, want %q", got, want)
		}
	}
}

// filled has the text in every field with text from outside.
func filled(text string, status outcome.Status) outcome.Outcome {
	o := about(outcome.Outcome{Status: status, Reason: text, OldFate: "deleted", Proven: worked, NewID: newTokenID,
		Secrets: []outcome.Secret{placed("auth-token", text, secretID)}, Slots: []string{text}, Notes: []string{text}})
	o.ProblemName, o.Risk, o.ClosedBy, o.Comment, o.ResourceName, o.UserName, o.TenancyName = text, text, text, text,
		text, text, text
	return o
}

func TestANameNeverBeginsALineOfTheMail(t *testing.T) {
	for name, text := range hostile {
		for _, status := range statuses {
			body := filled(text, status).Body()
			if !utf8.ValidString(body) {
				t.Errorf("%s: the body is not UTF-8", name)
			}
			for line := range strings.SplitSeq(body, "\n") {
				if strings.IndexFunc(line, func(r rune) bool {
					return unicode.IsControl(r) || r == '\u2028' || r == '\u2029'
				}) >= 0 {
					t.Errorf("%s: the line %q has a control character", name, line)
				}
				for _, forged := range []string{"X:", "Bcc:", "Z", "body"} {
					if strings.HasPrefix(line, forged) {
						t.Errorf("%s: a name wrote the line %q", name, line)
					}
				}
			}
		}
	}
}

func TestABodyFitsIntoANotification(t *testing.T) {
	huge := strings.Repeat("comment ☃ ", 100_000) // more than 1 MB
	for name, change := range map[string]func(*outcome.Outcome){
		"comment": func(o *outcome.Outcome) { o.Comment = huge },
		"reason":  func(o *outcome.Outcome) { o.Reason = huge },
		"mend":    func(o *outcome.Outcome) { o.Remedy = huge },
		"notes":   func(o *outcome.Outcome) { o.Notes = []string{huge, huge} },
		"names":   func(o *outcome.Outcome) { o.UserName, o.ResourceName, o.ProblemName = huge, huge, huge },
	} {
		o := cases()["refused_comment"]
		change(&o)
		body := o.Body()
		if len(body) > 60<<10 || !utf8.ValidString(body) {
			t.Errorf("%s: the body has %d bytes, valid UTF-8: %v", name, len(body), utf8.ValidString(body))
		}
		if len(o.Title()) >= 100 {
			t.Errorf("%s: the title has %d bytes", name, len(o.Title()))
		}
	}
}

func TestAMailHasAllThatTheTutorialsMailHas(t *testing.T) {
	for name, o := range cases() {
		if name == "refused_unreadable" {
			continue // nothing is known
		}
		o.Comment = strings.Repeat("a long comment ", 2_000)
		body := o.Body()
		for what, value := range map[string]string{
			"problem name": o.ProblemName, "risk level": o.Risk, "event time": "2026-05-04 10:00:00 UTC",
			"tenancy name": "acme", "tenancy id": tenancyID,
			"resource name": o.ResourceName, "resource id": o.ResourceID, "user OCID": userID,
		} {
			if value == "" || !strings.Contains(body, value) {
				t.Errorf("%s: the %s %q is not in the mail", name, what, value)
			}
		}
	}
}

// long matches lines that may be long: a command or a comment that the reader copies.
var long = regexp.MustCompile(`^ *oci |[a-z]+_secret_ocid:`)

func TestTheRecordIsOneLineThatReadsBack(t *testing.T) {
	for name, o := range cases() {
		var log bytes.Buffer
		logger := zerolog.New(&log)
		o.Comment = hostile["line breaks"]
		o.Record(&logger)
		var line struct {
			Level   string
			Message string
			Record  map[string]any
		}
		if strings.Count(log.String(), "\n") != 1 {
			t.Errorf("%s: the record has more than one line: %s", name, log.String())
		}
		if err := json.Unmarshal(log.Bytes(), &line); err != nil {
			t.Fatalf("%s: the record is no JSON: %v", name, err)
		}
		level := "info"
		if o.Status == outcome.Refused || o.Status == outcome.Unfinished {
			level = "warn"
		}
		if line.Level != level || line.Message != "outcome" || line.Record["outcome"] != string(o.Status) ||
			line.Record["call_id"] != o.CallID {
			t.Errorf("%s: the record is %s", name, log.String())
		}
	}
}

func TestAMailSaysThatTheProblemIsStillClosed(t *testing.T) {
	o := cases()["refused_secret_taken"]
	o.StillClosed = true
	if !strings.Contains(o.Body(), "could not be re-opened") {
		t.Error("the mail doesn't say that the problem is still closed")
	}
	o.Reopened, o.StillClosed = true, false
	if body := o.Body(); strings.Contains(body, "could not be re-opened") ||
		!strings.Contains(body, "open again in Cloud Guard") {
		t.Error("the mail doesn't say that the problem is open again")
	}
}

func TestAMailSaysWhenConsumersAlreadyReadTheNewValue(t *testing.T) {
	o := cases()["refused_in_place"]
	if body := flat(o.Body()); !strings.Contains(body, "is CURRENT in Vault, but the rotation is not complete") ||
		strings.Contains(body, "was not rotated") {
		t.Errorf("the mail doesn't say that the new value is CURRENT:\n%s", body)
	}
	o.Secrets = append(o.Secrets, outcome.Secret{Holds: "bundle", ID: accessID})
	if strings.Contains(flat(o.Body()), "but the rotation is not complete") {
		t.Error("the mail says that the new value is CURRENT although one secret doesn't have it")
	}
}

func TestAMailNeverClaimsThatNothingChangedWhenSomethingDid(t *testing.T) {
	o := cases()["refused_protected"]
	if !strings.Contains(o.Body(), "Nothing was changed") {
		t.Error("the mail doesn't say that nothing was changed")
	}
	o.Changed = true
	if strings.Contains(o.Body(), "Nothing was changed") {
		t.Error("the mail says that nothing was changed")
	}
}
