package ociemu

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"strings"
)

// Principal is the resource principal of a function. Its token and session key are in files, as in a real function's
// container. It is also an oci-go-sdk KeyProvider, for clients in the test's process.
type Principal struct {
	// FunctionID is the OCID of the function.
	FunctionID string
	// Name is the function's name.
	Name string
	// Compartment is the OCID of the function's compartment.
	Compartment string
	// TokenFile is the path of the resource principal session token (RPST).
	TokenFile string
	// KeyFile is the path of the session's private key in PEM.
	KeyFile string

	e   *Emulator
	key *rsa.PrivateKey
}

// NewFunction registers a function and returns its resource principal. Its token is valid for Options.TokenLife.
func (e *Emulator) NewFunction(name, compartment string) Principal {
	key := e.newKey()
	e.mu.Lock()
	id := e.state.ids.ocid("fnfunc", regionInOCID(e.opts.Region))
	e.mu.Unlock()
	dir := filepath.Join(e.dir, "principal-"+randomHex(8))
	p := Principal{
		FunctionID: id, Name: name, Compartment: orDefault(compartment, e.Tenancy()),
		TokenFile: filepath.Join(dir, "rpst"), KeyFile: filepath.Join(dir, "private.pem"), e: e, key: key,
	}
	if err := errors.Join(os.Mkdir(dir, 0o700), os.WriteFile(p.KeyFile, encodePrivateKey(key), 0o600),
		p.Renew()); err != nil {
		panic("ociemu: writing the principal's files: " + err.Error())
	}
	return p
}

// Renew writes a new token to TokenFile, as the platform does from time to time. The old token stays valid until it
// expires.
func (p Principal) Renew() error {
	token, err := p.issue()
	if err != nil {
		return fmt.Errorf("issuing a token: %w", err)
	}
	draft := p.TokenFile + ".new" // the program may be reading TokenFile
	if err := os.WriteFile(draft, []byte(token), 0o600); err != nil {
		return fmt.Errorf("writing the token: %w", err)
	}
	return os.Rename(draft, p.TokenFile)
}

func (p Principal) issue() (string, error) {
	now := p.e.clientsNow()
	return signJWT(p.e.issuer, map[string]any{
		"iss": "authService.oracle.com", "aud": "oci", "ptype": "resource", "ttype": "res_sp", "jti": randomHex(32),
		"iat": now.Unix(), "nbf": now.Unix(), "exp": now.Add(p.e.opts.TokenLife).Unix(),
		"sub": p.FunctionID, "res_id": p.FunctionID, "res_type": "fnfunc", "res_name": p.Name,
		"res_tenant": p.e.Tenancy(), "tenant": p.e.Tenancy(), "res_compartment": p.Compartment,
		"jwk": jwkOf(p.key),
	})
}

// PrivateRSAKey returns the session key.
func (p Principal) PrivateRSAKey() (*rsa.PrivateKey, error) { return p.key, nil }

// KeyID returns the key id for the principal's requests, with the token in TokenFile.
func (p Principal) KeyID() (string, error) {
	token, err := os.ReadFile(p.TokenFile)
	if err != nil {
		return "", fmt.Errorf("reading the token: %w", err)
	}
	return "ST$" + string(token), nil
}

// TenancyOCID returns the tenancy.
func (p Principal) TenancyOCID() (string, error) { return p.e.Tenancy(), nil }

// UserOCID returns "": a function is no user.
func (p Principal) UserOCID() (string, error) { return "", nil }

// KeyFingerprint returns "": session keys have none.
func (p Principal) KeyFingerprint() (string, error) { return "", nil }

// Region returns the function's region.
func (p Principal) Region() (string, error) { return p.e.opts.Region, nil }

func signJWT(issuer *rsa.PrivateKey, claims map[string]any) (string, error) {
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", err
	}
	header := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"RS256","kid":"asw_ociemu","typ":"JWT"}`))
	text := header + "." + base64.RawURLEncoding.EncodeToString(payload)
	digest := sha256.Sum256([]byte(text))
	sig, err := rsa.SignPKCS1v15(rand.Reader, issuer, crypto.SHA256, digest[:])
	if err != nil {
		return "", err
	}
	return text + "." + base64.RawURLEncoding.EncodeToString(sig), nil
}

var errToken = errors.New("the token is not valid")

// verifyToken checks a session token with the issuer's key and returns its caller and session key.
func (e *Emulator) verifyToken(token string) (Caller, *rsa.PublicKey, error) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return Caller{}, nil, errToken
	}
	sig, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil {
		return Caller{}, nil, errToken
	}
	digest := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	if rsa.VerifyPKCS1v15(&e.issuer.PublicKey, crypto.SHA256, digest[:], sig) != nil {
		return Caller{}, nil, errToken
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return Caller{}, nil, errToken
	}
	var claims struct {
		Exp, Nbf    int64
		Sub, Tenant string
		Name        string          `json:"res_name"`
		Compartment string          `json:"res_compartment"`
		Type        string          `json:"res_type"`
		Principal   string          `json:"ptype"`
		JWK         json.RawMessage `json:"jwk"`
	}
	if json.Unmarshal(payload, &claims) != nil || claims.Tenant != e.Tenancy() {
		return Caller{}, nil, errToken
	}
	if now := e.clientsNow().Unix(); now >= claims.Exp || now < claims.Nbf {
		return Caller{}, nil, errToken
	}
	key, err := parseJWK(claims.JWK)
	if err != nil {
		return Caller{}, nil, err
	}
	if claims.Principal == "user" {
		caller, ok := e.sessionOf(claims.Sub)
		if !ok {
			return Caller{}, nil, errToken
		}
		return caller, key, nil
	}
	if claims.Type != "fnfunc" {
		return Caller{}, nil, errToken
	}
	return Caller{Kind: "function", ID: claims.Sub, Name: claims.Name, Compartment: claims.Compartment}, key, nil
}

// parseJWK reads the session's public key. Real tokens have it as an object, or as a string with one.
func parseJWK(raw json.RawMessage) (*rsa.PublicKey, error) {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		raw = json.RawMessage(text)
	}
	var jwk struct{ N, E string }
	if err := json.Unmarshal(raw, &jwk); err != nil {
		return nil, errToken
	}
	n, errN := base64.RawURLEncoding.DecodeString(jwk.N)
	exp, errE := base64.RawURLEncoding.DecodeString(jwk.E)
	if errN != nil || errE != nil || len(n) < 256 || len(exp) == 0 || len(exp) > 4 {
		return nil, errToken
	}
	return &rsa.PublicKey{N: new(big.Int).SetBytes(n), E: int(new(big.Int).SetBytes(exp).Int64())}, nil
}

func encodePrivateKey(key *rsa.PrivateKey) []byte {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		panic("ociemu: internal error: encoding an RSA key: " + err.Error())
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}

func encodePublicKey(key *rsa.PublicKey) string {
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		panic("ociemu: internal error: encoding a public key: " + err.Error())
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}
