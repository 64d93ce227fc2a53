package oci

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

const rootOfGrants = "ocid1.tenancy.oc1..aaaaaaaaroot"

// grantText is a grant as the table below writes it.
func grantText(g grant, err error) string {
	switch {
	case errors.Is(err, errStatement):
		return "?"
	case err != nil:
		return err.Error()
	case g.everyone:
		return "everyone"
	}
	var names []string
	for _, n := range g.groups {
		names = append(names, n.String())
	}
	return strings.Join(names, ", ")
}

func TestAStatementNamesTheGroupsThatMayManageAllResourcesInTheTenancy(t *testing.T) {
	for statement, want := range map[string]string{
		"Allow group Administrators to manage all-resources in tenancy":               "Administrators",
		"ALLOW GROUP Administrators to manage all-resources IN TENANCY":               "Administrators",
		"  allow\tgroup  ops   to manage all-resources in tenancy ":                   "ops",
		"Allow group A, B to manage all-resources in tenancy":                         "A, B",
		"Allow group A,B,C to manage all-resources in tenancy":                        "A, B, C",
		"Allow group 'Plant'/'Ops' to manage all-resources in tenancy":                "Plant/Ops",
		"Allow group Plant/Ops to manage all-resources in tenancy":                    "Plant/Ops",
		"Allow group 'The Plant'/'Night Shift', A to manage all-resources in tenancy": "The Plant/Night Shift, A",
		"Allow group 'to manage' to manage all-resources in tenancy":                  "to manage",
		"Allow group id ocid1.group.oc1..x to manage all-resources in tenancy":        "ocid1.group.oc1..x",
		"Allow group id ocid1.group.oc1..x, id ocid1.group.oc1..y to manage all-resources in tenancy": "" +
			"ocid1.group.oc1..x, ocid1.group.oc1..y",
		"Allow group A, group B to manage all-resources in tenancy":                                "A, B",
		"Allow group A to manage all-resources in tenancy where request.region = 'fra'":            "A",
		"Allow group A to manage all-resources in tenancy where any {request.user.id != 'x'}":      "A",
		"Allow group A to manage all-resources in compartment id " + rootOfGrants:                  "A",
		"Allow group A to manage all-resources in compartment id ocid1.compartment.oc1..x":         "",
		"Allow group A to manage all-resources in compartment Dev:Test":                            "",
		"Allow group A to use all-resources in tenancy":                                            "",
		"Allow group A to read all-resources in tenancy":                                           "",
		"Allow group A to inspect all-resources in tenancy":                                        "",
		"Allow group A to manage users in tenancy":                                                 "",
		"Allow group 'all-resources' to manage users in tenancy":                                   "",
		"Allow dynamic-group Functions to manage all-resources in tenancy":                         "",
		"Allow service cloudguard to manage all-resources in tenancy":                              "",
		"Allow any-user to manage all-resources in tenancy":                                        "everyone",
		"allow ANY-USER to manage all-resources in tenancy":                                        "everyone",
		"Allow any-group to manage all-resources in tenancy":                                       "everyone",
		"Allow any-user to manage all-resources in tenancy where request.principal.type='cluster'": "",
		"Allow any-user to manage all-resources in tenancy where all {request.principal.type = 'fnfunc', " +
			"request.principal.id = 'x'}": "",
		"Define group A as ocid1.group.oc1..x":                                                      "",
		"Endorse group A to manage all-resources in any-tenancy":                                    "",
		"Admit group A of tenancy T to manage all-resources in tenancy":                             "",
		"Deny group A to manage all-resources in tenancy":                                           "",
		"This is no statement":                                                                      "",
		"":                                                                                          "",
		"Allow group A to manage all-resources":                                                     "?",
		"Allow group A to manage all-resources in":                                                  "?",
		"Allow group A to manage all-resources in tenancy but not on Sundays":                       "?",
		"Allow group A to all-resources":                                                            "?",
		"Allow group A to {SOMETHING} all-resources in tenancy":                                     "?",
		"Allow group to manage all-resources in tenancy":                                            "?",
		"Allow group A B to manage all-resources in tenancy":                                        "?",
		"Allow group A, to manage all-resources in tenancy":                                         "?",
		"Allow group A/ to manage all-resources in tenancy":                                         "?",
		"Allow group 'A to manage all-resources in tenancy":                                         "?",
		"Allow people A to manage all-resources in tenancy":                                         "?",
		"Permit group A to manage all-resources in tenancy":                                         "?",
		"Allow A to manage all-resources in tenancy":                                                "?",
		"Allow any-user to manage all-resources in tenancy where request.user.id='x'":               "?",
		"Allow any-user to manage all-resources in tenancy where request.region='fra'":              "?",
		"Allow any-user to manage all-resources in tenancy where request.principal.type='user'":     "?",
		"Allow any-user to manage all-resources in tenancy where request.principal.type!='cluster'": "?",
		"Allow any-user to manage all-resources in tenancy where request.principal.type=/c*/":       "?",
		"Allow any-user to manage all-resources in tenancy where any {request.principal.type='cluster', " +
			"request.region='fra'}": "?",
	} {
		if got := grantText(grantOf(statement, rootOfGrants)); got != want {
			t.Errorf("%q: %q, want %q", statement, got, want)
		}
	}
}

// Whatever the case, the blanks and the quotes, the same groups are found.
func TestTheFormOfAStatementDoesNotMatter(t *testing.T) {
	for i, form := range []string{"allow group %s to manage all-resources in tenancy",
		"ALLOW GROUP %s TO MANAGE ALL-RESOURCES IN TENANCY", "Allow\ngroup\n%s\nto manage   all-resources\tin tenancy",
		"aLLOW gROUP %s tO mANAGE aLL-rESOURCES iN tENANCY WHERE x = 'y'"} {
		for _, group := range []string{"Plant/Ops", "'Plant'/'Ops'", "'Plant'/Ops", `"Plant"/"Ops"`, "Plant / Ops"} {
			statement := fmt.Sprintf(form, group)
			if got := grantText(grantOf(statement, rootOfGrants)); got != "Plant/Ops" {
				t.Errorf("form %d with %s: %q", i, group, got)
			}
		}
	}
}
