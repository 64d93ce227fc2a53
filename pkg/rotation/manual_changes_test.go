package rotation_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/rotation"
	"github.com/keyturn/keyturn/pkg/vault"
)

// writeManually writes a new CURRENT version, as a user would.
func (w *world) writeManually(id string, content credential.Value) {
	s := w.secrets[id]
	for i := range s.versions {
		s.versions[i].Current = false
	}
	number := int64(len(s.versions) + 1)
	s.versions = append(s.versions, vault.Version{Number: number, Current: true, Created: w.now})
	s.contents[number], s.Current = content, number
	w.touch(id)
}

// touch gives the secret another etag.
func (w *world) touch(id string) {
	s := w.secrets[id]
	s.revision++
	s.ETag = fmt.Sprint("by hand ", s.revision)
}

// rollBack makes version 1 CURRENT again.
func (w *world) rollBack(id string) {
	s := w.secrets[id]
	for i := range s.versions {
		s.versions[i].Current = s.versions[i].Number == 1
	}
	s.Current = 1
	w.touch(id)
}

// home returns the OCID of the secret that is written first.
func (w *world) home() string {
	for _, role := range w.kind.Roles() {
		for id, s := range w.secrets {
			if s.role == role {
				return id
			}
		}
	}
	return ""
}

const otherUser = "ocid1.user.oc1..somebodyelse"

// bound sets a guard that checks the binding tag of each secret.
func bound(j *rotation.Job) {
	j.Authorize = func(_ context.Context, secrets []vault.Secret) (credential.Authorized, error) {
		for _, s := range secrets {
			if s.Freeform["keyturn-user"] == otherUser {
				return credential.Authorized{}, errors.New("the secret is bound to another user")
			}
		}
		return credential.Authorized{Owner: credential.Owner{User: user, UserName: "somebody", Region: "us-ashburn-1",
			Namespace: "ns",
			Hosts:     credential.Hosts{Registry: "registry.example", S3: "s3.example"}}}, nil
	}
}

// userAction is a manual change, and a check after all deliveries.
type userAction struct {
	name string
	do   func(w *world) (mine string)
	then func(t *testing.T, w *world, mine, what string)
}

func userActions() []userAction {
	return []userAction{
		{"re-binds the secret", func(w *world) string {
			for id, s := range w.secrets {
				s.Freeform = map[string]string{"keyturn-user": otherUser}
				w.touch(id)
			}
			return fmt.Sprint(w.versions())
		}, func(t *testing.T, w *world, mine, what string) {
			if after := fmt.Sprint(w.versions()); after != mine {
				t.Errorf("%s: the secret of another user was written to: %s, then %s", what, mine, after)
			}
		}},
		{"stores a key of his own", func(w *world) string {
			mine := w.add("by hand", 0)
			m := credential.Material{Kind: w.kind, ID: mine, Value: w.find(mine).value}
			content, err := m.Encode(w.secrets[w.home()].role, credential.Owner{User: user, UserName: "somebody",
				Namespace: "ns", Hosts: credential.Hosts{Registry: "r", S3: "s"}})
			if err != nil {
				w.t.Fatal(err)
			}
			w.writeManually(w.home(), content)
			return mine
		}, func(t *testing.T, w *world, mine, what string) {
			if w.find(mine) != nil && !w.readable(mine, true) {
				t.Errorf("%s: the credential that an operator made CURRENT lives, and no CURRENT version has it", what)
			}
		}},
		{"rolls the secret back", func(w *world) string {
			old := ""
			if w.secrets[w.home()].Current != 1 && w.find(w.oldID) != nil {
				old = w.oldID
			}
			w.rollBack(w.home())
			return old
		}, func(t *testing.T, w *world, old, what string) {
			if s := w.secrets[w.home()]; s.Current == 1 && w.find(w.oldID) == nil && old != "" {
				t.Errorf("%s: the old one was deleted while CURRENT holds it", what)
			}
		}},
		{"deletes the old credential", func(w *world) string {
			w.creds = remove(w.creds, w.oldID)
			return ""
		}, nil},
		{"deletes every new credential", func(w *world) string {
			for _, c := range w.creds {
				if !w.hands[c.ID] {
					w.creds = remove(w.creds, c.ID)
				}
			}
			return ""
		}, nil},
		{"empties the metadata", func(w *world) string {
			for id, s := range w.secrets {
				s.Metadata = nil
				w.touch(id)
			}
			return ""
		}, nil},
	}
}

func remove(creds []fakeCredential, id string) (out []fakeCredential) {
	for _, c := range creds {
		if c.ID != id {
			out = append(out, c)
		}
	}
	return out
}

// versions returns the number of versions of each secret, and the number of CURRENT.
func (w *world) versions() (out []string) {
	for _, role := range w.kind.Roles() {
		for _, s := range w.secrets {
			if s.role == role {
				out = append(out, fmt.Sprint(role, len(s.versions), s.Current))
			}
		}
	}
	return out
}

func TestWhateverAPersonDoesBeforeAnyCallNothingOfHisIsLost(t *testing.T) {
	for _, f := range provable() {
		for _, a := range userActions() {
			probe := f.world(t).process()
			probe.run(bound)
			for at := 1; at <= probe.calls; at++ {
				if at > 1 && probe.seen[at-1] == probe.seen[at-2] {
					continue // the same call to the other secret
				}
				if at > lastIndex(probe.seen, "UpdateSecret")+1 && a.then != nil {
					continue // nothing in OCI ties the deletion to the secret: it follows the last look at once
				}
				what := fmt.Sprintf("%v: an operator %s before call %d (%s)", f, a.name, at, probe.seen[at-1])
				w := f.world(t)
				w.secrets[w.home()].contents[1] = w.find(w.oldID).value
				p, mine := w.process(), ""
				p.faults = func(_ string, n int) error {
					if n == at {
						mine = a.do(w)
					}
					return nil
				}
				p.run(bound)
				for _, later := range []time.Duration{0, rotation.MakerLife, rotation.UnseenTime, time.Hour} {
					w.wait(later)
					if r := w.process().run(bound); r.End == rotation.Refuse && w.find(w.oldID) == nil &&
						a.name == "deletes the old credential" {
						t.Errorf("%s: refused (%s), though the old one is gone", what, r.Reason)
					}
				}
				if w.broken != "" && a.name != "deletes the old credential" &&
					a.name != "deletes every new credential" {
					t.Errorf("%s: %s", what, w.broken)
				}
				if a.then != nil {
					a.then(t, w, mine, what)
				}
			}
		}
	}
}
