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

// act is what a person does in the middle of a rotation.
type act struct {
	name string
	// do does it, and says whether that was possible. It runs while a call of the function waits.
	do func(context.Context, *scene) (bool, error)
	// needs says whether it can be possible after these calls of an undisturbed rotation; nil: always.
	needs    func([]site) bool
	only     func(form) bool // the forms in which it is possible; nil: all
	rare     bool            // they are few: the short form plays it in each
	password bool            // it is also played for passwords
	grace    bool            // it asks for a grace
	breaks   bool            // it takes the new credential away, perhaps when all was done
	hidden   bool            // afterwards nobody can tell whether the credential is gone: the problem may be open
}

// acts are all that persons do here. The names are those of the steps of persons that the walk of pkg/rotation takes.
var acts = []act{
	{name: "promotes the staged version", needs: written(1), do: func(ctx context.Context, sc *scene) (bool, error) {
		return sc.promote(ctx, "PENDING")
	}},
	{name: "rolls the secrets back", needs: written(2), do: func(ctx context.Context, sc *scene) (bool, error) {
		return sc.promote(ctx, "PREVIOUS")
	}},
	{name: "writes something else to the secrets", password: true, do: func(ctx context.Context, sc *scene) (bool,
		error) {
		return true, sc.PutSecret(ctx, sc.secret(), []byte("written by a person"))
	}},
	{name: "binds a secret to somebody else", password: true, do: func(ctx context.Context, sc *scene) (bool, error) {
		return true, sc.Tag(ctx, sc.secret(), map[string]string{"keyturn-user": sc.AddUser("somebody else")})
	}},
	{name: "binds a secret to somebody else and back", password: true, do: func(ctx context.Context, sc *scene) (bool,
		error) {
		if err := sc.Tag(ctx, sc.secret(), map[string]string{"keyturn-user": sc.AddUser("somebody else")}); err != nil {
			return false, err
		}
		return true, sc.Tag(ctx, sc.secret(), map[string]string{"keyturn-user": sc.c.User})
	}},
	{name: "gives a secret another role", password: true, do: func(ctx context.Context, sc *scene) (bool, error) {
		return true, sc.Tag(ctx, sc.secret(), map[string]string{"keyturn-role": sc.otherRole()})
	}},
	{name: "writes a living credential to the secrets", only: func(f form) bool {
		return f.want.Bystander == 0
	}, do: func(ctx context.Context, sc *scene) (bool, error) {
		own, ok := sc.own()
		if !ok {
			return false, nil
		}
		for _, key := range sc.keys() {
			if err := sc.PutSecret(ctx, sc.c.Secrets[key], sc.content(key, own)); err != nil {
				return false, err
			}
		}
		return true, nil
	}},
	{name: "takes away the right to read a secret", password: true, do: func(_ context.Context, sc *scene) (bool,
		error) {
		sc.forbidden.Store(true)
		return true, nil
	}},
	{name: "writes to the metadata", password: true, do: func(ctx context.Context, sc *scene) (bool, error) {
		metadata := maps.Clone(sc.Secret(sc.secret()).Metadata)
		metadata["note"] = note
		return true, sc.EditSecret(ctx, sc.secret(), vault.UpdateSecretDetails{Metadata: metadata})
	}},
	{name: "empties the metadata", password: true, do: func(_ context.Context, sc *scene) (bool, error) {
		for _, id := range sc.c.Secrets {
			sc.WipeMetadata(id)
		}
		return true, nil
	}},
	{name: "schedules a secret's deletion", password: true, do: func(ctx context.Context, sc *scene) (bool, error) {
		return true, sc.DeleteSecret(ctx, sc.secret())
	}},
	{name: "deletes the new credential", needs: made, breaks: true, do: func(ctx context.Context, sc *scene) (bool,
		error) {
		ids := sc.new()
		if len(ids) == 0 {
			return false, nil
		}
		return true, sc.c.Delete(ctx, ids[0])
	}},
	{name: "deletes the old credential", do: func(ctx context.Context, sc *scene) (bool, error) {
		if !slices.Contains(sc.c.IDs(), sc.c.OldID) {
			return false, nil
		}
		return true, sc.c.Delete(ctx, sc.c.OldID)
	}},
	{name: "makes another credential", only: func(f form) bool {
		return f.want.Bystander == 0
	}, do: func(_ context.Context, sc *scene) (bool, error) {
		_, ok := sc.own()
		return ok, nil
	}},
	{name: "deletes another credential", rare: true, only: func(f form) bool {
		return f.want.Bystander > 0
	}, do: func(ctx context.Context, sc *scene) (bool, error) {
		return true, sc.c.Delete(ctx, sc.c.Bystander[0])
	}},
	{name: "sets the password", password: true, rare: true, only: func(f form) bool {
		return f.want.Kind == tenancy.Password
	}, do: func(_ context.Context, sc *scene) (bool, error) {
		sc.SetPassword(sc.c.User)
		return true, nil
	}},
	{name: "deletes the user", password: true, hidden: true, do: func(ctx context.Context, sc *scene) (bool, error) {
		return true, sc.c.DeleteUser(ctx)
	}},
	{name: "closes the problem again with a grace of an hour", grace: true,
		do: func(_ context.Context, sc *scene) (bool, error) {
			sc.CloseProblem(sc.c.Problem, sc.c.Comment(sc.withGrace()...), sc.Operator.Name)
			return true, nil
		}},
	{name: "closes the problem again with no grace", rare: true, only: func(f form) bool {
		return f.variant == grace
	}, do: func(_ context.Context, sc *scene) (bool, error) {
		sc.CloseProblem(sc.c.Problem, sc.c.Comment("grace:0"), sc.Operator.Name)
		return true, nil
	}},
	{name: "closes the problem again with another secret", password: true, do: func(_ context.Context, sc *scene) (bool,
		error) {
		var named []string
		sc.others = map[string]string{}
		for _, key := range sc.keys() {
			sc.others[key] = sc.c.AddSecret(key, true)
			named = append(named, key+":"+sc.others[key])
		}
		sc.CloseProblem(sc.c.Problem, strings.Join(append(named, sc.form.comment...), ","), sc.Operator.Name)
		return true, nil
	}},
}

