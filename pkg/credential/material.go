package credential

import (
	"bytes"
	"crypto"
	"crypto/md5"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Tenancy is a tenancy and its home region.
type Tenancy struct {
	ID   string // OCID
	Name string
	Home string // identifier of the home region, e.g. us-ashburn-1; IAM accepts changes only there
}

// Owner is the user of a credential and where it is used: what a consumer needs in addition to the value.
type Owner struct {
	Tenancy     string // OCID
	TenancyName string
	User        string // OCID
	UserName    string
	Region      string // the home region's identifier, e.g. us-ashburn-1
	Namespace   string // Object Storage namespace; only set for kinds that need it
	Hosts              // only set for kinds that need them
}

// Hosts are the hosts at which a credential is used, in the owner's region. They depend on the realm (see pkg/oci).
type Hosts struct {
	Registry string // the container registry, e.g. ocir.us-ashburn-1.oci.oraclecloud.com
	// S3 is the S3-compatible endpoint, e.g. examplenamespace.compat.objectstorage.us-ashburn-1.oraclecloud.com.
	S3 string
}

// Material is a credential with its value.
type Material struct {
	Kind  Kind
	ID    string // see Ref.ID; for a password its creation time (TimeID)
	Value Value  // PEM private key (PKCS#8), token, secret key or one-time password
}

// GenerateAPIKey makes an RSA key pair of the given size. Its ID is the fingerprint that OCI will show, so an API key
// can be stored before OCI knows it.
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
	return strings.ReplaceAll(fmt.Sprintf("% x", md5.Sum(spki)), " ", ":")
}

// Encode returns the content of a secret with the given role.
func (m Material) Encode(role Role, o Owner) (Value, error) {
	part := role.Part()
	switch {
	case role == RoleBundle:
		return m.bundle(o)
	case part.Role != role: // an unknown role
		return Value{}, fmt.Errorf("no encoding for the role %q", role)
	case part.IsID:
		return NewValue([]byte(m.ID)), nil
	}
	return m.Value, nil
}

// bundle is the JSON document of a secret with RoleBundle. It has only the members of its kind.
func (m Material) bundle(o Owner) (Value, error) {
	record := m.Kind.Record()
	if len(record.Parts) == 0 {
		return Value{}, fmt.Errorf("a credential of the kind %q has no bundle", m.Kind)
	}
	pairs := []string{"kind", string(m.Kind), "tenancy", o.Tenancy, "user", o.User, "region", o.Region,
		record.Bundle[0], m.ID, record.Bundle[1], string(m.Value.Reveal())}
	if o.UserName != "" {
		pairs = append(pairs, "user_name", o.UserName)
	}
	if record.more != nil {
		more, err := record.more(o)
		if err != nil {
			return Value{}, err
		}
		pairs = append(pairs, more...)
	}
	var compact []byte
	for pair := range slices.Chunk(pairs, 2) {
		var err error
		compact, err = WithText(compact, pair[0], pair[1])
		if err != nil {
			return Value{}, fmt.Errorf("encoding the bundle: %w", err)
		}
	}
	var text bytes.Buffer
	if err := json.Indent(&text, compact, "", "  "); err != nil {
		return Value{}, fmt.Errorf("encoding the bundle: %w", err)
	}
	return NewValue(append(text.Bytes(), '\n')), nil
}

// unbundle reads the id and the value from a bundle. Users may have added any other members.
func unbundle(kind Kind, content Value) (Material, error) {
	names := kind.Record().Bundle
	of, err := TextOf(content.Reveal(), "kind")
	id, errID := TextOf(content.Reveal(), names[0])
	value, errValue := TextOf(content.Reveal(), names[1])
	if err != nil || errID != nil || errValue != nil || Kind(of) != kind { // the errors could quote the content
		return Material{}, fmt.Errorf("the content is not a bundle of the kind %s", kind)
	}
	return Material{Kind: kind, ID: id, Value: NewValue([]byte(value))}, nil
}

// Extend writes the members of the bundle fresh into the bundle old, so that members that users added stay. If old is
// not a bundle of the same kind, Extend returns fresh.
func Extend(old, fresh Value) (Value, error) {
	var members map[string]string
	if err := json.Unmarshal(fresh.Reveal(), &members); err != nil {
		return Value{}, errors.New("the new content is not a bundle")
	}
	if bundleOf(readable(old.Reveal())) != Kind(members["kind"]) {
		return fresh, nil
	}
	out := old.Reveal()
	if !json.Valid(out) { // it has a byte order mark
		out = []byte(readable(out))
	}
	for _, key := range slices.Sorted(maps.Keys(members)) {
		var err error
		out, err = WithText(out, key, members[key])
		if err != nil {
			return Value{}, fmt.Errorf("keeping what was added to the bundle: %w", err)
		}
	}
	return NewValue(out), nil
}

// RegistryUser is the name with which the owner signs in to the container registry: <namespace>/<user name>. Source:
// OCI's documentation of Container Registry.
func (o Owner) RegistryUser() string { return o.Namespace + "/" + o.UserName }

// defaultDomain is the identity domain that every tenancy has. The classic IAM API shows its users.
const defaultDomain = "Default"

// RegistryUsers returns all names with which the owner may have to sign in: with and without the default domain.
// Registries were seen to accept one or both. A name with a domain or an identity provider, such as
// oracleidentitycloudservice/joe, gets both forms, too, since the slash may be a part of the name.
func (o Owner) RegistryUsers() []string {
	if domain, bare, has := strings.Cut(o.UserName, "/"); has && strings.EqualFold(domain, defaultDomain) {
		return []string{o.RegistryUser(), o.Namespace + "/" + bare}
	}
	return []string{o.RegistryUser(), o.Namespace + "/" + defaultDomain + "/" + o.UserName}
}

// Decode reads the credential from a secret's content. id is the identifier in the secret's journal. If the content
// has an identifier, too, they must be equal. Errors never quote the content.
func Decode(kind Kind, role Role, id string, content Value) (Material, error) {
	m, identify := Material{Kind: kind, ID: id, Value: content}, kind.Record().identify
	var err error
	switch {
	case role == RoleBundle:
		m, err = unbundle(kind, content)
	case role.IsID():
		err = errors.New("the identifier alone is not a credential")
	case identify != nil:
		m.ID, err = identify(content)
	}
	if err != nil {
		return Material{}, err
	}
	switch {
	case m.Value.Empty():
		return Material{}, errors.New("the content is empty")
	case id != "" && m.ID != id:
		return Material{}, errors.New("the content belongs to another credential than its journal says")
	}
	return m, nil
}
