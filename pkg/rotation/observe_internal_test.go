package rotation

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/fault"
	"github.com/keyturn/keyturn/pkg/vault"
)

func TestWhatASecretHoldsIsAskedForOnlyWhereSomethingIsAboutToBeWrittenOverIt(t *testing.T) {
	gone := func(s *fixture) { s.snap.Issued = nil }
	bundle := func(s *fixture) { s.one().Role = credential.RoleBundle }
	known := func(s *fixture) { s.one().Journal.Current = &Holder{Version: 1, Credential: "old"} }
	staged := func(s *fixture) {
		s.one().Versions = append(s.one().Versions, vault.Version{Number: 2, Name: s.name(1), Pending: true,
			Created: noon})
	}
	for what, c := range map[string]struct {
		asks    bool
		changes []func(*fixture)
	}{
		"a plain one":       {true, nil},
		"its journal tells": {false, []func(*fixture){known}},
		"its journal is out of date": {true, []func(*fixture){known,
			func(s *fixture) { s.one().Journal.Current.Version = 7 }}},
		"its journal names none": {true, []func(*fixture){known,
			func(s *fixture) { s.one().Journal.Current.Credential = "" }}},
		"a bundle":                  {true, []func(*fixture){bundle, known}},
		"a bundle with the new one": {false, []func(*fixture){bundle, known, staged}},
		"it has the new one":        {true, []func(*fixture){staged}},
		"it has no CURRENT version": {false, []func(*fixture){func(s *fixture) { s.one().Current = 0 }}},
		"the new one is CURRENT": {false, []func(*fixture){func(s *fixture) {
			*s.one() = at(s.name(1),
				"current")
		}}},
		"the new one was CURRENT": {false, []func(*fixture){func(s *fixture) {
			*s.one() = at(s.name(1),
				"previous")
		}}},
		"the old one is gone":           {false, []func(*fixture){gone}},
		"it is gone, and one is staged": {true, []func(*fixture){gone, staged}},
		"it is gone, without an order": {true, []func(*fixture){gone, func(s *fixture) {
			s.job.orphan,
				s.job.marked = "x", s.job.rotation()
		}}},
		"this run has written and read it": {false, []func(*fixture){staged, func(s *fixture) {
			s.mem.Kept, s.one().Holds.Number = s.name(1), 1
		}}},
		"this run has written it": {true, []func(*fixture){staged, func(s *fixture) { s.mem.Kept = s.name(1) }}},
		"this run has read it":    {true, []func(*fixture){staged, func(s *fixture) { s.one().Holds.Number = 1 }}},
	} {
		s := newFixture(credential.AuthToken, plain(credential.RoleToken), plain(credential.RoleToken))
		for _, change := range c.changes {
			change(s)
		}
		if strings.Contains(what, "was CURRENT") {
			s.snap.Secrets = s.snap.Secrets[:1]
		}
		if got := s.view().at(1).needsContent(*s.one()); got != c.asks {
			t.Errorf("%s: %v", what, got)
		}
	}
}

func TestAJournalOfTheCurrentVersionCountsBeforeItsContent(t *testing.T) {
	text := credential.NewValue([]byte("x-old-x"))
	for what, c := range map[string]struct {
		current *Holder
		holds   Content
		ids     string
		unknown bool
	}{
		"nothing is known": {nil, Content{}, "", false},
		"a journal":        {&Holder{Version: 1, Credential: "a"}, Content{}, "a", false},
		"an old journal":   {&Holder{Version: 9, Credential: "a"}, Content{}, "", false},
		"a journal and a content": {&Holder{Version: 1, Credential: "a"}, Content{Number: 1, Why: "it can't"}, "a",
			false},
		"what can't be read":        {nil, Content{Number: 1, Why: "it can't"}, "", true},
		"what couldn't be read":     {nil, Content{Number: 2, Why: "it can't"}, "", false},
		"a content":                 {nil, Content{Number: 1, Value: text}, "old", false},
		"another version's content": {nil, Content{Number: 2, Value: text}, "", false},
		"a journal and another content": {&Holder{Version: 1, Credential: "a"}, Content{Number: 1, Value: text}, "a",
			false},
	} {
		s := newFixture(credential.APIKey, plain(credential.RolePrivateKey))
		s.one().Journal.Current, s.one().Holds = c.current, c.holds
		got := s.view().holding(*s.one())
		if strings.Join(got.IDs, " ") != c.ids || (got.Unknown != "") != c.unknown {
			t.Errorf("%s: %+v", what, got)
		}
		if c.holds.Why != "" && c.unknown && got.Unknown != c.holds.Why {
			t.Errorf("%s: %q", what, got.Unknown)
		}
	}
}

