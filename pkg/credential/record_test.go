package credential_test

import (
	"strings"
	"testing"

	"github.com/keyturn/keyturn/pkg/credential"
)

func TestEveryKindHasAWholeRecord(t *testing.T) {
	keys, roles := map[string]bool{}, map[credential.Role]bool{}
	for _, k := range credential.Kinds() {
		r := k.Record()
		lacks := map[string]bool{"Noun": r.Noun == "", "IDNoun": r.IDNoun == "", "Parts": len(r.Parts) == 0 ||
			len(r.Parts) > 2, "Bundle": r.Bundle[0] == "" || r.Bundle[1] == "",
			"Permissions": len(r.Permissions) == 0, "Operations": len(r.Operations) == 0, "Resource": r.Resource == "",
			"Capability": !strings.HasPrefix(r.Capability, "--"),
			"Origin":     r.Origin != credential.Local && r.Origin != credential.Server && r.Origin != credential.Reset,
			"IDForms":    len(r.IDForms) == 0 != (r.Origin == credential.Reset),
			"Limit":      r.Limit == 0 != (r.Origin == credential.Reset),
			"Detection":  (r.Detection.Rule == "") != (r.Detection.Problem == "")}
		for field, yes := range lacks {
			if yes {
				t.Errorf("the record of %s lacks %s, or has too much of it", k, field)
			}
		}
		ids := 0
		for _, p := range r.Parts {
			if p.Role == "" || p.Thing == "" || !strings.HasSuffix(p.Key, "_secret_ocid") || keys[p.Key] ||
				roles[p.Role] {
				t.Errorf("%s: the part %+v is not whole, or not the only one of its name", k, p)
			}
			keys[p.Key], roles[p.Role] = true, true
			if p.IsID {
				ids++
			}
		}
		if ids != len(r.Parts)-1 || r.Parts[0].IsID {
			t.Errorf("%s: of %d plain secrets %d hold the identifier; the first must hold the value", k, len(r.Parts),
				ids)
		}
	}
}

// No default treats an unknown kind as another one.
func TestNothingCanBeDoneWithAKindThatHasNoRecord(t *testing.T) {
	k := credential.Kind("pager")
	if k.Origin() != "" || k.Roles() != nil || k.Limit() != 0 || k.Pair() || k.Fits(credential.RoleBundle) ||
		len(k.Record().Permissions) > 0 || k.Noun() != "credential" {
		t.Errorf("its record is %+v", k.Record())
	}
	m := credential.Material{Kind: k, ID: "id", Value: credential.NewValue([]byte("value"))}
	if _, err := m.Encode(credential.RoleBundle, credential.Owner{}); err == nil {
		t.Error("it has a bundle")
	}
	if _, err := m.Encode("pager", credential.Owner{}); err == nil {
		t.Error("a role of its name has an encoding")
	}
	if role := credential.Role("pager"); role.Part().Role != "" || role.Key() != "" {
		t.Error("a role of its name is a part of some kind")
	}
}
