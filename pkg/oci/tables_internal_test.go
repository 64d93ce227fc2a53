package oci

import (
	"slices"
	"testing"

	"github.com/keyturn/keyturn/pkg/credential"
)

// Readers of the tables find a status, or its gap, at once.
func TestTheTablesListTheirStatusesInOrder(t *testing.T) {
	lists := [][]int{client4xx, limits}
	for _, r := range slices.Concat(refusals, domainRefusals) {
		lists = append(lists, r.statuses)
	}
	for _, p := range kinds {
		for _, r := range p.proof.rows {
			lists = append(lists, r.statuses)
		}
	}
	for _, list := range lists {
		for i := 1; i < len(list); i++ {
			if list[i-1] >= list[i] {
				t.Errorf("%d comes before %d in %v", list[i-1], list[i], list)
			}
		}
	}
}

func TestNothingIsAVerdictButTheAnswersThatOCIsDocumentationExplains(t *testing.T) {
	type answer struct {
		form   form
		status int
		code   string
	}
	byOCI := map[answer]verdict{
		{formOCI, 401, "NotAuthenticated"}:        rejected,
		{formOCI, 403, "NotAuthorized"}:           accepted,
		{formOCI, 403, "NotAllowed"}:              accepted,
		{formOCI, 404, "NotAuthorizedOrNotFound"}: accepted,
	}
	codes := []string{"NotAuthenticated", "NotAuthorized", "NotAllowed", "NotAuthorizedOrNotFound",
		"InvalidAccessKeyId", "SignatureDoesNotMatch",
		"AccessDenied", "SomethingNew", ""}
	byRegistry := map[answer]verdict{{formOCI, 401, "NotAuthenticated"}: rejected}
	for _, code := range codes { // whatever the code is
		byRegistry[answer{formRegistry, 401, code}] = rejected
		byRegistry[answer{formRegistry, 403, code}] = rejected
	}
	byS3 := map[answer]verdict{
		{formS3, 403, "AccessDenied"}:            accepted,
		{formS3, 403, "NotAuthorizedOrNotFound"}: accepted,
		{formS3, 404, "NotAuthorizedOrNotFound"}: accepted,
	}
	for _, status := range []int{400, 401, 403} {
		byS3[answer{formS3, status, "InvalidAccessKeyId"}] = rejected
		byS3[answer{formS3, status, "SignatureDoesNotMatch"}] = rejected
	}
	for a, v := range byOCI {
		byS3[a] = v
	}
	for kind, want := range map[credential.Kind]map[answer]verdict{credential.APIKey: byOCI,
		credential.AuthToken: byRegistry, credential.CustomerSecretKey: byS3} {
		for _, f := range []form{formOCI, formSCIM, formRegistry, formS3, formPage, formEmpty, formOther} {
			for status := 300; status < 600; status++ {
				for _, code := range codes {
					said, ok := want[answer{f, status, code}]
					if !ok {
						said = unclear
					}
					if got := verdictOf(kinds[kind].proof, failure{status: status, form: f, code: code,
						requestID: "request-1"}); got != said {
						t.Errorf("%s, %d %s in %s: %s, want %s", kind, status, code, f, got, said)
					}
					if f != formRegistry {
						said = unclear
					}
					if got := verdictOf(kinds[kind].proof, failure{status: status, form: f, code: code}); got != said {
						t.Errorf("%s, %d %s in %s, without a request id: %s, want %s", kind, status, code, f, got, said)
					}
				}
			}
		}
	}
}

func TestASuccessIsTheOwnersOnlyIfItIsWholeAndNamesThem(t *testing.T) {
	for _, c := range []struct {
		body, user string
		want       bool
	}{
		{`{"id":"u"}`, "u", true}, {`{"id":"U"}`, "u", true}, {`{"id":"u","name":7}`, "u", true},
		{`{"id":"v"}`, "u", false}, {`{}`, "u", false}, {`{"id":""}`, "", false}, {`{}`, "", false}, {`[]`, "", false},
		{`{"id":"u"`, "u", false}, {`{"id":"u","ID":7}`, "u", false}, {`{"ID":7,"id":"u"}`, "u", false},
	} {
		if got := isUser([]byte(c.body), credential.Owner{User: c.user}); got != c.want {
			t.Errorf("%s is the answer to %q: %v, want %v", c.body, c.user, got, c.want)
		}
	}
}

