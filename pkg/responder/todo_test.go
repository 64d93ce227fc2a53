package responder_test

import (
	"net/url"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/keyturn/keyturn/pkg/cloudguard"
	"github.com/keyturn/keyturn/pkg/config"
	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/fault"
	"github.com/keyturn/keyturn/pkg/outcome"
	"github.com/keyturn/keyturn/pkg/rotation"
)

const (
	oldKey      = "1f:1d:d9:7c:fe:fa:77:7a:7b:4f:15:24:1a:bf:57:bd"
	newKey      = "c0:ff:ee:7c:fe:fa:77:7a:7b:4f:15:24:1a:bf:57:bd"
	oldAccess   = "1f2e3d4c5b6a79880011223344556677889900aa"
	newAccess   = "ffee3d4c5b6a79880011223344556677889900aa"
	newToken    = "ocid1.credential.oc1..aaaaaaaanewtoken"
	vaultID     = "ocid1.vault.oc1.iad.avault.amaaaaaavault"
	otherOfPair = "ocid1.vaultsecret.oc1.iad.amaaaaaaother"
)

// of is a rotated credential with its secrets.
func of(newID string, roles ...credential.Role) rotation.Result {
	r := rotation.Result{End: rotation.Done, Reason: rotation.Rotated, Acted: true, Proven: true, NewID: newID,
		OldGone: true}
	for i, role := range roles {
		r.Placed = append(r.Placed, rotation.Placed{Target: credential.Target{Role: role, SecretID: []string{secretID,
			otherOfPair}[i]},
			SecretName: "secret-" + string(role), Vault: vaultID, Region: "us-ashburn-1", Version: 2, Current: true,
			Stage: "CURRENT"})
	}
	return r
}

func TestTheMailSaysWhatConsumersHaveToChangeForEachKindAndWhatItsSecretsHold(t *testing.T) {
	key, tok, pair := cloudguard.APIKeyTooOld, cloudguard.AuthTokenTooOld, cloudguard.SecretKeyTooOld
	for name, c := range map[string]struct {
		rule     cloudguard.Rule
		resource string
		result   rotation.Result
		want     []string // in this order; the first is the first thing to do
		not      string
	}{
		"an API key in a secret of its own": {key, oldKey, of(newKey, credential.RolePrivateKey),
			[]string{"Replace the fingerprint in the configuration of every consumer", "old: " + oldKey, "new: " +
				newKey, "Restart or refresh consumers"}, ""},
		"an API key in a bundle": {key, oldKey, of(newKey, credential.RoleBundle), []string{"Restart or refresh " +
			"consumers"}, "Replace"},
		"an auth token": {tok, tokenID, of(newToken, credential.RoleToken), []string{"Replace the token " +
			"wherever a consumer keeps a copy", "Restart"}, "fingerprint"},
		"an auth token, bundled": {tok, tokenID, of(newToken, credential.RoleBundle), []string{"Restart or refresh " +
			"consumers"}, "Replace"},
		"a pair of secrets": {pair, oldAccess, of(newAccess, credential.RoleSecretKey, credential.RoleAccessKey),
			[]string{"Replace the access key in the configuration of each consumer", "old: " + oldAccess,
				"new: " + newAccess, "Restart"}, ""},
		"a secret key alone": {pair, oldAccess, of(newAccess, credential.RoleSecretKey),
			[]string{"Replace the access key in the configuration of every consumer", "new: " + newAccess}, ""},
		"a pair in a bundle": {pair, oldAccess, of(newAccess, credential.RoleBundle),
			[]string{"Restart or refresh consumers"}, "Replace"},
		"a bundle and a plain": {key, oldKey, of(newKey, credential.RoleBundle, credential.RolePrivateKey),
			[]string{"Restart or refresh consumers"}, "Replace"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newTenancy().about(c.rule, c.resource, "bundle_secret_ocid:"+secretID)
			if c.rule == cloudguard.APIKeyTooOld {
				s = newTenancy().about(c.rule, tenancyID+"/"+userID+"/"+c.resource, "bundle_secret_ocid:"+secretID)
			}
			s.secrets = nil
			s.run = ended(s, c.result)
			o, err := s.respond(t)
			expect(t, s, o, err, outcome.Rotated)
			body := s.mails[0].body
			_, rest, _ := strings.Cut(flat(body), "WHAT TO DO - ")
			if !strings.HasPrefix(rest, c.want[0]) {
				t.Errorf("the first thing to do is not %q:\n%s", c.want[0], body)
			}
			for _, w := range c.want {
				_, after, found := strings.Cut(rest, w)
				if !found {
					t.Fatalf("the mail doesn't have %q, or not in this order:\n%s", w, body)
				}
				rest = after
			}
			if c.not != "" && strings.Contains(body, c.not) {
				t.Errorf("the mail has %q:\n%s", c.not, body)
			}
		})
	}
}

