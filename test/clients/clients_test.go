// Package clients_test runs Oracle's SDK for another language against the OCI emulator. It finds errors that the
// emulator and the functions share because both use the Go SDK.
package clients_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/keyturn/keyturn/test/need"
	"github.com/keyturn/keyturn/test/ociemu"
)

func TestThirdPartyClientsWorkWithTheEmulator(t *testing.T) {
	node := need.Tool(t, "node")
	if _, err := os.Stat("node_modules"); err != nil {
		need.Lacking(t, "Oracle's SDK for JavaScript is missing; run: cd test/clients && npm ci --ignore-scripts")
	}
	e := ociemu.New(t, ociemu.Calm())
	operator := e.AddOperator("ada")
	config := filepath.Join(t.TempDir(), "config")
	if err := os.WriteFile(config, []byte(e.Config(operator)), 0o600); err != nil {
		t.Fatal(err)
	}
	user := e.AddUser("jane@example.com")
	domainUser := e.AddDomainUser(ociemu.DefaultDomain, ociemu.UserSeed{Name: "joe@example.com",
		Email: "joe@example.com", DatabaseName: "JOE"})
	app, _ := e.AddApp(ociemu.DefaultDomain, "shop")
	first := e.AddSecret(ociemu.SecretSeed{Name: "one"})
	e.AddSecret(ociemu.SecretSeed{Name: "two"})
	topic := e.AddTopic("secops")
	e.AddGroup(ociemu.DefaultDomain, "Ops", domainUser)
	e.AddCompartment("dev", "")
	jim := e.AddUser("jim@example.com")
	e.AddSMTPCredential(jim, "mail")
	e.AddDatabasePassword(jim)
	e.AddOAuth2Credential(jim, "client")

	run := exec.CommandContext(t.Context(), node, "--test", "clients.test.mjs")
	run.Env = append(os.Environ(),
		"OCIEMU_URL="+e.URL(), "OCIEMU_CONFIG_FILE="+config, "OCIEMU_TENANCY="+e.Tenancy(), "OCIEMU_USER="+user,
		"OCIEMU_DOMAIN_USER="+domainUser, "OCIEMU_APP="+app.ID, "OCIEMU_SECRET="+first, "OCIEMU_TOPIC="+topic,
		"OCIEMU_OTHERS_USER="+jim,
		"OCIEMU_PROBLEM="+e.AddProblem(ociemu.ProblemSeed{Rule: "API_KEY_TOO_OLD", User: user}),
	)
	out, err := run.CombinedOutput()
	if err != nil {
		t.Fatalf("the JavaScript SDK does not get on with the emulator: %v\n%s", err, out)
	}
	// A run without tests would also pass, so the emulator must have received all calls of the script.
	seen := map[string]bool{}
	for _, c := range e.Calls() {
		seen[c.Operation] = true
	}
	for _, operation := range []string{
		"GetTenancy", "UploadApiKey", "ListApiKeys", "DeleteApiKey", "CreateAuthToken", "ListAuthTokens",
		"CreateCustomerSecretKey",
		"ListCustomerSecretKeys", "CreateOrResetUIPassword", "UpdateSecret", "GetSecretBundle", "ListSecretVersions",
		"ListSecrets",
		"PublishMessage", "PatchAuthToken", "CreateApiKey", "PatchCustomerSecretKey", "DeleteSmtpCredential",
		"GetOAuth2ClientCredential", "CreateUserDbCredential", "CreateMyAuthToken", "ListMyApiKeys",
		"PutUserPasswordChanger", "PutUserPasswordResetter", "ListUsers", "GetUser", "GetApp",
		"ListGroups", "GetGroup", "ListUserGroupMemberships", "ListPolicies", "ListCompartments", "ListSmtpCredentials",
		"ListDbCredentials", "ListOAuthClientCredentials", "ListRegionSubscriptions", "ListProblems",
		"UpdateProblemStatus", "GetProblem", "ListProblemHistories",
	} {
		if !seen[operation] {
			t.Errorf("the script did not call %s", operation)
		}
	}
	if mails := e.Mails(); len(mails) != 1 || mails[0].Body != "from JavaScript" {
		t.Errorf("got mails %v, want the one from the script", mails)
	}
}
