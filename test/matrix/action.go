package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/oracle/oci-go-sdk/v65/vault"

	"github.com/keyturn/keyturn/test/ociemu"
	"github.com/keyturn/keyturn/test/tenancy"
)

// action is what an operator does during a rotation.
type action struct {
	name string
	// do runs while a call of the function waits. It reports whether the action was possible.
	do func(context.Context, *environment) (bool, error)
	// needs reports whether the action can be possible after these calls of a rotation without faults; nil: always.
	needs      func([]site) bool
	appliesTo  func(form) bool // the forms in which it is possible; nil: all
	rare       bool            // few forms have it: -short runs it in each of them
	password   bool            // it also runs for passwords
	chosen     bool            // it also runs for passwords that Keyturn chooses
	grace      bool            // it requests a grace
	deletesNew bool            // it deletes the new credential, perhaps after the rotation is done
	ambiguous  bool            // afterwards OCI doesn't show whether the credential is gone: the problem may be open
}

// actions has those of the walk in pkg/rotation's tests under the same names, and more.
var actions = []action{
	{name: "promotes the staged version", needs: afterUpdates(1), chosen: true,
		do: func(ctx context.Context, env *environment) (bool, error) {
			return env.promote(ctx, "PENDING")
		}},
	{name: "rolls the secrets back", needs: afterUpdates(2), chosen: true,
		do: func(ctx context.Context, env *environment) (bool, error) {
			return env.promote(ctx, "PREVIOUS")
		}},
	{name: "writes something else to the secrets", password: true,
		do: func(ctx context.Context, env *environment) (bool, error) {
			return true, env.PutSecret(ctx, env.secret(), []byte("written by an operator"))
		}},
	{name: "binds a secret to another user", password: true,
		do: func(ctx context.Context, env *environment) (bool, error) {
			return true, env.Tag(ctx, env.secret(), map[string]string{"keyturn-user": env.AddUser("somebody else")})
		}},
	{name: "binds a secret to another user and back", password: true,
		do: func(ctx context.Context, env *environment) (bool, error) {
			if err := env.Tag(ctx, env.secret(),
				map[string]string{"keyturn-user": env.AddUser("somebody else")}); err != nil {
				return false, err
			}
			return true, env.Tag(ctx, env.secret(), map[string]string{"keyturn-user": env.c.User})
		}},
	{name: "gives a secret another role", password: true,
		do: func(ctx context.Context, env *environment) (bool, error) {
			return true, env.Tag(ctx, env.secret(), map[string]string{"keyturn-role": env.otherRole()})
		}},
	{name: "writes a living credential to the secrets", appliesTo: func(f form) bool { return f.want.Bystander == 0 },
		do: func(ctx context.Context, env *environment) (bool, error) {
			own, ok := env.addCredential()
			if !ok {
				return false, nil
			}
			for _, key := range env.keys() {
				if err := env.PutSecret(ctx, env.c.Secrets[key], env.content(key, own)); err != nil {
					return false, err
				}
			}
			return true, nil
		}},
	{name: "takes away the right to read a secret", password: true,
		do: func(_ context.Context, env *environment) (bool, error) {
			env.forbidden.Store(true)
			return true, nil
		}},
	{name: "writes to the metadata", password: true,
		do: func(ctx context.Context, env *environment) (bool, error) {
			metadata := maps.Clone(env.Secret(env.secret()).Metadata)
			metadata["note"] = note
			return true, env.EditSecret(ctx, env.secret(), vault.UpdateSecretDetails{Metadata: metadata})
		}},
	{name: "empties the metadata", password: true,
		do: func(_ context.Context, env *environment) (bool, error) {
			for _, id := range env.c.Secrets {
				env.WipeMetadata(id)
			}
			return true, nil
		}},
	{name: "schedules a secret's deletion", password: true,
		do: func(ctx context.Context, env *environment) (bool, error) {
			return true, env.DeleteSecret(ctx, env.secret())
		}},
	{name: "deletes the new credential", needs: afterCreation, deletesNew: true,
		do: func(ctx context.Context, env *environment) (bool, error) {
			ids := env.newIDs()
			if len(ids) == 0 {
				return false, nil
			}
			return true, env.c.Delete(ctx, ids[0])
		}},
	{name: "deletes the old credential",
		do: func(ctx context.Context, env *environment) (bool, error) {
			if !slices.Contains(env.c.IDs(), env.c.OldID) {
				return false, nil
			}
			return true, env.c.Delete(ctx, env.c.OldID)
		}},
	{name: "makes another credential", appliesTo: func(f form) bool { return f.want.Bystander == 0 },
		do: func(_ context.Context, env *environment) (bool, error) {
			_, ok := env.addCredential()
			return ok, nil
		}},
	{name: "deletes another credential", rare: true, appliesTo: func(f form) bool { return f.want.Bystander > 0 },
		do: func(ctx context.Context, env *environment) (bool, error) {
			return true, env.c.Delete(ctx, env.c.Bystander[0])
		}},
	{name: "sets the password", password: true, rare: true, appliesTo: func(f form) bool {
		return f.want.Kind.Resets()
	},
		do: func(_ context.Context, env *environment) (bool, error) {
			env.SetPassword(env.c.User)
			return true, nil
		}},
	{name: "deletes the user", password: true, ambiguous: true,
		do: func(ctx context.Context, env *environment) (bool, error) {
			return true, env.c.DeleteUser(ctx)
		}},
	{name: "closes the problem again with a grace of an hour", grace: true,
		do: func(_ context.Context, env *environment) (bool, error) {
			env.CloseProblem(env.c.Problem, env.c.Comment(env.withGrace()...), env.Operator.Name)
			return true, nil
		}},
	{name: "closes the problem again with no grace", rare: true, appliesTo: func(f form) bool {
		return f.variant == grace
	},
		do: func(_ context.Context, env *environment) (bool, error) {
			env.CloseProblem(env.c.Problem, env.c.Comment("grace:0"), env.Operator.Name)
			return true, nil
		}},
	{name: "closes the problem again with another secret", password: true,
		do: func(_ context.Context, env *environment) (bool, error) {
			var named []string
			env.otherSecrets = map[string]string{}
			for _, key := range env.keys() {
				env.otherSecrets[key] = env.c.AddSecret(key, true)
				named = append(named, key+":"+env.otherSecrets[key])
			}
			env.CloseProblem(env.c.Problem, strings.Join(append(named, env.form.comment...), ","), env.Operator.Name)
			return true, nil
		}},
}

