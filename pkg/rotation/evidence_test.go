package rotation_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/fault"
	"github.com/keyturn/keyturn/pkg/rotation"
	"github.com/keyturn/keyturn/pkg/vault"
)

func (w *world) rotation() credential.RotationID {
	return credential.Ref{Kind: w.kind, User: user, ID: w.oldID}.RotationID()
}

// forge writes a version and a journal of this rotation to the first secret, as another user of the secret could.
func (w *world) forge(phase rotation.Phase, id string, content credential.Value, age time.Duration) {
	h, at := w.home(), w.now.Add(-age)
	s, name := w.secrets[h], w.rotation().VersionName(1)
	number := int64(len(s.versions) + 1)
	s.versions = append(s.versions, vault.Version{Number: number, Name: name, Pending: true, Created: at})
	s.contents[number] = content
	s.Metadata = rotation.Journal{Staged: &rotation.Staged{Version: name, Phase: phase, Old: w.oldID, Credential: id,
		Maker: "m", At: &at,
		Secrets: rotation.Secrets{s.role: h}}}.Into(s.Metadata)
	w.touch(h)
}

func TestAPrivateKeyThatThisRotationHasNotGeneratedIsNeverUploaded(t *testing.T) {
	for _, age := range []time.Duration{0, rotation.MakerLife, rotation.UnseenTime, 24 * time.Hour} {
		w := newWorld(t, credential.APIKey, credential.RolePrivateKey)
		theirs := testKey(t)
		w.forge(rotation.PhaseStaged, theirs.ID, theirs.Value, age)
		r := w.process().run()
		if w.find(theirs.ID) != nil {
			t.Errorf("%v old: %s (%s): a stranger's key signs for the user", age, r.End, r.Reason)
		}
		if old := age >= rotation.UnseenTime; old != (r.Reason == rotation.Rotated) || !old &&
			r.Reason != rotation.InProgress {
			t.Errorf("%v old: %s (%s)", age, r.End, r.Reason)
		}
	}
}

func TestALivingCredentialThatAJournalNamesIsNeitherPromotedNorDeletedWithoutEvidenceInIAM(t *testing.T) {
	for _, f := range provable() {
		if f.replace || len(f.roles) > 1 {
			continue
		}
		for _, phase := range []rotation.Phase{rotation.PhaseStaged, rotation.PhaseUndone} {
			w := newWorld(t, f.kind, f.roles...)
			theirs := w.addOther()
			m := credential.Material{Kind: w.kind, ID: theirs.ID, Value: theirs.value}
			content, err := m.Encode(f.roles[0], credential.Owner{User: user, UserName: "somebody", Namespace: "ns",
				Hosts: credential.Hosts{Registry: "r", S3: "s"}})
			if err != nil {
				t.Fatal(err)
			}
			w.forge(phase, theirs.ID, content, time.Hour)
			r := w.process().run()
			if r.End != rotation.Refuse || r.Reason != rotation.NotOurs || r.Detail == "" || w.find(theirs.ID) == nil ||
				w.find(w.oldID) == nil || w.secrets[w.home()].Current != 1 {
				t.Errorf("%v, %s: %s (%s: %s); theirs is there: %v, the old one: %v", f, phase, r.End, r.Reason,
					r.Detail, w.find(theirs.ID) != nil, w.find(w.oldID) != nil)
			}
		}
	}
}

func TestAnAttemptBeyondTheLastIsRefusedAndNothingIsTouched(t *testing.T) {
	for _, f := range provable() {
		w := f.world(t)
		s := w.secrets[w.home()]
		s.versions = append(s.versions, vault.Version{Number: 2, Name: w.rotation().VersionName(999_999), Stale: true,
			Created: w.now.Add(-time.Hour)})
		s.contents[2] = w.creds[0].value
		s.Metadata = rotation.Journal{Staged: &rotation.Staged{Version: w.rotation().VersionName(999_999),
			Phase: rotation.PhaseUndone}}.Into(nil)
		r := w.process().run()
		if r.End != rotation.Refuse || r.Reason != rotation.NamesSpent || r.Detail == "" || r.Acted ||
			w.find(w.oldID) == nil {
			t.Errorf("%v: %s (%s: %s), acted %v", f, r.End, r.Reason, r.Detail, r.Acted)
		}
	}
}

