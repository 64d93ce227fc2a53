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

// rotationTest is a rotation with an operator's action.
type rotationTest struct {
	*tenancy.Deployment
	c           *tenancy.Case
	history     *judge.History
	own         tenancy.Credential // what the operator put into the secret, if anything
	other       string             // another user
	afterAction map[string]ociemu.Secret
}

func (rt *rotationTest) secrets() []string { return slices.Sorted(maps.Values(rt.c.Secrets)) }

// edit updates all secrets of the case.
func (rt *rotationTest) edit(ctx context.Context, t *testing.T, d vault.UpdateSecretDetails) {
	for _, id := range rt.secrets() {
		if err := rt.EditSecret(ctx, id, d); err != nil {
			t.Error(err)
		}
	}
}

// action is what an operator does, and a check of the end.
type action struct {
	name string
	at   []moment
	do   func(context.Context, *testing.T, *rotationTest)
	want func(*testing.T, *rotationTest)
}

var allMoments = []moment{atFirst, beforeStage, afterCreate, duringProof, promoted}

// nothingMoreWritten checks that no function wrote to the secrets after the action, and that the old credential exists.
func nothingMoreWritten(t *testing.T, rt *rotationTest) {
	t.Helper()
	for id, was := range rt.afterAction {
		if now := rt.Secret(id); now.CurrentVersion != was.CurrentVersion || len(now.Versions) != len(was.Versions) {
			t.Errorf("after the operator's action CURRENT went from %d to %d, and %d versions became %d",
				was.CurrentVersion,
				now.CurrentVersion, len(was.Versions), len(now.Versions))
		}
	}
	oldStays(t, rt)
}

func oldStays(t *testing.T, rt *rotationTest) {
	t.Helper()
	if !slices.Contains(rt.c.IDs(), rt.c.OldID) {
		t.Error("the old credential was deleted")
	}
}

// isRotated expects the rotation to finish as without the action.
func isRotated(t *testing.T, rt *rotationTest) {
	t.Helper()
	successorOnly(t, rt.c)
}

