package ocipolicy_test

import (
	"strings"
	"testing"

	"github.com/keyturn/keyturn/test/ocipolicy"
)

// function is a function of the compartment apps, which is in the root.
var function = ocipolicy.Principal{Resource: ocipolicy.Resource{ID: "ocid1.fnfunc.1", Type: "fnfunc",
	Compartment: "ocid1.c.apps",
	Tags:        map[string]map[string]string{"Ops": {"Tier": "gold"}}}}

// paths are compartments, each with its parents.
var (
	root   = []ocipolicy.Compartment{{ID: "ocid1.tenancy", Name: "acme"}}
	apps   = append([]ocipolicy.Compartment{{ID: "ocid1.c.apps", Name: "apps"}}, root...)
	vaults = append([]ocipolicy.Compartment{{ID: "ocid1.c.vaults", Name: "Vaults"}}, apps...)
)

// decide decides with a single statement and a dynamic group fn that matches the function.
func decide(t *testing.T, statement string, mode ocipolicy.Inapplicable, r ocipolicy.Request) bool {
	t.Helper()
	st, err := ocipolicy.Parse(statement)
	if err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
	rule, err := ocipolicy.ParseRule("ALL {resource.type = 'fnfunc', resource.id = 'ocid1.fnfunc.1'}")
	if err != nil {
		t.Fatal(err)
	}
	set := ocipolicy.Set{Statements: []ocipolicy.Statement{st}, Inapplicable: mode,
		DynamicGroups: []ocipolicy.DynamicGroup{
			{Name: "fn", ID: "ocid1.dg.1", Rule: rule}, {Name: "fn", Domain: "Other", ID: "ocid1.dg.2"}}}
	return set.Decide(r).Allowed
}

func TestAStatementGrantsOnlyToItsSubjects(t *testing.T) {
	user := ocipolicy.Principal{UserID: "ocid1.user.1", UserName: "ada",
		Groups: []ocipolicy.Group{{Name: "Ops", ID: "ocid1.group.1"}}}
	for _, c := range []struct {
		subject        string
		function, user bool
	}{
		{"any-user", true, true}, {"dynamic-group FN", true, false}, {"dynamic-group 'Default'/'fn'", true, false},
		{"dynamic-group Other/fn", false, false}, {"dynamic-group id ocid1.dg.1", true, false},
		{"dynamic-group id ocid1.dg.2", false, false},
		{"dynamic-group x, fn", true, false}, {"group ops", false, true}, {"group id ocid1.group.1", false, true},
		{"group fn", false, false}, {"dynamic-group ops", false, false}, {"group Other/Ops", false, false},
		{"service faas", false, false},
	} {
		for p, want := range map[*ocipolicy.Principal]bool{&function: c.function, &user: c.user} {
			r := ocipolicy.Request{Principal: *p, Permissions: []string{"USER_READ"}, Path: root}
			if got := decide(t, "allow "+c.subject+" to read users in tenancy", ocipolicy.Declined, r); got != want {
				t.Errorf("%s for %s%s: %v, want %v", c.subject, p.UserID, p.Resource.ID, got, want)
			}
		}
	}
}

func TestAStatementCoversItsCompartmentAndAllBelow(t *testing.T) {
	for location, want := range map[string]string{
		"tenancy": "root apps vaults", "compartment APPS": "apps vaults", "compartment apps:vaults": "vaults",
		"compartment vaults":          "",
		"compartment id ocid1.c.apps": "apps vaults", "compartment id ocid1.tenancy": "root apps vaults",
		"compartment acme": "",
	} {
		var got []string
		for _, target := range []struct {
			name string
			path []ocipolicy.Compartment
		}{{"root", root}, {"apps", apps}, {"vaults", vaults}} {
			r := ocipolicy.Request{Principal: function, Permissions: []string{"SECRET_READ"}, Path: target.path}
			if decide(t, "allow dynamic-group fn to read secrets in "+location, ocipolicy.Declined, r) {
				got = append(got, target.name)
			}
		}
		if strings.Join(got, " ") != want {
			t.Errorf("in %s covers %v, want %s", location, got, want)
		}
	}
}

func TestAConditionIsComparedWithoutRegardToCase(t *testing.T) {
	variables := map[string]string{"target.user.name": "Jane@Example.com", "target.user.id": "ocid1.user.7",
		ocipolicy.TagVariable("Keyturn", "User"): "ocid1.USER.7"}
	for condition, want := range map[string]bool{
		"target.user.name = 'jane@example.COM'":                                         true,
		"target.user.name = 'jane'":                                                     false,
		"target.user.name != 'jane@example.com'":                                        false,
		"target.user.name != 'root'":                                                    true,
		"target.user.name = /JANE*/":                                                    true,
		"target.user.name = /*.com/":                                                    true,
		"target.user.name = /*@ex*le*/":                                                 true,
		"target.user.name = /j*e*m*m*m/":                                                false,
		"target.user.name = /jane@example.com/":                                         true,
		"target.user.name = /jane/":                                                     false,
		"target.user.name = /j*example/":                                                false,
		"target.user.name != /ja*/":                                                     false,
		"target.user.name in ('root', /j*/)":                                            true,
		"target.user.name in ('root')":                                                  false,
		"target.user.name not in ('root')":                                              true,
		"target.user.name not in ('root', /*com/)":                                      false,
		"target.resource.tag.keyturn.user = target.user.id":                             true,
		"target.resource.tag.keyturn.user != target.user.id":                            false,
		"all {target.user.id = /ocid1*/, target.user.name = 'root'}":                    false,
		"any {target.user.id = /ocid1*/, target.user.name = 'root'}":                    true,
		"all {any {target.user.id = 'x', target.user.name = /j*/}, request.region='x'}": false,
		"request.operation = 'getuser'":                                                 true,
		"request.permission = 'USER_INSPECT'":                                           true,
		"request.permission = 'USER_READ'":                                              false,
		"request.principal.id = 'ocid1.fnfunc.1'":                                       true,
		"request.principal.type = 'fnfunc'":                                             true,
		"request.principal.compartment.id = 'ocid1.c.apps'":                             true,
		"target.compartment.id = 'ocid1.tenancy'":                                       true,
		"request.region = 'IAD'":                                                        true,
	} {
		r := ocipolicy.Request{Principal: function, Operation: "GetUser", Permissions: []string{"USER_INSPECT"},
			Path: root, Region: "iad", Variables: variables}
		if got := decide(t, "allow dynamic-group fn to manage users in tenancy where "+condition, ocipolicy.Declined,
			r); got != want {
			t.Errorf("%s: %v, want %v", condition, got, want)
		}
	}
}

