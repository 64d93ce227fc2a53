package rotation

import (
	"testing"
	"time"

	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/vault"
)

// retired returns a fixture whose secret has a Retire entry: written an hour ago, and over in an hour.
func retired(kind credential.Kind) *fixture {
	s := newFixture(kind, plain(kind.Roles()[len(kind.Roles())-1]))
	set := noon.Add(-time.Hour)
	s.one().Journal.Retire = Overlaps{{Credential: "other", After: noon.Add(9 * time.Hour)},
		{Credential: "old", After: noon.Add(time.Hour), Set: &set}}
	s.job.At = noon.Add(-2 * time.Hour)
	return s
}

// again is a later closure with a grace period.
func again(ordered time.Time, grace time.Duration) func(*fixture) {
	return func(s *fixture) { s.job.At, s.job.Grace, s.job.GraceGiven = ordered, grace, true }
}

func TestAnOverlapRunsUntilTheSecretsSayOrALaterClosureDoes(t *testing.T) {
	ends := func(at time.Time) func(*fixture) { return func(s *fixture) { s.one().Journal.Retire[1].After = at } }
	gone := func(s *fixture) { s.snap.Issued = nil }
	none := func(s *fixture) { s.one().Journal.Retire = s.one().Journal.Retire[:1] }
	for what, c := range map[string]struct {
		want    Grace
		changes []func(*fixture)
	}{
		"it runs":              {GraceRuns, nil},
		"it runs for a moment": {GraceRuns, []func(*fixture){ends(noon.Add(1))}},
		"it is over":           {GraceOver, []func(*fixture){ends(noon)}},
		"it was over long ago": {GraceOver, []func(*fixture){ends(noon.Add(-time.Hour))}},
		"no end is said":       {GraceOver, []func(*fixture){ends(time.Time{})}},
		"no end is said, one ordered": {GraceOver, []func(*fixture){ends(time.Time{}),
			func(s *fixture) { s.job.Grace = time.Hour }}},
		"none is written":               {GraceOver, []func(*fixture){none}},
		"none is written, one ordered":  {GraceOrdered, []func(*fixture){none, func(s *fixture) { s.job.Grace = 1 }}},
		"none is written, one is given": {GraceOrdered, []func(*fixture){none, again(noon, time.Hour)}},
		"the old one is gone":           {GraceLeft, []func(*fixture){gone}},
		"it is gone and it is over":     {GraceLeft, []func(*fixture){gone, ends(noon)}},
		"this run has deleted it": {GraceOver, []func(*fixture){ends(noon),
			func(s *fixture) { s.mem.Deleted = []string{"old"} }}},
		"the entry stays": {GraceOver, []func(*fixture){gone,
			func(s *fixture) { s.mem.Tries = map[Action]int{Settle: 1} }}},
		"gone, none written":   {GraceOver, []func(*fixture){gone, none}},
		"given again":          {GraceOrdered, []func(*fixture){again(noon, 3*time.Hour)}},
		"given again, shorter": {GraceOrdered, []func(*fixture){again(noon, time.Minute)}},
		"given again, with the same end": {GraceRuns, []func(*fixture){again(noon.Add(-time.Minute),
			time.Hour+time.Minute)}},
		"given again, to end at once": {GraceOver, []func(*fixture){again(noon, 0)}},
		"given again, to end by now":  {GraceOver, []func(*fixture){again(noon.Add(-time.Minute), time.Minute)}},
		"given again, to end soon": {GraceOrdered, []func(*fixture){again(noon.Add(-time.Minute),
			time.Minute+time.Second)}},
		"given again after its end":   {GraceOrdered, []func(*fixture){ends(noon), again(noon, time.Hour)}},
		"given before it was written": {GraceRuns, []func(*fixture){again(noon.Add(-time.Hour), 0)}},
		"given by a default": {GraceRuns, []func(*fixture){func(s *fixture) {
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
	own := func(s *fixture) {
		s.one().Versions = append(s.one().Versions, vault.Version{Number: 2, Name: s.name(1),
			Created: noon.Add(-time.Minute)})
	}
	for what, c := range map[string]struct {
		change func(*fixture)
		end    time.Time
	}{
		"later":                  {again(noon, time.Hour), noon.Add(time.Hour)},
		"just later":             {again(noon.Add(1-time.Hour), time.Hour), noon},
		"not later":              {again(noon.Add(-time.Hour), time.Hour), time.Time{}},
		"with parts of a second": {again(noon.Add(time.Millisecond), time.Hour), noon.Add(time.Hour)},
		"at once":                {again(noon, 0), noon.Add(-time.Hour)},
		"without an entry": {func(s *fixture) { again(noon, time.Hour)(s); s.one().Journal.Retire = nil },
			time.Time{}},
		"after the one that counts": {func(s *fixture) { again(noon, 0)(s); own(s) }, noon.Add(-time.Hour)},
		"after an older Keyturn's": {func(s *fixture) {
			again(noon, 0)(s)
			own(s)
			s.one().Journal.Retire[1].Set = nil
		}, noon.Add(-time.Minute)},
		"before an older Keyturn's": {func(s *fixture) {
			again(noon.Add(-time.Minute), 0)(s)
			own(s)
			s.one().Journal.Retire[1].Set = nil
		}, time.Time{}},
		"after one of no time": {func(s *fixture) { again(noon, time.Hour)(s); s.one().Journal.Retire[1].Set = nil },
			noon.Add(time.Hour)},
		"between two secrets' writings": {func(s *fixture) {
			again(noon.Add(-time.Minute), time.Hour)(s)
			s.snap.Secrets = append(s.snap.Secrets, s.snap.Secrets[0])
			s.snap.Secrets[1].Journal.Retire = Overlaps{{Credential: "old", Set: at(noon.Add(-time.Second))}}
		}, time.Time{}},
		"after both secrets' writings": {func(s *fixture) {
			again(noon, 0)(s)
			s.snap.Secrets = append(s.snap.Secrets, s.snap.Secrets[0])
			s.snap.Secrets[0].Journal.Retire = Overlaps{{Credential: "old", Set: at(noon.Add(-time.Second))}}
		}, noon.Add(-time.Second)},
		"where one secret has none": {func(s *fixture) {
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

// If both deliveries stopped, the old credential would stay until a sweep. If both went on, both would delete it.
func TestOfDeliveriesThatClaimAtOnceTheOneInTheFirstSecretContinues(t *testing.T) {
	const none, mine, other, dead = "", "me", "other", "dead"
	for claims, want := range map[[2]string]Grace{
		{none, none}:   GraceOver,
		{mine, mine}:   GraceClaimed,
		{mine, none}:   GraceOver,
		{none, mine}:   GraceOver,
		{mine, other}:  GraceOver,
		{other, mine}:  GraceElsewhere,
		{other, other}: GraceElsewhere,
		{other, none}:  GraceElsewhere,
		{none, other}:  GraceElsewhere,
		{dead, other}:  GraceElsewhere,
		{mine, dead}:   GraceOver,
		{dead, mine}:   GraceOver,
		{dead, dead}:   GraceOver,
	} {
		s := newFixture(credential.CustomerSecretKey, plain(credential.RoleSecretKey), plain(credential.RoleAccessKey))
		for i, maker := range claims {
			t := Retired{Credential: "old", After: noon.Add(-time.Hour)}
			if at := noon.Add(-time.Second); maker != none {
				t.Begun, t.Maker = &at, maker
			}
			if at := noon.Add(-MakerLife); maker == dead {
				t.Begun = &at
			}
			s.snap.Secrets[i].Journal.Retire = Overlaps{t}
		}
		if got := s.view().grace(); got != want {
			t.Errorf("claims of %q: %s, want %s", claims, got, want)
		}
	}
}
