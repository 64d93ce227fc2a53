package responder_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/keyturn/keyturn/pkg/cloudguard"
	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/fault"
	"github.com/keyturn/keyturn/pkg/outcome"
	"github.com/keyturn/keyturn/pkg/rotation"
	"github.com/keyturn/keyturn/pkg/vault"
)

const (
	otherSecret = "ocid1.vaultsecret.oc1.phx.amaaaaaaother"
	accessKey   = "1f2e3d4c5b6a79880011223344556677889900aa"
	fingerprint = "1f:1d:d9:7c:fe:fa:77:7a:7b:4f:15:24:1a:bf:57:bd"
)

func TestTheCommentsSecretsBecomeTheRotationsTargets(t *testing.T) {
	for _, c := range []struct {
		rule           cloudguard.Rule
		resource, text string
		ref            credential.Ref
		want           []credential.Target
	}{
		{cloudguard.APIKeyTooOld, tenancyID + "/" + userID + "/" + fingerprint, "api_secret_ocid:" + secretID,
			credential.Ref{Kind: credential.APIKey, User: userID, ID: fingerprint},
			[]credential.Target{{Role: credential.RolePrivateKey, SecretID: secretID}}},
		{cloudguard.AuthTokenTooOld, tokenID, "auth_secret_ocid:" + secretID,
			credential.Ref{Kind: credential.AuthToken, User: userID, ID: tokenID},
			[]credential.Target{{Role: credential.RoleToken, SecretID: secretID}}},
		// The secret half is written before the half that is no secret.
		{cloudguard.SecretKeyTooOld, accessKey, "accesskey_secret_ocid:" + otherSecret + ",secretkey_secret_ocid:" +
			secretID,
			credential.Ref{Kind: credential.CustomerSecretKey, User: userID, ID: accessKey},
			[]credential.Target{{Role: credential.RoleSecretKey, SecretID: secretID},
				{Role: credential.RoleAccessKey, SecretID: otherSecret}}},
		{cloudguard.SecretKeyTooOld, accessKey, "bundle_secret_ocid:" + secretID,
			credential.Ref{Kind: credential.CustomerSecretKey, User: userID, ID: accessKey},
			[]credential.Target{{Role: credential.RoleBundle, SecretID: secretID}}},
		{cloudguard.PasswordTooOld, userID, "asked by phone",
			credential.Ref{Kind: credential.Password, User: userID, ID: credential.TimeID(closedAt)}, nil},
		{cloudguard.PasswordTooOld, userID, "password_secret_ocid:" + secretID,
			credential.Ref{Kind: credential.Password, User: userID, ID: credential.TimeID(closedAt)},
			[]credential.Target{{Role: credential.RolePassword, SecretID: secretID}}},
	} {
		t.Run(string(c.rule)+" "+c.text, func(t *testing.T) {
			s := newTenancy().about(c.rule, c.resource, c.text)
			var job rotation.Job
			s.run = func(_ context.Context, j rotation.Job) rotation.Result { job = j; return rotated(j) }
			o, err := s.respond(t)
			expect(t, s, o, err, outcome.Rotated)
			if job.Ref != c.ref {
				t.Errorf("the rotation is of %v, want %v", job.Ref, c.ref)
			}
			if !slices.Equal(job.Secrets, c.want) {
				t.Errorf("the targets are %v, want %v", job.Secrets, c.want)
			}
			if o.Rotation != string(c.ref.RotationID()) {
				t.Errorf("the outcome's rotation is %s", o.Rotation)
			}
		})
	}
}

func TestTheCommentsOptionsReachTheRotation(t *testing.T) {
	s := newTenancy().with(comment + ",replace:yes,grace:72h,dry_run:yes")
	s.config.Grace = time.Hour
	if _, err := s.respond(t); err != nil {
		t.Fatal(err)
	}
	if j := s.jobs[0]; !j.Replace || j.Grace != 72*time.Hour || !j.GraceGiven || !j.DryRun ||
		!j.At.Equal(closedAt) {
		t.Errorf("replace %v, grace %s, dry run %v", j.Replace, j.Grace, j.DryRun)
	}
}

