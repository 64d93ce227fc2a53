package command

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/keyturn/keyturn/test/ociemu"
	"github.com/keyturn/keyturn/test/ocipolicy"
	"github.com/keyturn/keyturn/test/tenancy"
)

func TestTheReportNeedsThePolicyThatItPrintsAndSaysWhatIsMissingWithoutAPart(t *testing.T) {
	e, err := ociemu.Start(ociemu.Calm())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close() })
	e.AddDomain(ociemu.DomainSeed{Name: tenancy.Partners})
	bound := e.AddUser("svc")
	e.SetPassword(bound)
	e.AddAuthToken(bound, "x")
	e.AddSecret(ociemu.SecretSeed{Name: "s", FreeformTags: map[string]string{"keyturn-user": bound,
		"keyturn-kind": "auth-token"}})
	e.AddProblem(ociemu.ProblemSeed{Rule: tenancy.AuthToken.Rule(), User: bound})
	id := e.AddDomainUser(ociemu.DefaultDomain, ociemu.UserSeed{Name: "auditor@example.com"})
	print, key := e.AddAPIKey(id)
	s := shell(t, e, ociemu.Operator{UserID: id, Fingerprint: print, PrivatePEM: key, TenancyID: e.Tenancy(),
		Region: e.Region(), KeyFile: keyFile(t, key)})
	var statements []string
	if err := json.Unmarshal([]byte(run(t, s, 0, "", "report", "--print-policy", "--json").Stdout),
		&statements); err != nil {
		t.Fatal(err)
	}
	text := run(t, s, 0, "", "report", "--print-policy").Stdout
	grant := func(statements []string) {
		var set ocipolicy.Set
		for _, one := range statements {
			if !strings.Contains(text, "\n"+one+"\n") {
				t.Errorf("the text lacks %s", one)
			}
			parsed, err := ocipolicy.Parse(one)
			if err != nil {
				t.Fatal(err)
			}
			set.Statements = append(set.Statements, parsed)
		}
		e.SetPolicies(&ociemu.Policies{Set: set, Groups: map[string][]ocipolicy.Group{id: {{Name: "Auditors"}}}})
	}
	grant(statements)
	whole := decode(t, run(t, s, 0, "", "report", "--json").Stdout)
	if whole.Report.Rows < 3 || len(whole.Rows[0].Secrets)+len(whole.Rows[1].Secrets)+len(whole.Rows[2].Secrets) == 0 {
		t.Errorf("the report is %+v", whole)
	}
	for i := range statements {
		without := append(append([]string(nil), statements[:i]...), statements[i+1:]...)
		grant(without)
		r, err := s.Run(t.Context(), strings.NewReader(""), "report", "--json")
		switch {
		case err != nil:
			t.Fatal(err)
		case r.Code == 1 && strings.Contains(statements[i], "TENANCY_INSPECT"): // nothing works
		case r.Code != 3 || len(decode(t, r.Stdout).Report.NotAsked) == 0:
			t.Errorf("without %s, the exit code is %d: %s", statements[i], r.Code, r.Stderr)
		}
	}
}

// keyFile writes a private key to a file, and returns its name.
func keyFile(t *testing.T, key []byte) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "key.pem")
	if err := os.WriteFile(name, key, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}
