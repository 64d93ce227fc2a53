package credential_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"unicode/utf16"

	"github.com/keyturn/keyturn/pkg/credential"
)

// smallKey is a key of the smallest size in use.
var smallKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		panic(err)
	}
	return key
})

func lines(s string, n int) string {
	var out []string
	for len(s) > n {
		out, s = append(out, s[:n]), s[n:]
	}
	return strings.Join(append(out, s), "\n")
}

func quoted(s string) string {
	text, err := json.Marshal(s)
	if err != nil {
		panic(err)
	}
	return string(text)
}

func utf16le(s string) string {
	out := []byte{0xff, 0xfe}
	for _, u := range utf16.Encode([]rune(s)) {
		out = append(out, byte(u), byte(u>>8))
	}
	return string(out)
}

func indented(s, by string) string {
	return by + strings.ReplaceAll(strings.TrimSpace(s), "\n", "\n"+by)
}

// layouts are the forms in which users and tools write a private key into a secret and which identify the key.
func layouts(key *rsa.PrivateKey) map[string]string {
	eightDER, _ := x509.MarshalPKCS8PrivateKey(key)
	oneDER := x509.MarshalPKCS1PrivateKey(key)
	eight := string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: eightDER}))
	one := string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: oneDER}))
	b64 := base64.StdEncoding
	raw := base64.RawURLEncoding
	web := fmt.Sprintf(`{"kty":"RSA","n":%q,"e":%q,"d":%q}`, raw.EncodeToString(key.N.Bytes()),
		raw.EncodeToString(big.NewInt(int64(key.E)).Bytes()), raw.EncodeToString(key.D.Bytes()))
	spki, _ := x509.MarshalPKIXPublicKey(&key.PublicKey)
	print := credential.Fingerprint(spki)
	return map[string]string{
		"PKCS#8": eight, "PKCS#1": one, "CRLF": strings.ReplaceAll(eight, "\n", "\r\n"),
		"CR only":                  strings.ReplaceAll(one, "\n", "\r"),
		"no line break at the end": strings.TrimSpace(eight), "blank lines around": "\n\n  " + one + "\n\n",
		"a comment before":  "# prod key\n" + eight,
		"OCI's label after": eight + "OCI_API_KEY", "with openssl's attributes": "Bag Attributes\n    " +
			"friendlyName: x\nKey Attributes: <No Attributes>\n" + eight,
		"one line, escaped breaks": strings.ReplaceAll(eight, "\n", `\n`),
		"one line, escaped twice":  strings.ReplaceAll(one, "\n", `\\n`),
		"one line, escaped CRLF":   strings.ReplaceAll(one, "\n", `\r\n`), "one line, blanks": strings.ReplaceAll(eight,
			"\n", " "),
		"one line, nothing between": strings.ReplaceAll(eight, "\n", ""), "in double quotes": quoted(eight),
		"in single quotes": "'" + eight + "'",
		"indented":         indented(eight, "    "), "YAML": "api:\n  key: |\n" + indented(one, "    ") +
			"\n  region: us-ashburn-1\n", "tabs": indented(eight, "\t"),
		"UTF-8 with a mark": "\ufeff" + eight, "UTF-16": utf16le(one), "percent-encoded": url.PathEscape(eight),
		"Base64": b64.EncodeToString([]byte(eight)), "Base64 in lines of 76": lines(b64.EncodeToString([]byte(one)),
			76),
		"Base64 in lines of 64 with a break at the end": lines(b64.EncodeToString([]byte(eight)), 64) + "\n",
		"Base64 without padding":                        base64.RawStdEncoding.EncodeToString([]byte(one)),
		"Base64 for URLs":                               base64.URLEncoding.EncodeToString([]byte(eight)),
		"Base64 twice":                                  b64.EncodeToString([]byte(b64.EncodeToString([]byte(eight)))),
		"Base64 of one line": b64.EncodeToString(
			[]byte(strings.ReplaceAll(eight, "\n", `\n`))),
		"DER": string(eightDER), "DER of PKCS#1": string(oneDER),
		"DER in Base64": b64.EncodeToString(eightDER), "DER of PKCS#1 in lines of Base64": lines(
			b64.EncodeToString(oneDER), 64), "DER in hex": hex.EncodeToString(eightDER),
		"JSON": `{"private_key":` + quoted(eight) + `}`, "JSON with Base64": `{"key":"` +
			b64.EncodeToString([]byte(one)) + `","region":"eu-frankfurt-1"}`,
		"JSON in JSON":   `{"oci":` + quoted(`{"key_content":`+quoted(eight)+`}`) + `}`,
		"JSON in Base64": b64.EncodeToString([]byte(`{"pem":` + quoted(one) + `}`)),
		"JSON of another tool": `{"user":"` + owner.User + `","fingerprint":"` + print +
			`","tenancy":"ocid1.tenancy.oc1..acme","key":` + quoted(eight) + `,"n":1e400}`,
		"configuration file with the key": "[DEFAULT]\nuser=" + owner.User + "\nfingerprint=" + print +
			"\nkey_content=" + strings.ReplaceAll(eight, "\n", `\n`) + "\n",
		"configuration file without it": "[DEFAULT]\nuser=" + owner.User + "\nfingerprint = " +
			strings.ToUpper(print) + "\nkey_file=~/.oci/key.pem\n",
		"environment file": "export OCI_KEY=\"" + strings.ReplaceAll(one, "\n", `\n`) +
			"\"\nexport OCI_REGION=eu-frankfurt-1\n", "the fingerprint": print,
		"Kubernetes secret": "apiVersion: v1\nkind: Secret\ndata:\n  key.pem: " + b64.EncodeToString([]byte(eight)) +
			"\n", "web key": web, "web key set": `{"keys":[` + web + `]}`,
		"with its certificate": "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n" + eight,
		"the public half":      string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: spki})),
		"both halves":          one + string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: spki})),
		"a heredoc":            "cat <<EOF\n" + eight + "EOF\n",
		"with slashes escaped": `{"key":"` + strings.ReplaceAll(strings.ReplaceAll(eight, "/", `\/`), "\n",
			`\n`) + `"}`,
		"with breaks as code points": `{"key":"` + strings.ReplaceAll(one, "\n", `\u000a`) + `"}`,
	}
}

