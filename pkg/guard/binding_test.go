package guard_test

import (
	"errors"
	"os/exec"
	"strings"
	"testing"

	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/guard"
	"github.com/keyturn/keyturn/pkg/vault"
)

const vaultSecret = "ocid1.vaultsecret.oc1.iad.amaaaaaasecret"

type (
	freeform map[string]string
	defined  map[string]map[string]any
)

func tagged(f freeform, d defined) vault.Secret {
	return vault.Secret{ID: vaultSecret, Name: "token-of-web", State: vault.Active, Freeform: f, Defined: d}
}

func TestASecretTakesOnlyTheKindAndUserThatItIsBoundTo(t *testing.T) {
	const token = credential.AuthToken
	full := freeform{"keyturn-user": owner, "keyturn-kind": "auth-token"}
	for _, c := range []struct {
		name                  string
		tags                  vault.Secret
		required, underWarn   bool // accepted?
		unbound               bool // accepted only for want of tags
		inMessageUnderRequire string
	}{
		{"freeform tags", tagged(full, nil), true, true, false, ""},
		{"defined tags", tagged(nil, defined{"keyturn": {"user": owner, "kind": "auth-token"}}), true, true, false, ""},
		{"one of each", tagged(freeform{"keyturn-user": owner}, defined{"keyturn": {"kind": "auth-token"}}), true, true,
			false, ""},
		{"both, the same", tagged(full, defined{"keyturn": {"user": owner, "kind": "auth-token"}}), true, true, false,
			""},
		{"names in capitals", tagged(freeform{"KEYTURN-USER": owner}, defined{"KeyTurn": {"Kind": "auth-token"}}), true,
			true, false, ""},
		{"values in capitals with blanks", tagged(freeform{"keyturn-user": " " + strings.ToUpper(owner),
			"keyturn-kind": "Auth-Token "}, nil), true, true, false, ""},
		{"among others", tagged(freeform{"keyturn-user": owner, "keyturn-kind": "auth-token", "team": "web"},
			defined{"Operations": {"user": stranger, "kind": "api-key"}}), true, true, false, ""},

		{"no tags", tagged(nil, nil), false, true, true, "oci vault secret update"},
		{"other tags", tagged(freeform{"team": "web"}, defined{"Operations": {"user": stranger}}), false, true, true,
			"oci vault secret update"},
		{"the user only", tagged(freeform{"keyturn-user": owner}, nil), false, true, true, "oci vault secret update"},
		{"the kind only", tagged(freeform{"keyturn-kind": "auth-token"}, nil), false, true, true,
			"oci vault secret update"},
		{"empty tags", tagged(freeform{"keyturn-user": "", "keyturn-kind": ""}, nil), false, true, true,
			"oci vault secret update"},
		{"a tag that is no text", tagged(freeform{"keyturn-kind": "auth-token"}, defined{"keyturn": {"user": 7}}),
			false, true, true, "oci vault secret update"},

		{"another user", tagged(freeform{"keyturn-user": stranger, "keyturn-kind": "auth-token"}, nil), false, false,
			false, stranger},
		{"another user without a kind", tagged(freeform{"keyturn-user": stranger}, nil), false, false, false, stranger},
		{"a user that begins the same", tagged(freeform{"keyturn-user": owner + "x", "keyturn-kind": "auth-token"},
			nil), false, false, false, owner + "x"},
		{"another kind", tagged(freeform{"keyturn-user": owner, "keyturn-kind": "api-key"}, nil), false, false, false,
			"api-key"},
		{"another kind without a user", tagged(nil, defined{"keyturn": {"kind": "password"}}), false, false, false,
			"password"},
		{"tags that clash about the user", tagged(full, defined{"keyturn": {"user": stranger}}), false, false, false,
			"contradict"},
		{"tags that clash about the kind", tagged(full, defined{"keyturn": {"kind": "api-key"}}), false, false, false,
			"contradict"},
	} {
		t.Run(c.name, func(t *testing.T) {
			unbound, err := guard.Bound(c.tags, token, owner, false)
			if (err == nil) != c.required || unbound {
				t.Errorf("require: unbound %v, error %v; want accepted %v", unbound, err, c.required)
			}
			if err != nil {
				refusal, ok := errors.AsType[*guard.Refusal](err)
				if !ok || refusal.Remedy == "" || !strings.Contains(err.Error(), vaultSecret) ||
					!strings.Contains(err.Error(), c.inMessageUnderRequire) {
					t.Errorf("the error is %v; want a refusal with a remedy that names the secret and %q", err,
						c.inMessageUnderRequire)
				}
			}
			unbound, err = guard.Bound(c.tags, token, owner, true)
			if (err == nil) != c.underWarn || unbound != c.unbound {
				t.Errorf("warn: unbound %v, error %v; want accepted %v, unbound %v", unbound, err, c.underWarn,
					c.unbound)
			}
		})
	}
}

