package vault_test

import (
	"encoding/json"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/vault"
)

// foreign are members as other tools write them.
var foreign = []string{
	`"account":1234567890123456789`, `"big":1e400`, `"tiny":-1.5E-400`, `"one":1.0`, `"zero":-0`,
	`"digits":3.141592653589793238462643383279`,
	`"none":null`, `"yes":true`, `"empty":{}`, `"list":[1,[2,{"keyturn":"not the top"}],null]`,
	`"html":"<a href=\"x\">&amp;</a>"`,
	`"slash":"a\/b"`, `"escaped":"\u0041\u00e9"`, `"plain":"é 日本"`, `"lone":"\ud800"`, `"line":"\u2028"`,
	`"twice":1,"twice":2`, `"":"no name"`,
	`"k\u0065y":"an escaped name"`, `"Keyturn":"another case"`, `"keyturn ":"a blank more"`,
	`"nested":{"keyturn":"{}"}`, `"text":"{\"keyturn\":1}"`,
	`"spaced" : [ 1 , 2 ]`, `"deep":{"a":{"b":{"c":[[[[1e1000]]]]}}}`, `"date":"2026-01-31T12:00:00Z"`, `"tab":"\t"`,
	`"percent":"%s %d"`,
}

func TestChangingOneMemberOfMetadataKeepsEveryOtherByte(t *testing.T) {
	for _, one := range foreign {
		for _, form := range []string{"{" + one + "}", " {\n  " + one + "\n}\n", `{"first":1,` + one + `,"last":[]}`} {
			before := vault.Metadata(form)
			added, err := before.With("keyturn", `{"a":"<b>"}`)
			if err != nil {
				t.Errorf("%s: %v", form, err)
				continue
			}
			at := strings.LastIndex(string(added), `,"keyturn":`)
			end := at + len(`,"keyturn":`) + len(`"{\"a\":\"<b>\"}"`)
			if at < 0 || end > len(added) || string(added[:at])+string(added[end:]) != form {
				t.Errorf("%s became %s", form, added)
				continue
			}
			changed, err := added.With("keyturn", "other")
			if text, _ := changed.Text("keyturn"); err != nil || text != "other" || string(changed[:at]) != form[:at] ||
				!strings.HasSuffix(string(changed), form[at:]) {
				t.Errorf("%s became %s when the member was changed (%v)", added, changed, err)
			}
			if text, err := added.Text("keyturn"); err != nil || text != `{"a":"<b>"}` {
				t.Errorf("the member of %s reads as %q (%v)", added, text, err)
			}
		}
	}
}

func TestAMemberIsChangedInItsPlaceHoweverItIsWritten(t *testing.T) {
	for before, want := range map[string]string{
		``:                                    `{"keyturn":"new"}`,
		`null`:                                `{"keyturn":"new"}`,
		` {} `:                                `{"keyturn":"new"}`,
		`{"keyturn":"old","a":1}`:             `{"keyturn":"new","a":1}`,
		`{"a":1.0,"keyturn" : "old" }`:        `{"a":1.0,"keyturn" : "new" }`,
		`{"k\u0065yturn":"old"}`:              `{"k\u0065yturn":"new"}`,
		`{"keyturn":null}`:                    `{"keyturn":"new"}`,
		`{"keyturn":"1","a":2,"keyturn":"3"}`: `{"keyturn":"new","a":2,"keyturn":"new"}`,
	} {
		if got, err := vault.Metadata(before).With("keyturn", "new"); err != nil || string(got) != want {
			t.Errorf("%q became %q (%v), want %q", before, got, err, want)
		}
	}
}

func TestMalformedMetadataAreRefused(t *testing.T) {
	for _, text := range []string{`[]`, `"text"`, `1`, `true`, `{`, `{"a"`, `{"a":}`, `{"a":1,}`, `{"a":1}{"b":2}`,
		`{"a":1} x`, `{a:1}`, `{"a":01}`, `{"a":NaN}`, "{\"a\":\"\n\"}"} {
		if got, err := vault.Metadata(text).With("keyturn", "x"); !errors.Is(err, credential.ErrNotAnObject) {
			t.Errorf("%s became %s (%v)", text, got, err)
		}
	}
	for _, text := range []string{`{"keyturn":1}`, `{"keyturn":{}}`, `{"keyturn":["x"]}`, `{"keyturn":false}`} {
		if got, err := vault.Metadata(text).Text("keyturn"); !errors.Is(err, credential.ErrNotAnObject) {
			t.Errorf("the member of %s reads as %q (%v)", text, got, err)
		}
	}
}

// The same rule for thousands of random objects, with a fixed seed.
func TestRandomMetadataKeepTheirBytes(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 5000 {
		var members []string
		for range random.IntN(6) {
			members = append(members, foreign[random.IntN(len(foreign))])
		}
		before := vault.Metadata("{" + strings.Join(members, [...]string{",", " , ", ",\n\t"}[random.IntN(3)]) + "}")
		after, err := before.With("keyturn", "x")
		if err != nil || !json.Valid(after) {
			t.Fatalf("%s became %s (%v)", before, after, err)
		}
		member := `"keyturn":"x"`
		if len(members) > 0 {
			member = "," + member
		}
		at := strings.LastIndex(string(after), member)
		if at < 0 || string(after[:at])+string(after[at+len(member):]) != string(before) {
			t.Fatalf("%s became %s", before, after)
		}
	}
}
