package guard_test

import (
	"slices"
	"testing"

	"github.com/keyturn/keyturn/pkg/guard"
	"github.com/keyturn/keyturn/pkg/vault"
)

func TestTagsAreReadUnchanged(t *testing.T) {
	s := vault.Secret{Freeform: map[string]string{"Keyturn-User": " OCID1.user.oc1..A ", "keyturn-kind": "apikey",
		"team": "web"},
		Defined: map[string]map[string]any{"Keyturn": {"kind": "api-key", "role": "bundle"}}}
	got := guard.TagsOf(s)
	if got.User != "ocid1.user.oc1..a" || got.Role != "bundle" || !slices.Equal(got.Clash, []string{"kind"}) ||
		!got.Any() {
		t.Errorf("%+v", got)
	}
	if guard.TagsOf(vault.Secret{Freeform: map[string]string{"team": "web", "keyturn-role": "bundle"}}).Any() {
		t.Error("a role alone binds nothing")
	}
	if !guard.TagsOf(vault.Secret{Freeform: map[string]string{"keyturn-kind": "password"}}).Any() {
		t.Error("half of a binding is meant to be one")
	}
}