func TestWithoutOptionsTheConfigurationCounts(t *testing.T) {
	s := newTenancy()
	s.config.Grace, s.config.DryRun = time.Hour, true
	if _, err := s.respond(t); err != nil {
		t.Fatal(err)
	}
	if j := s.jobs[0]; j.Replace || j.Grace != time.Hour || j.GraceGiven || !j.DryRun {
		t.Errorf("replace %v, grace %s, dry run %v", j.Replace, j.Grace, j.DryRun)
	}
}

func TestACommentMayEndTheConfiguredGrace(t *testing.T) {
	s := newTenancy().with(comment + ",grace:0")
	s.config.Grace = time.Hour
	if _, err := s.respond(t); err != nil {
		t.Fatal(err)
	}
	if j := s.jobs[0]; j.Grace != 0 || !j.GraceGiven {
		t.Errorf("the grace is %s, want none", j.Grace)
	}
}

func TestAPasswordCountsAsResetAfterTheClosureAndAfterTheLastDetection(t *testing.T) {
	s := newTenancy().about(cloudguard.PasswordTooOld, userID, "")
	if _, err := s.respond(t); err != nil {
		t.Fatal(err)
	}
	want := []time.Time{closedAt, closedAt.Add(-time.Hour)}
	if got := s.jobs[0].ResetAfter; !slices.EqualFunc(got, want, time.Time.Equal) {
		t.Errorf("reset after %v, want %v", got, want)
	}
}

func TestACommentWithAMisspeltKeyIsRefusedAndTheMailShowsTheCorrectedOne(t *testing.T) {
	s := newTenancy().with("auth_secret_ocd:" + secretID + ",ticket CHG-7")
	o, err := s.respond(t)
	expect(t, s, o, err, outcome.Refused)
	if s.saw("Run") {
		t.Error("a rotation was run")
	}
	if want := "auth_secret_ocid:" + secretID + ",ticket CHG-7"; !strings.Contains(s.mails[0].body, want) {
		t.Errorf("the mail doesn't show %q:\n%s", want, s.mails[0].body)
	}
	if !strings.Contains(s.mails[0].body, "auth_secret_ocd") {
		t.Error("the mail doesn't point out the misspelt key")
	}
	if !o.Reopened {
		t.Error("the problem was not re-opened")
	}
}

func TestWithoutASecretInTheCommentTheBoundOneIsFoundByItsTags(t *testing.T) {
	s := newTenancy().with("rotate:yes,ticket CHG-7")
	o, err := s.respond(t)
	expect(t, s, o, err, outcome.Rotated)
	if !s.saw("ListSecrets " + compartment) {
		t.Errorf("called %v, want a look into the function's own compartment", s.calls())
	}
	if got := s.jobs[0].Secrets; len(got) != 1 ||
		got[0] != (credential.Target{Role: credential.RoleToken, SecretID: secretID}) {
		t.Errorf("the targets are %v", got)
	}
}

func TestBoundSecretsAreLookedForInEveryConfiguredCompartment(t *testing.T) {
	s := newTenancy().with("rotate:yes")
	const elsewhere = "ocid1.compartment.oc1..aaaaaaaaelsewhere"
	s.secrets[0].Compartment = elsewhere
	s.config.SecretCompartments = []string{"ocid1.compartment.oc1..aaaaaaaaempty", elsewhere}
	o, err := s.respond(t)
	expect(t, s, o, err, outcome.Rotated)
	if s.saw("Compartment") || !s.saw("ListSecrets "+elsewhere) {
		t.Errorf("called %v", s.calls())
	}
}

func TestNoBoundSecretIsARefusal(t *testing.T) {
	s := newTenancy().with("rotate:yes")
	s.secrets = nil
	o, err := s.respond(t)
	expect(t, s, o, err, outcome.Refused)
	if s.saw("Run") || !o.Reopened {
		t.Errorf("reopened %v, called %v", o.Reopened, s.calls())
	}
}

