package rotation

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/keyturn/keyturn/pkg/clock"
	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/fault"
)

var classes = []fault.Class{fault.Absent, fault.Denied, fault.Invalid, fault.Full, fault.Busy, fault.Conflict,
	fault.Throttled, fault.Unclear}

var allActions = []Action{Look, Stage, Intend, Create, Reset, Prove, Promote, Defer, Claim, Retire, Settle, Replace,
	Discard, Withdraw, Fence}

// after returns a fixture in which an action has failed the given number of times.
func after(a Action, class fault.Class, tries int) *fixture {
	s := newFixture(credential.AuthToken, plain(credential.RoleToken))
	s.job.At = noon.Add(1 - BlockedTime)
	s.mem.Looks, s.mem.Tries = 0, map[Action]int{a: tries}
	s.mem.Failure = &Failure{Action: a, Err: fault.New(class, string(a), "no")}
	return s
}

// outcome returns the expected Trouble.
func outcome(a Action, class fault.Class, tries int) Trouble {
	deletes := a == Retire || a == Replace || a == Discard
	switch class {
	case fault.Throttled:
		return TroubleLater // the adapter has waited already
	case fault.Busy:
		if tries >= 3 {
			return TroubleLater
		}
		return TroubleNone
	}
	if a == Settle || a == Withdraw || a == Create && class == fault.Full {
		return TroubleNone // another row decides it
	}
	switch class {
	case fault.Unclear, fault.Conflict:
		if a == Look && tries >= 6 {
			return TroubleLater
		}
		return TroubleNone
	}
	switch {
	case tries < 2:
		return TroubleNone
	case class == fault.Absent && deletes:
		return TroubleLater
	}
	return TroubleFinal
}

func TestWhatAFailureComesToDependsOnItsClassItsStepAndItsCount(t *testing.T) {
	for _, a := range allActions {
		for _, class := range classes {
			for tries := 1; tries <= 7; tries++ {
				what := fmt.Sprintf("%s is %s for the %d. time", a, class, tries)
				s, want := after(a, class, tries), outcome(a, class, tries)
				if got := s.view().trouble(); got != want {
					t.Errorf("%s: %s, want %s", what, got, want)
				}
				s.mem.Failure.TimeUp = true
				if s.view().trouble() != TroubleLater {
					t.Errorf("%s, when the time is up: %s", what, s.view().trouble())
				}
				switch s.job.At = noon.Add(-BlockedTime); {
				case class == fault.Busy:
					want = TroubleBlocked
				default:
					want = TroubleLater
				}
				if got := s.view().trouble(); got != want {
					t.Errorf("%s, when the time is up, half an hour later: %s, want %s", what, got, want)
				}
				s.mem.Failure.TimeUp = false
				switch want = outcome(a, class, tries); {
				case class == fault.Busy && want == TroubleLater:
					want = TroubleBlocked
				case class == fault.Absent && want == TroubleLater:
					want = TroubleFinal
				}
				if got := s.view().trouble(); got != want {
					t.Errorf("%s, half an hour later: %s, want %s", what, got, want)
				}
			}
		}
	}
	if s := newFixture(credential.AuthToken, plain(credential.RoleToken)); s.view().trouble() != TroubleNone {
		t.Errorf("without a failure: %s", s.view().trouble())
	}
}

func TestARunGivesUpAFailureThatMayPassAfterSixLooksWhetherTheyFailedOrNot(t *testing.T) {
	for looks := range 8 {
		for failed := range 8 {
			s := after(Stage, fault.Unclear, 1)
			s.mem.Looks, s.mem.Tries[Look] = looks, failed
			want := TroubleNone
			if looks+failed >= 6 {
				want = TroubleLater
			}
			if got := s.view().trouble(); got != want {
				t.Errorf("after %d looks and %d that failed: %s, want %s", looks, failed, got, want)
			}
		}
	}
}

func TestARotationIsOverdueHalfAnHourAfterItsOrderOrElseAfterItsAnnouncement(t *testing.T) {
	announced := func(name string, at *time.Time) func(*fixture) {
		return func(s *fixture) {
			s.job.At = time.Time{}
			s.one().Journal.Staged = (&Staged{Version: name, At: at})
			if name == "" {
				s.one().Journal.Staged.Version = s.name(1)
			}
		}
	}
	soon, late := noon.Add(1-BlockedTime), noon.Add(-BlockedTime)
	for what, c := range map[string]struct {
		change func(*fixture)
		want   bool
	}{
		"ordered half an hour ago":        {func(s *fixture) { s.job.At = late }, true},
		"ordered since":                   {func(s *fixture) { s.job.At = soon }, false},
		"ordered ahead":                   {func(s *fixture) { s.job.At = noon.Add(time.Hour) }, false},
		"ordered since, announced before": {func(s *fixture) { announced("", &late)(s); s.job.At = soon }, false},
		"ordered before, announced since": {func(s *fixture) { announced("", &soon)(s); s.job.At = late }, true},
		"announced half an hour ago":      {announced("", &late), true},
		"announced since":                 {announced("", &soon), false},
		"announced at no time":            {announced("", nil), true},
		"another one announced since":     {announced(theirs.VersionName(1), &soon), true},
		"an operator wrote that":          {announced("by hand", &soon), true},
		"nothing is known":                {func(s *fixture) { s.job.At = time.Time{} }, true},
		"by the server's clock":           {func(s *fixture) { s.job.At, s.snap.At = soon, noon.Add(1) }, true},
		"not by the process's": {func(s *fixture) { s.job.At, s.snap.Local = late, noon.Add(1) },
			false},
		"time has passed since the look": {func(s *fixture) { s.job.At, s.mem.Now = soon, noon.Add(1) }, true},
		"OCI was not seen, too late":     {func(s *fixture) { s.job.At, s.snap = late, Snapshot{} }, true},
		"OCI was not seen, in time":      {func(s *fixture) { s.job.At, s.snap = soon, Snapshot{} }, false},
	} {
		s := newFixture(credential.AuthToken, plain(credential.RoleToken))
		c.change(s)
		if s.view().overdue() != c.want {
			t.Errorf("%s: %v", what, !c.want)
		}
	}
}

