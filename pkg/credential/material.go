package credential

import (
	"bytes"
	"crypto"
	"crypto/md5"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
)

// Owner is whom a credential belongs to and where it is used: what a consumer needs beside the value itself.
type Owner struct {
	Tenancy   string // OCID
	User      string // OCID
	UserName  string
	Region    string // the home region's identifier, e.g. us-ashburn-1
	Namespace string // Object Storage namespace; only known for kinds that need it
}

// Material is a credential with its value.
type Material struct {
	Kind  Kind
	ID    string // see Ref.ID; for a password the time at which it was made (TimeID)
	Value Value  // PEM private key (PKCS#8), token, secret key or one-time password
}

// GenerateAPIKey makes an RSA key pair of the given size. The fingerprint, which OCI will show for it, is known
// before the key has left the process: an API key can be written ahead.
func GenerateAPIKey(bits int) (Material, error) {
	key, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		return Material{}, fmt.Errorf("generating a key pair: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return Material{}, fmt.Errorf("encoding the private key: %w", err)
	}
	value := NewValue(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	return APIKeyMaterial(value)
}

// APIKeyMaterial reads a private key in PEM (PKCS#8 or PKCS#1) and computes its fingerprint. Errors never quote the
// input.
func APIKeyMaterial(private Value) (Material, error) {
	key, err := parsePrivate(private)
	if err != nil {
		return Material{}, err
	}
	_, fingerprint, err := public(key)
	return Material{Kind: APIKey, ID: fingerprint, Value: private}, err
}

// PublicPEM is the public half of an API key as OCI's UploadApiKey takes it.
func (m Material) PublicPEM() (string, error) {
	key, err := parsePrivate(m.Value)
	if err != nil {
		return "", err
	}
	der, _, err := public(key)
	if err != nil {
		return "", err
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})), nil
}

var errNotAKey = errors.New("the value is not an RSA private key in PEM")

func parsePrivate(v Value) (*rsa.PrivateKey, error) {
	block, _ := pem.Decode(v.Reveal())
	if block == nil {
		return nil, errNotAKey
	}
	if key, err := x509.ParsePKCS1PrivateKey(block.Bytes); err == nil {
		return key, nil
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, errNotAKey
	}
	key, ok := parsed.(*rsa.PrivateKey)
	if !ok {
		return nil, errNotAKey
	}
	return key, nil
}

// public returns the SPKI encoding of the public key, and its fingerprint.
func public(key crypto.Signer) (der []byte, fingerprint string, err error) {
	der, err = x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return nil, "", fmt.Errorf("encoding the public key: %w", err)
	}
	return der, Fingerprint(der), nil
}

// Fingerprint is OCI's identifier of a public key: MD5 over its SPKI encoding, in colon-separated hex. MD5 is OCI's
// choice and protects nothing here. Source: OCI's "Required Keys and OCIDs".
func Fingerprint(spki []byte) string {
	sum := md5.Sum(spki)
	pairs := make([]string, len(sum))
	for i, b := range sum {
		pairs[i] = hex.EncodeToString([]byte{b})
	}
	return strings.Join(pairs, ":")
}

// bundle is the JSON document of a secret with RoleBundle. Only the fields of its kind are present.
type bundle struct {
	Kind         Kind   `json:"kind"`
	Tenancy      string `json:"tenancy"`
	User         string `json:"user"`
	UserName     string `json:"user_name,omitempty"`
	Region       string `json:"region"`
	Fingerprint  string `json:"fingerprint,omitempty"`
	PrivateKey   string `json:"private_key,omitempty"`
	TokenID      string `json:"token_id,omitempty"`
	Token        string `json:"token,omitempty"`
	Registry     string `json:"registry,omitempty"`      // host of the container registry that takes the token
	RegistryUser string `json:"registry_user,omitempty"` // <namespace>/<user name>
	AccessKey    string `json:"access_key,omitempty"`
	SecretKey    string `json:"secret_key,omitempty"`
	Endpoint     string `json:"endpoint,omitempty"` // S3-compatible endpoint
	Password     string `json:"password,omitempty"` // one-time: OCI asks for a new one at the first sign-in
	MadeAt       string `json:"made_at,omitempty"`
}

// Encode writes the part of the credential that a secret with the given role holds.
func (m Material) Encode(role Role, o Owner) (Value, error) {
	switch role {
	case RolePrivateKey, RoleToken, RoleSecretKey, RolePassword:
		return m.Value, nil
	case RoleAccessKey:
		return NewValue([]byte(m.ID)), nil
	case RoleBundle:
		return m.bundle(o)
	}
	return Value{}, fmt.Errorf("no encoding for the role %q", role)
}

func (m Material) bundle(o Owner) (Value, error) {
	b := bundle{Kind: m.Kind, Tenancy: o.Tenancy, User: o.User, UserName: o.UserName, Region: o.Region}
	value := string(m.Value.Reveal())
	switch m.Kind {
	case APIKey:
		b.Fingerprint, b.PrivateKey = m.ID, value
	case AuthToken:
		b.TokenID, b.Token = m.ID, value
		b.Registry, b.RegistryUser = RegistryHost(o.Region), o.RegistryUser()
	case CustomerSecretKey:
		b.AccessKey, b.SecretKey, b.Endpoint = m.ID, value, "https://"+o.S3Host()
	case Password:
		b.Password, b.MadeAt = value, m.ID
	}
	var text bytes.Buffer
	e := json.NewEncoder(&text)
	e.SetEscapeHTML(false) // a person may copy a token out of the document: < must not become \u003c
	e.SetIndent("", "  ")
	if err := e.Encode(b); err != nil {
		return Value{}, fmt.Errorf("encoding the bundle: %w", err)
	}
	return NewValue(text.Bytes()), nil
}

// RegistryHost is the container registry of a region.
func RegistryHost(region string) string { return "ocir." + region + ".oci.oraclecloud.com" }

// RegistryUser is the name with which the owner signs in to the container registry.
func (o Owner) RegistryUser() string { return o.Namespace + "/" + o.UserName }

// S3Host is the host of the S3-compatible endpoint in the owner's region.
func (o Owner) S3Host() string {
	return o.Namespace + ".compat.objectstorage." + o.Region + ".oraclecloud.com"
}

// Decode reads the credential back out of a secret. id is the identifier that the secret's journal gives it, which
// must agree with what the content says where the content says it. Errors never quote the content.
func Decode(kind Kind, role Role, id string, content Value) (Material, error) {
	m := Material{Kind: kind, ID: id, Value: content}
	switch role {
	case RoleBundle:
		var b bundle
		if json.Unmarshal(content.Reveal(), &b) != nil || b.Kind != kind {
			return Material{}, fmt.Errorf("the content is not a bundle of the kind %s", kind)
		}
		m = Material{Kind: kind, ID: b.Fingerprint + b.TokenID + b.AccessKey + b.MadeAt,
			Value: NewValue([]byte(b.PrivateKey + b.Token + b.SecretKey + b.Password))}
	case RoleAccessKey:
		return Material{}, errors.New("an access key alone is not a credential")
	case RolePrivateKey:
		var err error
		if m, err = APIKeyMaterial(content); err != nil {
			return Material{}, err
		}
	}
	switch {
	case m.Value.Empty():
		return Material{}, errors.New("the content is empty")
	case id != "" && m.ID != id:
		return Material{}, errors.New("the content belongs to another credential than its journal says")
	}
	return m, nil
}