func TestABodyIsReadInTheFormThatItHas(t *testing.T) {
	const head = `{"schemas":["urn:ietf:params:scim:api:messages:2.0:Error"]`
	for text, want := range map[string]body{
		`{"code":"c","message":"m"}`: {formOCI, 0, "c", "m"},
		`{"code":"c","message":""}`:  {formOCI, 0, "c", ""},
		`{"code":"","message":"m"}`:  {form: formOther},
		`{"code":"c"}`:               {form: formOther},
		`{"message":"m"}`:            {form: formOther},
		head + `,"detail":"d","status":"404","urn:x":{"messageId":"error.x"}}`:    {formSCIM, 404, "error.x", "d"},
		head + `,"detail":"d","status":404}`:                                      {formSCIM, 404, "", "d"},
		head + `,"detail":"d"}`:                                                   {formSCIM, 0, "", "d"},
		head + `,"x":{"messageId":"error.x"},"urn:y":{"messageId":""},"urn:z":1}`: {formSCIM, 0, "", ""},
		`{"schemas":["urn:x"],"detail":"d","status":"404"}`:                       {form: formOther},
		`{"schemas":1,"detail":"d","status":"404"}`:                               {form: formOther},
		`{"errors":[{"code":"c","message":"m"},{"code":"d"}]}`:                    {formRegistry, 0, "c", "m"},
		`{"errors":[{"code":"c"}]}`:                                               {formRegistry, 0, "c", ""},
		`{"errors":[{"message":"m"}]}`:                                            {formRegistry, 0, "", "m"},
		`{"errors":[{},{"code":"c"}]}`:                                            {form: formOther},
		`{"errors":[]}`:                                                           {form: formOther},
		`{"errors":[{"code":"c"},1]}`:                                             {form: formOther},
		`<Error><Code>c</Code><Message>m</Message></Error>`:                       {formS3, 0, "c", "m"},
		`<Error><Message>m</Message></Error>`:                                     {form: formPage},
		`<Result><Code>c</Code><Message>m</Message></Result>`:                     {form: formPage},
		`<Error><Code>c</Code>`:                                                   {form: formPage},
		" <":                                                                      {form: formPage},
		"a<":                                                                      {form: formOther},
		"7":                                                                       {form: formOther},
		"":                                                                        {form: formEmpty},
		" \n":                                                                     {form: formEmpty},
	} {
		if got := readBody([]byte(text)); got != want {
			t.Errorf("%s reads as %+v, want %+v", text, got, want)
		}
	}
}

func TestTheReasonOfARefusalThatWasPassedOnIsTheLastStatusInIt(t *testing.T) {
	for text, want := range map[string]int{
		"": 0, "404": 0, `"status":"404"`: 404, `"status" : 503`: 503, `\"status\":\"404\"`: 404,
		`"status":"404" "status":"412"`: 412,
		"401-IdcsConversionError":       401, "400-IdcsConversionError, 401-IdcsConversionError": 401,
		`401-IdcsConversionError "status":"404"`: 404,
		`"status":"600"`:                         0, `"status":"4040"`: 0,
	} {
		if got := embeddedStatus(text); got != want {
			t.Errorf("%s has the status %d, want %d", text, got, want)
		}
	}
}

func TestEveryKindIsListedMadeAndProvenByItsOwnCalls(t *testing.T) {
	var names []string
	for _, kind := range credential.Kinds() {
		ops := kinds[kind]
		names = append(names, ops.list, ops.create, ops.remove)
	}
	slices.Sort(names)
	if n := len(slices.Compact(names)); n != 3*len(credential.Kinds()) || names[0] == "" {
		t.Errorf("%d names of operations, want three for each kind", n)
	}
}