func TestACurrentVersionThatCanNotBeReadIsAFailureOnlyWhileItMayPass(t *testing.T) {
	for _, class := range append(classes, "") {
		for _, late := range []bool{false, true} {
			s := newFixture(credential.AuthToken, plain(credential.RoleToken))
			s.job.At = noon.Add(1 - BlockedTime)
			if late {
				s.job.At = noon.Add(-BlockedTime)
			}
			v := newFakeVault(s)
			v.contents["secret-11"] = credential.NewValue([]byte("value"))
			v.fails = func(string) error {
				if class == "" {
					return nil
				}
				return fault.New(class, "GetSecretBundle", "no way")
			}
			got, err := s.on(v).readCurrent(t.Context(), *s.one())
			passes := !late && (class == fault.Unclear || class == fault.Throttled)
			switch {
			case passes:
				if fault.Of(err) != class || got.Number != 0 {
					t.Errorf("%s, late %v: %+v, %v", class, late, got, err)
				}
			case class == "":
				if err != nil || got.Number != 1 || string(got.Value.Reveal()) != "value" || got.Why != "" {
					t.Errorf("read, late %v: %+v, %v", late, got, err)
				}
			case err != nil || got.Number != 1 || !strings.Contains(got.Why, "no way"):
				t.Errorf("%s, late %v: %+v, %v", class, late, got, err)
			}
		}
	}
	s := newFixture(credential.AuthToken, plain(credential.RoleToken))
	v := newFakeVault(s)
	v.versions["secret-1"], v.is["secret-1"].Current = append(v.versions["secret-1"], vault.Version{Number: 2}), 2
	if got, err := s.on(v).readCurrent(t.Context(), *s.one()); fault.Of(err) != fault.Conflict || got.Number != 0 {
		t.Errorf("where another one has become CURRENT: %+v, %v", got, err)
	}
}

func TestTheNewestVersionIsReadWhereItsValueIsNeededAndNotKnown(t *testing.T) {
	denied := fault.New(fault.Denied, "GetSecretBundle", "no")
	undone := func(s *fixture) {
		s.one().Journal.Staged = &Staged{Version: s.name(1), Phase: PhaseUndone, Credential: keyPairs()[0].ID}
	}
	for what, c := range map[string]struct {
		change func(*fixture, *fakeVault)
		read   string // "": none
		want   fault.Class
	}{
		"staged":              {func(*fixture, *fakeVault) {}, "secret-1", ""},
		"not staged":          {func(s *fixture, _ *fakeVault) { s.one().Versions = s.one().Versions[:1] }, "", ""},
		"this run has it":     {func(s *fixture, _ *fakeVault) { s.mem.Kept = s.name(1) }, "", ""},
		"this run has others": {func(s *fixture, _ *fakeVault) { s.mem.Kept = s.name(2) }, "secret-1", ""},
		"all is over": {func(s *fixture, _ *fakeVault) {
			s.snap.Issued, s.one().Versions[1].Current, s.one().Versions[0].Current = nil, true, false
		}, "", ""},
		"CURRENT, and the old one is there": {func(s *fixture, _ *fakeVault) {
			s.one().Versions[1].Current, s.one().Versions[0].Current = true, false
		}, "secret-1", ""},
		"staged, and the old one is gone": {func(s *fixture, _ *fakeVault) { s.snap.Issued = nil }, "secret-1", ""},
		"taken back, and the key is gone": {func(s *fixture, _ *fakeVault) { undone(s) }, "", ""},
		"taken back, and it is there": {func(s *fixture, _ *fakeVault) {
			undone(s)
			s.issue(keyPairs()[0].ID, "", noon)
		}, "secret-1", ""},
		"another part is in there": {func(s *fixture, _ *fakeVault) { s.one().Journal.Role = credential.RoleBundle },
			"",
			""},
		"the first one lacks it": {func(s *fixture, v *fakeVault) {
			s.snap.Secrets = append([]Seen{plain(credential.RolePrivateKey)}, s.snap.Secrets...)
		}, "secret-1", ""},
		"it has no whole value": {func(s *fixture, _ *fakeVault) { s.one().Role = credential.RoleAccessKey }, "", ""},
		"it may not be read": {func(_ *fixture, v *fakeVault) { v.fails = func(string) error { return denied } }, "",
			fault.Denied},
		"something else is in it": {func(_ *fixture,
			v *fakeVault) {
			v.contents["secret-12"] = credential.NewValue([]byte("x"))
		}, "", fault.Invalid},
		"another is in it": {func(_ *fixture, v *fakeVault) { v.contents["secret-12"] = keyPairs()[1].Value }, "",
			fault.Invalid},
		"its content is unknown": {func(s *fixture, v *fakeVault) {
			s.one().Journal, v.contents["secret-12"] = Journal{}, keyPairs()[1].Value
		}, "secret-1", ""},
	} {
		s := newFixture(credential.APIKey, at(newFixture(credential.APIKey).name(1), "pending"))
		s.one().Role = credential.RolePrivateKey
		s.one().Journal.Staged = &Staged{Version: s.name(1), Phase: PhaseStaged, Credential: keyPairs()[0].ID}
		v := newFakeVault(s)
		v.contents["secret-12"] = keyPairs()[0].Value
		c.change(s, v)
		snap := s.snap
		snap.Secrets = slices.Clone(snap.Secrets)
		err := s.on(v).readAttempt(t.Context(), &snap)
		if (err == nil) != (c.want == "") || err != nil && (fault.Of(err) != c.want || strings.Contains(err.Error(),
			"PRIVATE")) {
			t.Errorf("%s: %v", what, err)
		}
		read := ""
		for _, one := range snap.Secrets {
			if one.Attempt.Number == 2 && one.Attempt.Name == s.name(1) && !one.Attempt.Value.Empty() &&
				one.Verified {
				read += one.SecretID
			} else if one.Attempt.Number != 0 || one.Verified {
				t.Errorf("%s: %+v, verified %v", what, one.Attempt, one.Verified)
			}
		}
		if read != c.read || err == nil && (len(v.calls) == 1) != (c.read != "") {
			t.Errorf("%s: read %q after %v", what, read, v.calls)
		}
	}
}