func TestConsumersAreNotifiedOfANewValueThatIsInPlaceThoughALaterStepFailed(t *testing.T) {
	for name, end := range map[string]func(*rotation.Result){
		"refused": func(r *rotation.Result) {
			r.End, r.Reason, r.FailedAt, r.Cause = rotation.Refuse, rotation.Failed, rotation.Retire,
				fault.New(fault.Denied, "DeleteApiKey", "")
		},
		"unfinished": func(r *rotation.Result) {
			r.End, r.Reason, r.Cause = rotation.Wait, rotation.Interrupted, fault.New(fault.Throttled, "DeleteApiKey",
				"")
		},
	} {
		s := newTenancy().about(cloudguard.APIKeyTooOld, tenancyID+"/"+userID+"/"+oldKey, "api_secret_ocid:"+secretID)
		s.secrets = nil
		r := of(newKey, credential.RolePrivateKey)
		r.OldGone = false
		end(&r)
		s.run = ended(s, r)
		if _, err := s.respond(t); len(s.mails) != 1 {
			t.Fatalf("%s: %d mails, %v", name, len(s.mails), err)
		}
		if body := flat(s.mails[0].body); !strings.Contains(body, "Replace the fingerprint") ||
			!strings.Contains(body, "The old one: still exists") {
			t.Errorf("%s:\n%s", name, s.mails[0].body)
		}
	}
}

func TestTheOwnersThatTheTagsNameAreToBeNotified(t *testing.T) {
	for name, c := range map[string]struct {
		first, second string
		want          []string
	}{
		"one": {"web-team@example.com", "", []string{"Notify web-team@example.com, the owner of " +
			"secret token-of-web."}},
		"none": {"", "", nil},
		"a name of its own": {"Jane Doe\r\nBcc: all@example.com", "", []string{"Notify Jane Doe Bcc: " +
			"all@example.com, the owner of secret token-of-web."}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newTenancy()
			if c.first != "" {
				s.secrets[0].Defined = map[string]map[string]any{"keyturn": {"owner": c.first}}
			}
			o, err := s.respond(t)
			expect(t, s, o, err, outcome.Rotated)
			var got []string
			for _, item := range o.Todo {
				if strings.HasPrefix(item, "Notify") {
					got = append(got, item)
				}
			}
			if strings.Join(got, "|") != strings.Join(c.want, "|") || len(got) > 0 && o.Todo[0] != got[0] {
				t.Errorf("the tasks are %q, want %q first", o.Todo, c.want)
			}
			if len(c.want) > 0 && !strings.Contains(s.mails[0].body, "  Owner: ") {
				t.Errorf("the mail doesn't show the owner:\n%s", s.mails[0].body)
			}
		})
	}
}

func TestATimeThatIsOverIsNotGivenAsATimeToCome(t *testing.T) {
	now := closedAt.Add(time.Minute) // of the tenancy's clock
	for _, c := range []struct {
		at    time.Time
		fate  string
		todo  string
		never string
	}{
		{now.Add(72 * time.Hour), "works until 2026-03-04 12:01 UTC", "before 2026-03-04 12:01 UTC", "ended"},
		{now.Add(time.Second), "works until", "Switch all consumers", "ended"},
		{now, "still exists; the time for which it was to stay ended at 2026-03-01 12:01 UTC",
			"now: the next sweep deletes", "works until"},
		{now.Add(-time.Hour), "ended at 2026-03-01 11:01 UTC", "now: the next sweep deletes", "works until"},
		{now.Add(-1000 * time.Hour), "ended at 2026-01-18", "now: the next sweep deletes", "before 2026"},
	} {
		s := newTenancy()
		r := of(newToken, credential.RoleToken)
		r.Reason, r.OldGone, r.RetireAt = rotation.GraceRunning, false, c.at
		s.run = ended(s, r)
		o, err := s.respond(t)
		expect(t, s, o, err, outcome.Rotated)
		if all := strings.Join(o.Todo, "|"); !strings.Contains(o.OldFate, c.fate) || !strings.Contains(all,
			c.todo) || strings.Contains(o.OldFate+all, c.never) {
			t.Errorf("%s: the old one %q, to do %q", c.at, o.OldFate, all)
		}
	}
}

