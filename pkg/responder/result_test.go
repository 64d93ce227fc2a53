package responder_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/keyturn/keyturn/pkg/cloudguard"
	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/fault"
	"github.com/keyturn/keyturn/pkg/outcome"
	"github.com/keyturn/keyturn/pkg/responder"
	"github.com/keyturn/keyturn/pkg/rotation"
	"github.com/keyturn/keyturn/pkg/vault"
)

func TestEachEndOfARotationHasItsOutcome(t *testing.T) {
	placed := []rotation.Placed{{Target: credential.Target{Role: credential.RoleToken, SecretID: secretID},
		SecretName: "token-of-web", Version: 2}}
	for _, c := range []struct {
		name   string
		result rotation.Result
		want   outcome.Status
		reason string // a part of it
		remedy string // a part of it
	}{
		{"done", rotation.Result{End: rotation.Done, Reason: rotation.Rotated, Acted: true, Proven: true},
			outcome.Rotated, "rotated", ""},
		{"done by another delivery", rotation.Result{End: rotation.Done, Reason: rotation.Rotated}, outcome.Already,
			"earlier delivery", ""},
		{"deleted by hand", rotation.Result{End: rotation.Done, Reason: rotation.AlreadyGone}, outcome.Already,
			"no longer exists", ""},
		{"reset by hand", rotation.Result{End: rotation.Done, Reason: rotation.AlreadyReset}, outcome.Already,
			"was reset", ""},
		{"no free slot", rotation.Result{End: rotation.Refuse, Reason: rotation.NoFreeSlot}, outcome.Refused,
			"no free slot", "replace:yes"},
		{"taken", rotation.Result{End: rotation.Refuse, Reason: rotation.SecretTaken, Detail: "auth token x"},
			outcome.Refused, "auth token x", "another secret"},
		{"unreadable", rotation.Result{End: rotation.Refuse, Reason: rotation.SecretUnknown,
			Detail: "has a passphrase"}, outcome.Refused, "may hold another living credential: has a passphrase",
			"in a form that Keyturn reads"},
		{"something else", rotation.Result{End: rotation.Refuse, Reason: rotation.WrongContent,
			Detail: "it holds a bundle"}, outcome.Refused, "it holds a bundle", "bundle_secret_ocid"},
		{"somebody else's metadata", rotation.Result{End: rotation.Refuse, Reason: rotation.MetadataForeign},
			outcome.Refused, "metadata", "Remove the member"},
		{"blocked", rotation.Result{End: rotation.Refuse, Reason: rotation.SecretBlocked,
			Detail: "the PENDING version 2", FailedAt: rotation.Stage, Cause: fault.New(fault.Busy, "UpdateSecret",
				"")},
			outcome.Refused, "the PENDING version 2", "encryption key"},
		{"nobody can be asked", rotation.Result{End: rotation.Refuse, Reason: rotation.Unprovable,
			Cause: fault.New(fault.Unclear, "prove auth-token", "no answer")}, outcome.Refused, "no answer",
			"network path"},
		{"doubtful", rotation.Result{End: rotation.Refuse, Reason: rotation.Doubtful, Detail: "who knows"},
			outcome.Refused, "whether the old credential is gone: who knows", "Find the owner"},
		{"not ours", rotation.Result{End: rotation.Refuse, Reason: rotation.NotOurs, Detail: "the key x"},
			outcome.Refused, "the key x", "who made"},
		{"no name left", rotation.Result{End: rotation.Refuse, Reason: rotation.NamesSpent}, outcome.Refused,
			"no version name left", "another secret"},
		{"other secret", rotation.Result{End: rotation.Refuse, Reason: rotation.OtherSecret}, outcome.Refused,
			"another secret", "earlier closure"},
		{"full secret", rotation.Result{End: rotation.Refuse, Reason: rotation.SecretFull}, outcome.Refused,
			"no more versions", "schedule-deletion"},
		{"written over", rotation.Result{End: rotation.Refuse, Reason: rotation.SecretReplaced, Placed: placed},
			outcome.Refused, "was changed meanwhile", "CURRENT"},
		{"rejected", rotation.Result{End: rotation.Refuse, Reason: rotation.Rejected, Acted: true}, outcome.Refused,
			"taken back", "what the user may do"},
		{"rejected, no way back", rotation.Result{End: rotation.Refuse, Reason: rotation.RejectedNoWay, Acted: true},
			outcome.Refused, "already gone", "what the user may do"},
		{"a step failed permanently", rotation.Result{End: rotation.Refuse, Reason: rotation.Failed,
			FailedAt: rotation.Create,
			Cause:    fault.New(fault.Absent, "CreateAuthToken", "")}, outcome.Refused, `"create"`, "policy"},
		{"interrupted", rotation.Result{End: rotation.Wait, Reason: rotation.Interrupted,
			Cause: fault.New(fault.Throttled, "UpdateSecret", "")},
			outcome.Unfinished, "UpdateSecret", ""},
		{"not proven yet", rotation.Result{End: rotation.Wait, Reason: rotation.NotProvenYet, Placed: placed},
			outcome.Unfinished, "not accepted yet", ""},
		{"refused so far", rotation.Result{End: rotation.Wait, Reason: rotation.NotProvenYet,
			Detail: "refused since noon"}, outcome.Unfinished, "not accepted yet: refused since noon", ""},
		{"in progress", rotation.Result{End: rotation.Wait, Reason: rotation.InProgress, Detail: "made a minute ago"},
			outcome.InProgress, "made a minute ago", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newTenancy()
			s.run = ended(s, c.result)
			o, err := s.respond(t)
			expect(t, s, o, err, c.want)
			if !strings.Contains(o.Reason, c.reason) || !strings.Contains(o.Remedy, c.remedy) {
				t.Errorf("the reason is %q, the remedy %q; want %q and %q in them", o.Reason, o.Remedy, c.reason,
					c.remedy)
			}
			if reopened := c.want == outcome.Refused; o.Reopened != reopened ||
				s.saw("UpdateProblemStatus") != reopened {
				t.Errorf("the problem was re-opened: %v, want %v", o.Reopened, reopened)
			}
			if o.Changed != c.result.Acted {
				t.Errorf("the outcome says changed %v, want %v", o.Changed, c.result.Acted)
			}
		})
	}
}

