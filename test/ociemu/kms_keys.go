package ociemu

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// Keys that sign: each vault has its own host for the management of keys, and another one that signs, both under the
// base path 20180608 (oci-go-sdk keymanagement/keymanagement_kmsmanagement_client.go and
// keymanagement_kmscrypto_client.go; the hosts are from the OCI CLI, artifacts_cli_extended.py).

func kmsManagementService() service {
	get := http.MethodGet
	return service{name: "kmsmanagement", base: "20180608", signed: true, routes: []route{
		{operation: "ListKeys", method: get, path: "/keys", handle: listKeys},
		{operation: "GetKey", method: get, path: "/keys/{keyId}", handle: getKey},
	}}
}

func kmsCryptoService() service {
	return service{name: "kmscrypto", base: "20180608", signed: true, routes: []route{
		{operation: "Sign", method: http.MethodPost, path: "/sign", handle: signData},
	}}
}

// kmsHost resolves the hosts of a vault, such as abc-crypto.kms: the service, and the vault's label.
func kmsHost(service string) (name, label string, ok bool) {
	host, ok := strings.CutSuffix(service, ".kms")
	if !ok || strings.Contains(host, ".") {
		return "", "", false
	}
	if label, ok := strings.CutSuffix(host, "-management"); ok {
		return "kmsmanagement", label, label != ""
	}
	label, ok = strings.CutSuffix(host, "-crypto")
	return "kmscrypto", label, ok && label != ""
}

// signingKey is an RSA key, alone in a vault of its own.
type signingKey struct {
	id, name, compartment, region, vault, label string
	versions                                    []keyVersion // the last one is current
	disabled                                    bool
	created                                     time.Time
}

type keyVersion struct {
	id  string
	key *rsa.PrivateKey
}

// SigningKeySeed describes an RSA key that can sign. It gets a vault of its own in the same compartment.
type SigningKeySeed struct {
	Name        string
	Compartment string // empty: the root compartment
	Region      string // empty: the function's
}

// AddSigningKey adds a key with one version, and returns its OCID, whose fifth part is the label of its vault's hosts.
func (e *Emulator) AddSigningKey(seed SigningKeySeed) string {
	region := orDefault(seed.Region, e.opts.Region)
	if regionKey(region) == "" {
		panic("ociemu: no region " + region)
	}
	private := e.newKey()
	e.mu.Lock()
	defer e.mu.Unlock()
	g := e.state.ids
	k := &signingKey{name: seed.Name, compartment: orDefault(seed.Compartment, e.state.tenancy), region: region,
		label: g.letters(13), created: e.now()}
	k.vault = "ocid1.vault.oc1." + regionInOCID(region) + "." + k.label + ".a" + g.letters(59)
	k.id = "ocid1.key.oc1." + regionInOCID(region) + "." + k.label + ".a" + g.letters(59)
	k.versions = []keyVersion{{e.newVersionID(k), private}}
	e.state.signing = append(e.state.signing, k)
	return k.id
}

func (e *Emulator) newVersionID(k *signingKey) string {
	return "ocid1.keyversion.oc1." + regionInOCID(k.region) + "." + k.label + ".a" + e.state.ids.letters(59)
}

// RotateSigningKey adds a version to a key, which becomes the current one, and returns its OCID.
func (e *Emulator) RotateSigningKey(id string) string {
	private := e.newKey()
	e.mu.Lock()
	defer e.mu.Unlock()
	k := e.mustSigningKey(id)
	k.versions = append(k.versions, keyVersion{e.newVersionID(k), private})
	return k.current().id
}

// DisableSigningKey disables a key.
func (e *Emulator) DisableSigningKey(id string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.mustSigningKey(id).disabled = true
}

func (e *Emulator) mustSigningKey(id string) *signingKey {
	k := find(e.state.signing, func(k *signingKey) bool { return k.id == id })
	if k == nil {
		panic("ociemu: no key " + id)
	}
	return k
}

func (k *signingKey) current() keyVersion { return k.versions[len(k.versions)-1] }

func (k *signingKey) state() string {
	if k.disabled {
		return "DISABLED"
	}
	return "ENABLED"
}

func (k *signingKey) endpoint(kind string) string {
	return "https://" + k.label + "-" + kind + ".kms." + k.region + ".oraclecloud.com"
}

// keysHere are the keys of the vault that the host names; on the plain origin, those of all vaults.
func (x *exchange) keysHere() (keys []*signingKey) {
	for _, k := range x.e.state.signing {
		if k.region == x.call.Region && (x.to.service == "" || x.to.vault == k.label) {
			keys = append(keys, k)
		}
	}
	return keys
}

