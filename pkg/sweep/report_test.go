package sweep

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/keyturn/keyturn/pkg/cloudguard"
	"github.com/keyturn/keyturn/pkg/config"
	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/outcome"
	"github.com/keyturn/keyturn/pkg/vault"
)

func TestANoteThatAnEarlierVersionKeptStillCounts(t *testing.T) {
	v := newNotesTenancy()
	v.outcomes = []outcome.Outcome{refusal("ocid1.user.oc1..ofa", "the secret is full")}
	v.denied = denied
	for id, s := range v.secrets {
		s.Metadata = vault.Metadata(
			`{"keyturn-reported":"{\"81de0336643b\":{\"on\":\"2026-05-03\",\"state\":\"57f2a9a40214\",\"lasting\":true},` +
				`\"bdc8302da63a\":{\"on\":\"2026-05-03\",\"state\":\"93514d437eab\"}}"}`)
		v.secrets[id] = s
	}
	if mails := v.sweep(t, config.Config{}); len(mails) != 0 {
		t.Errorf("it is mailed again: %q; notes of today are %s", mails,
			v.secrets["ocid1.vaultsecret.oc1.iad.a"].Metadata)
	}
}

func TestOfTheNotesAboutOneFindingTheNewestCounts(t *testing.T) {
	for newest := range 8 {
		r := newFakeTenancy().run()
		for i := range 8 {
			n := note{On: fmt.Sprintf("2026-05-0%d", 1+i%3), State: "old"}
			if i == newest {
				n = note{On: "2026-05-04", State: "new"}
			}
			r.noted[fmt.Sprint(i)] = notes{"x": n, fmt.Sprint("of ", i): n}
		}
		all := r.earlierNotes(t.Context())
		if all["x"] != (note{On: "2026-05-04", State: "new"}) || len(all) != 9 {
			t.Errorf("of 8 notes, the newest of which is number %d, these count: %v", newest, all)
		}
	}
}

func TestTheNotebookIsReadOnceMoreOnlyWhereSomethingWasFoundAndItWasNotRead(t *testing.T) {
	for name, c := range map[string]struct {
		notebook             string
		read                 bool
		outcomes, unfinished int
		fails                error
		want, repeated       int
	}{
		"a finding":              {notebook: drawer, unfinished: 1, want: 1, repeated: 1},
		"a refusal":              {notebook: drawer, outcomes: 1, want: 1, repeated: 1},
		"both":                   {notebook: drawer, outcomes: 1, unfinished: 1, want: 1, repeated: 2},
		"nothing":                {notebook: drawer},
		"it was read":            {notebook: drawer, read: true, unfinished: 1},
		"there is none":          {unfinished: 1},
		"none, though all reads": {read: true, unfinished: 1},
		"it can't be read":       {notebook: drawer, unfinished: 1, fails: errBroken, want: 1},
	} {
		s := newFakeTenancy()
		s.fails["Secret"] = c.fails
		r := s.run()
		o, f := refusal(owner, "full"), outcome.Finding{About: "read users", State: "denied"}
		r.digest.Outcomes, r.digest.Unfinished = []outcome.Outcome{o}[:c.outcomes], []outcome.Finding{f}[:c.unfinished]
		kept := notes{}.after([]item{itemOf(o, noon), itemOfFinding(f, noon)}, nil, true, noon)
		s.secret.Metadata, _ = kept.into(nil)
		r.notebook = c.notebook
		if c.read {
			r.noted[c.notebook] = nil
		}
		if d := r.news(t.Context()); s.opened != c.want || d.Repeated != c.repeated {
			t.Errorf("%s: read %d times, want %d; %d findings were mailed before, want %d", name, s.opened, c.want,
				d.Repeated, c.repeated)
		}
	}
}

func TestANoteIsKeptInTheSecretOfItsUserAndKindOrElseInTheNotebook(t *testing.T) {
	r := newFakeTenancy().run()
	r.notebook = "notebook"
	for i, h := range []boundSecret{{kind: credential.AuthToken, user: "u"}, {kind: credential.Password, user: "u"},
		{kind: credential.AuthToken, user: "w"}} {
		h.id = fmt.Sprint("secret ", i)
		r.boundSecrets[fmt.Sprint(i)] = &h
	}
	for want, i := range map[string]item{
		"secret 0": {kind: "auth-token", user: "u"},
		"secret 1": {kind: "password", user: "u"},
		"secret 2": {kind: "auth-token", user: "W"},
		"notebook": {kind: "password", user: "w"},
	} {
		if got := r.notesSecret(i); got != want {
			t.Errorf("a note about the %s of %s is kept in %s, want %s", i.kind, i.user, got, want)
		}
	}
	for _, i := range []item{{}, {kind: "auth-token"}, {user: "u"}} {
		if got := r.notesSecret(i); got != "notebook" {
			t.Errorf("a note about %+v is kept in %s", i, got)
		}
	}
}

