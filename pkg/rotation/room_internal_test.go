package rotation

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/vault"
)

// Keyturn wrote the halves, and the closure swaps them: one journal is enough to detect that.
func TestAPairIsSwappedIfOneJournalNamesTheOtherHalf(t *testing.T) {
	key, id := credential.RoleSecretKey, credential.RoleAccessKey
	for written, swapped := range map[[2]credential.Role]bool{
		{"", ""}: false, {key, id}: false, {key, ""}: false, {"", id}: false,
		{id, key}: true, {id, ""}: true, {"", key}: true,
		{id, id}: false, {key, key}: false, // both hold the same: it isn't known which is wrong
		{credential.RoleBundle, ""}: false,
	} {
		for _, turned := range []bool{false, true} {
			s := newFixture(credential.CustomerSecretKey, plain(key), plain(id))
			for i, role := range written {
				one := &s.snap.Secrets[i]
				one.Name, one.SecretID = string(one.Role), "ocid1.vaultsecret.oc1.."+string(one.Role)
				one.Journal.Role = role
				if role != "" {
					one.Journal.Owner = OwnerOf(s.job.Ref)
				}
			}
			if turned {
				slices.Reverse(s.snap.Secrets)
			}
			room, why := s.view().room()
			if (room == RoomSwapped) != swapped || swapped && !strings.Contains(why, "ocid1.vaultsecret.oc1..") {
				t.Errorf("written as %v, in this order %v: %s (%s)", written, !turned, room, why)
			}
		}
	}
}

func TestOnlyAPairCanBeSwapped(t *testing.T) {
	for _, role := range []credential.Role{credential.RoleSecretKey, credential.RoleAccessKey} {
		s := newFixture(credential.CustomerSecretKey, plain(role))
		s.one().Journal.Role = map[bool]credential.Role{true: credential.RoleAccessKey,
			false: credential.RoleSecretKey}[role == credential.RoleSecretKey]
		if why := s.view().swapped(); why != "" {
			t.Errorf("%s alone: %s", role, why)
		}
	}
}

func TestWhatKeyturnHasWrittenForAnotherOwnerSaysNothingOfThisPart(t *testing.T) {
	for what, c := range map[string]struct {
		journal  Journal
		misnamed bool
	}{
		"none": {Journal{}, false},
		"this part": {Journal{Role: credential.RoleToken, Owner: "auth-token ocid1.user.oc1..u"},
			false},
		"another part": {Journal{Role: credential.RoleBundle, Owner: "auth-token ocid1.user.oc1..u"},
			true},
		"another part, without an owner": {Journal{Role: credential.RoleBundle}, true},
		"another user's": {Journal{Role: credential.RoleBundle, Owner: "auth-token ocid1.user.oc1..v"},
			false},
		"another kind's":           {Journal{Role: credential.RoleBundle, Owner: "api-key ocid1.user.oc1..u"}, false},
		"no part, of another user": {Journal{Owner: "auth-token ocid1.user.oc1..v"}, false},
	} {
		s := newFixture(credential.AuthToken, plain(credential.RoleToken))
		s.one().Journal = c.journal
		if got := s.view().misnamed(*s.one()); got != c.misnamed {
			t.Errorf("%s: %v", what, got)
		}
	}
}

func TestASecretIsFullWithThirtyVersionsThatStay(t *testing.T) {
	for what, c := range map[string]struct {
		stay, leave int
		staged      bool
		want        Room
	}{
		"one is left":               {vault.MaxVersions - 1, 9, false, RoomFree},
		"none is left":              {vault.MaxVersions, 0, false, RoomFull},
		"more are there":            {vault.MaxVersions + 1, 1, false, RoomFull},
		"the new one is in already": {vault.MaxVersions, 0, true, RoomFree},
	} {
		s := newFixture(credential.AuthToken, plain(credential.RoleToken))
		s.one().Name, s.one().Versions = "web", nil
		s.one().Journal.Current = &Holder{Version: 1, Credential: "old"}
		for n := range c.stay + c.leave {
			s.one().Versions = append(s.one().Versions, vault.Version{Number: int64(n + 1), Leaving: n >= c.stay})
		}
		if c.staged {
			s.one().Versions[1].Name, s.one().Versions[1].Pending = s.name(1), true
		}
		room, why := s.view().room()
		if room != c.want || c.want == RoomFull && !(strings.Contains(why, fmt.Sprintf("has %d versions", c.stay)) &&
			strings.Contains(why, "keeps 30")) {
			t.Errorf("%s: %s (%s)", what, room, why)
		}
	}
}

