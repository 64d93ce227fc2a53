package rotation

import (
	"context"
	"testing"
	"time"

	"github.com/keyturn/keyturn/pkg/config"
	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/fault"
	"github.com/keyturn/keyturn/pkg/vault"
)

// tried returns a fixture whose new credential is staged, has that age, and was tested by this run.
func tried(age time.Duration, trial Trial) *fixture {
	s := newFixture(credential.AuthToken, at(newFixture(credential.AuthToken).name(1), "pending"))
	s.issue("new", s.markedBy("me", "s"), noon.Add(-age))
	s.one().Journal.Staged = &Staged{Version: s.name(1), Phase: PhaseStaged, Credential: "new"}
	s.job.Prove, s.mem.Trial = config.ProveRequire, trial
	return s
}

func TestAProofIsGoodOnceAcceptedAndBadOnlyAfterManyRefusalsOfAnOldCredential(t *testing.T) {
	refused := Trial{Credential: "new", Refusals: fewRefusals, Lasted: refusalTime}
	silent := Trial{Credential: "new", Err: errTest}
	with := func(change func(*Trial)) Trial { t := refused; change(&t); return t }
	mode := func(m config.ProveMode) func(*fixture) { return func(s *fixture) { s.job.Prove = m } }
	for what, c := range map[string]struct {
		age     time.Duration
		trial   Trial
		want    Proof
		changes []func(*fixture)
	}{
		"not tried": {ProofTime, Trial{}, ProofTodo, nil},
		"another was tried": {ProofTime, Trial{Credential: "another", Accepted: true},
			ProofTodo, nil},
		"accepted": {0, Trial{Credential: "new", Accepted: true}, ProofGood, nil},
		"accepted after refusals": {ProofTime, with(func(t *Trial) { t.Accepted = true }), ProofGood,
			nil},
		"no proof is required": {ProofTime, refused, ProofGood, []func(*fixture){mode(config.ProveOff)}},
		"refused":              {ProofTime, refused, ProofBad, nil},
		"refused soon":         {ProofTime - 1, refused, ProofUnclear, nil},
		"refused too few times": {ProofTime, with(func(t *Trial) { t.Refusals-- }), ProofUnclear,
			nil},
		"refused within a moment": {ProofTime, with(func(t *Trial) { t.Lasted-- }), ProofUnclear,
			nil},
		"refused once": {SilentTime, with(func(t *Trial) { t.Refusals, t.Lasted = 1, 0 }),
			ProofUnclear, nil},
		"refused once, which may be": {SilentTime, with(func(t *Trial) { t.Refusals, t.Lasted = 1, 0 }),
			ProofUnclear, []func(*fixture){mode(config.ProveTry)}},
		"refused, though it need not": {ProofTime, refused, ProofBad, []func(*fixture){mode(config.ProveTry)}},
		"no answer for a day":         {SilentTime, silent, ProofSilent, nil},
		"no answer":                   {SilentTime - 1, silent, ProofUnclear, nil},
		"no answer, which may be":     {0, silent, ProofGood, []func(*fixture){mode(config.ProveTry)}},
		"this run has taken it back, it is staged": {0, Trial{}, ProofTodo,
			[]func(*fixture){func(s *fixture) { s.mem.Undone = "x" }}},
		"this run has taken it back": {0, Trial{}, ProofBad, []func(*fixture){func(s *fixture) {
			s.mem.Undone = "x"
			*s.one() = plain(credential.RoleToken)
		}}},
		"refused at the end of an overlap": {time.Hour, refused, ProofUnclear, []func(*fixture){func(s *fixture) {
			s.one().Journal.Retire = Overlaps{{Credential: "old", After: noon.Add(1 - ProofTime)}}
		}}},
		"refused half an hour after it": {time.Hour, refused, ProofBad, []func(*fixture){func(s *fixture) {
			s.one().Journal.Retire = Overlaps{{Credential: "old", After: noon.Add(-ProofTime)}}
		}}},
		"made after the overlap": {ProofTime - 1, refused, ProofUnclear, []func(*fixture){func(s *fixture) {
			s.one().Journal.Retire = Overlaps{{Credential: "old", After: noon.Add(-9 * time.Hour)}}
		}}},
	} {
		s := tried(c.age, c.trial)
		for _, change := range c.changes {
			change(s)
		}
		if got := s.view().proof(); got != c.want {
			t.Errorf("%s: %s, want %s", what, got, c.want)
		}
	}
}

