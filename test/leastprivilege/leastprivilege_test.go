package main

import (
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/keyturn/keyturn/test/need"
	"github.com/keyturn/keyturn/test/ocipolicy"
	"github.com/keyturn/keyturn/test/tenancy"
)

// built are the functions, built once.
var built Binaries

func TestMain(m *testing.M) { os.Exit(tenancy.RunTests(m, &built.Rotate, &built.Sweep)) }

func stack(t *testing.T, name string) Stack {
	t.Helper()
	s, err := Committed(name)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestThePoliciesGrantWhatIsNeededAndNothingElse(t *testing.T) {
	need.Suite(t, need.LeastPrivilege)
	r, err := Everything(t.Context(), built, stack(t, complete), stack(t, withDomains))
	if err != nil {
		t.Fatal(err)
	}
	for _, fault := range r.Faults() {
		t.Error(fault)
	}
	if n := len(r.Proof.Results); n < 29 {
		t.Errorf("%d cases ran, want 29 or more", n)
	}
	if n := len(r.Proof.Needed); n < 40 {
		t.Errorf("%d permissions were taken away, want 40 or more", n)
	}
	if d := r.Domains.Proof; len(d.Results) < 50 || len(d.Needed) < 60 || len(d.Roles) != 2 {
		t.Errorf("with domains %d cases ran, %d permissions and %d roles were taken away; want 50, 60 and 2 or more",
			len(d.Results), len(d.Needed), len(d.Roles))
	}
	denied := 0
	for _, v := range r.Denied {
		denied += len(v.Denied)
	}
	if denied < 90 {
		t.Errorf("%d calls were denied, want 90 or more", denied)
	}
	want, err := os.ReadFile("../../" + page)
	if err != nil {
		t.Fatal(err)
	}
	if r.Markdown() != string(want) {
		t.Errorf("%s is out of date; run: go run ./test/leastprivilege -write", page)
	}
}

func TestMissingAndSuperfluousPermissionsAreFound(t *testing.T) {
	need.Suite(t, need.LeastPrivilege)
	s := stack(t, complete)
	only := []Case{rotateCases()[0]}
	s.Statements = slices.DeleteFunc(slices.Clone(s.Statements), func(st Statement) bool {
		return st.Function == "sweep" || strings.Contains(st.Text, s.Workload)
	})
	s.Statements = append(s.Statements, Statement{Name: "extra", Text: "allow dynamic-group keyturn-rotate to " +
		"{USER_CREATE, SECRET_UPDATE} in tenancy"})
	p, err := Prove(t.Context(), built, s, only)
	if err != nil || p.Results[only[0].Name].Err != nil {
		t.Fatal(err, p.Results)
	}
	for _, n := range p.Needed {
		name := s.Statements[n.Statement].Name
		switch {
		case name == "extra" && n.Case != "":
			t.Errorf("%s is reported as needed, for %s", n.what(), n.Case)
		case name == "rotate-api-key" && n.Case == "":
			t.Errorf("%s is reported as superfluous", n.what())
		case name == "rotate-secrets-write-1" && n.Permission == "SECRET_UPDATE" && n.Case != "":
			t.Error("SECRET_UPDATE is reported as needed twice")
		}
	}
	s.Statements = slices.DeleteFunc(s.Statements, func(st Statement) bool { return st.Name == "rotate-mail" })
	p, err = Prove(t.Context(), built, s, only)
	if err != nil {
		t.Fatal(err)
	}
	if faults := strings.Join(p.Faults(), "\n"); !strings.Contains(faults, "PublishMessage (ONS_TOPIC_PUBLISH)") {
		t.Errorf("without the mail's statement the faults are:\n%s", faults)
	}
}

func TestEveryDeniedCallIsAllowedByAPolicyThatAllowsEverything(t *testing.T) {
	all := func(Place) (ocipolicy.Set, error) {
		st, err := ocipolicy.Parse("allow any-user to manage all-resources in tenancy")
		return ocipolicy.Set{Statements: []ocipolicy.Statement{st}}, err
	}
	verdicts, err := Deny(t.Context(), built, stack(t, withDomains), all)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range verdicts {
		if len(v.Denied) > 0 {
			t.Errorf("%s, by %s: %v are denied", v.What, v.Who, v.Denied)
		}
	}
}

func TestASuperfluousAppRoleIsFound(t *testing.T) {
	s := stack(t, withDomains)
	s.Roles = append(s.Roles, Role{Function: "rotate", Domain: s.Domains[byPermissions]})
	var p Proof
	p.Stack = s
	for _, c := range domainCases() {
		if strings.HasPrefix(c.Name, "a domain user's "+tenancy.APIKey.Record().Noun) {
			p.Cases = append(p.Cases, c)
		}
	}
	for i, r := range s.Roles {
		n := p.needRole(t.Context(), built, i)
		if needed := r.Function == "rotate" && r.Role != ""; (n.Case != "") != needed {
			t.Errorf("%+v: without it %q fails", r, n.Case)
		}
	}
}

func TestWithoutConditionsAFunctionReachesForbiddenResources(t *testing.T) {
	need.Suite(t, need.LeastPrivilege)
	users := []string{"an excluded user's credentials", "an excluded user's credentials, by pattern"}
	for _, c := range []struct {
		stack, function, about string
		want                   []string
	}{
		{complete, "rotate", "USER_", users}, {complete, "sweep", "USER_", users},
		{complete, "rotate", "SECRET_", []string{"a secret that is not bound by defined tags"}},
		{complete, "sweep", "SECRET_", []string{"a secret that is not bound by defined tags"}},
		{withDomains, "rotate", "DOMAIN_", []string{"a domain that the stack doesn't name"}},
		{withDomains, "sweep", "USER_", append(users, "a domain that the stack doesn't name",
			"an excluded user's credentials, in a domain", "by a policy, a domain that asks for an App role")},
	} {
		s := stack(t, c.stack)
		verdicts, err := Deny(t.Context(), built, s, func(at Place) (ocipolicy.Set, error) {
			set, err := s.Policies(at)
			for i, st := range set.Statements {
				if strings.HasPrefix(st.Name, c.function) && len(st.Permissions) > 0 &&
					strings.HasPrefix(st.Permissions[0], c.about) {
					set.Statements[i].Where = nil
				}
			}
			return set, err
		})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, v := range verdicts {
			if len(v.Allowed) > 0 && v.Who == c.function {
				got = append(got, v.What)
			} else if len(v.Allowed) > 0 {
				t.Errorf("%s is allowed %v", v.Who, v.Allowed)
			}
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: without the conditions of %s on %s these are allowed: %q, want %q", c.stack, c.function,
				c.about, got, c.want)
		}
	}
}

