package oci

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/oracle/oci-go-sdk/v65/common"
	"github.com/youmark/pkcs8"

	"github.com/keyturn/keyturn/pkg/credential"
)

// folder is a home folder with the OCI CLI's files.
type folder struct {
	t           *testing.T
	home, print string
}

var loginKey = func() *rsa.PrivateKey {
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return k
}()

func newFolder(t *testing.T) folder {
	t.Helper()
	f := folder{t: t, home: t.TempDir()}
	der, err := x509.MarshalPKCS8PrivateKey(loginKey)
	if err != nil {
		t.Fatal(err)
	}
	public, err := x509.MarshalPKIXPublicKey(&loginKey.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	f.print = credential.Fingerprint(public)
	f.write("key.pem", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))+"OCI_API_KEY\n")
	f.write("public.pem", string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public})))
	locked, err := pkcs8.MarshalPrivateKey(loginKey, []byte("open sesame"), nil)
	if err != nil {
		t.Fatal(err)
	}
	f.write("locked.pem", string(pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED PRIVATE KEY", Bytes: locked})))
	f.write("token", tokenUntil(time.Now().Add(time.Hour)))
	f.write("expired", tokenUntil(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)))
	f.write("delegation", "a.b.c\n")
	f.write("empty", "")
	return f
}

func (f folder) write(name, text string) {
	f.t.Helper()
	if err := os.MkdirAll(filepath.Join(f.home, ".oci"), 0o700); err != nil {
		f.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(f.home, ".oci", name), []byte(text), 0o600); err != nil {
		f.t.Fatal(err)
	}
}

// config writes the configuration with $PRINT for the key's fingerprint.
func (f folder) config(text string) { f.write("config", strings.ReplaceAll(text, "$PRINT", f.print)) }

func tokenUntil(t time.Time) string {
	part := func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }
	return part(`{"alg":"RS256"}`) + "." + part(fmt.Sprintf(`{"sub":"ocid1.user.oc1..a","exp":%d}`, t.Unix())) +
		".signature"
}

const (
	keyLines = "tenancy=ocid1.tenancy.oc1..t\nregion=eu-frankfurt-1\nfingerprint=$PRINT\nkey_file=~/.oci/key.pem\n"
	userKey  = "[DEFAULT]\nuser = ocid1.user.oc1..u\n" + keyLines
	session1 = "[DEFAULT]\n" + keyLines + "security_token_file=~/.oci/token\n"
)

func TestTheProfileDecidesHowToSignIn(t *testing.T) {
	tests := []struct {
		name, config string
		login        Login
		want         Auth
		region       string // "" if asking for it needs the metadata service
	}{
		{"a user and a key", userKey, Login{}, AuthAPIKey, "eu-frankfurt-1"},
		{"another profile", "[DEFAULT]\n\n[other]\nuser:ocid1.user.oc1..u\n" + keyLines, Login{Profile: "other"},
			AuthAPIKey, "eu-frankfurt-1"},
		{"what DEFAULT has, too", userKey + "[other]\nregion = us-phoenix-1\n", Login{Profile: "other"}, AuthAPIKey,
			"us-phoenix-1"},
		{"comments, spaces, capitals", "# a\n; b\n" + strings.ToUpper("[default]\nuser") + " = ocid1.user.oc1..u\n" +
			keyLines + "\r\n", Login{}, AuthAPIKey, "eu-frankfurt-1"},
		{"a session token", session1, Login{}, AuthSecurityToken, "eu-frankfurt-1"},
		{"a session token beside a user of DEFAULT", userKey + "[s]\nsecurity_token_file=~/.oci/token\n",
			Login{Profile: "s"}, AuthSecurityToken, "eu-frankfurt-1"},
		{"a user beside a session token of DEFAULT", session1 + "[u]\nuser=ocid1.user.oc1..u\n", Login{Profile: "u"},
			AuthAPIKey, "eu-frankfurt-1"},
		{"a flag against a session token", session1 + "user=ocid1.user.oc1..u\n", Login{Auth: AuthAPIKey}, AuthAPIKey,
			"eu-frankfurt-1"},
		{"a region key", userKey, Login{Region: "FRA"}, AuthAPIKey, "eu-frankfurt-1"},
		{"a region by flag", userKey, Login{Region: "us-ashburn-1"}, AuthAPIKey, "us-ashburn-1"},
		{"a delegation token", "[DEFAULT]\nregion=eu-frankfurt-1\ndelegation_token_file=~/.oci/delegation\n", Login{},
			AuthDelegated, ""},
		{"Cloud Shell's variables", "[eu-frankfurt-1]\nregion=eu-frankfurt-1\n", Login{Profile: "eu-frankfurt-1",
			Auth: AuthDelegated, DelegationToken: "~/.oci/delegation"}, AuthDelegated, ""},
		{"an instance by its profile", "[DEFAULT]\nauthentication_type=instance_principal\n", Login{},
			AuthInstancePrincipal, ""},
		{"an instance by a flag, without a file", "", Login{Auth: AuthInstancePrincipal}, AuthInstancePrincipal, ""},
		{"a resource principal, without a file", "", Login{Auth: AuthResourcePrincipal}, AuthResourcePrincipal, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := newFolder(t)
			if tt.config != "" {
				f.config(tt.config)
			}
			tt.login.Home = f.home
			tt.login.Warn = func(text string) { t.Errorf("it warned: %s", text) }
			s, err := tt.login.signIn()
			if err != nil || s.auth != tt.want {
				t.Fatalf("it signs in by %q (%v), want %s", s.auth, err, tt.want)
			}
			if tt.region == "" {
				return
			}
			p, err := s.provider()
			if err != nil {
				t.Fatal(err)
			}
			if valid, err := common.IsConfigurationProviderValid(p); !valid {
				t.Errorf("the SDK refuses it: %v", err)
			}
			if region, err := p.Region(); err != nil || region != tt.region {
				t.Errorf("the region is %q (%v), want %s", region, err, tt.region)
			}
			id, err := p.KeyID()
			want := "ocid1.tenancy.oc1..t/ocid1.user.oc1..u/" + f.print
			if tt.want == AuthSecurityToken {
				want = "ST$ey"
			}
			if err != nil || !strings.HasPrefix(id, want) {
				t.Errorf("it signs as %.60s (%v), want %s", id, err, want)
			}
		})
	}
}