// written: so many updates of secrets were made.
func written(n int) func([]site) bool {
	return func(before []site) bool { return slices.Contains(before, site{"UpdateSecret", n}) }
}

// made: the new credential was made.
func made(before []site) bool {
	return slices.ContainsFunc(before, func(s site) bool {
		return strings.HasPrefix(s.operation, "Create") || s.operation == "UploadApiKey"
	})
}

// note is what a person leaves in a secret's metadata.
const note = "a person was here"

// own gives the user another credential, if there is room for it.
func (sc *scene) own() (tenancy.Credential, bool) {
	if len(sc.c.IDs()) >= slots[sc.c.Kind] {
		return tenancy.Credential{}, false
	}
	own := sc.c.AddOwn()
	sc.h.Own(own.ID)
	sc.c.Bystander = append(sc.c.Bystander, own.ID)
	return own, true
}

// content is what a secret holds if it is to hold the credential.
func (sc *scene) content(key string, c tenancy.Credential) []byte {
	if key == "accesskey_secret_ocid" {
		return []byte(c.ID)
	}
	if !sc.c.Bundle {
		return []byte(c.Value)
	}
	id, value := map[tenancy.Kind]string{tenancy.APIKey: "fingerprint", tenancy.AuthToken: "token_id",
		tenancy.CustomerSecretKey: "access_key"}[sc.c.Kind],
		map[tenancy.Kind]string{tenancy.APIKey: "private_key", tenancy.AuthToken: "token",
			tenancy.CustomerSecretKey: "secret_key"}[sc.c.Kind]
	content, err := json.Marshal(map[string]string{"kind": string(sc.c.Kind), "user": sc.c.User, id: c.ID,
		value: c.Value})
	if err != nil {
		panic(err)
	}
	return content
}

// permitted is what callers may do: as if there were no rules, until the right to read the person's secret is taken
// away.
func (sc *scene) permitted(caller ociemu.Caller, call ociemu.Call) bool {
	switch {
	case caller.Kind == "function":
		return !sc.forbidden.Load() || call.Operation != "GetSecret" && call.Operation != "GetSecretBundle" ||
			!strings.Contains(call.Path, sc.secret())
	case caller.Operator:
		return true
	}
	return caller.Kind == "user" && call.Method == "GET" && strings.Contains(call.Path, caller.ID)
}

