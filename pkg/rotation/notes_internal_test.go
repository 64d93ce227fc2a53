package rotation

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/keyturn/keyturn/pkg/clock"
	"github.com/keyturn/keyturn/pkg/config"
	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/fault"
	"github.com/keyturn/keyturn/pkg/vault"
)

func TestOverlapsAreReadAsAListOrAsTheOneThatAnOlderKeyturnWrote(t *testing.T) {
	for text, want := range map[string][]string{
		`[{"credential":"a"},{"credential":"b"}]`:           {"a", "b"},
		`{"credential":"a","after":"2026-03-01T12:00:00Z"}`: {"a"},
		`{"after":"2026-03-01T12:00:00Z"}`:                  nil,
		`{}`:                                                nil,
		`null`:                                              nil,
		`[]`:                                                nil,
	} {
		var o Overlaps
		if err := json.Unmarshal([]byte(text), &o); err != nil {
			t.Errorf("%s: %v", text, err)
		}
		var got []string
		for _, r := range o {
			got = append(got, r.Credential)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", text, got, want)
		}
	}
	for _, text := range []string{`"a"`, `7`, `["a"]`, `{"after":7}`} {
		var o Overlaps
		if err := json.Unmarshal([]byte(text), &o); err == nil {
			t.Errorf("%s is read as %v", text, o)
		}
	}
}

func TestAJournalMentionsEachOfItsCredentialsOnce(t *testing.T) {
	staged, current := &Staged{Credential: "new", Old: "old"}, &Holder{Credential: "old"}
	for what, c := range map[string]struct {
		journal Journal
		want    []string
	}{
		"nothing":                  {Journal{}, nil},
		"an attempt":               {Journal{Staged: staged}, []string{"new", "old"}},
		"an attempt without a key": {Journal{Staged: &Staged{Old: "old"}}, []string{"old"}},
		"what CURRENT holds":       {Journal{Current: current}, []string{"old"}},
		"an overlap": {Journal{Retire: Overlaps{{Credential: "older"}, {Credential: "a"}}},
			[]string{"a", "older"}},
		"all of that, some twice": {Journal{Staged: staged, Current: current, Retire: Overlaps{{Credential: "old"}}},
			[]string{"new", "old"}},
		"a holder of nothing known": {Journal{Current: &Holder{Version: 3}}, nil},
	} {
		if got := c.journal.Credentials(); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", what, got, c.want)
		}
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

// promoted is a scene whose attempt is CURRENT.
func promoted() *scene {
	s := newScene(credential.AuthToken, plain(credential.RoleToken))
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

func TestARefusalNamesTheSecretAndTheVersionThatSomebodyMadeCurrent(t *testing.T) {
	s := newScene(credential.AuthToken, plain(credential.RoleToken))
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

// late is an issuer and a vault that note whether they were called when the time to go forward was over.
type late struct {
	Vault
	in map[string]bool
}

func (l late) note(ctx context.Context, operation string) error {
	l.in[operation] = ctx.Err() == nil
	return fault.New(fault.Unclear, operation, "no answer")
}

func (l late) List(ctx context.Context, _ string) (credential.Listing, error) {
	return credential.Listing{}, l.note(ctx, "list")
}

func (l late) Create(ctx context.Context, _ string, _ credential.Draft) (credential.Created, error) {
	return credential.Created{}, l.note(ctx, "create")
}

func (l late) Delete(ctx context.Context, _, _ string) error { return l.note(ctx, "delete") }

func TestOnlyWhatTakesBackMayUseAllTheTime(t *testing.T) {
	for action, in := range map[Action]bool{Create: false, Retire: false, Discard: true} {
		l := late{in: map[string]bool{}}
		s := newScene(credential.AuthToken)
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
