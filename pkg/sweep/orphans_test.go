package sweep

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/fault"
	"github.com/keyturn/keyturn/pkg/guard"
	"github.com/keyturn/keyturn/pkg/rotation"
)

// marked returns a credential that a rotation made for the secret, just old enough to be an orphan.
func marked(id string) credential.Issued {
	mark := credential.Mark{Rotation: "aaaaaaaaaaaaaaaa", Maker: "maker", Home: credential.Home(drawer)}
	return credential.Issued{ID: id, Description: mark.Describe("pulls"), Created: noon.Add(-rotation.MakerLife)}
}

func TestWhatMayHaveNoValueIsHandedToTheEngine(t *testing.T) {
	away := credential.Mark{Rotation: "aaaaaaaaaaaaaaaa", Maker: "maker",
		Home: credential.Home("ocid1.vaultsecret.oc1.iad.other")}
	for name, c := range map[string]struct {
		change func(*fakeTenancy)
		want   bool
	}{
		"a marked one":       {func(*fakeTenancy) {}, true},
		"one without a mark": {func(s *fakeTenancy) { s.tokens[0].Description = "pulls" }, false},
		"a young one": {func(s *fakeTenancy) { s.tokens[0].Created = noon.Add(1 - rotation.MakerLife) },
			false},
		"of another secret": {func(s *fakeTenancy) { s.tokens[0].Description = away.Describe("pulls") }, false},
		"of another kind": {func(s *fakeTenancy) { s.secret.Freeform["keyturn-kind"] = "customer-secret-key" },
			false},
		"of another user": {func(s *fakeTenancy) { s.secret.Freeform["keyturn-user"] = "ocid1.user.oc1..x" },
			false},
		"of an unbound secret":  {func(s *fakeTenancy) { s.secret.Freeform = nil }, false},
		"of a secret that left": {func(s *fakeTenancy) { s.secret.State = "PENDING_DELETION" }, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := newFakeTenancy()
			s.tokens = []credential.Issued{marked("1")}
			c.change(s)
			s.sweep(t)
			if (len(s.orphans) == 1) != c.want {
				t.Fatalf("handed over were %v", s.orphans)
			}
			if !c.want {
				return
			}
			o := s.orphans[0]
			if o.Kind != credential.AuthToken || o.User != strings.ToUpper(owner) || o.Issued != s.tokens[0] ||
				o.DryRun ||
				o.Home != (credential.Target{Role: credential.RoleToken, SecretID: drawer}) {
				t.Errorf("handed over was %+v", o)
			}
		})
	}
}

func TestACredentialThatTheJournalMentionsIsNoOrphan(t *testing.T) {
	staged := &rotation.Staged{Old: "1", Credential: "2", Phase: rotation.PhaseUndone}
	for name, c := range map[string]struct {
		journal rotation.Journal
		known   []string
	}{
		"no journal":      {},
		"an attempt":      {rotation.Journal{Staged: staged}, []string{"1", "2"}},
		"the current one": {rotation.Journal{Current: &rotation.Holder{Credential: "3"}}, []string{"3"}},
		"one to be retired": {rotation.Journal{Retire: rotation.Overlaps{{Credential: "4", After: noon.Add(1)}}},
			[]string{"4"}},
		"all of them": {rotation.Journal{Staged: staged, Current: &rotation.Holder{Credential: "1"},
			Retire: rotation.Overlaps{{Credential: "4", After: noon.Add(1)}}}, []string{"1", "2", "4"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newFakeTenancy().holds(c.journal)
			var want, got []string
			for _, id := range []string{"1", "2", "3", "4", "5"} {
				s.tokens = append(s.tokens, marked(id))
				if !slices.Contains(c.known, id) {
					want = append(want, id)
				}
			}
			s.sweep(t)
			for _, o := range s.orphans {
				got = append(got, o.Issued.ID)
			}
			if !slices.Equal(got, want) {
				t.Errorf("handed over were %q, want %q", got, want)
			}
		})
	}
}