func TestAnAPIKeyWhoseEarlierClosureNamedAnotherSecretGetsNoSecondSuccessor(t *testing.T) {
	first := newWorld(t, credential.APIKey, credential.RolePrivateKey)
	p := first.process()
	p.lost = func(operation string, _ int) bool { p.dead = operation == "Create"; return p.dead }
	p.run()
	earlier := first.home()
	second := newWorld(t, credential.APIKey, credential.RoleBundle)
	for id, s := range second.secrets {
		first.secrets[id] = s
	}
	first.wait(time.Hour)
	named := func(j *rotation.Job) {
		j.Secrets = []credential.Target{{Role: credential.RoleBundle, SecretID: second.home()}}
		j.Earlier = []string{earlier, "ocid1.vaultsecret.oc1.iad.nosuchsecret"}
	}
	r := first.process().run(named)
	if r.End != rotation.Refuse || r.Reason != rotation.OtherSecret || r.Detail == "" || len(first.creds) != 2 {
		t.Fatalf("%s (%s: %s): the user has %d keys", r.End, r.Reason, r.Detail, len(first.creds))
	}
	for _, c := range first.creds { // an operator deletes the first successor
		if c.ID != first.oldID {
			first.creds = remove(first.creds, c.ID)
		}
	}
	if r := first.process().run(named); r.Reason != rotation.Rotated || len(first.creds) != 1 {
		t.Errorf("without it: %s (%s: %s %v), %d keys", r.End, r.Reason, r.Detail, r.Cause, len(first.creds))
	}
}

func TestThatTheOldOneIsAbsentProvesNothingWhereThereIsDoubt(t *testing.T) {
	for _, f := range provable() {
		w := f.world(t)
		w.creds = remove(w.creds, w.oldID)
		r := w.process().run(func(j *rotation.Job) {
			j.Replace = false
			j.Doubt = func([]credential.Issued) string { return "only the event names the user" }
		})
		if r.End != rotation.Refuse || r.Reason != rotation.Doubtful || r.Detail != "only the event names the user" ||
			r.Acted {
			t.Errorf("%v: %s (%s: %s), acted %v", f, r.End, r.Reason, r.Detail, r.Acted)
		}
	}
}

func TestWhereTheOldOneIsGoneARefusalOfTheGuardOrAnUnreadableSecretOpensNothingAgain(t *testing.T) {
	for _, f := range forms() {
		for name, break_ := range map[string]func(*process, *rotation.Job){
			"the guard": func(_ *process, j *rotation.Job) { bound(j) },
			"the secret": func(p *process, _ *rotation.Job) {
				p.faults = func(operation string, _ int) error {
					if operation == "GetSecret" {
						return fault.New(fault.Absent, operation, "not found")
					}
					return nil
				}
			},
		} {
			if len(f.roles) == 0 {
				continue
			}
			w := f.world(t)
			for _, s := range w.secrets {
				s.Freeform = map[string]string{"keyturn-user": otherUser}
			}
			run := func() rotation.Result {
				p := w.process()
				return p.run(func(j *rotation.Job) { j.Replace = false; break_(p, j) })
			}
			if r := run(); r.End != rotation.Refuse || r.Reason != rotation.Failed || r.Cause == nil || r.Acted ||
				w.writes != 0 {
				t.Errorf("%v, %s: with the old one: %s (%s: %v)", f, name, r.End, r.Reason, r.Cause)
			}
			gone := rotation.AlreadyGone
			if f.kind == credential.Password {
				w.creds, gone = nil, rotation.AlreadyReset
				w.wait(time.Second)
				w.add("", 0)
			} else {
				w.creds = remove(w.creds, w.oldID)
			}
			if r := run(); r.End != rotation.Done || r.Reason != gone || r.Acted {
				t.Errorf("%v, %s: without the old one: %s (%s: %v)", f, name, r.End, r.Reason, r.Cause)
			}
		}
	}
}

