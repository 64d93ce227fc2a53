package outcome_test

import (
	"strings"
	"testing"

	"github.com/keyturn/keyturn/pkg/outcome"
)

func TestADigestShowsTheSlotsThatItsRemedyNames(t *testing.T) {
	o := cases()["refused_no_free_slot"]
	body := flat(outcome.Digest{Outcomes: []outcome.Outcome{o}}.Body())
	for _, slot := range o.Slots {
		if !strings.Contains(body, slot) {
			t.Errorf("the digest says \"below\" and doesn't show %q", slot)
		}
	}
}

func TestADigestSaysWhichProblemsCouldNotBeReopened(t *testing.T) {
	o := cases()["refused_secret_taken"]
	o.StillClosed = true
	if body := (outcome.Digest{Outcomes: []outcome.Outcome{o}}).Body(); !strings.Contains(body,
		"could not be re-opened") {
		t.Errorf("the digest doesn't say it:\n%s", body)
	}
}

func TestADigestShowsTheNotes(t *testing.T) {
	body := outcome.Digest{Outcomes: []outcome.Outcome{cases()["rotated_auth_token_warned"]}}.Body()
	if !strings.Contains(flat(body), "secret_binding is warn") {
		t.Errorf("the digest doesn't say that an unbound secret was accepted:\n%s", body)
	}
}

func TestALongDigestStillSaysWhatWasLeft(t *testing.T) {
	d := outcome.Digest{Unfinished: []outcome.Finding{{Text: "the users could not be listed"}}, CallID: "call-7"}
	for range 1000 {
		d.Outcomes = append(d.Outcomes, cases()["refused_unbound"])
	}
	for _, want := range []string{"the users could not be listed", "call-7"} {
		if !strings.Contains(d.Body(), want) {
			t.Errorf("the digest doesn't have %q any more", want)
		}
	}
}
