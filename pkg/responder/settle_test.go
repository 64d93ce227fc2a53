package responder_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/keyturn/keyturn/pkg/cloudguard"
	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/fault"
	"github.com/keyturn/keyturn/pkg/outcome"
	"github.com/keyturn/keyturn/pkg/rotation"
	"github.com/keyturn/keyturn/pkg/secret"
)

func TestADeliveryThatChangedNothingLooksOnceMoreBeforeItMails(t *testing.T) {
	done := rotation.Result{End: rotation.Done, Reason: rotation.Rotated, OldGone: true}
	grace := rotation.Result{End: rotation.Done, Reason: rotation.GraceRunning, Plan: []rotation.Action{rotation.Prove}}
	interrupted := rotation.Result{End: rotation.Wait, Reason: rotation.Interrupted, Cause: fault.New(fault.Busy, "UpdateSecret", "")}
	taken := rotation.Result{End: rotation.Refuse, Reason: rotation.SecretTaken}
	for name, c := range map[string]struct {
		first, second rotation.Result
		want          outcome.Status
		looks         int
	}{
		"interrupted, then rotated by another":   {interrupted, done, outcome.Already, 2},
		"in progress, then rotated by another":   {rotation.Result{End: rotation.Wait, Reason: rotation.InProgress}, done, outcome.Already, 2},
		"refused, then rotated by another":       {taken, done, outcome.Already, 2},
		"failed, then rotated by another":        {rotation.Result{End: rotation.Refuse, Reason: rotation.Failed, FailedAt: rotation.Create, Cause: errNetwork}, done, outcome.Already, 2},
		"interrupted, then in its grace":         {interrupted, grace, outcome.Already, 2},
		"interrupted, and there is a rest to do": {interrupted, rotation.Result{End: rotation.Done, Reason: rotation.Rotated, Plan: []rotation.Action{rotation.Prove, rotation.Retire}}, outcome.Unfinished, 2},
		"interrupted, and again":                 {interrupted, interrupted, outcome.Unfinished, 2},
		"interrupted, then an unknown id":        {interrupted, rotation.Result{End: rotation.Done, Reason: rotation.AlreadyGone, Slots: []credential.Issued{{ID: "x"}}}, outcome.Refused, 2},
		"refused, and again":                     {taken, taken, outcome.Refused, 2},
		"interrupted, but it changed something":  {rotation.Result{End: rotation.Wait, Reason: rotation.Interrupted, Acted: true}, done, outcome.Unfinished, 1},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene()
			s.run = func(_ context.Context, job rotation.Job) rotation.Result {
				if job.DryRun != (len(s.jobs) > 1) {
					t.Errorf("run %d has dry_run %v; only the second look changes nothing", len(s.jobs), job.DryRun)
				}
				if job.DryRun {
					return c.second
				}
				return c.first
			}
			o, err := s.respond(t)
			expect(t, s, o, err, c.want)
			if len(s.jobs) != c.looks {
				t.Errorf("the engine ran %d times, want %d", len(s.jobs), c.looks)
			}
			if o.Status == outcome.Already && (o.Mend != "" || o.Reason == "" || o.Reopened) {
				t.Errorf("the outcome is %+v", o)
			}
		})
	}
}

// Two deliveries of one event: the second one can do nothing, since the first is at work, and then the first has finished.
func TestOfTwoDeliveriesTheOneThatRotatedNothingDoesNotMailThatItIsNotFinished(t *testing.T) {
	first, second := newScene(), newScene()
	atWork, met, mailed := make(chan struct{}), make(chan struct{}), make(chan struct{})
	first.run = func(_ context.Context, job rotation.Job) rotation.Result {
		close(atWork)
		<-met
		return rotated(job)
	}
	second.run = func(_ context.Context, job rotation.Job) rotation.Result {
		if job.DryRun {
			return rotation.Result{End: rotation.Done, Reason: rotation.Rotated, OldGone: true}
		}
		close(met)
		<-mailed
		return rotation.Result{End: rotation.Wait, Reason: rotation.Interrupted, Cause: fault.New(fault.Conflict, "UpdateSecret", "")}
	}
	var group sync.WaitGroup
	group.Go(func() {
		defer close(mailed)
		o, err := first.respond(t)
		expect(t, first, o, err, outcome.Rotated)
	})
	<-atWork
	o, err := second.respond(t)
	group.Wait()
	expect(t, second, o, err, outcome.Already)
}