func TestWhereDeletingFirstWasAllowedAnUnreadableSecretIsNotTakenForNothingOwed(t *testing.T) {
	for _, f := range provable() {
		if !f.replace {
			continue
		}
		w := f.world(t)
		p := w.process()
		p.lost = func(operation string, _ int) bool { p.dead = operation == "Delete"; return p.dead }
		p.run()
		w.wait(time.Hour)
		p = w.process()
		p.faults = func(operation string, _ int) error {
			if operation == "GetSecret" {
				return fault.New(fault.Absent, operation, "not found")
			}
			return nil
		}
		if r := p.run(); r.End != rotation.Refuse || r.Cause == nil {
			t.Errorf("%v: %s (%s: %v)", f, r.End, r.Reason, r.Cause)
		}
		if r := w.process().run(); r.Reason != rotation.Rotated {
			t.Errorf("%v, when it can be read again: %s (%s: %v)", f, r.End, r.Reason, r.Cause)
		}
		w.finished(t, f.String())
	}
}

func TestADeletionThatCameFirstIsFollowedUpThoughTheJournalIsWiped(t *testing.T) {
	for _, f := range provable() {
		if !f.replace {
			continue
		}
		w := f.world(t)
		p := w.process()
		p.lost = func(operation string, _ int) bool { p.dead = operation == "Delete"; return p.dead }
		p.run()
		for id, s := range w.secrets {
			s.Metadata = nil
			w.touch(id)
		}
		for _, later := range []time.Duration{rotation.MakerLife, rotation.UnseenTime, time.Hour} {
			w.wait(later)
			w.process().run()
		}
		w.finished(t, f.String())
	}
}

// If versions were deleted, the list doesn't prove that a credential's value was never stored.
func TestACredentialWhoseVersionMayHaveBeenDeletedIsLeftAlone(t *testing.T) {
	for _, gap := range []bool{false, true} {
		w := newWorld(t, credential.AuthToken, credential.RoleToken)
		mark := credential.Mark{Rotation: w.rotation(), Maker: "somebodyelse", Home: credential.Home(w.home())}
		made := w.add(mark.Describe(""), -2*time.Hour)
		s := w.secrets[w.home()]
		s.versions[0].Created = w.now.Add(-24 * time.Hour)
		for n := int64(2); n <= 5; n++ {
			if gap && n == 3 {
				continue
			}
			s.versions = append(s.versions, vault.Version{Number: n, Name: fmt.Sprint("other-", n), Stale: true,
				Created: w.now.Add(-time.Hour)})
		}
		r := w.process().run()
		if kept := w.find(made) != nil; kept != gap || gap && r.Reason != rotation.NotOurs {
			t.Errorf("a version is missing: %v; %s (%s: %s), kept %v", gap, r.End, r.Reason, r.Detail, kept)
		}
	}
}

