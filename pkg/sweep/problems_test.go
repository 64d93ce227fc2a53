package sweep

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/keyturn/keyturn/pkg/clock"
	"github.com/keyturn/keyturn/pkg/cloudguard"
	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/fault"
	"github.com/keyturn/keyturn/pkg/outcome"
	"github.com/keyturn/keyturn/pkg/rotation"
	"github.com/keyturn/keyturn/pkg/vault"
)

func TestAnOrderThatAJournalNamesIsReviewedOnlyByCloudGuardsRecord(t *testing.T) {
	s := newFakeTenancy().holds(overdue(strings.ToUpper(problem)))
	s.records[problem] = record()
	d := s.sweep(t)
	if !slices.Equal(s.reviewed, []string{problem}) || d.Looked != 1 || len(d.Unfinished) != 0 {
		t.Errorf("reviewed %q, found %v", s.reviewed, d.Unfinished)
	}
}

func TestAProblemIsReviewedOnceHoweverManyNameIt(t *testing.T) {
	j := overdue(problem)
	j.Staged = &rotation.Staged{Old: token, Phase: rotation.PhaseStaged, Problem: problem}
	s := newFakeTenancy().holds(j)
	s.records[problem] = record()
	s.closed = []string{problem, "ocid1.cloudguardproblem.oc1.iad.q"}
	s.sweep(t)
	if !slices.Equal(s.reviewed, []string{problem, s.closed[1]}) {
		t.Errorf("reviewed %q", s.reviewed)
	}
}

// The journal also has a stale announcement of the successor's rotation.
func TestAnExpiredGraceEndsThoughTheJournalAnnouncesAnotherAction(t *testing.T) {
	long := noon.Add(-time.Hour)
	j := overdue(problem)
	j.Staged = &rotation.Staged{Old: "ocid1.credential.oc1..successor", Phase: rotation.PhaseIntent, At: &long}
	s := newFakeTenancy().holds(j)
	s.records[problem] = record()
	s.sweep(t)
	if !slices.Equal(s.reviewed, []string{problem}) {
		t.Errorf("reviewed %q", s.reviewed)
	}
}

func TestAnOrderOfAProblemThatIsNotClosedIsNotReviewedAndNoFinding(t *testing.T) {
	for _, state := range []string{"OPEN", "DISMISSED", "DELETED", ""} {
		s := newFakeTenancy().holds(overdue(problem))
		p := record()
		p.Detail = state
		s.records[problem] = p
		if d := s.sweep(t); len(s.reviewed) != 0 || !d.Empty() {
			t.Errorf("%s: reviewed %q, found %v", state, s.reviewed, d.Unfinished)
		}
	}
}

func TestAJournalThatNoRecordConfirmsIsAFindingAndNeverAnOrder(t *testing.T) {
	denied := fault.New(fault.Denied, "GetProblem", "")
	of := func(change func(*cloudguard.Problem)) func(*fakeTenancy) {
		return func(s *fakeTenancy) {
			p := record()
			change(&p)
			s.records[problem] = p
		}
	}
	for name, c := range map[string]struct {
		problem string
		set     func(*fakeTenancy)
		words   string
		state   string
		reads   int
	}{
		"no problem": {"", of(func(*cloudguard.Problem) {}), "names no problem. If that", "no problem", 0},
		"a path": {"../../users?x=y", of(func(*cloudguard.Problem) {}),
			`names no problem's OCID but "../../users?x=y"`, "malformed", 0},
		"a user for the problem": {owner, of(func(*cloudguard.Problem) {}), "names no problem's OCID", "malformed", 0},
		"a problem that is gone": {problem, func(s *fakeTenancy) {
			s.absent = fault.New(fault.Absent, "GetProblem", "")
		},
			"can't be read", "not found", 1},
		"one that is denied": {problem, func(s *fakeTenancy) { s.absent = denied }, "can't be read", "not found", 1},
		"one that is refused": {problem, func(s *fakeTenancy) { s.absent = fault.New(fault.Invalid, "GetProblem", "") },
			"can't be read", "not found", 1},
		"of another user": {problem, of(func(p *cloudguard.Problem) { p.Details["User OCID"] = "ocid1.user.oc1..x" }),
			"another user", "contradicts", 1},
		"of no user": {problem, of(func(p *cloudguard.Problem) { p.Details = nil }), "another user, or none",
			"contradicts", 1},
		"of two users": {problem, of(func(p *cloudguard.Problem) {
			p.Details["userId"] = "ocid1.user.oc1..x"
		}), "another user", "contradicts", 1},
		"of another kind": {problem, of(func(p *cloudguard.Problem) { p.Rule = cloudguard.SecretKeyTooOld }),
			"another kind", "contradicts", 1},
		"of no kind": {problem, of(func(p *cloudguard.Problem) { p.Rule = "BUCKET_IS_PUBLIC" }),
			"another kind", "contradicts", 1},
		"of another credential": {problem, of(func(p *cloudguard.Problem) { p.ResourceID = token + "2" }),
			"another credential", "contradicts", 1},
	} {
		t.Run(name, func(t *testing.T) {
			s := newFakeTenancy().holds(overdue(c.problem))
			c.set(s)
			d := s.sweep(t)
			if len(s.reviewed) != 0 || len(s.read) != c.reads {
				t.Errorf("read %q, reviewed %q", s.read, s.reviewed)
			}
			if len(d.Unfinished) != 1 || !d.Unfinished[0].Needs || !strings.Contains(d.Unfinished[0].Text, c.words) ||
				!strings.Contains(d.Unfinished[0].Text, drawer) || !strings.Contains(d.Unfinished[0].Text, token) {
				t.Fatalf("found %v", d.Unfinished)
			}
			if f := d.Unfinished[0]; f.About != "journal of token-of-web ("+drawer+") "+token || f.State != c.state {
				t.Errorf("the finding is about %q in the state %q", f.About, f.State)
			}
			if len(s.mails) != 1 || !strings.Contains(s.mails[0], "1 need you") ||
				!strings.Contains(s.mails[0], c.words) {
				t.Errorf("mailed %q", s.mails)
			}
		})
	}
}