func TestAnIDThatIsNotWrittenAsOCIListsItIsNeverTakenForGone(t *testing.T) {
	const accessKey, scim = "0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c", "3f5b8a0c1d2e4f60718293a4b5c6d7e8"
	other := []credential.Issued{{ID: "ocid1.credential.oc1..aaaaaaaaother"}}
	for name, c := range map[string]struct {
		rule     cloudguard.Rule
		resource string
		listed   []credential.Issued
		want     outcome.Status
	}{
		"an OCID, others listed by OCID":       {cloudguard.AuthTokenTooOld, tokenID, other, outcome.Already},
		"an OCID, none listed":                 {cloudguard.AuthTokenTooOld, tokenID, nil, outcome.Already},
		"an OCID, listed in capitals":          {cloudguard.AuthTokenTooOld, tokenID, []credential.Issued{{ID: strings.ToUpper(tokenID)}}, outcome.Refused},
		"a SCIM id, others listed by OCID":     {cloudguard.AuthTokenTooOld, scim, other, outcome.Refused},
		"a name, others listed by OCID":        {cloudguard.AuthTokenTooOld, "token-of-web", other, outcome.Refused},
		"a name, none listed":                  {cloudguard.AuthTokenTooOld, "token-of-web", nil, outcome.Refused},
		"an access key, others listed by OCID": {cloudguard.SecretKeyTooOld, accessKey, other, outcome.Refused},
		"an access key, others listed as such": {cloudguard.SecretKeyTooOld, accessKey, []credential.Issued{{ID: strings.Repeat("ab", 20)}}, outcome.Already},
		"an OCID, others listed by access key": {cloudguard.SecretKeyTooOld, tokenID, []credential.Issued{{ID: accessKey}}, outcome.Refused},
		"an OCID, listed in both forms":        {cloudguard.SecretKeyTooOld, tokenID, []credential.Issued{other[0], {ID: accessKey}}, outcome.Refused},
		"a fingerprint":                        {cloudguard.APIKeyTooOld, strings.Repeat("ab:", 15) + "ab", []credential.Issued{{ID: strings.Repeat("cd:", 15) + "cd"}}, outcome.Already},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene().about(c.rule, c.resource, "bundle_secret_ocid:"+secretID)
			s.run = ended(s, rotation.Result{End: rotation.Done, Reason: rotation.AlreadyGone, Slots: c.listed})
			s.secrets[0].Freeform["keyturn-kind"] = map[cloudguard.Rule]string{cloudguard.AuthTokenTooOld: "auth-token",
				cloudguard.SecretKeyTooOld: "customer-secret-key", cloudguard.APIKeyTooOld: "api-key"}[c.rule]
			o, err := s.respond(t)
			expect(t, s, o, err, c.want)
			if refused := c.want == outcome.Refused; o.Reopened != refused || refused && o.Mend == "" {
				t.Errorf("re-opened %v, the remedy %q (%s)", o.Reopened, o.Mend, o.Reason)
			}
		})
	}
}

func TestACredentialIsNotGoneBecauseAUserOfTheEventAloneDoesNotHaveIt(t *testing.T) {
	s := newScene()
	s.problem = func(int) (cloudguard.Problem, error) {
		p := s.closed(comment)
		p.Details = nil
		return p, nil
	}
	s.run = ended(s, rotation.Result{End: rotation.Done, Reason: rotation.AlreadyGone})
	o, err := s.respond(t)
	expect(t, s, o, err, outcome.Refused)
	if !o.Reopened {
		t.Error("the problem was not re-opened")
	}
}

