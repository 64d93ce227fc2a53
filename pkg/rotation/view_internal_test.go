package rotation

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/vault"
)

var errTest = errors.New("no way")

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

const theirs credential.RotationID = "aaaaaaaaaaaaaaaa" // the id of another rotation

// fixture is the input of Reduce for the rotation of the credential "old".
type fixture struct {
	job  Job
	snap Snapshot
	mem  Memory
}

func newFixture(kind credential.Kind, secrets ...Seen) *fixture {
	return &fixture{
		job: Job{Request: credential.Request{Ref: credential.Ref{Kind: kind, User: "ocid1.user.oc1..u", ID: "old"},
			Closure: credential.Closure{At: noon.Add(-time.Hour)}}},
		snap: Snapshot{Seen: true, At: noon, Local: noon, Secrets: secrets, Issued: []credential.Issued{{ID: "old"}}},
		mem:  Memory{Maker: "me", Now: noon, Looks: 2, Fresh: true},
	}
}

func (s *fixture) view() view { return newView(s.job, s.snap, s.mem) }

// name returns the name of an attempt's version.
func (s *fixture) name(attempt int) string { return s.job.rotation().VersionName(attempt) }

// one returns the first secret.
func (s *fixture) one() *Seen { return &s.snap.Secrets[0] }

func (s *fixture) issue(id, description string, at time.Time) {
	s.snap.Issued = append(s.snap.Issued, credential.Issued{ID: id, Description: description, Created: at})
}

// plain returns a secret that Keyturn hasn't written to.
func plain(role credential.Role) Seen {
	return Seen{Target: credential.Target{Role: role, SecretID: "ocid1.vaultsecret.oc1..s"},
		Secret: vault.Secret{ID: "ocid1.vaultsecret.oc1..s",
			Current: 1}, Listed: true,
		Versions: []vault.Version{{Number: 1, Current: true, Created: noon.Add(-48 * time.Hour)}}}
}

func marked(rotation credential.RotationID) string {
	return credential.Mark{Rotation: rotation, Maker: "somebodyelse", Home: credential.Home("s")}.Describe("")
}

func TestASecretHasMovedOnOnlyIfItsJournalSaysThatALaterRotationFollowsAnOverlap(t *testing.T) {
	for what, c := range map[string]struct {
		change  func(*fixture)
		follows bool
	}{
		"all of it":                       {func(*fixture) {}, true},
		"no version of this rotation":     {func(s *fixture) { s.one().Versions = s.one().Versions[1:] }, true},
		"CURRENT is this attempt's":       {func(s *fixture) { s.one().Versions[0].Current = true }, false},
		"this attempt's is PENDING":       {func(s *fixture) { s.one().Versions[0].Pending = true }, false},
		"the versions aren't listed":      {func(s *fixture) { s.one().Listed = false }, false},
		"no journal of CURRENT":           {func(s *fixture) { s.one().Journal.Current = nil }, false},
		"the journal of another version":  {func(s *fixture) { s.one().Journal.Current.Version = 1 }, false},
		"a journal without a credential":  {func(s *fixture) { s.one().Journal.Current.Credential = "" }, false},
		"no overlap":                      {func(s *fixture) { s.one().Journal.Retire = nil }, false},
		"the overlap of another":          {func(s *fixture) { s.one().Journal.Retire[0].Credential = "other" }, false},
		"CURRENT holds the old one again": {func(s *fixture) { s.one().Journal.Current.Credential = "old" }, false},
		"CURRENT is no rotation's":        {func(s *fixture) { s.one().Versions[1].Name = "by hand" }, false},
		"CURRENT is this rotation's":      {func(s *fixture) { s.one().Versions[1].Name = s.name(2) }, false},
		"another rotation's isn't CURRENT": {func(s *fixture) {
			s.one().Versions = append(s.one().Versions, vault.Version{Number: 3})
			s.one().Current, s.one().Journal.Current.Version = 3, 3
		}, false},
	} {
		s := newFixture(credential.AuthToken, plain(credential.RoleToken))
		s.one().Current = 2
		s.one().Versions = []vault.Version{{Number: 1, Name: s.name(1), Stale: true},
			{Number: 2, Name: theirs.VersionName(1), Current: true}}
		s.one().Journal = Journal{Current: &Holder{Version: 2, Credential: "next"},
			Retire: Overlaps{{Credential: "old"}}}
		c.change(s)
		if got := s.view().at(1).superseded(*s.one()); got != c.follows {
			t.Errorf("%s: %v", what, got)
		}
	}
}

