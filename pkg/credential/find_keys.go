package credential

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"math/big"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"unicode/utf16"
)

const unknownForm = "it has no form that Keyturn reads"

// keys is the result of a search for API keys in a text.
type keys struct {
	ids     []string
	decoded bool   // a key was decoded
	claimed bool   // a fingerprint was found
	opaque  bool   // a long part of the text can't be decoded
	broken  string // why a private key in the text can't be decoded
}

// unknown says why it is not known which keys are in the text; empty if it is known.
func (k keys) unknown() string {
	switch {
	case k.broken != "":
		return k.broken
	case k.decoded, k.claimed && !k.opaque:
		return ""
	}
	return unknownForm
}

// readable decodes UTF-16 and UTF-8 with a byte order mark, as editors and shells write them.
func readable(content []byte) string {
	for mark, order := range map[string]binary.ByteOrder{"\xff\xfe": binary.LittleEndian,
		"\xfe\xff": binary.BigEndian} {
		if rest, ok := bytes.CutPrefix(content, []byte(mark)); ok && len(rest)%2 == 0 {
			units := make([]uint16, len(rest)/2)
			for i := range units {
				units[i] = order.Uint16(rest[2*i:])
			}
			return strings.TrimSpace(string(utf16.Decode(units)))
		}
	}
	return strings.TrimSpace(strings.TrimPrefix(string(content), "\ufeff"))
}

const maxDepth = 4 // of encodings within each other; Base64 in JSON in Base64 has three

// keysIn finds the API keys in a text: PEM in any layout (one line, escaped line breaks, indented, within JSON, YAML or
// a configuration file), PEM or DER in Base64 or hex, a JSON Web Key, a fingerprint.
func keysIn(content []byte) keys {
	var k keys
	if !k.der(content) {
		k.search(readable(content), maxDepth)
	}
	return k
}

var (
	block       = regexp.MustCompile(`(?s)-----BEGIN ([A-Z0-9 ]+)-----(.*?)-----END ([A-Z0-9 ]+)-----`)
	fingerprint = regexp.MustCompile(`(?i)\b[0-9a-f]{2}(:[0-9a-f]{2}){15}\b`)
	escapes     = regexp.MustCompile(`(?i)\\+(u000[ad9]|[nrt])|\\+\r?\n`)
)

// run matches Base64 with or without line breaks. It is slow to compile, so that is done at the first use.
var run = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`[A-Za-z0-9+/_-]{40,}(\s+[A-Za-z0-9+/_-]{40,})*(\s+[A-Za-z0-9+/_-]+)?={0,2}`)
})

func (k *keys) search(text string, depth int) {
	if depth == 0 {
		return
	}
	text = strings.ReplaceAll(escapes.ReplaceAllString(text, "\n"), `\/`, "/")
	if plain, err := url.PathUnescape(text); err == nil && strings.Contains(text, "%") {
		text = plain
	}
	k.webKey(text)
	rest := block.ReplaceAllStringFunc(text, func(found string) string {
		parts := block.FindStringSubmatch(found)
		k.pem(parts[1], parts[2])
		return "\n"
	})
	if strings.Contains(rest, "PRIVATE KEY-----") {
		k.broken = "a private key in it is cut off"
	}
	for _, id := range fingerprint.FindAllString(rest, -1) {
		k.ids, k.claimed = append(k.ids, strings.ToLower(id)), true
	}
	for _, long := range run().FindAllString(fingerprint.ReplaceAllString(rest, " "), -1) {
		k.encoded(long, depth)
	}
}

// pem reads the inside of one PEM block.
func (k *keys) pem(kind, body string) {
	private := strings.Contains(kind, "PRIVATE KEY")
	switch {
	case strings.Contains(kind, "ENCRYPTED") || strings.Contains(body, "ENCRYPTED"):
		k.broken = "a private key in it has a passphrase"
		return
	case !private && !strings.HasSuffix(kind, "PUBLIC KEY"):
		return // a certificate, or parameters
	}
	der, ok := fromBase64(strings.Map(func(r rune) rune {
		if strings.ContainsRune(" \t\r\n\"',|>\\", r) {
			return -1
		}
		return r
	}, body))
	if (!ok || !k.der(der)) && private {
		k.broken = "a private key in it can't be read"
	}
}

