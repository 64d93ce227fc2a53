package cloudguard_test

import (
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/keyturn/keyturn/pkg/cloudguard"
)

func FuzzParseComment(f *testing.F) {
	seeds := []string{
		"", "ticket CHG-1", "api_secret_ocid:" + one + ",ticket", "API_SECRET_OCID :\n" + one,
		"accesskey_secret_ocid:" + one + " secretkey_secret_ocid:" + two, "auth_secret_ocid:" + one +
			"\u200b\nreplace:yes;grace:3d;dry_run:no",
		"see " + one + " and " + two, "a b c " + one + " b " + two + " secretocid: z",
		"grce=3 days,dry run,bundle_secret_ocid:<" + three + ">",
		"- auth_secret_ocd: \"" + one + ".\"", "\u017f:\n:,;=\ufeff\xff", "x:\napi_secret_ocid\n:" + one,
	}
	seeds = append(seeds, "grace_period:72h", "dry_run\uff1ayes", "--dry-run", "&#100;ry_run&#58;yes",
		"**dry_run**: yes", "r\u043etate:no", "dry\nrun", "72h grace",
		"keep the old key for 72 hours", "do not rotate, accepted risk until 2027", "Grace Hopper approved",
		"rotated per policy", whole+"...", whole[:60]+"\n"+whole[60:])
	for _, rule := range cloudguard.Rules() {
		for _, text := range slices.Concat(seeds, faultyTexts()) {
			if len(text) < 1000 {
				f.Add(string(rule), text)
			}
		}
	}
	f.Fuzz(func(t *testing.T, rule, text string) {
		if !cloudguard.Rule(rule).Known() {
			rule = string(cloudguard.Rules()[len(rule)%4])
		}
		c, err := cloudguard.ParseComment(cloudguard.Rule(rule), text)
		if refused, ok := errors.AsType[*cloudguard.CommentError](err); ok {
			checkRefused(t, cloudguard.Rule(rule), refused)
			return
		}
		if err != nil {
			t.Fatalf("%q: %v is not a CommentError", text, err)
		}
		for role, id := range c.Secrets {
			if _, err := cloudguard.ParseOCID(string(id), cloudguard.TypeSecret); err != nil ||
				!safeInPath(string(id)) || role.Key() == "" {
				t.Errorf("%q: role %q has the OCID %q, %v", text, role, id, err)
			}
		}
		for _, item := range c.Free {
			for _, name := range compounds {
				if strings.Contains(lettersOf(item), name) {
					t.Errorf("%q: the name %s is taken for free text", text, name)
				}
			}
		}
		again, err := cloudguard.ParseComment(cloudguard.Rule(rule), c.String())
		if err != nil || !reflect.DeepEqual(c, again) {
			t.Errorf("%q\nwas printed as %q\nwhich gave %+v, %v\nnot %+v", text, c, again, err, c)
		}
	})
}

// compounds are names of options and keys that aren't words of a language.
var compounds = []string{"dryrun", "graceperiod", "secretbinding", "protectedusers", "eventcheck", "rsabits",
	"bareclosure", "secretocid"}

// lettersOf removes everything but letters and digits.
func lettersOf(text string) string {
	return strings.Map(func(r rune) rune {
		if r < unicode.MaxASCII && (unicode.IsLetter(r) || unicode.IsDigit(r)) || r >= unicode.MaxASCII &&
			unicode.IsLetter(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, text)
}

func checkRefused(t *testing.T, rule cloudguard.Rule, refused *cloudguard.CommentError) {
	t.Helper()
	if len(refused.Faults) == 0 {
		t.Error("an error without a fault")
	}
	for _, fault := range refused.Faults {
		if fault.Item == "" || fault.Problem == "" {
			t.Errorf("a fault without item or problem: %+v", fault)
		}
	}
	if strings.ContainsAny(refused.Corrected, "\n\r\x00") {
		t.Errorf("%q is not one line", refused.Corrected)
	}
	checkCorrected(t, rule, refused)
}

func faultyTexts() []string {
	var texts []string
	for _, c := range slices.Concat(keyRefusals, valueRefusals, optionRefusals) {
		texts = append(texts, c.text)
	}
	return texts
}
