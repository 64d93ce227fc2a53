package terraform

import (
	"fmt"
	"slices"
	"testing"

	"github.com/keyturn/keyturn/test/ocipolicy"
)

var duties = []string{"deployer", "signer", "secret_admin", "closer"}

func TestEveryFormOfAGroupMakesAStatementThatNamesIt(t *testing.T) {
	const id = "ocid1.group.oc1..aaaaaaaawfyhmxkxsbwkwgc4ydxqfu5jrgnxqz7a3hkmzjkz6mq2ngrpyqva"
	forms := []struct{ given, domain, name, id string }{
		{"Deployers", "", "Deployers", ""},
		{"'Deployers'", "", "Deployers", ""},
		{"secops_team.v2-eu", "", "secops_team.v2-eu", ""},
		{"blue+green", "", "blue+green", ""},
		{"Default/Deployers", "Default", "Deployers", ""},
		{"'Default'/'Deployers'", "Default", "Deployers", ""},
		{"Corp/'Deployers'", "Corp", "Deployers", ""},
		{"OracleIdentityCloudService/Deployers", "OracleIdentityCloudService", "Deployers", ""},
		{"Cloud Operators", "Default", "Cloud Operators", ""},
		{"'Cloud Operators'", "Default", "Cloud Operators", ""},
		{"'Corp Domain'/'Cloud Operators'", "Corp Domain", "Cloud Operators", ""},
		{"Corp Domain/Cloud Operators", "Corp Domain", "Cloud Operators", ""},
		{"R&D", "Default", "R&D", ""},
		{"ops@example.com", "Default", "ops@example.com", ""},
		{"#oncall", "Default", "#oncall", ""},
		{"Schlüsselwarte", "Default", "Schlüsselwarte", ""},
		{"id", "Default", "id", ""},
		{"To", "Default", "To", ""},
		{id, "", "", id},
	}
	for four := range slices.Chunk(forms, len(duties)) {
		change := values{}
		for i, c := range four {
			change[duties[i]+"_group"] = c.given
		}
		got := planInputs(t, change)
		for i, c := range four {
			st, err := ocipolicy.Parse("Allow group " + got.groups[duties[i]] + " to read secrets in tenancy")
			if err != nil || len(st.Subjects) != 1 {
				t.Errorf("%s: %q: %v; %s", c.given, got.groups[duties[i]], err, got.refused)
				continue
			}
			want := ocipolicy.Subject{Kind: ocipolicy.GroupSubject, Domain: c.domain, Name: c.name, ID: c.id}
			if st.Subjects[0] != want {
				t.Errorf("%s is %+v, want %+v", c.given, st.Subjects[0], want)
			}
		}
	}
}

func TestAnInvalidGroupIsRefused(t *testing.T) {
	var cases []inputCase
	for i, given := range []string{
		" Deployers", "Deployers ", "a  b", "'Deployers", "Deployers'", "''", "/", "Corp/", "/Deployers", "a/b/c",
		"Corp\\Deployers",
		"group Deployers", "id ocid1.group.oc1..aaaaaaaaone", "Group id x", "a, b", "a,b",
		"any-user to manage x in tenancy", "x where true",
		"ocid1.user.oc1..aaaaaaaauser", "ocid1.dynamicgroup.oc1..aaaaaaaadynamic", "OCID1.GROUP.OC1..AAAAAAAAONE",
		"ocid1.group.oc1..aaaa...",
		"ocid1.group.oc1", "Default/ocid1.group.oc1..aaaaaaaaone", "'ocid1.group.oc1..aaaaaaaaone'", "<group>",
		"a\nb", "\u201cDeployers\u201d",
	} {
		duty := duties[i%len(duties)] + "_group"
		cases = append(cases, inputCase{name: fmt.Sprintf("%q", given), change: values{duty: given},
			refused: duty + " is a group's name"})
	}
	check(t, cases)
}

func TestGroupsInTwoFormsCauseAWarning(t *testing.T) {
	check(t, []inputCase{
		{"a name and an OCID", values{"deployer_group": "Ops", "closer_group": "ocid1.group.oc1..aaaaaaaaone"}, "",
			"closer_group, deployer_group in one form"},
		{"two OCIDs", values{"deployer_group": "ocid1.group.oc1..aaaaaaaatwo",
			"closer_group": "ocid1.group.oc1..aaaaaaaaone"}, "", ""},
	})
}

func TestAnExcludedUserInEveryFormIsProtected(t *testing.T) {
	forms := [][2]string{
		{"jane", "jane"}, {"jane@example.com", "jane@example.com"}, {"Default/joe", "joe"},
		{"default/joe@example.com", "joe@example.com"},
		{"oracleidentitycloudservice/jane", "oracleidentitycloudservice/jane"}, {"Jane Doe", "Jane Doe"},
		{"admin-*", "admin-*"},
		{"*@example.com", "*@example.com"}, {"ocid1.user.oc1..aaaaaaaaroot", "ocid1.user.oc1..aaaaaaaaroot"},
		{"Müller", "Müller"},
	}
	var given, want []string
	for _, f := range forms {
		given, want = append(given, f[0]), append(want, f[1])
	}
	if got := planInputs(t, values{"excluded_users": given}); !slices.Equal(got.excluded, want) {
		t.Errorf("got %q, want %q; %s", got.excluded, want, got.refused)
	}
}

func TestAnExcludedUserThatMatchesNoUserIsRefused(t *testing.T) {
	var cases []inputCase
	for _, given := range []string{
		"", " jane", "jane ", "*", "**", "a*b", "corp/ad*", "OCID1.USER.OC1..AAAAAAAAROOT", "ocid1.user.oc1",
		"ocid1.group.oc1..aaaaaaaaone",
		"Default/ocid1.user.oc1..aaaaaaaaroot", "ocid1.user.oc1..aaaa...", "jane,joe", "jane;joe", "'jane'", "a\tb",
	} {
		cases = append(cases, inputCase{name: fmt.Sprintf("%q", given),
			change: values{"excluded_users": []string{given}}, refused: "excluded_users takes user names"})
	}
	check(t, cases)
}
