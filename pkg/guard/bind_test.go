package guard_test

import (
	"reflect"
	"testing"

	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/guard"
	"github.com/keyturn/keyturn/pkg/vault"
)

func TestTheTagsThatBindASecretKeepAllOthersAndReplaceItsBinding(t *testing.T) {
	const user = "ocid1.user.oc1..aaaaaaaajane"
	before := vault.Secret{ID: "ocid1.vaultsecret.oc1.iad.a",
		Freeform: map[string]string{"team": "web", "Keyturn-User": "somebody", "keyturn-role": "token",
			"keyturn-owner": "shop"},
		Defined: map[string]map[string]any{"Oracle-Tags": {"CreatedBy": "joe", "n": 7},
			"KEYTURN": {"kind": "password", "owner": "shop"}}}
	for _, freeform := range []bool{guard.DefinedTags, guard.FreeformTags} {
		for _, kind := range credential.Kinds() {
			for _, role := range append(kind.Roles(), "") {
				got := guard.TagsFor(before, kind, user, role, freeform)
				after := vault.Secret{ID: before.ID, Freeform: got.Freeform, Defined: got.Defined}
				if k, u, ok := guard.BoundTo(after); !ok || k != kind || u != user {
					t.Errorf("%s %s, freeform %v: it is bound to %s %s %v", kind, role, freeform, k, u, ok)
				}
				want := role
				if want == "" {
					want = kind.DefaultRole()
				}
				if r, ok := guard.RoleOf(after, kind); !ok || r != want {
					t.Errorf("%s %s, freeform %v: its role is %s %v", kind, role, freeform, r, ok)
				}
				if got.Freeform["team"] != "web" || got.Freeform["keyturn-owner"] != "shop" ||
					!reflect.DeepEqual(got.Defined["Oracle-Tags"], before.Defined["Oracle-Tags"]) ||
					got.Defined["KEYTURN"]["owner"] != "shop" {
					t.Errorf("%s %s, freeform %v: other tags are gone: %+v", kind, role, freeform, got)
				}
			}
		}
	}
	if before.Freeform["Keyturn-User"] != "somebody" || before.Defined["KEYTURN"]["kind"] != "password" {
		t.Error("the secret that was passed in has changed")
	}
}

func TestARoleThatDoesNotFitTheKindIsNone(t *testing.T) {
	s := vault.Secret{Freeform: map[string]string{"keyturn-role": "token"}}
	if _, ok := guard.RoleOf(s, credential.APIKey); ok {
		t.Error("an API key's secret has the role of a token")
	}
}
