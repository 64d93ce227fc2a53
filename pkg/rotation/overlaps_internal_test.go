package rotation

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/vault"
)

// retired is a scene whose secret says until when the old credential stays: for an hour from now, said an hour ago.
func retired(kind credential.Kind) *scene {
	s := newScene(kind, plain(kind.Roles()[len(kind.Roles())-1]))
	set := noon.Add(-time.Hour)
	s.one().Journal.Retire = Overlaps{{Credential: "other", After: noon.Add(9 * time.Hour)},
		{Credential: "old", After: noon.Add(time.Hour), Set: &set}}
	s.job.Ordered = noon.Add(-2 * time.Hour)
	return s
}

// again is a closure of that time that gives a grace period again.
func again(ordered time.Time, grace time.Duration) func(*scene) {
	return func(s *scene) { s.job.Ordered, s.job.Grace, s.job.GraceGiven = ordered, grace, true }
}

func TestAnOverlapRunsUntilTheSecretsSayOrALaterClosureDoes(t *testing.T) {
	ends := func(at time.Time) func(*scene) { return func(s *scene) { s.one().Journal.Retire[1].After = at } }
	gone := func(s *scene) { s.snap.Issued = nil }
	none := func(s *scene) { s.one().Journal.Retire = s.one().Journal.Retire[:1] }
	for what, c := range map[string]struct {
		want    Grace
		changes []func(*scene)
	}{
		"it runs":              {GraceRuns, nil},
		"it runs for a moment": {GraceRuns, []func(*scene){ends(noon.Add(1))}},
		"it is over":           {GraceOver, []func(*scene){ends(noon)}},
		"it was over long ago": {GraceOver, []func(*scene){ends(noon.Add(-time.Hour))}},
		"no end is said":       {GraceOver, []func(*scene){ends(time.Time{})}},
		"no end is said, one ordered": {GraceOver, []func(*scene){ends(time.Time{}),
			func(s *scene) { s.job.Grace = time.Hour }}},
		"none is written":               {GraceOver, []func(*scene){none}},
		"none is written, one ordered":  {GraceOrdered, []func(*scene){none, func(s *scene) { s.job.Grace = 1 }}},
		"none is written, one is given": {GraceOrdered, []func(*scene){none, again(noon, time.Hour)}},
		"the old one is gone":           {GraceLeft, []func(*scene){gone}},
		"it is gone and it is over":     {GraceLeft, []func(*scene){gone, ends(noon)}},
		"this run has deleted it": {GraceOver, []func(*scene){ends(noon),
			func(s *scene) { s.mem.Deleted = []string{"old"} }}},
		"the entry stays": {GraceOver, []func(*scene){gone,
			func(s *scene) { s.mem.Tries = map[Action]int{Settle: 1} }}},
		"gone, none written":   {GraceOver, []func(*scene){gone, none}},
		"given again":          {GraceOrdered, []func(*scene){again(noon, 3*time.Hour)}},
		"given again, shorter": {GraceOrdered, []func(*scene){again(noon, time.Minute)}},
		"given again, with the same end": {GraceRuns, []func(*scene){again(noon.Add(-time.Minute),
			time.Hour+time.Minute)}},
		"given again, to end at once": {GraceOver, []func(*scene){again(noon, 0)}},
		"given again, to end by now":  {GraceOver, []func(*scene){again(noon.Add(-time.Minute), time.Minute)}},
		"given again, to end soon": {GraceOrdered, []func(*scene){again(noon.Add(-time.Minute),
			time.Minute+time.Second)}},
		"given again after its end":   {GraceOrdered, []func(*scene){ends(noon), again(noon, time.Hour)}},
		"given before it was written": {GraceRuns, []func(*scene){again(noon.Add(-time.Hour), 0)}},
		"given by a default": {GraceRuns, []func(*scene){func(s *scene) {
			again(noon,
				0)(s)
			s.job.GraceGiven = false
		}}},
	} {
		s := retired(credential.AuthToken)
		for _, change := range c.changes {
			change(s)
		}
		if got := s.view().grace(); got != c.want {
			t.Errorf("%s: %s, want %s", what, got, c.want)
		}
	}
}

