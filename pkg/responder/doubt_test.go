package responder_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/keyturn/keyturn/pkg/cloudguard"
	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/outcome"
	"github.com/keyturn/keyturn/pkg/rotation"
)

func TestAnIDThatIsNotWrittenAsOCIListsItIsNeverTakenForGone(t *testing.T) {
	const accessKey, scim = "0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c", "3f5b8a0c1d2e4f60718293a4b5c6d7e8"
	other := []credential.Issued{{ID: "ocid1.credential.oc1..aaaaaaaaother"}}
	for name, c := range map[string]struct {
		rule     cloudguard.Rule
		resource string
		listed   []credential.Issued
		want     outcome.Status
	}{
		"an OCID, others listed by OCID": {cloudguard.AuthTokenTooOld, tokenID, other, outcome.Already},
		"an OCID, none listed":           {cloudguard.AuthTokenTooOld, tokenID, nil, outcome.Already},
		"an OCID, listed in capitals": {cloudguard.AuthTokenTooOld, tokenID,
			[]credential.Issued{{ID: strings.ToUpper(tokenID)}}, outcome.Refused},
		"a SCIM id, others listed by OCID":     {cloudguard.AuthTokenTooOld, scim, other, outcome.Refused},
		"a name, others listed by OCID":        {cloudguard.AuthTokenTooOld, "token-of-web", other, outcome.Refused},
		"a name, none listed":                  {cloudguard.AuthTokenTooOld, "token-of-web", nil, outcome.Refused},
		"an access key, others listed by OCID": {cloudguard.SecretKeyTooOld, accessKey, other, outcome.Refused},
		"an access key, others listed as such": {cloudguard.SecretKeyTooOld, accessKey,
			[]credential.Issued{{ID: strings.Repeat("ab", 20)}}, outcome.Already},
		"an OCID, others listed by access key": {cloudguard.SecretKeyTooOld, tokenID,
			[]credential.Issued{{ID: accessKey}}, outcome.Refused},
		"an OCID, listed in both forms": {cloudguard.SecretKeyTooOld, tokenID,
			[]credential.Issued{other[0], {ID: accessKey}}, outcome.Refused},
		"a fingerprint": {cloudguard.APIKeyTooOld, strings.Repeat("ab:", 15) + "ab",
			[]credential.Issued{{ID: strings.Repeat("cd:", 15) + "cd"}}, outcome.Already},
	} {
		t.Run(name, func(t *testing.T) {
			s := newTenancy().about(c.rule, c.resource, "bundle_secret_ocid:"+secretID)
			s.run = func(ctx context.Context, job rotation.Job) rotation.Result {
				return missing(ctx, s, job, c.listed)
			}
			s.secrets[0].Freeform["keyturn-kind"] = map[cloudguard.Rule]string{cloudguard.AuthTokenTooOld: "auth-token",
				cloudguard.SecretKeyTooOld: "customer-secret-key", cloudguard.APIKeyTooOld: "api-key"}[c.rule]
			o, err := s.respond(t)
			expect(t, s, o, err, c.want)
			if refused := c.want == outcome.Refused; o.Reopened != refused || refused && o.Remedy == "" {
				t.Errorf("re-opened %v, the remedy %q (%s)", o.Reopened, o.Remedy, o.Reason)
			}
		})
	}
}

// missing is the engine's end with a credential that isn't in the list, for a rotation that has not begun.
func missing(ctx context.Context, s *tenancy, job rotation.Job, listed []credential.Issued) rotation.Result {
	r := permitted(ctx, s, job, func(rotation.Job) rotation.Result { return rotation.Result{} })
	r.Slots = listed
	switch {
	case job.Doubt(r.Slots) != "":
		r.End, r.Reason, r.Detail = rotation.Refuse, rotation.Doubtful, job.Doubt(r.Slots)
	case job.Replace && r.Cause != nil:
		r.End, r.Reason = rotation.Refuse, rotation.Failed
	default:
		r.End, r.Reason, r.Cause = rotation.Done, rotation.AlreadyGone, nil
	}
	return r
}

func TestACredentialIsNotGoneBecauseAUserThatOnlyTheEventNamesDoesNotHaveIt(t *testing.T) {
	s := newTenancy()
	s.problem = func(int) (cloudguard.Problem, error) {
		p := s.closed(comment)
		p.Details = nil
		return p, nil
	}
	s.run = func(ctx context.Context, job rotation.Job) rotation.Result { return missing(ctx, s, job, nil) }
	o, err := s.respond(t)
	expect(t, s, o, err, outcome.Refused)
	if !o.Reopened || !strings.Contains(o.Reason, "only the event names the user") {
		t.Errorf("re-opened %v (%s)", o.Reopened, o.Reason)
	}
}