func TestTheNotebookIsTheSecretWithTheSmallestID(t *testing.T) {
	for _, ids := range []string{"abc", "acb", "bac", "bca", "cab", "cba"} {
		v := &pagedVault{pages: map[string][][]vault.Secret{"x": {nil}}}
		for _, id := range strings.Split(ids, "") {
			v.pages["x"][0] = append(v.pages["x"][0], bound(id))
		}
		r := newFakeTenancy().run()
		r.Vault = v
		if _, _, err := r.listBound(t.Context(), "x", ""); err != nil || r.notebook != "a" {
			t.Errorf("of %s the notebook is %s (%v)", ids, r.notebook, err)
		}
	}
}

func TestASecretThatCantBeReadOrIsNotActiveGetsNoNote(t *testing.T) {
	for name, c := range map[string]struct {
		change  func(*fakeTenancy)
		written int
		fails   bool
	}{
		"as it should be":      {func(*fakeTenancy) {}, 1, false},
		"it can't be read":     {func(s *fakeTenancy) { s.fails["Secret"] = errBroken }, 0, true},
		"it is being deleted":  {func(s *fakeTenancy) { s.secret.State = "PENDING_DELETION" }, 0, false},
		"it can't be written":  {func(s *fakeTenancy) { s.fails["Update"] = errBroken }, 0, true},
		"its metadata is none": {func(s *fakeTenancy) { s.secret.Metadata = vault.Metadata(`[]`) }, 0, true},
	} {
		s := newFakeTenancy()
		s.keeps = true
		c.change(s)
		err := s.run().note(t.Context(), drawer, []item{{about: "x"}}, nil)
		if s.written != c.written || (err != nil) != c.fails {
			t.Errorf("%s: written %d times, %v", name, s.written, err)
		}
	}
}

func TestARotationThatWaitsIsMailedOnlyIfTheSweepMovedIt(t *testing.T) {
	for _, c := range []struct{ pending, changed, mailed bool }{{true, false, false}, {true, true, true},
		{false, false, true}, {false, true, true}} {
		s := newFakeTenancy()
		s.closed = []string{problem}
		o := refusal(owner, "not accepted yet")
		o.Status, o.Pending, o.Changed = outcome.Unfinished, c.pending, c.changed
		s.review = func(context.Context, cloudguard.Problem) outcome.Outcome { return o }
		s.sweep(t)
		if (len(s.mails) == 1) != c.mailed {
			t.Errorf("%+v: mailed %q", c, s.mails)
		}
	}
}

func TestTheMailNamesTheTenancyIfItCanBeLookedUp(t *testing.T) {
	for _, fails := range []error{nil, errBroken} {
		s := newFakeTenancy().holds(overdue(""))
		s.fails["Tenancy"] = fails
		s.sweep(t)
		if len(s.mails) != 1 || strings.Contains(s.mails[0], "| acme\n") != (fails == nil) {
			t.Errorf("looking it up: %v; mailed %q", fails, s.mails)
		}
	}
}

func TestTheReplyCountsWhatAnEarlierMailReported(t *testing.T) {
	s := newFakeTenancy().holds(overdue(""))
	s.keeps = true
	for _, want := range []int{0, 1, 1} {
		if d := s.sweep(t); d.Repeated != want || len(d.Unfinished) != 1 {
			t.Errorf("%d of %d findings were mailed before, want %d", d.Repeated, len(d.Unfinished), want)
		}
	}
}

func TestWhatIsOverIsTakenOffInEachSecretAndNoOtherIsWritten(t *testing.T) {
	v := newNotesTenancy()
	stays := notes{"x": {On: "2026-05-04", State: "s"}}
	goes := notes{"x": {On: "2026-05-04", State: "s"}, "y": {On: "2026-04-20", State: "s"}}
	clear(v.secrets)
	for i := range 32 {
		s := bound(fmt.Sprintf("ocid1.vaultsecret.oc1.iad.%02d", i))
		s.Metadata, _ = []notes{stays, goes}[i%2].into(nil)
		v.secrets[s.ID] = s
	}
	v.sweep(t, config.Config{})
	if v.writes != 16 {
		t.Errorf("%d of 32 secrets were written, want 16", v.writes)
	}
	for id, s := range v.secrets {
		if !maps.Equal(notesOf(s.Metadata), stays) {
			t.Errorf("%s has the notes %s", id, s.Metadata)
		}
	}
}