func TestACredentialIsOursOnlyIfIAMShowsIt(t *testing.T) {
	for what, c := range map[string]struct {
		kind   credential.Kind
		change func(*fixture)
		ours   bool
	}{
		"not listed":     {credential.AuthToken, func(*fixture) {}, false},
		"without a mark": {credential.AuthToken, func(s *fixture) { s.issue("new", "mine", noon) }, false},
		"with another's mark": {credential.AuthToken, func(s *fixture) {
			s.issue("new", marked(theirs), noon)
		}, false},
		"with our mark": {credential.AuthToken, func(s *fixture) {
			s.issue("new", marked(s.job.rotation()), noon)
		}, true},
		"a key with our mark": {credential.APIKey, func(s *fixture) {
			s.issue("new", marked(s.job.rotation()), noon)
		}, false},
		"a password":            {credential.Password, func(s *fixture) { s.issue("new", "", noon) }, true},
		"a password not listed": {credential.Password, func(*fixture) {}, false},
		"that this run made": {credential.APIKey, func(s *fixture) {
			s.issue("new", "", noon)
			s.mem.Made = creation("new")
		}, true},
		"though this run made one": {credential.APIKey, func(s *fixture) {
			s.issue("new", "", noon)
			s.mem.Made = creation("other")
		}, false},
		"a token though it made one": {credential.AuthToken, func(s *fixture) {
			s.issue("new", "", noon)
			s.mem.Made = creation("other")
		}, false},
	} {
		s := newFixture(c.kind, plain(c.kind.Roles()[0]))
		c.change(s)
		if s.view().ours("new") != c.ours {
			t.Errorf("%s: %v", what, !c.ours)
		}
	}
}

func creation(id string) *credential.Created {
	return &credential.Created{Issued: credential.Issued{ID: id}}
}

func TestAnEarlierSecretIsEvidenceOfThisRotationOnlyByAVersionOfIt(t *testing.T) {
	for what, c := range map[string]struct {
		change           func(*fixture)
		elsewhere, young bool
	}{
		"no earlier secret": {func(s *fixture) { s.snap.Earlier = nil }, false, false},
		"versions by hand":  {func(*fixture) {}, false, false},
		"a version of another one": {func(s *fixture) { s.snap.Earlier[0].Versions[0].Name = theirs.VersionName(1) },
			false, false},
		"a young version of it":    {func(s *fixture) { s.snap.Earlier[0].Versions[0].Name = s.name(1) }, true, true},
		"a version of any attempt": {func(s *fixture) { s.snap.Earlier[0].Versions[0].Name = s.name(7) }, true, true},
		"an old version of it": {func(s *fixture) { s.snap.Earlier[0].Versions[1].Name = s.name(1) }, true,
			false},
		"a credential with its mark": {func(s *fixture) { s.issue("new", marked(s.job.rotation()), noon) }, true,
			false},
		"a credential with another": {func(s *fixture) { s.issue("new", marked(theirs), noon) }, false, false},
		"the old one with its mark": {func(s *fixture) { s.snap.Issued[0].Description = marked(s.job.rotation()) },
			false, false},
	} {
		s := newFixture(credential.AuthToken, plain(credential.RoleToken))
		s.snap.Earlier = []Seen{{Versions: []vault.Version{
			{Number: 2, Name: "by hand", Created: noon.Add(time.Second - UnseenTime)},
			{Number: 1, Created: noon.Add(-UnseenTime)}}}}
		c.change(s)
		if v := s.view(); v.inEarlierSecret() != c.elsewhere || v.stagedEarlier() != c.young {
			t.Errorf("%s: %v, young %v", what, v.inEarlierSecret(), v.stagedEarlier())
		}
	}
}

