package rotation

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/keyturn/keyturn/pkg/config"
	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/fault"
	"github.com/keyturn/keyturn/pkg/vault"
)

// fakeIssuer answers Create, and records its arguments.
type fakeIssuer struct {
	listIssuer
	made   credential.Created
	err    error
	drafts []credential.Draft
}

func (m *fakeIssuer) Create(_ context.Context, _ string, d credential.Draft) (credential.Created, error) {
	m.drafts = append(m.drafts, d)
	return m.made, m.err
}

func TestARequestForACredentialSaysWhichRotationWantsItAndIsRepeatedAsAnother(t *testing.T) {
	mine := keyPairs()[0]
	for _, kind := range credential.Kinds() {
		tokens := map[string]bool{}
		for _, who := range []string{"me", "you"} {
			for looks := range 3 {
				s := newFixture(kind, plain(kind.Roles()[0]))
				s.snap.Issued[0].Description = "for the build"
				s.mem.Maker, s.mem.Looks = who, looks
				m := &fakeIssuer{made: *creation("new")}
				m.made.Value = credential.NewValue([]byte("value"))
				c, material := Case{}, &credential.Material{Kind: kind, ID: "new"}
				if kind == credential.APIKey {
					m.made.ID, material = mine.ID, &mine
				}
				c.Material = material
				r := s.on(newFakeVault(s))
				r.Issuer = m
				if err := r.create(t.Context(), c, Create); err != nil {
					t.Fatalf("%s: %v", kind, err)
				}
				d := m.drafts[0]
				tokens[d.RetryToken] = true
				if !strings.HasPrefix(d.RetryToken, string(s.job.rotation())) {
					t.Errorf("%s: the retry token is %q", kind, d.RetryToken)
				}
				if public, err := mine.PublicPEM(); err != nil ||
					(d.PublicKey == public) != (kind == credential.APIKey) {
					t.Errorf("%s: the public key is %q", kind, d.PublicKey)
				}
				mark, ok := credential.ParseMark(d.Description)
				has := kind != credential.Password
				want := credential.Mark{Rotation: s.job.rotation(), Maker: who,
					Home: credential.Home(s.one().SecretID)}
				if ok != has || has && (mark != want || !strings.HasPrefix(d.Description, "for the build ")) {
					t.Errorf("%s: it is described as %q", kind, d.Description)
				}
				got := r.mem
				if got.Made == nil || got.Made.ID != m.made.ID || !got.MadeAt.Equal(noon) || len(got.Before) != 1 ||
					got.Before[0].ID != "old" ||
					!r.result.Acted {
					t.Errorf("%s: the run remembers %+v", kind, got)
				}
				if held := got.Value != nil && got.Value.ID == "new" && got.Value.Kind == kind &&
					got.Value.Value.Equal(m.made.Value) && got.Kept == ""; held ==
					(kind == credential.APIKey) {
					t.Errorf("%s: the run holds %+v", kind, got.Value)
				}
			}
		}
		if want := map[bool]int{true: 1, false: 6}[kind == credential.Password]; len(tokens) != want {
			t.Errorf("%s: %d retry tokens, want %d", kind, len(tokens), want)
		}
	}
}

func TestAnAnswerWithoutTheNewCredentialIsNoSuccess(t *testing.T) {
	mine, other := keyPairs()[0], keyPairs()[1]
	for what, c := range map[string]struct {
		kind   credential.Kind
		action Action
		made   string
		err    error
		want   fault.Class
		acted  bool
	}{
		"a token without a value":    {credential.AuthToken, Create, "new", nil, fault.Unclear, true},
		"a password without a value": {credential.Password, Reset, "new", nil, "", true},
		"another key":                {credential.APIKey, Create, other.ID, nil, fault.Invalid, true},
		"the key":                    {credential.APIKey, Create, mine.ID, nil, "", true},
		"no answer": {credential.AuthToken, Create, "", fault.New(fault.Unclear, "", ""),
			fault.Unclear, true},
		"a refusal": {credential.AuthToken, Create, "", fault.New(fault.Full, "", ""), fault.Full,
			false},
	} {
		s := newFixture(c.kind, plain(c.kind.Roles()[0]))
		r := s.on(newFakeVault(s))
		r.Issuer = &fakeIssuer{made: *creation(c.made), err: c.err}
		err := r.create(t.Context(), Case{Material: &mine}, c.action)
		if (err == nil) != (c.want == "") || err != nil && fault.Of(err) != c.want || r.result.Acted != c.acted {
			t.Errorf("%s: %v, acted %v", what, err, r.result.Acted)
		}
		if r.mem.Value != nil || (r.mem.Made == nil) != (c.err != nil) {
			t.Errorf("%s: it holds %v, made %v", what, r.mem.Value, r.mem.Made)
		}
	}
}

