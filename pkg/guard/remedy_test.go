package guard_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/keyturn/keyturn/pkg/cloudguard"
	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/guard"
	"github.com/keyturn/keyturn/pkg/vault"
)

func TestTheBindCommandKeepsARoleThatFitsAndNoOther(t *testing.T) {
	const token = credential.AuthToken
	for name, c := range map[string]struct {
		kind     credential.Kind
		freeform freeform
		defined  defined
		want     any // the defined tag role once the command was run
	}{
		"none":                 {token, freeform{"keyturn-user": owner}, nil, nil},
		"one that fits":        {token, freeform{"keyturn-role": "bundle"}, nil, "bundle"},
		"one that doesn't fit": {token, freeform{"keyturn-role": "private-key"}, nil, nil},
		"two that clash": {token, freeform{"keyturn-role": "auth-token"},
			defined{"keyturn": {"role": "bundle"}}, "bundle"},
		"of a kind that isn't known": {"<KIND>", freeform{"keyturn-role": "bundle"}, nil, "bundle"},
	} {
		s := tagged(c.freeform, c.defined)
		now := after(t, s, run(t, guard.BindCommand(s, c.kind, owner)))
		if got := now.Defined["keyturn"]["role"]; got != c.want {
			t.Errorf("%s: the role is %v, want %v", name, got, c.want)
		}
		if got := now.Defined["keyturn"]["kind"]; got != string(c.kind) {
			t.Errorf("%s: the kind is %v, want %s", name, got, c.kind)
		}
	}
}

func TestTheBindCommandChangesFreeformTagsOnlyWhereTheyBind(t *testing.T) {
	for name, c := range map[string]struct {
		freeform freeform
		changed  bool
	}{
		"none":         {nil, false},
		"other ones":   {freeform{"team": "web", "keyturn-owner": "Jane"}, false},
		"one of ours":  {freeform{"team": "web", "keyturn-user": owner}, true},
		"all of them":  {freeform{"keyturn-user": owner, "keyturn-kind": "auth-token", "keyturn-role": "bundle"}, true},
		"a role alone": {freeform{"KEYTURN-ROLE": "bundle"}, true},
	} {
		s := tagged(c.freeform, nil)
		if _, changed := run(t, guard.BindCommand(s, credential.AuthToken,
			owner))["--freeform-tags"]; changed != c.changed {
			t.Errorf("%s: the command changes the freeform tags: %v, want %v", name, changed, c.changed)
		}
	}
}

// OCI refuses two tag namespaces whose names differ in their case only.
func TestTheBindCommandKeepsTheSpellingOfTheNamespace(t *testing.T) {
	s := tagged(nil, defined{"KeyTurn": {"owner": "Jane"}, "Operations": {"CostCenter": "42"}})
	now := after(t, s, run(t, guard.BindCommand(s, credential.AuthToken, owner)))
	if len(now.Defined) != 2 || now.Defined["KeyTurn"]["user"] != owner || now.Defined["KeyTurn"]["owner"] != "Jane" {
		t.Errorf("the defined tags are %v", now.Defined)
	}
}

func TestWhereNoSecretIsBoundTheRefusalShowsHowToBindOne(t *testing.T) {
	_, err := guard.Find(nil, credential.AuthToken, owner)
	refusal, ok := errors.AsType[*guard.Refusal](err)
	if !ok {
		t.Fatal(err)
	}
	for _, want := range []string{" --secret-id <SECRET> ", owner, `"auth-token"`} {
		if !strings.Contains(refusal.Remedy, want) {
			t.Errorf("the remedy has no %s: %s", want, refusal.Remedy)
		}
	}
}

func TestTheRefusalOfARoleNamesTheRolesThatFit(t *testing.T) {
	_, err := guard.Find([]vault.Secret{bound(1, credential.AuthToken, "private-key")}, credential.AuthToken, owner)
	refusal, ok := errors.AsType[*guard.Refusal](err)
	if !ok || !strings.Contains(refusal.Remedy, "must be bundle or auth-token.") {
		t.Errorf("%+v", err)
	}
}

func TestASecretThatIsScheduledForDeletionHasTwoRemedies(t *testing.T) {
	s := tagged(nil, nil)
	s.State = "PENDING_DELETION"
	refusal, ok := guard.Writable(s).(*guard.Refusal)
	if !ok || !strings.Contains(refusal.Remedy, "oci vault secret cancel-secret-deletion --secret-id "+vaultSecret+"\n"+
		"If it is not: close the problem again and name another secret in the comment.") {
		t.Errorf("%+v", refusal)
	}
}

func TestARequestFromOnlyTheEventHasItsTimeAndComment(t *testing.T) {
	e := tokenEvent()
	got, err := guard.Trust(e)
	if err != nil || !got.At.Equal(e.Time) || got.Comment != e.Comment || got.By != "" {
		t.Errorf("%+v, %v", got, err)
	}
	e.Time = cloudguard.Event{}.Time
	if _, err := guard.Trust(e); err != nil {
		t.Errorf("only the reset of a password depends on the time, and yet: %v", err)
	}
}

func TestWhatAnEventLacksIsNamedByItsField(t *testing.T) {
	for field, change := range map[string]func(*cloudguard.Event){
		"data.additionalDetails.problemName": func(e *cloudguard.Event) { e.Rule = "BUCKET_IS_PUBLIC" },
		"eventTime": func(e *cloudguard.Event) {
			e.Rule, e.IDs, e.Time = cloudguard.PasswordTooOld, nil, cloudguard.Event{}.Time
		},
	} {
		e := tokenEvent()
		change(&e)
		_, err := guard.Trust(e)
		format, ok := errors.AsType[*cloudguard.FormatError](err)
		if !ok || format.Field != field || format.Problem == "" || format.Remedy == "" {
			t.Errorf("%s: %+v", field, err)
		}
	}
}

// An event may be forged: it may name the owner that a record lacks, but not choose one of several.
func TestAnEventDoesNotChooseAmongSeveralUsersOfTheRecord(t *testing.T) {
	p := record("RESOLVED", byUser(0, "RESOLVED", "a"))
	p.Details["User ID"] = stranger
	if got, verdict, err := guard.Confirm(tokenEvent(), p); verdict != guard.Lacking ||
		!reflect.DeepEqual(got, credential.Request{}) ||
		err == nil {
		t.Errorf("the verdict is %d (%v), the request %+v", verdict, err, got)
	}
}
