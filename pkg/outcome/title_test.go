package outcome_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/rs/zerolog"

	"github.com/keyturn/keyturn/pkg/outcome"
)

func TestASubjectHasTheReasonAndTheTenancy(t *testing.T) {
	const secret = "ocid1.vaultsecret.oc1.iad.amaaaaaaq6kbnxjbtfqxkwovompzom7wbbr6qmw4wxfogo6mvn6a6wfhym6l"
	for name, c := range map[string]struct {
		o    outcome.Outcome
		want string
	}{
		"refused": {outcome.Outcome{Status: outcome.Refused, Reason: "no free slot"},
			"NOT ROTATED: API key of web (no free slot) | acme"},
		"with an OCID": {outcome.Outcome{Status: outcome.Refused, Reason: "secret web (" + secret +
			") is not bound to this user and kind"}, "NOT ROTATED: API key of web (secret web is not bound to this " +
			"user and kind) | acme"},
		"a bare OCID": {outcome.Outcome{Status: outcome.Refused, Reason: "secret " + secret + " is gone"},
			"NOT ROTATED: API key of web (secret is gone) | acme"},
		"details": {outcome.Outcome{Status: outcome.Refused, Reason: "the closure comment was not " +
			"understood: x is not a key"}, "NOT ROTATED: API key of web (the closure comment was not " +
			"understood) | acme"},
		"a brief reason": {outcome.Outcome{Status: outcome.Refused, Reason: "anything longer",
			Brief: "user is INACTIVE"}, "NOT ROTATED: API key of web (user is INACTIVE) | acme"},
		"unfinished": {outcome.Outcome{Status: outcome.Unfinished, Reason: "a step could not be finished: " +
			"UpdateSecret: throttled"}, "NOT FINISHED: API key of web (a step could not be finished) | acme"},
		"already": {outcome.Outcome{Status: outcome.Already, Reason: "the old credential no longer exists"},
			"Nothing to do: API key of web (the old credential no longer exists) | acme"},
		"rotated": {outcome.Outcome{Status: outcome.Rotated, Reason: "rotated"},
			"Rotated: API key of web | acme"},
		"dry run": {outcome.Outcome{Status: outcome.DryRun, Reason: "a dry run was asked for"},
			"Dry run: API key of web | acme"},
		"no reason": {outcome.Outcome{Status: outcome.Refused}, "NOT ROTATED: API key of web | acme"},
		"several lines": {outcome.Outcome{Status: outcome.Refused, Reason: "a\r\nBcc: b"},
			"NOT ROTATED: API key of web (a Bcc) | acme"},
	} {
		c.o.Noun, c.o.UserName, c.o.TenancyName = "API key", "web", "acme"
		if got := c.o.Title(); got != "Keyturn | "+c.want {
			t.Errorf("%s: the subject is %q, want %q", name, got, "Keyturn | "+c.want)
		}
	}
}

func TestASubjectKeepsTheVerdictTheReasonAndTheTenancyHoweverLongTheNamesAre(t *testing.T) {
	for _, user := range []string{"w", strings.Repeat("long.name", 30), strings.Repeat("网", 100)} {
		for _, tenancy := range []string{"", "acme", strings.Repeat("tenancy", 20)} {
			for _, reason := range []string{"no free slot", "the secret was changed meanwhile",
				strings.Repeat("words ", 200), strings.Repeat("w", 300)} {
				o := outcome.Outcome{Status: outcome.Refused, Noun: "customer secret key", UserName: user,
					TenancyName: tenancy, Reason: reason}
				got := o.Title()
				if !strings.HasPrefix(got, "Keyturn | NOT ROTATED: customer secret key of ") || len(got) > 99 ||
					!utf8.ValidString(got) {
					t.Errorf("the subject is %q", got)
				}
				if !strings.Contains(got, "("+reason[:5]) || tenancy != "" &&
					!strings.Contains(got, " | "+tenancy[:4]) {
					t.Errorf("the subject is %q; it should have %q and %q", got, reason[:5], tenancy)
				}
			}
		}
	}
}

