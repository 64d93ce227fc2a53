package rotation

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/vault"
)

// at returns a secret in which the attempt is in the given state.
func at(name, place string) Seen {
	s := plain(credential.RoleToken)
	v := vault.Version{Number: 2, Name: name, Created: noon.Add(-time.Minute)}
	switch place {
	case "absent":
		return s
	case "pending":
		v.Pending = true
	case "current":
		s.Versions[0].Current, v.Current, s.Current = false, true, 2
	case "leaving":
		v.Pending, v.Leaving = true, true
	case "previous":
		v.Previous = true
	case "followed": // a later rotation's is CURRENT
		s.Versions[0].Name, s.Versions[0].Current, s.Current = name, false, 2
		v.Name, v.Current = theirs.VersionName(1), true
		s.Journal = Journal{Current: &Holder{Version: 2, Credential: "next"}, Retire: Overlaps{{Credential: "old"}}}
	}
	s.Versions = append(s.Versions, v)
	return s
}

var places = []string{"absent", "pending", "current", "leaving", "previous", "followed"}

func TestTheProgressOfAnAttemptIsThatOfTheSecretFarthestBehind(t *testing.T) {
	name := newFixture(credential.AuthToken).name(1)
	for _, one := range places {
		for _, other := range places {
			for _, third := range places {
				all := []string{one, other, third}
				n := func(some ...string) (n int) {
					for _, place := range all {
						if slices.Contains(some, place) {
							n++
						}
					}
					return n
				}
				want := StoredCurrent
				switch {
				case n("leaving", "previous") > 0:
					want = StoredReplaced
				case n("absent") == 3:
					want = StoredNone
				case n("absent") > 0:
					want = StoredPart
				case n("pending") == 3:
					want = StoredAll
				case n("pending") > 0:
					want = StoredPromotedIn
				}
				s := newFixture(credential.AuthToken, at(name, one), at(name, other), at(name, third))
				v := s.view().at(1)
				if got := v.stored(); got != want {
					t.Errorf("%v: %s, want %s", all, got, want)
				}
				if v.staged() != (n("absent") < 3) || v.finished() != (want == StoredCurrent ||
					want == StoredReplaced) {
					t.Errorf("%v: staged %v, finished %v", all, v.staged(), v.finished())
				}
				s.mem.Unsure = true
				if got := s.view().at(1).stored(); got != want && want != StoredNone || want == StoredNone &&
					got != StoredUnsure {
					t.Errorf("%v, after a write without an answer: %s", all, got)
				}
				s.snap.Secrets[2].Err = errTest
				if got := s.view().at(1).stored(); got != StoredUnread {
					t.Errorf("%v, where one can't be read: %s", all, got)
				}
			}
		}
	}
	if got := newFixture(credential.Password).view().stored(); got != StoredNotAsked {
		t.Errorf("without a secret: %s", got)
	}
}

func TestAnAnnouncementCountsWhileItsMakerLivesOrOnceItsActionIsDone(t *testing.T) {
	for _, kind := range []credential.Kind{credential.AuthToken, credential.Password} {
		for _, phase := range []Phase{PhaseIntent, PhaseStaged, PhaseUndone} {
			for _, maker := range []string{"me", "other"} {
				for _, age := range []time.Duration{MakerLife - 1, MakerLife} {
					for _, given := range []bool{false, true} {
						for _, done := range []bool{false, true} {
							s := newFixture(kind, plain(kind.Roles()[0]))
							begun := noon.Add(-age)
							s.one().Journal.Staged = &Staged{Version: s.name(1), Phase: phase, Maker: maker,
								At: &begun, GivenUp: given}
							s.job.ResetAfter = []time.Time{noon}
							s.snap.Issued = []credential.Issued{{ID: "old", Created: noon.Add(-1)}}
							if done && kind == credential.Password {
								s.snap.Issued[0].Created = noon
							} else if done {
								s.snap.Issued[0].ID = "another"
							}
							want := StoredNone
							switch {
							case phase == PhaseIntent && maker == "other" && age < MakerLife:
								want = StoredElsewhere
							case phase == PhaseIntent && (maker == "me" || done), given && done:
								want = StoredIntent
							}
							what := fmt.Sprintf("%s: %s by %s %v ago, given up %v, done %v", kind, phase, maker, age,
								given, done)
							if got := s.view().at(1).stored(); got != want {
								t.Errorf("%s: %s, want %s", what, got, want)
							}
							for _, memory := range []Memory{{Withdrew: true}, {Tries: map[Action]int{Withdraw: 1}}} {
								s.mem = memory
								if got := s.view().at(1).stored(); got != StoredWithdrawn {
									t.Errorf("%s, and withdrawn: %s", what, got)
								}
							}
						}
					}
				}
			}
		}
	}
}

