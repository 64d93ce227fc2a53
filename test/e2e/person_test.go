package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/oracle/oci-go-sdk/v65/common"
	"github.com/oracle/oci-go-sdk/v65/vault"

	"github.com/keyturn/keyturn/test/judge"
	"github.com/keyturn/keyturn/test/ociemu"
	"github.com/keyturn/keyturn/test/tenancy"
)

// scene is a rotation with a person's act in it.
type scene struct {
	*tenancy.Deployment
	c     *tenancy.Case
	h     *judge.History
	own   tenancy.Credential // what the person put into the secret; none in most scenes
	other string             // somebody else
	since map[string]ociemu.Secret
}

func (sc *scene) secrets() []string { return slices.Sorted(maps.Values(sc.c.Secrets)) }

// edit updates all secrets of the case.
func (sc *scene) edit(ctx context.Context, t *testing.T, d vault.UpdateSecretDetails) {
	for _, id := range sc.secrets() {
		if err := sc.EditSecret(ctx, id, d); err != nil {
			t.Error(err)
		}
	}
}

// act is what a person does, and what has to be so in the end.
type act struct {
	name string
	at   []moment
	do   func(context.Context, *testing.T, *scene)
	want func(*testing.T, *scene)
}

var whole = []moment{atFirst, beforeStage, afterCreate, duringProof, promoted}

// theyKeep: the secrets were not written any more, and the old credential lives.
func theyKeep(t *testing.T, sc *scene) {
	t.Helper()
	for id, was := range sc.since {
		if now := sc.Secret(id); now.CurrentVersion != was.CurrentVersion || len(now.Versions) != len(was.Versions) {
			t.Errorf("after the person's act CURRENT went from %d to %d, and %d versions became %d", was.CurrentVersion,
				now.CurrentVersion, len(was.Versions), len(now.Versions))
		}
	}
	oldStays(t, sc)
}

func oldStays(t *testing.T, sc *scene) {
	t.Helper()
	if !slices.Contains(sc.c.IDs(), sc.c.OldID) {
		t.Error("the old credential was deleted")
	}
}

// itIsRotated: the act changes nothing.
func itIsRotated(t *testing.T, sc *scene) {
	t.Helper()
	stored, err := sc.c.Stored()
	if err != nil || slices.Contains(sc.c.IDs(), sc.c.OldID) || len(sc.c.IDs()) != 1 || sc.c.Try(stored) != 200 {
		t.Errorf("the user has %v, and CURRENT is answered %d (%v)", sc.c.IDs(), sc.c.Try(stored), err)
	}
}