func TestALoginThatCannotWorkNamesTheRemedy(t *testing.T) {
	with := func(old, replacement string) string { return strings.Replace(userKey, old, replacement, 1) }
	tests := []struct {
		name, config string
		login        Login
		want         []string
	}{
		{"no file", "", Login{}, []string{"there is no OCI configuration HOME/.oci/config", "oci setup config"}},
		{"no such profile", userKey + "[b]\n", Login{Profile: "prod"}, []string{"HOME/.oci/config has no profile prod",
			"it has DEFAULT, b", "--profile"}},
		{"no user", with("user = ocid1.user.oc1..u\n", ""), Login{}, []string{
			"profile DEFAULT of HOME/.oci/config has no user", "add user=..."}},
		{"no tenancy", with("tenancy=ocid1.tenancy.oc1..t\n", ""), Login{}, []string{"has no tenancy", "add tenancy"}},
		{"no region", with("region=eu-frankfurt-1\n", ""), Login{}, []string{"has no region", "--region"}},
		{"no fingerprint", with("fingerprint=$PRINT\n", ""), Login{}, []string{"has no fingerprint"}},
		{"no key", with("key_file=~/.oci/key.pem\n", ""), Login{}, []string{"has no key_file"}},
		{"a key that isn't there", with("key.pem", "gone.pem"), Login{}, []string{
			"key_file: HOME/.oci/gone.pem: no such file", "oci setup config"}},
		{"a public key", with("key.pem", "public.pem"), Login{}, []string{"no RSA key in PEM form", "private key"}},
		{"another key's fingerprint", with("$PRINT", "aa:bb"), Login{}, []string{"fingerprint is aa:bb, but the key in",
			"correct"}},
		{"a locked key", with("key.pem", "locked.pem"), Login{}, []string{"has a passphrase", "OCI_CLI_PASSPHRASE",
			"pass_phrase"}},
		{"a wrong passphrase", with("key.pem", "locked.pem") + "pass_phrase=hush\n", Login{}, []string{
			"the passphrase doesn't open", "pass_phrase"}},
		{"no region at all", userKey, Login{Region: "moon base"}, []string{"--region", "moon base", "eu-frankfurt-1"}},
		{"an unknown way", userKey, Login{Auth: "password"}, []string{`"password"`, "--auth", "security_token"}},
		{"an expired session", strings.Replace(session1, "oci/token", "oci/expired", 1), Login{}, []string{
			"HOME/.oci/expired expired at 2026-01-02T03:04:05Z",
			"oci session authenticate --profile-name DEFAULT --region eu-frankfurt-1"}},
		{"no session", strings.Replace(session1, "oci/token", "oci/gone", 1), Login{}, []string{
			"security_token_file: HOME/.oci/gone: no such file", "oci session authenticate"}},
		{"a session that is no token", strings.Replace(session1, "oci/token", "oci/key.pem", 1), Login{}, []string{
			"has no session token", "oci session authenticate"}},
		{"a session by flag without a token", userKey, Login{Auth: AuthSecurityToken}, []string{
			"has no security_token_file", "oci session authenticate --profile-name DEFAULT"}},
		{"no delegation token", userKey, Login{Auth: AuthDelegated}, []string{"has no delegation_token_file",
			"Cloud Shell"}},
		{"an empty delegation token", "[DEFAULT]\ndelegation_token_file=~/.oci/empty\n", Login{}, []string{
			"HOME/.oci/empty is empty", "Cloud Shell"}},
		{"a line before the first profile", "user=x\n" + userKey, Login{}, []string{"line 1", "[DEFAULT]"}},
		{"a line that is no pair", userKey + "s3cr3t\n", Login{}, []string{"line 7 is not of the form key=value"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := newFolder(t)
			if tt.config != "" {
				f.config(tt.config)
			}
			tt.login.Home = f.home
			_, err := NewAs(tt.login)
			if err == nil {
				t.Fatal("it signs in")
			}
			for _, want := range tt.want {
				want = strings.ReplaceAll(want, "HOME", f.home)
				if !strings.Contains(err.Error(), want) {
					t.Errorf("the error is\n%v\nwant %q in it", err, want)
				}
			}
			for _, secret := range []string{"hush", "s3cr3t", "open sesame", "PRIVATE KEY-----\n"} {
				if strings.Contains(err.Error(), secret) {
					t.Errorf("the error has a secret value: %v", err)
				}
			}
		})
	}
}