func TestAPasswordOrATokenThatWasTakenBackIsNotRead(t *testing.T) {
	for _, kind := range []credential.Kind{credential.AuthToken, credential.Password} {
		s := newFixture(kind, at(newFixture(kind).name(1), "pending"))
		s.one().Journal.Staged = &Staged{Version: s.name(1), Phase: PhaseUndone, Credential: "new"}
		s.issue("new", "", noon.Add(-time.Minute))
		v := newFakeVault(s)
		if err := s.on(v).readAttempt(t.Context(), &s.snap); err != nil || len(v.calls) > 0 {
			t.Errorf("%s: %v after %v", kind, err, v.calls)
		}
	}
}

func TestTheOldCredentialIsWhatTheListShowsOfItOrWhatItsAbsenceMeans(t *testing.T) {
	gone := func(s *fixture) { s.snap.Issued = nil }
	doubt := func(why string) func(*fixture) {
		return func(s *fixture) { s.job.Doubt = func([]credential.Issued) string { return why } }
	}
	current := func(s *fixture) { *s.one() = at(s.name(1), "current") }
	replace := func(s *fixture) { s.job.Replace = true }
	intent := func(s *fixture) { s.one().Journal.Staged = &Staged{Version: s.name(1), Phase: PhaseIntent} }
	for what, c := range map[string]struct {
		want    Old
		changes []func(*fixture)
	}{
		"listed":                       {OldAlive, nil},
		"listed, with a doubt":         {OldAlive, []func(*fixture){doubt("so")}},
		"it can't be listed":           {OldUnlisted, []func(*fixture){func(s *fixture) { s.snap.Unseen = errTest }}},
		"gone":                         {OldGone, []func(*fixture){gone}},
		"gone, with a doubt":           {OldUnknown, []func(*fixture){gone, doubt("so")}},
		"gone, without a doubt":        {OldGone, []func(*fixture){gone, doubt("")}},
		"gone, with a doubt, all done": {OldGone, []func(*fixture){gone, doubt("so"), current}},
		"gone, with a doubt, no order": {OldGone, []func(*fixture){gone, doubt("so"), func(s *fixture) {
			s.job.orphan,
				s.job.marked = "x", theirs
		}}},
		"gone, and announced":           {OldOwed, []func(*fixture){gone, intent}},
		"gone, announced, with a doubt": {OldUnknown, []func(*fixture){gone, intent, doubt("so")}},
		"gone, deleting first":          {OldOwed, []func(*fixture){gone, replace}},
		"gone, deleting first, unread": {OldUnknown, []func(*fixture){gone, replace,
			func(s *fixture) { s.one().Err = errTest }}},
		"gone, unread": {OldGone, []func(*fixture){gone, func(s *fixture) { s.one().Err = errTest }}},
		"gone, deleting first, refused": {OldUnknown, []func(*fixture){gone, replace,
			func(s *fixture) { s.snap.Refusal = errTest }}},
		"gone, deleting first, in part": {OldUnknown, []func(*fixture){gone, replace,
			func(s *fixture) { s.one().Listed = false }}},
		"gone, deleting first, moved": {OldGone, []func(*fixture){gone, replace, func(s *fixture) {
			s.issue("new", s.markedBy("other", "elsewhere"), noon)
		}}},
		"gone, deleting first, moved, in part": {OldGone, []func(*fixture){gone, replace, func(s *fixture) {
			s.one().Listed = false
			s.issue("new", s.markedBy("other", "elsewhere"), noon)
		}}},
	} {
		s := newFixture(credential.AuthToken, plain(credential.RoleToken))
		for _, change := range c.changes {
			change(s)
		}
		if got := s.view().old(); got != c.want {
			t.Errorf("%s: %s, want %s", what, got, c.want)
		}
		if r := Reduce(s.job, s.snap, s.mem); r.Old != c.want || r.Old == OldUnknown && r.Why == "" {
			t.Errorf("%s: %s (%s)", what, r.Old, r.Why)
		}
	}
}