func TestADryRunSaysHowToRotate(t *testing.T) {
	plan := rotation.Result{End: rotation.Done, Reason: rotation.Rotated, Plan: []rotation.Action{rotation.Create,
		rotation.Retire}}
	for name, c := range map[string]struct {
		comment string
		config  bool
		want    []string
		not     string
	}{
		"by the comment": {comment + ",dry_run:yes", false, []string{"close the problem again with this " +
			"comment:\n" + comment}, "set dry_run to no"},
		"in the middle": {comment + ", dry_run:yes, ticket CHG-1", false, []string{"with this comment:\n" +
			comment + ",ticket CHG-1"}, "dry_run:yes"},
		"first, in capitals": {"DRY_RUN:YES," + comment, false, []string{"with this comment:\n" + comment}, "DRY_RUN"},
		"nothing but that":   {"dry_run:yes", false, []string{"with this comment:\nrotate:yes"}, "dry_run"},
		"by the configuration": {comment, true, []string{"set dry_run to no", "with the same comment"},
			"with this comment:"},
		"by both": {comment + ",dry_run:yes", true, []string{"set dry_run to no",
			"with this comment:\n" + comment}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := newTenancy().with(c.comment)
			s.config.DryRun = c.config
			s.run = ended(s, plan)
			o, err := s.respond(t)
			expect(t, s, o, err, outcome.DryRun)
			all := strings.Join(o.Todo, "\n")
			for _, w := range c.want {
				if !strings.Contains(all, w) {
					t.Errorf("to do: %q, want %q in it", all, w)
				}
			}
			if c.not != "" && strings.Contains(all, c.not) {
				t.Errorf("to do: %q", all)
			}
		})
	}
}

func TestARefusalForWantOfASlotShowsTheCommentThatDeletesFirst(t *testing.T) {
	for comment, want := range map[string]string{
		comment:                      comment + ",replace:yes",
		comment + ", ticket CHG-1 ,": comment + ",replace:yes,ticket CHG-1",
		"rotate:yes":                 "\nrotate:yes,replace:yes",
		"grace:2d":                   "\nreplace:yes,grace:48h",
	} {
		s := newTenancy().with(comment)
		s.run = ended(s, rotation.Result{End: rotation.Refuse, Reason: rotation.NoFreeSlot})
		o, err := s.respond(t)
		expect(t, s, o, err, outcome.Refused)
		if !strings.Contains(o.Remedy, want) {
			t.Errorf("the remedy is %q, want %q in it", o.Remedy, want)
		}
	}
}

func TestAnUnfinishedRotationSaysWhenAUserHasToAct(t *testing.T) {
	for reason, want := range map[rotation.Reason]string{rotation.Interrupted: "within two hours",
		rotation.NotProvenYet: "first 15 minutes"} {
		s := newTenancy()
		s.run = ended(s, rotation.Result{End: rotation.Wait, Reason: reason})
		o, err := s.respond(t)
		expect(t, s, o, err, outcome.Unfinished)
		if !strings.HasPrefix(o.Remedy, "Nothing for now.") || !strings.Contains(o.Remedy, want) {
			t.Errorf("%s: the remedy is %q", reason, o.Remedy)
		}
	}
}