func TestNoFunctionMayUpdateAUser(t *testing.T) {
	s := stack(t, complete)
	set, err := s.Policies(s.own())
	if err != nil {
		t.Fatal(err)
	}
	for name, id := range s.Functions {
		r := ocipolicy.Request{Principal: ocipolicy.Principal{Resource: ocipolicy.Resource{ID: id, Type: "fnfunc",
			Compartment: s.Keyturn}},
			Permissions: []string{"USER_UPDATE"}, Path: []ocipolicy.Compartment{{ID: s.Tenancy}},
			Variables: map[string]string{"target.user.id": "ocid1.user.oc1..joe", "target.user.name": "joe"}}
		for operation, want := range map[string]bool{"UpdateUser": false, "UploadApiKey": true} {
			r.Operation = operation
			if set.Decide(r).Allowed != want {
				t.Errorf("USER_UPDATE for %s by %s: %v, want %v", operation, name, !want, want)
			}
		}
	}
}

func TestTheOtherStatementsGrantNoSecretsOrCredentials(t *testing.T) {
	s := stack(t, complete)
	if len(s.Others) < 15 {
		t.Fatalf("%d statements for groups and services, want 15 or more", len(s.Others))
	}
	for _, st := range s.Others {
		parsed, err := ocipolicy.Parse(st.Text)
		if err != nil {
			t.Errorf("%s: %v", st.Name, err)
			continue
		}
		for _, p := range ocipolicy.KnownPermissions() {
			if parsed.Grants(p) && (p == "SECRET_BUNDLE_READ" || strings.HasPrefix(p, "USER_") ||
				strings.HasPrefix(p, "POLICY_")) {
				t.Errorf("%s grants %s", st.Name, p)
			}
		}
		if strings.HasPrefix(st.Name, "deployer-") && parsed.Grants("SECRET_READ") {
			t.Errorf("%s lets deployers read secrets", st.Name)
		}
	}
}