func TestWhatARunRemembersOfAFailure(t *testing.T) {
	for _, a := range allActions {
		for _, class := range classes {
			what := fmt.Sprintf("%s is %s", a, class)
			err := fault.New(class, string(a), "no")
			before := Memory{Fresh: true, Tries: map[Action]int{a: 1}}
			for _, up := range []bool{false, true} {
				got := before.afterFailure(a, err, up)
				if got.Fresh || got.Tries[a] != 2 || before.Tries[a] != 1 || got.Failure == nil ||
					*got.Failure != (Failure{a, err, up}) {
					t.Errorf("%s: %+v with the failure %+v, and %v before", what, got, got.Failure, before.Tries)
				}
				if (got.Limited != nil) != (a == Create && class == fault.Full) || got.Limited != nil &&
					got.Limited != err {
					t.Errorf("%s: the limit is %v", what, got.Limited)
				}
				if got.Unsure != (a == Stage && class == fault.Unclear) {
					t.Errorf("%s: unsure %v", what, got.Unsure)
				}
			}
			if got := (Memory{Kept: "it"}).afterFailure(a, err, false); got.Unsure || got.Tries[a] != 1 {
				t.Errorf("%s, where the value is kept: %+v", what, got)
			}
			trouble := &Failure{Stage, err, false}
			in := Memory{Failure: trouble}
			if got := in.afterFailure(a, err, false); (got.Failure == trouble) != (a == Discard) {
				t.Errorf("%s in trouble: it is %+v now", what, got.Failure)
			}
			if got := in.afterSuccess(a); (got.Failure == trouble) != (a == Discard) || got.Failure != nil &&
				a != Discard {
				t.Errorf("%s succeeds in trouble: it is %+v now", a, got.Failure)
			}
		}
	}
}

func TestALookEndsTroubleAndADeletionEndsALimitAndItsOwnValue(t *testing.T) {
	err := fault.New(fault.Unclear, "", "")
	m := Memory{Looks: 2, Unsure: true, Failure: &Failure{Stage, err, false}, Limited: err, Kept: "name",
		Value: &credential.Material{ID: "new"}, Deleted: []string{"a"}}
	if got := m.afterLook(); got.Looks != 3 || !got.Fresh || got.Unsure || got.Failure != nil || got.Value == nil ||
		got.Kept != "name" {
		t.Errorf("after a look: %+v", got)
	}
	for id, forgets := range map[string]bool{"new": true, "old": false} {
		got := m.afterDeleting(id)
		if fmt.Sprint(got.Deleted) != "[a "+id+"]" || got.Limited != nil || (got.Value == nil) != forgets ||
			(got.Kept == "") != forgets {
			t.Errorf("after %s was deleted: %+v", id, got)
		}
	}
	m.Value = nil
	if len(m.afterDeleting("new").Deleted) != 2 || m.afterDeleting("new").Kept != "name" {
		t.Errorf("after a deletion without a value: %+v", m.afterDeleting("new"))
	}
}

func TestOnlyWhatWouldBeAnsweredAgainIsFinal(t *testing.T) {
	for _, class := range []fault.Class{fault.Unclear, fault.Throttled, fault.Busy, fault.Conflict} {
		if permanent(fault.New(class, "GetSecret", "")) {
			t.Errorf("%s is final", class)
		}
	}
	for _, class := range []fault.Class{fault.Absent, fault.Denied, fault.Invalid, fault.Full} {
		if !permanent(fault.New(class, "GetSecret", "")) {
			t.Errorf("%s is not final", class)
		}
	}
	if !permanent(errors.New("the guard refuses")) {
		t.Error("what is no fault of a call is not final")
	}
}

// deadlineIssuer is an issuer and a vault that record the calls made after the forward context ended.
type deadlineIssuer struct {
	Vault
	in map[string]bool
}

func (l deadlineIssuer) note(ctx context.Context, operation string) error {
	l.in[operation] = ctx.Err() == nil
	return fault.New(fault.Unclear, operation, "no answer")
}

func (l deadlineIssuer) List(ctx context.Context, _ string) (credential.Listing, error) {
	return credential.Listing{}, l.note(ctx, "list")
}

func (l deadlineIssuer) Create(ctx context.Context, _ string, _ credential.Draft) (credential.Created, error) {
	return credential.Created{}, l.note(ctx, "create")
}

func (l deadlineIssuer) Delete(ctx context.Context, _, _ string) error { return l.note(ctx, "delete") }

func TestOnlyWhatTakesBackMayUseAllTheTime(t *testing.T) {
	for action, in := range map[Action]bool{Create: false, Retire: false, Discard: true} {
		l := deadlineIssuer{in: map[string]bool{}}
		s := newFixture(credential.AuthToken)
		r := &run{Engine: &Engine{Clock: clock.System{}}, Issuer: l, job: s.job, snap: s.snap, mem: s.mem}
		forward, cancel := context.WithCancel(t.Context())
		cancel()
		r.act(t.Context(), forward, Case{Lost: "new", Material: &credential.Material{ID: "new"}},
			Decision{Action: action})
		if len(l.in) != 1 {
			t.Fatalf("%s called %v", action, l.in)
		}
		for operation, got := range l.in {
			if got != in {
				t.Errorf("%s: %s has time left: %v, want %v", action, operation, got, in)
			}
		}
	}
}