func TestASuccessorIsOwedOnlyWhereThisRotationMayHaveDeletedTheOldOne(t *testing.T) {
	announce := func(phase Phase, given bool) func(*fixture) {
		return func(s *fixture) {
			s.job.Replace = false
			s.one().Journal.Staged = &Staged{Version: s.name(1), Phase: phase, GivenUp: given}
		}
	}
	staged := func(s *fixture) {
		s.one().Versions = append(s.one().Versions, vault.Version{Number: 2, Name: s.name(1), Pending: true})
	}
	owed := map[credential.Kind][]string{
		credential.AuthToken: {"deleting first is allowed", "announced", "given up"},
		credential.APIKey:    {"announced", "given up", "a version of it"},
		credential.Password:  nil,
	}
	for what, change := range map[string]func(*fixture){
		"deleting first is allowed":  func(*fixture) {},
		"it isn't allowed":           func(s *fixture) { s.job.Replace = false },
		"a version, but not allowed": func(s *fixture) { s.job.Replace = false; staged(s) },
		"a version of it":            func(s *fixture) { staged(s); s.snap.Refusal = errTest },
		"announced":                  announce(PhaseIntent, false),
		"given up":                   announce(PhaseUndone, true),
		"staged, not given up":       announce(PhaseStaged, false),
		"the secret can't be read":   func(s *fixture) { s.one().Err = errTest },
		"the guard refuses":          func(s *fixture) { s.snap.Refusal = errTest },
		"versions are missing":       func(s *fixture) { s.one().Listed = false },
		"it is elsewhere":            func(s *fixture) { s.issue("new", marked(s.job.rotation()), noon) },
	} {
		for kind, when := range owed {
			s := newFixture(kind, plain(kind.Roles()[0]))
			s.job.Replace, s.snap.Issued = true, nil
			change(s)
			if s.view().owed() != slices.Contains(when, what) {
				t.Errorf("%s, %s: %v", kind, what, !slices.Contains(when, what))
			}
		}
	}
}

