package rotation_test

import (
	"slices"
	"testing"
	"time"

	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/fault"
	"github.com/keyturn/keyturn/pkg/rotation"
)

// lateUpload returns a world in which the process of the first attempt died, and its upload hasn't taken effect yet,
// and the key that the upload will make.
func lateUpload(t *testing.T, role credential.Role) (*world, fakeCredential) {
	w := newWorld(t, credential.APIKey, role)
	p := w.process()
	p.lost = func(operation string, _ int) bool { p.dead = operation == "Create"; return p.dead }
	p.run()
	if len(w.creds) != 2 {
		t.Fatalf("the first attempt left %d keys", len(w.creds))
	}
	key := w.creds[1]
	w.creds, w.past = w.creds[:1], nil
	w.wait(rotation.UnseenTime + time.Minute)
	return w, key
}

func TestAKeyOfAnAttemptThatDiedIsDeletedWheneverItsUploadTakesEffect(t *testing.T) {
	for _, role := range []credential.Role{credential.RolePrivateKey, credential.RoleBundle} {
		for _, at := range []string{"UpdateSecret 1", "Create 1", "Prove 1", "UpdateSecret 2", "UpdateSecret 3",
			"Delete 1", "the end"} {
			w, key := lateUpload(t, role)
			p, seen := w.process(), map[string]int{}
			p.faults = func(operation string, _ int) error {
				seen[operation]++
				if at == operation+" "+string(rune('0'+seen[operation])) {
					w.creds = append(w.creds, key)
					key.ID = ""
				}
				return nil
			}
			r := p.run()
			if key.ID != "" {
				if at != "the end" {
					t.Fatalf("%s never came: %v", at, p.seen)
				}
				w.creds = append(w.creds, key)
			}
			for range 2 {
				w.wait(time.Hour)
				r = w.process().run()
			}
			if r.Reason != rotation.Rotated || len(w.creds) != 1 || w.broken != "" {
				t.Errorf("%s, %s: %s (%s: %v), %d keys, %s", role, at, r.End, r.Reason, r.Cause, len(w.creds), w.broken)
			}
		}
	}
}

func TestAKeyThatAnEarlierAttemptCanNotHaveMadeIsLeftAlone(t *testing.T) {
	for what, change := range map[string]func(*world, *fakeCredential){
		"made before the attempt": func(_ *world, key *fakeCredential) { key.Created = key.Created.Add(-time.Hour) },
		"made long after it":      func(w *world, key *fakeCredential) { key.Created = w.now.Add(rotation.MakerLife) },
		"of another private key": func(w *world, key *fakeCredential) {
			*key = fakeCredential{credential.Issued{ID: testKey(w.t).ID, Created: key.Created}, key.value, false}
		},
		"in a version that is gone": func(w *world, _ *fakeCredential) {
			s := w.secrets[w.home()]
			s.versions = append(s.versions[:1:1], s.versions[2:]...)
		},
		"in CURRENT again, by hand": func(w *world, _ *fakeCredential) {
			w.writeManually(w.home(), w.secrets[w.home()].contents[2])
		},
		"promoted by hand": func(w *world, _ *fakeCredential) {
			s := w.secrets[w.home()]
			for i := range s.versions {
				s.versions[i].Current = s.versions[i].Number == 2
			}
			s.Current = 2
			w.touch(w.home())
		},
	} {
		w, key := lateUpload(t, credential.RolePrivateKey)
		if r := w.process().run(); r.Reason != rotation.Rotated {
			t.Fatalf("%s: %s (%s)", what, r.End, r.Reason)
		}
		change(w, &key)
		w.creds = append(w.creds, key)
		w.hands[key.ID] = true
		for range 2 {
			w.wait(time.Hour)
			w.process().run()
		}
		if w.find(key.ID) == nil {
			t.Errorf("%s: it was deleted", what)
		}
	}
}

func TestAKeyMadeAtAnotherTimeIsLeftAloneThoughAnotherOneFitsTheTime(t *testing.T) {
	w, key := lateUpload(t, credential.RolePrivateKey)
	w.process().run()
	fits := w.add("somebody's", 0)
	w.find(fits).Created = key.Created
	key.Created = w.now.Add(rotation.MakerLife)
	w.creds = append(w.creds, key)
	w.wait(time.Hour)
	w.process().run()
	if w.find(key.ID) == nil || w.find(fits) == nil {
		t.Error("a key was deleted")
	}
}

func TestNoEarlierVersionIsReadWhereNoOtherKeyFitsTheTime(t *testing.T) {
	w, _ := lateUpload(t, credential.RolePrivateKey)
	w.process().run()
	w.wait(time.Hour)
	p := w.process()
	if r := p.run(); r.Reason != rotation.Rotated || slices.Contains(p.seen, "GetSecretBundle") {
		t.Errorf("%s (%s), after %v", r.End, r.Reason, p.seen)
	}
}

func TestAStrayIsDeletedOnlyIfItsVersionCanBeRead(t *testing.T) {
	w, key := lateUpload(t, credential.RolePrivateKey)
	w.process().run()
	w.creds = append(w.creds, key)
	p := w.process()
	p.faults = func(operation string, _ int) error {
		if operation == "GetSecretBundle" {
			return fault.New(fault.Denied, operation, "not allowed")
		}
		return nil
	}
	p.run()
	if w.find(key.ID) == nil {
		t.Error("it was deleted unread")
	}
	w.process().run()
	if w.find(key.ID) != nil {
		t.Error("it is there though it could be read")
	}
}