var actions = []action{
	{"binds the secret to another user", allMoments, func(ctx context.Context, t *testing.T, rt *rotationTest) {
		rt.edit(ctx, t, vault.UpdateSecretDetails{FreeformTags: map[string]string{"keyturn-user": rt.other,
			"keyturn-kind": string(rt.c.Kind)}})
	}, nothingMoreWritten},
	{"takes the binding off", allMoments, func(ctx context.Context, t *testing.T, rt *rotationTest) {
		rt.edit(ctx, t, vault.UpdateSecretDetails{FreeformTags: map[string]string{"team": "web"}})
	}, nothingMoreWritten},
	{"binds the secret to another kind", allMoments, func(ctx context.Context, t *testing.T, rt *rotationTest) {
		rt.edit(ctx, t, vault.UpdateSecretDetails{FreeformTags: map[string]string{"keyturn-user": rt.c.User,
			"keyturn-kind": "pager"}})
	}, nothingMoreWritten},
	{"stores another value", allMoments, func(ctx context.Context, t *testing.T, rt *rotationTest) {
		if rt.c.Kind == tenancy.APIKey || len(rt.c.IDs()) == 1 {
			rt.own = rt.c.AddCredential()
			rt.history.AddKnown(rt.own.ID)
		} else { // no slot is free: the value is no credential of this user
			rt.own = tenancy.Credential{ID: "by operator", Value: "by operator"}
		}
		for key, id := range rt.c.Secrets {
			content := rt.own.Value
			if key == "accesskey_secret_ocid" {
				content = rt.own.ID
			}
			if err := rt.PutSecret(ctx, id, []byte(content)); err != nil {
				t.Error(err)
			}
		}
	}, func(t *testing.T, rt *rotationTest) {
		if !slices.Contains(rt.c.IDs(), rt.own.ID) {
			return // it may be overwritten, because it belongs to no credential
		}
		if stored, err := rt.c.Stored(); err != nil || stored.Value != rt.own.Value {
			t.Errorf("the operator's credential exists, and CURRENT doesn't hold it any more (%v)", err)
		}
	}},
	{"rolls the secret back", []moment{promoted}, func(ctx context.Context, t *testing.T, rt *rotationTest) {
		rt.edit(ctx, t, vault.UpdateSecretDetails{CurrentVersionNumber: common.Int64(1)})
	}, nothingMoreWritten},
	{"promotes the new version", []moment{duringProof}, func(ctx context.Context, t *testing.T, rt *rotationTest) {
		rt.edit(ctx, t, vault.UpdateSecretDetails{CurrentVersionNumber: common.Int64(2)})
	}, isRotated},
	{"empties the metadata", allMoments, func(ctx context.Context, t *testing.T, rt *rotationTest) {
		rt.edit(ctx, t, vault.UpdateSecretDetails{Metadata: map[string]any{}})
	}, nil},
	{"adds metadata and tags", allMoments, func(ctx context.Context, t *testing.T, rt *rotationTest) {
		for _, id := range rt.secrets() {
			was := rt.Secret(id)
			was.Metadata["account"], was.FreeformTags["cost"] = json.Number("17"), "web"
			if err := rt.EditSecret(ctx, id, vault.UpdateSecretDetails{Metadata: was.Metadata,
				FreeformTags: was.FreeformTags}); err != nil {
				t.Error(err)
			}
		}
	}, func(t *testing.T, rt *rotationTest) {
		isRotated(t, rt)
		for _, id := range rt.secrets() {
			if now := rt.Secret(id); fmt.Sprint(now.Metadata["account"]) != "17" || now.FreeformTags["cost"] != "web" {
				t.Errorf("what the operator added is gone: %v, %v", now.Metadata, now.FreeformTags)
			}
		}
	}},
	{"changes the tag of the role", allMoments, func(ctx context.Context, t *testing.T, rt *rotationTest) {
		rt.edit(ctx, t, vault.UpdateSecretDetails{FreeformTags: map[string]string{"keyturn-user": rt.c.User,
			"keyturn-kind": string(rt.c.Kind), "keyturn-role": "bundle"}})
	}, nothingMoreWritten},
	{"schedules the secret's deletion", allMoments, func(ctx context.Context, t *testing.T, rt *rotationTest) {
		for _, id := range rt.secrets() {
			if err := rt.DeleteSecret(ctx, id); err != nil {
				t.Error(err)
			}
		}
	}, oldStays},
	// Not beforeStage: a write in flight still succeeds.
	{"moves the secret where the function may not read", []moment{atFirst, afterCreate, duringProof, promoted},
		func(_ context.Context, _ *testing.T, rt *rotationTest) {
			moved(rt.Deployment, rt.secrets()...)
		}, nothingMoreWritten},
	{"deletes the new credential", []moment{afterCreate, duringProof, promoted}, func(ctx context.Context, t *testing.T,
		rt *rotationTest) {
		for _, id := range rt.c.IDs() {
			if id == rt.c.OldID {
				continue
			}
			if err := rt.c.Delete(ctx, id); err != nil {
				t.Error(err)
			}
		}
	}, nil},
	{"deletes the old credential", allMoments, func(ctx context.Context, t *testing.T, rt *rotationTest) {
		if err := rt.c.Delete(ctx, rt.c.OldID); err != nil {
			t.Error(err)
		}
	}, func(t *testing.T, rt *rotationTest) {
		if p := rt.Problem(rt.c.Problem); p.Status != "RESOLVED" {
			t.Errorf("the credential is gone, and its problem is %s (%s)", p.Status, p.Comment)
		}
	}},
	{"deletes the user", allMoments, func(ctx context.Context, t *testing.T, rt *rotationTest) {
		if err := rt.c.DeleteUser(ctx); err != nil {
			t.Error(err)
		}
	}, nil},
	{"renames the user", allMoments, func(_ context.Context, _ *testing.T, rt *rotationTest) {
		rt.RenameUser(rt.c.User, "renamed@example.com")
	}, isRotated},
	{"opens the problem again", allMoments, func(_ context.Context, _ *testing.T, rt *rotationTest) {
		rt.Rescan(rt.c.Problem, true)
	}, nil},
	{"closes the problem again with another grace", allMoments, func(_ context.Context, _ *testing.T,
		rt *rotationTest) {
		rt.Rescan(rt.c.Problem, true)
		rt.CloseProblem(rt.c.Problem, rt.c.Comment("grace:1m"), rt.Operator.Name)
	}, isRotated},
	{"closes the problem again with another secret", allMoments, func(_ context.Context, _ *testing.T,
		rt *rotationTest) {
		other := *rt.c
		other.Secrets = map[string]string{}
		for key := range rt.c.Secrets {
			other.Secrets[key] = rt.c.AddSecret(key, true)
		}
		rt.Rescan(rt.c.Problem, true)
		rt.CloseProblem(rt.c.Problem, other.Comment(), rt.Operator.Name)
	}, func(t *testing.T, rt *rotationTest) {
		if ids := rt.c.IDs(); len(ids) > 2 || len(ids) == 2 && !slices.Contains(ids, rt.c.OldID) {
			t.Errorf("the user has two successors: %v", ids)
		}
	}},
}

