package examples_test

import (
	"encoding/base64"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/keyturn/keyturn/test/ociemu"
	"github.com/keyturn/keyturn/test/tenancy"
)

// placeRegistry installs the files of the registry example on the machine.
func placeRegistry(t *testing.T) *rig {
	t.Helper()
	r := place(t, tenancy.Want{Kind: tenancy.AuthToken, Bundle: true})
	r.write(filepath.Join(r.home, ".config", "keyturn", "registries"),
		strings.ReplaceAll(read(t, "registry/registries"), "ocid1.vaultsecret.oc1.iad.example", r.secret)+
			"iad.ocir.io "+r.secret+"\nregistry.example.com "+r.secret+"\n")
	return r
}

// answer is a credential helper's output for Docker. Source: docker/docker-credential-helpers.
type answer struct{ ServerURL, Username, Secret string }

func (r *rig) answer(got result) answer {
	r.t.Helper()
	var a answer
	decoder := json.NewDecoder(strings.NewReader(r.want(got)))
	decoder.DisallowUnknownFields()
	if decoder.Decode(&a) != nil {
		r.t.Fatal("the answer is not what Docker reads")
	}
	return a
}

func TestDockerIsSignedInWithTheCurrentTokenAndAgainAfterARotation(t *testing.T) {
	r := placeRegistry(t)
	var config struct{ CredHelpers map[string]string }
	if err := json.Unmarshal([]byte(read(t, "registry/config.json")), &config); err != nil {
		t.Fatal(err)
	}
	asked := []string{"iad.ocir.io\n", "https://iad.ocir.io/v2/"}
	for host, helper := range config.CredHelpers {
		if helper != "keyturn" {
			t.Errorf("%s is asked about %s", helper, host)
		}
		asked = append(asked, host, "https://"+host)
	}
	for _, url := range asked {
		a := r.answer(r.runWith(url, "docker-credential-keyturn", "get"))
		if status := r.c.Try(tenancy.Credential{Value: a.Secret}); status != 200 {
			t.Errorf("%s: the token is answered %d", url, status)
		}
		if want := r.Namespace() + "/" + r.c.UserName; a.Username != want || a.ServerURL != strings.TrimSpace(url) {
			t.Errorf("%s: signs in as %s at %s, want %s", url, a.Username, a.ServerURL, want)
		}
		r.rotate()
		if status := r.c.Try(tenancy.Credential{Value: a.Secret}); status != 401 {
			t.Fatalf("the old token is answered %d: this test shows nothing", status)
		}
	}
}

func TestATokenIsGivenOnlyToTheRegistriesOfTheFile(t *testing.T) {
	r := placeRegistry(t)
	r.ResetCalls()
	for url, want := range map[string]string{
		"docker.io":             "credentials not found in native keychain",
		"iad.ocir.io.evil.com":  "credentials not found in native keychain",
		"#":                     "credentials not found in native keychain",
		"registry.example.com":  "registry.example.com is not a registry of OCI",
		"https://evil.com/iad.": "credentials not found in native keychain",
		"":                      "no credentials server URL",
	} {
		if got := r.runWith(url, "docker-credential-keyturn", "get"); got.code != 1 ||
			!strings.HasSuffix(got.out, want+"\n") {
			t.Errorf("%q: exit code %d and %q, want 1 and %q", url, got.code, got.out, want)
		}
	}
	if calls := r.Calls(); len(calls) > 0 {
		t.Errorf("%s was called for a registry that is none of ours", calls[0].Operation)
	}
}

func TestATokenIsGivenOnlyToRegistriesOfTheRealmThatItsBundleNames(t *testing.T) {
	r := placeRegistry(t)
	hosts := map[string]bool{"ocir.us-ashburn-1.oci.oraclecloud.com": true,
		"ocir.eu-frankfurt-1.oci.oraclecloud.com": true, "fra.ocir.io": true,
		"ocir.us-langley-1.oci.oraclegovcloud.com": false, "ocir.eu-frankfurt-2.oci.oraclecloud.eu": false,
		"ric.ocir.oraclegovcloud.com":                        false,
		"ocir.us-ashburn-1.oci.oraclecloud.com.evil.example": false, "ocir.us-ashburn-1.oci.evil.example": false,
		"iad.ocir.evil.example": false}
	var file strings.Builder
	for host := range hosts {
		file.WriteString(host + " " + r.secret + "\n")
	}
	r.write(filepath.Join(r.home, ".config", "keyturn", "registries"), file.String())
	for host, given := range hosts {
		got := r.runWith(host, "docker-credential-keyturn", "get")
		switch {
		case given:
			r.answer(got)
		case got.code != 1 || !strings.Contains(got.out, host+" is not a registry of the same realm as "+
			"ocir.us-ashburn-1.oci.oraclecloud.com"):
			t.Errorf("%s: exit code %d and %d bytes, want a refusal", host, got.code, len(got.out))
		}
	}
}

func TestAHelperThatCanNotReadTheSecretReportsItToDocker(t *testing.T) {
	r := placeRegistry(t)
	r.Inject(ociemu.Fault{Operation: "GetSecretBundle", Times: -1, Do: ociemu.Answer(404, "NotAuthorizedOrNotFound")})
	if got := r.runWith("iad.ocir.io", "docker-credential-keyturn", "get"); got.code == 0 ||
		!strings.Contains(got.out, "no token for iad.ocir.io") {
		t.Errorf("exit code %d and %q", got.code, got.out)
	}
}

