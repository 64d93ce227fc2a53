package responder_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/keyturn/keyturn/pkg/cloudguard"
	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/fault"
	"github.com/keyturn/keyturn/pkg/outcome"
	"github.com/keyturn/keyturn/pkg/rotation"
)

// bundle is a kind's tenancy whose secret takes a bundle.
func bundle(kind credential.Kind) *tenancy {
	s := newTenancy()
	switch kind {
	case credential.APIKey:
		s.about(cloudguard.APIKeyTooOld, tenancyID+"/"+userID+"/"+oldKey, "bundle_secret_ocid:"+secretID)
	case credential.CustomerSecretKey:
		s.about(cloudguard.SecretKeyTooOld, oldAccess, "bundle_secret_ocid:"+secretID)
	case credential.Password:
		s.about(cloudguard.PasswordTooOld, userID, "bundle_secret_ocid:"+secretID)
	}
	s.secrets[0].Freeform["keyturn-kind"] = string(kind)
	return s
}

func TestTheOutcomeHasAllThatTheEngineReports(t *testing.T) {
	made := closedAt.AddDate(0, 0, -100)
	began := closedAt.Add(time.Second)
	s := newTenancy()
	r := of(newToken, credential.RoleToken)
	r.OldMade = made
	r.Placed[0].Stage = "CURRENT"
	r.Steps = []rotation.Step{
		{Action: rotation.Create, Because: "there is a slot", Began: began, Took: 1500 * time.Millisecond,
			Requests: []string{"A/B/C"}},
		{Action: rotation.Retire, Because: "it works", Began: began, Err: errors.New("cut off")},
	}
	s.run = ended(s, r)
	o, err := s.respond(t)
	expect(t, s, o, err, outcome.Rotated)
	if o.OldMade == nil || !o.OldMade.Equal(made) {
		t.Errorf("the old one was made at %v, want %v", o.OldMade, made)
	}
	want := []outcome.Step{
		{Action: "create", Because: "there is a slot", Began: began, TookMS: 1500, Requests: []string{"A/B/C"}},
		{Action: "retire", Because: "it works", Began: began, Error: "cut off"},
	}
	same := func(a, b outcome.Step) bool {
		return a.Action == b.Action && a.Because == b.Because && a.Began.Equal(b.Began) && a.TookMS == b.TookMS &&
			slices.Equal(a.Requests, b.Requests) && a.Error == b.Error
	}
	if !slices.EqualFunc(o.Steps, want, same) {
		t.Errorf("the steps are %+v, want %+v", o.Steps, want)
	}
	if got := o.Secrets[0]; got.Version != 2 || !got.Current || got.Stage != "CURRENT" ||
		got.Name != "secret-auth-token" || got.ID != secretID {
		t.Errorf("the secret is %+v", got)
	}
	if o.Proven != "the new one was used once and works" || len(o.Notes) != 0 {
		t.Errorf("proven: %q, notes: %q", o.Proven, o.Notes)
	}
}

func TestWhatIsNotKnownOfTheOldCredentialIsLeftOut(t *testing.T) {
	s := newTenancy()
	if o, _ := s.respond(t); o.OldMade != nil {
		t.Errorf("the old one was made at %v", o.OldMade)
	}
}

func TestAnErrorOfARotationThatWasFinishedAllTheSameIsNoted(t *testing.T) {
	s := newTenancy()
	r := of(newToken, credential.RoleToken)
	r.FailedAt, r.Cause = rotation.Retire, fault.New(fault.Absent, "DeleteAuthToken", "")
	s.run = ended(s, r)
	o, err := s.respond(t)
	expect(t, s, o, err, outcome.Rotated)
	if len(o.Notes) != 1 || !strings.HasPrefix(o.Notes[0], "retire: DeleteAuthToken") {
		t.Errorf("the notes are %q", o.Notes)
	}
}

func TestADryRunDescribesEveryStepItWouldTake(t *testing.T) {
	steps := map[rotation.Action]string{rotation.Stage: "PENDING", rotation.Intend: "announce",
		rotation.Create: "make the new",
		rotation.Reset:  "reset", rotation.Prove: "prove", rotation.Promote: "CURRENT",
		rotation.Defer:  "when the old credential goes",
		rotation.Retire: "delete the old credential", rotation.Replace: "first, to free its slot",
		rotation.Discard: "can't be used",
		rotation.Fence:   "undone", rotation.Claim: "write into the secrets that the old credential is deleted"}
	for step, want := range steps {
		s := newTenancy().with(comment + ",dry_run:yes")
		s.run = ended(s, rotation.Result{End: rotation.Done, Reason: rotation.Rotated, Plan: []rotation.Action{step}})
		o, err := s.respond(t)
		expect(t, s, o, err, outcome.DryRun)
		if len(o.Plan) != 1 || !strings.Contains(o.Plan[0], want) {
			t.Errorf("%s is described as %q, want %q in it", step, o.Plan, want)
		}
	}
}