func TestARotationInProgressFailsTheInvocationWithoutAMail(t *testing.T) {
	s := newTenancy()
	s.run = ended(s, rotation.Result{End: rotation.Wait, Reason: rotation.InProgress})
	_, err := s.respond(t)
	if !errors.Is(err, responder.ErrUnfinished) || s.saw("PublishMessage") || s.saw("UpdateProblemStatus") {
		t.Errorf("the error is %v, called %v", err, s.calls())
	}
}

func TestAFullUserIsShownWithAllCredentialsThatFillTheSlots(t *testing.T) {
	s := newTenancy()
	s.run = ended(s, rotation.Result{End: rotation.Refuse, Reason: rotation.NoFreeSlot, Slots: []credential.Issued{
		{ID: tokenID, Description: "deploys the web shop", Created: closedAt.Add(-100 * 24 * time.Hour)},
		{ID: "ocid1.credential.oc1..aaaaaaaasecond", Created: closedAt.Add(-50 * 24 * time.Hour)}}})
	o, err := s.respond(t)
	expect(t, s, o, err, outcome.Refused)
	for _, want := range []string{tokenID, "deploys the web shop", "2025-11-21", "ocid1.credential.oc1..aaaaaaaasecond",
		"2026-01-10"} {
		if !strings.Contains(s.mails[0].body, want) {
			t.Errorf("the mail doesn't have %q:\n%s", want, s.mails[0].body)
		}
	}
}

func TestADryRunIsReportedAndTheProblemReopened(t *testing.T) {
	s := newTenancy().with(comment + ",dry_run:yes")
	s.run = ended(s, rotation.Result{End: rotation.Done, Reason: rotation.Rotated,
		Plan: []rotation.Action{rotation.Create, rotation.Stage, rotation.Prove,
			rotation.Promote, rotation.Retire}})
	o, err := s.respond(t)
	expect(t, s, o, err, outcome.DryRun)
	if !o.Reopened {
		t.Error("the problem was not re-opened")
	}
	if len(o.Plan) != 5 || strings.Contains(strings.Join(o.Plan, "|"), "||") {
		t.Errorf("the plan is %q", o.Plan)
	}
	if o.Changed || o.OldFate != "" {
		t.Errorf("changed %v, the old one %q", o.Changed, o.OldFate)
	}
}

func TestTheOldCredentialsFateIsWhatTheRotationSaw(t *testing.T) {
	placed := []rotation.Placed{{Target: credential.Target{Role: credential.RoleToken, SecretID: secretID}}}
	until := time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		result rotation.Result
		want   string
	}{
		"gone": {rotation.Result{End: rotation.Done, Reason: rotation.Rotated, Acted: true, Placed: placed,
			OldGone: true}, "deleted"},
		"grace": {rotation.Result{End: rotation.Done, Reason: rotation.GraceRunning, Acted: true, Placed: placed,
			RetireAt: until}, "works until 2026-03-04 12:00 UTC"},
		"over": {rotation.Result{End: rotation.Refuse, Reason: rotation.CurrentRejected, Acted: true, Placed: placed,
			RetireAt: closedAt},
			"still exists; the time for which it was to stay ended at 2026-03-01 12:00 UTC"},
		"stays":  {rotation.Result{End: rotation.Refuse, Reason: rotation.SecretTaken, Placed: placed}, "still exists"},
		"unseen": {rotation.Result{End: rotation.Wait, Reason: rotation.Interrupted}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := newTenancy()
			s.run = ended(s, c.result)
			if o, _ := s.respond(t); o.OldFate != c.want {
				t.Errorf("the old one %q, want %q", o.OldFate, c.want)
			}
		})
	}
}

