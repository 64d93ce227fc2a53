package guard_test

import (
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/guard"
	"github.com/keyturn/keyturn/pkg/vault"
)

// bound is a secret for the owner's credentials of a kind; an empty role means no tag.
func bound(n int, kind credential.Kind, role string) vault.Secret {
	s := vault.Secret{ID: fmt.Sprintf("ocid1.vaultsecret.oc1.iad.amaaaaaa%d", n), Name: fmt.Sprintf("secret-%d", n),
		State:    vault.Active,
		Freeform: map[string]string{"keyturn-user": owner, "keyturn-kind": string(kind)}}
	if role != "" {
		s.Freeform["keyturn-role"] = role
	}
	return s
}

func changed(s vault.Secret, change func(*vault.Secret)) vault.Secret {
	change(&s)
	return s
}

func TestTheBoundSecretsOfAUserAndKindAreFoundByRole(t *testing.T) {
	const api, token, pair, password = credential.APIKey, credential.AuthToken, credential.CustomerSecretKey,
		credential.Password
	type found = map[credential.Role]string
	id := func(n int) string { return bound(n, token, "").ID }
	for _, c := range []struct {
		name    string
		kind    credential.Kind
		all     []vault.Secret
		want    found
		refused string // a part of the refusal; empty if found
	}{
		{"an API key's", api, []vault.Secret{bound(1, api, "")}, found{credential.RolePrivateKey: id(1)}, ""},
		{"an auth token's", token, []vault.Secret{bound(1, token, "")}, found{credential.RoleToken: id(1)}, ""},
		{"a password's", password, []vault.Secret{bound(1, password, "")}, found{credential.RolePassword: id(1)}, ""},
		{"one secret for both halves is a bundle", pair, []vault.Secret{bound(1, pair, "")},
			found{credential.RoleBundle: id(1)}, ""},
		{"two halves", pair, []vault.Secret{bound(1, pair, "access-key"), bound(2, pair, "secret-key")},
			found{credential.RoleAccessKey: id(1), credential.RoleSecretKey: id(2)}, ""},
		{"two halves and a bundle", pair, []vault.Secret{bound(1, pair, "access-key"), bound(2, pair, "secret-key"),
			bound(3, pair, "bundle")},
			found{credential.RoleAccessKey: id(1), credential.RoleSecretKey: id(2), credential.RoleBundle: id(3)}, ""},
		{"a role that is said", api, []vault.Secret{bound(1, api, "private-key")},
			found{credential.RolePrivateKey: id(1)}, ""},
		{"a role in capitals", api, []vault.Secret{bound(1, api, " Bundle ")}, found{credential.RoleBundle: id(1)},
			""},
		{"a role as a defined tag", token, []vault.Secret{changed(bound(1, token, ""), func(s *vault.Secret) {
			s.Defined = map[string]map[string]any{"Keyturn": {"Role": "bundle"}}
		})}, found{credential.RoleBundle: id(1)}, ""},
		{"bound by defined tags", token, []vault.Secret{changed(bound(1, token, ""), func(s *vault.Secret) {
			s.Freeform = nil
			s.Defined = map[string]map[string]any{"keyturn": {"user": owner, "kind": "auth-token"}}
		})}, found{credential.RoleToken: id(1)}, ""},

		{"another kind's don't count", token, []vault.Secret{bound(1, api, ""), bound(2, token, ""),
			bound(3, pair, "")}, found{credential.RoleToken: id(2)}, ""},
		{"another user's don't count", token, []vault.Secret{bound(1, token, ""),
			changed(bound(2, token, ""), func(s *vault.Secret) { s.Freeform["keyturn-user"] = stranger })},
			found{credential.RoleToken: id(1)}, ""},
		{"inactive ones don't count", token, []vault.Secret{bound(1, token, ""),
			changed(bound(2, token, ""), func(s *vault.Secret) { s.State = "PENDING_DELETION" })},
			found{credential.RoleToken: id(1)}, ""},
		{"those whose tags clash don't count", token, []vault.Secret{bound(1, token, ""),
			changed(bound(2, token, ""), func(s *vault.Secret) {
				s.Defined = map[string]map[string]any{"keyturn": {"user": stranger}}
			})}, found{credential.RoleToken: id(1)}, ""},

		{"none", token, nil, nil, "no secret is bound"},
		{"only another user's", token, []vault.Secret{changed(bound(1, token, ""), func(s *vault.Secret) {
			s.Freeform["keyturn-user"] = stranger
		})}, nil, "no secret is bound"},
		{"only an inactive one", token, []vault.Secret{changed(bound(1, token, ""), func(s *vault.Secret) {
			s.State = "DELETED"
		})}, nil, "no secret is bound"},
		{"half bound: no kind", token, []vault.Secret{changed(bound(1, token, ""), func(s *vault.Secret) {
			delete(s.Freeform, "keyturn-kind")
		})}, nil, "no secret is bound"},
		{"two of one role", token, []vault.Secret{bound(1, token, ""), bound(2, token, "")}, nil, id(2)},
		{"two of one role, one of them said", token, []vault.Secret{bound(1, token, ""),
			bound(2, token, "auth-token")}, nil, id(1)},
		{"the access key alone", pair, []vault.Secret{bound(1, pair, "access-key")}, nil, "one half"},
		{"the secret key alone", pair, []vault.Secret{bound(1, pair, "secret-key")}, nil, "one half"},
		{"half a pair beside a bundle", pair, []vault.Secret{bound(1, pair, "secret-key"), bound(2, pair, "bundle")},
			nil, "one half"},
		{"a role of another kind", token, []vault.Secret{bound(1, token, "private-key")}, nil, "private-key"},
		{"a role that doesn't exist", token, []vault.Secret{bound(1, token, "backup")}, nil, "backup"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := guard.Find(c.all, c.kind, owner)
			found := map[credential.Role]string{}
			for _, target := range got {
				found[target.Role] = target.SecretID
			}
			if c.refused == "" {
				if err != nil || len(found) != len(got) || !maps.Equal(found, c.want) {
					t.Fatalf("found %v (%v), want %v", got, err, c.want)
				}
				return
			}
			refusal, ok := errors.AsType[*guard.Refusal](err)
			if !ok || !strings.Contains(refusal.Problem, c.refused) || refusal.Remedy == "" {
				t.Errorf("found %v, error %v; want a refusal with %q and a remedy", got, err, c.refused)
			}
		})
	}
}

func TestTheUsersOCIDIsComparedRegardlessOfCase(t *testing.T) {
	got, err := guard.Find([]vault.Secret{bound(1, credential.APIKey, "")}, credential.APIKey, strings.ToUpper(owner))
	if err != nil || len(got) != 1 {
		t.Errorf("found %v (%v)", got, err)
	}
}
