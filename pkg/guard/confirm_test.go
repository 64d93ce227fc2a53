package guard_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/keyturn/keyturn/pkg/cloudguard"
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
func byPerson(minutes int, detail, comment string) cloudguard.Change {
	return cloudguard.Change{At: at(minutes), Actor: "secops@example.com", ActorKind: "USER", Detail: detail, Comment: comment}
}

func byCloudGuard(minutes int, detail string) cloudguard.Change {
	return cloudguard.Change{At: at(minutes), Actor: "Cloud Guard", ActorKind: "CLOUD_GUARD_SERVICE", Detail: detail}
}

func byUs(minutes int) cloudguard.Change {
	return cloudguard.Change{At: at(minutes), Actor: "rotate", ActorKind: "USER", Detail: "OPEN", Comment: guard.ReopenMark + ": no free slot"}
}

func record(detail string, history ...cloudguard.Change) cloudguard.Problem {
	return cloudguard.Problem{ID: problem, Rule: cloudguard.AuthTokenTooOld, Detail: detail, ResourceID: oldToken, User: owner, History: history}
}

func tokenEvent() cloudguard.Event {
	return cloudguard.Event{Time: at(1), Rule: cloudguard.AuthTokenTooOld, ProblemID: problem, ResourceID: oldToken, User: owner, Comment: "of the event"}
}

func TestTheRecordDecidesWhetherAProblemWasClosed(t *testing.T) {
	const resolved, open = "RESOLVED", "OPEN"
	for _, c := range []struct {
		name   string
		record cloudguard.Problem
		want   guard.Verdict
		said   string // the comment to obey
	}{
		{"a person closed it", record(resolved, byPerson(0, resolved, "a")), guard.Confirmed, "a"},
		{"a person closed it without a word", record(resolved, byPerson(0, resolved, "")), guard.Confirmed, ""},
		{"twice, with other words", record(resolved, byPerson(0, resolved, "a"), byPerson(2, resolved, "b")), guard.Confirmed, "b"},
		{"then Cloud Guard's scan saw that it has gone", record(resolved, byPerson(0, resolved, "a"), byCloudGuard(5, resolved)), guard.Confirmed, "a"},
		{"after it was open again by a scan", record(resolved, byPerson(-9, resolved, "a"), byCloudGuard(-5, open), byPerson(0, resolved, "b")), guard.Confirmed, "b"},
		{"after we had re-opened it", record(resolved, byPerson(-9, resolved, "a"), byUs(-5), byPerson(0, resolved, "b")), guard.Confirmed, "b"},
		{"newest first, as the service lists them", record(resolved, byPerson(0, resolved, "b"), byUs(-5), byPerson(-9, resolved, "a")), guard.Confirmed, "b"},

		{"Cloud Guard closed it by itself", record(resolved, byCloudGuard(0, resolved)), guard.ByItself, ""},
		{"by itself after a person's earlier closure was undone", record(resolved, byPerson(-9, resolved, "a"), byUs(-5), byCloudGuard(0, resolved)), guard.ByItself, ""},

		{"the record lags", record(open), guard.NotYet, ""},
		{"the record lags, the problem has a past", record(open, byPerson(-9, resolved, "a"), byUs(-5)), guard.NotYet, ""},
		{"the record has no state", record(""), guard.NotYet, ""},
		{"only the history lags", record(resolved), guard.NotYet, ""},
		{"only the history lags, the problem has a past", record(resolved, byPerson(-9, resolved, "a"), byUs(-5)), guard.NotYet, ""},
		{"a scan opened it again since", record(open, byPerson(0, resolved, "a"), byCloudGuard(5, open)), guard.NotYet, ""},
		{"a person opened it again since", record(open, byPerson(0, resolved, "a"), byPerson(5, open, "wait")), guard.NotYet, ""},

		{"we opened it again since", record(open, byPerson(0, resolved, "a"), byUs(2)), guard.Answered, ""},
		{"we opened it again since, newest first", record(open, byUs(2), byPerson(0, resolved, "a")), guard.Answered, ""},

		{"dismissed", record("DISMISSED", byPerson(0, "DISMISSED", "not now")), guard.Contradict, ""},
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
			if c.want != guard.Confirmed && closed != (guard.Closed{}) {
				t.Errorf("a closure %+v without a confirmation", closed)
			}
		})
	}
}