func TestTwoBoundSecretsAreARefusalAndNotAGuess(t *testing.T) {
	s := newTenancy().with("rotate:yes")
	second := s.secrets[0]
	second.ID = otherSecret
	s.secrets = append(s.secrets, second)
	o, err := s.respond(t)
	expect(t, s, o, err, outcome.Refused)
	if s.saw("Run") {
		t.Error("a rotation was run")
	}
	for _, id := range []string{secretID, otherSecret} {
		if !strings.Contains(s.mails[0].body, id) {
			t.Errorf("the mail doesn't name %s", id)
		}
	}
}

func TestAListOfSecretsThatDoesNotComeIsLeftToALaterDelivery(t *testing.T) {
	s := newTenancy().with("rotate:yes")
	s.listErr = fault.New(fault.Unclear, "ListSecrets", "no answer")
	o, err := s.respond(t)
	expect(t, s, o, err, outcome.Unfinished)
}

func TestAPasswordNeedsNoSecretAndNoneIsLookedFor(t *testing.T) {
	s := newTenancy().about(cloudguard.PasswordTooOld, userID, "")
	o, err := s.respond(t)
	expect(t, s, o, err, outcome.Rotated)
	if len(s.jobs[0].Secrets) != 0 || s.saw("ListSecrets "+compartment) {
		t.Errorf("the targets are %v, called %v", s.jobs[0].Secrets, s.calls())
	}
}

func TestAnUnboundSecretIsRefusedWithTheCommandThatBindsIt(t *testing.T) {
	s := newTenancy()
	s.secrets[0].Freeform = map[string]string{"team": "web"}
	o, err := s.respond(t)
	expect(t, s, o, err, outcome.Refused)
	if !strings.Contains(o.Remedy, "oci vault secret update") || !strings.Contains(o.Remedy, userID) {
		t.Errorf("the remedy is %q", o.Remedy)
	}
}

func TestAnUnboundSecretIsAcceptedUnderWarnAndTheMailSaysSo(t *testing.T) {
	s := newTenancy()
	s.config.SecretBinding = "warn"
	s.secrets[0].Freeform = nil
	o, err := s.respond(t)
	expect(t, s, o, err, outcome.Rotated)
	if !strings.Contains(strings.Join(o.Notes, " "), "not bound") {
		t.Errorf("the notes are %q", o.Notes)
	}
}

func TestASecretOfAnotherUserIsRefusedUnderWarnToo(t *testing.T) {
	s := newTenancy()
	s.config.SecretBinding = "warn"
	s.secrets[0].Freeform["keyturn-user"] = "ocid1.user.oc1..aaaaaaaasomebodyelse"
	o, err := s.respond(t)
	expect(t, s, o, err, outcome.Refused)
}

func TestASecretThatCannotBeWrittenIsRefused(t *testing.T) {
	for name, change := range map[string]func(*vault.Secret){
		"a replica":       func(s *vault.Secret) { s.Replica = true },
		"about to vanish": func(s *vault.Secret) { s.State = "PENDING_DELETION" },
	} {
		t.Run(name, func(t *testing.T) {
			s := newTenancy()
			change(&s.secrets[0])
			o, err := s.respond(t)
			expect(t, s, o, err, outcome.Refused)
		})
	}
}

func TestAProtectedUserIsRefused(t *testing.T) {
	for _, protected := range []string{userID, "WEB@*"} {
		s := newTenancy()
		s.config.ProtectedUsers = []string{protected}
		o, err := s.respond(t)
		expect(t, s, o, err, outcome.Refused)
		if !strings.Contains(o.Reason, "protected") || !strings.Contains(o.Remedy, "protected_users") {
			t.Errorf("the reason is %q, the remedy %q", o.Reason, o.Remedy)
		}
	}
}
