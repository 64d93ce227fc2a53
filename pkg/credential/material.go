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
	"maps"
	"slices"
	"strings"
)

// Tenancy is a tenancy, as everything that rotates in it has to know it.
type Tenancy struct {
	ID   string // OCID
	Name string
	Home string // identifier of the home region, e.g. us-ashburn-1: the only one that takes changes in IAM
}

// Owner is whom a credential belongs to and where it is used: what a consumer needs beside the value itself.
type Owner struct {
	Tenancy     string // OCID
	TenancyName string
	User        string // OCID
	UserName    string
	Region      string // the home region's identifier, e.g. us-ashburn-1
	Namespace   string // Object Storage namespace; only known for kinds that need it
	Hosts              // only known for kinds that need them
}

// Hosts are the hosts at which a credential is used, in the owner's region. They depend on the realm (see pkg/oci).
type Hosts struct {
	Registry string // the container registry, e.g. ocir.us-ashburn-1.oci.oraclecloud.com
	// the S3-compatible endpoint, e.g. examplenamespace.compat.objectstorage.us-ashburn-1.oraclecloud.com
	S3 string
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

// Encode writes the part of the credential that a secret with the given role holds.
func (m Material) Encode(role Role, o Owner) (Value, error) {
	part := role.Part()
	switch {
	case role == RoleBundle:
		return m.bundle(o)
	case part.Role != role: // of no kind
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
		if compact, err = WithText(compact, pair[0], pair[1]); err != nil {
			return Value{}, fmt.Errorf("encoding the bundle: %w", err)
		}
	}
	var text bytes.Buffer
	if err := json.Indent(&text, compact, "", "  "); err != nil {
		return Value{}, fmt.Errorf("encoding the bundle: %w", err)
	}
	return NewValue(append(text.Bytes(), '\n')), nil
}

// unbundle reads the two members of a bundle that matter. All others may be somebody else's, whatever they are called.
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

// Extend writes the members of a new bundle into the one that is there, so that what somebody has added to it stays.
// What is there and is no bundle of the same kind gives way.
func Extend(there, fresh Value) (Value, error) {
	var members map[string]string
	if err := json.Unmarshal(fresh.Reveal(), &members); err != nil {
		return Value{}, errors.New("the new content is not a bundle")
	}
	if bundleOf(readable(there.Reveal())) != Kind(members["kind"]) {
		return fresh, nil
	}
	out := there.Reveal()
	if !json.Valid(out) { // an editor has put a mark at its beginning
		out = []byte(readable(out))
	}
	for _, key := range slices.Sorted(maps.Keys(members)) {
		var err error
		if out, err = WithText(out, key, members[key]); err != nil {
			return Value{}, fmt.Errorf("keeping what was added to the bundle: %w", err)
		}
	}
	return NewValue(out), nil
}

// RegistryUser is the name with which the owner signs in to the container registry, as OCI's documentation of Container
// Registry has it: <namespace>/<user name>.
func (o Owner) RegistryUser() string { return o.Namespace + "/" + o.UserName }

// defaultDomain is the identity domain that every tenancy has, and whose users the classic IAM API shows.
const defaultDomain = "Default"

// RegistryUsers are all names with which the owner may have to sign in: with and without the default domain, of which
// registries were seen to take one or both. A name that holds a domain or an identity provider, such as
// oracleidentitycloudservice/joe, gets the second form, too: a slash may also be a part of the name.
func (o Owner) RegistryUsers() []string {
	if domain, bare, has := strings.Cut(o.UserName, "/"); has && strings.EqualFold(domain, defaultDomain) {
		return []string{o.RegistryUser(), o.Namespace + "/" + bare}
	}
	return []string{o.RegistryUser(), o.Namespace + "/" + defaultDomain + "/" + o.UserName}
}

// Decode reads the credential back out of a secret. id is the identifier that the secret's journal gives it, which
// must agree with what the content says where the content says it. Errors never quote the content.
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
