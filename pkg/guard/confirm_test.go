package guard_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/keyturn/keyturn/pkg/cloudguard"
	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/guard"
)

const (
	problem     = "ocid1.cloudguardproblem.oc1.iad.amaaaaaaproblem"
	owner       = "ocid1.user.oc1..aaaaaaaaowner"
	stranger    = "ocid1.user.oc1..aaaaaaaastranger"
	tenancy     = "ocid1.tenancy.oc1..aaaaaaaatenancy"
	oldToken    = "ocid1.credential.oc1..aaaaaaaaoldtoken"
	fingerprint = "1f:1d:d9:7c:fe:fa:77:7a:7b:4f:15:24:1a:bf:57:bd"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func at(minutes int) time.Time { return noon.Add(time.Duration(minutes) * time.Minute) }

// The records of a history. The event was sent one minute after noon.
func byUser(minutes int, detail, comment string) cloudguard.Change {
	return cloudguard.Change{At: at(minutes), Actor: "secops@example.com", ActorKind: "USER", Detail: detail,
		Comment: comment}
}

func byCloudGuard(minutes int, detail string) cloudguard.Change {
	return cloudguard.Change{At: at(minutes), Actor: "Cloud Guard", ActorKind: "CLOUD_GUARD_SERVICE", Detail: detail}
}

func byUs(minutes int) cloudguard.Change {
	return cloudguard.Change{At: at(minutes), Actor: "rotate", ActorKind: "USER", Detail: "OPEN",
		Comment: cloudguard.ReopenMark + ": no free slot"}
}

func record(detail string, history ...cloudguard.Change) cloudguard.Problem {
	return cloudguard.Problem{ID: problem, Rule: cloudguard.AuthTokenTooOld, Detail: detail, ResourceID: oldToken,
		Details: map[string]string{"User OCID": owner}, History: history}
}

// commented is a record of a closed problem with a comment of its own.
func commented(comment string, history ...cloudguard.Change) cloudguard.Problem {
	p := record("RESOLVED", history...)
	p.Comment = comment
	return p
}

func tokenEvent() cloudguard.Event {
	return cloudguard.Event{Type: cloudguard.TypeRemediated, Time: at(1), ProblemID: problem, Comment: "of the event",
		Subject: cloudguard.Subject{Rule: cloudguard.AuthTokenTooOld, Users: []string{owner}, IDs: []string{oldToken}}}
}

func TestTheRecordDecidesWhetherAProblemWasClosed(t *testing.T) {
	const resolved, open = "RESOLVED", "OPEN"
	for _, c := range []struct {
		name   string
		record cloudguard.Problem
		want   guard.Verdict
		said   string // the comment to obey
	}{
		{"a user closed it", record(resolved, byUser(0, resolved, "a")), guard.Confirmed, "a"},
		{"a user closed it without a comment", record(resolved, byUser(0, resolved, "")), guard.Confirmed, ""},
		{"twice, with other comments", record(resolved, byUser(0, resolved, "a"), byUser(2, resolved, "b")),
			guard.Confirmed, "b"},
		{"then Cloud Guard's scan saw that it has gone", record(resolved, byUser(0, resolved, "a"),
			byCloudGuard(5, resolved)), guard.Confirmed, "a"},
		{"after it was open again by a scan", record(resolved, byUser(-9, resolved, "a"), byCloudGuard(-5, open),
			byUser(0, resolved, "b")), guard.Confirmed, "b"},
		{"after we had re-opened it", record(resolved, byUser(-9, resolved, "a"), byUs(-5),
			byUser(0, resolved, "b")), guard.Confirmed, "b"},
		{"newest first, as the service lists them", record(resolved, byUser(0, resolved, "b"), byUs(-5),
			byUser(-9, resolved, "a")), guard.Confirmed, "b"},

		{"Cloud Guard closed it by itself", record(resolved, byCloudGuard(0, resolved)), guard.Automatic, ""},
		{"automatically after a user's earlier closure was undone", record(resolved, byUser(-9, resolved, "a"),
			byUs(-5), byCloudGuard(0, resolved)), guard.Automatic, ""},

		{"the history has not the last comment yet", commented("b", byUser(0, resolved, "a")), guard.Torn, "a\nb"},
		{"it has, but not as the last one", commented("a", byUser(0, resolved, "a"), byUser(2, resolved, "b")),
			guard.Confirmed, "b"},
		{"only the problem has a comment", commented("a", byUser(0, resolved, "")), guard.Confirmed, "a"},
		{"the problem's comment is ours", commented(cloudguard.ReopenMark+": x", byUser(0, resolved, "a")),
			guard.Confirmed, "a"},

		{"the record lags", record(open), guard.NotYet, ""},
		{"the record lags, the problem has a past", record(open, byUser(-9, resolved, "a"), byUs(-5)), guard.NotYet,
			""},
		{"the record has no state", record(""), guard.NotYet, ""},
		{"only the history lags", record(resolved), guard.NotYet, ""},
		{"only the history lags, the problem has a past", record(resolved, byUser(-9, resolved, "a"), byUs(-5)),
			guard.NotYet, ""},
		{"a scan opened it again since", record(open, byUser(0, resolved, "a"), byCloudGuard(5, open)), guard.NotYet,
			""},
		{"a user opened it again since", record(open, byUser(0, resolved, "a"), byUser(5, open, "wait")),
			guard.NotYet, ""},

		{"we opened it again since", record(open, byUser(0, resolved, "a"), byUs(2)), guard.Answered, ""},
		{"we opened it again since, newest first", record(open, byUs(2), byUser(0, resolved, "a")), guard.Answered,
			""},

		{"dismissed", record("DISMISSED", byUser(0, "DISMISSED", "not now")), guard.Contradict, ""},
		{"deleted", record("DELETED"), guard.Contradict, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			closed, got, err := guard.Confirm(tokenEvent(), c.record)
			if got != c.want {
				t.Fatalf("the verdict is %d, want %d (error %v)", got, c.want, err)
			}
			if (err != nil) != (c.want == guard.Contradict) {
				t.Errorf("the error is %v", err)
			}
			if closed.Comment != c.said {
				t.Errorf("the comment is %q, want %q", closed.Comment, c.said)
			}
			if c.want == guard.Confirmed && (closed.By != "secops@example.com" || closed.At.IsZero()) {
				t.Errorf("closed by %q at %v", closed.By, closed.At)
			}
			if c.said == "" && c.want != guard.Confirmed && !reflect.DeepEqual(closed, credential.Request{}) {
				t.Errorf("a closure %+v without a confirmation", closed)
			}
		})
	}
}