func TestTheNewestAttemptIsTheHighestThatAnyVersionOrAnnouncementNames(t *testing.T) {
	announced := func(n int, phase Phase, id string) func(*fixture) {
		return func(s *fixture) {
			s.snap.Secrets[1].Journal.Staged = &Staged{Version: s.name(n), Phase: phase, Credential: id}
		}
	}
	versions := func(attempts ...int) func(*fixture) {
		return func(s *fixture) {
			for _, n := range attempts {
				s.one().Versions = append(s.one().Versions, vault.Version{Number: int64(len(s.one().Versions) + 1),
					Name: s.name(n)})
			}
		}
	}
	last := func(s *fixture) { s.snap.Secrets[0], s.snap.Secrets[1] = s.snap.Secrets[1], s.snap.Secrets[0] }
	for what, c := range map[string]struct {
		changes []func(*fixture)
		newest  int
		undone  string
	}{
		"none":                             {nil, 0, ""},
		"one version":                      {[]func(*fixture){versions(1)}, 1, ""},
		"several":                          {[]func(*fixture){versions(1, 3, 2)}, 3, ""},
		"an announcement":                  {[]func(*fixture){announced(2, PhaseIntent, "")}, 2, ""},
		"an announcement of an older one":  {[]func(*fixture){versions(3), announced(2, PhaseUndone, "new")}, 3, ""},
		"a later announcement":             {[]func(*fixture){versions(1), announced(2, PhaseStaged, "new")}, 2, ""},
		"one that was taken back":          {[]func(*fixture){versions(1), announced(1, PhaseUndone, "new")}, 1, "new"},
		"one that was taken back, no name": {[]func(*fixture){versions(1), announced(1, PhaseUndone, "")}, 1, "?"},
		"taken back, in the first secret": {[]func(*fixture){versions(1), announced(1, PhaseUndone, "new"), last}, 1,
			"new"},
		"taken back before the newest one": {[]func(*fixture){versions(1, 2), announced(1, PhaseUndone, "new"), last},
			2, ""},
		"another rotation's": {[]func(*fixture){func(s *fixture) {
			s.one().Versions[0].Name = theirs.VersionName(4)
			s.one().Journal.Staged = &Staged{Version: theirs.VersionName(5), Phase: PhaseUndone, Credential: "new"}
		}}, 0, ""},
		"by hand": {[]func(*fixture){func(s *fixture) { s.one().Versions[0].Name = "keyturn-1" }}, 0, ""},
	} {
		s := newFixture(credential.AuthToken, plain(credential.RoleToken), plain(credential.RoleToken))
		for _, change := range c.changes {
			change(s)
		}
		v := s.view()
		if newest, undone := v.newest(); newest != c.newest || undone != c.undone || v.undone != c.undone {
			t.Errorf("%s: attempt %d, taken back %q; want %d, %q", what, newest, undone, c.newest, c.undone)
		}
		want := max(c.newest, 1)
		if c.undone != "" {
			want++
		}
		if v.attempt != want || v.name != s.name(want) {
			t.Errorf("%s: it goes on with attempt %d, %s", what, v.attempt, v.name)
		}
	}
}

func TestAnAttemptWasWrittenWhenItsFirstVersionWas(t *testing.T) {
	for _, ages := range [][]time.Duration{{1, 2, 3}, {3, 2, 1}, {2, 3, 1}, {2}, {}} {
		s, want := newFixture(credential.AuthToken, plain(credential.RoleToken)), time.Time{}
		for _, hours := range ages {
			one, made := at(s.name(1), "pending"), noon.Add(-hours*time.Hour)
			if want.IsZero() || made.Before(want) {
				want = made
			}
			one.Versions[1].Created = made
			s.snap.Secrets = append(s.snap.Secrets, one)
		}
		if got := s.view().at(1).stagedAt(); !got.Equal(want) {
			t.Errorf("hours ago %v: %v, want %v", ages, got, want)
		}
	}
}