func TestAnAPIKeyIsRecognizedInEveryLayout(t *testing.T) {
	ref := credential.Ref{Kind: credential.APIKey, User: owner.User, ID: "x"}
	for _, key := range []*rsa.PrivateKey{rsaKey(), smallKey()} {
		spki, _ := x509.MarshalPKIXPublicKey(&key.PublicKey)
		want := []string{credential.Fingerprint(spki)}
		all := layouts(key)
		for name, text := range all {
			for _, role := range ref.Kind.Roles() {
				h := credential.Inspect(ref, role, credential.NewValue([]byte(text)), nil)
				if !slices.Equal(h.IDs, want) || h.Unknown != "" || h.User != "" {
					t.Errorf("%s: %v, unknown %q, user %q", name, h.IDs, h.Unknown, h.User)
				}
			}
		}
		t.Logf("%d layouts", len(all))
	}
}

func TestOfSeveralKeysAllAreNamed(t *testing.T) {
	ref := credential.Ref{Kind: credential.APIKey, User: owner.User}
	a, b := layouts(rsaKey()), layouts(smallKey())
	for _, text := range []string{a["PKCS#8"] + b["PKCS#1"], a["the fingerprint"] + "\n" + b["PKCS#8"], `{"a":` +
		quoted(a["PKCS#1"]) + `,"b":"` + b["Base64"] + `"}`,
		a["configuration file with the key"] + strings.Replace(b["configuration file without it"], "DEFAULT", "OTHER",
			1)} {
		if h := credential.Inspect(ref, credential.RolePrivateKey, credential.NewValue([]byte(text)),
			nil); len(h.IDs) != 2 || h.Unknown != "" {
			t.Errorf("%v, unknown %q", h.IDs, h.Unknown)
		}
	}
}

