package ociemu

import (
	crand "crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
)

// ids makes ids from a seeded source, so that runs are repeatable. The lock of the state guards it.
type ids struct{ source *rand.Rand }

func newIDs(seed uint64) *ids { return &ids{rand.New(rand.NewPCG(seed, 0x6b657974))} }

const ocidLetters = "abcdefghijklmnopqrstuvwxyz234567"

func (g *ids) letters(n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = ocidLetters[g.source.IntN(len(ocidLetters))]
	}
	return string(b)
}

// ocid makes an OCID of the commercial realm; regional ones begin their unique part differently.
func (g *ids) ocid(kind, region string) string {
	unique := "aaaaaaaa" + g.letters(52)
	switch kind {
	case "vaultsecret", "cloudguardproblem", "cloudguardtarget", "vault", "key":
		unique = "amaaaaaa" + g.letters(52)
	}
	return fmt.Sprintf("ocid1.%s.oc1.%s.%s", kind, region, unique)
}

func (g *ids) hex(n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = "0123456789abcdef"[g.source.IntN(16)]
	}
	return string(b)
}

func (g *ids) uuid() string {
	return g.hex(8) + "-" + g.hex(4) + "-4" + g.hex(3) + "-a" + g.hex(3) + "-" + g.hex(12)
}

func (g *ids) etag() string { return g.hex(40) }

// etagOf is the etag of an immutable resource.
func (*ids) etagOf(id string) string {
	sum := sha256.Sum256([]byte(id))
	return hex.EncodeToString(sum[:20])
}

// randomBytes returns bytes for secret values. It never uses the seed.
func randomBytes(n int) []byte {
	b := make([]byte, n)
	crand.Read(b) // documented to fill b and never to return an error
	return b
}

// newAuthToken makes a token like the real ones: 20 characters, including special ones.
func newAuthToken() string {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789[]{}<>();:#+_.,~"
	b := randomBytes(20)
	for i := range b {
		b[i] = letters[int(b[i])%len(letters)]
	}
	return string(b)
}

// newCustomerSecretKey makes a secret access key: 32 bytes in base64.
func newCustomerSecretKey() string { return base64.StdEncoding.EncodeToString(randomBytes(32)) }

func newPassword() string { return "Aa1!" + base64.RawURLEncoding.EncodeToString(randomBytes(12)) }

func randomHex(n int) string { return hex.EncodeToString(randomBytes((n + 1) / 2))[:n] }