// remains is what the tests let be left of a credential.
type remains struct {
	listed   []credential.Issued
	err      error
	versions []secret.Version
}

func (r remains) Credentials(context.Context, credential.Kind, string) (credential.Listing, error) {
	return credential.Listing{Credentials: r.listed}, r.err
}

func (r remains) Versions(context.Context, string) ([]secret.Version, error) { return r.versions, nil }

func TestAProblemIsNotOpenedAgainIfItsCredentialIsCertainlyGone(t *testing.T) {
	absent := fault.New(fault.Absent, "ListAuthTokens", "")
	ref := credential.Ref{Kind: credential.AuthToken, User: userID, ID: tokenID}
	ours := func(current, pending bool) []secret.Version {
		return []secret.Version{{Number: 1}, {Number: 2, Name: ref.RotationID().VersionName(1), Current: current, Pending: pending}}
	}
	unreadable := rotation.Result{End: rotation.Refuse, Reason: rotation.Failed, Cause: absent}
	for name, c := range map[string]struct {
		comment string
		left    remains
		result  *rotation.Result // nil: the engine asks for permission first
		want    outcome.Status
	}{
		"the comment has a mistake":                     {"auth_secret_ocd:x", remains{}, nil, outcome.Already},
		"the comment has a mistake, and it lives":       {"auth_secret_ocd:x", remains{listed: []credential.Issued{{ID: tokenID}}}, nil, outcome.Refused},
		"the comment has a mistake, and it lives, too":  {"auth_secret_ocd:x", remains{listed: []credential.Issued{{ID: strings.ToUpper(tokenID)}}}, nil, outcome.Refused},
		"the list can't be read":                        {"auth_secret_ocd:x", remains{err: errNetwork}, nil, outcome.Refused},
		"the user can't be seen":                        {"auth_secret_ocd:x", remains{err: absent}, nil, outcome.Refused},
		"listed in another form":                        {"auth_secret_ocd:x", remains{listed: []credential.Issued{{ID: "0f1e2d3c"}}}, nil, outcome.Refused},
		"deleting first was allowed":                    {"auth_secret_ocd:x,replace:yes", remains{}, nil, outcome.Refused},
		"deleting first was allowed, with another word": {"auth_secret_ocd:x,Replase=yes", remains{}, nil, outcome.Refused},
		"the secret can't be read":                      {comment, remains{}, &unreadable, outcome.Already},
		"the secret can't be read, replace:yes":         {comment + ",replace:yes", remains{}, &unreadable, outcome.Refused},
		"the user is gone, and our version is CURRENT":  {comment, remains{err: absent, versions: ours(true, false)}, &unreadable, outcome.Already},
		"the user is gone, and our version is PENDING":  {comment, remains{err: absent, versions: ours(false, true)}, &unreadable, outcome.Refused},
		"the user is gone, and no version is ours":      {comment, remains{err: absent, versions: []secret.Version{{Number: 1, Current: true}}}, &unreadable, outcome.Refused},
		"the engine has seen it":                        {comment, remains{}, &rotation.Result{End: rotation.Refuse, Reason: rotation.NoFreeSlot}, outcome.Refused},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene().with(c.comment)
			if c.result != nil {
				s.run = func(context.Context, rotation.Job) rotation.Result { return *c.result }
			}
			r := s.responder()
			r.Remains = c.left
			o, err := r.Respond(t.Context(), "call-1", s.event.json(t))
			expect(t, s, o, err, c.want)
			if o.Reopened != (c.want == outcome.Refused) {
				t.Errorf("re-opened %v (%s)", o.Reopened, o.Reason)
			}
		})
	}
}

func TestAPasswordThatWasResetSinceNeedsNoRotation(t *testing.T) {
	for age, want := range map[time.Duration]outcome.Status{time.Minute: outcome.Already, -time.Hour: outcome.Refused} {
		s := newScene().about(cloudguard.PasswordTooOld, userID, "passwrd_secret_ocid:x")
		r := s.responder()
		r.Remains = remains{listed: []credential.Issued{{ID: "x", Created: closedAt.Add(age)}}}
		o, err := r.Respond(t.Context(), "call-1", s.event.json(t))
		expect(t, s, o, err, want)
	}
}

