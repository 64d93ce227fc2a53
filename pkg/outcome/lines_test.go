package outcome_test

import (
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"
)

// flat is a text without its line breaks.
func flat(text string) string { return strings.Join(strings.Fields(text), " ") }

// tooLong finds a line that doesn't fit into a window of 80 columns, unless it is one word or the reader copies it.
func tooLong(line string) bool {
	return utf8.RuneCountInString(line) > 76 && strings.Contains(strings.TrimSpace(strings.TrimPrefix(line, "- ")),
		" ") && !long.MatchString(line)
}

func TestTheMailsLinesFitIntoAWindowOf80ColumnsApartFromWhatIsToBeCopied(t *testing.T) {
	for name, o := range cases() {
		for line := range strings.SplitSeq(o.Body(), "\n") {
			if tooLong(line) {
				t.Errorf("%s: a line has %d characters: %q", name, utf8.RuneCountInString(line), line)
			}
		}
	}
}

func TestALongNameDoesNotMakeALongLine(t *testing.T) {
	for status := range statuses {
		o := filled(strings.Repeat("long name ", 40), statuses[status])
		for line := range strings.SplitSeq(o.Body(), "\n") {
			if tooLong(line) {
				t.Errorf("%s: a line has %d characters: %q", statuses[status], utf8.RuneCountInString(line), line)
			}
		}
	}
}

func TestNoOCIDAddressOrCommandIsBroken(t *testing.T) {
	pieces := regexp.MustCompile(`ocid1\.[a-z0-9.-]+|https://\S+|oci [a-z-]+ [a-z-]+ .*--.*`)
	seen := 0
	for name, o := range cases() {
		body := o.Body()
		texts := append([]string{o.Reason, o.Remedy, o.Link, o.Search, o.Comment, o.OldID, o.NewID},
			append(append(o.Todo, o.Notes...), o.Slots...)...)
		for _, s := range o.Secrets {
			texts = append(texts, s.ID, s.Link)
		}
		for _, text := range texts {
			for _, piece := range pieces.FindAllString(text, -1) {
				seen++
				if !strings.Contains(body, strings.TrimRight(piece, ".")) {
					t.Errorf("%s: %q is not in one piece", name, piece)
				}
			}
		}
	}
	if seen < 100 {
		t.Errorf("only %d pieces were looked for", seen)
	}
}

func TestALongReasonOrRemedyRemovesNothingElseFromTheMail(t *testing.T) {
	huge := strings.Repeat("words ☃, ", 100_000)
	o := cases()["refused_comment"]
	for _, field := range []*string{&o.Reason, &o.Remedy} {
		kept := *field
		*field = huge
		for _, want := range []string{problemID, userID, tenancyID, tokenID, o.CallID, "open again in Cloud Guard"} {
			if !strings.Contains(o.Body(), want) {
				t.Errorf("the mail doesn't have %q", want)
			}
		}
		*field = kept
	}
}

func TestAnEventOfWhichNothingIsKnownHasNoEmptySection(t *testing.T) {
	if body := unreadable().Body(); strings.Contains(body, "PROBLEM") {
		t.Errorf("the mail has a section about a problem that it knows nothing of:\n%s", body)
	}
}