func TestASecretsStageIsTheOneThatVaultGivesIt(t *testing.T) {
	for name, c := range map[string]struct {
		secret outcome.Secret
		want   string
	}{
		"current": {outcome.Secret{Version: 2, Current: true, Stage: "CURRENT"}, "version 2 is CURRENT"},
		"staged": {outcome.Secret{Version: 2, Stage: "PENDING"}, "version 2 is PENDING (staged; " +
			"consumers don't read it yet)"},
		"staged, not read back": {outcome.Secret{Stage: "PENDING"}, "the new version is PENDING"},
		"replaced": {outcome.Secret{Version: 2, Stage: "PREVIOUS"}, "version 2 is PREVIOUS, no " +
			"longer CURRENT"},
		"long replaced": {outcome.Secret{Version: 2, Stage: "DEPRECATED"}, "version 2 is DEPRECATED, no " +
			"longer CURRENT"},
		"of no stage": {outcome.Secret{Version: 2}, "version 2 has the new value but is not CURRENT"},
		"not written": {outcome.Secret{}, "unchanged"},
	} {
		o := about(outcome.Outcome{Status: outcome.Refused})
		c.secret.ID, c.secret.Holds, c.secret.Name = secretID, "auth-token", "s"
		o.Secrets = []outcome.Secret{c.secret}
		body := flat(o.Body())
		if !strings.Contains(body, "s (auth-token): "+c.want) {
			t.Errorf("%s: the mail doesn't say %q:\n%s", name, c.want, o.Body())
		}
		if c.secret.Stage != "PENDING" && strings.Contains(body, "staged") {
			t.Errorf("%s: the mail says staged:\n%s", name, o.Body())
		}
	}
}

func TestTheStageOfASecretIsNotWrapped(t *testing.T) {
	for n := range 120 {
		o := about(outcome.Outcome{Status: outcome.Rotated})
		o.Secrets = []outcome.Secret{placed("auth-token", strings.Repeat("n", n), secretID)}
		if !strings.Contains(o.Body(), "version 2 is CURRENT\n") {
			t.Fatalf("a name of %d characters breaks it:\n%s", n, o.Body())
		}
	}
}

func TestEveryMailSaysWhatToDo(t *testing.T) {
	all := cases()
	for _, status := range statuses {
		all["bare "+string(status)] = outcome.Outcome{Status: status}
		all["blank "+string(status)] = outcome.Outcome{Status: status, Remedy: " \n", Reason: "r"}
	}
	for name, o := range all {
		_, after, found := strings.Cut(o.Body(), "\n\nWHAT TO DO\n")
		first, _, _ := strings.Cut(after, "\n")
		if !found || len(first) < 8 {
			t.Errorf("%s: the mail doesn't say what to do:\n%s", name, o.Body())
		}
	}
}

func TestNoFactIsInAMailTwice(t *testing.T) {
	for name, o := range cases() {
		_, facts, _ := strings.Cut(o.Body(), "\nCREDENTIAL\n")
		facts, _, _ = strings.Cut(facts, "\nREFERENCE\n")
		seen := map[string]bool{}
		for line := range strings.SplitSeq(facts, "\n") {
			value := strings.TrimSpace(line)
			if _, v, ok := strings.Cut(line, ": "); ok {
				value = v
			}
			if len(value) > 12 && seen[value] && !strings.Contains(value, "CURRENT") {
				t.Errorf("%s: %q is there twice:\n%s", name, value, o.Body())
			}
			seen[value] = true
		}
	}
}

func TestARecordShowsAngleBracketsAndAmpersandsAsTheyAre(t *testing.T) {
	var log bytes.Buffer
	logger := zerolog.New(&log)
	outcome.Outcome{Status: outcome.Refused, Remedy: "set <NAME> & go"}.Record(&logger)
	if !json.Valid(log.Bytes()) || !strings.Contains(log.String(), "set <NAME> & go") {
		t.Errorf("the record is %s", log.String())
	}
}

func TestMailsUsePlainWords(t *testing.T) {
	texts := map[string]string{}
	for name, o := range cases() {
		texts[name] = o.Title() + " " + o.Body()
		d := digest()
		d.Outcomes = []outcome.Outcome{o}
		texts["a digest with "+name] = d.Title() + " " + d.Body()
	}
	for name, text := range texts {
		text = " " + strings.ToLower(flat(text)) + " "
		for _, word := range []string{" mend", " beside", "whoever", "nobody", " told ", "by hand", "by itself",
			"stands in", "goes on", "tried out", " ahead", "of its own"} {
			if strings.Contains(text, word) {
				t.Errorf("%s: the mail says %q", name, word)
			}
		}
	}
}