// afterUpdates requires this many updates of secrets.
func afterUpdates(n int) func([]site) bool {
	return func(before []site) bool { return slices.Contains(before, site{"UpdateSecret", n}) }
}

// afterCreation requires that the new credential was created.
func afterCreation(before []site) bool {
	return slices.ContainsFunc(before, func(s site) bool {
		return strings.HasPrefix(s.operation, "Create") || s.operation == "UploadApiKey"
	})
}

// note is what the operator leaves in a secret's metadata.
const note = "an operator was here"

// addCredential gives the user another credential, if a slot is free.
func (env *environment) addCredential() (tenancy.Credential, bool) {
	if len(env.c.IDs()) >= env.c.Kind.Record().Limit {
		return tenancy.Credential{}, false
	}
	own := env.c.AddCredential()
	env.history.AddKnown(own.ID)
	env.c.Bystander = append(env.c.Bystander, own.ID)
	return own, true
}

// content is the content of the key's secret if it holds the credential c.
func (env *environment) content(key string, c tenancy.Credential) []byte {
	if key == "accesskey_secret_ocid" {
		return []byte(c.ID)
	}
	if !env.c.Bundle {
		return []byte(c.Value)
	}
	members := env.c.Kind.Record().Bundle
	content, err := json.Marshal(map[string]string{"kind": string(env.c.Kind), "user": env.c.User, members[0]: c.ID,
		members[1]: c.Value})
	if err != nil {
		panic(err)
	}
	return content
}

// authorize allows the functions everything, until the operator takes away the right to read a secret.
func (env *environment) authorize(caller ociemu.Caller, call ociemu.Call) bool {
	switch {
	case caller.Kind == "function":
		return !env.forbidden.Load() || call.Operation != "GetSecret" && call.Operation != "GetSecretBundle" ||
			!strings.Contains(call.Path, env.secret())
	case caller.Operator:
		return true
	}
	scim, _ := env.SCIMID(env.c.User, "")
	return caller.Kind == "user" && call.Method == "GET" && (strings.Contains(call.Path, caller.ID) ||
		strings.HasSuffix(call.Path, "/"+scim))
}

