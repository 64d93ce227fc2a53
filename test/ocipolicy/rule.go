package ocipolicy

import "strings"

// Rule is the matching rule of a dynamic group. An empty one matches nothing.
type Rule struct{ condition *Condition }

// Resource is a resource that matching rules may match.
type Resource struct {
	ID          string
	Type        string // such as fnfunc
	Compartment string
	Tags        map[string]map[string]string // defined tags by namespace and key
}

// ParseRule reads a matching rule, such as ALL {resource.type = 'fnfunc', resource.id = 'ocid1...'}. Its errors are
// *SyntaxError.
func ParseRule(text string) (Rule, error) {
	s := &scanner{text: text}
	r := Rule{s.condition(ruleVariable)}
	return r, s.finish()
}

// Matches reports whether the resource belongs to the group.
func (r Rule) Matches(x Resource) bool {
	if r.condition == nil {
		return false
	}
	v := map[string]string{"resource.type": x.Type, "resource.id": x.ID, "resource.compartment.id": x.Compartment}
	if x.Type == "instance" {
		v["instance.id"], v["instance.compartment.id"] = x.ID, x.Compartment
	}
	for namespace, tags := range x.Tags {
		for key, value := range tags {
			v[strings.ToLower("tag."+namespace+"."+key+".value")] = value
		}
	}
	return r.condition.holds(v, Declined)
}

// String formats the rule.
func (r Rule) String() string {
	if r.condition == nil {
		return ""
	}
	return r.condition.String()
}
