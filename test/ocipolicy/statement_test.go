package ocipolicy_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/keyturn/keyturn/test/ocipolicy"
)

func TestAStatementIsReadWhateverItsCaseAndSpaces(t *testing.T) {
	for text, want := range map[string]string{
		"Allow group Admins to manage all-resources in tenancy": "allow group Admins to manage " +
			"all-resources in tenancy",
		"allow GROUP a, b TO Inspect USERS in TENANCY": "allow group a, b to inspect users " +
			"in tenancy",
		"allow group a, group b to read secrets in tenancy": "allow group a, b to read secrets " +
			"in tenancy",
		"allow any-user to use ons-topics in compartment A:B": "allow any-user to use ons-topics in " +
			"compartment A:B",
		"allow service FaaS to read repos in tenancy": "allow service FaaS to read repos " +
			"in tenancy",
		"allow dynamic-group id ocid1.x to { SECRET_READ } in compartment": "",
		"allow dynamic-group 'Default'/'turn keys' to {USER_READ,USER_INSPECT} in compartment id " +
			"ocid1.compartment.oc1..a where target.user.name!='x'": "allow dynamic-group 'Default'/'turn keys' to " +
			"{USER_READ, USER_INSPECT} in compartment id ocid1.compartment.oc1..a where target.user.name != 'x'",
		"allow dynamic-group Other/x to {user_read}\n\tin tenancy where ALL{ request.operation = 'GetUser' , any " +
			"{target.user.id = /ocid1*a/, target.user.name not in ('a', /b*/)}}": "allow dynamic-group 'Other'/'x' " +
			"to {USER_READ} in tenancy where all {request.operation = 'GetUser', any {target.user.id = /ocid1*a/, " +
			"target.user.name not in ('a', /b*/)}}",
		"allow dynamic-group id 'ocid1.x' to use secret-family in tenancy where request.principal.id = " +
			"target.resource.tag.A.b": "allow dynamic-group id ocid1.x to use secret-family in tenancy where " +
			"request.principal.id = target.resource.tag.a.b",
	} {
		st, err := ocipolicy.Parse(text)
		if want == "" {
			if err == nil {
				t.Errorf("%s\nis read as %s", text, st)
			}
			continue
		}
		if err != nil || st.String() != want {
			t.Errorf("%s\nis read as %s (%v)\nwant       %s", text, st, err, want)
			continue
		}
		if again, err := ocipolicy.Parse(st.String()); err != nil || again.String() != st.String() {
			t.Errorf("%s is read back as %s (%v)", st, again, err)
		}
		if doubts := st.Doubts(); len(doubts) > 0 {
			t.Errorf("%s: %v", st, doubts)
		}
	}
}

func TestAFaultIsShownWhereItIs(t *testing.T) {
	for text, want := range map[string]string{
		"":                           "at 0: want allow, not the end",
		"deny group a to read users": "at 0: want allow",
		"allow groups a to read users": "at 6: want any-user, " +
			"group, dynamic-group or service",
		"allow group to read users in tenancy": "at 15: want to",
		"allow group a to look users": "at 17: want inspect, " +
			"read, use, manage or permissions in braces",
		"allow group a to {} in tenancy":    "at 18: want a permission",
		"allow group a to {A.B} in tenancy": "at 18: want a permission",
		"allow group a to {A B} in tenancy": "at 20: want '}'",
		"allow group a to read users":       "at 27: want in, not the end",
		"allow group a to read users in " +
			"compartments x": "at 31: want tenancy or compartment",
		"allow group a to read users in tenancy if x": "at 39: want the end",
		"allow group a to read users in tenancy where": "at 44: want a variable, " +
			"any or all, not the end",
		"allow group a to read users in tenancy where " +
			"target.user.nam = 'x'": "at 45: want a variable, any or all",
		"allow group a to read users in tenancy where " +
			"target.resource.tag.a = 'x'": "at 45: want a variable, any or all",
		"allow group a to read users in tenancy where " +
			"target.user.name == 'x'": "at 63: want a value in single quotes",
		"allow group a to read users in tenancy where " +
			"target.user.name = x": "at 64: want a value in single quotes",
		"allow group a to read users in tenancy where target.user.name = 'x": "at 66: want a closing " +
			"single quote, not the end",
		"allow group a to read users in tenancy where target.user.name = /x": "at 66: want a closing " +
			"slash, not the end",
		"allow group a to read users in tenancy where target.user.name " +
			"before 'x'": "at 62: want =, !=, in or not in",
		"allow group a to read users in tenancy where any {target.user.name = 'x'":   "at 72: want '}', not the end",
		"allow group a to read users in tenancy where target.user.name in ('x' 'y')": "at 70: want ')'",
		"allow group a to read users in tenancy where target.user.name not ('x')":    "at 66: want in",
		"allow group a to read users in tenancy where target.user.name": "at 61: want =, !=, in or " +
			"not in, not the end",
		"allow group a to read users in tenancy where target.user.name = '' and x = ''": "at 67: want the end",
	} {
		_, err := ocipolicy.Parse(text)
		var syntax *ocipolicy.SyntaxError
		if !errors.As(err, &syntax) || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s\nis refused with %v\nwant %s", text, err, want)
		}
	}
}

