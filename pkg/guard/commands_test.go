package guard_test

import (
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/guard"
	"github.com/keyturn/keyturn/pkg/vault"
)

// run is what the CLI gets from the shell: the value of each option.
func run(t *testing.T, command string) map[string]string {
	t.Helper()
	if strings.ContainsAny(command, "\n\r") {
		t.Fatalf("the command has more than one line: %q", command)
	}
	args := shellArguments(t, command)
	if len(args) < 5 || !slices.Equal(args[:3], []string{"vault", "secret", "update"}) || len(args)%2 == 0 {
		t.Fatalf("the shell sees %q", args)
	}
	options := map[string]string{}
	for i := 3; i < len(args); i += 2 {
		options[args[i]] = args[i+1]
	}
	return options
}

// after is the secret as it is once the command was run: OCI replaces all tags of a form that is given.
func after(t *testing.T, s vault.Secret, options map[string]string) vault.Secret {
	t.Helper()
	for option, into := range map[string]any{"--defined-tags": &s.Defined, "--freeform-tags": &s.Freeform} {
		if text, ok := options[option]; ok {
			reflect.ValueOf(into).Elem().SetZero()
			if err := json.Unmarshal([]byte(text), into); err != nil {
				t.Fatalf("%s is no JSON after the shell: %v\n%s", option, err, text)
			}
		}
	}
	return s
}

var tagSets = map[string]struct {
	freeform freeform
	defined  defined
}{
	"none":                {},
	"other freeform ones": {freeform{"team": "web"}, nil},
	"other defined ones": {nil, defined{"Oracle-Tags": {"CreatedBy": "a/b",
		"CreatedOn": "2026-01-01T00:00:00Z"}, "Operations": {"CostCenter": "42"}}},
	"both":                   {freeform{"team": "web"}, defined{"Operations": {"CostCenter": "42"}}},
	"a single quote":         {nil, defined{"owner's": {"it's": "it's ' and ''"}}},
	"what a shell expands":   {nil, defined{"x": {"a": "$HOME `id` $(id) *", "b": "\\ \" ; rm -rf / # && | > <"}}},
	"line breaks":            {nil, defined{"x": {"a": "one\ntwo\r\n"}}},
	"other scripts":          {nil, defined{"x": {"équipe": "网站 ☃ \u2028"}}},
	"numbers and truths":     {nil, defined{"x": {"n": float64(42), "yes": true}}},
	"bound by freeform ones": {freeform{"keyturn-user": owner, "keyturn-kind": "auth-token", "team": "web"}, nil},
	"freeform, another case": {freeform{"Keyturn-User": owner, "KEYTURN-KIND": "auth-token"}, nil},
	"freeform of a stranger": {freeform{"keyturn-user": stranger, "keyturn-kind": "password"}, nil},
	"a freeform role":        {freeform{"keyturn-user": owner, "keyturn-role": "bundle"}, nil},
	"a freeform owner":       {freeform{"keyturn-owner": "web-team@example.com"}, nil},
	"a defined role":         {nil, defined{"keyturn": {"role": "bundle", "owner": "web-team@example.com"}}},
	"a role that can't be":   {nil, defined{"keyturn": {"role": "private-key"}}},
	"another spelling":       {nil, defined{"KeyTurn": {"User": stranger, "KIND": "api-key"}}},
	"a user alone":           {nil, defined{"keyturn": {"user": owner}}},
}

func TestTheBindCommandBindsByDefinedTagsWhichEveryPolicySees(t *testing.T) {
	for name, c := range tagSets {
		t.Run(name, func(t *testing.T) {
			s := tagged(c.freeform, c.defined)
			now := after(t, s, run(t, guard.BindCommand(s, credential.AuthToken, owner)))
			names := map[string]bool{}
			for namespace, tags := range now.Defined {
				for key := range tags {
					name := strings.ToLower(namespace + "." + key)
					if names[name] {
						t.Errorf("the command sets %s twice: OCI doesn't distinguish upper and lower case", name)
					}
					names[name] = true
				}
			}
			alone := now
			alone.Freeform = nil
			if _, err := guard.Bound(alone, credential.AuthToken, owner, false); err != nil {
				t.Errorf("the defined tags alone don't bind: %v", err)
			}
			if _, err := guard.Bound(now, credential.AuthToken, owner, false); err != nil {
				t.Errorf("with the freeform tags that are left it is not bound: %v", err)
			}
			if _, err := guard.Find([]vault.Secret{active(now)}, credential.AuthToken, owner); name != "a role that "+
				"can't be" && err != nil {
				t.Errorf("it is not found: %v", err)
			}
		})
	}
}