func TestAProofCountsFromTheCreationOrTheEndOfTheOverlap(t *testing.T) {
	created := noon.Add(-time.Hour)
	for what, c := range map[string]struct {
		change   func(*fixture)
		since    time.Time
		refusals int
	}{
		"made":             {func(*fixture) {}, created, 0},
		"made and refused": {func(*fixture) {}, created, 1},
		"an overlap ended": {func(s *fixture) { s.one().Journal.Retire = Overlaps{{Credential: "old", After: noon}} },
			noon, 0},
		"an overlap ended before": {func(s *fixture) {
			s.one().Journal.Retire = Overlaps{{Credential: "old", After: created.Add(-1)}}
		}, created, 2},
		"not listed": {func(s *fixture) { s.snap.Issued = s.snap.Issued[:1] }, time.Time{}, 1},
	} {
		s := tried(time.Hour, Trial{Credential: "new", Refusals: c.refusals})
		c.change(s)
		until := c.since
		switch {
		case c.since.IsZero():
		case c.refusals > 0:
			until = c.since.Add(ProofTime)
		default:
			until = c.since.Add(SilentTime)
		}
		v := s.view()
		if since, end := v.proofWindow(); !since.Equal(c.since) || !end.Equal(until) {
			t.Errorf("%s: from %v to %v, want from %v to %v", what, since, end, c.since, until)
		}
		if age := v.proofAge(); c.since.IsZero() && age != 0 || !c.since.IsZero() && age != noon.Sub(c.since) {
			t.Errorf("%s: %v old", what, age)
		}
		r := Reduce(s.job, s.snap, s.mem)
		if !r.ProofSince.Equal(c.since) || !r.ProofUntil.Equal(until) {
			t.Errorf("%s: the case says from %v to %v", what, r.ProofSince, r.ProofUntil)
		}
	}
}

func TestAStoredPasswordIsKeptIfTheLastLookAtItSaysSo(t *testing.T) {
	for what, c := range map[string]struct {
		change func(*fixture)
		want   Proof
	}{
		"not looked at":    {func(*fixture) {}, ProofTodo},
		"it is the user's": {func(s *fixture) { s.mem.Trial = Trial{Credential: "new", Accepted: true} }, ProofGood},
		"it isn't":         {func(s *fixture) { s.mem.Trial = Trial{Credential: "new"} }, ProofBad},
		"another was": {func(s *fixture) { s.mem.Trial = Trial{Credential: "another", Accepted: true} },
			ProofTodo},
		"its value is lost":  {func(s *fixture) { s.mem.Value = nil }, ProofGood},
		"no secret is named": {func(s *fixture) { s.snap.Secrets = nil }, ProofGood},
		"no proof is wanted": {func(s *fixture) { s.job.Prove = config.ProveOff }, ProofTodo},
	} {
		s := held(credential.Password)
		c.change(s)
		if got := s.view().proof(); got != c.want {
			t.Errorf("%s: %s, want %s", what, got, c.want)
		}
	}
}

// fakeProver returns its answers in turn, repeats the last one, and records when it was called.
type fakeProver struct {
	*fakeClock
	answers []error // errScene: refused; nil: accepted
	asked   []time.Duration
}

// fakeClock moves only by sleeping.
type fakeClock struct{ now time.Time }

func (c *fakeClock) Now() time.Time { return c.now }

func (c *fakeClock) Sleep(ctx context.Context, d time.Duration) error {
	c.now = c.now.Add(d)
	return ctx.Err()
}

func (s *fakeProver) Prove(context.Context, credential.Material, credential.Owner) (bool, error) {
	n := min(len(s.asked), len(s.answers)-1)
	s.asked = append(s.asked, s.now.Sub(noon))
	if s.answers[n] == errTest {
		return false, nil
	}
	return s.answers[n] == nil, s.answers[n]
}

func TestANewCredentialIsAskedAboutInPausesThatDoubleUpToFiveSeconds(t *testing.T) {
	unclear, invalid := fault.New(fault.Unclear, "Prove", ""), fault.New(fault.Invalid, "Prove", "")
	pauses := []time.Duration{50, 100, 200, 400, 800, 1600, 3200, 5000, 5000, 5000}
	young, old := noon.Add(-time.Minute), noon.Add(-time.Hour)
	for what, c := range map[string]struct {
		made     time.Time
		mode     config.ProveMode
		answers  []error
		asked    int // -1: until SpreadTime after it was made
		refusals int
		err      error
		accepted bool
	}{
		"accepted": {young, config.ProveRequire, []error{nil}, 1, 0, nil, true},
		"accepted later": {young, config.ProveRequire, []error{errTest, unclear, errTest, nil}, 4, 2, nil,
			true},
		"no answer":                      {young, config.ProveRequire, []error{unclear}, 8, 0, unclear, false},
		"no answer, which may be":        {young, config.ProveTry, []error{unclear}, 8, 0, unclear, false},
		"it can never be asked":          {young, config.ProveTry, []error{invalid}, 8, 0, invalid, false},
		"refused long after it was made": {old, config.ProveRequire, []error{errTest}, 7, 7, nil, false},
		"refused soon after it was made": {young, config.ProveRequire, []error{errTest}, -1, -1, nil, false},
		"refused between missing answers": {old, config.ProveRequire, []error{unclear, errTest, unclear, errTest}, 7,
			5,
			nil, false},
	} {
		clock := &fakeClock{noon}
		s := &fakeProver{fakeClock: clock, answers: c.answers}
		r := &run{Engine: &Engine{Prover: s, Clock: clock}, job: Job{Prove: c.mode}, mem: Memory{Looks: 3},
			snap: Snapshot{At: noon, Local: noon}}
		if err := r.awaitAccepted(t.Context(), Case{Material: &credential.Material{ID: "new"},
			newMade: c.made}); err != nil {
			t.Errorf("%s: %v", what, err)
			continue
		}
		at := time.Duration(0)
		for i, asked := range s.asked {
			if asked != at*time.Millisecond {
				t.Errorf("%s: asked for the %d. time after %v, want %v", what, i+1, asked, at*time.Millisecond)
			}
			at += pauses[min(i, len(pauses)-1)]
		}
		got, first := r.mem.Trial, 0
		for i, answer := range c.answers {
			if answer == errTest {
				first = i
				break
			}
		}
		if last := s.asked[len(s.asked)-1]; c.asked < 0 {
			if age := noon.Add(last).Sub(c.made); age < SpreadTime || age >= SpreadTime+5*time.Second ||
				got.Refusals != len(s.asked) {
				t.Errorf("%s: asked until it was %v old, %d refusals of %d", what, age, got.Refusals, len(s.asked))
			}
		} else if len(s.asked) != c.asked || got.Refusals != c.refusals {
			t.Errorf("%s: asked %d times, %d refusals; want %d and %d", what, len(s.asked), got.Refusals, c.asked,
				c.refusals)
		}
		if got.Credential != "new" || got.Looks != 3 || got.Accepted != c.accepted || got.Err != c.err {
			t.Errorf("%s: %+v", what, got)
		}
		if got.Refusals > 0 && !got.Accepted && got.Err == nil {
			if want := s.asked[len(s.asked)-1] - s.asked[first]; got.Lasted != want {
				t.Errorf("%s: the refusals lasted %v, want %v", what, got.Lasted, want)
			}
		}
	}
}