func TestADryRunForABareAPIKeyWarnsOfTheFingerprint(t *testing.T) {
	plan := rotation.Result{End: rotation.Done, Reason: rotation.Rotated, Plan: []rotation.Action{rotation.Create}}
	in := func(r rotation.Result, role credential.Role) rotation.Result {
		r.Placed = []rotation.Placed{{Target: credential.Target{Role: role, SecretID: secretID}}}
		return r
	}
	api := func() *tenancy {
		s := newTenancy().about(cloudguard.APIKeyTooOld, tenancyID+"/"+userID+"/"+oldKey, "api_secret_ocid:"+secretID)
		s.secrets[0].Freeform["keyturn-kind"] = "api-key"
		return s
	}
	for name, c := range map[string]struct {
		tenancy *tenancy
		result  rotation.Result
		warned  bool
	}{
		"an API key by itself":    {api(), in(plan, credential.RolePrivateKey), true},
		"an API key in a bundle":  {bundle(credential.APIKey), in(plan, credential.RoleBundle), false},
		"secrets that aren't yet": {api(), plan, false},
		"an auth token":           {newTenancy(), in(plan, credential.RoleToken), false},
	} {
		c.tenancy.config.DryRun = true
		c.tenancy.run = ended(c.tenancy, c.result)
		o, err := c.tenancy.respond(t)
		expect(t, c.tenancy, o, err, outcome.DryRun)
		if warned := strings.Contains(strings.Join(o.Todo, "\n"), "Plan for it: every consumer then needs the new "+
			"fingerprint"); warned != c.warned {
			t.Errorf("%s: warned %v: %q", name, warned, o.Todo)
		}
	}
}

func TestWhatWasDoneAlreadyLeavesTheTaskThatFits(t *testing.T) {
	for name, c := range map[string]struct {
		tenancy *tenancy
		result  rotation.Result
		want    string
	}{
		"deleted manually": {newTenancy(), rotation.Result{Reason: rotation.AlreadyGone},
			"Nothing, unless a consumer still needs an auth token: none was made."},
		"deleted manually, a key": {bundle(credential.CustomerSecretKey), rotation.Result{Reason: rotation.AlreadyGone},
			"Nothing, unless a consumer still needs a customer secret key: none was made."},
		"reset manually": {bundle(credential.Password), rotation.Result{Reason: rotation.AlreadyReset},
			"Nothing: the user has set a new password, or has got one, after the problem was closed."},
		"reset manually, and the secret is not told": {bundle(credential.Password),
			rotation.Result{Reason: rotation.AlreadyReset,
				Placed: []rotation.Placed{{Target: credential.Target{Role: credential.RoleBundle,
					SecretID: secretID}}}},
			"Nothing: the user has set a new password, or has got one, after the problem was closed. It may be in " +
				"no secret."},
		"reset, and the value lost": {bundle(credential.Password), rotation.Result{Reason: rotation.ResetNotKept},
			"The one-time password is in no secret."},
		"a running overlap": {newTenancy(), rotation.Result{Reason: rotation.GraceRunning,
			RetireAt: closedAt.Add(time.Hour)},
			"Switch all consumers to the new auth token before 2026-03-01 13:00 UTC."},
		"an earlier delivery": {newTenancy(), rotation.Result{Reason: rotation.Rotated},
			"Nothing: the mail of the earlier delivery says what consumers have to do."},
	} {
		c.result.End = rotation.Done
		c.tenancy.run = ended(c.tenancy, c.result)
		o, err := c.tenancy.respond(t)
		expect(t, c.tenancy, o, err, outcome.Already)
		if len(o.Todo) == 0 || !strings.HasPrefix(o.Todo[0], c.want) {
			t.Errorf("%s: to do: %q, want %q first", name, o.Todo, c.want)
		}
	}
}

