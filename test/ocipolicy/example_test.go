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