func TestWhatAnotherRotationHasStagedIsInTheWayWhileItIsNeededOrYoung(t *testing.T) {
	ago := func(d time.Duration) *time.Time { at := noon.Add(-d); return &at }
	for what, c := range map[string]struct {
		staged *Staged
		room   Room
	}{
		"nothing": {nil, RoomFree},
		"what was taken back": {&Staged{Version: theirs.VersionName(1), Phase: PhaseUndone,
			Credential: "needed", At: ago(0)}, RoomFree},
		"a name by hand": {&Staged{Version: "by hand", Phase: PhaseStaged, Credential: "needed",
			At: ago(0)}, RoomFree},
		"this rotation": {&Staged{Version: newFixture(credential.AuthToken).name(1), Phase: PhaseStaged,
			Credential: "needed", At: ago(0)}, RoomFree},
		"a living credential": {&Staged{Version: theirs.VersionName(1), Phase: PhaseStaged,
			Credential: "needed", At: ago(MakerLife)}, RoomTaken},
		"a living one, just now": {&Staged{Version: theirs.VersionName(1), Phase: PhaseStaged,
			Credential: "needed", At: ago(0)}, RoomTaken},
		"a living one, with no time": {&Staged{Version: theirs.VersionName(1), Phase: PhaseStaged,
			Credential: "needed"}, RoomTaken},
		"one that is gone": {&Staged{Version: theirs.VersionName(1), Phase: PhaseStaged,
			Credential: "gone", At: ago(MakerLife)}, RoomFree},
		"one that isn't there yet": {&Staged{Version: theirs.VersionName(1), Phase: PhaseStaged,
			Credential: "gone", At: ago(MakerLife - 1)}, RoomBusy},
		"the old one": {&Staged{Version: theirs.VersionName(1), Phase: PhaseStaged, Credential: "old",
			At: ago(MakerLife)}, RoomFree},
		"an announcement": {&Staged{Version: theirs.VersionName(1), Phase: PhaseIntent,
			Credential: "needed", At: ago(0)}, RoomBusy},
		"an announcement of long ago": {&Staged{Version: theirs.VersionName(1), Phase: PhaseIntent,
			Credential: "needed", At: ago(MakerLife)}, RoomFree},
		"an announcement with no time": {&Staged{Version: theirs.VersionName(1), Phase: PhaseIntent,
			Credential: "needed"}, RoomFree},
		"an announcement yet to come": {&Staged{Version: theirs.VersionName(1), Phase: PhaseIntent,
			At: ago(-MakerLife)}, RoomFree},
		"one by a clock that is a head": {&Staged{Version: theirs.VersionName(1), Phase: PhaseIntent,
			At: ago(1 - MakerLife)}, RoomBusy},
	} {
		s := newFixture(credential.AuthToken, plain(credential.RoleToken))
		s.issue("needed", "", noon.Add(-time.Hour))
		s.one().Journal = Journal{Staged: c.staged, Current: &Holder{Version: 1, Credential: "old"}}
		if room, why := s.view().room(); room != c.room || (why == "") != (room == RoomFree) {
			t.Errorf("%s: %s (%s), want %s", what, room, why, c.room)
		}
	}
}

func TestASecretIsFreshOnlyIfNothingInItIsOfThisRotation(t *testing.T) {
	own := newFixture(credential.AuthToken).job.rotation()
	for what, c := range map[string]struct {
		change func(*Seen)
		fresh  bool
	}{
		"a plain one": {func(*Seen) {}, true},
		"this rotation's staged": {func(s *Seen) { s.Journal.Staged = &Staged{Version: own.VersionName(1)} },
			false},
		"its later attempt": {func(s *Seen) { s.Journal.Staged = &Staged{Version: own.VersionName(2)} },
			false},
		"another rotation's staged": {func(s *Seen) { s.Journal.Staged = &Staged{Version: theirs.VersionName(1)} },
			true},
		"something unknown is staged": {func(s *Seen) { s.Journal.Staged = &Staged{Version: "by hand"} }, false},
		"CURRENT holds the old one": {func(s *Seen) { s.Journal.Current = &Holder{Version: 1, Credential: "old"} },
			true},
		"CURRENT holds another one": {func(s *Seen) { s.Journal.Current = &Holder{Version: 1, Credential: "new"} },
			false},
		"CURRENT has changed since": {func(s *Seen) { s.Journal.Current = &Holder{Version: 2, Credential: "old"} },
			false},
		"no CURRENT":                   {func(s *Seen) { s.Current = 0 }, false},
		"as many versions as are well": {func(s *Seen) { s.Current = 2*vault.MaxVersions/3 - 1 }, true},
		"many versions":                {func(s *Seen) { s.Current = 2 * vault.MaxVersions / 3 }, false},
	} {
		s := plain(credential.RoleToken)
		c.change(&s)
		if s.notStarted(own, "old") != c.fresh {
			t.Errorf("%s: %v", what, !c.fresh)
		}
	}
}

