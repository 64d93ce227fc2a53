package main

import (
	"embed"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/keyturn/keyturn/test/ocipolicy"
)

// Statement is one of the stack's policy statements, in the form of its output policy_statements.
type Statement struct {
	Name     string `json:"name"`
	Function string `json:"function"` // rotate or sweep
	Purpose  string `json:"purpose"`
	Text     string `json:"text"`
}

// Role is a function's App role in an identity domain.
type Role struct {
	Function string `json:"function"` // rotate or sweep
	Domain   string `json:"domain"`   // OCID
	Role     string `json:"role"`
}

// Stack is the part of a Terraform stack that the proof needs. The OCIDs are those in its texts.
type Stack struct {
	Statements []Statement       `json:"statements"`
	Rules      map[string]string `json:"matching_rules"` // by the dynamic groups' names
	Functions  map[string]string `json:"functions"`      // OCIDs by name
	Tenancy    string            `json:"tenancy"`
	Keyturn    string            `json:"keyturn"`  // compartment of the functions and the topic, and of secrets
	Workload   string            `json:"workload"` // another compartment with secrets
	Protected  string            `json:"protected_users"`
	Domains    map[string]string `json:"identity_domains,omitempty"` // OCIDs by name
	Roles      []Role            `json:"domain_roles,omitempty"`
	// Others are the statements for groups and services. They are checked, but not used in cases.
	Others []Statement `json:"others"`
}

//go:embed testdata/*.json
var committed embed.FS

// The stacks in testdata: an applied terraform/examples/complete, and the same with identity domains.
const (
	complete    = "complete"
	withDomains = "domains"
)

// Committed returns a stack of testdata.
func Committed(name string) (Stack, error) {
	var s Stack
	text, err := committed.ReadFile("testdata/" + name + ".json")
	if err == nil {
		err = json.Unmarshal(text, &s)
	}
	if err != nil {
		return s, fmt.Errorf("reading testdata/%s.json: %w", name, err)
	}
	return s, nil
}

// ReadStack reads a stack from the output of `terraform show -json`, for a plan or a state. inputs are the values of
// the root module's variables tenancy_ocid, compartment_ocid and workload_compartment_ocid.
func ReadStack(show []byte, inputs map[string]string) (Stack, error) {
	type outputs map[string]struct{ Value json.RawMessage }
	var doc struct {
		Values  struct{ Outputs outputs }
		Planned struct{ Outputs outputs } `json:"planned_values"`
	}
	if err := json.Unmarshal(show, &doc); err != nil {
		return Stack{}, fmt.Errorf("reading Terraform's output: %w", err)
	}
	out := doc.Values.Outputs
	if len(out) == 0 {
		out = doc.Planned.Outputs
	}
	s := Stack{Rules: map[string]string{}, Tenancy: inputs["tenancy_ocid"], Keyturn: inputs["compartment_ocid"],
		Workload: inputs["workload_compartment_ocid"]}
	var groups map[string]struct {
		Rule string `json:"matching_rule"`
	}
	var people, services []Statement
	var configuration map[string]string
	for name, into := range map[string]any{"policy_statements": &s.Statements, "dynamic_groups": &groups,
		"function_ids": &s.Functions, "domain_roles": &s.Roles,
		"configuration": &configuration, "group_statements": &people, "service_statements": &services} {
		if out[name].Value == nil {
			return s, fmt.Errorf("the output %s is missing, or only known after apply", name)
		}
		if err := json.Unmarshal(out[name].Value, into); err != nil {
			return s, fmt.Errorf("reading the output %s: %w", name, err)
		}
	}
	for name, g := range groups {
		s.Rules[name] = g.Rule
	}
	if len(s.Roles) == 0 {
		s.Roles = nil // as testdata has it
	}
	s.Protected, s.Others = configuration["protected_users"], append(people, services...)
	return s, nil
}

// named replaces the functions' OCIDs, which differ in every run, with fixed ones.
func (s Stack) named() Stack {
	replace := []string{}
	out := s
	out.Functions = map[string]string{}
	for name, id := range s.Functions {
		out.Functions[name] = "ocid1.fnfunc.oc1.." + name
		replace = append(replace, id, out.Functions[name])
	}
	r := strings.NewReplacer(replace...)
	out.Rules = map[string]string{}
	for name, rule := range s.Rules {
		out.Rules[name] = r.Replace(rule)
	}
	return out
}

// Place has the OCIDs of a tenancy that replace those in the stack's texts.
type Place struct {
	Tenancy, Keyturn, Workload string
	Functions, Domains         map[string]string
}

// own is the Place with the OCIDs in the stack's texts.
func (s Stack) own() Place { return Place{s.Tenancy, s.Keyturn, s.Workload, s.Functions, s.Domains} }

// Policies parses the statements and matching rules, with the OCIDs of a tenancy.
func (s Stack) Policies(at Place) (ocipolicy.Set, error) {
	replace := []string{s.Tenancy, at.Tenancy, s.Keyturn, at.Keyturn, s.Workload, at.Workload}
	for name, id := range s.Functions {
		replace = append(replace, id, at.Functions[name])
	}
	for name, id := range s.Domains {
		replace = append(replace, id, at.Domains[name])
	}
	r := strings.NewReplacer(replace...)
	var set ocipolicy.Set
	for _, st := range s.Statements {
		parsed, err := ocipolicy.Parse(r.Replace(st.Text))
		if err != nil {
			return set, fmt.Errorf("reading the statement %s: %w", st.Name, err)
		}
		parsed.Name = st.Name
		set.Statements = append(set.Statements, parsed)
	}
	for _, name := range slices.Sorted(maps.Keys(s.Rules)) {
		rule, err := ocipolicy.ParseRule(r.Replace(s.Rules[name]))
		if err != nil {
			return set, fmt.Errorf("reading the matching rule of %s: %w", name, err)
		}
		set.DynamicGroups = append(set.DynamicGroups, ocipolicy.DynamicGroup{Name: name, Rule: rule})
	}
	return set, nil
}
