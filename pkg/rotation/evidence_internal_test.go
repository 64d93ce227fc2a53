package rotation

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/keyturn/keyturn/pkg/config"
	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/vault"
)

// keyPairs are two API keys.
var keyPairs = sync.OnceValue(func() (pair [2]credential.Material) {
	for i := range pair {
		m, err := credential.GenerateAPIKey(2048)
		if err != nil {
			panic(err)
		}
		pair[i] = m
	}
	return pair
})

// An API key has no mark. Only an older version with its private key shows which rotation made it.
func TestAnAPIKeyIsOursOnlyIfAVersionOfThisRotationHadItsPrivateKeyFirst(t *testing.T) {
	mine, other := keyPairs()[0], keyPairs()[1]
	for what, c := range map[string]struct {
		ours   bool
		change func(*fixture)
	}{
		"as it should be": {true, func(*fixture) {}},
		"in a later attempt's": {true, func(s *fixture) {
			s.one().Versions[1].Name, s.one().Attempt.Name = s.name(7),
				s.name(7)
		}},
		"in another rotation's": {false, func(s *fixture) {
			s.one().Versions[1].Name, s.one().Attempt.Name = theirs.VersionName(1), theirs.VersionName(1)
		}},
		"in a version by hand": {false, func(s *fixture) {
			s.one().Versions[1].Name,
				s.one().Attempt.Name = "by hand", "by hand"
		}},
		"in a version without a name": {false, func(s *fixture) {
			s.one().Versions[1].Name,
				s.one().Attempt.Name = "", ""
		}},
		"in a version that is gone": {false, func(s *fixture) { s.one().Versions = s.one().Versions[:1] }},
		"it was not read":           {false, func(s *fixture) { s.one().Attempt.Number = 0 }},
		"another key is in there":   {false, func(s *fixture) { s.one().Attempt.Value = other.Value }},
		"no key is in there": {false,
			func(s *fixture) { s.one().Attempt.Value = credential.NewValue([]byte("x")) }},
		"its age is unknown":       {false, func(s *fixture) { s.one().Versions[1].Created = time.Time{} }},
		"the version came with it": {true, func(s *fixture) { s.one().Versions[1].Created = noon.Add(skew) }},
		"the version came later": {false,
			func(s *fixture) { s.one().Versions[1].Created = noon.Add(skew + 1) }},
		"in the second secret": {true,
			func(s *fixture) { s.snap.Secrets = append([]Seen{plain(credential.RoleBundle)}, s.snap.Secrets...) }},
		"in a secret for another part":    {false, func(s *fixture) { s.one().Role = credential.RoleAccessKey }},
		"in a bundle that is none":        {false, func(s *fixture) { s.one().Role = credential.RoleBundle }},
		"it isn't among the user's":       {false, func(s *fixture) { s.snap.Issued = s.snap.Issued[:1] }},
		"it is said to be in there alone": {false, func(s *fixture) { s.one().Attempt = Content{} }},
	} {
		s := newFixture(credential.APIKey, plain(credential.RolePrivateKey))
		s.issue(mine.ID, "", noon)
		s.one().Versions = append(s.one().Versions, vault.Version{Number: 2, Name: s.name(1), Pending: true,
			Created: noon.Add(-time.Second)})
		s.one().Attempt = Content{Number: 2, Name: s.name(1), Value: mine.Value}
		s.one().Journal.Staged = &Staged{Version: s.name(1), Phase: PhaseStaged, Credential: mine.ID}
		c.change(s)
		if got := s.view().ours(mine.ID); got != c.ours {
			t.Errorf("%s: %v", what, got)
		}
	}
}

// markedBy returns the description of a credential that a process made for a secret.
func (s *fixture) markedBy(maker, home string) string {
	return credential.Mark{Rotation: s.job.rotation(), Maker: maker, Home: credential.Home(home)}.Describe("web")
}

