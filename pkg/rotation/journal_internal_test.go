package rotation

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/keyturn/keyturn/pkg/credential"
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

func TestAJournalKeepsOneEntryForEachCredential(t *testing.T) {
	ids := func(o Overlaps) (out []string) {
		for _, r := range o {
			out = append(out, r.Credential+r.Maker)
		}
		return out
	}
	o := Overlaps{{Credential: "a"}, {Credential: "b"}, {Credential: "c"}}
	for id, want := range map[string][]string{"a": {"b", "c", "a!"}, "b": {"a", "c", "b!"}, "d": {"a", "b", "c",
		"d!"}} {
		if got := ids(o.With(Retired{Credential: id, Maker: "!"})); !slices.Equal(got, want) {
			t.Errorf("with another %s: %v, want %v", id, got, want)
		}
		if got := ids(o.Without(id)); !slices.Equal(got, want[:len(want)-1]) {
			t.Errorf("without %s: %v, want %v", id, got, want[:len(want)-1])
		}
		if got := o.Of(id); (got == nil) != (id == "d") || got != nil && got.Credential != id {
			t.Errorf("of %s: %+v", id, got)
		}
	}
	if fmt.Sprint(ids(o)) != "[a b c]" {
		t.Errorf("the entries themselves have become %v", ids(o))
	}
}

func TestWhatAJournalLeavesToDoIsDueOnceNoDeliveryCanBeAtWorkOnIt(t *testing.T) {
	ago := func(d time.Duration) *time.Time { at := noon.Add(-d); return &at }
	due := []Duty{{"old", "problem"}}
	for what, c := range map[string]struct {
		journal Journal
		want    []Duty
	}{
		"nothing":    {Journal{}, nil},
		"an attempt": {Journal{Staged: &Staged{Old: "old", Problem: "problem", At: ago(MakerLife)}}, due},
		"a young attempt": {Journal{Staged: &Staged{Old: "old", Problem: "problem", At: ago(MakerLife - 1)}},
			nil},
		"one of no time":     {Journal{Staged: &Staged{Old: "old", Problem: "problem"}}, due},
		"one of nothing old": {Journal{Staged: &Staged{Problem: "problem", At: ago(MakerLife)}}, nil},
		"one that is undone": {Journal{Staged: &Staged{Old: "old", Phase: PhaseUndone, At: ago(MakerLife)}}, nil},
		"one that is staged": {Journal{Staged: &Staged{Old: "old", Problem: "problem", Phase: PhaseStaged,
			At: ago(MakerLife)}}, due},
		"an overlap": {Journal{Retire: Overlaps{{Credential: "old", Problem: "problem", After: noon}}},
			due},
		"one that runs": {Journal{Retire: Overlaps{{Credential: "old", Problem: "problem",
			After: noon.Add(1)}}}, nil},
		"one that was claimed": {Journal{Retire: Overlaps{{Credential: "old", Problem: "problem", After: noon,
			Begun: ago(MakerLife - 1)}}}, nil},
		"one claimed in vain": {Journal{Retire: Overlaps{{Credential: "old", Problem: "problem", After: noon,
			Begun: ago(MakerLife)}}}, due},
		"all of that": {Journal{Staged: &Staged{Old: "b"}, Retire: Overlaps{{Credential: "c"}, {Credential: "d",
			After: noon.Add(1)}, {Credential: "e"}}},
			[]Duty{{Old: "b"}, {Old: "c"}, {Old: "e"}}},
	} {
		if got := c.journal.Due(noon); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", what, got, c.want)
		}
	}
}

func TestAJournalNamesItsOwnerOnlyByTheKindAndTheUser(t *testing.T) {
	seen := map[string]bool{}
	for _, kind := range credential.Kinds() {
		for _, user := range []string{"ocid1.user.oc1..a", "ocid1.user.oc1..b"} {
			one := OwnerOf(credential.Ref{Kind: kind, User: user, ID: "one"})
			if one == "" || seen[one] || one != OwnerOf(credential.Ref{Kind: kind, User: user, ID: "other"}) {
				t.Errorf("%s of %s is named %q", kind, user, one)
			}
			seen[one] = true
		}
	}
}