func TestAnIDOfTheRecordIsComparedInAnyCase(t *testing.T) {
	j := overdue(problem)
	j.Retire[0].Credential = strings.ToUpper(token)
	s := newFakeTenancy().holds(j)
	s.records[problem] = record()
	s.sweep(t)
	if len(s.reviewed) != 1 {
		t.Errorf("reviewed %q", s.reviewed)
	}
}

func TestAnIDOfTheRecordThatOnlyADomainKnowsIsNoContradiction(t *testing.T) {
	s := newFakeTenancy().holds(overdue(problem))
	p := record()
	p.ResourceID = "3f5b8a0c1d2e4f60718293a4b5c6d7e8" // a SCIM id; the journal has the OCID
	s.records[problem] = p
	s.sweep(t)
	if len(s.reviewed) != 1 {
		t.Errorf("reviewed %q", s.reviewed)
	}
}

func TestAPasswordsOrderHasNoCredentialToCompare(t *testing.T) {
	s := newFakeTenancy().holds(overdue(problem))
	s.secret.Freeform["keyturn-kind"] = "password"
	p := record()
	p.Rule, p.ResourceID = cloudguard.PasswordTooOld, owner
	s.records[problem] = p
	s.sweep(t)
	if len(s.reviewed) != 1 {
		t.Errorf("reviewed %q", s.reviewed)
	}
}

func TestAProblemThatCannotBeReadAtTheMomentIsAFailureAndNoFinding(t *testing.T) {
	for _, class := range []fault.Class{fault.Unclear, fault.Throttled} {
		s := newFakeTenancy().holds(overdue(problem))
		s.absent = fault.New(class, "GetProblem", "")
		d, err := s.sweeper().Run(t.Context(), "call")
		if err == nil || len(d.Unfinished) != 1 || d.Unfinished[0].Needs || len(s.reviewed) != 0 {
			t.Errorf("%s: %v, found %v", class, err, d.Unfinished)
		}
	}
}

func TestOfTwoSecretsThatNameOneProblemTheOneThatItIsAboutCounts(t *testing.T) {
	s := newFakeTenancy()
	s.records[problem] = record()
	r := s.run()
	r.duties[problem] = []duty{{secret: "a", kind: credential.APIKey, user: owner, old: token},
		{secret: "b", kind: credential.AuthToken, user: owner, old: token}}
	r.reviewDuties(t.Context())
	if len(s.reviewed) != 1 || len(r.digest.Unfinished) != 1 || !strings.Contains(r.digest.Unfinished[0].Text,
		"Secret a:") {
		t.Errorf("reviewed %q, found %v", s.reviewed, r.digest.Unfinished)
	}
}

// run returns a sweep that has not begun.
func (s *fakeTenancy) run() *run { return newRun(s.sweeper(), "") }

func TestOfOneSecretOnlyTenDutiesAreLookedAt(t *testing.T) {
	j := rotation.Journal{}
	for n := range 100 {
		j.Retire = append(j.Retire, rotation.Retired{Credential: fmt.Sprint(n), After: noon.Add(-time.Hour)})
	}
	if d := newFakeTenancy().holds(j).sweep(t); len(d.Unfinished) != 10 {
		t.Errorf("%d findings", len(d.Unfinished))
	}
}

func TestWhatAJournalSaysIsShownInOneShortLine(t *testing.T) {
	for text, want := range map[string]string{"abc": `"abc"`, "a\nb": `"a\nb"`, strings.Repeat("é", 60): `"` +
		strings.Repeat("é", 60) + `"`,
		strings.Repeat("é", 61): `"` + strings.Repeat("é", 60) + `..."`} {
		if got := quoted(text); got != want {
			t.Errorf("%q is shown as %s", text, got)
		}
	}
}

func TestAFindingAboutAJournalIsMailedOnceAndThenWeekly(t *testing.T) {
	s := newFakeTenancy().holds(overdue(""))
	s.keeps = true
	for hour := range 8 * 24 {
		s.now = noon.Add(time.Duration(hour) * time.Hour)
		s.sweep(t)
	}
	if len(s.mails) != 2 {
		t.Errorf("%d mails in eight days", len(s.mails))
	}
}