var acts = []act{
	{"binds the secret to somebody else", whole, func(ctx context.Context, t *testing.T, sc *scene) {
		sc.edit(ctx, t, vault.UpdateSecretDetails{FreeformTags: map[string]string{"keyturn-user": sc.other,
			"keyturn-kind": string(sc.c.Kind)}})
	}, theyKeep},
	{"takes the binding off", whole, func(ctx context.Context, t *testing.T, sc *scene) {
		sc.edit(ctx, t, vault.UpdateSecretDetails{FreeformTags: map[string]string{"team": "web"}})
	}, theyKeep},
	{"binds the secret to another kind", whole, func(ctx context.Context, t *testing.T, sc *scene) {
		sc.edit(ctx, t, vault.UpdateSecretDetails{FreeformTags: map[string]string{"keyturn-user": sc.c.User,
			"keyturn-kind": "pager"}})
	}, theyKeep},
	{"stores a value of their own", whole, func(ctx context.Context, t *testing.T, sc *scene) {
		if sc.c.Kind == tenancy.APIKey || len(sc.c.IDs()) == 1 {
			sc.own = sc.c.AddOwn()
			sc.h.Own(sc.own.ID)
		} else { // no slot is left; what they store is no credential of this user
			sc.own = tenancy.Credential{ID: "by hand", Value: "by hand"}
		}
		for key, id := range sc.c.Secrets {
			content := sc.own.Value
			if key == "accesskey_secret_ocid" {
				content = sc.own.ID
			}
			if err := sc.PutSecret(ctx, id, []byte(content)); err != nil {
				t.Error(err)
			}
		}
	}, func(t *testing.T, sc *scene) {
		if !slices.Contains(sc.c.IDs(), sc.own.ID) {
			return // nothing that is alive is lost if it is written over
		}
		if stored, err := sc.c.Stored(); err != nil || stored.Value != sc.own.Value {
			t.Errorf("the person's own credential lives, and CURRENT doesn't hold it any more (%v)", err)
		}
	}},
	{"rolls the secret back", []moment{promoted}, func(ctx context.Context, t *testing.T, sc *scene) {
		sc.edit(ctx, t, vault.UpdateSecretDetails{CurrentVersionNumber: common.Int64(1)})
	}, theyKeep},
	{"promotes the new version", []moment{duringProof}, func(ctx context.Context, t *testing.T, sc *scene) {
		sc.edit(ctx, t, vault.UpdateSecretDetails{CurrentVersionNumber: common.Int64(2)})
	}, itIsRotated},
	{"empties the metadata", whole, func(ctx context.Context, t *testing.T, sc *scene) {
		sc.edit(ctx, t, vault.UpdateSecretDetails{Metadata: map[string]any{}})
	}, nil},
	{"adds metadata and tags", whole, func(ctx context.Context, t *testing.T, sc *scene) {
		for _, id := range sc.secrets() {
			was := sc.Secret(id)
			was.Metadata["account"], was.FreeformTags["cost"] = json.Number("17"), "web"
			if err := sc.EditSecret(ctx, id, vault.UpdateSecretDetails{Metadata: was.Metadata,
				FreeformTags: was.FreeformTags}); err != nil {
				t.Error(err)
			}
		}
	}, func(t *testing.T, sc *scene) {
		itIsRotated(t, sc)
		for _, id := range sc.secrets() {
			if now := sc.Secret(id); fmt.Sprint(now.Metadata["account"]) != "17" || now.FreeformTags["cost"] != "web" {
				t.Errorf("what the person added is gone: %v, %v", now.Metadata, now.FreeformTags)
			}
		}
	}},
	{"changes the tag of the role", whole, func(ctx context.Context, t *testing.T, sc *scene) {
		sc.edit(ctx, t, vault.UpdateSecretDetails{FreeformTags: map[string]string{"keyturn-user": sc.c.User,
			"keyturn-kind": string(sc.c.Kind), "keyturn-role": "bundle"}})
	}, theyKeep},
	{"schedules the secret's deletion", whole, func(ctx context.Context, t *testing.T, sc *scene) {
		for _, id := range sc.secrets() {
			if err := sc.DeleteSecret(ctx, id); err != nil {
				t.Error(err)
			}
		}
	}, oldStays},
	// Not before it is staged: what is on its way then gets there.
	{"moves the secret where the function may not read", []moment{atFirst, afterCreate, duringProof, promoted},
		func(_ context.Context, _ *testing.T, sc *scene) {
			moved(sc.Deployment, sc.secrets()...)
		}, theyKeep},
	{"deletes the new credential", []moment{afterCreate, duringProof, promoted}, func(ctx context.Context, t *testing.T,
		sc *scene) {
		for _, id := range sc.c.IDs() {
			if id == sc.c.OldID {
				continue
			}
			if err := sc.c.Delete(ctx, id); err != nil {
				t.Error(err)
			}
		}
	}, nil},
	{"deletes the old credential", whole, func(ctx context.Context, t *testing.T, sc *scene) {
		if err := sc.c.Delete(ctx, sc.c.OldID); err != nil {
			t.Error(err)
		}
	}, func(t *testing.T, sc *scene) {
		if p := sc.Problem(sc.c.Problem); p.Status != "RESOLVED" {
			t.Errorf("the credential is gone, and its problem is %s (%s)", p.Status, p.Comment)
		}
	}},
	{"deletes the user", whole, func(ctx context.Context, t *testing.T, sc *scene) {
		if err := sc.c.DeleteUser(ctx); err != nil {
			t.Error(err)
		}
	}, nil},
	{"renames the user", whole, func(_ context.Context, _ *testing.T, sc *scene) {
		sc.RenameUser(sc.c.User, "renamed@example.com")
	}, itIsRotated},
	{"opens the problem again", whole, func(_ context.Context, _ *testing.T, sc *scene) {
		sc.Rescan(sc.c.Problem, true)
	}, nil},
	{"closes the problem again with another grace", whole, func(_ context.Context, _ *testing.T, sc *scene) {
		sc.Rescan(sc.c.Problem, true)
		sc.CloseProblem(sc.c.Problem, sc.c.Comment("grace:1m"), sc.Operator.Name)
	}, itIsRotated},
	{"closes the problem again with another secret", whole, func(_ context.Context, _ *testing.T, sc *scene) {
		other := *sc.c
		other.Secrets = map[string]string{}
		for key := range sc.c.Secrets {
			other.Secrets[key] = sc.c.AddSecret(key, true)
		}
		sc.Rescan(sc.c.Problem, true)
		sc.CloseProblem(sc.c.Problem, other.Comment(), sc.Operator.Name)
	}, func(t *testing.T, sc *scene) {
		if ids := sc.c.IDs(); len(ids) > 2 || len(ids) == 2 && !slices.Contains(ids, sc.c.OldID) {
			t.Errorf("the user has two successors: %v", ids)
		}
	}},
}