// keys are the keys of the closure comment, the newest written first.
func (sc *scene) keys() []string {
	var keys []string
	for key := range sc.c.Secrets {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

// secret is the one that the person works on: of a pair the second, which is promoted last.
func (sc *scene) secret() string {
	keys := sc.keys()
	return sc.c.Secrets[keys[len(keys)-1]]
}

func (sc *scene) otherRole() string {
	if sc.c.Bundle {
		return "secret-key"
	}
	return "bundle"
}

// withGrace are the options of the closure comment with a grace, and with another one than before.
func (sc *scene) withGrace() []string {
	if sc.form.variant == grace {
		return []string{"grace:2h"}
	}
	return append([]string{"grace:1h"}, sc.form.comment...)
}

// new are the living credentials that the rotation has made.
func (sc *scene) new() []string {
	return slices.DeleteFunc(sc.c.IDs(), func(id string) bool {
		return id == sc.c.OldID || slices.Contains(sc.c.Bystander, id)
	})
}

// promote makes the versions in a stage CURRENT, in all secrets where there is one of a rotation.
func (sc *scene) promote(ctx context.Context, from string) (bool, error) {
	done := false
	for _, key := range sc.keys() {
		s := sc.Secret(sc.c.Secrets[key])
		if from == "PREVIOUS" && s.CurrentVersion == 1 {
			continue
		}
		for _, v := range s.Versions {
			if slices.Contains(v.Stages, from) {
				if err := sc.Promote(ctx, s.ID, v.Number); err != nil {
					return done, err
				}
				done = true
				break
			}
		}
	}
	return done, nil
}

// people lists the cells in which a person acts while one call of the rotation waits, before it has an effect.
func people(f form, sites []site) []cell {
	var cells []cell
	if f.variant == undo || f.variant == wiped || f.want.NoSecret {
		return nil
	}
	for i := range acts {
		a := &acts[i]
		if f.want.Kind == tenancy.Password && !a.password || a.only != nil && !a.only(f) {
			continue
		}
		for j, s := range sites {
			if a.needs == nil || a.needs(sites[:j]) {
				cells = append(cells, cell{form: f, pace: paces[(i+j)%len(paces)], sites: []site{s},
					faults: []disturbance{{name: "a person " + a.name, act: a}}})
			}
		}
	}
	return cells
}

// person is the act in the cell, if there is one.
func (c cell) person() *act {
	for _, f := range c.faults {
		if f.act != nil {
			return f.act
		}
	}
	return nil
}

// perform lets the person act.
func (sc *scene) perform(ctx context.Context, call int, a *act) {
	sc.h.Sent(call)
	sc.written = slices.ContainsFunc(sc.Calls(), func(c ociemu.Call) bool {
		return c.Caller.Kind == "function" && writes[c.Operation] && c.Seq < call && c.Effect < 300
	})
	done, err := a.do(ctx, sc)
	sc.d.mu.Lock()
	defer sc.d.mu.Unlock()
	if err != nil {
		sc.d.unable = fmt.Errorf("the person can't act: %w", err)
	}
	sc.d.idle = sc.d.idle || !done
}

// judgePerson judges the end of a cell in which a person acted. How far the rotation came depends on the moment. But no
// new credential is left that nobody ordered, a credential that was not replaced has its problem open, and one that is
// gone has not, unless its successor is not in place yet: then the open problem is where a person orders the rest.
func (sc *scene) judgePerson(a *act, fault func(string, ...any)) {
	if metadata := sc.Secret(sc.secret()).Metadata; a.name == "writes to the metadata" && metadata["note"] != note {
		fault("at the end what the person wrote to the metadata is gone")
	}
	elsewhere := *sc.c
	elsewhere.Secrets = sc.others
	here, there := sc.holdsNew(sc.c), sc.others != nil && sc.holdsNew(&elsewhere)
	replaced := here || there
	// Two closures with different secrets are two orders. Where neither delivery could see the other's first write in
	// time, each carries out its own.
	orders := sc.others != nil && !sc.written
	if n := len(sc.new()); n > 2 || n == 2 && !(orders && here && there) {
		fault("at the end there are %d new credentials", n)
	}
	if a.breaks && sc.form.variant == grace && sc.Secret(sc.secret()).CurrentVersion > 1 {
		replaced = true // all was done: the sweep says so when the grace is over
	}
	// Where the old one may have been deleted first, nobody can tell that all was done if the secret can't be read. Of
	// two orders one may be refused, while the other is carried out.
	blind := sc.forbidden.Load() && sc.form.variant == replace || sc.others != nil
	switch old := slices.Contains(sc.c.IDs(), sc.c.OldID); {
	case old && !sc.reopened() && !(replaced && (a.grace || sc.form.variant == grace)):
		fault("at the end the problem is closed, but the old credential is not replaced")
	case !old && sc.reopened() && !a.hidden && !blind && (replaced || len(sc.new()) == 0 && sc.form.variant != replace):
		fault("at the end the problem of a credential that is gone is open again")
	}
}

// holdsNew: the CURRENT versions of the case's secrets hold a new credential that works.
func (sc *scene) holdsNew(c *tenancy.Case) bool {
	stored, err := c.Stored()
	return err == nil && stored.Value != "" && stored.Value != sc.c.Old.Value && len(sc.new()) > 0 &&
		c.Try(stored) == 200
}