func TestTheHelperStoresNothing(t *testing.T) {
	r := placeRegistry(t)
	before := tree(t, r.home)
	payload := `{"ServerURL":"iad.ocir.io","Username":"me","Secret":"` + r.stored().Value + `"}`
	if got := r.runWith(payload, "docker-credential-keyturn", "store"); got.code == 0 || leaks(got.out, r.values) > 0 {
		t.Errorf("store ends with %d and %d leaks", got.code, leaks(got.out, r.values))
	}
	r.want(r.runWith("iad.ocir.io", "docker-credential-keyturn", "erase"))
	if got := r.want(r.run("docker-credential-keyturn", "list")); strings.TrimSpace(got) != "{}" {
		t.Errorf("it lists %s", got)
	}
	r.answer(r.runWith("iad.ocir.io", "docker-credential-keyturn", "get"))
	if len(tree(t, r.home)) != len(before) {
		t.Error("something was written")
	}
}

// client installs a fake SQLcl that stores its input.
func (r *rig) client() (kept string) {
	kept = filepath.Join(r.t.TempDir(), "sql")
	r.tool("sql", "umask 077; exec cat >'"+kept+"'")
	return kept
}

var encoded = regexp.MustCompile(`base64_decode\(utl_raw\.cast_to_raw\('([A-Za-z0-9+/=]+)'\)`)

func TestTheDatabaseGetsTheTokenOnStandardInputAndAgainAfterARotation(t *testing.T) {
	r := place(t, tenancy.Want{Kind: tenancy.AuthToken, Bundle: true})
	kept := r.client()
	for range 2 {
		if out := r.want(r.run("keyturn-dbms-cloud", "OBJECT_STORE", r.secret, "sql", "-S", "/@orders")); out != "" {
			t.Errorf("it prints %q", out)
		}
		if got := sent(t, kept); got != r.stored().Value {
			t.Error("the statement has another value than the secret")
		}
		r.rotate()
	}
	for name, c := range map[string]struct {
		args []string
		why  string
	}{
		"a name that is more": {[]string{"X'); drop user orders; --", r.secret, "sql"},
			"is not the name of a credential"},
		"no client":    {[]string{"OBJECT_STORE", r.secret}, "usage"},
		"another kind": {[]string{"OBJECT_STORE", "/dev/null", "sql"}, "does not hold a bundle"},
	} {
		if err := os.Remove(kept); err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		r.refused(r.run("keyturn-dbms-cloud", c.args...), c.why)
		if _, err := os.Stat(kept); err == nil {
			t.Errorf("%s: the client was started", name)
		}
	}
	r.tool("sql", "cat >/dev/null; exit 1")
	r.refused(r.run("keyturn-dbms-cloud", "OBJECT_STORE", r.secret, "sql"), "the client could not update the "+
		"credential")
}

func sent(t *testing.T, kept string) string {
	t.Helper()
	text, err := os.ReadFile(kept)
	if err != nil {
		t.Fatal(err)
	}
	found := encoded.FindSubmatch(text)
	if found == nil || strings.Count(string(text), "'") != 6 {
		t.Fatal("the statement is not as it should be")
	}
	token, err := base64.StdEncoding.DecodeString(string(found[1]))
	if err != nil {
		t.Fatal(err)
	}
	return string(token)
}

func TestATokenMayContainEveryCharacterOfSQL(t *testing.T) {
	r := place(t, tenancy.Want{Kind: tenancy.AuthToken, Bundle: true})
	kept := r.client()
	for _, token := range []string{`a'b"c&d;e/`, `']';/` + "\\", "$(id)`id`%s%n", "é-ü --", "x\n/\nexit"} {
		text, err := json.Marshal(map[string]string{"kind": "auth-token", "user_name": "u", "region": "r",
			"token_id": "i", "token": token, "registry": "h", "registry_user": "n/u"})
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(r.home, "bundle")
		r.write(file, string(text))
		r.want(r.run("keyturn-dbms-cloud", "OBJECT_STORE", file, "sql"))
		if got := sent(t, kept); got != token {
			t.Errorf("the statement carries %q for %q", got, token)
		}
	}
}

// An Autonomous Database uses the whole content of the secret as the password.
func TestThePlainSecretHoldsTheTokenAndNothingElse(t *testing.T) {
	r := place(t, tenancy.Want{Kind: tenancy.AuthToken})
	for range 2 {
		content := string(r.Secret(r.secret).Current())
		if status := r.c.Try(tenancy.Credential{Value: content}); status != 200 ||
			strings.TrimSpace(content) != content {
			t.Errorf("the content as it is is answered %d", status)
		}
		r.rotate()
	}
	r.refused(r.run("keyturn-bundle", "auth-token", r.secret), "does not hold a bundle")
}

func TestTheStatementsOfTheVaultCredentialAgreeWithEachOther(t *testing.T) {
	text := read(t, "database/vault-credential.sql")
	names := regexp.MustCompile(`credential_name => '([^']*)'`).FindAllStringSubmatch(text, -1)
	if len(names) != 4 {
		t.Errorf("%d statements name a credential, want 4", len(names))
	}
	for _, name := range names {
		if name[1] != "OBJECT_STORE" {
			t.Errorf("the credential %s is another one", name[1])
		}
	}
	for _, key := range []string{"username", "region", "secret_id"} {
		if strings.Count(text, "'"+key+"'") != 1 {
			t.Errorf("the parameter %s is not there once", key)
		}
	}
	if strings.Count(text, "\n/\n") != 3 {
		t.Error("each of the three blocks must end with a slash")
	}
}