func TestTheLastVersionNameCanBeUsedAndNoneAfterIt(t *testing.T) {
	for attempt, want := range map[int]Room{maxAttempt - 1: RoomFree, maxAttempt: RoomFree} {
		s := newFixture(credential.AuthToken, at(newFixture(credential.AuthToken).name(attempt), "pending"))
		s.one().Journal.Current = &Holder{Version: 1, Credential: "old"}
		if room, why := s.view().at(attempt).room(); room != want {
			t.Errorf("attempt %d: %s (%s)", attempt, room, why)
		}
	}
	s := newFixture(credential.AuthToken, plain(credential.RoleToken))
	if room, why := s.view().at(maxAttempt + 1).room(); room != RoomSpent || !strings.Contains(why,
		s.name(maxAttempt)) {
		t.Errorf("the one after: %s (%s)", room, why)
	}
}

func TestAnotherVersionThatBecameCurrentSinceTheBeginningIsNoticed(t *testing.T) {
	begun := noon.Add(-time.Minute)
	over := func(number int64, at *time.Time) func(*fixture) {
		return func(s *fixture) {
			s.one().Versions = append(s.one().Versions, vault.Version{Number: 2, Name: s.name(1), Pending: true})
			s.one().Journal.Staged = &Staged{Version: s.name(1), Over: number, At: at}
		}
	}
	found := func(numbers ...int64) func(*fixture) { return func(s *fixture) { s.mem.Found = numbers } }
	for what, c := range map[string]struct {
		changed bool
		changes []func(*fixture)
	}{
		"nothing was found before": {false, nil},
		"the same":                 {false, []func(*fixture){found(1)}},
		"another":                  {true, []func(*fixture){found(2)}},
		"another, of a password": {false, []func(*fixture){found(2),
			func(s *fixture) { s.job.Ref.Kind = credential.Password }}},
		"our own": {false, []func(*fixture){found(2),
			func(s *fixture) { s.one().Versions[0].Name = s.name(1) }}},
		"another rotation's": {true, []func(*fixture){found(2),
			func(s *fixture) { s.one().Versions[0].Name = theirs.VersionName(1) }}},
		"the attempt found the same":     {false, []func(*fixture){over(1, &begun)}},
		"the attempt found another":      {true, []func(*fixture){over(7, &begun)}},
		"the attempt says nothing of it": {false, []func(*fixture){over(0, &begun)}},
		"another, at no time":            {true, []func(*fixture){over(7, nil)}},
		"another, and it is ordered again": {false, []func(*fixture){over(7, &begun),
			func(s *fixture) { s.job.At = begun.Add(1) }}},
		"another, ordered by then": {true, []func(*fixture){over(7, &begun),
			func(s *fixture) { s.job.At = begun }}},
		"another attempt's journal": {false, []func(*fixture){over(7, &begun),
			func(s *fixture) { s.one().Journal.Staged.Version = s.name(2) }}},
		"a journal without a version": {false, []func(*fixture){over(7, &begun),
			func(s *fixture) { s.one().Versions = s.one().Versions[:1] }}},
	} {
		s := newFixture(credential.AuthToken, plain(credential.RoleToken))
		for _, change := range c.changes {
			change(s)
		}
		if got := s.view().at(1).currentChanged(0, *s.one()); got != c.changed {
			t.Errorf("%s: %v", what, got)
		}
	}
}