func TestEveryStatementUsesKnownNames(t *testing.T) {
	s := stack(t, withDomains)
	for _, st := range append(s.Statements, s.Others...) {
		parsed, err := ocipolicy.Parse(st.Text)
		if err != nil {
			t.Errorf("%s: %v", st.Name, err)
		}
		for _, doubt := range parsed.Doubts() {
			t.Errorf("%s: %s", st.Name, doubt)
		}
	}
}

func TestTheStackIsTheOneThatTerraformApplies(t *testing.T) {
	need.StandIn(t)
	for _, name := range []string{complete, withDomains} {
		now, err := Apply(t.Context(), "../..", name)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(now, stack(t, name)) {
			t.Errorf("testdata/%s.json is out of date; run: go run ./test/leastprivilege -apply -write", name)
		}
	}
}

func TestAStackIsReadFromAPlanOrAState(t *testing.T) {
	const outputs = `{"outputs":{
		"policy_statements":{"value":[{"name":"a","function":"rotate","purpose":"p","text":"t"}]},
		"dynamic_groups":{"value":{"g":{"matching_rule":"r"}}},"function_ids":{"value":{"rotate":"f"}},
		"configuration":{"value":{"protected_users":"u"}},"group_statements":{"value":[]},"service_statements":{"value":[]},
		"domain_roles":{"value":[{"function":"rotate","domain":"d","role":"r"}]}}}`
	inputs := map[string]string{"tenancy_ocid": "t", "compartment_ocid": "k", "workload_compartment_ocid": "w"}
	for _, text := range []string{`{"values":` + outputs + `}`, `{"planned_values":` + outputs + `}`} {
		s, err := ReadStack([]byte(text), inputs)
		if err != nil || len(s.Statements) != 1 || s.Statements[0].Text != "t" || s.Rules["g"] != "r" ||
			s.Functions["rotate"] != "f" || s.Protected != "u" || len(s.Roles) != 1 || s.Roles[0].Domain != "d" ||
			s.Tenancy+s.Keyturn+s.Workload != "tkw" {
			t.Errorf("the stack is %+v (%v)", s, err)
		}
	}
	for _, text := range []string{`{}`, `{`, `{"values":{"outputs":{"policy_statements":{"value":1}}}}`} {
		if _, err := ReadStack([]byte(text), inputs); err == nil {
			t.Errorf("%s is read", text)
		}
	}
	if _, err := Apply(t.Context(), "nowhere", complete); err == nil {
		t.Errorf("applying nothing: %v", err)
	}
}

func TestAVerbIsWeakenedByOneStep(t *testing.T) {
	for text, want := range map[string]string{
		"allow any-user to use cloud-guard-problems in tenancy":         "cloud-guard-problems:use",
		"allow any-user to read users in tenancy":                       "USER_READ",
		"allow any-user to manage secret-bundles in tenancy":            "SECRET_BUNDLE_READ",
		"allow any-user to read tenancies in tenancy":                   "TENANCY_INSPECT",
		"allow any-user to {USER_READ, USER_INSPECT} in tenancy":        "USER_READ|USER_INSPECT",
		"allow any-user to use ons-topics in tenancy":                   "ONS_TOPIC_PUBLISH ONS_TOPIC_SUBSCRIBE",
		"allow any-user to inspect objectstorage-namespaces in tenancy": "",
	} {
		st, err := ocipolicy.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		set := ocipolicy.Set{Statements: []ocipolicy.Statement{st}}
		var got []string
		for _, w := range Weakenings(set) {
			got = append(got, strings.Join(w.Lost(set), " "))
		}
		if strings.Join(got, "|") != want {
			t.Errorf("%s loses %q, want %q", text, got, want)
		}
		if set.Statements[0].String() != st.String() {
			t.Errorf("Apply changed %s", text)
		}
	}
}
