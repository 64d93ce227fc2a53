package acceptance

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

func TestAnAnswerOfADomainShowsNoValue(t *testing.T) {
	for _, attribute := range []string{"token", "secretKey", "oneTimePassword"} {
		body := `{"id":"1","` + attribute + `":"hush","Resources":[{"` + attribute + `":"hush"}]}`
		var thing scimThing
		if err := json.Unmarshal([]byte(body), &thing); err != nil {
			t.Fatal(err)
		}
		again, err := json.Marshal(thing)
		if err != nil {
			t.Fatal(err)
		}
		if text := fmt.Sprintf("%v %+v %#v %s", thing, thing, thing, again); strings.Contains(text, "hush") ||
			thing.Token.Empty() && thing.SecretKey.Empty() && thing.OneTimePassword.Empty() {
			t.Errorf("%s: %s", attribute, text)
		}
		broken := strings.ReplaceAll(body, `"hush"`, `["hush"]`)
		if err := json.Unmarshal([]byte(broken), &thing); err == nil || strings.Contains(err.Error(), "hush") {
			t.Errorf("%s: %v", attribute, err)
		}
	}
}

func TestAnAnswerToAChangedPasswordIsDescribedByItsStatusAndSchema(t *testing.T) {
	for want, answer := range map[string]scimThing{
		"200 with its schema":    {status: 200, Schemas: []string{"other", scimSchemas + "userpasswordresetter"}},
		"200 without its schema": {status: 200, Schemas: []string{scimSchemas + "UserPasswordChanger"}},
		"204 without a body":     {status: 204},
	} {
		if got := shapeOf(answer, "UserPasswordResetter"); got != want {
			t.Errorf("%+v is %s, want %s", answer, got, want)
		}
	}
}

func TestAProblemsIDIsDescribedWithoutShowingIt(t *testing.T) {
	for id, want := range map[string]string{
		"ocid1.tenancy.oc1..a/ocid1.user.oc1..b/12:34": "tenancy/user/fingerprint", "ocid1.user.oc1..b": "ocid1.user",
		strings.Repeat("a", 32): "of 32 characters", strings.Repeat("b", 40): "of 40 characters",
		strings.Repeat("ab:", 15) + "ab": "a fingerprint", "x": "of another form",
	} {
		if got := formOf(id); got != want {
			t.Errorf("%s is %s, want %s", id, got, want)
		}
	}
}