// A past attempt has a version and is followed by another one. The first attempt has the number 1.
func TestAnEarlierAttemptIsLookedForOnlyWhereItsKeyMayBe(t *testing.T) {
	for what, c := range map[string]struct {
		change func(*fixture)
		past   []int64
	}{
		"as it is":                  {func(*fixture) {}, []int64{3}},
		"CURRENT is this attempt's": {func(s *fixture) { s.one().Current = 4 }, []int64{3}},
		"CURRENT is by hand": {func(s *fixture) {
			s.one().Versions = append(s.one().Versions, vault.Version{Number: 5})
			s.one().Current = 5
		}, nil},
		"CURRENT is the attempt":   {func(s *fixture) { s.one().Current = 3 }, nil},
		"CURRENT came just before": {func(s *fixture) { s.one().Current = 2 }, []int64{3}},
		"a token":                  {func(s *fixture) { s.job.Ref.Kind = credential.AuthToken; s.rename() }, nil},
		"versions that aren't all": {func(s *fixture) { s.one().Listed = false }, nil},
		"its version is gone":      {func(s *fixture) { s.one().Versions[2].Name = "" }, nil},
		"the next version is gone": {func(s *fixture) {
			s.one().Versions[3].Name = ""
			s.one().Journal.Staged.Version = s.name(2)
		}, nil},
		"no key of that time":    {func(s *fixture) { s.snap.Issued = nil }, nil},
		"the key is the new one": {func(s *fixture) { s.one().Journal.Staged.Credential = "late" }, nil},
		"the new one is unknown": {func(s *fixture) { s.one().Journal.Staged.Credential = "" }, nil},
		"the key came before it": {func(s *fixture) { s.snap.Issued[0].Created = noon.Add(-2*time.Hour - skew - 1) },
			nil},
		"the key came with it": {func(s *fixture) { s.snap.Issued[0].Created = noon.Add(-2*time.Hour - skew) },
			[]int64{3}},
		"the key came later": {func(s *fixture) { s.snap.Issued[0].Created = noon.Add(MakerLife - time.Hour) },
			nil},
		"the key came just in time": {func(s *fixture) {
			s.snap.Issued[0].Created = noon.Add(MakerLife - time.Hour - 1)
		}, []int64{3}},
		"its beginning is unknown": {func(s *fixture) { s.one().Versions[2].Created = time.Time{} }, nil},
	} {
		s := newFixture(credential.APIKey, plain(credential.RolePrivateKey))
		s.snap.Issued = nil
		s.issue("late", "", noon.Add(-90*time.Minute))
		old := noon.Add(-2 * time.Hour)
		s.one().Versions = append(s.one().Versions, vault.Version{Number: 2, Created: old},
			vault.Version{Number: 3, Created: old},
			vault.Version{Number: 4, Created: noon.Add(-time.Hour)})
		s.one().Journal.Staged = &Staged{Phase: PhaseStaged, Credential: "new"}
		s.rename()
		c.change(s)
		var got []int64
		for _, p := range s.view().at(2).pastAttempts(*s.one()) {
			got = append(got, p.Number)
		}
		if !slices.Equal(got, c.past) {
			t.Errorf("%s: versions %v, want %v", what, got, c.past)
		}
	}
}

// rename names the versions after the attempts 0 (which never exists), 1 and 2.
func (s *fixture) rename() {
	for i := range 3 {
		s.one().Versions[i+1].Name = s.name(i)
	}
	s.one().Journal.Staged.Version = s.name(2)
}

func TestARotationIsOrderedUnlessAMarkIsAllThatIsKnownOfIt(t *testing.T) {
	for _, kind := range credential.Kinds() {
		for _, orphan := range []string{"", "lost"} {
			s := newFixture(kind, plain(kind.Roles()[0]))
			s.job.orphan, s.job.marked = orphan, theirs
			order, id := OrderGiven, s.job.Ref.RotationID()
			if orphan != "" {
				order, id = OrderNone, theirs
			}
			c := Reduce(s.job, s.snap, s.mem)
			if c.Order != order || c.Version != id.VersionName(1) {
				t.Errorf("%s, orphan %q: %s, %s", kind, orphan, c.Order, c.Version)
			}
		}
	}
}