// moved hides secrets from the functions, as a move to a compartment does that they may not read.
func moved(s *tenancy.Deployment, ids ...string) {
	s.Inject(ociemu.Fault{Times: -1, Do: ociemu.Answer(404, "NotAuthorizedOrNotFound"),
		Match: func(k ociemu.Call) bool {
			return k.Caller.Kind == "function" && slices.ContainsFunc(ids, func(id string) bool {
				return strings.Contains(k.Path, id) || strings.Contains(k.Query, id)
			})
		}})
}

// Each action runs at each moment, with a different kind each time; without the suite combinations it runs at one
// moment. The fault matrix runs the actions with every kind and form.
func TestAnOperatorsActionDuringARotationLosesNothing(t *testing.T) {
	t.Parallel()
	kinds := []tenancy.Kind{tenancy.APIKey, tenancy.AuthToken, tenancy.CustomerSecretKey}
	n := 0
	for i, a := range actions {
		for j, m := range a.at {
			kind := kinds[n%3]
			n++
			if !runsCase(t, i+j, len(a.at)) {
				continue
			}
			t.Run(strings.Join([]string{a.name, m.name, string(kind)}, ", "), func(t *testing.T) {
				t.Parallel()
				runAction(t, a, m, kind)
			})
		}
	}
}

func runAction(t *testing.T, a action, m moment, kind tenancy.Kind) {
	s := newTenancy(t, calm)
	rt := &rotationTest{Deployment: s, c: s.Add(tenancy.Want{Kind: kind}), other: s.AddUser("another-user"),
		afterAction: map[string]ociemu.Secret{}}
	rt.history = judgeCase(t, s, rt.c)
	do := func(ctx context.Context, call int) {
		rt.history.InFlight(call)
		a.do(ctx, t, rt)
		for _, id := range rt.secrets() {
			rt.afterAction[id] = s.Secret(id)
		}
	}
	wait := func() bool {
		came := !slices.ContainsFunc(rt.secrets(), func(id string) bool { return s.Secret(id).CurrentVersion != 2 })
		do(t.Context(), 0)
		return came
	}
	if m.fits == nil {
		s.KillAt("UpdateSecret", 2*len(rt.c.Secrets)-1)
	} else {
		wait = duringCall(t, s, m.when, m.fits(s, rt.c), do)
	}
	if err := s.Close(t.Context(), rt.c.Problem, rt.c.Comment()); err != nil {
		t.Fatal(err)
	}
	if !wait() {
		t.Fatal("the moment never came")
	}
	reported := len(s.Mails()) > 0 || s.Replies()[0].Status != 200
	eventually(t, s)
	if a.want != nil {
		a.want(t, rt)
	}
	rt.checkEnd(t)
	if !reported {
		t.Error("there was no mail and no failed invocation")
	}
}
