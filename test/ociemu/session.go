package ociemu

import (
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"time"
)

// Session is a user's session, as "oci session authenticate" makes it: a key that is not among the user's API keys, and
// a token that has its public half. The claims are those of IAM's tokens for users: sub has the user's OCID, and ptype
// is user.
type Session struct {
	// TokenFile is the path of the token.
	TokenFile string
	// KeyFile is the path of the session's private key in PEM.
	KeyFile     string
	fingerprint string
	operator    Operator
}

// NewSession opens a session of the operator that lasts for a time; it has already ended with a negative one.
func (e *Emulator) NewSession(o Operator, lasts time.Duration) Session {
	key := e.newKey()
	dir := filepath.Join(e.dir, "session-"+randomHex(8))
	s := Session{TokenFile: filepath.Join(dir, "token"), KeyFile: filepath.Join(dir, "oci_api_key.pem"),
		fingerprint: fingerprintOf(&key.PublicKey), operator: o}
	now := e.clientsNow()
	token, err := signJWT(e.issuer, map[string]any{"iss": "authService.oracle.com", "aud": "oci", "ptype": "user",
		"jti": randomHex(32), "iat": now.Unix(), "nbf": now.Add(min(0, lasts)).Unix(), "exp": now.Add(lasts).Unix(),
		"sub": o.UserID, "tenant": o.TenancyID, "jwk": jwkOf(key)})
	err = errors.Join(err, os.Mkdir(dir, 0o700), os.WriteFile(s.KeyFile, encodePrivateKey(key), 0o600),
		os.WriteFile(s.TokenFile, []byte(token), 0o600))
	if err != nil {
		panic("ociemu: opening a session: " + err.Error())
	}
	return s
}

// Config returns a profile of an OCI configuration file for the session, as "oci session authenticate" writes it.
func (s Session) Config(profile string) string {
	return fmt.Sprintf("[%s]\nfingerprint=%s\nkey_file=%s\ntenancy=%s\nregion=%s\nsecurity_token_file=%s\n", profile,
		s.fingerprint, s.KeyFile, s.operator.TenancyID, s.operator.Region, s.TokenFile)
}

// jwkOf is a session's public key as a token has it: a string with a JSON object.
func jwkOf(key *rsa.PrivateKey) string {
	text, err := json.Marshal(map[string]string{
		"kty": "RSA", "alg": "RS256", "use": "sig", "kid": "ociemu-session",
		"n": base64.RawURLEncoding.EncodeToString(key.N.Bytes()),
		"e": base64.RawURLEncoding.EncodeToString(big.NewInt(int64(key.E)).Bytes()),
	})
	if err != nil {
		panic("ociemu: internal error: encoding a public key: " + err.Error())
	}
	return string(text)
}

// sessionOf is the caller of a user's token; false if the user may not sign in.
func (e *Emulator) sessionOf(user string) (Caller, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	u := e.state.users[user]
	if u == nil || u.deactivated {
		return Caller{}, false
	}
	return u.caller(), true
}