func active(s vault.Secret) vault.Secret {
	s.State = vault.Active
	return s
}

func TestTheBindCommandKeepsEveryTagThatBindsNothing(t *testing.T) {
	for name, c := range tagSets {
		t.Run(name, func(t *testing.T) {
			s := tagged(c.freeform, c.defined)
			before := maps.Clone(s.Freeform)
			now := after(t, s, run(t, guard.BindCommand(s, credential.AuthToken, owner)))
			for namespace, tags := range c.defined {
				for key, value := range tags {
					ours := strings.EqualFold(namespace, "keyturn") && !strings.EqualFold(key, "owner")
					if !ours && !reflect.DeepEqual(now.Defined[namespace][key], value) {
						t.Errorf("%s.%s was %v, is %v", namespace, key, value, now.Defined[namespace][key])
					}
				}
			}
			if owner := guard.TagsOf(s).Owner; guard.TagsOf(now).Owner != owner {
				t.Errorf("the owner was %q, is %q", owner, guard.TagsOf(now).Owner)
			}
			if now.Freeform["team"] != c.freeform["team"] {
				t.Errorf("the freeform tags are %v", now.Freeform)
			}
			if !maps.Equal(s.Freeform, before) {
				t.Error("the secret's own tags were changed")
			}
		})
	}
}

func TestACommandShowsAngleBracketsAsTheyAre(t *testing.T) {
	s := vault.Secret{ID: "<SECRET>", Freeform: map[string]string{"a": "<b> & c"}}
	for _, command := range []string{guard.BindCommand(s, "<KIND>", "<USER>"), guard.UnbindCommand(s)} {
		if strings.Contains(command, `\u00`) {
			t.Errorf("the command is %s", command)
		}
	}
}

func TestACommandNamesTheSecretsRegionWhereItIsKnown(t *testing.T) {
	s := tagged(freeform{"keyturn-user": owner}, nil)
	if got := run(t, guard.BindCommand(s, credential.AuthToken, owner)); got["--region"] != "" ||
		got["--secret-id"] != vaultSecret {
		t.Errorf("the options are %q", got)
	}
	s.Region = "eu-frankfurt-1"
	for _, command := range []string{guard.BindCommand(s, credential.AuthToken, owner), guard.UnbindCommand(s)} {
		if got := run(t, command); got["--region"] != "eu-frankfurt-1" || got["--secret-id"] != vaultSecret {
			t.Errorf("the options are %q", got)
		}
	}
}

func TestARefusalOfASecretsStateNamesTheStateAndTheRemedyThatFits(t *testing.T) {
	for state, want := range map[string]string{
		"PENDING_DELETION": "cancel-secret-deletion", "SCHEDULING_DELETION": "cancel-secret-deletion",
		"CANCELLING_DELETION": "cancel-secret-deletion",
		"DELETED":             "name another secret", "DELETING": "name another secret",
		"FAILED":        "name another secret",
		"SOMETHING_NEW": "name another secret",
		"CREATING":      "in a few minutes", "UPDATING": "in a few minutes",
	} {
		s := tagged(nil, nil)
		s.State = state
		refusal, ok := guard.Writable(s).(*guard.Refusal)
		if !ok || !strings.Contains(refusal.Problem, state) || !strings.Contains(refusal.Remedy, want) {
			t.Errorf("%s: %+v", state, refusal)
		}
	}
}

func TestTheOwnerIsShownAsItIsWritten(t *testing.T) {
	for name, c := range map[string]struct {
		freeform freeform
		defined  defined
		want     string
	}{
		"none": {nil, nil, ""},
		"defined": {nil, defined{"keyturn": {"owner": "Web Team <web@Example.com>"}},
			"Web Team <web@Example.com>"},
		"freeform":       {freeform{"keyturn-owner": " Jane "}, nil, "Jane"},
		"in other cases": {freeform{"KEYTURN-Owner": "Jane"}, nil, "Jane"},
		"not ours":       {freeform{"owner": "Jane"}, nil, ""},
	} {
		if got := guard.TagsOf(tagged(c.freeform, c.defined)).Owner; got != c.want {
			t.Errorf("%s: the owner is %q, want %q", name, got, c.want)
		}
	}
}
