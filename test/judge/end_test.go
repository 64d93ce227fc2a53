package judge

import (
	"errors"
	"slices"
	"testing"

	"github.com/keyturn/keyturn/test/tenancy"
)

func TestTheEndOfARotationIsJudged(t *testing.T) {
	for name, c := range map[string]struct {
		change  func(*end)
		inGrace bool
		want    []string
	}{
		"good": {change: func(*end) {}},
		"a good grace": {inGrace: true, change: func(e *end) {
			e.ids, e.oldUse = append(e.ids, "old"), 200
		}},
		"a customer secret key is refused with 403": {change: func(e *end) {
			e.kind, e.oldUse = tenancy.CustomerSecretKey, 403
		}},
		"another kind is not": {change: func(e *end) { e.oldUse = 403 },
			want: []string{"the old credential is answered 403, want a refusal"}},
		"the old one still works": {change: func(e *end) { e.ids, e.oldUse = append(e.ids, "old"), 200 },
			want: []string{"the old credential exists: true, want false",
				"the old credential is answered 200, want a refusal"}},
		"CURRENT is the old value": {change: func(e *end) { e.stored = e.old },
			want: []string{"CURRENT is not a new value"}},
		"CURRENT is empty": {change: func(e *end) { e.stored = tenancy.Credential{} },
			want: []string{"CURRENT is not a new value"}},
		"the secrets can't be read": {change: func(e *end) { e.err = errors.New("no JSON") },
			want: []string{"reading the secrets: no JSON"}},
		"the new one does not work": {change: func(e *end) { e.storedUse = 401 },
			want: []string{"the CURRENT credential is answered 401"}},
		"two new ones": {change: func(e *end) { e.ids = append(e.ids, "new too") },
			want: []string{"the user has 2 new credentials, want 1: [other new new too]"}},
		"no new one": {change: func(e *end) { e.ids = []string{"other"} },
			want: []string{"the user has 0 new credentials, want 1: [other]"}},
		"another credential is gone": {change: func(e *end) { e.ids = []string{"new"} },
			want: []string{"the user's other credential other is gone"}},
		"a second new one in place of another credential": {
			change: func(e *end) { e.ids = []string{"new", "new too"} },
			want: []string{"the user has 2 new credentials, want 1: [new new too]",
				"the user's other credential other is gone"}},
		"the grace was too short": {inGrace: true, change: func(*end) {},
			want: []string{"the old credential exists: false, want true",
				"the old credential is in its grace and is answered 401"}},
	} {
		t.Run(name, func(t *testing.T) {
			e := end{ids: []string{"other", "new"}, stored: tenancy.Credential{ID: "new", Value: "new value"},
				storedUse: 200, oldUse: 401, kind: tenancy.AuthToken,
				old: tenancy.Credential{ID: "old", Value: "old value"}, bystanders: []string{"other"}}
			c.change(&e)
			if got := e.faults(c.inGrace); !slices.Equal(got, c.want) {
				t.Errorf("found %q, want %q", got, c.want)
			}
		})
	}
}