func TestAPasswordsMailSaysWhereTheNewOneIs(t *testing.T) {
	for name, placed := range map[string][]rotation.Placed{
		"nowhere": nil,
		"kept":    {{Target: credential.Target{Role: credential.RoleBundle, SecretID: secretID}, Current: true}},
	} {
		s := bundle(credential.Password)
		s.secrets[0].Freeform["keyturn-owner"] = "web-team@example.com"
		s.run = ended(s, rotation.Result{End: rotation.Done, Reason: rotation.Rotated, Acted: true, Placed: placed})
		o, err := s.respond(t)
		expect(t, s, o, err, outcome.Rotated)
		all := strings.Join(o.Todo, "\n")
		kept := strings.Contains(all, "The one-time password in Vault is valid for 7 days.")
		if kept != (placed != nil) {
			t.Errorf("%s: to do: %q", name, o.Todo)
		}
		if notified := strings.Contains(all, "Notify web-team@example.com"); notified != (placed != nil) {
			t.Errorf("%s: to do: %q", name, o.Todo)
		}
		if o.Proven != "" {
			t.Errorf("%s: a password can't be proven, and yet: %q", name, o.Proven)
		}
	}
}

func TestTheMailAboutAPasswordOfADomainUserSaysHowTheUserGetsIt(t *testing.T) {
	kept := []rotation.Placed{{Target: credential.Target{Role: credential.RoleBundle, SecretID: secretID},
		Current: true}}
	for name, c := range map[string]struct {
		reason rotation.Reason
		placed []rotation.Placed
		want   string
	}{
		"chosen":            {rotation.Rotated, kept, "The value in the secret is the user's new password."},
		"mailed":            {rotation.Rotated, nil, "The user follows the link in the mail from OCI"},
		"set by the user":   {rotation.AlreadyReset, kept, "Nothing: the user has set a new password"},
		"mailed by another": {rotation.AlreadyReset, nil, "Nothing: the user has set a new password"},
	} {
		s := bundle(credential.Password)
		s.run = ended(s, rotation.Result{End: rotation.Done, Reason: c.reason, Acted: true, OldGone: true, Chosen: true,
			Placed: c.placed})
		o, err := s.respond(t)
		expect(t, s, o, err, outcome.Rotated)
		if all := strings.Join(o.Todo, "\n"); !strings.Contains(all, c.want) || strings.Contains(all, "one-time") ||
			o.OldFate != "no longer valid" {
			t.Errorf("%s: to do: %q; the old one is %q", name, o.Todo, o.OldFate)
		}
	}
}

func TestAfterTheRefusalOfAChosenPasswordTheOldOneIsStillValid(t *testing.T) {
	cause := fault.New(fault.Invalid, "SCIM PutUserPasswordChanger", "The password must have at least 30 characters.")
	for at, want := range map[rotation.Action]string{rotation.Reset: "still valid", rotation.Stage: ""} {
		s := bundle(credential.Password)
		s.run = ended(s, rotation.Result{End: rotation.Refuse, Reason: rotation.Failed, Acted: true, Chosen: true,
			FailedAt: at, Cause: cause})
		o, err := s.respond(t)
		expect(t, s, o, err, outcome.Refused)
		if o.OldFate != want || !strings.Contains(o.Reason, "at least 30 characters") {
			t.Errorf("%s: the old one is %q: %s", at, o.OldFate, o.Reason)
		}
	}
}

func TestTheOldPasswordIsOutOfForceOnlyOnceItWasReset(t *testing.T) {
	for acted, want := range map[bool]string{true: "no longer valid", false: ""} {
		s := bundle(credential.Password)
		s.run = ended(s, rotation.Result{End: rotation.Done, Reason: rotation.AlreadyReset, Acted: acted})
		if o, _ := s.respond(t); o.OldFate != want {
			t.Errorf("acted %v: the old one is %q, want %q", acted, o.OldFate, want)
		}
	}
}

func TestADryRunSaysNothingOfTheOldCredentialsFate(t *testing.T) {
	s := newTenancy().with(comment + ",dry_run:yes")
	r := of("", credential.RoleToken)
	r.Acted, r.OldGone, r.Plan = false, false, []rotation.Action{rotation.Create}
	s.run = ended(s, r)
	if o, _ := s.respond(t); o.OldFate != "" {
		t.Errorf("the old one %q", o.OldFate)
	}
}

func TestOnlyAValueThatIsInPlaceEverywhereGoesToTheConsumers(t *testing.T) {
	two := func(first, second bool) []rotation.Placed {
		return []rotation.Placed{{Target: credential.Target{Role: credential.RoleBundle, SecretID: secretID},
			Current: first},
			{Target: credential.Target{Role: credential.RoleToken, SecretID: otherOfPair}, Current: second}}
	}
	for name, c := range map[string]struct {
		placed []rotation.Placed
		newID  string
		want   bool
	}{
		"everywhere":          {two(true, true), newToken, true},
		"in the first alone":  {two(true, false), newToken, false},
		"in the second alone": {two(false, true), newToken, false},
		"of no credential":    {two(true, true), "", false},
		"in no secret":        {nil, newToken, false},
	} {
		for _, end := range []rotation.Action{rotation.Refuse, rotation.Wait} {
			s := newTenancy()
			s.run = ended(s, rotation.Result{End: end, Reason: rotation.Failed, FailedAt: rotation.Retire,
				Cause: fault.New(fault.Denied, "DeleteAuthToken", ""), Placed: c.placed, NewID: c.newID})
			o, _ := s.respond(t)
			if got := strings.Contains(strings.Join(o.Todo, "\n"), "Restart or refresh consumers"); got != c.want {
				t.Errorf("%s, %s: to do: %q", name, end, o.Todo)
			}
		}
	}
}