func TestAPromotionKeepsTheEntriesOfLivingCredentialsAndAddsThatOfTheOldOne(t *testing.T) {
	before := Overlaps{{Credential: "gone", After: noon}, {Credential: "living", After: noon}, {Credential: "old",
		Maker: "before"}}
	for what, c := range map[string]struct {
		kind credential.Kind
		old  Old
		want []string
	}{
		"alive":      {credential.AuthToken, OldAlive, []string{"living", "old"}},
		"gone":       {credential.AuthToken, OldGone, []string{"living", "old before"}},
		"owed":       {credential.AuthToken, OldOwed, []string{"living", "old before"}},
		"a password": {credential.Password, OldAlive, []string{"living", "old before"}},
	} {
		for _, grace := range []time.Duration{0, time.Hour} {
			s := newFixture(c.kind, plain(c.kind.Roles()[1]))
			s.issue("living", "", noon)
			s.job.Grace, s.job.Problem, s.snap.At = grace, "problem", noon.Add(300*time.Millisecond)
			r := s.on(newFakeVault(s))
			after := r.retireEntries(Case{State: State{Old: c.old}}, before)
			var got []string
			for _, e := range after {
				got = append(got, strings.TrimSpace(e.Credential+" "+strings.TrimPrefix(e.Maker, "me")))
			}
			if !slices.Equal(got, c.want) || len(before) != 3 || before[0].Credential != "gone" {
				t.Errorf("%s: %v, want %v", what, got, c.want)
			}
			if e := after.Of("old"); what == "alive" {
				begun := e.Begun != nil && e.Begun.Equal(noon) && e.Maker == "me"
				if !e.After.Equal(noon.Add(grace)) || !e.Set.Equal(noon) || e.Problem != "problem" ||
					len(e.Secrets) != 1 || begun != (grace == 0) {
					t.Errorf("grace %v: %+v", grace, e)
				}
			}
		}
	}
}

func TestAnEntryIsWrittenWithTheTimeThatItsActionGives(t *testing.T) {
	set, at := noon.Add(-time.Hour), noon.Add(time.Minute)
	for what, c := range map[string]struct {
		action Action
		with   Case
		there  bool
		want   Retired
		gone   bool
	}{
		"put off": {Defer, Case{}, false, Retired{After: at.Add(2 * time.Hour)}, false},
		"put off again": {Defer, Case{graceAgain: true, graceEnd: noon.Add(9 * time.Hour)}, true,
			Retired{After: noon.Add(9 * time.Hour)}, false},
		"claimed": {Claim, Case{}, true, Retired{After: noon, Set: &set, Begun: &at, Maker: "me"},
			false},
		"claimed, and none is there": {Claim, Case{}, false, Retired{After: at, Begun: &at, Maker: "me"}, false},
		"settled":                    {Settle, Case{}, true, Retired{}, true},
		"settled, and none is there": {Settle, Case{}, false, Retired{}, true},
	} {
		s := newFixture(credential.CustomerSecretKey, plain(credential.RoleSecretKey), plain(credential.RoleAccessKey))
		s.job.Grace, s.snap.At = 2*time.Hour, at
		v := newFakeVault(s)
		for i := range s.snap.Secrets {
			s.snap.Secrets[i].Journal.Retire = Overlaps{{Credential: "other"}}
			if c.there {
				s.snap.Secrets[i].Journal.Retire = append(s.snap.Secrets[i].Journal.Retire, Retired{Credential: "old",
					After: noon, Set: &set})
			}
		}
		c.with.serverNow = at
		r := s.on(v)
		if err := r.do(t.Context(), c.with, c.action); err != nil {
			t.Fatal(err)
		}
		for id, is := range v.is {
			e := JournalOf(is.Metadata).Retire
			if e.Of("other") == nil || (e.Of("old") == nil) != c.gone {
				t.Errorf("%s: %s says %+v", what, id, e)
				continue
			}
			if c.gone {
				continue
			}
			got := e.Of("old")
			if c.want.Set == nil {
				c.want.Set = &at
			}
			if !got.After.Equal(c.want.After) || !got.Set.Equal(*c.want.Set) ||
				(got.Begun == nil) != (c.want.Begun == nil) ||
				got.Begun != nil && !got.Begun.Equal(*c.want.Begun) || got.Maker != c.want.Maker ||
				len(got.Secrets) != 2 {
				t.Errorf("%s: %s says %+v, want %+v", what, id, got, c.want)
			}
		}
	}
}