// moved takes secrets out of the functions' sight, as a compartment does that they may not read.
func moved(s *tenancy.Deployment, ids ...string) {
	s.Inject(ociemu.Fault{Times: -1, Do: ociemu.Answer(404, "NotAuthorizedOrNotFound"),
		Match: func(k ociemu.Call) bool {
			return k.Caller.Kind == "function" && slices.ContainsFunc(ids, func(id string) bool {
				return strings.Contains(k.Path, id) || strings.Contains(k.Query, id)
			})
		}})
}

// TestWhateverAPersonDoesInTheMiddleNothingIsLost plays each act at each moment, with another kind
// each time; without the suite of combinations at one moment. The fault matrix plays the acts with every kind and form.
func TestWhateverAPersonDoesInTheMiddleNothingIsLost(t *testing.T) {
	t.Parallel()
	kinds := []tenancy.Kind{tenancy.APIKey, tenancy.AuthToken, tenancy.CustomerSecretKey}
	n := 0
	for i, a := range acts {
		for j, m := range a.at {
			kind := kinds[n%3]
			if n++; !plays(t, i+j, len(a.at)) {
				continue
			}
			t.Run(strings.Join([]string{a.name, m.name, string(kind)}, ", "), func(t *testing.T) {
				t.Parallel()
				playAct(t, a, m, kind)
			})
		}
	}
}

func playAct(t *testing.T, a act, m moment, kind tenancy.Kind) {
	s := play(t, calm)
	sc := &scene{Deployment: s, c: s.Add(tenancy.Want{Kind: kind}), other: s.AddUser("somebody-else"),
		since: map[string]ociemu.Secret{}}
	sc.h = follow(t, s, sc.c)
	do := func(ctx context.Context, call int) {
		sc.h.Sent(call)
		a.do(ctx, t, sc)
		for _, id := range sc.secrets() {
			sc.since[id] = s.Secret(id)
		}
	}
	wait := func() bool {
		came := !slices.ContainsFunc(sc.secrets(), func(id string) bool { return s.Secret(id).CurrentVersion != 2 })
		do(t.Context(), 0)
		return came
	}
	if m.fits == nil {
		s.KillAt("UpdateSecret", 2*len(sc.c.Secrets)-1)
	} else {
		wait = held(t, s, m.when, m.fits(s, sc.c), do)
	}
	if err := s.Close(t.Context(), sc.c.Problem, sc.c.Comment()); err != nil {
		t.Fatal(err)
	}
	if !wait() {
		t.Fatal("the moment never came")
	}
	said := len(s.Mails()) > 0 || s.Replies()[0].Status != 200
	eventually(t, s)
	if a.want != nil {
		a.want(t, sc)
	}
	sc.settled(t)
	if !said {
		t.Error("nobody was told")
	}
}