func TestAGraceGivenAgainCountsFromItsClosureIfThatIsLaterThanTheLastWriting(t *testing.T) {
	at := func(t time.Time) *time.Time { return &t }
	own := func(s *scene) {
		s.one().Versions = append(s.one().Versions, vault.Version{Number: 2, Name: s.name(1),
			Created: noon.Add(-time.Minute)})
	}
	for what, c := range map[string]struct {
		change func(*scene)
		end    time.Time
	}{
		"later":                  {again(noon, time.Hour), noon.Add(time.Hour)},
		"just later":             {again(noon.Add(1-time.Hour), time.Hour), noon},
		"not later":              {again(noon.Add(-time.Hour), time.Hour), time.Time{}},
		"with parts of a second": {again(noon.Add(time.Millisecond), time.Hour), noon.Add(time.Hour)},
		"at once":                {again(noon, 0), noon.Add(-time.Hour)},
		"without an entry": {func(s *scene) { again(noon, time.Hour)(s); s.one().Journal.Retire = nil },
			time.Time{}},
		"after the one that counts": {func(s *scene) { again(noon, 0)(s); own(s) }, noon.Add(-time.Hour)},
		"after an older Keyturn's": {func(s *scene) {
			again(noon, 0)(s)
			own(s)
			s.one().Journal.Retire[1].Set = nil
		}, noon.Add(-time.Minute)},
		"before an older Keyturn's": {func(s *scene) {
			again(noon.Add(-time.Minute), 0)(s)
			own(s)
			s.one().Journal.Retire[1].Set = nil
		}, time.Time{}},
		"after one of no time": {func(s *scene) { again(noon, time.Hour)(s); s.one().Journal.Retire[1].Set = nil },
			noon.Add(time.Hour)},
		"between two secrets' writings": {func(s *scene) {
			again(noon.Add(-time.Minute), time.Hour)(s)
			s.snap.Secrets = append(s.snap.Secrets, s.snap.Secrets[0])
			s.snap.Secrets[1].Journal.Retire = Overlaps{{Credential: "old", Set: at(noon.Add(-time.Second))}}
		}, time.Time{}},
		"after both secrets' writings": {func(s *scene) {
			again(noon, 0)(s)
			s.snap.Secrets = append(s.snap.Secrets, s.snap.Secrets[0])
			s.snap.Secrets[0].Journal.Retire = Overlaps{{Credential: "old", Set: at(noon.Add(-time.Second))}}
		}, noon.Add(-time.Second)},
		"where one secret has none": {func(s *scene) {
			again(noon, 0)(s)
			s.snap.Secrets = append([]Seen{plain(credential.RoleToken)}, s.snap.Secrets...)
		}, noon.Add(-time.Hour)},
	} {
		s := retired(credential.AuthToken)
		c.change(s)
		if end, given := s.view().graceGiven(); given == c.end.IsZero() || !end.Equal(c.end) {
			t.Errorf("%s: %v, %v; want %v", what, end, given, c.end)
		}
	}
}

func TestTheOldCredentialGoesWhenTheLastSecretSays(t *testing.T) {
	for _, order := range [][]time.Duration{{1, 2, 3}, {3, 2, 1}, {2, 3, 1}, {2}, {}} {
		s := retired(credential.AuthToken)
		s.snap.Secrets = []Seen{plain(credential.RoleToken)} // one that says nothing of it
		want := time.Time{}
		for _, hours := range order {
			at := noon.Add(hours * time.Hour)
			if at.After(want) {
				want = at
			}
			one := plain(credential.RoleToken)
			one.Journal.Retire = Overlaps{{Credential: "older", After: noon.Add(99 * time.Hour)}, {Credential: "old",
				After: at}}
			s.snap.Secrets = append(s.snap.Secrets, one)
		}
		if got := s.view().retireAt(); !got.Equal(want) {
			t.Errorf("of %v hours: %v, want %v", order, got, want)
		}
		if got := s.view().hasRetireEntry(); got != (len(order) > 0) {
			t.Errorf("of %v hours: an entry is there: %v", order, got)
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

func TestWhatAJournalLeavesToDoIsDueOnceNobodyCanBeAtWorkOnIt(t *testing.T) {
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

func TestAJournalNamesItsOwnerByTheKindAndTheUserAlone(t *testing.T) {
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