func TestAnAnnouncementIsWrittenOnlyToTheFirstSecret(t *testing.T) {
	for _, a := range []Action{Intend, Fence, Withdraw} {
		for _, kind := range []credential.Kind{credential.CustomerSecretKey, credential.Password} {
			roles := kind.Roles()
			s := newFixture(kind, plain(roles[len(roles)-2]), plain(roles[len(roles)-1]))
			s.mem.Found = []int64{1, 1}
			v := newFakeVault(s)
			s.one().Journal.Staged = &Staged{Version: s.name(1), Phase: PhaseStaged, Credential: "before"}
			m := &credential.Material{ID: "new"}
			r := s.on(v)
			r.mem.Value, r.mem.Kept = m, s.name(1)
			if err := r.do(t.Context(), Case{Version: s.name(1), Material: m, serverNow: noon}, a); err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(v.calls, []string{"Update secret-1"}) {
				t.Errorf("%s: %v", a, v.calls)
			}
			e := JournalOf(v.is["secret-1"].Metadata).Staged
			phase := map[Action]Phase{Intend: PhaseIntent, Fence: PhaseUndone}[a]
			if (e == nil) != (a == Withdraw) || e != nil && (e.Phase != phase || e.Version != s.name(1) ||
				e.Credential != "new") {
				t.Errorf("%s: it says %+v", a, e)
			}
			if a == Intend && e != nil && e.GivenUp != (kind != credential.Password) {
				t.Errorf("%s of %s: the old one is given up: %v", a, kind, e.GivenUp)
			}
			if (r.mem.Undone == "new") != (a == Fence) || (r.mem.Value == nil) != (a == Fence) ||
				(r.mem.Kept == "") != (a == Fence) ||
				r.mem.Withdrew != (a == Withdraw) {
				t.Errorf("%s: the run remembers %+v", a, r.mem)
			}
			v.fails = func(string) error { return fault.New(fault.Denied, "UpdateSecret", "no") }
			again := s.on(v)
			err := again.do(t.Context(), Case{Version: s.name(1), Material: m, serverNow: noon}, a)
			if fault.Of(err) != fault.Denied || !strings.Contains(err.Error(), "secret-1") ||
				again.mem.Undone != "" || again.mem.Withdrew {
				t.Errorf("%s that is denied: %v; the run remembers %+v", a, err, again.mem)
			}
		}
	}
}

func TestTheOldCredentialIsDeletedOnlyWhileTheSecretsAreAsTheRunLeftThem(t *testing.T) {
	for what, c := range map[string]struct {
		change func(*fakeVault)
		want   fault.Class
	}{
		"as they were":      {func(*fakeVault) {}, ""},
		"with another etag": {func(v *fakeVault) { v.is["secret-2"].ETag = "x" }, ""},
		"another CURRENT":   {func(v *fakeVault) { v.is["secret-2"].Current = 7 }, fault.Conflict},
		"in the first":      {func(v *fakeVault) { v.is["secret-1"].Current = 7 }, fault.Conflict},
		"other metadata": {func(v *fakeVault) { v.is["secret-2"].Metadata = vault.Metadata(`{"a":1}`) },
			fault.Conflict},
		"other tags": {func(v *fakeVault) { v.is["secret-1"].Freeform = map[string]string{"a": "b"} },
			fault.Conflict},
		"one can't be read": {func(v *fakeVault) {
			v.fails = func(string) error {
				return fault.New(fault.Denied, "",
					"")
			}
		}, fault.Denied},
		"one is not ACTIVE":     {func(v *fakeVault) { v.is["secret-2"].State = "PENDING_DELETION" }, fault.Conflict},
		"one is somewhere else": {func(v *fakeVault) { v.is["secret-2"].Compartment = "other" }, fault.Conflict},
	} {
		s := newFixture(credential.CustomerSecretKey, plain(credential.RoleSecretKey), plain(credential.RoleAccessKey))
		v := newFakeVault(s)
		c.change(v)
		r := s.on(v)
		deleted := &deleting{}
		r.Issuer = deleted
		err := r.do(t.Context(), Case{}, Retire)
		if (err == nil) != (c.want == "") || err != nil && fault.Of(err) != c.want ||
			(len(deleted.ids) > 0) != (err == nil) {
			t.Errorf("%s: %v, deleted %v", what, err, deleted.ids)
		}
		if err == nil && (!slices.Equal(deleted.ids, []string{"old"}) || !slices.Equal(r.mem.Deleted,
			[]string{"old"})) {
			t.Errorf("%s: deleted %v, and remembers %v", what, deleted.ids, r.mem.Deleted)
		}
	}
}