func TestARecordThatSaysSomethingElseThanTheEventContradictsIt(t *testing.T) {
	confirmed := func() cloudguard.Problem { return record("RESOLVED", byUser(0, "RESOLVED", "a")) }
	for name, c := range map[string]struct {
		event  func(*cloudguard.Event)
		record func(*cloudguard.Problem)
		want   string // in the message
	}{
		"another problem": {record: func(p *cloudguard.Problem) { p.ID = problem + "x" }, want: problem + "x"},
		"no problem":      {record: func(p *cloudguard.Problem) { p.ID = "" }, want: "another problem"},
		"another rule": {record: func(p *cloudguard.Problem) {
			p.Rule = cloudguard.SecretKeyTooOld
		}, want: "SECRET_KEY_TOO_OLD"},
		"another user": {record: func(p *cloudguard.Problem) {
			p.Details["User OCID"] = stranger
		}, want: stranger},
		"a forged user": {event: func(e *cloudguard.Event) { e.Users = []string{stranger} }, want: stranger},
		"one user of two": {event: func(e *cloudguard.Event) {
			e.Users = []string{owner, stranger}
		}, want: stranger},
		"another credential": {record: func(p *cloudguard.Problem) {
			p.ResourceID = "ocid1.credential.oc1..aaaaaaaaother"
		}, want: "aaaaaaaaother"},
		"a forged token": {event: func(e *cloudguard.Event) {
			e.IDs = []string{"ocid1.credential.oc1..aaaaaaaaforged"}
		}, want: "aaaaaaaaforged"},
		"a rule of its own": {record: func(p *cloudguard.Problem) {
			p.Rule = "BUCKET_IS_PUBLIC"
		}, want: "BUCKET_IS_PUBLIC"},
	} {
		t.Run(name, func(t *testing.T) {
			e, p := tokenEvent(), confirmed()
			if c.event != nil {
				c.event(&e)
			}
			if c.record != nil {
				c.record(&p)
			}
			_, got, err := guard.Confirm(e, p)
			if got != guard.Contradict {
				t.Fatalf("the verdict is %d, want a contradiction", got)
			}
			if refusal, ok := errors.AsType[*guard.Refusal](err); !ok || !strings.Contains(refusal.Problem, c.want) ||
				refusal.Remedy == "" {
				t.Errorf("the error is %v, want a refusal that names %s and a remedy", err, c.want)
			}
		})
	}
}

func TestAContradictionCountsEvenWhileTheRecordIsOpen(t *testing.T) {
	p := record("OPEN")
	p.Details["User OCID"] = stranger
	if _, got, _ := guard.Confirm(tokenEvent(), p); got != guard.Contradict {
		t.Errorf("the verdict is %d, want a contradiction: waiting would not help", got)
	}
}

