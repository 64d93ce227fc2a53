package e2e

import (
	"cmp"
	"strings"
	"testing"

	"github.com/keyturn/keyturn/pkg/preflight"
	"github.com/keyturn/keyturn/test/ociemu"
	"github.com/keyturn/keyturn/test/ocipolicy"
	"github.com/keyturn/keyturn/test/tenancy"
)

// underPolicies applies the stack's policies to the function, with secret_policy = tags.
func underPolicies(t *testing.T, s *tenancy.Deployment, vaults string) {
	t.Helper()
	p := preflight.Policy{Function: "rotate", Group: "fn", Compartments: []string{vaults}, Topic: s.Tenancy(),
		Own: s.Tenancy()}
	rule, err := ocipolicy.ParseRule("ALL {resource.type = 'fnfunc', resource.id = '" + s.Function.FunctionID + "'}")
	if err != nil {
		t.Fatal(err)
	}
	set := ocipolicy.Set{DynamicGroups: []ocipolicy.DynamicGroup{{Name: "fn", Rule: rule}}}
	for _, one := range p.Statements() {
		statement, err := ocipolicy.Parse(one.Text)
		if err != nil {
			t.Fatalf("%s: %v", one.Name, err)
		}
		set.Statements = append(set.Statements, statement)
	}
	s.SetPolicies(&ociemu.Policies{Set: set})
}

// vaulted puts secrets into a compartment, the only one in which the function may look for them.
func vaulted(vaults *string) func(*ociemu.Emulator) tenancy.Places {
	return func(e *ociemu.Emulator) tenancy.Places {
		*vaults = e.AddCompartment("vaults", "")
		return tenancy.Places{Secrets: *vaults, DefinedTags: true, Config: []string{"secret_compartments=" + *vaults}}
	}
}

func TestA404OfASecretIsExplained(t *testing.T) {
	t.Parallel()
	free := func(c *tenancy.Case) map[string]string {
		return map[string]string{"keyturn-user": c.User, "keyturn-kind": string(c.Kind), "team": "web"}
	}
	both := func(c *tenancy.Case) map[string]map[string]any {
		return map[string]map[string]any{"keyturn": {"user": c.User, "kind": string(c.Kind)}}
	}
	for name, m := range map[string]struct {
		seed func(s *tenancy.Deployment, c *tenancy.Case) ociemu.SecretSeed
		want []string
		not  string
	}{
		"no tags": {func(*tenancy.Deployment, *tenancy.Case) ociemu.SecretSeed {
			return ociemu.SecretSeed{Name: "free"}
		},
			[]string{"secret lacks the defined tags", "It lacks the defined tags keyturn.user and keyturn.kind",
				"it has neither of the two", "--defined-tags '{"}, "correct the OCID"},
		"freeform tags": {func(_ *tenancy.Deployment, c *tenancy.Case) ociemu.SecretSeed {
			return ociemu.SecretSeed{Name: "freeform", FreeformTags: free(c)}
		}, []string{"freeform tags bind it, which policies can't see", `--freeform-tags '{"team":"web"}'`},
			"correct the OCID"},
		"another's": {func(s *tenancy.Deployment, c *tenancy.Case) ociemu.SecretSeed {
			return ociemu.SecretSeed{Name: "other", DefinedTags: map[string]map[string]any{
				"keyturn": {"user": s.AddUser("x@example.com"), "kind": string(c.Kind)}}}
		}, []string{"is bound to another user"}, "--defined-tags"},
		"about to be deleted": {func(_ *tenancy.Deployment, c *tenancy.Case) ociemu.SecretSeed {
			return ociemu.SecretSeed{Name: "going", State: "PENDING_DELETION", DefinedTags: both(c)}
		}, []string{"scheduled for deletion: it is in the state PENDING_DELETION", "oci vault secret " +
			"cancel-secret-deletion --secret-id"}, "policies of the stack"},
		"about to be deleted, and never bound": {func(*tenancy.Deployment, *tenancy.Case) ociemu.SecretSeed {
			return ociemu.SecretSeed{Name: "going", State: "PENDING_DELETION"}
		}, []string{"scheduled for deletion: it is in the state PENDING_DELETION"}, "policies of the stack"},
		"in another compartment": {func(s *tenancy.Deployment, c *tenancy.Case) ociemu.SecretSeed {
			return ociemu.SecretSeed{Name: "elsewhere", Compartment: s.AddCompartment("elsewhere", ""),
				DefinedTags: both(c)}
		}, []string{"is not where this function may look for secrets", "oci vault secret get --secret-id",
			"secret_compartment_ocids"}, "--defined-tags"},
	} {
		t.Run(name, func(t *testing.T) {
			var vaults string
			s := newTenancy(t, tenancy.Options{Emulator: ociemu.Calm(), Places: vaulted(&vaults)})
			c := s.Add(tenancy.Want{Kind: tenancy.AuthToken})
			seed := m.seed(s, c)
			seed.Compartment = cmp.Or(seed.Compartment, vaults)
			id := s.AddSecret(seed)
			underPolicies(t, s, vaults)
			a := closeProblem(t, s, c, "auth_secret_ocid:"+id)
			if a.Outcome != "refused" || len(s.Mails()) != 1 {
				t.Fatalf("the answer is %+v", a)
			}
			mail := s.Mails()[0]
			text := strings.Join(strings.Fields(mail.Title+" "+mail.Body), " ")
			for _, w := range append(m.want, id) {
				if !strings.Contains(text, w) {
					t.Errorf("the mail doesn't say %q:\n%s\n\n%s", w, mail.Title, mail.Body)
				}
			}
			if strings.Contains(text, m.not) {
				t.Errorf("the mail says %q:\n%s", m.not, mail.Body)
			}
		})
	}
}

func TestTheMailForADeletedUserAdvisesToDismissTheProblem(t *testing.T) {
	gone := func(s *tenancy.Deployment) {
		for _, operation := range []string{"GetUser", "ListAuthTokens"} {
			s.Inject(ociemu.Fault{Operation: operation, Times: -1, Do: ociemu.Answer(404, "NotAuthorizedOrNotFound")})
		}
	}
	s := newTenancy(t, calm)
	c := s.Add(tenancy.Want{Kind: tenancy.AuthToken})
	gone(s)
	if a := closeProblem(t, s, c, c.Comment()); a.Outcome != "refused" {
		t.Fatalf("the answer is %+v", a)
	}
	mail := s.Mails()[0]
	for _, w := range []string{"has no user", "--status DISMISSED"} {
		if !strings.Contains(mail.Body, w) {
			t.Errorf("the mail doesn't say %q:\n%s\n\n%s", w, mail.Title, mail.Body)
		}
	}
}
