package guard_test

import (
	"testing"

	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/guard"
)

func TestASecretsTagsNameTheUserItIsBoundTo(t *testing.T) {
	for name, c := range map[string]struct {
		free freeform
		def  defined
		kind credential.Kind // empty: bound to nobody
	}{
		"freeform tags": {freeform{"keyturn-user": owner, "keyturn-kind": "auth-token"}, nil,
			credential.AuthToken},
		"defined tags":    {nil, defined{"Keyturn": {"User": owner, "Kind": "API-key"}}, credential.APIKey},
		"no tags":         {nil, nil, ""},
		"no user":         {freeform{"keyturn-kind": "auth-token"}, nil, ""},
		"no kind":         {freeform{"keyturn-user": owner}, nil, ""},
		"an unknown kind": {freeform{"keyturn-user": owner, "keyturn-kind": "pager"}, nil, ""},
		"users that clash": {freeform{"keyturn-user": owner, "keyturn-kind": "auth-token"},
			defined{"keyturn": {"user": stranger}}, ""},
		"kinds that clash": {freeform{"keyturn-user": owner, "keyturn-kind": "auth-token"},
			defined{"keyturn": {"kind": "api-key"}}, ""},
		"a user that leads elsewhere": {freeform{"keyturn-user": owner + "/../x", "keyturn-kind": "auth-token"}, nil,
			""},
		"a user with a query":    {freeform{"keyturn-user": owner + "?x=", "keyturn-kind": "auth-token"}, nil, ""},
		"a user's name":          {freeform{"keyturn-user": "web", "keyturn-kind": "auth-token"}, nil, ""},
		"a tenancy for the user": {freeform{"keyturn-user": tenancy, "keyturn-kind": "auth-token"}, nil, ""},
		"another namespace's":    {nil, defined{"operations": {"user": owner, "kind": "api-key"}}, ""},
	} {
		s := tagged(c.free, c.def)
		kind, user, ok := guard.BoundTo(s)
		if ok != (c.kind != "") || kind != c.kind || ok && user != owner || !ok && user != "" {
			t.Errorf("%s: %q of %q, %v; want %q", name, kind, user, ok, c.kind)
		}
		if !ok {
			continue
		}
		if unbound, err := guard.Bound(s, kind, user, false); err != nil || unbound {
			t.Errorf("%s: a secret that is bound so is refused: %v", name, err)
		}
	}
}