func TestTheSpellingOfAnIDIsNoContradiction(t *testing.T) {
	e := tokenEvent()
	e.Rule, e.IDs = cloudguard.APIKeyTooOld, []string{fingerprint}
	for name, resource := range map[string]string{
		"the same":                  tenancy + "/" + owner + "/" + fingerprint,
		"the fingerprint alone":     fingerprint,
		"in capitals":               tenancy + "/" + owner + "/" + strings.ToUpper(fingerprint),
		"with blanks at the ends":   "  " + tenancy + "/" + owner + "/" + fingerprint + "\n",
		"without the tenancy":       owner + "/" + fingerprint,
		"as a list":                 "[" + fingerprint + "]",
		"with dashes for colons":    strings.ReplaceAll(fingerprint, ":", "-"),
		"with the name of its hash": "MD5:" + fingerprint,
	} {
		p := cloudguard.Problem{ID: strings.ToUpper(problem), Rule: "api_key_too_old", Detail: " resolved",
			ResourceID: resource,
			Details:    map[string]string{"userOcid": " " + strings.ToUpper(owner)}, History: []cloudguard.Change{
				byUser(0, "RESOLVED", "a")}}
		got, verdict, err := guard.Confirm(e, p)
		want := credential.Request{Ref: credential.Ref{Kind: credential.APIKey, User: owner, ID: fingerprint},
			Closure: credential.Closure{Problem: problem, By: "secops@example.com", At: at(0), Comment: "a"}}
		if verdict != guard.Confirmed || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: the verdict is %d (%v), the request %+v", name, verdict, err, got)
		}
	}
}

func TestAnEventThatSaysNothingStartsWhatTheRecordSays(t *testing.T) {
	got, verdict, err := guard.Confirm(cloudguard.Event{ProblemID: problem},
		record("RESOLVED", byUser(0, "RESOLVED", "a")))
	want := credential.Request{Ref: credential.Ref{Kind: credential.AuthToken, User: owner, ID: oldToken},
		Closure: credential.Closure{Problem: problem, By: "secops@example.com", At: at(0), Comment: "a"}}
	if verdict != guard.Confirmed || !reflect.DeepEqual(got, want) {
		t.Errorf("the verdict is %d (%v), the request %+v", verdict, err, got)
	}
}

func TestIDsOfDifferentFormsAreNoContradiction(t *testing.T) {
	const accessKey, scim = "0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c", "3f5b8a0c1d2e4f60718293a4b5c6d7e8"
	for _, id := range []string{accessKey, scim} {
		e, p := tokenEvent(), record("RESOLVED", byUser(0, "RESOLVED", "a"))
		e.Rule, p.Rule, e.IDs = cloudguard.SecretKeyTooOld, cloudguard.SecretKeyTooOld, []string{id}
		if got, verdict, err := guard.Confirm(e, p); verdict != guard.Confirmed || got.Ref.ID != oldToken {
			t.Errorf("%s: the verdict is %d (%v), the id %q", id, verdict, err, got.Ref.ID)
		}
	}
}

func TestWhatTheRecordLacksIsRefusedWithItsField(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*cloudguard.Problem)
		field  string
	}{
		"no credential":           {func(p *cloudguard.Problem) { p.ResourceID = "" }, "resourceId"},
		"a user for a credential": {func(p *cloudguard.Problem) { p.ResourceID = owner }, "resourceId"},
		"a user's name for one": {func(p *cloudguard.Problem) {
			p.ResourceID = "jane@example.com"
		}, "resourceId"},
		"two credentials of one form": {func(p *cloudguard.Problem) { p.Details["Token OCID"] = oldToken + "2" },
			"resourceId"},
		"two users": {func(p *cloudguard.Problem) { p.Details["User ID"] = stranger }, "User OCID"},
		"a user in the path of the resource who isn't the owner": {func(p *cloudguard.Problem) {
			p.ResourceID = stranger + "/" + oldToken
		}, "User OCID"},
	} {
		p := record("RESOLVED", byUser(0, "RESOLVED", "a"))
		c.change(&p)
		_, verdict, err := guard.Confirm(cloudguard.Event{ProblemID: problem}, p)
		format, ok := errors.AsType[*cloudguard.FormatError](err)
		if verdict != guard.Lacking || !ok || !strings.Contains(format.Field, c.field) || format.Remedy == "" {
			t.Errorf("%s: the verdict is %d, the error %v, want one about %s with a remedy", name, verdict, err,
				c.field)
		}
	}
}

