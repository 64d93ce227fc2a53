package cloudguard_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/keyturn/keyturn/pkg/cloudguard"
	"github.com/keyturn/keyturn/pkg/credential"
)

const (
	one   = "ocid1.vaultsecret.oc1.iad.amaaaaaaone"
	two   = "ocid1.vaultsecret.oc1.ap-mumbai-1.amaaaaaatwo"
	three = "ocid1.vaultsecret.oc1.phx.amaaaaaathree"
)

var (
	api    = cloudguard.APIKeyTooOld
	token  = cloudguard.AuthTokenTooOld
	secret = cloudguard.SecretKeyTooOld
	passwd = cloudguard.PasswordTooOld
)

func TestACommentThatIsUnderstood(t *testing.T) {
	cases := []struct {
		rule cloudguard.Rule
		text string
		want string // canonical form
	}{
		// As the tutorial writes them.
		{api, "api_secret_ocid:" + one + ",ticket CHG-1", "api_secret_ocid:" + one + ",ticket CHG-1"},
		{token, "auth_secret_ocid:" + two + ",<additional comments>", "auth_secret_ocid:" + two +
			",<additional comments>"},
		{secret, "accesskey_secret_ocid:" + one + ",secretkey_secret_ocid:" + two + ",monthly",
			"accesskey_secret_ocid:" + one + ",secretkey_secret_ocid:" + two + ",monthly"},
		{passwd, "", ""},
		{passwd, "asked by phone", "asked by phone"},
		// Without a secret: found by its tags.
		{api, "", ""},
		{api, " \n,;,\u200b", ""},
		{secret, "rotate it; thanks", "rotate it,thanks"},
		// Case, spaces, line breaks, quotes, order.
		{api, "API_Secret_OCID : OCID1.VaultSecret.oc1.IAD.AMAAAAAAONE", "api_secret_ocid:" + one},
		{api, "\u00a0api_secret_ocid\t:\r\n " + one + "\u200b\r\n", "api_secret_ocid:" + one},
		{api, "api_secret_ocid\n\n:\n\n" + one, "api_secret_ocid:" + one},
		{api, "\"api_secret_ocid:" + one + "\"", "api_secret_ocid:" + one},
		{api, "`api_secret_ocid`: '" + one + "'", "api_secret_ocid:" + one},
		{api, "api_secret_ocid:<" + one + ">", "api_secret_ocid:" + one},
		{api, "\u201capi_secret_ocid\u201d:\u201c" + one + "\u201d", "api_secret_ocid:" + one},
		{api, "api_secret_\u00adocid:ocid1.vault\u200bsecret.oc1.iad.amaaaaaaone", "api_secret_ocid:" + one},
		{api, "CHG-1,,api_secret_ocid:" + one + ";", "api_secret_ocid:" + one + ",CHG-1"},
		{secret, "secretkey_secret_ocid:" + two + ";accesskey_secret_ocid:" + one, "accesskey_secret_ocid:" + one +
			",secretkey_secret_ocid:" + two},
		{secret, "accesskey_secret_ocid:" + one + "\nsecretkey_secret_ocid:" + two, "accesskey_secret_ocid:" + one +
			",secretkey_secret_ocid:" + two},
		{secret, "accesskey_secret_ocid:" + one + "\n\n,secretkey_secret_ocid\r\n:" + two, "accesskey_secret_ocid:" +
			one + ",secretkey_secret_ocid:" + two},
		{secret, "- accesskey_secret_ocid: " + one + "\n- secretkey_secret_ocid: " + two, "accesskey_secret_ocid:" +
			one + ",secretkey_secret_ocid:" + two},
		{token, "auth_secret_ocid:" + one + "\nticket CHG-1", "auth_secret_ocid:" + one + ",ticket CHG-1"},
		{token, "why:\nauth_secret_ocid:" + one, "auth_secret_ocid:" + one + ",why:"},
		{token, "why:\nthe token is old", "why:,the token is old"},
		// A repeated pair, an OCID repeated in the text.
		{token, "auth_secret_ocid:" + one + ",AUTH_SECRET_OCID:" + strings.ToUpper(one), "auth_secret_ocid:" + one},
		{token, "auth_secret_ocid:" + one + ",now in " + one, "auth_secret_ocid:" + one + ",now in " + one},
		// Free text with colons, and words that resemble keys.
		{token, "see: CHG-1:2,https://example.com/x?a=b,grade: A,trace: 4bf92f,place:1",
			"see: CHG-1:2,https://example.com/x?a=b,grade: A,trace: 4bf92f,place:1"},
		{token, "the secret is in the vault", "the secret is in the vault"},
		{token, "user ocid1.user.oc1..aaaa asked", "user ocid1.user.oc1..aaaa asked"},
		// Options and the bundle.
		{api, "replace:YES, dry_run:true ,grace:72H", "replace:yes,grace:72h,dry_run:yes"},
		{api, "replace:no,dry_run:false,grace:0", "grace:0"},
		{api, "grace:3d", "grace:72h"},
		{api, "grace:1h,grace:60m", "grace:1h"},
		{api, "grace:90m", "grace:90m"},
		{api, "grace:1d12h", "grace:36h"},
		{api, "grace:90d", "grace:2160h"},
		{secret, "bundle_secret_ocid:" + three, "bundle_secret_ocid:" + three},
		{api, "bundle_secret_ocid:" + three + ",api_secret_ocid:" + one, "api_secret_ocid:" + one +
			",bundle_secret_ocid:" + three},
		{passwd, "password_secret_ocid:" + one, "password_secret_ocid:" + one},
	}
	for _, c := range cases {
		got, err := cloudguard.ParseComment(c.rule, c.text)
		if err != nil || got.String() != c.want {
			t.Errorf("%s %q:\n got %q, %v\nwant %q", c.rule, c.text, got, err, c.want)
		}
	}
}