func TestASecretOfAnyKindIsBoundByThatKindsName(t *testing.T) {
	for _, kind := range credential.Kinds() {
		s := tagged(freeform{"keyturn-user": owner, "keyturn-kind": string(kind)}, nil)
		for _, other := range credential.Kinds() {
			if _, err := guard.Bound(s, other, owner, true); (err == nil) != (kind == other) {
				t.Errorf("a secret for %s and a credential of %s: %v", kind, other, err)
			}
		}
	}
}

// shellArguments is what a POSIX shell makes of a command: its arguments, without running it.
func shellArguments(t *testing.T, command string) []string {
	t.Helper()
	script := "oci() { printf '%s\\0' \"$@\"; }\n" + command
	out, err := exec.CommandContext(t.Context(), "sh", "-c", script).Output()
	if err != nil {
		t.Fatalf("sh: %v\n%s", err, command)
	}
	return strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00")
}

func TestTheUnbindCommandTakesOurFreeformTagsOffAndKeepsTheOthers(t *testing.T) {
	s := tagged(freeform{"keyturn-user": owner, "Keyturn-Kind": "auth-token", "keyturn-role": "bundle",
		"owner's": "a 'b'"}, defined{"keyturn": {"user": stranger}})
	_, err := guard.Bound(s, credential.AuthToken, owner, false)
	if err == nil || !strings.Contains(err.Error(), guard.UnbindCommand(s)) {
		t.Errorf("the refusal doesn't show the command: %v", err)
	}
	args := shellArguments(t, guard.UnbindCommand(s))
	if got := args[len(args)-1]; got != `{"owner's":"a 'b'"}` || len(s.Freeform) != 4 {
		t.Errorf("the tags are %s", got)
	}
	if args := shellArguments(t, guard.UnbindCommand(tagged(nil, nil))); args[len(args)-1] != "{}" {
		t.Errorf("without any: %q", args)
	}
}

func TestOnlyAnActiveSecretThatIsNoReplicaIsWritten(t *testing.T) {
	for _, c := range []struct {
		state   string
		replica bool
		ok      bool
	}{
		{"ACTIVE", false, true}, {"ACTIVE", true, false}, {"UPDATING", false, false}, {"CREATING", false, false},
		{"PENDING_DELETION", false, false},
		{"SCHEDULING_DELETION", false, false}, {"CANCELLING_DELETION", false, false}, {"DELETED", false, false},
		{"FAILED", false, false}, {"", false, false},
	} {
		s := tagged(nil, nil)
		s.State, s.Replica = c.state, c.replica
		err := guard.Writable(s)
		if (err == nil) != c.ok {
			t.Errorf("%q, replica %v: %v", c.state, c.replica, err)
		}
		if _, refusal := errors.AsType[*guard.Refusal](err); err != nil && !refusal {
			t.Errorf("%q: the error is no refusal: %v", c.state, err)
		}
	}
}

func TestASecretIsOnlyWhatItsTagRoleSays(t *testing.T) {
	for _, c := range []struct {
		name string
		tags vault.Secret
		ok   bool
	}{
		{"no tag", tagged(nil, nil), true},
		{"the same", tagged(freeform{"keyturn-role": " Bundle"}, nil), true},
		{"the same, twice", tagged(freeform{"keyturn-role": "bundle"}, defined{"keyturn": {"role": "bundle"}}), true},
		{"another", tagged(freeform{"keyturn-role": "private-key"}, nil), false},
		{"another, defined", tagged(nil, defined{"keyturn": {"role": "private-key"}}), false},
		{"two", tagged(freeform{"keyturn-role": "bundle"}, defined{"keyturn": {"role": "private-key"}}), false},
		{"unknown", tagged(freeform{"keyturn-role": "main"}, nil), false},
	} {
		err := guard.InRole(c.tags, credential.RoleBundle)
		if refusal, _ := errors.AsType[*guard.Refusal](err); (err == nil) != c.ok || err != nil &&
			(refusal == nil || refusal.Remedy == "" || !strings.Contains(err.Error(), vaultSecret)) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}