func TestACredentialOfThisRotationIsLostOnlyIfItsValueIsCertainlyNowhere(t *testing.T) {
	const home = "ocid1.vaultsecret.oc1..s"
	made := func(maker, home string, age time.Duration) func(*fixture) {
		return func(s *fixture) { s.issue("new", s.markedBy(maker, home), noon.Add(-age)) }
	}
	undone := func(s *fixture) {
		s.one().Journal.Staged = &Staged{Version: s.name(1), Phase: PhaseUndone, Credential: "new"}
		s.one().Versions = append(s.one().Versions, vault.Version{Number: 2, Name: s.name(1),
			Created: noon.Add(-time.Hour)})
	}
	staged := func(s *fixture) {
		s.one().Versions = append(s.one().Versions, vault.Version{Number: 2, Name: s.name(1), Pending: true,
			Created: noon})
	}
	for what, c := range map[string]struct {
		want    Made
		changes []func(*fixture)
	}{
		"nothing is there":               {MadeNone, nil},
		"its maker is gone":              {MadeLost, []func(*fixture){made("other", home, MakerLife)}},
		"its maker may be at work":       {MadeElsewhere, []func(*fixture){made("other", home, MakerLife-1)}},
		"this run has made it":           {MadeLost, []func(*fixture){made("me", home, 0)}},
		"it was made for another secret": {MadeStrange, []func(*fixture){made("other", "elsewhere", MakerLife)}},
		"this run did, for another one":  {MadeStrange, []func(*fixture){made("me", "elsewhere", 0)}},
		"versions since may be missing": {MadeDoubtful, []func(*fixture){made("other", home, MakerLife),
			func(s *fixture) { s.one().Listed = false }}},
		"versions may, but it is ours": {MadeLost, []func(*fixture){made("me", home, MakerLife),
			func(s *fixture) { s.one().Listed = false }}},
		"versions may, and it is young": {MadeElsewhere, []func(*fixture){made("other", home, 0),
			func(s *fixture) { s.one().Listed = false }}},
		"it is the old one": {MadeNone,
			[]func(*fixture){func(s *fixture) { s.snap.Issued[0].Description = s.markedBy("other", home) }}},
		"it has another's mark": {MadeNone, []func(*fixture){func(s *fixture) {
			s.issue("new", marked(theirs),
				noon.Add(-time.Hour))
		}}},
		"a version may hold it": {MadeElsewhere, []func(*fixture){made("other", home, MakerLife), staged}},
		"a version holds it": {MadeLive, []func(*fixture){made("other", home, MakerLife), staged, func(s *fixture) {
			s.one().Journal.Staged = &Staged{Version: s.name(1), Phase: PhaseStaged, Credential: "new"}
		}}},
		"a version holds another": {MadeLost, []func(*fixture){
			made("other", home, MakerLife), staged, func(s *fixture) {
				s.one().Journal.Staged = &Staged{Version: s.name(1), Phase: PhaseStaged, Credential: "third"}
				s.issue("third", s.markedBy("other", home), noon)
			}}},
		"it was taken back":       {MadeLost, []func(*fixture){made("other", "elsewhere", 0), undone}},
		"it was, and isn't there": {MadeNone, []func(*fixture){undone}},
		"it was, and has no mark": {MadeDoubtful, []func(*fixture){undone, func(s *fixture) {
			s.issue("new",
				"", noon)
		}}},
		"this run has taken it back": {MadeLost, []func(*fixture){undone, func(s *fixture) {
			s.issue("new", "",
				noon)
			s.mem.Undone = "new"
		}}},
		"so it has, and the journal is wiped": {MadeLost, []func(*fixture){func(s *fixture) {
			s.issue("new", "",
				noon)
			s.mem.Undone = "new"
		}}},
		"so it has, and it isn't there": {MadeNone, []func(*fixture){func(s *fixture) { s.mem.Undone = "new" }}},
	} {
		s := newFixture(credential.AuthToken, plain(credential.RoleToken))
		for _, change := range c.changes {
			change(s)
		}
		v := s.view()
		if got := v.made(); got != c.want || (v.lost() != "") != (got == MadeLost) || v.lost() != "" &&
			v.lost() != "new" {
			t.Errorf("%s: %s, lost %q; want %s", what, got, v.lost(), c.want)
		}
	}
}