func TestTheFieldsOfACommentAreFilled(t *testing.T) {
	c, err := cloudguard.ParseComment(secret, "secretkey_secret_ocid:"+two+",accesskey_secret_ocid:"+one+
		",bundle_secret_ocid:"+three+",replace:yes,grace:1d30m,dry_run:yes, CHG-1 ,by phone")
	if err != nil {
		t.Fatal(err)
	}
	want := map[credential.Role]cloudguard.OCID{
		credential.RoleAccessKey: one, credential.RoleSecretKey: two, credential.RoleBundle: three,
	}
	if !maps.Equal(c.Secrets, want) || !c.Replace || !c.DryRun || c.Grace == nil || *c.Grace != 24*time.Hour+
		30*time.Minute ||
		!slices.Equal(c.Free, []string{"CHG-1", "by phone"}) {
		t.Errorf("got %+v", c)
	}
}

// ask returns the placeholders of a corrected comment.
func ask(rule cloudguard.Rule) string {
	return map[cloudguard.Rule]string{
		api:   "api_secret_ocid:<OCID of the API key secret>",
		token: "auth_secret_ocid:<OCID of the auth token secret>",
		secret: "accesskey_secret_ocid:<OCID of the access key secret>,secretkey_secret_ocid:<OCID of the secret " +
			"key secret>",
	}[rule]
}

type refusal struct {
	rule      cloudguard.Rule
	text      string
	fault     string // part of the message
	corrected string
}

func TestACommentThatIsRefusedSaysWhatToWriteInstead(t *testing.T) {
	cases := slices.Concat(keyRefusals, valueRefusals, optionRefusals)
	if len(cases) < 50 {
		t.Fatalf("%d cases, want 50 at least", len(cases))
	}
	for _, c := range cases {
		_, err := cloudguard.ParseComment(c.rule, c.text)
		refused, ok := errors.AsType[*cloudguard.CommentError](err)
		if !ok {
			t.Errorf("%s %q: error %v, want a CommentError", c.rule, c.text, err)
			continue
		}
		if !strings.Contains(err.Error(), c.fault) || refused.Corrected != c.corrected {
			t.Errorf("%s %q:\n got %v\nwant %q and %q", c.rule, c.text, err, c.fault, c.corrected)
		}
		if !strings.HasSuffix(err.Error(), refused.Corrected) {
			t.Errorf("%v does not end with the corrected comment", err)
		}
		checkCorrected(t, c.rule, refused)
	}
}

// checkCorrected parses the corrected comment, with an OCID for each placeholder. It must be understood, and order a
// rotation unless it says rotate:no.
func checkCorrected(t *testing.T, rule cloudguard.Rule, refused *cloudguard.CommentError) {
	t.Helper()
	text := refused.Corrected
	for n := 0; strings.Contains(text, ":<OCID of the "); n++ {
		from := strings.Index(text, ":<OCID of the ")
		to := from + strings.Index(text[from:], ">")
		text = fmt.Sprintf("%s:ocid1.vaultsecret.oc1.iad.new%d%s", text[:from], n, text[to+1:])
	}
	c, err := cloudguard.ParseComment(rule, text)
	if err != nil {
		t.Errorf("the corrected comment %q is refused: %v", text, err)
		return
	}
	if err := c.Ordered(rule, false); err != nil && !strings.Contains(text, "rotate:no") {
		t.Errorf("the corrected comment %q orders nothing: %v", text, err)
	}
}