// unreadable are contents that may hold an existing key.
func unreadable(t *testing.T) map[string]string {
	good := layouts(rsaKey())
	one := good["PKCS#1"]
	//lint:ignore SA1019 people still have keys in this form
	// nolint:staticcheck
	locked, err := x509.EncryptPEMBlock(rand.Reader, "RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(rsaKey()),
		[]byte("pass"), x509.PEMCipherAES256)
	if err != nil {
		t.Fatal(err)
	}
	legacy := string(pem.EncodeToMemory(locked))
	noise := make([]byte, 900)
	for i := range noise {
		noise[i] = byte(i*7 + i/3)
	}
	modern := "-----BEGIN ENCRYPTED PRIVATE KEY-----\n" + lines(base64.StdEncoding.EncodeToString(noise), 64) +
		"\n-----END ENCRYPTED PRIVATE KEY-----\n"
	b64 := base64.StdEncoding.EncodeToString
	return map[string]string{
		"a passphrase, PKCS#1": legacy, "a passphrase, PKCS#8": modern, "a passphrase, in Base64": b64([]byte(legacy)),
		"a passphrase, in one line":        strings.ReplaceAll(modern, "\n", `\n`),
		"a passphrase, in JSON":            `{"key":` + quoted(legacy) + `,"passphrase":"x"}`,
		"a passphrase, with a fingerprint": "fingerprint=" + good["the fingerprint"] + "\n" + modern,
		"cut off":                          one[:len(one)/2], "without an end": strings.Split(one, "-----END")[0],
		"a changed letter": strings.Replace(one, "M", "*", 1), "two lines missing": one[:64] + one[200:],
		"OpenSSH": "-----BEGIN OPENSSH PRIVATE KEY-----\n" + lines(b64(noise), 70) +
			"\n-----END OPENSSH PRIVATE KEY-----\n",
		"PuTTY": "PuTTY-User-Key-File-3: ssh-rsa\nEncryption: aes256-cbc\nPublic-Lines: 6\n" + lines(b64(noise), 64),
		"PGP":   "-----BEGIN PGP MESSAGE-----\n\n" + lines(b64(noise), 64) + "\n-----END PGP MESSAGE-----",
		"age":   "age-encryption.org/v1\n-> X25519 abc\n" + b64(noise), "a PKCS#12 file": b64(noise),
		"binary": string(noise), "Ansible Vault": "$ANSIBLE_VAULT;1.1;AES256\n" + lines(hex.EncodeToString(noise), 80),
		"JSON of another tool": `{"app":"billing","mode":"prod"}`, "a list": `["a","b"]`,
		"JSON with a sealed key": `{"fingerprint":"` + good["the fingerprint"] + `","sealed":"` + b64(noise) + `"}`,
		"reversed":               func() string { r := []rune(one); slices.Reverse(r); return string(r) }(),
		"a link to a secret":     "ocid1.vaultsecret.oc1.iad.amaaaaaa", "XML": "<key>" + b64(noise) + "</key>",
		"a long text":        strings.Repeat("ask the web team for the key of the shop; ", 4),
		"half of its Base64": good["Base64"][:len(good["Base64"])/2], "two passphrases": legacy + modern,
		"a good one and a locked one": one + modern,
	}
}

func TestWhatCanNotBeReadIsUnknownAndSaysWhy(t *testing.T) {
	ref := credential.Ref{Kind: credential.APIKey, User: owner.User}
	for name, text := range unreadable(t) {
		for _, role := range ref.Kind.Roles() {
			h := credential.Inspect(ref, role, credential.NewValue([]byte(text)), nil)
			if h.Unknown == "" {
				t.Errorf("%s: %+v", name, h)
			}
			if strings.Contains(name, "passphrase") && !strings.Contains(h.Unknown, "passphrase") {
				t.Errorf("%s: %q", name, h.Unknown)
			}
			leaks(t, name, fmt.Sprintf("%+v", h))
		}
	}
}

func TestAContentWithoutAKeyBelongsToNoCredential(t *testing.T) {
	ec, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	_, ed, _ := ed25519.GenerateKey(rand.Reader)
	sec1, _ := x509.MarshalECPrivateKey(ec)
	for name, text := range map[string]string{"nothing": "", "blanks": " \n\t\r\n",
		"the stack's placeholder": credential.Placeholder, "with a line break": credential.Placeholder + "\n",
		"a word": "changeme", "another": "TODO", "seed": "seed", "dashes": "-",
		"a short sentence": "to be filled in by the web team", "null": "null", "a number": "0",
		"an EC key":          string(pkcs8(t, ec).Reveal()),
		"an EC key in SEC 1": string(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: sec1})),
		"an Ed25519 key":     string(pkcs8(t, ed).Reveal()),
		"an empty object":    "{}", "an empty list": "[ ]", "an empty text": `""`, "nothing in quotes": "''",
		"a mark only": "\ufeff", "UTF-16 of a word": utf16le("changeme")} {
		for _, kind := range credential.Kinds() {
			for _, role := range kind.Roles() {
				h := credential.Inspect(credential.Ref{Kind: kind, User: owner.User}, role,
					credential.NewValue([]byte(text)), []string{"living", ""})
				if len(h.IDs) > 0 || h.Unknown != "" && (kind == credential.APIKey ||
					!strings.Contains(name, "sentence") && !strings.Contains(name, "key")) {
					t.Errorf("%s, %s as %s: %+v", name, kind, role, h)
				}
			}
		}
	}
}