func (x *exchange) keyOf(id string) *signingKey {
	return find(x.keysHere(), func(k *signingKey) bool { return k.id == id })
}

// theKey aims at the key in the path.
func theKey(x *exchange) (aim, bool) { return aimAt(x.keyOf(x.params["keyId"])) }

// theSigningKey aims at the key in the body.
func theSigningKey(x *exchange) (aim, bool) {
	var details signDetails
	if json.Unmarshal(x.body, &details) != nil {
		return aim{}, false
	}
	return aimAt(x.keyOf(details.KeyID))
}

func aimAt(k *signingKey) (aim, bool) {
	if k == nil {
		return aim{}, false
	}
	return aim{k.compartment, map[string]string{"target.key.id": k.id}}, true
}

func (k *signingKey) summary() map[string]any {
	return map[string]any{
		"id": k.id, "compartmentId": k.compartment, "displayName": k.name, "vaultId": k.vault,
		"lifecycleState": k.state(), "algorithm": "RSA", "protectionMode": "SOFTWARE",
		"timeCreated":  timestamp(k.created),
		"freeformTags": map[string]string{}, "definedTags": map[string]any{},
	}
}

func listKeys(x *exchange) reply {
	if x.query.Get("compartmentId") == "" {
		return errMissing.because("The compartmentId is missing.").reply()
	}
	var list []map[string]any
	for _, k := range x.keysHere() {
		if k.compartment == x.query.Get("compartmentId") && fits(x.query.Get("algorithm"), "RSA") {
			list = append(list, k.summary())
		}
	}
	return listReply(x, list, bare)
}

func getKey(x *exchange) reply {
	k := x.keyOf(x.params["keyId"])
	if k == nil {
		return errNotFound.reply()
	}
	body := k.summary()
	delete(body, "algorithm")
	body["keyShape"] = map[string]any{"algorithm": "RSA", "length": 256}
	body["currentKeyVersion"] = k.current().id
	return ok(body).with("etag", x.e.state.ids.etagOf(k.current().id))
}

// pss are the signing algorithms that Container Registry takes.
var pss = map[string]crypto.Hash{
	"SHA_224_RSA_PKCS_PSS": crypto.SHA224, "SHA_256_RSA_PKCS_PSS": crypto.SHA256,
	"SHA_384_RSA_PKCS_PSS": crypto.SHA384, "SHA_512_RSA_PKCS_PSS": crypto.SHA512,
}

type signDetails struct {
	Message          string `json:"message"`
	KeyID            string `json:"keyId"`
	KeyVersionID     string `json:"keyVersionId"`
	SigningAlgorithm string `json:"signingAlgorithm"`
	MessageType      string `json:"messageType"`
}

// maxSigned is the limit of a message to sign, in bytes (keymanagement/sign_data_details.go).
const maxSigned = 4096

func signData(x *exchange) reply {
	var details signDetails
	if refused := x.read(&details); refused != nil {
		return refused.reply()
	}
	k := x.keyOf(details.KeyID)
	if k == nil {
		return errNotFound.reply()
	}
	version := k.current()
	if details.KeyVersionID != "" {
		version = k.version(details.KeyVersionID)
	}
	message, err := base64.StdEncoding.DecodeString(details.Message)
	hash := pss[details.SigningAlgorithm]
	switch {
	case version.key == nil:
		return errNotFound.reply()
	case k.disabled:
		return errState.because("The key is disabled.").reply()
	case err != nil || len(message) == 0 || len(message) > maxSigned:
		return errInvalid.because("The message is not base64 of 1 to 4096 bytes.").reply()
	case hash == 0 || details.MessageType != "" && details.MessageType != "RAW":
		return errInvalid.because("The signing algorithm or the type of the message is not supported.").reply()
	}
	signature, err := rsa.SignPSS(rand.Reader, version.key, hash, sumOf(hash, message),
		&rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash})
	if err != nil {
		panic(fmt.Sprintf("ociemu: internal error: signing: %v", err))
	}
	return ok(map[string]any{"keyId": k.id, "keyVersionId": version.id, "signingAlgorithm": details.SigningAlgorithm,
		"signature": base64.StdEncoding.EncodeToString(signature)})
}

func sumOf(hash crypto.Hash, message []byte) []byte {
	h := hash.New()
	h.Write(message)
	return h.Sum(nil)
}

// version returns a version of the key; the zero version if there is none.
func (k *signingKey) version(id string) keyVersion {
	for _, v := range k.versions {
		if v.id == id {
			return v
		}
	}
	return keyVersion{}
}