func TestASlotIsFullIfTheListSaysSoAndUnclearIfOnlyOCIDoes(t *testing.T) {
	for _, kind := range credential.Kinds() {
		for n := range 4 {
			for _, limited := range []error{nil, errTest} {
				for _, late := range []bool{false, true} {
					s := newFixture(kind, plain(kind.Roles()[0]))
					s.snap.Issued, s.mem.Limited = make([]credential.Issued, n), limited
					if late {
						s.job.At = noon.Add(-BlockedTime)
					} else {
						s.job.At = noon.Add(1 - BlockedTime)
					}
					want := SlotFree
					switch {
					case kind != credential.Password && n >= kind.Limit():
						want = SlotFull
					case limited != nil && late:
						want = SlotRefused
					case limited != nil:
						want = SlotUnclear
					}
					if got := s.view().slot(); got != want {
						t.Errorf("%s, %d of them, limited %v, late %v: %s, want %s", kind, n, limited, late, got,
							want)
					}
				}
			}
		}
	}
}

func TestAPasswordWasResetIfItIsAsYoungAsOneOfTheTimesThatCount(t *testing.T) {
	closed, seen := noon.Add(-time.Hour), noon.Add(-2*time.Hour)
	for what, c := range map[string]struct {
		made  []time.Time
		after []time.Time
		want  bool
	}{
		"at that time":         {[]time.Time{closed}, []time.Time{closed}, true},
		"before":               {[]time.Time{closed.Add(-1)}, []time.Time{closed}, false},
		"after one of two":     {[]time.Time{seen}, []time.Time{closed, seen}, true},
		"after a time of none": {[]time.Time{closed}, []time.Time{{}}, false},
		"one of two":           {[]time.Time{seen, closed}, []time.Time{closed}, true},
		"there is none":        {nil, []time.Time{closed}, false},
		"no time counts":       {[]time.Time{noon}, nil, false},
	} {
		s := newFixture(credential.Password, plain(credential.RolePassword))
		s.snap.Issued, s.job.ResetAfter = nil, c.after
		for _, made := range c.made {
			s.issue(credential.TimeID(made), "", made)
		}
		v := s.view()
		if v.resetSince() != c.want || (v.old() == OldGone) != c.want || v.oldGone() != c.want {
			t.Errorf("%s: %v, %s", what, v.resetSince(), v.old())
		}
		*s.one() = at(s.name(1), "pending")
		if v := s.view().at(1); v.old() != OldGone || !v.oldGone() {
			t.Errorf("%s, and staged: %s", what, v.old())
		}
	}
}