func TestTheGuardIsAskedAboutAnOrphansUserAndSecret(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*fakeTenancy)
		words  string // empty: allowed
	}{
		"as it should be":       {func(*fakeTenancy) {}, ""},
		"a protected user":      {func(s *fakeTenancy) { s.config.ProtectedUsers = []string{owner} }, "is protected"},
		"a user without a name": {func(s *fakeTenancy) { s.name = "" }, "counts as protected"},
		"a user who can't be seen": {func(s *fakeTenancy) { s.nameErr = fault.New(fault.Denied, "GetUser", "") },
			"(GetUser)"},
		"a secret of another user": {func(s *fakeTenancy) { s.secret.Freeform["keyturn-user"] = "ocid1.user.oc1..x" },
			"bound to another user"},
		"an unbound secret": {func(s *fakeTenancy) { s.secret.Freeform = nil }, "is not bound"},
		"a secret that leaves": {func(s *fakeTenancy) {
			s.secret.State = "PENDING_DELETION"
		}, "scheduled for deletion"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newFakeTenancy()
			s.tokens = []credential.Issued{marked("1")}
			s.result = rotation.Result{End: rotation.Done, Acted: true}
			r := s.run()
			r.boundSecrets[credential.Home(drawer)] = &boundSecret{id: drawer, kind: credential.AuthToken, user: owner}
			c.change(s) // after the secret was listed
			r.Config = s.config
			r.readCredentials(t.Context())
			d := r.digest
			if c.words == "" {
				if len(d.Found) != 1 || len(d.Unfinished) != 0 {
					t.Errorf("found %q and %v", d.Found, d.Unfinished)
				}
				if want := (credential.Owner{User: strings.ToUpper(owner), UserName: s.name}); len(s.owners) != 1 ||
					s.owners[0] != want {
					t.Errorf("the engine gets %+v, want %+v", s.owners, want)
				}
				return
			}
			if len(d.Found) != 0 || len(d.Unfinished) != 1 || !d.Unfinished[0].Needs ||
				!strings.Contains(d.Unfinished[0].Text, c.words) {
				t.Errorf("found %q and %v", d.Found, d.Unfinished)
			}
		})
	}
}

func TestTheDigestSaysWhatBecameOfAnOrphan(t *testing.T) {
	placed := []rotation.Placed{{Version: 2}}
	for name, c := range map[string]struct {
		result      rotation.Result
		found, need string
	}{
		"deleted":     {rotation.Result{End: rotation.Done, Acted: true}, "was deleted", ""},
		"gone before": {rotation.Result{End: rotation.Done}, "", ""},
		"a dry run": {rotation.Result{End: rotation.Done, Plan: []rotation.Action{rotation.Discard}},
			"would be deleted", ""},
		"left to a later one": {rotation.Result{End: rotation.Wait, Reason: rotation.InProgress}, "", ""},
		"interrupted":         {rotation.Result{End: rotation.Wait, Acted: true}, "", ""},
		"its value is there": {rotation.Result{End: rotation.Refuse, Reason: rotation.NotOurs, Placed: placed}, "",
			""},
		"its value may be": {rotation.Result{End: rotation.Refuse, Reason: rotation.NotOurs,
			Detail: "a version is gone", Placed: []rotation.Placed{{}}}, "", string(rotation.NotOurs) +
			": a version is gone"},
		"it can't be deleted": {rotation.Result{End: rotation.Refuse, Reason: rotation.Failed, Acted: true,
			Cause: fault.New(fault.Denied, "DeleteAuthToken", "")}, "", "(DeleteAuthToken)"},
		"the guard refuses it": {rotation.Result{End: rotation.Refuse, Cause: &guard.Refusal{Problem: "it is protected",
			Remedy: "x"}}, "", "It was not deleted: it is protected."},
	} {
		t.Run(name, func(t *testing.T) {
			s := newFakeTenancy()
			s.tokens, s.result = []credential.Issued{marked("1")}, c.result
			d := s.sweep(t)
			if (len(d.Found) == 1) != (c.found != "") || c.found != "" && !strings.Contains(d.Found[0], c.found) {
				t.Errorf("found %q", d.Found)
			}
			if (len(d.Unfinished) == 1) != (c.need != "") || c.need != "" &&
				!strings.Contains(d.Unfinished[0].Text, c.need) {
				t.Errorf("found %v", d.Unfinished)
			}
		})
	}
}

func TestADryRunSaysSoToTheEngine(t *testing.T) {
	s := newFakeTenancy()
	s.config.DryRun, s.tokens = true, []credential.Issued{marked("1")}
	s.sweep(t)
	if len(s.orphans) != 1 || !s.orphans[0].DryRun {
		t.Errorf("handed over were %+v", s.orphans)
	}
}

func TestAUserWhoseCredentialsCannotBeListedIsAFailure(t *testing.T) {
	s := newFakeTenancy()
	s.fails["CredentialsOf"] = errBroken
	d, err := s.sweeper().Run(t.Context(), "call")
	if !errors.Is(err, errBroken) || len(d.Unfinished) != 1 ||
		!strings.Contains(d.Unfinished[0].Text, strings.ToUpper(owner)) {
		t.Errorf("%v, found %v", err, d.Unfinished)
	}
}

func TestEachOrphanThatIsLeftIsASeparateFinding(t *testing.T) {
	s := newFakeTenancy()
	s.tokens = []credential.Issued{marked("1"), marked("2")}
	s.result = rotation.Result{End: rotation.Refuse, Cause: &guard.Refusal{Problem: "it is protected"}}
	d := s.sweep(t)
	var got []string
	for _, f := range d.Unfinished {
		got = append(got, f.About+": "+f.State)
	}
	if want := []string{"orphan 1: it is protected", "orphan 2: it is protected"}; !slices.Equal(got, want) {
		t.Errorf("found %q, want %q", got, want)
	}
}