func TestAnEmptyBundleBelongsToNoCredential(t *testing.T) {
	for _, kind := range credential.Kinds() {
		text := `{"kind":"` + string(kind) + `","user":"` + owner.User +
			`","fingerprint":"","private_key":"","token":"","port":443}`
		h := credential.Inspect(credential.Ref{Kind: kind, User: owner.User}, credential.RoleBundle,
			credential.NewValue([]byte(text)), []string{"living"})
		if len(h.IDs) > 0 || h.Unknown != "" || !h.Fits(kind, credential.RoleBundle) {
			t.Errorf("%s: %+v", kind, h)
		}
	}
}

func TestACustomerSecretKeyIsKnownByItsAccessKey(t *testing.T) {
	const id, other = "0123456789abcdef0123456789abcdef01234567", "76543210fedcba9876543210fedcba9876543210"
	ref := credential.Ref{Kind: credential.CustomerSecretKey, User: owner.User, ID: id}
	living := []string{id, other}
	value := base64.StdEncoding.EncodeToString([]byte("0123456789abcdef0123456789abcdef"))
	for name, c := range map[string]struct {
		role    credential.Role
		text    string
		ids     []string
		unknown bool
		sort    credential.Sort
		fits    bool
	}{
		"the access key": {credential.RoleAccessKey, id, []string{id}, false, credential.SortAccessKey,
			true},
		"with a line break": {credential.RoleAccessKey, other + "\n", []string{other}, false,
			credential.SortAccessKey, true},
		"in upper case": {credential.RoleAccessKey, strings.ToUpper(other), []string{other}, false,
			credential.SortAccessKey, true},
		"in quotes": {credential.RoleAccessKey, `"` + other + `"`, []string{other}, false,
			credential.SortAccessKey, true},
		"one that is gone": {credential.RoleAccessKey, strings.Repeat("a", 40), nil, false,
			credential.SortAccessKey, true},
		"the other half's value": {credential.RoleAccessKey, value, nil, false, credential.SortSecretKey, false},
		"a secret key":           {credential.RoleSecretKey, value, nil, false, credential.SortSecretKey, true},
		"the other half's access key": {credential.RoleSecretKey, id, []string{id}, false, credential.SortAccessKey,
			false},
		"an AWS file": {credential.RoleSecretKey, "[default]\naws_access_key_id = " + other +
			"\naws_secret_access_key = " + value, []string{other}, false, credential.SortOther, true},
		"an AWS file of a dead one": {credential.RoleSecretKey, "[default]\naws_access_key_id = " +
			"x\naws_secret_access_key = y\n", nil, true, credential.SortOther, true},
		"JSON": {credential.RoleBundle, `{"access":"` + other + `","secret":"` + value + `"}`,
			[]string{other}, false, credential.SortOther, true},
		"JSON without a living one": {credential.RoleBundle, `{"access":"x","secret":"` + value + `"}`, nil, true,
			credential.SortOther, true},
		"a bundle": {credential.RoleBundle, `{"kind":"customer-secret-key","user":"` + owner.User +
			`","access_key":"` + other + `","secret_key":"v"}`, []string{other}, false, credential.SortBundle, true},
		"a bundle for a plain secret": {credential.RoleSecretKey,
			`{"kind":"customer-secret-key","user":"u","access_key":"a","secret_key":"v"}`, []string{"a"}, false,
			credential.SortBundle, false},
		"a bundle of another kind": {credential.RoleBundle,
			`{"kind":"auth-token","user":"u","token_id":"a","token":"v"}`, nil, true, credential.SortOtherBundle,
			false},
		"a plain value for a bundle": {credential.RoleBundle, value, nil, false, credential.SortSecretKey, true},
		"a private key": {credential.RoleSecretKey, string(pkcs8(t, rsaKey()).Reveal()), nil, true,
			credential.SortPrivateKey, false},
		"a private key in Base64": {credential.RoleBundle, layouts(rsaKey())["Base64"], nil, false,
			credential.SortPrivateKey, false},
		"an OCID": {credential.RoleSecretKey, "ocid1.credential.oc1..aaaa", nil, true,
			credential.SortOCID, false},
	} {
		h := credential.Inspect(ref, c.role, credential.NewValue([]byte(c.text)), living)
		if !slices.Equal(h.IDs, c.ids) || (h.Unknown != "") != c.unknown || h.Sort != c.sort ||
			h.Fits(ref.Kind, c.role) != c.fits {
			t.Errorf("%s: %+v, fits %v", name, h, h.Fits(ref.Kind, c.role))
		}
	}
}