var keyRefusals = []refusal{
	{api, "secret:" + one, "has no key",
		"api_secret_ocid:" + one},
	{api, one + " api_secret_ocid", "api_secret_ocid is not in its exact form",
		"api_secret_ocid:" + one},
	{secret, one + " accesskey_secret_ocid, " + two + " is the secretkey_secret_ocid", "not in its exact form",
		"accesskey_secret_ocid:" + one + ",secretkey_secret_ocid:" + two},
	{api, "api_secret_ocd:" + one + ",CHG-1", "api_secret_ocd is not a key (did you mean api_secret_ocid?)",
		"api_secret_ocid:" + one + ",CHG-1"},
	{api, "api-secret-ocid: " + one, "did you mean api_secret_ocid?",
		"api_secret_ocid:" + one},
	{api, "ap\u0456_secret_ocid:" + one, "api_secret_ocid is not in its exact form: write api_secret_ocid:<OCID>, " +
		"with a comma before it and after it",
		"api_secret_ocid:" + one},
	{api, "api_secret_ocid=" + one, "api_secret_ocid is not in its exact form: write api_secret_ocid:<OCID>, with " +
		"a comma before it and after it",
		"api_secret_ocid:" + one},
	{api, "api_secret_ocid " + one, "api_secret_ocid is not in its exact form: write api_secret_ocid:<OCID>, with " +
		"a comma before it and after it",
		"api_secret_ocid:" + one},
	{api, "api_secret_ocd " + one, "did you mean api_secret_ocid?",
		"api_secret_ocid:" + one},
	{token, "auht_secrt_ocid:" + one, "did you mean auth_secret_ocid?",
		"auth_secret_ocid:" + one},
	{token, "au_secret_ocid:" + one, "did you mean auth_secret_ocid?",
		"auth_secret_ocid:" + one},
	{api, "au_secret_ocid:" + one, "did you mean api_secret_ocid?",
		"api_secret_ocid:" + one},
	{api, "apikey_secret_ocid:" + one, "secret_ocid is not a key: the keys are api_secret_ocid or bundle_secret_ocid",
		"api_secret_ocid:" + one},
	{api, "the secret ocid: " + one, "secret ocid is not a key: the keys are api_secret_ocid or bundle_secret_ocid",
		"api_secret_ocid:" + one},
	{api, "api_\u017fecret_ocid:" + one, "api_secret_ocid is not in its exact form: write api_secret_ocid:<OCID>, " +
		"with a comma before it and after it",
		"api_secret_ocid:" + one},
	{secret, "secret_ocid:" + one, "secret_ocid is not a key: the keys are accesskey_secret_ocid and " +
		"secretkey_secret_ocid, or bundle",
		ask(secret)},
	{secret, "my_access_secret_ocid:" + one + ",customer secret key ocid:" + two, "did you mean accesskey_secret_ocid?",
		"accesskey_secret_ocid:" + one + ",secretkey_secret_ocid:" + two},
	{token, "bundel secret ocid:" + one, "did you mean bundle_secret_ocid?",
		"bundle_secret_ocid:" + one},
	{token, "my_bundle_secret_ocid:" + one, "bundle_secret_ocid is not in its exact form: write " +
		"bundle_secret_ocid:<OCID>, with a comma before it and after it",
		"bundle_secret_ocid:" + one},
	{api, "auth_secret_ocid:" + one + ",CHG-1", "auth_secret_ocid does not belong to an API key: the keys are " +
		"api_secret_ocid or bundle_secret_ocid",
		ask(api) + ",CHG-1"},
	{token, "auth_secret_ocid:" + one + ",api_secret_ocid:" + two, "does not belong to an auth token",
		"auth_secret_ocid:" + one},
	{secret, "api_secret_ocid:" + one, "does not belong to a customer secret key",
		ask(secret)},
	{passwd, "auth_secret_ocid:" + one, "does not belong to a console password",
		"rotate:yes"},
	{secret, "accesskey_secret_ocid:" + one + " secretkey_secret_ocid:" + two, "accesskey_secret_ocid has more " +
		"than the OCID as its value: put a comma between the OCID and other text",
		"accesskey_secret_ocid:" + one + ",secretkey_secret_ocid:" + two},
	{token, "please use auth_secret_ocid:" + one, "auth_secret_ocid is not in its exact form: write " +
		"auth_secret_ocid:<OCID>, with a comma before it and after it",
		"auth_secret_ocid:" + one},
	{token, "CHG-1 dry_run:yes", "dry_run is not in its exact form: write dry_run:yes, with a comma before it and " +
		"after it",
		"dry_run:yes,CHG-1"},
	{token, "auth_secret_ocid:" + one + " grace:soon", "auth_secret_ocid has more than the OCID as its value: put " +
		"a comma between the OCID and other text",
		"auth_secret_ocid:" + one + ",grace:72h"},
	{token, "auth_secret_ocid", "auth_secret_ocid is not in its exact form: write auth_secret_ocid:<OCID>, with a " +
		"comma before it and after it",
		ask(token)},
	{token, "auth_secret_ocid:", "auth_secret_ocid has no value",
		ask(token)},
	{token, "auth_secret_ocid: ''", "auth_secret_ocid has no value",
		ask(token)},
	{token, "auth_secret_ocid:\nbundle_secret_ocid:" + one, "auth_secret_ocid has no value",
		"bundle_secret_ocid:" + one},
	{secret, "accesskey_secret_ocid:" + one, "secretkey_secret_ocid is missing",
		"accesskey_secret_ocid:" + one + ",secretkey_secret_ocid:<OCID of the secret key secret>"},
	{secret, "secretkey_secret_ocid:" + one + ",bundle_secret_ocid:" + two, "accesskey_secret_ocid is missing",
		"secretkey_secret_ocid:" + one + ",bundle_secret_ocid:" + two + ",accesskey_secret_ocid:<OCID of the " +
			"access key secret>"},
}