func TestWhatTheUserHasToDoIsInTheMail(t *testing.T) {
	until := time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)
	kept := []rotation.Placed{{Target: credential.Target{Role: credential.RolePassword, SecretID: secretID}, Version: 2,
		Current: true}}
	for name, c := range map[string]struct {
		rule     cloudguard.Rule
		resource string
		result   rotation.Result
		want     string
	}{
		"consumers": {cloudguard.AuthTokenTooOld, tokenID, rotation.Result{Reason: rotation.Rotated},
			"Restart or refresh consumers"},
		"grace": {cloudguard.AuthTokenTooOld, tokenID, rotation.Result{Reason: rotation.GraceRunning,
			RetireAt: until}, "2026-03-04 12:00 UTC"},
		"a password": {cloudguard.PasswordTooOld, userID, rotation.Result{Reason: rotation.Rotated},
			"sets a new password"},
		"a kept password": {cloudguard.PasswordTooOld, userID, rotation.Result{Reason: rotation.Rotated,
			Placed: kept}, "valid for 7 days"},
		"a password not kept": {cloudguard.PasswordTooOld, userID, rotation.Result{Reason: rotation.ResetNotKept},
			"in no secret"},
		"nobody has proven it": {cloudguard.AuthTokenTooOld, tokenID, rotation.Result{Reason: rotation.Rotated},
			"prove=require"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newTenancy().about(c.rule, c.resource, "auth_secret_ocid:"+secretID)
			if c.rule == cloudguard.PasswordTooOld {
				s.with("")
			}
			c.result.End, c.result.Acted = rotation.Done, true
			s.run = func(_ context.Context, job rotation.Job) rotation.Result {
				c.result.Rotation = job.Ref.RotationID()
				return c.result
			}
			o, err := s.respond(t)
			expect(t, s, o, err, outcome.Rotated)
			if !strings.Contains(flat(s.mails[0].body), c.want) {
				t.Errorf("the mail doesn't have %q:\n%s", c.want, s.mails[0].body)
			}
		})
	}
}

// little is just enough of OCI for the real engine to look at: the user has the old token, the secret one version.
type little struct{ s *tenancy }

func (l little) List(context.Context, string) (credential.Listing, error) {
	return credential.Listing{Credentials: []credential.Issued{
		{ID: tokenID, Created: closedAt.Add(-100 * 24 * time.Hour)}}, At: closedAt}, nil
}

func (l little) Create(context.Context, string, credential.Draft) (credential.Created, error) {
	l.s.called("Create")
	return credential.Created{}, errNetwork
}

func (l little) Delete(context.Context, string, string) error {
	l.s.called("Delete")
	return errNetwork
}

func (l little) Secret(context.Context, string) (vault.Secret, error) { return l.s.secrets[0], nil }

func (l little) Versions(context.Context, string) ([]vault.Version, error) {
	return []vault.Version{{Number: 1, Current: true}}, nil
}

func (l little) Read(context.Context, string, string) (int64, credential.Value, error) {
	return 1, credential.NewValue([]byte("something else")), nil
}

func (l little) Update(context.Context, string, string, vault.Update) (vault.Secret, error) {
	l.s.called("Update")
	return vault.Secret{}, errNetwork
}

func withEngine(s *tenancy) *tenancy {
	engine := &rotation.Engine{Issuers: map[credential.Kind]rotation.Issuer{credential.AuthToken: little{s}},
		Vault: little{s}, Clock: s.clock}
	s.run = engine.Run
	return s
}

func TestAnOwnerWhoCannotBeLookedUpIsNeverRotated(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*tenancy)
		want   outcome.Status
		reason string
	}{
		"without a name": {func(s *tenancy) { s.userName = "" }, outcome.Refused, "counts as protected"},
		"absent": {func(s *tenancy) { s.nameErr = fault.New(fault.Absent, "GetUser", "") }, outcome.Refused,
			"looking up the user"},
		"denied": {func(s *tenancy) { s.nameErr = fault.New(fault.Denied, "GetUser", "") }, outcome.Refused,
			"looking up the user"},
		"no answer": {func(s *tenancy) { s.nameErr = fault.New(fault.Unclear, "GetUser", "") }, outcome.Unfinished,
			"looking up the user"},
		"throttled": {func(s *tenancy) { s.nameErr = fault.New(fault.Throttled, "GetUser", "") }, outcome.Unfinished,
			"looking up the user"},
		"no namespace": {func(s *tenancy) { s.spaceErr = fault.New(fault.Unclear, "GetNamespace", "") },
			outcome.Unfinished, "namespace"},
	} {
		t.Run(name, func(t *testing.T) {
			s := withEngine(newTenancy())
			c.change(s)
			o, err := s.respond(t)
			expect(t, s, o, err, c.want)
			if !strings.Contains(o.Reason, c.reason) {
				t.Errorf("the reason is %q, want %q in it", o.Reason, c.reason)
			}
			if s.saw("Create") || s.saw("Update") || s.saw("Delete") || o.Changed {
				t.Errorf("called %v", s.calls())
			}
		})
	}
}