// keys returns the keys of the closure comment, sorted.
func (env *environment) keys() []string {
	var keys []string
	for key := range env.c.Secrets {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

// secret is the secret that the operator's action is about: of a pair the second one, which is promoted last.
func (env *environment) secret() string {
	keys := env.keys()
	return env.c.Secrets[keys[len(keys)-1]]
}

func (env *environment) otherRole() string {
	if env.c.Bundle {
		return "secret-key"
	}
	return "bundle"
}

// withGrace returns the options of a closure comment with a grace that differs from the form's.
func (env *environment) withGrace() []string {
	if env.form.variant == grace {
		return []string{"grace:2h"}
	}
	return append([]string{"grace:1h"}, env.form.comment...)
}

// newIDs returns the existing credentials that the rotation has created.
func (env *environment) newIDs() []string {
	return slices.DeleteFunc(env.c.IDs(), func(id string) bool {
		return id == env.c.OldID || slices.Contains(env.c.Bystander, id)
	})
}

// promote makes the version in a stage CURRENT in each secret that a rotation has written. It reports whether there was
// one.
func (env *environment) promote(ctx context.Context, from string) (bool, error) {
	done := false
	for _, key := range env.keys() {
		s := env.Secret(env.c.Secrets[key])
		if from == "PREVIOUS" && s.CurrentVersion == 1 {
			continue
		}
		for _, v := range s.Versions {
			if slices.Contains(v.Stages, from) {
				if err := env.Promote(ctx, s.ID, v.Number); err != nil {
					return done, err
				}
				done = true
				break
			}
		}
	}
	return done, nil
}

// actionCells lists the cells in which an operator acts while one call of the rotation waits before its effect.
func actionCells(f form, sites []site) []cell {
	var cells []cell
	if f.variant == undo || f.variant == wiped || f.want.NoSecret {
		return nil
	}
	for i := range actions {
		a := &actions[i]
		if f.want.Kind.Resets() && !a.password && !(a.chosen && f.want.Domain != "") ||
			a.appliesTo != nil && !a.appliesTo(f) {
			continue
		}
		for j, s := range sites {
			if a.needs == nil || a.needs(sites[:j]) {
				cells = append(cells, cell{form: f, redelivery: redeliveries[(i+j)%len(redeliveries)], sites: []site{s},
					faults: []fault{{name: "an operator " + a.name, action: a}}})
			}
		}
	}
	return cells
}

// action is the operator's action in the cell; nil if there is none.
func (c cell) action() *action {
	for _, f := range c.faults {
		if f.action != nil {
			return f.action
		}
	}
	return nil
}

// act runs the operator's action while a call waits.
func (env *environment) act(ctx context.Context, call int, a *action) {
	env.history.InFlight(call)
	env.wroteBefore = slices.ContainsFunc(env.Calls(), func(c ociemu.Call) bool {
		return c.Caller.Kind == "function" && writes[c.Operation] && c.Seq < call && c.Effect < 300
	})
	done, err := a.do(ctx, env)
	env.injector.mu.Lock()
	defer env.injector.mu.Unlock()
	if err != nil {
		env.injector.actionErr = fmt.Errorf("the operator's action failed: %w", err)
	}
	env.injector.nothingToDo = env.injector.nothingToDo || !done
}

// checkAction checks the end of a cell with an operator's action. The progress of the rotation depends on the moment of
// the action. But there must be no extra new credential. The problem must be open if the credential was not replaced,
// and closed if it is gone and its successor is in place.
func (env *environment) checkAction(a *action, fail func(string, ...any)) {
	if metadata := env.Secret(env.secret()).Metadata; a.name == "writes to the metadata" && metadata["note"] != note {
		fail("at the end the operator's note in the metadata is gone")
	}
	elsewhere := *env.c
	elsewhere.Secrets = env.otherSecrets
	here, there := env.holdsNew(env.c), env.otherSecrets != nil && env.holdsNew(&elsewhere)
	replaced := here || there
	// Two closures with different secrets are two orders. If neither delivery saw the other's first write in time, both
	// are carried out.
	orders := env.otherSecrets != nil && !env.wroteBefore
	if n := len(env.newIDs()); n > 2 || n == 2 && !(orders && here && there) {
		fail("at the end there are %d new credentials", n)
	}
	if a.deletesNew && env.form.variant == grace && env.Secret(env.secret()).CurrentVersion > 1 {
		replaced = true // the rotation was done: the sweep reports it when the grace is over
	}
	// If the secret can't be read, and the old credential may be deleted first or is listed after its deletion, OCI
	// doesn't show that the rotation is done. Of two orders one may be refused while the other is carried out.
	unclear := env.forbidden.Load() && (env.form.variant == replace || env.form.variant == lagging) ||
		env.otherSecrets != nil
	switch old := slices.Contains(env.c.IDs(), env.c.OldID); {
	case old && !env.reopened() && !(replaced && (a.grace || env.form.variant == grace)):
		fail("at the end the problem is closed, but the old credential is not replaced")
	case !old && env.reopened() && !a.ambiguous && !unclear && (replaced || len(env.newIDs()) == 0 &&
		env.form.variant != replace):
		fail("at the end the problem of a credential that is gone is open again")
	}
}

// holdsNew reports whether the CURRENT versions of the case's secrets hold a new credential that works.
func (env *environment) holdsNew(c *tenancy.Case) bool {
	stored, err := c.Stored()
	return err == nil && stored.Value != "" && stored.Value != env.c.Old.Value && len(env.newIDs()) > 0 &&
		c.Try(stored) == 200
}