func TestCommandsNameWhatIsKnown(t *testing.T) {
	placed := []rotation.Placed{{Target: credential.Target{Role: credential.RoleToken, SecretID: secretID},
		SecretName: "token-of-web", Region: "eu-frankfurt-1", Version: 7, Stage: "PREVIOUS"}}
	for name, c := range map[string]struct {
		result rotation.Result
		want   string
	}{
		"written over": {rotation.Result{Reason: rotation.SecretReplaced, Placed: placed},
			"oci vault secret update --secret-id " + secretID + " --current-version-number 7 --region eu-frankfurt-1"},
		"full": {rotation.Result{Reason: rotation.SecretFull, Placed: placed, Detail: "secret token-of-web (" +
			secretID + ") has 30 versions"},
			"oci vault secret-version list --secret-id " + secretID + " --all --region eu-frankfurt-1"},
	} {
		s := newTenancy()
		c.result.End = rotation.Refuse
		s.run = ended(s, c.result)
		o, err := s.respond(t)
		expect(t, s, o, err, outcome.Refused)
		if !strings.Contains(o.Remedy, "\n"+c.want+"\n") {
			t.Errorf("%s: the remedy is %q, want a line %q", name, o.Remedy, c.want)
		}
	}
}

func TestTheMailLeadsToTheProblemTheSecretTheRunbookAndTheLogLines(t *testing.T) {
	for region, console := range map[string]string{"us-ashburn-1": "https://cloud.oracle.com",
		"us-langley-1": "https://console.us-langley-1.oraclegovcloud.com", "xx-new-1": ""} {
		s := newTenancy()
		s.facts = factsOf(func(f *seen) { f.region = region })
		r := of(newToken, credential.RoleToken)
		r.Placed[0].Region = region
		s.run = ended(s, r)
		o, err := s.respond(t)
		expect(t, s, o, err, outcome.Rotated)
		for _, link := range []struct{ got, path string }{
			{o.Link, "/cloud-guard/problems/" + problemID + "?region=" + region},
			{o.Secrets[0].Link, "/security/kms/vaults/" + vaultID + "/secrets/" + secretID + "?region=" + region},
		} {
			want := console + link.path
			if console == "" {
				want = ""
			}
			if link.got != want || !strings.Contains(s.mails[0].body, "  "+want+"\n") && want != "" {
				t.Errorf("%s: the link is %q, want %q", region, link.got, want)
			}
			if _, err := url.ParseRequestURI(link.got); link.got != "" && err != nil {
				t.Error(err)
			}
		}
		if !strings.Contains(s.mails[0].body, "\n  "+outcome.Runbooks+"mail-rotated.md\n") ||
			!strings.Contains(s.mails[0].body, "\nVersion: ") {
			t.Errorf("the mail is:\n%s", s.mails[0].body)
		}
		out, err := exec.CommandContext(t.Context(), "sh", "-c", "oci() { printf '%s\\n' \"$@\"; }\n"+o.Search).Output()
		if err != nil {
			t.Fatal(err)
		}
		want := []string{"logging-search", "search-logs", "--region", region, "--time-start", "2026-03-01T12:00:00Z",
			"--time-end", "2026-03-01T13:00:00Z",
			"--search-query", `search "` + compartment +
				`" | where data.message = '*"call_id":"call-1*' | sort by datetime asc`, ""}
		if got := strings.Split(string(out), "\n"); strings.Join(got, "|") != strings.Join(want, "|") {
			t.Errorf("the shell sees %q, want %q", got, want)
		}
	}
}

func TestAProblemsIDThatIsNoneBecomesNoLink(t *testing.T) {
	s := newTenancy()
	s.facts = factsOf(func(*seen) {})
	s.event.problem = "https://example.com/?"
	o, _ := s.respond(t)
	if o.Link != "" || !strings.Contains(s.mails[0].title, "NOT ROTATED") {
		t.Errorf("the link is %q", o.Link)
	}
}

func TestAProblemThatIsStillClosedComesWithTheCommandThatOpensIt(t *testing.T) {
	s := newTenancy()
	s.config.SecretBinding = config.BindingRequire
	s.facts = factsOf(func(*seen) {})
	s.run = ended(s, rotation.Result{End: rotation.Refuse, Reason: rotation.SecretTaken})
	s.reopenErr = fault.New(fault.Denied, "UpdateProblemStatus", "")
	o, err := s.respond(t)
	expect(t, s, o, err, outcome.Refused)
	const command = "oci cloud-guard problem update-problem-status --problem-id " + problemID +
		" --status OPEN --comment 'Not rotated: see the mail of Keyturn' --region us-ashburn-1"
	if !strings.Contains(s.mails[0].body, "\n  "+command+"\n") || !strings.Contains(s.mails[0].body,
		"mail-still-closed.md") {
		t.Errorf("the mail is:\n%s", s.mails[0].body)
	}
}