var valueRefusals = []refusal{
	{token, "auth_secret_ocid:my-secret", "does not begin with \"ocid1.\"",
		ask(token)},
	{token, "auth_secret_ocid:ocid1.secret.oc1.iad.aaaa", "type \"secret\", want \"vaultsecret\"",
		ask(token)},
	{token, "auth_secret_ocid:" + one + "/../x", "'/' in its unique",
		"auth_secret_ocid:" + one},
	{token, "auth_secret_ocid:<OCID of auth token secret>", "placeholder",
		ask(token)},
	{token, "auth_secret_ocid:" + one + " for the CI", "more than the OCID",
		"auth_secret_ocid:" + one},
	{token, "auth_secret_ocid:" + one + ".", "more than the OCID",
		"auth_secret_ocid:" + one},
	{token, "auth_secret_ocid:" + one + " " + two, "auth_secret_ocid has more than the OCID as its value: put a " +
		"comma between the OCID and other text",
		ask(token)},
	{token, "auth_secret_ocid:" + one + ",auth_secret_ocid:" + two, "auth_secret_ocid is given more than once",
		ask(token)},
	{token, "auth_secret_ocid:" + one + ",auth_secret_ocd:" + two, "auth_secret_ocd is not a key (did you mean " +
		"auth_secret_ocid?): write auth_secret_ocid:<OCID>",
		ask(token)},
	{token, "auth_secret_ocid:nothing,auth_secret_ocid:" + one, "does not begin",
		"auth_secret_ocid:" + one},
	{secret, "accesskey_secret_ocid:" + one + ",secretkey_secret_ocid:" + one, "names the same secret as " +
		"accesskey_secret_ocid",
		ask(secret)},
	{api, "api_secret_ocid:" + one + ",bundle_secret_ocid:" + one, "names the same secret as api_secret_ocid",
		ask(api) + ",bundle_secret_ocid:<OCID of the bundle secret>"},
	{token, one, one + " has no key",
		"auth_secret_ocid:" + one},
	{token, "put it into " + one + " please", "has no key",
		"auth_secret_ocid:" + one},
	{token, one + "," + two, "has no key",
		ask(token)},
	{token, "auth_secret_ocid:" + one + ",not " + two, two + " has no key",
		"auth_secret_ocid:" + one},
	{secret, one, "has no key",
		ask(secret)},
	{secret, "bundle_secret_ocid:" + one + "," + two, "has no key",
		"bundle_secret_ocid:" + one},
	{passwd, one, "has no key",
		"password_secret_ocid:" + one},
	{token, "ocid1.vaultsecret.oc1.iad", "the text has an OCID that looks cut short. Copy the whole OCID of the " +
		"Vault secret",
		ask(token)},
	{token, strings.Repeat("x", cloudguard.MaxComment+1), "is longer than 8192 bytes", ask(token)},
	{passwd, strings.Repeat("x", cloudguard.MaxComment+1), "is longer than 8192 bytes", "rotate:yes"},
}

