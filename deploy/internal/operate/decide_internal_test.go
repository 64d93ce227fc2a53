package operate

import (
	"strings"
	"testing"
	"time"

	"github.com/keyturn/keyturn/pkg/cloudguard"
	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/rotation"
	"github.com/keyturn/keyturn/pkg/vault"
)

var (
	noon    = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	token   = credential.Kinds()[1]
	someRef = credential.Ref{Kind: token, User: "ocid1.user.oc1..aaaajane", ID: "old"}
)

const someProblem = "ocid1.cloudguardproblem.oc1.iad.aaaa"

func ago(d time.Duration) *time.Time {
	at := noon.Add(-d)
	return &at
}

func retired(after time.Time, begun *time.Time) rotation.Overlaps {
	return rotation.Overlaps{{Credential: "old", After: after, Begun: begun, Problem: someProblem}}
}

func TestTheStateOfASecretFollowsFromItsJournalItsProblemAndTheList(t *testing.T) {
	closed, open := problemState{state: "RESOLVED"}, problemState{state: "OPEN"}
	refused := problemState{state: "OPEN", reason: "no free slot"}
	staged := rotation.Staged{Old: "old", Phase: rotation.PhaseStaged, Problem: someProblem, At: ago(time.Minute)}
	late, undone := staged, staged
	late.At, undone.Phase = ago(time.Hour), rotation.PhaseUndone
	now := &rotation.Holder{Version: 2, Credential: "new"}
	active := vault.Secret{ID: "s", State: vault.Active, Current: 2}
	leaving, back := active, active
	leaving.State, back.Current = "PENDING_DELETION", 1
	for name, c := range map[string]struct {
		journal rotation.Journal
		secret  vault.Secret
		problem problemState
		living  []string
		state   string
		next    string
		needs   bool
	}{
		"at work":     {rotation.Journal{Staged: &staged}, active, closed, nil, HalfWay, "may be at work", false},
		"interrupted": {rotation.Journal{Staged: &late}, active, closed, nil, HalfWay, "next sweep", false},
		"refused":     {rotation.Journal{Staged: &late}, active, refused, nil, Held, "no free slot", true},
		"open":        {rotation.Journal{Staged: &late}, active, open, nil, Held, "is OPEN", true},
		"unreadable":  {rotation.Journal{Staged: &late}, active, problemState{}, nil, Held, "isn't known", true},
		"undone":      {rotation.Journal{Staged: &undone}, active, closed, nil, "", "", false},
		"secret goes": {rotation.Journal{Staged: &late}, leaving, closed, nil, Held, "deletion", true},
		"overlap": {rotation.Journal{Current: now, Retire: retired(noon.Add(time.Hour), nil)}, active, closed,
			[]string{"old", "new"}, Overlap, "deletes the old one", false},
		"due": {rotation.Journal{Current: now, Retire: retired(noon, nil)}, active, closed,
			[]string{"old"}, Overlap, "over", false},
		"list not known": {rotation.Journal{Current: now, Retire: retired(noon, nil)}, active, closed, nil, Overlap,
			"over", false},
		"turned back": {rotation.Journal{Current: now, Retire: retired(noon, nil)}, back, open, []string{"old"},
			Held, "version 1 is CURRENT", true},
		"turned back, too": {rotation.Journal{Current: now, Retire: retired(noon, nil)}, back, closed, []string{"old"},
			Held, "version 1 is CURRENT", true},
		"deleting": {rotation.Journal{Current: now, Retire: retired(noon, ago(time.Hour))}, active, closed,
			[]string{"old"}, Deleting, "next sweep", false},
		"deleted": {rotation.Journal{Current: now, Retire: retired(noon, ago(time.Hour))}, active, closed,
			[]string{"new"}, "", "", false},
	} {
		items := secretItems(Item{}, Read{c.secret, c.living}, c.journal,
			map[string]problemState{someProblem: c.problem}, noon)
		if c.state == "" {
			if len(items) != 0 {
				t.Errorf("%s: it says %+v, want nothing", name, items)
			}
			continue
		}
		if len(items) != 1 || items[0].State != c.state || !strings.Contains(items[0].Next, c.next) ||
			items[0].Needs != c.needs || items[0].Old != "old" || c.state == Held && items[0].When != nil {
			t.Errorf("%s: it says %+v", name, items)
		}
	}
}