func TestAPassphraseOpensTheKey(t *testing.T) {
	f := newFolder(t)
	locked := strings.Replace(userKey, "key.pem", "locked.pem", 1)
	f.config(locked + "pass_phrase = open sesame\n")
	if _, err := NewAs(Login{Home: f.home}); err != nil {
		t.Error(err)
	}
	f.config(locked)
	if _, err := NewAs(Login{Home: f.home, Passphrase: credential.NewValue([]byte("open sesame"))}); err != nil {
		t.Error(err)
	}
}

func TestAKeyThatOthersCanReadIsReported(t *testing.T) {
	f := newFolder(t)
	f.config(userKey)
	key := filepath.Join(f.home, ".oci", "key.pem")
	if err := os.Chmod(key, 0o644); err != nil {
		t.Fatal(err)
	}
	var warned []string
	if _, err := NewAs(Login{Home: f.home, Warn: func(text string) { warned = append(warned, text) }}); err != nil {
		t.Fatal(err)
	}
	if len(warned) != 1 || !strings.Contains(warned[0], "chmod 600 "+key) {
		t.Errorf("it warned %q", warned)
	}
}

func TestASessionThatIsRefreshedIsReadAgain(t *testing.T) {
	f := newFolder(t)
	f.config(session1)
	s, err := Login{Home: f.home}.signIn()
	if err != nil {
		t.Fatal(err)
	}
	p, err := s.provider()
	if err != nil {
		t.Fatal(err)
	}
	fresh := tokenUntil(time.Now().Add(2 * time.Hour))
	f.write("token", fresh+"\n")
	if id, err := p.KeyID(); err != nil || id != "ST$"+fresh {
		t.Errorf("it signs with %.40s (%v)", id, err)
	}
	f.write("token", tokenUntil(time.Now().Add(-time.Minute)))
	if _, err := p.KeyID(); err == nil || !strings.Contains(err.Error(), "oci session authenticate") {
		t.Errorf("a token that expired later: %v", err)
	}
}

// delegating is a provider with a delegation token, as that of a Cloud Shell.
type delegating struct{ common.ConfigurationProvider }

func (delegating) AuthType() (common.AuthConfig, error) {
	token := "delegated"
	return common.AuthConfig{AuthType: common.InstancePrincipalDelegationToken, OboToken: &token}, nil
}

func TestADelegationTokenIsSentAndSignedToServicesAndDomains(t *testing.T) {
	f := newFolder(t)
	f.config(userKey)
	s, err := Login{Home: f.home}.signIn()
	if err != nil {
		t.Fatal(err)
	}
	p, err := s.provider()
	if err != nil {
		t.Fatal(err)
	}
	c := NewWith(delegating{p})
	var seen []*http.Request
	c.AnsweredBy(recorder(func(r *http.Request) { seen = append(seen, r) }))
	_, _ = c.Tenancy(t.Context())
	_ = c.TryDomainList(t.Context(), credential.Domain{Name: "Partners",
		URL: "https://idcs-0123456789abcdef0123456789abcdef.identity.oraclecloud.com:443"}, credential.APIKey)
	hosts := map[string]bool{}
	for _, r := range seen {
		hosts[r.URL.Hostname()] = true
		if r.Header.Get("opc-obo-token") != "delegated" ||
			!strings.Contains(r.Header.Get("Authorization"), " opc-obo-token") {
			t.Errorf("a request to %s has the headers %v", r.URL.Host, r.Header)
		}
	}
	if len(hosts) != 2 {
		t.Errorf("requests went to %v, want IAM and the domain", hosts)
	}
}

// recorder is a network without answers.
type recorder func(*http.Request)

func (f recorder) RoundTrip(r *http.Request) (*http.Response, error) {
	f(r)
	return nil, http.ErrServerClosed
}