var optionRefusals = []refusal{
	{token, "replace:perhaps", "replace must be yes or no",
		"rotate:yes"},
	{token, "replace:on,dry_run:off", "replace must be yes or no; dry_run must be yes or no",
		"replace:yes"},
	{token, "dry_run:1", "dry_run must be yes or no",
		"dry_run:yes"},
	{token, "replace:yes,replace:no", "replace is given more than once",
		"rotate:yes"},
	{token, "dry_run:yes,dry_run:no", "dry_run is given more than once",
		"dry_run:yes"},
	{token, "grace:1h,grace:2h", "grace is given more than once",
		"grace:2h"},
	{token, "grace:72", "grace is not a time",
		"grace:72h"},
	{token, "grace:72 hours", "grace is not a time",
		"grace:72h"},
	{token, "grace:3 days", "grace is not a time",
		"grace:72h"},
	{token, "grace:3 months", "grace is not a time",
		"grace:2160h"},
	{token, "grace:-1h", "grace is not a time",
		"grace:72h"},
	{token, "grace:91d", "grace is longer than 90 days",
		"grace:2160h"},
	{token, "grace:999999d999999h999999m", "grace is longer than 90 days",
		"grace:72h"},
	{token, "grace:", "grace has no value",
		"grace:72h"},
	{token, "repalce:yes", "did you mean replace?",
		"replace:yes"},
	{token, "dryrun:yes", "did you mean dry_run?",
		"dry_run:yes"},
	{token, "dry-run:on", "did you mean dry_run?",
		"dry_run:yes"},
	{token, "CHG-1, dry run", "did you mean dry_run?",
		"dry_run:yes,CHG-1"},
	{token, "replace", "replace is not in its exact form: write replace:yes, with a comma before it and after it",
		"rotate:yes"},
	{token, "grce:72h", "did you mean grace?",
		"grace:72h"},
	{token, "grce:72 hours", "did you mean grace?",
		"grace:72h"},
	{token, "grace=72h", "grace is not in its exact form: write grace:72h, grace:3d or grace:0, with a comma " +
		"before it and after it",
		"grace:72h"},
}

func TestTheValueOfAKeyIsNeverRepeatedInAnError(t *testing.T) {
	const pasted = "kX9-pasted-token"
	for _, text := range []string{"auth_secret_ocid:" + pasted, "auth_secret_ocd:" + pasted, "auth_secret_ocid=" +
		pasted,
		"auth_secret_ocid:" + pasted + " " + pasted, "replace:" + pasted, "grace:" + pasted, "api_secret_ocid:" +
			pasted} {
		if _, err := cloudguard.ParseComment(token, text); err == nil || strings.Contains(err.Error(), pasted) {
			t.Errorf("%q: error %v", text, err)
		}
	}
}

func TestALongListOfFaultsIsShortenedInTheError(t *testing.T) {
	_, err := cloudguard.ParseComment(token, strings.Repeat("replace:maybe,", 100))
	refused, ok := errors.AsType[*cloudguard.CommentError](err)
	if !ok || len(refused.Faults) != 100 || strings.Count(err.Error(), "must be yes") != 20 ||
		!strings.Contains(err.Error(), "and 80 more") {
		t.Errorf("error %v", err)
	}
}

func TestAnUnknownRuleIsNotACommentError(t *testing.T) {
	_, err := cloudguard.ParseComment("BUCKET_IS_PUBLIC", "")
	if _, ok := errors.AsType[*cloudguard.CommentError](err); err == nil || ok {
		t.Errorf("error %v", err)
	}
}

func TestEachRoleHasItsKey(t *testing.T) {
	want := map[cloudguard.Rule]string{
		api: "api_secret_ocid", token: "auth_secret_ocid", secret: "accesskey_secret_ocid secretkey_secret_ocid",
		passwd: "password_secret_ocid",
	}
	for rule, keys := range want {
		var got []string
		for _, role := range rule.Roles() {
			got = append(got, role.Key())
		}
		if strings.Join(got, " ") != keys {
			t.Errorf("%s: keys %q, want %q", rule, got, keys)
		}
	}
	if credential.RoleBundle.Key() != "bundle_secret_ocid" || credential.Role("x").Key() != "" ||
		cloudguard.Rule("").Roles() != nil {
		t.Error("the bundle, an unknown role or no rule has a wrong key")
	}
}