func TestAnAuthTokenIsOneWordAndOtherContentIsUnknownOrRecognized(t *testing.T) {
	ref := credential.Ref{Kind: credential.AuthToken, User: owner.User, ID: "ocid1.credential.oc1..old"}
	for _, text := range []string{"9m<Kq{;(2P]x>Tg.W)", `[a"{}b}c:d=e<f>`, "abcdefghijABCDEFGHIJ", "#;:'[]{}",
		"0123456789", "x=y", "token\n"} {
		if h := credential.Inspect(ref, credential.RoleToken, credential.NewValue([]byte(text)),
			nil); h.Unknown != "" || !h.Fits(ref.Kind, credential.RoleToken) {
			t.Errorf("a token is taken for %+v", h)
		}
	}
	for name, text := range map[string]string{
		"a Docker configuration": `{"auths":{"iad.ocir.io":{"auth":"dXNlcjpwYXNz"}}}`,
		"a netrc":                "machine iad.ocir.io\nlogin web\npassword secret\n", "a list": `["a"]`,
		"a command": "docker login -u web -p secret iad.ocir.io", "two lines": "user\ntoken"} {
		if h := credential.Inspect(ref, credential.RoleToken, credential.NewValue([]byte(text)),
			[]string{"ocid1.credential.oc1..other"}); h.Unknown == "" {
			t.Errorf("%s: %+v", name, h)
		}
	}
	for name, text := range map[string]string{"an OCID": "ocid1.credential.oc1..aaaa",
		"a key": layouts(rsaKey())["PKCS#8"], "a key in one line": layouts(rsaKey())["one line, blanks"],
		"a bundle":                 `{"kind":"auth-token","user":"u","token_id":"a","token":"v"}`,
		"a bundle of another kind": `{"kind":"password","user":"u","password":"v"}`} {
		if h := credential.Inspect(ref, credential.RoleToken, credential.NewValue([]byte(text)), nil); h.Fits(ref.Kind,
			credential.RoleToken) {
			t.Errorf("%s fits a plain token's secret: %+v", name, h)
		}
	}
}

func TestAContentThatNamesAnotherUserSaysSo(t *testing.T) {
	const other = "ocid1.user.oc1..aaaaaaaaother"
	for kind, text := range map[credential.Kind]string{credential.APIKey: "[DEFAULT]\nuser=" + other +
		"\nfingerprint=aa\n", credential.AuthToken: `{"kind":"auth-token","user":"` + other +
		`","token_id":"a","token":"v"}`} {
		ref := credential.Ref{Kind: kind, User: owner.User}
		if h := credential.Inspect(ref, credential.RoleBundle, credential.NewValue([]byte(text)),
			nil); h.User != other {
			t.Errorf("%s: %+v", kind, h)
		}
		if h := credential.Inspect(ref, credential.RoleBundle, credential.NewValue([]byte(text+"\n# "+owner.User)),
			nil); h.User != "" {
			t.Errorf("%s: our own user counts as another", kind)
		}
	}
}

func TestThePlaceholderIsTheOneThatTheStackWrites(t *testing.T) {
	stack, err := os.ReadFile("../../terraform/vault.tf")
	if err != nil || !strings.Contains(string(stack), `base64encode("`+credential.Placeholder+`")`) {
		t.Errorf("terraform/vault.tf writes another one (%v)", err)
	}
}