func TestARotationHasEndedOnceEverySecretHasTheNewValueAndTheOldOneIsGoneOrOverlaps(t *testing.T) {
	name := someRef.RotationID().VersionName(1)
	done := held{Secret: vault.Secret{ID: "s", Current: 2}, versions: []vault.Version{{Number: 2, Name: name}},
		journal: rotation.Journal{Current: &rotation.Holder{Version: 2, Credential: "new"}}}
	staged, foreign, over := done, done, done
	staged.journal.Staged = &rotation.Staged{Old: "old", Phase: rotation.PhaseStaged}
	foreign.versions = []vault.Version{{Number: 2, Name: "somebody's"}}
	over.At, over.journal.Retire = noon, retired(noon.Add(time.Hour), nil)
	over.journal.Retire[0].Set = &noon
	earlier, past := over, over
	earlier.journal.Retire = retired(noon.Add(time.Hour), nil)
	past.journal.Retire = retired(noon, nil)
	deleting := done
	deleting.journal.Retire = retired(noon, &noon)
	both, gone := []credential.Issued{{ID: "old"}, {ID: "new"}}, []credential.Issued{{ID: "new"}}
	o := Order{Kind: token, User: someRef.User, Old: "old"}
	given := o
	given.grace = true
	if end := ended(given, []held{earlier}, both, cloudguard.Change{At: noon}); end.State != unknownYet {
		t.Errorf("with an overlap that this closure changes it says %s", end.State)
	}
	for what, c := range map[string]struct {
		all    []held
		living []credential.Issued
		state  string
	}{
		"an earlier overlap": {[]held{earlier}, both, Overlaps}, "one that is over": {[]held{past}, both, unknownYet},
		"deleted": {[]held{done}, gone, Rotated}, "overlap": {[]held{over}, both, Overlaps},
		"being deleted": {[]held{deleting}, both, unknownYet}, "staged": {[]held{staged}, gone, unknownYet},
		"another version": {[]held{foreign}, gone, unknownYet}, "one of two": {[]held{done, foreign}, gone, unknownYet},
		"two": {[]held{done, done}, gone, Rotated},
	} {
		if end := ended(o, c.all, c.living, cloudguard.Change{At: noon}); end.State != c.state {
			t.Errorf("%s: it says %s, want %s", what, end.State, c.state)
		}
	}
}

func TestAProblemThatWasOpenedAgainEndsTheRotationWithItsReason(t *testing.T) {
	before := []cloudguard.Change{{At: noon, Detail: "OPEN"}}
	closed := append([]cloudguard.Change{{At: noon.Add(time.Second), Detail: "RESOLVED", Comment: "rotate:yes"}},
		before...)
	again := func(comment string) []cloudguard.Change {
		return append([]cloudguard.Change{{At: noon.Add(time.Minute), Detail: "OPEN", Actor: "joe", Comment: comment}},
			closed...)
	}
	for name, c := range map[string]struct {
		problem cloudguard.Problem
		dryRun  bool
		state   string
	}{
		"closed":       {cloudguard.Problem{Detail: "RESOLVED", History: closed}, false, ""},
		"lagging":      {cloudguard.Problem{Detail: "OPEN", History: before}, false, ""},
		"lagging half": {cloudguard.Problem{Detail: "OPEN", History: closed}, false, ""},
		"refused": {cloudguard.Problem{Detail: "OPEN", History: again(cloudguard.ReopenMark + ": full")}, false,
			Refused},
		"a person": {cloudguard.Problem{Detail: "OPEN", History: again("not now")}, false, Reopened},
		"dry run": {cloudguard.Problem{Detail: "OPEN", History: again(cloudguard.ReopenMark + ": a dry run " +
			"was asked for")}, true, DryRunDone},
		"no dry run": {cloudguard.Problem{Detail: "OPEN", History: again(cloudguard.ReopenMark + ": full")}, true,
			Refused},
	} {
		end, over := reopened(Order{DryRun: c.dryRun, problem: cloudguard.Problem{History: before}}, c.problem)
		if over != (c.state != "") || end.State != c.state {
			t.Errorf("%s: it says %q (%v), want %q", name, end.State, over, c.state)
		}
		if over && c.state == Refused && end.Reason != "full" {
			t.Errorf("%s: the reason is %q", name, end.Reason)
		}
	}
}