func TestAnEarlierSecretThatHoldsALivingCredentialOfThisRotationIsNamed(t *testing.T) {
	for what, c := range map[string]struct {
		change  func(*fixture)
		strange bool
	}{
		"it holds one": {func(*fixture) {}, true},
		"as CURRENT": {func(s *fixture) {
			e := &s.snap.Earlier[0]
			e.Journal = Journal{Current: &Holder{Version: 2, Credential: "new"}}
		}, true},
		"as another version": {func(s *fixture) {
			e := &s.snap.Earlier[0]
			e.Journal = Journal{Current: &Holder{Version: 1, Credential: "new"}}
		}, false},
		"that is gone": {func(s *fixture) { s.snap.Issued = s.snap.Issued[:1] }, false},
		"of another rotation": {func(s *fixture) { s.snap.Earlier[0].Versions[1].Name = theirs.VersionName(1) },
			false},
		"in a version by hand": {func(s *fixture) { s.snap.Earlier[0].Versions[1].Name = "by hand" }, false},
		"which is in this one too": {func(s *fixture) {
			*s.one() = at(s.name(1), "pending")
			s.one().Journal.Staged = s.snap.Earlier[0].Journal.Staged
		}, false},
	} {
		s := newFixture(credential.APIKey, plain(credential.RolePrivateKey))
		s.issue("new", "", noon)
		s.snap.Earlier = []Seen{at(s.name(1), "pending")}
		s.snap.Earlier[0].Name, s.snap.Earlier[0].ID = "first", "ocid1.vaultsecret.oc1..first"
		s.snap.Earlier[0].Journal.Staged = &Staged{Version: s.name(1), Phase: PhaseStaged, Credential: "new"}
		s.one().Journal.Role, s.one().Journal.Owner = credential.RolePrivateKey, OwnerOf(s.job.Ref)
		c.change(s)
		made, why := s.view().misplaced()
		if (made == MadeStrange) != c.strange {
			t.Errorf("%s: %s (%s)", what, made, why)
		}
		for _, want := range []string{"new", "first", "ocid1.vaultsecret.oc1..first"} {
			if c.strange && !strings.Contains(why, want) {
				t.Errorf("%s: %q doesn't name %q", what, why, want)
			}
		}
	}
}

// held returns a fixture whose run has just made a credential, and hasn't stored its value yet.
func held(kind credential.Kind) *fixture {
	s := newFixture(kind, plain(kind.Roles()[len(kind.Roles())-1]))
	made := creation("new")
	made.Description = s.markedBy("me", "ocid1.vaultsecret.oc1..s")
	s.mem.Made, s.mem.MadeAt = made, noon
	s.mem.Value = &credential.Material{Kind: kind, ID: "new", Value: credential.NewValue([]byte("value"))}
	return s
}

func TestAProcessHoldsACredentialUntilASecretHasItsValue(t *testing.T) {
	for what, c := range map[string]struct {
		change func(*fixture)
		held   bool
	}{
		"just made":              {func(*fixture) {}, true},
		"not made":               {func(s *fixture) { s.mem.Made = nil }, false},
		"without a value":        {func(s *fixture) { s.mem.Value = nil }, false},
		"another value":          {func(s *fixture) { s.mem.Value.ID = "another" }, false},
		"it is kept":             {func(s *fixture) { s.mem.Kept = s.name(1) }, false},
		"deleting it has failed": {func(s *fixture) { s.mem.Tries = map[Action]int{Discard: 1} }, false},
		"an attempt is staged":   {func(s *fixture) { *s.one() = at(s.name(1), "pending") }, false},
		"another's is staged":    {func(s *fixture) { *s.one() = at(theirs.VersionName(1), "pending") }, true},
	} {
		for _, kind := range credential.Kinds() {
			s := held(kind)
			c.change(s)
			if got := s.view().held(); got != (c.held && kind != credential.APIKey) {
				t.Errorf("%s, %s: %v", kind, what, got)
			}
		}
	}
	for trouble, want := range map[error]Made{nil: MadeLost, errTest: MadeHeld} {
		s := held(credential.AuthToken)
		if s.view().made() != MadeHeld {
			t.Errorf("alone: %s", s.view().made())
		}
		s.issue("late", s.markedBy("other", "ocid1.vaultsecret.oc1..s"), noon.Add(-MakerLife))
		if trouble != nil {
			s.mem.Failure = &Failure{Action: Stage, Err: trouble, TimeUp: true}
		}
		if got := s.view().made(); got != want {
			t.Errorf("with a lost one, in trouble (%v): %s, want %s", trouble, got, want)
		}
	}
}

