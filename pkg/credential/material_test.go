package credential_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/test/need"
)

var owner = credential.Owner{Tenancy: "ocid1.tenancy.oc1..acme", User: "ocid1.user.oc1..web",
	UserName: "team/web@example.com", Region: "eu-frankfurt-1", Namespace: "acmens",
	Hosts: credential.Hosts{Registry: "ocir.eu-frankfurt-1.oci.oraclecloud.com",
		S3: "acmens.compat.objectstorage.eu-frankfurt-1.oraclecloud.com"}}

// rsaKey is the key pair of these tests, made once since that is slow.
var rsaKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

func inPEM(t *testing.T, kind string, encode func() ([]byte, error)) credential.Value {
	t.Helper()
	der, err := encode()
	if err != nil {
		t.Fatal(err)
	}
	return credential.NewValue(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

func pkcs1(t *testing.T) credential.Value {
	return inPEM(t, "RSA PRIVATE KEY", func() ([]byte, error) { return x509.MarshalPKCS1PrivateKey(rsaKey()), nil })
}

func pkcs8(t *testing.T, key crypto.PrivateKey) credential.Value {
	return inPEM(t, "PRIVATE KEY", func() ([]byte, error) { return x509.MarshalPKCS8PrivateKey(key) })
}

func apiKey(t *testing.T) credential.Material {
	t.Helper()
	m, err := credential.APIKeyMaterial(pkcs8(t, rsaKey()))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// materials returns one credential of each kind.
func materials(t *testing.T) []credential.Material {
	v := credential.NewValue([]byte(hidden))
	return []credential.Material{apiKey(t), {Kind: credential.AuthToken, ID: "ocid1.credential.oc1..t", Value: v},
		{Kind: credential.CustomerSecretKey, ID: "0123456789abcdef", Value: v},
		{Kind: credential.Password, ID: "2026-03-01T12:00:00Z", Value: v}}
}

// opensslFingerprint computes the fingerprint as in Oracle's documentation.
func opensslFingerprint(t *testing.T, private credential.Value) string {
	t.Helper()
	run := func(in []byte, args ...string) []byte {
		c := exec.CommandContext(t.Context(), "openssl", args...)
		c.Stdin = bytes.NewReader(in)
		out, err := c.Output()
		if err != nil {
			t.Fatalf("openssl %s: %v", args[0], err)
		}
		return out
	}
	der := run(private.Reveal(), "pkey", "-pubout", "-outform", "DER")
	out := string(run(der, "md5", "-c"))
	return strings.TrimSpace(out[strings.LastIndex(out, " ")+1:])
}

func TestTheFingerprintIsWhatOpenSSLSays(t *testing.T) {
	need.Tool(t, "openssl") // TestTheFingerprintOfAKnownKey also checks the algorithm
	for range 3 {
		m, err := credential.GenerateAPIKey(2048)
		if err != nil {
			t.Fatal(err)
		}
		if want := opensslFingerprint(t, m.Value); m.ID != want {
			t.Errorf("the fingerprint is %s, openssl says %s", m.ID, want)
		}
	}
	if m, err := credential.APIKeyMaterial(pkcs1(t)); err != nil || m.ID != opensslFingerprint(t, pkcs1(t)) {
		t.Errorf("the fingerprint of a PKCS#1 key is %s (%v)", m.ID, err)
	}
}

func TestTheFingerprintOfAKnownKey(t *testing.T) {
	// MD5 of "abc" is the third test vector of RFC 1321, A.5.
	if got := credential.Fingerprint([]byte("abc")); got != "90:01:50:98:3c:d2:4f:b0:d6:96:3f:7d:28:e1:7f:72" {
		t.Errorf("the fingerprint is %s", got)
	}
	if !regexp.MustCompile(`^[0-9a-f]{2}(:[0-9a-f]{2}){15}$`).MatchString(apiKey(t).ID) {
		t.Errorf("the fingerprint is %s", apiKey(t).ID)
	}
}

func TestAKeyIsTheSameInPKCS1AndPKCS8(t *testing.T) {
	one, err1 := credential.APIKeyMaterial(pkcs1(t))
	eight, err8 := credential.APIKeyMaterial(pkcs8(t, rsaKey()))
	if err1 != nil || err8 != nil || one.ID != eight.ID || one.Kind != credential.APIKey {
		t.Errorf("%s (%v) and %s (%v)", one.ID, err1, eight.ID, err8)
	}
	a, errA := one.PublicPEM()
	b, errB := eight.PublicPEM()
	if errA != nil || errB != nil || a != b || !strings.HasPrefix(a, "-----BEGIN PUBLIC KEY-----\n") ||
		strings.Contains(a, "PRIVATE") {
		t.Errorf("the public halves differ (%v, %v)", errA, errB)
	}
}

func TestAGeneratedKeyHasItsSizeAndIsNew(t *testing.T) {
	seen := map[string]bool{}
	for _, bits := range []int{2048, 2048, 3072} {
		m, err := credential.GenerateAPIKey(bits)
		if err != nil {
			t.Fatal(err)
		}
		block, rest := pem.Decode(m.Value.Reveal())
		if block == nil || block.Type != "PRIVATE KEY" || len(rest) != 0 {
			t.Fatal("the key is not one PKCS#8 block")
		}
		key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
		if r, ok := key.(*rsa.PrivateKey); err != nil || !ok || r.N.BitLen() != bits || r.Validate() != nil {
			t.Errorf("the key is not an RSA key of %d bits (%v)", bits, err)
		}
		if seen[m.ID] {
			t.Error("the same key came twice")
		}
		seen[m.ID] = true
	}
	if _, err := credential.GenerateAPIKey(3); err == nil {
		t.Error("a key of 3 bits was made")
	}
}

func TestWhatIsNoRSAKeyIsRefusedWithoutQuotingIt(t *testing.T) {
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for name, v := range map[string]credential.Value{
		"a word": credential.NewValue([]byte(hidden)),
		"a PEM of words": credential.NewValue(
			pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte(hidden)})),
		"an EC key": pkcs8(t, ec),
		"nothing":   {},
	} {
		for role, f := range map[string]func() error{
			"material": func() error { _, err := credential.APIKeyMaterial(v); return err },
			"decode": func() error {
				_, err := credential.Decode(credential.APIKey, credential.RolePrivateKey, "", v)
				return err
			},
			"public": func() error {
				_, err := credential.Material{Kind: credential.APIKey, Value: v}.PublicPEM()
				return err
			},
		} {
			err := f()
			if err == nil {
				t.Errorf("%s: %s was accepted", role, name)
				continue
			}
			leaks(t, role+" of "+name, err.Error())
		}
	}
}

func TestACredentialReadsBackFromEverySecretThatHoldsIt(t *testing.T) {
	n := 0
	for _, m := range materials(t) {
		for _, role := range m.Kind.Roles() {
			content, err := m.Encode(role, owner)
			if err != nil {
				t.Fatalf("%s as %s: %v", m.Kind, role, err)
			}
			if role == credential.RoleAccessKey {
				continue // TestAnAccessKeyWithoutItsSecretKeyIsNoCredential
			}
			n++
			for _, id := range []string{m.ID, ""} {
				got, err := credential.Decode(m.Kind, role, id, content)
				switch {
				case err != nil:
					t.Errorf("%s as %s: %v", m.Kind, role, err)
				case got.Kind != m.Kind || !got.Value.Equal(m.Value):
					t.Errorf("%s as %s: another value came back", m.Kind, role)
				case got.ID != m.ID && (id != "" || role == credential.RoleBundle || m.Kind == credential.APIKey):
					t.Errorf("%s as %s: the id is %q, want %q", m.Kind, role, got.ID, m.ID)
				}
			}
			if _, err := credential.Decode(m.Kind, role, m.ID+"x", content); err == nil &&
				(role == credential.RoleBundle || m.Kind == credential.APIKey) {
				t.Errorf("%s as %s: a content that says another id than its journal was accepted", m.Kind, role)
			} else if err != nil {
				leaks(t, "the error", err.Error())
			}
		}
	}
	if n != 8 {
		t.Errorf("%d ways, want 8", n)
	}
}

func TestABundleHasEverythingThatAConsumerNeeds(t *testing.T) {
	want := map[credential.Kind][]string{
		credential.APIKey: {"fingerprint", "kind", "private_key", "region", "tenancy", "user", "user_name"},
		credential.AuthToken: {"kind", "region", "registry", "registry_user", "tenancy", "token", "token_id",
			"user", "user_name"},
		credential.CustomerSecretKey: {"access_key", "endpoint", "kind", "region", "secret_key", "tenancy", "user",
			"user_name"},
		credential.Password: {"kind", "made_at", "password", "region", "tenancy", "user", "user_name"},
	}
	for _, m := range materials(t) {
		content, err := m.Encode(credential.RoleBundle, owner)
		if err != nil {
			t.Fatal(err)
		}
		var got map[string]string
		if err := json.Unmarshal(content.Reveal(), &got); err != nil {
			t.Fatalf("%s: the bundle is no JSON object of strings", m.Kind)
		}
		var keys []string
		for k, v := range got {
			keys = append(keys, k)
			if v == "" {
				t.Errorf("%s: %s is empty", m.Kind, k)
			}
		}
		slices.Sort(keys)
		if !slices.Equal(keys, want[m.Kind]) {
			t.Errorf("%s: the bundle has %v, want %v", m.Kind, keys, want[m.Kind])
		}
		if got["kind"] != string(m.Kind) || got["user"] != owner.User || got["tenancy"] != owner.Tenancy ||
			got["region"] != owner.Region {
			t.Errorf("%s: the bundle is another's", m.Kind)
		}
		for key, value := range map[string]string{"registry": "ocir.eu-frankfurt-1.oci.oraclecloud.com",
			"registry_user": "acmens/team/web@example.com",
			"endpoint":      "https://acmens.compat.objectstorage.eu-frankfurt-1.oraclecloud.com"} {
			if got[key] != "" && got[key] != value {
				t.Errorf("%s: %s is %q, want %q", m.Kind, key, got[key], value)
			}
		}
		if !bytes.HasSuffix(content.Reveal(), []byte("}\n")) {
			t.Errorf("%s: the bundle doesn't end with a line break", m.Kind)
		}
	}
}

func TestABundleOfAnotherKindOrNoBundleIsRefused(t *testing.T) {
	for _, m := range materials(t) {
		content, err := m.Encode(credential.RoleBundle, owner)
		if err != nil {
			t.Fatal(err)
		}
		for _, kind := range credential.Kinds() {
			_, err := credential.Decode(kind, credential.RoleBundle, "", content)
			if (err == nil) != (kind == m.Kind) {
				t.Errorf("a bundle of %s read as %s: %v", m.Kind, kind, err)
			}
			if err != nil {
				leaks(t, "the error", err.Error())
			}
		}
		for name, text := range map[string]string{"a word": hidden, "half": `{"kind":"` + string(m.Kind) +
			`","token":"` + hidden, "a list": `["` + hidden + `"]`,
			"no value": `{"kind":"` + string(m.Kind) + `"}`} {
			_, err := credential.Decode(m.Kind, credential.RoleBundle, "", credential.NewValue([]byte(text)))
			if err == nil {
				t.Errorf("%s: %s was accepted", m.Kind, name)
				continue
			}
			leaks(t, "the error about "+name, err.Error())
		}
	}
}

func TestAnAccessKeyWithoutItsSecretKeyIsNoCredential(t *testing.T) {
	m := materials(t)[2]
	content, err := m.Encode(credential.RoleAccessKey, owner)
	if err != nil || string(content.Reveal()) != m.ID {
		t.Errorf("the access key's secret holds something else (%v)", err)
	}
	if _, err := credential.Decode(m.Kind, credential.RoleAccessKey, m.ID, content); err == nil {
		t.Error("an access key alone was taken for a credential")
	}
}

func TestAnEmptyContentOrAnUnknownRoleIsRefused(t *testing.T) {
	if _, err := credential.Decode(credential.AuthToken, credential.RoleToken, "x", credential.Value{}); err == nil {
		t.Error("an empty token was accepted")
	}
	if v, err := materials(t)[1].Encode("backup", owner); err == nil || !v.Empty() {
		t.Error("an unknown role was encoded")
	}
}