func TestAnotherCredentialIsNeededUnlessItIsThisRotations(t *testing.T) {
	s := newFixture(credential.AuthToken, at(newFixture(credential.AuthToken).name(1), "pending"))
	s.one().Journal.Staged = &Staged{Version: s.name(1), Phase: PhaseStaged, Credential: "new"}
	s.issue("new", "", noon)
	s.issue("plain", "mine", noon)
	s.issue("ours", s.markedBy("other", "s"), noon)
	s.issue("theirs", marked(theirs), noon)
	v := s.view()
	v.undone = "undone"
	v.issued = append(v.issued, credential.Issued{ID: "undone"})
	if got := v.others(); !slices.Equal(got, []string{"plain", "theirs"}) {
		t.Errorf("the others are %v", got)
	}
	if got := v.possibleIDs(); !slices.Equal(got, []string{"old", "new", "plain", "ours", "theirs", "undone"}) {
		t.Errorf("the living are %v", got)
	}
	s.job.Ref.Kind = credential.Password
	if len(s.view().others()) > 0 {
		t.Errorf("the others of a password are %v", s.view().others())
	}
}

func TestARefusalOfTheContentNamesTheSecretAndWhatIsInIt(t *testing.T) {
	for what, c := range map[string]struct {
		change func(*fixture)
		room   Room
		says   []string
	}{
		"it is free": {func(*fixture) {}, RoomFree, nil},
		"another's metadata": {func(s *fixture) { s.one().Foreign = errTest }, RoomForeign,
			[]string{errTest.Error()}},
		"another part": {func(s *fixture) { s.one().Journal.Role = credential.RoleBundle }, RoomWrong,
			[]string{string(credential.RoleToken), string(credential.RoleBundle)}},
		"a living one": {func(s *fixture) { s.one().Journal.Current.Credential = "needed" }, RoomTaken,
			[]string{"token OCID needed"}},
		"one not seen yet": {func(s *fixture) { s.one().Journal.Current.Credential, s.one().Listed = "young", false },
			RoomTaken, []string{"young"}},
		"one that is gone": {func(s *fixture) { s.one().Journal.Current.Credential = "gone" }, RoomFree, nil},
		"unreadable": {func(s *fixture) {
			s.one().Journal.Current = nil
			s.one().Holds = Content{Number: 1, Why: "it is no text"}
		}, RoomUnknown, []string{"it is no text", "auth tokens: needed"}},
		"unreadable, and there is no other": {func(s *fixture) {
			s.one().Journal.Current, s.snap.Issued = nil, s.snap.Issued[:1]
			s.one().Holds = Content{Number: 1, Why: "it is no text"}
		}, RoomFree, nil},
		"what another version held": {func(s *fixture) {
			s.one().Journal.Current = nil
			s.one().Holds = Content{Number: 2, Why: "it is no text"}
		}, RoomFree, nil},
		"a bundle of another user": {func(s *fixture) {
			s.one().Journal.Current, s.one().Role = nil, credential.RoleBundle
			s.one().Holds = Content{Number: 1,
				Value: credential.NewValue([]byte(
					`{"kind":"auth-token","user":"ocid1.user.oc1..v","token_id":"t","token":"x"}`))}
		}, RoomWrong, []string{"another user", "ocid1.user.oc1..v"}},
		"something else": {func(s *fixture) {
			s.one().Journal.Current = nil
			s.one().Holds = Content{Number: 1,
				Value: credential.NewValue([]byte("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----"))}
		}, RoomWrong, []string{string(credential.RoleToken), string(credential.SortPrivateKey)}},
	} {
		s := newFixture(credential.AuthToken, plain(credential.RoleToken))
		s.one().Name, s.one().Journal = "web", Journal{Current: &Holder{Version: 1, Credential: "old"}}
		s.issue("needed", "", noon)
		c.change(s)
		room, why := s.view().checkContent(*s.one())
		if room != c.room {
			t.Errorf("%s: %s (%s), want %s", what, room, why, c.room)
		}
		if all, whole := s.view().room(); all != c.room || whole != why {
			t.Errorf("%s: %s (%s) in all, %s of the secret", what, all, whole, why)
		}
		for _, want := range append(c.says, "web", s.one().ID) {
			if room != RoomFree && !strings.Contains(why, want) {
				t.Errorf("%s: %q doesn't say %q", what, why, want)
			}
		}
	}
}

