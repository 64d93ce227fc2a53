package outcome_test

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestTheMailsLinesAreShort(t *testing.T) {
	for name, o := range cases() {
		for line := range strings.SplitSeq(o.Body(), "\n") {
			if utf8.RuneCountInString(line) > 120 && !long.MatchString(line) {
				t.Errorf("%s: a line has %d characters: %q", name, utf8.RuneCountInString(line), line)
			}
		}
	}
}

func TestALongNameDoesNotMakeALongLine(t *testing.T) {
	for status := range statuses {
		o := filled(strings.Repeat("long name ", 40), statuses[status])
		for line := range strings.SplitSeq(o.Body(), "\n") {
			if utf8.RuneCountInString(line) > 120 && !long.MatchString(line) {
				t.Errorf("%s: a line has %d characters: %q", statuses[status], utf8.RuneCountInString(line), line)
			}
		}
	}
}

func TestALongReasonOrMendTakesNothingElseOutOfTheMail(t *testing.T) {
	huge := strings.Repeat("words ☃, ", 100_000)
	o := cases()["refused_comment"]
	for _, field := range []*string{&o.Reason, &o.Mend} {
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