// A dead attempt is never promoted: the next one gets the next number.
func TestAnAttemptIsOverOnlyIfItsCredentialIsGoneForSure(t *testing.T) {
	age := func(d time.Duration) func(*fixture) {
		return func(s *fixture) { s.one().Versions[1].Created = noon.Add(-d) }
	}
	named := func(s *fixture) {
		s.one().Journal.Staged = &Staged{Version: s.name(1), Phase: PhaseStaged, Credential: "new"}
	}
	current := func(s *fixture) { *s.one() = at(s.name(1), "current"); age(UnseenTime)(s) }
	gone := func(s *fixture) { s.snap.Issued = nil }
	for what, c := range map[string]struct {
		over    bool
		changes []func(*fixture)
	}{
		"long ago": {true, []func(*fixture){age(UnseenTime), named}},
		"just now": {false, []func(*fixture){age(UnseenTime - 1), named}},
		"time unknown": {false, []func(*fixture){named,
			func(s *fixture) { s.one().Versions[1].Created = time.Time{} }}},
		"id unknown": {true, []func(*fixture){age(UnseenTime)}},
		"not staged": {false,
			[]func(*fixture){func(s *fixture) { *s.one() = plain(credential.RoleToken) }}},
		"it is there": {false, []func(*fixture){age(UnseenTime), named,
			func(s *fixture) { s.issue("new", "", noon) }}},
		"the list can't be read": {false, []func(*fixture){age(UnseenTime), named,
			func(s *fixture) { s.snap.Unseen = errTest }}},
		"this run has deleted it": {true, []func(*fixture){age(0), named,
			func(s *fixture) { s.mem.Deleted = []string{"x", "new"} }}},
		"this run has deleted another": {false, []func(*fixture){age(0), named,
			func(s *fixture) { s.mem.Deleted = []string{"x"} }}},
		"another part is in the secret": {false, []func(*fixture){age(UnseenTime), named,
			func(s *fixture) { s.one().Journal.Role = credential.RoleBundle }}},
		"CURRENT, id unknown": {false, []func(*fixture){current}},
		"CURRENT": {true, []func(*fixture){current, func(s *fixture) {
			s.one().Journal.Current = &Holder{Version: 2, Credential: "new"}
		}}},
		"CURRENT, and the old one is gone": {false, []func(*fixture){current, gone, func(s *fixture) {
			s.one().Journal.Current = &Holder{Version: 2, Credential: "new"}
		}}},
		"staged, and the old one is gone": {true, []func(*fixture){age(UnseenTime), named, gone}},
	} {
		s := newFixture(credential.AuthToken, at(newFixture(credential.AuthToken).name(1), "pending"))
		for _, change := range c.changes {
			change(s)
		}
		v := s.view()
		if got := v.at(1).dead(); got != c.over || (v.attempt == 2) != c.over {
			t.Errorf("%s: %v; it goes on with attempt %d", what, got, v.attempt)
		}
	}
}

func TestAListOfVersionsIsWholeIfItHasAllSinceATimeInARow(t *testing.T) {
	since := noon.Add(-time.Hour)
	before, then := since.Add(-skew-1), since.Add(-skew)
	list := func(numbers ...int64) (out []vault.Version) {
		for _, n := range numbers {
			out = append(out, vault.Version{Number: n, Created: noon})
		}
		return out
	}
	made := func(created time.Time, out []vault.Version) []vault.Version {
		out[len(out)-1].Created = created
		return out
	}
	for what, c := range map[string]struct {
		versions []vault.Version
		whole    bool
	}{
		"from the first":                    {list(1, 2, 3), true},
		"in another order":                  {list(3, 1, 2), true},
		"the first alone":                   {list(1), true},
		"none":                              {nil, false},
		"the first is missing":              {list(2, 3, 4), false},
		"one is missing":                    {list(1, 2, 4), false},
		"back to one from before":           {made(before, list(5, 4, 3)), true},
		"back to one that may be from then": {made(then, list(5, 4, 3)), false},
		"back to one of no time":            {made(time.Time{}, list(5, 4, 3)), false},
		"one is missing since":              {made(before, list(6, 5, 3)), false},
		"one is missing before":             {append(made(before, list(5, 4)), list(2)...), true},
	} {
		s := Seen{Listed: true, Versions: c.versions}
		if got := s.complete(since); got != c.whole {
			t.Errorf("%s: %v", what, got)
		}
		if s.complete(time.Time{}) || (Seen{Versions: c.versions}).complete(since) {
			t.Errorf("%s: whole, though the time or the list is not known", what)
		}
	}
}