func TestAReasonIsGivenOnce(t *testing.T) {
	s := newTenancy()
	s.run = ended(s, rotation.Result{End: rotation.Wait, Reason: rotation.InProgress, Detail: "made a minute ago"})
	if o, _ := s.respond(t); o.Reason != "another delivery is at work: made a minute ago" {
		t.Errorf("the reason is %q", o.Reason)
	}
}

func TestASecretThatTakesNoChangeIsReportedWithOCIsAnswer(t *testing.T) {
	s := newTenancy()
	s.run = ended(s, rotation.Result{End: rotation.Refuse, Reason: rotation.SecretBlocked,
		Detail:   "the PENDING version 2",
		FailedAt: rotation.Stage, Cause: fault.New(fault.Busy, "UpdateSecret", "")})
	o, err := s.respond(t)
	expect(t, s, o, err, outcome.Refused)
	if !strings.HasPrefix(o.Reason, "the secret takes no change: the PENDING version 2: UpdateSecret") {
		t.Errorf("the reason is %q", o.Reason)
	}
}

func TestSeveralOwnersAreNotifiedEachOfTheirOwnSecrets(t *testing.T) {
	s := newTenancy().about(cloudguard.SecretKeyTooOld, oldAccess, "accesskey_secret_ocid:"+secretID+
		",secretkey_secret_ocid:"+otherOfPair)
	s.secrets[0].Freeform["keyturn-kind"] = "customer-secret-key"
	second := s.secrets[0]
	second.ID = otherOfPair
	for name, c := range map[string]struct {
		first, second string // by the order in which the secrets are written: the secret key's comes first
		want          []string
	}{
		"the same": {"Jane", "Jane", []string{"Notify Jane, the owner of secrets secret-secret-key and " +
			"secret-access-key."}},
		"each of their own": {"Jane", "Joe", []string{"Notify Jane, the owner of secret secret-secret-key.",
			"Notify Joe, the owner of secret secret-access-key."}},
		"the second alone": {"", "Joe", []string{"Notify Joe, the owner of secret secret-access-key."}},
	} {
		s.mails = nil
		one, other := second, s.secrets[0]
		one.Freeform = map[string]string{"keyturn-user": userID, "keyturn-kind": "customer-secret-key",
			"keyturn-owner": c.first}
		other.Freeform = map[string]string{"keyturn-user": userID, "keyturn-kind": "customer-secret-key",
			"keyturn-owner": c.second}
		s.secrets = append(s.secrets[:0:0], other, one)
		r := of(newAccess, credential.RoleSecretKey, credential.RoleAccessKey)
		r.Placed[0].SecretID, r.Placed[1].SecretID = otherOfPair, secretID
		s.run = ended(s, r)
		o, err := s.respond(t)
		expect(t, s, o, err, outcome.Rotated)
		var got []string
		for _, item := range o.Todo {
			if strings.HasPrefix(item, "Notify") {
				got = append(got, item)
			}
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func TestConsumersGetAnOldAndANewIDOnlyTogether(t *testing.T) {
	s := newTenancy().about(cloudguard.APIKeyTooOld, tenancyID+"/"+userID+"/"+oldKey, "api_secret_ocid:"+secretID)
	s.secrets[0].Freeform["keyturn-kind"] = "api-key"
	s.run = ended(s, of("", credential.RolePrivateKey))
	o, err := s.respond(t)
	expect(t, s, o, err, outcome.Rotated)
	if all := strings.Join(o.Todo, "\n"); strings.Contains(all, "Replace the fingerprint") {
		t.Errorf("to do: %q", all)
	}
}

func TestASecretThatWasAcceptedUnboundComesWithTheCommandThatBindsIt(t *testing.T) {
	s := newTenancy()
	s.config.SecretBinding = "warn"
	s.secrets[0].Freeform = nil
	o, err := s.respond(t)
	expect(t, s, o, err, outcome.Rotated)
	if all := strings.Join(o.Todo, "\n"); !strings.Contains(all, "bind it:\noci vault secret update --secret-id "+
		secretID) {
		t.Errorf("to do: %q", all)
	}
}