func TestWhatARunHasMadeOrDeletedIsSoThoughTheListLags(t *testing.T) {
	for what, c := range map[string]struct {
		change func(*fixture)
		want   string
	}{
		"made just now":    {func(*fixture) {}, "old new"},
		"made and shown":   {func(s *fixture) { s.issue("new", "", noon) }, "old new"},
		"made for a while": {func(s *fixture) { s.snap.Local = noon.Add(SpreadTime - 1) }, "old new"},
		"made and gone":    {func(s *fixture) { s.snap.Local = noon.Add(SpreadTime) }, "old"},
		"made and deleted": {func(s *fixture) { s.mem.Deleted = []string{"new"} }, "old"},
		"made, shown, deleted": {func(s *fixture) { s.issue("new", "", noon); s.mem.Deleted = []string{"new"} },
			"old"},
		"the old one is deleted": {func(s *fixture) { s.mem.Deleted = []string{"x", "old"} }, "new"},
		"nothing was made":       {func(s *fixture) { s.mem.Made = nil }, "old"},
	} {
		s := held(credential.AuthToken)
		c.change(s)
		var got []string
		for _, one := range s.view().issued {
			got = append(got, one.ID)
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s: %v, want %s", what, got, c.want)
		}
	}
}

// The attempt's credential is known from, in this order: the run's memory, the version's content, the journal, and the
// mark of the only marked credential.
func TestTheCredentialOfAnAttemptIsTakenFromWhereItIsKnownFirst(t *testing.T) {
	value := func(text string) credential.Value { return credential.NewValue([]byte(text)) }
	name := newFixture(credential.AuthToken).name(1)
	read := func(s *fixture) { s.one().Attempt = Content{Number: 2, Name: name, Value: value("staged")} }
	named := func(s *fixture) {
		s.one().Journal.Staged = &Staged{Version: name, Phase: PhaseStaged, Credential: "named"}
	}
	mine := func(kept string) func(*fixture) {
		return func(s *fixture) {
			s.mem.Value, s.mem.Kept = &credential.Material{ID: "mine", Value: value("mine")},
				kept
		}
	}
	bundle := func(s *fixture) {
		s.one().Role = credential.RoleBundle
		s.one().Attempt.Value = value(`{"kind":"auth-token","token_id":"bundled","token":"inside"}`)
	}
	follows := func(s *fixture) { *s.one() = at(name, "followed"); s.job.Replace = true }
	holds := func(number int64, text string) func(*fixture) {
		return func(s *fixture) { s.one().Holds = Content{Number: number, Value: value(text)} }
	}
	marks := func(n int) func(*fixture) {
		return func(s *fixture) {
			for i := range n {
				s.issue("marked"+strings.Repeat("!", i), s.markedBy("other", "s"), noon)
			}
		}
	}
	for what, c := range map[string]struct {
		id, value string
		changes   []func(*fixture)
	}{
		"unknown": {"", "", nil},
		"not staged": {"", "",
			[]func(*fixture){func(s *fixture) { *s.one() = plain(credential.RoleToken) }}},
		"by its journal": {"named", "", []func(*fixture){named}},
		"by the journal of CURRENT": {"holder", "",
			[]func(*fixture){func(s *fixture) { s.one().Journal.Current = &Holder{Version: 2, Credential: "holder"} }}},
		"by the journal of another": {"", "",
			[]func(*fixture){func(s *fixture) { s.one().Journal.Current = &Holder{Version: 1, Credential: "holder"} }}},
		"by its journal and its content": {"named", "staged", []func(*fixture){named, read}},
		"by its content alone":           {"", "staged", []func(*fixture){read}},
		"by a content that was not read": {"named", "", []func(*fixture){named, read,
			func(s *fixture) { s.one().Attempt.Number = 0 }}},
		"by a content of another attempt": {"named", "", []func(*fixture){named, read,
			func(s *fixture) { s.one().Attempt.Name = "x" }}},
		"by an empty content": {"named", "", []func(*fixture){named, read,
			func(s *fixture) { s.one().Attempt.Value = value("") }}},
		"by a bundle":                      {"bundled", "inside", []func(*fixture){read, bundle}},
		"by a bundle of another":           {"named", "", []func(*fixture){named, read, bundle}},
		"by its content, and the one mark": {"marked", "staged", []func(*fixture){read, marks(1)}},
		"by its content, and two marks":    {"", "staged", []func(*fixture){read, marks(2)}},
		"by a mark alone":                  {"", "", []func(*fixture){marks(1)}},
		"by a mark where nothing is tried": {"", "staged", []func(*fixture){read, marks(1),
			func(s *fixture) { s.job.Prove = config.ProveOff }}},
		"by its journal, not by a mark":   {"named", "staged", []func(*fixture){read, named, marks(1)}},
		"by the run that has stored it":   {"mine", "mine", []func(*fixture){named, read, mine(name)}},
		"by the run, not by what it kept": {"named", "staged", []func(*fixture){named, read, mine("x")}},
		"by its secret, not by the run":   {"named", "staged", []func(*fixture){named, read, mine("")}},
		"by the run while nothing is kept": {"mine", "mine", []func(*fixture){mine(""),
			func(s *fixture) { *s.one() = plain(credential.RoleToken) }}},
		"by the run after another attempt": {"", "", []func(*fixture){mine("x"),
			func(s *fixture) { *s.one() = plain(credential.RoleToken) }}},
		"by its successor":               {"next", "", []func(*fixture){follows}},
		"by its successor's value":       {"next", "current", []func(*fixture){follows, holds(2, "current")}},
		"by a value that was CURRENT":    {"next", "", []func(*fixture){follows, holds(1, "before")}},
		"by a successor without a value": {"next", "", []func(*fixture){follows, holds(2, "")}},
		"by its second secret": {"named", "staged", []func(*fixture){named, read, func(s *fixture) {
			s.snap.Secrets = append([]Seen{plain(credential.RoleToken)}, s.snap.Secrets...)
		}}},
		"by the first of two secrets": {"named", "staged", []func(*fixture){named, read, func(s *fixture) {
			s.snap.Secrets = append(s.snap.Secrets, at(name, "pending"))
			s.snap.Secrets[1].Attempt = Content{Number: 2, Name: name, Value: value("second")}
			s.snap.Secrets[1].Journal.Staged = &Staged{Version: name, Phase: PhaseStaged, Credential: "second"}
		}}},
	} {
		s := newFixture(credential.AuthToken, at(name, "pending"))
		for _, change := range c.changes {
			change(s)
		}
		id, m := s.view().at(1).find()
		got := ""
		if m != nil {
			got = string(m.Value.Reveal())
			if m.ID != id {
				t.Errorf("%s: %q, whose value is that of %q", what, id, m.ID)
			}
		}
		if id != c.id || got != c.value {
			t.Errorf("%s: %q with the value %q, want %q with %q", what, id, got, c.id, c.value)
		}
	}
}

func TestASuccessorsValueIsReadFromASecretThatHasOne(t *testing.T) {
	name := newFixture(credential.CustomerSecretKey).name(1)
	in := func(role credential.Role, place string) Seen {
		s := at(name, place)
		s.Role, s.SecretID = role, string(role)
		return s
	}
	id, key := credential.RoleAccessKey, credential.RoleSecretKey
	for what, c := range map[string]struct {
		secrets []Seen
		want    string
	}{
		"the key first":      {[]Seen{in(key, "followed"), in(id, "followed")}, string(key)},
		"the key last":       {[]Seen{in(id, "followed"), in(key, "followed")}, string(key)},
		"one has moved on":   {[]Seen{in(key, "followed"), in(id, "current")}, ""},
		"the other has":      {[]Seen{in(key, "current"), in(id, "followed")}, ""},
		"the id alone":       {[]Seen{in(id, "followed")}, ""},
		"there is no secret": {nil, ""},
	} {
		s := newFixture(credential.CustomerSecretKey, c.secrets...)
		if got, ok := s.view().at(1).successor(); got.SecretID != c.want || ok != (c.want != "") {
			t.Errorf("%s: %q, %v", what, got.SecretID, ok)
		}
	}
}