func TestAVariableThatTheOperationDoesNotOfferDeclines(t *testing.T) {
	for condition, want := range map[string]bool{ // the answer in the mode NegationHolds
		"target.user.name = 'x'":                  false,
		"target.user.name in ('x')":               false,
		"target.user.name != 'x'":                 true,
		"target.user.name not in ('x')":           true,
		"target.user.id = target.user.id":         false,
		"request.operation != target.user.name":   true,
		"all {target.user.name != 'x'}":           true,
		"any {target.user.name = 'x'}":            false,
		"request.operation not in ('x', 'users')": true,
	} {
		r := ocipolicy.Request{Principal: function, Operation: "ListUsers", Permissions: []string{"USER_INSPECT"},
			Path: root}
		statement := "allow dynamic-group fn to inspect users in tenancy where " + condition
		applies := !strings.Contains(condition, "target")
		if got := decide(t, statement, ocipolicy.Declined, r); got != applies {
			t.Errorf("%s: %v, want it declined", condition, got)
		}
		if got := decide(t, statement, ocipolicy.NegationHolds, r); got != want {
			t.Errorf("%s, if negation holds: %v, want %v", condition, got, want)
		}
	}
}

func TestEachPermissionMayComeFromAnotherStatement(t *testing.T) {
	var set ocipolicy.Set
	for _, text := range []string{
		"allow any-user to {USER_UPDATE} in tenancy where request.permission = 'USER_APIKEY_ADD'",
		"allow any-user to {USER_APIKEY_ADD} in tenancy",
		"allow any-user to manage users in tenancy where any {request.permission = 'USER_UPDATE', " +
			"request.permission = 'USER_APIKEY_REMOVE'}",
	} {
		st, err := ocipolicy.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		set.Statements = append(set.Statements, st)
	}
	d := set.Decide(ocipolicy.Request{Permissions: []string{"USER_UPDATE", "USER_APIKEY_ADD"}, Path: root})
	if !d.Allowed || len(d.Grants) != 2 || d.Grants[0].Statement != 2 || d.Grants[1].Statement != 1 {
		t.Errorf("the decision is %+v", d)
	}
	d = set.Decide(ocipolicy.Request{Permissions: []string{"USER_UPDATE", "USER_UIPASS_SET"}, Path: root})
	if d.Allowed || strings.Join(d.Missing, " ") != "USER_UIPASS_SET" {
		t.Errorf("the decision is %+v", d)
	}
	d = set.Decide(ocipolicy.Request{Path: root})
	if !d.Allowed {
		t.Error("an operation that needs no permission is refused")
	}
}

func TestAMatchingRuleSelectsItsResources(t *testing.T) {
	x := function.Resource
	for text, want := range map[string]bool{
		"ALL {resource.type = 'fnfunc', resource.id = 'ocid1.fnfunc.1'}":            true,
		"ALL {resource.type='fnfunc', resource.id='ocid1.fnfunc.2'}":                false,
		"ANY {resource.id = 'x', resource.compartment.id = 'ocid1.c.apps'}":         true,
		"resource.id = 'ocid1.fnfunc.1'":                                            true,
		"All {resource.type = 'fnfunc', resource.compartment.id != 'ocid1.c.apps'}": false,
		"tag.ops.tier.value":          true,
		"tag.ops.tier.value = 'gold'": true,
		"tag.ops.other.value":         false,
		"any {instance.id = 'ocid1.fnfunc.1', instance.compartment.id = 'ocid1.c.apps'}":           false,
		"any {all {resource.type = 'fnfunc', tag.ops.tier.value = 'x'}, resource.type = 'fnfunc'}": true,
	} {
		rule, err := ocipolicy.ParseRule(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if rule.Matches(x) != want {
			t.Errorf("%s: %v, want %v", text, !want, want)
		}
		if again, err := ocipolicy.ParseRule(rule.String()); err != nil || again.String() != rule.String() {
			t.Errorf("%s is read back as %s (%v)", rule, again, err)
		}
	}
	for _, text := range []string{"", "ALL {}", "resource.name = 'x'", "resource.id", "ALL {resource.id = 'x'",
		"target.user.id = 'x'", "resource.id = 'x' x"} {
		if rule, err := ocipolicy.ParseRule(text); err == nil {
			t.Errorf("%q is read as %s", text, rule)
		}
	}
	if (ocipolicy.Rule{}).Matches(x) {
		t.Error("the empty rule matches")
	}
}