func TestAnOrphanIsDeletedOnlyIfItsValueIsCertainlyNowhere(t *testing.T) {
	for name, c := range map[string]struct {
		change  func(w *world, made string)
		deleted bool
	}{
		"nothing else":       {func(*world, string) {}, true},
		"its maker is at it": {func(w *world, made string) { w.find(made).Created = w.now.Add(-time.Minute) }, false},
		"a version of its rotation": {func(w *world, made string) {
			m, _ := credential.ParseMark(w.find(made).Description)
			s := w.secrets[w.home()]
			s.versions = append(s.versions, vault.Version{Number: 2, Name: m.Rotation.VersionName(1), Stale: true,
				Created: w.now.Add(-time.Hour)})
		}, false},
		"a version is missing": {func(w *world, _ string) {
			w.secrets[w.home()].versions[0].Number = 31
			w.secrets[w.home()].Current = 31
		}, false},
		"bound to another user": {func(w *world, _ string) {
			w.secrets[w.home()].Freeform = map[string]string{"keyturn-user": otherUser}
		}, false},
		"it is gone": {func(w *world, made string) { w.creds = remove(w.creds, made) }, false},
	} {
		w := newWorld(t, credential.AuthToken, credential.RoleToken)
		mark := credential.Mark{Rotation: "aaaaaaaaaaaaaaaa", Maker: "somebodyelse", Home: credential.Home(w.home())}
		made := w.add(mark.Describe("x"), -2*time.Hour)
		o := rotation.Orphan{Kind: w.kind, User: user, Issued: w.find(made).Issued,
			Home: credential.Target{Role: credential.RoleToken, SecretID: w.home()}}
		c.change(w, made)
		before := len(w.creds)
		p := w.process()
		var j rotation.Job
		bound(&j)
		o.Authorize = j.Authorize
		e := rotation.Engine{Issuers: map[credential.Kind]rotation.Issuer{p.kind: p}, Vault: vaultOf{p}, Prover: p,
			Clock: clock{p.world}}
		o.DryRun = true
		if r := e.Collect(t.Context(), o); c.deleted != slices.Equal(r.Plan, []rotation.Action{rotation.Discard}) ||
			len(w.creds) != before {
			t.Errorf("%s, dry run: %s (%s), plan %v", name, r.End, r.Reason, r.Plan)
		}
		o.DryRun = false
		r := e.Collect(t.Context(), o)
		if gone := w.find(made) == nil && before == len(w.creds)+1; gone != c.deleted || r.Acted != c.deleted ||
			w.find(w.oldID) == nil {
			t.Errorf("%s: %s (%s: %v), acted %v, deleted %v", name, r.End, r.Reason, r.Cause, r.Acted, gone)
		}
	}
}

// The second rotation of a secret begins during the overlap of the first.
func TestTheOverlapOfOneRotationOutlivesTheNext(t *testing.T) {
	for _, f := range overlapping() {
		if f.kind.Limit() < 3 {
			continue // there is no slot for a third
		}
		w := overlap(t, f)
		first := w.oldID
		second := rotation.JournalOf(w.secrets[w.home()].Metadata).Current.Credential
		w.oldID = second
		if r := w.process().run(); r.Reason != rotation.Rotated {
			t.Fatalf("%v: the next one: %s (%s: %v)", f, r.End, r.Reason, r.Cause)
		}
		if w.find(first) == nil || w.find(second) != nil {
			t.Fatalf("%v: the first one is there: %v, the second: %v", f, w.find(first) != nil, w.find(second) != nil)
		}
		w.wait(72 * time.Hour)
		due := slices.ContainsFunc(rotation.JournalOf(w.secrets[w.home()].Metadata).Due(w.now),
			func(d rotation.Duty) bool { return d.Old == first })
		w.oldID = first
		delete(w.hands, first)
		if r := w.process().run(); !due || r.Reason != rotation.Rotated || !r.Proven || w.find(first) != nil {
			t.Errorf("%v: due %v, then %s (%s: %s %v), proven %v", f, due, r.End, r.Reason, r.Detail, r.Cause, r.Proven)
		}
		w.finished(t, f.String())
	}
}

func TestTheEntryOfACredentialThatIsGoneIsTakenOffByTheNextDelivery(t *testing.T) {
	for _, f := range overlapping() {
		w := f.world(t)
		w.process().run()
		if w.retireTimes() == "" {
			t.Fatalf("%v: nothing tells a later delivery that the old one was to be deleted", f)
		}
		p := w.process()
		p.faults = func(operation string, _ int) error {
			if operation == "UpdateSecret" {
				return fault.New(fault.Denied, operation, "no")
			}
			return nil
		}
		if r := p.run(); r.End != rotation.Done || r.Reason != rotation.Rotated {
			t.Errorf("%v, where that is refused: %s (%s: %v)", f, r.End, r.Reason, r.Cause)
		}
		if r := w.process().run(); r.Reason != rotation.Rotated || r.Acted || w.retireTimes() != "" {
			t.Errorf("%v: %s (%s), acted %v, still %q", f, r.End, r.Reason, r.Acted, w.retireTimes())
		}
	}
}