func TestAMisspeltTypeOrPermissionIsDoubted(t *testing.T) {
	for text, want := range map[string]string{
		"allow group a to read secret-bundle in tenancy":                 "unknown resource type secret-bundle",
		"allow group a to {SECRET_RED, USER_READ} in tenancy":            "unknown permission SECRET_RED",
		"allow group a to manage functions-family in tenancy":            "",
		"allow group a to manage cloud-guard-family in compartment apps": "",
	} {
		st, err := ocipolicy.Parse(text)
		if got := strings.Join(st.Doubts(), ", "); err != nil || got != want {
			t.Errorf("%s: %q (%v), want %q", text, got, err, want)
		}
	}
}

func TestAVerbGrantsWhatTheWeakerOnesDo(t *testing.T) {
	for _, c := range []struct {
		verb       ocipolicy.Verb
		kind, want string
	}{
		{ocipolicy.Inspect, "users", "USER_INSPECT"},
		{ocipolicy.Use, "users", "USER_INSPECT USER_READ USER_UPDATE"},
		{ocipolicy.Use, "secret-versions", "SECRET_VERSION_INSPECT SECRET_VERSION_READ"},
		{ocipolicy.Manage, "secret-bundles", "SECRET_BUNDLE_INSPECT SECRET_BUNDLE_READ"},
		{ocipolicy.Read, "secret-family", "SECRET_BUNDLE_INSPECT SECRET_BUNDLE_READ SECRET_INSPECT SECRET_READ " +
			"SECRET_VERSION_INSPECT SECRET_VERSION_READ"},
		{ocipolicy.Use, "ons-topics", "ONS_TOPIC_INSPECT ONS_TOPIC_PUBLISH ONS_TOPIC_READ ONS_TOPIC_SUBSCRIBE"},
		{ocipolicy.Read, "tenancies", "TENANCY_INSPECT"},
		{ocipolicy.Manage, "vcns", ""},
	} {
		if got := strings.Join(ocipolicy.Permissions(c.verb, c.kind), " "); got != c.want {
			t.Errorf("%s %s grants %q, want %q", c.verb, c.kind, got, c.want)
		}
	}
	if n := len(ocipolicy.KnownPermissions()); n < 100 {
		t.Errorf("%d permissions are known, want 100 or more", n)
	}
}

func FuzzAParsedStatementCanBeFormattedAndParsedAgain(f *testing.F) {
	for _, seed := range []string{
		"allow group a, 'b c' to read users in tenancy",
		"allow dynamic-group 'D'/'x' to {A, B_C} in compartment a:b where any {request.permission = 'A', " +
			"target.user.name != /x*/}",
		"ALLOW any-user TO manage secrets IN compartment id 'ocid1' where target.secret.id not in ('a', /b/, " +
			"request.user.id)",
		"allow service faas to use x in tenancy where all{all{request.region='iad'}}",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		st, err := ocipolicy.Parse(text)
		if err != nil {
			var syntax *ocipolicy.SyntaxError
			if !errors.As(err, &syntax) || syntax.At < 0 || syntax.At > len(text) {
				t.Fatalf("%q is refused with %v", text, err)
			}
			return
		}
		again, err := ocipolicy.Parse(st.String())
		if err != nil || again.String() != st.String() {
			t.Fatalf("%q is read as %q and that as %q (%v)", text, st, again, err)
		}
	})
}
