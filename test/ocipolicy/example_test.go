package ocipolicy_test

import (
	"fmt"

	"github.com/keyturn/keyturn/test/ocipolicy"
)

// A statement grants a function's dynamic group to read users. No statement grants to change them.
func Example() {
	statement, err := ocipolicy.Parse("Allow dynamic-group rotators to read users in tenancy")
	if err != nil {
		fmt.Println(err)
		return
	}
	rule, err := ocipolicy.ParseRule("ALL {resource.type = 'fnfunc', resource.id = 'ocid1.fnfunc.oc1..rotate'}")
	if err != nil {
		fmt.Println(err)
		return
	}
	policies := ocipolicy.Set{
		Statements:    []ocipolicy.Statement{statement},
		DynamicGroups: []ocipolicy.DynamicGroup{{Name: "rotators", ID: "ocid1.dynamicgroup.oc1..rotators", Rule: rule}},
	}
	decision := policies.Decide(ocipolicy.Request{
		Principal:   ocipolicy.Principal{Resource: ocipolicy.Resource{ID: "ocid1.fnfunc.oc1..rotate", Type: "fnfunc"}},
		Operation:   "GetUser",
		Permissions: []string{"USER_READ", "USER_UPDATE"},
		Path:        []ocipolicy.Compartment{{ID: "ocid1.tenancy.oc1..acme", Name: "acme"}},
	})
	fmt.Println(decision.Allowed, decision.Missing)
	// Output: false [USER_UPDATE]
}

func ExampleParseRule() {
	rule, err := ocipolicy.ParseRule("ANY {resource.id = 'ocid1.fnfunc.oc1..rotate', tag.keyturn.role.value = 'sweep'}")
	if err != nil {
		fmt.Println(err)
		return
	}
	sweep := ocipolicy.Resource{ID: "ocid1.fnfunc.oc1..sweep", Type: "fnfunc",
		Tags: map[string]map[string]string{"keyturn": {"role": "sweep"}}}
	other := ocipolicy.Resource{ID: "ocid1.fnfunc.oc1..other", Type: "fnfunc"}
	fmt.Println(rule.Matches(sweep), rule.Matches(other))
	// Output: true false
}

func ExampleSyntaxError() {
	_, err := ocipolicy.Parse("Allow group admins to read users")
	fmt.Println(err)
	// Output: at 32: want in, not the end
}