// A refusal has opened the problem again, so that only the journal still has the order.
func TestARefusedOrderIsMailedOnceAndNotCarriedOutLater(t *testing.T) {
	s := newFakeTenancy().holds(overdue(problem))
	s.records[problem] = record()
	s.closed = []string{problem}
	s.review = func(context.Context, cloudguard.Problem) outcome.Outcome {
		p := record()
		p.Detail = "OPEN"
		s.records[problem], s.closed = p, nil
		return outcome.Outcome{Status: outcome.Refused, Kind: "auth-token", UserID: owner, OldID: token,
			Reason: "the secret is full", Reopened: true}
	}
	for range 5 {
		s.sweep(t)
		s.now = s.now.Add(time.Hour)
	}
	if len(s.reviewed) != 1 || len(s.mails) != 1 {
		t.Errorf("reviewed %d times, %d mails", len(s.reviewed), len(s.mails))
	}
}

func TestAReviewWithNothingToDoIsCountedAndNotReported(t *testing.T) {
	for status, told := range map[outcome.Status]bool{outcome.Already: false, outcome.Ignored: false,
		outcome.InProgress: false,
		outcome.Rotated:    true, outcome.Refused: true, outcome.Unfinished: true, outcome.DryRun: true} {
		s := newFakeTenancy()
		s.closed = []string{problem}
		s.review = func(context.Context, cloudguard.Problem) outcome.Outcome { return outcome.Outcome{Status: status} }
		if d := s.sweep(t); (len(d.Outcomes) == 1) != told || d.Looked != 1 {
			t.Errorf("%s: %d outcomes, %d looked at", status, len(d.Outcomes), d.Looked)
		}
	}
}

// busy is a tenancy in which every part takes too long. It records which parts did something.
type busy struct {
	*fakeTenancy
	did map[string]int
}

func (b *busy) work(ctx context.Context, part string) {
	b.mu.Lock()
	b.did[part]++
	b.mu.Unlock()
	_ = clock.System{}.Sleep(ctx, time.Second)
}
func (b *busy) Problem(ctx context.Context, id string) (cloudguard.Problem, error) {
	b.work(ctx, map[bool]string{true: "duties", false: "closed"}[id == problem])
	return b.fakeTenancy.Problem(ctx, id)
}
func (b *busy) ClosedProblems(context.Context, time.Time, string) ([]string, string, error) {
	return manyIDs(400), "", nil
}
func (b *busy) Users(context.Context, string) (users []credential.User, next string, err error) {
	for _, id := range manyIDs(400) {
		users = append(users, credential.User{ID: id})
	}
	return users, "", nil
}
func (b *busy) CredentialsOf(ctx context.Context, _ credential.Domain, _ credential.Kind,
	_ string) (credential.Listing, error) {
	b.work(ctx, "orphans")
	return credential.Listing{}, nil
}

// Versions is what pruning begins with.
func (b *busy) Versions(ctx context.Context, _ string) ([]vault.Version, error) {
	b.work(ctx, "pruning")
	return nil, nil
}

func TestEveryPartOfASweepGetsItsShareOfTheTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &busy{newFakeTenancy().holds(overdue(problem)), map[string]int{}}
		b.records[problem] = record()
		w := b.sweeper()
		w.Inventory, w.Vault, w.Clock = b, b, clock.System{}
		ctx, cancel := context.WithTimeout(t.Context(), 40*time.Second)
		defer cancel()
		if _, err := w.Run(ctx, "call"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("the sweep ends with %v", err)
		}
		for _, part := range []string{"duties", "pruning"} {
			if b.did[part] != 1 {
				t.Errorf("%s: %d", part, b.did[part])
			}
		}
		// 30 s without the reserve; a second for each duty and secret; the rest for two parts, four at a time.
		if b.did["closed"] < 36 || b.did["closed"] > 44 || b.did["orphans"] < 60 {
			t.Errorf("%v", b.did)
		}
	})
}

func TestTheProblemsOfTheConfiguredDaysAreListed(t *testing.T) {
	s := newFakeTenancy()
	s.config.SweepDays = 7
	s.sweep(t)
	if !s.since.Equal(noon.AddDate(0, 0, -7)) {
		t.Errorf("the closed problems are listed since %v", s.since)
	}
}

func TestAClosedProblemThatCannotBeReadIsAFailureAndTheOthersAreReviewed(t *testing.T) {
	s := newFakeTenancy()
	s.records[problem], s.absent = record(), errBroken
	s.closed = []string{"x", problem, "y"}
	d, err := s.sweeper().Run(t.Context(), "call")
	if !errors.Is(err, errBroken) || len(d.Unfinished) != 1 || d.Unfinished[0].About != "read closed problems" ||
		!strings.Contains(d.Unfinished[0].Text, "(x, y)") {
		t.Errorf("%v, found %v", err, d.Unfinished)
	}
	if !slices.Equal(s.reviewed, []string{problem}) {
		t.Errorf("reviewed %q", s.reviewed)
	}
}