func TestABlockedSecretIsExplainedByThePendingVersionOfAnother(t *testing.T) {
	for what, c := range map[string]struct {
		name    string
		pending bool
		says    bool
	}{
		"by hand":            {"by hand", true, true},
		"without a name":     {"", true, true},
		"another rotation's": {theirs.VersionName(1), true, true},
		"this rotation's":    {newFixture(credential.AuthToken).name(3), true, false},
		"not pending":        {"by hand", false, false},
	} {
		s := newFixture(credential.AuthToken, plain(credential.RoleToken), plain(credential.RoleToken))
		s.snap.Secrets[1].Name = "second"
		s.snap.Secrets[1].Versions = append(s.snap.Secrets[1].Versions, vault.Version{Number: 9, Name: c.name,
			Pending: c.pending, Created: noon})
		why := s.view().explain(SecretBlocked, "")
		if c.says != (why != "") {
			t.Errorf("%s: %q", what, why)
		}
		for _, want := range []string{"second", s.one().SecretID, "version 9", "2026-03-01 12:00 UTC"} {
			if c.says && !strings.Contains(why, want) {
				t.Errorf("%s: %q doesn't say %q", what, why, want)
			}
		}
	}
}

func TestAnEndIsExplainedWhereThereIsMoreToSayThanItsReason(t *testing.T) {
	explained := []Reason{OtherSecret, NotOurs, SecretTaken, SecretUnknown, SecretsSwapped, WrongContent,
		MetadataForeign, SecretFull,
		SecretReplaced, NamesSpent, Doubtful, InProgress}
	s := tried(time.Hour, Trial{Credential: "new"})
	for _, reason := range append(explained, Rotated, GraceRunning, AlreadyReset, ResetNotKept, AlreadyGone,
		NoFreeSlot, LimitUnclear, Rejected,
		RejectedNoWay, CurrentRejected, Failed, Interrupted, Unprovable) {
		want := ""
		if slices.Contains(explained, reason) {
			want = "for that"
		}
		if got := s.view().explain(reason, "for that"); got != want {
			t.Errorf("%s: %q, want %q", reason, got, want)
		}
	}
	for refusals, want := range map[int]string{
		0: "could not be asked about since 2026-03-01T11:00:00Z; it counts as failed from 2026-03-02T11:00:00Z",
		1: "refused since 2026-03-01T11:00:00Z; it counts as failed from 2026-03-01T11:30:00Z",
	} {
		s.mem.Trial.Refusals = refusals
		if s.view().explain(NotProvenYet, "for that") != want {
			t.Errorf("after %d refusals: %q", refusals, s.view().explain(NotProvenYet, ""))
		}
	}
}

func TestWhatOurOwnVersionHoldsIsNoQuestion(t *testing.T) {
	s := promoted()
	s.snap.Secrets = append(s.snap.Secrets, plain(credential.RoleToken)) // not promoted yet: all is not finished
	s.one().Holds.Number, s.one().Holds.Why = 2, "it is written in no known way"
	if got := s.view().at(1).holding(*s.one()); got.Unknown != "" || len(got.IDs) > 0 {
		t.Errorf("of our own CURRENT version: %+v", got)
	}
	s.one().Versions[1].Name = theirs.VersionName(1)
	if got := s.view().at(1).holding(*s.one()); got.Unknown == "" {
		t.Errorf("of another's CURRENT version: %+v", got)
	}
}

func TestARefusalNamesTheSecretAndTheVersionThatBecameCurrent(t *testing.T) {
	s := newFixture(credential.AuthToken, plain(credential.RoleToken))
	s.one().Name, s.one().Journal = "web", Journal{Current: &Holder{Version: 7, Credential: "old"}}
	s.one().Versions, s.one().Current = []vault.Version{{Number: 7, Current: true}}, 7
	s.mem.Found = []int64{1}
	room, why := s.view().at(1).room()
	if room != RoomChanged {
		t.Fatalf("the room is %q (%s)", room, why)
	}
	for _, want := range []string{"web", s.one().ID, "version 7"} {
		if !strings.Contains(why, want) {
			t.Errorf("%q doesn't name %q", why, want)
		}
	}
}