// deleting is an issuer that records what it deletes.
type deleting struct {
	listIssuer
	ids []string
}

func (d *deleting) Delete(_ context.Context, _, id string) error {
	d.ids = append(d.ids, id)
	return nil
}

func TestTheNewCredentialIsUsedOnceMoreBeforeTheOldOneGoesIfItWasSeenToWork(t *testing.T) {
	unclear := fault.New(fault.Unclear, "Prove", "")
	for what, c := range map[string]struct {
		mode     config.ProveMode
		accepted bool
		material bool
		answer   error
		asked    bool
		want     fault.Class
	}{
		"it works":             {config.ProveRequire, true, true, nil, true, ""},
		"it is refused":        {config.ProveRequire, true, true, errTest, true, fault.Conflict},
		"no answer":            {config.ProveRequire, true, true, unclear, true, fault.Unclear},
		"it may, and works":    {config.ProveTry, true, true, nil, true, ""},
		"it may, is refused":   {config.ProveTry, true, true, errTest, true, fault.Conflict},
		"it never worked":      {config.ProveTry, false, true, errTest, false, ""},
		"no proof is required": {config.ProveOff, true, true, errTest, false, ""},
		"without a value":      {config.ProveRequire, true, false, errTest, false, ""},
	} {
		s := newFixture(credential.AuthToken, plain(credential.RoleToken))
		s.job.Prove, s.mem.Trial = c.mode, Trial{Credential: "new", Accepted: c.accepted}
		r, deleted := s.on(newFakeVault(s)), &deleting{}
		service := &fakeProver{fakeClock: r.Clock.(*fakeClock), answers: []error{c.answer}}
		r.Prover, r.Issuer = service, deleted
		material := &credential.Material{ID: "new"}
		if !c.material {
			material = nil
		}
		err := r.do(t.Context(), Case{Material: material}, Retire)
		if (err == nil) != (c.want == "") || err != nil && fault.Of(err) != c.want {
			t.Errorf("%s: %v", what, err)
		}
		if (len(service.asked) == 1) != c.asked || (len(deleted.ids) == 1) != (c.want == "") {
			t.Errorf("%s: asked %d times, deleted %v", what, len(service.asked), deleted.ids)
		}
	}
}

func TestDeletingFirstNeedsAllVersionsAFullListAndAValueThatCanBeReadBack(t *testing.T) {
	for what, c := range map[string]struct {
		change func(*fixture, *fakeVault)
		want   fault.Class
	}{
		"all is well":        {func(*fixture, *fakeVault) {}, ""},
		"not all are listed": {func(s *fixture, _ *fakeVault) { s.one().Listed = false }, fault.Invalid},
		"another value": {func(_ *fixture,
			v *fakeVault) {
			v.contents["secret-12"] = credential.NewValue([]byte("x"))
		}, fault.Invalid},
		"it can't be read": {func(_ *fixture,
			v *fakeVault) {
			v.fails = func(string) error { return fault.New(fault.Denied, "", "") }
		}, fault.Denied},
		"a slot became free":  {func(s *fixture, _ *fakeVault) { s.snap.Issued = s.snap.Issued[:1] }, fault.Conflict},
		"it was read before":  {func(s *fixture, v *fakeVault) { s.one().Verified = true; clear(v.contents) }, ""},
		"its own was deleted": {func(s *fixture, _ *fakeVault) { s.job.Ref.ID = "" }, fault.Invalid},
	} {
		s := newFixture(credential.AuthToken, at(newFixture(credential.AuthToken).name(1), "pending"))
		s.issue("another", "", noon)
		m := &credential.Material{Kind: credential.AuthToken, ID: "new", Value: credential.NewValue([]byte("value"))}
		v := newFakeVault(s)
		v.contents["secret-12"] = m.Value
		name := s.name(1)
		c.change(s, v)
		r := s.on(v)
		d := &deleting{listIssuer: listIssuer{listing: credential.Listing{Credentials: s.snap.Issued}}}
		r.Issuer = d
		err := r.do(t.Context(), Case{Version: name, Material: m}, Replace)
		if (err == nil) != (c.want == "") || err != nil && fault.Of(err) != c.want ||
			(len(d.ids) == 1) != (err == nil) {
			t.Errorf("%s: %v, deleted %v", what, err, d.ids)
		}
		if err == nil && !r.snap.Secrets[0].Verified {
			t.Errorf("%s: it isn't noted that it was read", what)
		}
	}
}
