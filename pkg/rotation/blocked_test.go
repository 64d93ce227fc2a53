package rotation_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/fault"
	"github.com/keyturn/keyturn/pkg/rotation"
	"github.com/keyturn/keyturn/pkg/vault"
)

// stuckVault refuses changes of some kind while the secret is ACTIVE, or leaves it UPDATING.
type stuckVault struct {
	vaultOf
	refuses func(vault.Update) bool
	state   string
}

func (s stuckVault) Update(ctx context.Context, id, etag string, u vault.Update) (vault.Secret, error) {
	if s.refuses != nil && s.refuses(u) {
		return vault.Secret{}, fault.New(fault.Busy, "UpdateSecret", "the state doesn't allow it")
	}
	return s.vaultOf.Update(ctx, id, etag, u)
}

func (s stuckVault) Secret(ctx context.Context, id string) (vault.Secret, error) {
	found, err := s.vaultOf.Secret(ctx, id)
	if s.state != "" {
		found.State = s.state
	}
	return found, err
}

// stuckVaults are the ways in which a secret can permanently refuse changes.
var stuckVaults = map[string]stuckVault{
	"no new version":        {refuses: func(u vault.Update) bool { return u.Name != "" }},
	"no promotion":          {refuses: func(u vault.Update) bool { return u.Promote != 0 }},
	"no change at all":      {refuses: func(vault.Update) bool { return true }},
	"UPDATING for all time": {state: vault.Updating},
}

func TestASecretThatTakesNoChangeIsWaitedForAndThenRefused(t *testing.T) {
	for _, f := range forms() {
		if len(f.roles) == 0 || f.kind == credential.Password || f.replace {
			continue
		}
		for name, o := range stuckVaults {
			what := fmt.Sprintf("%v, %s", f, name)
			w := f.world(t)
			for range 3 {
				p := w.process()
				o.vaultOf = vaultOf{p}
				if r := p.on(o); r.End != rotation.Wait || r.Reason != rotation.Interrupted {
					t.Fatalf("%s: %s (%s: %v)", what, r.End, r.Reason, r.Cause)
				}
				w.wait(2 * time.Minute)
			}
			w.wait(rotation.BlockedTime)
			p := w.process()
			o.vaultOf = vaultOf{p}
			r := p.on(o)
			if r.End != rotation.Refuse || r.Reason != rotation.SecretBlocked || r.Cause == nil ||
				w.find(w.oldID) == nil {
				t.Fatalf("%s, later: %s (%s: %v)", what, r.End, r.Reason, r.Cause)
			}
			if name == "no new version" && f.kind != credential.APIKey && len(w.creds) != 1 {
				t.Errorf("%s: %d credentials are left", what, len(w.creds))
			}
			w.wait(rotation.MakerLife)
			deliverUntilDone(t, w, what+", the obstacle gone")
			w.finished(t, what)
		}
	}
}

func TestASecretThatIsBusyForAMomentStopsNoDelivery(t *testing.T) {
	for _, f := range forms() {
		if len(f.roles) == 0 {
			continue
		}
		w := f.world(t)
		w.wait(time.Hour) // since its order
		p, refused := w.process(), 0
		// a write and its repetition
		o := stuckVault{vaultOf: vaultOf{p}, refuses: func(vault.Update) bool {
			refused++
			return refused%4 == 1 || refused%4 == 2
		}}
		if r := p.on(o); r.End != rotation.Done || refused < 3 || f.kind == credential.Password &&
			r.Reason != rotation.Rotated {
			t.Errorf("%v: %s (%s: %v) after %d writes", f, r.End, r.Reason, r.Cause, refused)
		}
		w.finished(t, f.String())
	}
}

func TestAForeignPENDINGVersionIsNamedWhereItBlocksTheSecret(t *testing.T) {
	for _, name := range []string{"", "blue-green-7", "keyturn-aaaaaaaaaaaaaaaa-1"} {
		w := newWorld(t, credential.AuthToken, credential.RoleToken)
		s := w.secrets[secretOf(credential.RoleToken)]
		s.versions = append(s.versions, vault.Version{Number: 2, Name: name, Pending: true,
			Created: w.now.Add(-time.Hour)})
		w.wait(rotation.BlockedTime)
		p := w.process()
		o := stuckVaults["no new version"]
		o.vaultOf = vaultOf{p}
		r := p.on(o)
		if r.Reason != rotation.SecretBlocked || !strings.Contains(r.Detail, "PENDING version 2") ||
			!strings.Contains(r.Detail, "11:00") || len(w.creds) != 1 {
			t.Errorf("%q: %s (%s: %s)", name, r.End, r.Reason, r.Detail)
		}
		if r := w.process().run(); r.End != rotation.Done { // if OCI accepts a second one, it is in no one's way
			t.Errorf("%q: %s (%s)", name, r.End, r.Reason)
		}
	}
}

func TestABlockedSecretIsNotWaitedForIfTheTimeOfTheOrderIsUnknown(t *testing.T) {
	w := newWorld(t, credential.APIKey, credential.RolePrivateKey)
	o := stuckVaults["no change at all"]
	for name, c := range map[string]struct {
		ordered time.Time
		want    rotation.Reason
	}{"just now": {w.now, rotation.Interrupted}, "long ago": {w.now.Add(-time.Hour), rotation.SecretBlocked},
		"unknown": {time.Time{}, rotation.SecretBlocked}} {
		p := w.process()
		o.vaultOf = vaultOf{p}
		if r := p.on(o, func(j *rotation.Job) { j.At = c.ordered }); r.Reason != c.want {
			t.Errorf("%s: %s (%s)", name, r.End, r.Reason)
		}
	}
	// An interrupted rotation is counted from its journal.
	p := w.process()
	p.lost = func(o string, _ int) bool { p.dead = o == "Create"; return p.dead }
	p.run()
	for _, c := range []struct {
		after time.Duration
		want  rotation.Reason
	}{{rotation.MakerLife, rotation.Interrupted}, {rotation.BlockedTime, rotation.SecretBlocked}} {
		w.wait(c.after)
		p := w.process()
		o.vaultOf = vaultOf{p}
		if r := p.on(o, func(j *rotation.Job) { j.At = time.Time{} }); r.Reason != c.want {
			t.Errorf("%v after its journal: %s (%s)", c.after, r.End, r.Reason)
		}
	}
}

func TestATimeInTheFutureDelaysNoDelivery(t *testing.T) {
	ahead := time.Date(2099, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, kind := range []credential.Kind{credential.AuthToken, credential.Password} {
		w := newWorld(t, kind, kind.DefaultRole())
		ref := credential.Ref{Kind: kind, User: user, ID: w.oldID}
		for name, staged := range map[string]rotation.Staged{
			"an intent of this one": {Version: ref.RotationID().VersionName(1), Phase: rotation.PhaseIntent,
				Maker: "somebody", At: &ahead},
			"a version of another's": {Version: "keyturn-aaaaaaaaaaaaaaaa-1", Phase: rotation.PhaseIntent,
				Maker: "somebody", At: &ahead},
		} {
			w := newWorld(t, kind, kind.DefaultRole())
			s := w.secrets[secretOf(kind.DefaultRole())]
			s.Metadata = rotation.Journal{Staged: &staged}.Into(nil)
			w.oldID = ref.ID
			if kind == credential.AuthToken {
				w.oldID = w.creds[0].ID
			}
			if r := w.process().run(); r.End != rotation.Done {
				t.Errorf("%s, %s: %s (%s)", kind, name, r.End, r.Reason)
			}
		}
	}
}