// An order that can't be carried out is a refusal only as long as there is something to rotate.
func TestAProblemWhoseCredentialIsGoneStaysClosedThoughItsOrderIsWrong(t *testing.T) {
	for name, c := range map[string]struct {
		comment string
		change  func(*tenancy)
		gone    outcome.Status
	}{
		"a mistake in the comment":      {"auth_secret_ocd:x", func(*tenancy) {}, outcome.Already},
		"a comment that orders nothing": {"CHG-7", func(*tenancy) {}, outcome.Already},
		"no bound secret":               {"rotate:yes", func(s *tenancy) { s.secrets = nil }, outcome.Already},
		"a secret of somebody else": {comment, func(s *tenancy) {
			s.secrets[0].Freeform["keyturn-user"] = "ocid1.user.oc1..x"
		}, outcome.Already},
		"a protected user": {comment, func(s *tenancy) { s.config.ProtectedUsers = []string{userID} },
			outcome.Already},
		"a secret that is being deleted": {comment, func(s *tenancy) { s.secrets[0].State = "PENDING_DELETION" },
			outcome.Already},
		"a mistake, deleting first allowed": {"auth_secret_ocd:x,replace:yes", func(*tenancy) {}, outcome.Refused},
		"a mistake in the word for it":      {"auth_secret_ocd:x,Replase=yes", func(*tenancy) {}, outcome.Refused},
		"a mistake, allowed by the problem": {"auth_secret_ocd:x", earlierClosure(comment + ",replace:yes"),
			outcome.Refused},
		"a mistake, allowed by a last remark": {"auth_secret_ocd:x", func(s *tenancy) {
			s.problem = lastComment(s, "replace:yes")
		}, outcome.Refused},
	} {
		t.Run(name, func(t *testing.T) {
			for _, is := range []struct {
				gone bool
				want outcome.Status
			}{{true, c.gone}, {false, outcome.Refused}} {
				s := newTenancy().with(c.comment)
				c.change(s)
				if is.gone {
					s.run = func(ctx context.Context, job rotation.Job) rotation.Result {
						return missing(ctx, s, job, nil)
					}
				}
				o, err := s.respond(t)
				expect(t, s, o, err, is.want)
				if o.Reopened != (is.want == outcome.Refused) || s.saw("Run") || o.Changed {
					t.Errorf("gone %v: re-opened %v (%s), called %v", is.gone, o.Reopened, o.Reason, s.calls())
				}
			}
		})
	}
}

// earlierClosure puts a closure with a comment before that of the tenancy, and our re-opening between the two.
func earlierClosure(comment string) func(*tenancy) {
	return func(s *tenancy) {
		p := s.closed(s.event.comment)
		p.History = append(p.History,
			cloudguard.Change{At: closedAt.Add(-time.Hour), ActorKind: "USER", Detail: "OPEN",
				Comment: cloudguard.ReopenMark + ": no"},
			cloudguard.Change{At: closedAt.Add(-2 * time.Hour), ActorKind: "USER", Detail: "RESOLVED",
				Comment: comment})
		s.problem = func(int) (cloudguard.Problem, error) { return p, nil }
	}
}

// lastComment is the record with a comment of the problem itself, which its history has from before the closure.
func lastComment(s *tenancy, comment string) func(int) (cloudguard.Problem, error) {
	p := s.closed(s.event.comment)
	p.Comment = comment
	p.History = append(p.History, cloudguard.Change{At: closedAt.Add(-time.Hour), ActorKind: "USER", Detail: "OPEN",
		Comment: comment})
	return func(int) (cloudguard.Problem, error) { return p, nil }
}

func TestTheEngineGetsTheProblemAndTheSecretsThatItsEarlierClosuresNamed(t *testing.T) {
	s := newTenancy()
	earlierClosure("auth_secret_ocid:" + strings.ToUpper(otherSecret) + ",CHG-1")(s)
	o, err := s.respond(t)
	expect(t, s, o, err, outcome.Rotated)
	if j := s.jobs[0]; j.Problem != problemID || !slices.Equal(j.Earlier, []string{otherSecret}) ||
		j.Doubt(nil) != "" || j.Replace {
		t.Errorf("the job is %+v", j)
	}
	s = newTenancy()
	earlierClosure(comment)(s) // the same secret as now
	o, err = s.respond(t)
	if len(s.jobs[0].Earlier) != 0 {
		t.Errorf("%v (%v): earlier %q", o.Status, err, s.jobs[0].Earlier)
	}
	s = newTenancy()
	s.config.EventCheck = false
	o, err = s.respond(t)
	if s.jobs[0].Problem != problemID {
		t.Errorf("%v (%v): without event_check the order is %q", o.Status, err, s.jobs[0].Problem)
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
		s := newTenancy()
		s.clock = fixedClock{s.clock, closedAt.Add(c.age)}
		s.problem = func(int) (cloudguard.Problem, error) {
			p := s.closed(comment)
			p.Detail, p.History = c.detail, nil
			return p, nil
		}
		o, err := s.respond(t)
		expect(t, s, o, err, c.want)
		if o.Reopened != (c.want == outcome.Refused) || s.saw("Run") || o.Remedy == "" {
			t.Errorf("%s: re-opened %v, called %v, the remedy %q", name, o.Reopened, s.calls(), o.Remedy)
		}
	}
}

func TestAnEventWithoutATypeAboutAnOpenProblemIsNotOurs(t *testing.T) {
	s := newTenancy()
	s.event.kind = ""
	s.problem = func(int) (cloudguard.Problem, error) { return s.open(), nil }
	o, err := s.respond(t)
	expect(t, s, o, err, outcome.Ignored)
	if s.reads != 1 || s.saw("Run") {
		t.Errorf("called %v", s.calls())
	}
}