// encoded tries to decode a long run of letters and digits, in one line or several, as Base64 or hex. The last word may
// belong to the text after it.
func (k *keys) encoded(long string, depth int) {
	words := strings.Fields(long)
	for _, decode := range []func(string) ([]byte, bool){fromHex, fromBase64} {
		for _, n := range []int{len(words), max(len(words)-1, 1)} {
			if plain, ok := decode(strings.Join(words[:n], "")); ok && k.within(plain, depth-1) {
				return
			}
		}
	}
	k.opaque = k.opaque || len(long) >= leastKey
}

// within searches a decoded text, and reports whether it found something.
func (k *keys) within(plain []byte, depth int) bool {
	if k.der(plain) {
		return true
	}
	var inner keys
	inner.search(readable(plain), depth)
	k.ids = append(k.ids, inner.ids...)
	k.decoded, k.claimed = k.decoded || inner.decoded, k.claimed || inner.claimed
	if inner.broken != "" {
		k.broken = inner.broken
	}
	return inner.decoded || inner.claimed || inner.broken != ""
}

func fromHex(text string) ([]byte, bool) {
	plain, err := hex.DecodeString(text)
	return plain, err == nil
}

func fromBase64(text string) ([]byte, bool) {
	text = strings.NewReplacer("-", "+", "_", "/", "=", "").Replace(text)
	plain, err := base64.RawStdEncoding.DecodeString(text)
	return plain, err == nil
}

// der reads a key in PKCS#1, PKCS#8, SEC 1 or SPKI. A key of another algorithm than RSA counts as read, without an id.
func (k *keys) der(data []byte) bool {
	var public crypto.PublicKey
	if len(data) == 0 || data[0] != 0x30 { // all of them are a SEQUENCE
		return false
	}
	if key, err := x509.ParsePKCS1PrivateKey(data); err == nil {
		public = key.Public()
	} else if key, err := x509.ParsePKCS8PrivateKey(data); err == nil {
		if signer, ok := key.(crypto.Signer); ok {
			public = signer.Public()
		}
	} else if key, err := x509.ParseECPrivateKey(data); err == nil {
		public = key.Public()
	} else if key, err := x509.ParsePKIXPublicKey(data); err == nil {
		return k.named(key)
	} else if key, err := x509.ParsePKCS1PublicKey(data); err == nil {
		return k.named(key)
	} else {
		return false
	}
	k.decoded = true
	k.named(public)
	return true
}

// named adds the fingerprint of an RSA key.
func (k *keys) named(public crypto.PublicKey) bool {
	key, ok := public.(*rsa.PublicKey)
	if !ok {
		return true
	}
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		return false
	}
	k.ids, k.claimed = append(k.ids, Fingerprint(der)), true
	return true
}

// webKey reads an RSA key in JSON Web Key form (RFC 7517), or a set of them.
func (k *keys) webKey(text string) {
	type jwk struct{ Kty, N, E, D string }
	var set struct {
		jwk
		Keys []jwk
	}
	if !strings.Contains(text, `"kty"`) || json.Unmarshal([]byte(text), &set) != nil {
		return
	}
	for _, one := range append(set.Keys, set.jwk) {
		n, okN := fromBase64(one.N)
		e, okE := fromBase64(one.E)
		exponent := new(big.Int).SetBytes(e)
		if okN && okE && strings.EqualFold(one.Kty, "RSA") &&
			exponent.IsInt64() && exponent.Int64() < 1<<31 && len(n) > 0 {
			k.decoded = k.decoded || one.D != ""
			k.named(&rsa.PublicKey{N: new(big.Int).SetBytes(n), E: int(exponent.Int64())})
		}
	}
}