func TestAHistoryThatNeverShowsWhoClosedTheProblemIsARefusalAfterADay(t *testing.T) {
	for name, c := range map[string]struct {
		age    time.Duration
		detail string
		want   outcome.Status
	}{
		"for an hour":              {time.Hour, "RESOLVED", outcome.Unfinished},
		"for a day":                {25 * time.Hour, "RESOLVED", outcome.Refused},
		"for a day, and it's open": {25 * time.Hour, "OPEN", outcome.Unfinished},
	} {
		s := newScene()
		s.clock = fixedClock{s.clock, closedAt.Add(c.age)}
		s.problem = func(int) (cloudguard.Problem, error) {
			p := s.closed(comment)
			p.Detail, p.History = c.detail, nil
			return p, nil
		}
		o, err := s.respond(t)
		expect(t, s, o, err, c.want)
		if o.Reopened != (c.want == outcome.Refused) || s.saw("Run") || o.Mend == "" {
			t.Errorf("%s: re-opened %v, called %v, the remedy %q", name, o.Reopened, s.calls, o.Mend)
		}
	}
}

func TestAnEventWithoutATypeAboutAnOpenProblemIsNotOurs(t *testing.T) {
	s := newScene()
	s.event.kind = ""
	s.problem = func(int) (cloudguard.Problem, error) { return s.open(), nil }
	o, err := s.respond(t)
	expect(t, s, o, err, outcome.Ignored)
	if s.reads != 1 || s.saw("Run") {
		t.Errorf("called %v", s.calls)
	}
}

func TestOfATagOrJournalOnlyWellFormedIDsAreUsed(t *testing.T) {
	good := credential.Ref{Kind: credential.AuthToken, User: userID, ID: tokenID}
	target := []rotation.Target{{Role: credential.RoleToken, SecretID: secretID}}
	for name, c := range map[string]struct {
		ref     credential.Ref
		targets []rotation.Target
	}{
		"a user that leads elsewhere":   {credential.Ref{Kind: good.Kind, User: userID + "/../../groups", ID: tokenID}, target},
		"no user":                       {credential.Ref{Kind: good.Kind, ID: tokenID}, target},
		"a tenancy for the user":        {credential.Ref{Kind: good.Kind, User: tenancyID, ID: tokenID}, target},
		"a token with a query":          {credential.Ref{Kind: good.Kind, User: userID, ID: tokenID + "?x"}, target},
		"a path for the token":          {credential.Ref{Kind: good.Kind, User: userID, ID: "../x"}, target},
		"dots for the token":            {credential.Ref{Kind: good.Kind, User: userID, ID: ".."}, target},
		"a user for the token":          {credential.Ref{Kind: good.Kind, User: userID, ID: userID}, target},
		"no token":                      {credential.Ref{Kind: good.Kind, User: userID}, target},
		"half a fingerprint":            {credential.Ref{Kind: credential.APIKey, User: userID, ID: "ab:cd"}, target},
		"a word for a password's time":  {credential.Ref{Kind: credential.Password, User: userID, ID: "yesterday"}, target},
		"a secret that leads elsewhere": {good, []rotation.Target{target[0], {Role: credential.RoleBundle, SecretID: secretID + "/../b"}}},
		"a user for the secret":         {good, []rotation.Target{{Role: credential.RoleToken, SecretID: userID}}},
		"no secret":                     {good, []rotation.Target{{Role: credential.RoleToken}}},
	} {
		s := newScene()
		o := s.responder().Resume(t.Context(), "call-1", c.ref, c.targets, 0)
		if o.Status != outcome.Refused || o.Mend == "" || s.saw("Run") {
			t.Errorf("%s: %s (%s), called %v", name, o.Status, o.Reason, s.calls)
		}
	}
}