func TestARecordThatSaysSomethingElseThanTheEventContradictsIt(t *testing.T) {
	confirmed := func() cloudguard.Problem { return record("RESOLVED", byPerson(0, "RESOLVED", "a")) }
	for name, c := range map[string]struct {
		event  func(*cloudguard.Event)
		record func(*cloudguard.Problem)
		want   string // in the message
	}{
		"another problem":    {record: func(p *cloudguard.Problem) { p.ID = problem + "x" }, want: problem + "x"},
		"no problem":         {record: func(p *cloudguard.Problem) { p.ID = "" }, want: "another problem"},
		"another rule":       {record: func(p *cloudguard.Problem) { p.Rule = cloudguard.SecretKeyTooOld }, want: "SECRET_KEY_TOO_OLD"},
		"another user":       {record: func(p *cloudguard.Problem) { p.User = stranger }, want: stranger},
		"a forged user":      {event: func(e *cloudguard.Event) { e.User = stranger }, want: stranger},
		"another credential": {record: func(p *cloudguard.Problem) { p.ResourceID = "ocid1.credential.oc1..aaaaaaaaother" }, want: "aaaaaaaaother"},
		"a forged token":     {event: func(e *cloudguard.Event) { e.ResourceID = "ocid1.credential.oc1..aaaaaaaaforged" }, want: "aaaaaaaaforged"},
		"no credential":      {record: func(p *cloudguard.Problem) { p.ResourceID = "" }, want: oldToken},
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
			if refusal, ok := errors.AsType[*guard.Refusal](err); !ok || !strings.Contains(refusal.Problem, c.want) || refusal.Mend == "" {
				t.Errorf("the error is %v, want a refusal that names %s and a mend", err, c.want)
			}
		})
	}
}

func TestAContradictionCountsEvenWhileTheRecordIsOpen(t *testing.T) {
	p := record("OPEN")
	p.User = stranger
	if _, got, _ := guard.Confirm(tokenEvent(), p); got != guard.Contradict {
		t.Errorf("the verdict is %d, want a contradiction: waiting would not help", got)
	}
}

func TestTheSpellingOfAnIDIsNoContradiction(t *testing.T) {
	e := cloudguard.Event{Time: at(1), Rule: cloudguard.APIKeyTooOld, ProblemID: problem, User: owner, ResourceID: tenancy + "/" + owner + "/" + fingerprint}
	for name, resource := range map[string]string{
		"the same":                tenancy + "/" + owner + "/" + fingerprint,
		"the fingerprint alone":   fingerprint,
		"in capitals":             tenancy + "/" + owner + "/" + strings.ToUpper(fingerprint),
		"with blanks at the ends": "  " + tenancy + "/" + owner + "/" + fingerprint + "\n",
	} {
		p := cloudguard.Problem{ID: strings.ToUpper(problem), Rule: cloudguard.APIKeyTooOld, Detail: "RESOLVED", ResourceID: resource, User: " " + strings.ToUpper(owner),
			History: []cloudguard.Change{byPerson(0, "RESOLVED", "a")}}
		if _, got, err := guard.Confirm(e, p); got != guard.Confirmed {
			t.Errorf("%s: the verdict is %d (%v)", name, got, err)
		}
	}
}

func TestARecordWithoutAUserIsGoodEnoughForACredentialWithAnID(t *testing.T) {
	p := record("RESOLVED", byPerson(0, "RESOLVED", "a"))
	p.User = ""
	if _, got, err := guard.Confirm(tokenEvent(), p); got != guard.Confirmed {
		t.Errorf("the verdict is %d (%v)", got, err)
	}
}

func TestARecordWithoutAUserIsNotGoodEnoughForAPassword(t *testing.T) {
	e := tokenEvent()
	e.Rule, e.ResourceID = cloudguard.PasswordTooOld, "web@example.com"
	p := record("RESOLVED", byPerson(0, "RESOLVED", ""))
	p.Rule, p.ResourceID = cloudguard.PasswordTooOld, "web@example.com"
	if _, got, err := guard.Confirm(e, p); got != guard.Confirmed {
		t.Fatalf("with the user: the verdict is %d (%v)", got, err)
	}
	p.User = ""
	if _, got, _ := guard.Confirm(e, p); got != guard.Contradict {
		t.Errorf("without the user: the verdict is %d, want a contradiction", got)
	}
	p.ResourceID = owner
	if _, got, err := guard.Confirm(e, p); got != guard.Confirmed {
		t.Errorf("with the user as the resource: the verdict is %d (%v)", got, err)
	}
}

func TestARefusalIsOneSentenceWithItsMend(t *testing.T) {
	if got := (&guard.Refusal{Problem: "it is shut", Mend: "open it"}).Error(); got != "it is shut; open it" {
		t.Error(got)
	}
	if got := (&guard.Refusal{Problem: "it is shut"}).Error(); got != "it is shut" {
		t.Error(got)
	}
}

func TestSparedRefusesProtectedUsersAndThoseWithoutAName(t *testing.T) {
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
		err := guard.Spared(protects, c.ocid, c.name)
		if _, ok := errors.AsType[*guard.Refusal](err); ok != c.refused {
			t.Errorf("%s (%q): %v, want refused %v", c.ocid, c.name, err, c.refused)
		}
	}
}