func TestAProofThatCanNeverBeMadeIsAFailureAtOnceUnlessItNeedNotBe(t *testing.T) {
	invalid := fault.New(fault.Invalid, "Prove", "")
	for _, mode := range []config.ProveMode{config.ProveRequire, config.ProveOff} {
		clock := &fakeClock{noon}
		s := &fakeProver{fakeClock: clock, answers: []error{invalid}}
		before := Trial{Credential: "before"}
		r := &run{Engine: &Engine{Prover: s, Clock: clock}, job: Job{Prove: mode}, mem: Memory{Trial: before}}
		err := r.awaitAccepted(t.Context(), Case{Material: &credential.Material{ID: "new"}})
		if err != error(invalid) || len(s.asked) != 1 || r.mem.Trial != before {
			t.Errorf("%s: %v after %d times, %+v", mode, err, len(s.asked), r.mem.Trial)
		}
	}
}

func TestAYoungerPasswordIsRecognizedByItsSecondOrByFractionsThatBothHave(t *testing.T) {
	made := func(seconds, nanos int) credential.Issued {
		at := noon.Add(time.Duration(seconds)*time.Second + time.Duration(nanos))
		return credential.Issued{ID: credential.TimeID(at), Created: at}
	}
	for what, c := range map[string]struct {
		one, other credential.Issued
		want       bool
	}{
		"a second later":           {made(1, 0), made(0, 9), true},
		"a second earlier":         {made(0, 9), made(1, 0), false},
		"the same":                 {made(0, 5), made(0, 5), false},
		"later in its second":      {made(0, 6), made(0, 5), true},
		"earlier in its second":    {made(0, 5), made(0, 6), false},
		"one says the second only": {made(0, 6), made(0, 0), false},
		"the other says no more":   {made(0, 0), made(0, 6), false},
	} {
		if got := newer(c.one, c.other); got != c.want {
			t.Errorf("%s: %v", what, got)
		}
	}
}

// promoted returns a fixture whose attempt is CURRENT.
func promoted() *fixture {
	s := newFixture(credential.AuthToken, plain(credential.RoleToken))
	s.one().Current = 2
	s.one().Versions = []vault.Version{{Number: 1}, {Number: 2, Name: s.name(1), Current: true}}
	return s
}

func TestARefusalOfMinutesAgoSaysNothingOnceAnotherDeliveryHasPromoted(t *testing.T) {
	s := promoted()
	s.job.Prove = config.ProveRequire
	s.issue("new", marked(s.job.rotation()), noon.Add(-time.Hour))
	s.one().Journal.Current = &Holder{Version: 2, Credential: "new"}
	s.mem.Trial = Trial{Credential: "new", Refusals: fewRefusals, Lasted: refusalTime, Looks: s.mem.Looks - 1}
	v := s.view().at(1)
	v.new = "new"
	if !v.is(StoredCurrent) || v.proofAge() < ProofTime {
		t.Fatalf("stored %q, %v old", v.stored(), v.proofAge())
	}
	if got := v.proof(); got != ProofTodo {
		t.Errorf("refused before it was seen as CURRENT: %q", got)
	}
	v.mem.Trial.Looks = v.mem.Looks
	if got := v.proof(); got != ProofBad {
		t.Errorf("refused since: %q", got)
	}
}
