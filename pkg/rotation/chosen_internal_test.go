package rotation

import (
	"testing"
	"time"

	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/fault"
	"github.com/keyturn/keyturn/pkg/vault"
)

// chosenPassword is a rotation that was ordered at noon and whose attempt another process staged 10 seconds later. The
// user's password was set at the given time.
func chosenPassword(set time.Time) *fixture {
	s := newFixture(credential.Password, plain(credential.RolePassword))
	s.job.ResetAfter, s.snap.Chosen = []time.Time{noon}, true
	s.snap.Issued = []credential.Issued{{ID: credential.TimeID(set), Created: set}}
	staged := noon.Add(10 * time.Second)
	s.snap.At, s.snap.Local, s.mem.Now = staged.Add(time.Minute), staged.Add(time.Minute), staged.Add(time.Minute)
	h := s.one()
	h.Versions = append(h.Versions, vault.Version{Number: 2, Name: s.name(1), Pending: true, Created: staged})
	h.Journal.Staged = &Staged{Version: s.name(1), Phase: PhaseStaged, Old: "old", Credential: "new", Maker: "other",
		At: &staged}
	h.Attempt = Content{Number: 2, Name: s.name(1), Value: credential.NewValue([]byte("staged"))}
	return s
}

// mine makes the staged value one that this run generated.
func (s *fixture) mine() {
	s.mem.Value = &credential.Material{Kind: credential.Password, ID: "new",
		Value: credential.NewValue([]byte("staged"))}
	s.mem.Kept = s.name(1)
}

// unanswered makes it one that this run has sent, without an answer.
func (s *fixture) unanswered() {
	s.mine()
	s.mem.Unanswered = true
}

// sent makes it one that this run set at the time.
func sent(at time.Time) func(*fixture) {
	return func(s *fixture) {
		s.mine()
		s.mem.Made = &credential.Created{Issued: credential.Issued{ID: credential.TimeID(at), Created: at}}
		s.mem.MadeAt = s.snap.Local
	}
}

func TestAStagedPasswordIsTheUsersIfItsTimeFitsAndNoOtherRunsIfItsTimeDoesNot(t *testing.T) {
	const late = 10*time.Second + MakerLife // after noon, when the process that staged it can't run any more
	for what, c := range map[string]struct {
		at     time.Duration // after noon
		change func(*fixture)
		old    Old
		made   Made
	}{
		"set long before the closure":      {-time.Hour, nil, OldAlive, MadeElsewhere},
		"set 30 s before the closure":      {-30 * time.Second, nil, OldAlive, MadeElsewhere},
		"set after it":                     {12 * time.Second, nil, OldGone, MadeLive},
		"set before, by another clock":     {5 * time.Second, nil, OldGone, MadeLive},
		"set when its process is gone":     {late + 2*skew, nil, OldGone, MadeElsewhere},
		"set at the end of its process":    {late, nil, OldGone, MadeLive},
		"of this run, not sent":            {-time.Hour, (*fixture).mine, OldAlive, MadeNone},
		"of this run, and another is sent": {12 * time.Second, (*fixture).mine, OldGone, MadeNone},
		"of this run, not answered":        {12 * time.Second, (*fixture).unanswered, OldGone, MadeLive},
		"of this run, not listed":          {-time.Hour, (*fixture).unanswered, OldAlive, MadeNone},
		"of this run":                      {12 * time.Second, sent(noon.Add(12 * time.Second)), OldGone, MadeLive},
		"of this run, the list lags":       {-time.Hour, sent(noon.Add(12 * time.Second)), OldGone, MadeLive},
		"of this run, by a slow clock":     {-time.Second, sent(noon.Add(-time.Second)), OldGone, MadeLive},
		"of this run, and another is set":  {5 * time.Minute, sent(noon.Add(12 * time.Second)), OldGone, MadeNone},
		"another value with its id": {12 * time.Second, func(s *fixture) {
			s.mine()
			s.mem.Value.Value, s.mem.Kept = credential.NewValue([]byte("another")), ""
			s.snap.Issued[0].Created = noon.Add(-time.Hour)
		}, OldAlive, MadeElsewhere},
		"not set, its process is gone": {-time.Hour, func(s *fixture) {
			s.mem.Now = noon.Add(UnseenTime + 10*time.Second)
		}, OldAlive, MadeNone},
		"made CURRENT by a user": {-time.Hour, func(s *fixture) {
			s.one().Versions[1].Pending, s.one().Versions[1].Current = false, true
		}, OldAlive, MadeElsewhere},
		"made CURRENT by Keyturn": {-time.Second, func(s *fixture) {
			s.one().Versions[1].Pending, s.one().Versions[1].Current = false, true
			s.one().Journal = Journal{Current: &Holder{Version: 2, Credential: "new"}}
		}, OldGone, MadeNone},
	} {
		s := chosenPassword(noon.Add(c.at))
		if c.change != nil {
			c.change(s)
		}
		got := Reduce(s.job, s.snap, s.mem)
		if got.Old != c.old || got.Made != c.made || got.Origin != credential.Chosen || got.Proof != ProofGood {
			t.Errorf("%s: the old one is %s, the new one %s (%s, %s), want %s and %s", what, got.Old, got.Made,
				got.Origin, got.Proof, c.old, c.made)
		}
	}
}

func TestOnlyAPasswordWithASecretInADomainIsChosen(t *testing.T) {
	for what, c := range map[string]struct {
		want   credential.Origin
		change func(*fixture)
	}{
		"a domain's":            {credential.Chosen, func(*fixture) {}},
		"a domain's, not kept":  {credential.Reset, func(s *fixture) { s.snap.Secrets = nil }},
		"of the Default domain": {credential.Reset, func(s *fixture) { s.snap.Chosen = false }},
		"before the first look": {credential.Reset, func(s *fixture) { s.snap = Snapshot{} }},
		"with an unreadable secret": {credential.Chosen, func(s *fixture) {
			s.one().Err = fault.New(fault.Denied, "", "")
		}},
	} {
		s := chosenPassword(noon.Add(-time.Hour))
		c.change(s)
		if got := Reduce(s.job, s.snap, s.mem).Origin; got != c.want {
			t.Errorf("%s: %s, want %s", what, got, c.want)
		}
	}
}

func TestARefusedPasswordIsFinalUnlessAnEarlierRequestMayHaveSetIt(t *testing.T) {
	for what, c := range map[string]struct {
		action     Action
		tries      int
		unanswered bool
		chosen     bool
		want       Trouble
	}{
		"refused once":                {Reset, 1, false, true, TroubleNone},
		"refused twice":               {Reset, 2, false, true, TroubleFinal},
		"refused after a lost answer": {Reset, 2, true, true, TroubleLater},
		"a password that OCI chooses": {Reset, 2, true, false, TroubleFinal},
		"another action, once":        {Promote, 1, true, true, TroubleNone},
		"another action, twice":       {Promote, 2, true, true, TroubleFinal},
	} {
		s := chosenPassword(noon.Add(-time.Hour))
		s.snap.Chosen, s.mem.Unanswered, s.mem.Tries = c.chosen, c.unanswered, map[Action]int{c.action: c.tries}
		s.mem.Failure = &Failure{Action: c.action, Err: fault.New(fault.Invalid, "", "")}
		if got := s.view().trouble(); got != c.want {
			t.Errorf("%s: %s, want %s", what, got, c.want)
		}
	}
}
