package credential_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/keyturn/keyturn/pkg/credential"
)

// added are members that users add to a bundle.
var added = []string{`"port":443`, `"account":1234567890123456789`, `"huge":1e400`, `"one":1.0`, `"none":null`,
	`"nested":{"token":"x","kind":"y"}`, `"list":[1,2.50]`,
	`"html":"<&>"`, `"escaped":"\u00e9\/"`, `"Kind":"other"`, `"comment":"asks for region"`, `"twice":1,"twice":2`}

// confusing are members that have a meaning in a bundle of another kind.
var confusing = map[credential.Kind]string{
	credential.APIKey:            `"token":"t","password":"p","made_at":"m","access_key":"a"`,
	credential.AuthToken:         `"private_key":5,"secret_key":"s"`,
	credential.CustomerSecretKey: `"fingerprint":"f","token":["x"]`,
	credential.Password:          `"token_id":"i","private_key":null`}

func TestMembersAddedToABundleStayByteForByte(t *testing.T) {
	for _, m := range materials(t) {
		fresh, err := m.Encode(credential.RoleBundle, owner)
		if err != nil {
			t.Fatal(err)
		}
		old := credential.Material{Kind: m.Kind, ID: "old", Value: credential.NewValue([]byte("old"))}
		elsewhere := owner
		elsewhere.Region = "old-region-1"
		before, err := old.Encode(credential.RoleBundle, elsewhere)
		if err != nil {
			t.Fatal(err)
		}
		for _, one := range append(added, confusing[m.Kind]) {
			text := strings.TrimSuffix(strings.TrimSpace(string(before.Reveal())), "}")
			for _, there := range []string{text + "  ," + one + "\n}\n", "{ " + one + ",\n" +
				strings.TrimPrefix(text, "{") + "}"} {
				got, err := credential.Extend(credential.NewValue([]byte(there)), fresh)
				if err != nil || !json.Valid(got.Reveal()) || !strings.Contains(string(got.Reveal()), one) {
					t.Errorf("%s: a bundle with %s: it is lost (%v)", m.Kind, one, err)
					continue
				}
				back, err := credential.Decode(m.Kind, credential.RoleBundle, m.ID, got)
				if err != nil || !back.Value.Equal(m.Value) {
					t.Errorf("%s: a bundle with %s reads as %s (%v)", m.Kind, one, back.ID, err)
				}
				if region, err := credential.TextOf(got.Reveal(), "region"); err != nil || region != owner.Region {
					t.Errorf("%s: the region is %s (%v)", m.Kind, region, err)
				}
			}
		}
	}
}

func TestABundleReplacesAnyContentButABundleOfItsKind(t *testing.T) {
	fresh, err := materials(t)[1].Encode(credential.RoleBundle, owner)
	if err != nil {
		t.Fatal(err)
	}
	for _, there := range []string{"", "seed", credential.Placeholder, `{"kind":"password","user":"u"}`,
		`{"kind":"auth-token"}`, `{"a":1}`, `[]`, "{"} {
		if got, err := credential.Extend(credential.NewValue([]byte(there)), fresh); err != nil || !got.Equal(fresh) {
			t.Errorf("%q is not replaced (%v)", there, err)
		}
	}
}