func TestOfACredentialWithAnIDTheEventMayNameTheOwner(t *testing.T) {
	p := record("RESOLVED", byUser(0, "RESOLVED", "a"))
	delete(p.Details, "User OCID")
	got, verdict, err := guard.Confirm(tokenEvent(), p)
	if verdict != guard.Confirmed || got.Ref.User != owner || !got.UserHinted {
		t.Errorf("the verdict is %d (%v), the request %+v", verdict, err, got)
	}
	if _, verdict, _ := guard.Confirm(cloudguard.Event{ProblemID: problem}, p); verdict != guard.Lacking {
		t.Errorf("without any user the verdict is %d", verdict)
	}
	two := tokenEvent()
	two.Users = append(two.Users, stranger)
	if _, verdict, _ := guard.Confirm(two, p); verdict != guard.Lacking {
		t.Errorf("with two users the verdict is %d", verdict)
	}
}

func TestOfAPasswordTheRecordHasToNameTheOwner(t *testing.T) {
	e := tokenEvent()
	e.Rule, e.IDs = cloudguard.PasswordTooOld, nil
	p := record("RESOLVED", byUser(0, "RESOLVED", ""))
	p.Rule, p.ResourceID = cloudguard.PasswordTooOld, "web@example.com"
	if _, got, err := guard.Confirm(e, p); got != guard.Confirmed {
		t.Fatalf("with the user: the verdict is %d (%v)", got, err)
	}
	delete(p.Details, "User OCID")
	if _, got, _ := guard.Confirm(e, p); got != guard.Lacking {
		t.Errorf("without the user: the verdict is %d", got)
	}
	p.ResourceID = owner
	if _, got, err := guard.Confirm(e, p); got != guard.Confirmed {
		t.Errorf("with the user as the resource: the verdict is %d (%v)", got, err)
	}
}

func TestARecordOfAnotherRuleIsNotOurs(t *testing.T) {
	p := record("RESOLVED", byUser(0, "RESOLVED", "a"))
	for _, rule := range []cloudguard.Rule{"BUCKET_IS_PUBLIC", "IAM_MFA_TOTP_DEVICE_TOO_OLD", "API_KEY_TOO_OLD_2", ""} {
		p.Rule = rule
		if _, verdict, err := guard.Confirm(cloudguard.Event{ProblemID: problem}, p); verdict != guard.NotOurs ||
			err == nil {
			t.Errorf("%q: the verdict is %d (%v)", rule, verdict, err)
		}
	}
}

func TestWithoutTheRecordAnEventMustBeComplete(t *testing.T) {
	if got, err := guard.Trust(tokenEvent()); err != nil || got.Ref.User != owner || got.Ref.ID != oldToken ||
		got.Comment != "of the event" {
		t.Errorf("%+v, %v", got, err)
	}
	for name, change := range map[string]func(*cloudguard.Event){
		"no rule":         func(e *cloudguard.Event) { e.Rule = "" },
		"another rule":    func(e *cloudguard.Event) { e.Rule = "BUCKET_IS_PUBLIC" },
		"no user":         func(e *cloudguard.Event) { e.Users = nil },
		"two users":       func(e *cloudguard.Event) { e.Users = []string{owner, stranger} },
		"no credential":   func(e *cloudguard.Event) { e.IDs = nil },
		"two credentials": func(e *cloudguard.Event) { e.IDs = []string{oldToken, oldToken + "2"} },
		"a password without time": func(e *cloudguard.Event) {
			e.Rule, e.IDs, e.Time = cloudguard.PasswordTooOld, nil, time.Time{}
		},
	} {
		e := tokenEvent()
		change(&e)
		if got, err := guard.Trust(e); err == nil {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestARefusalIsOneSentenceWithItsRemedy(t *testing.T) {
	if got := (&guard.Refusal{Problem: "it is shut", Remedy: "open it"}).Error(); got != "it is shut; open it" {
		t.Error(got)
	}
	if got := (&guard.Refusal{Problem: "it is shut"}).Error(); got != "it is shut" {
		t.Error(got)
	}
}

func TestProtectedRefusesProtectedUsersAndThoseWithoutAName(t *testing.T) {
	protects := func(ocid, name string) bool { return ocid == stranger || name == "admin" }
	for _, c := range []struct {
		ocid, name string
		refused    bool
	}{
		{owner, "web", false},
		{owner, "admin", true},
		{stranger, "web", true},
		{owner, "", true}, // nobody could tell whether the name is protected
	} {
		err := guard.Protected(protects, c.ocid, c.name)
		if _, ok := errors.AsType[*guard.Refusal](err); ok != c.refused {
			t.Errorf("%s (%q): %v, want refused %v", c.ocid, c.name, err, c.refused)
		}
	}
}
