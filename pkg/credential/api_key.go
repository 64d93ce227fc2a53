package credential

// APIKey is an API signing key: an RSA key pair of which OCI has the public key.
const APIKey Kind = "api-key"

// RolePrivateKey is the role of a secret that holds the private key in PEM.
const RolePrivateKey Role = "private-key"

// Source of the limit: oci-go-sdk, identity.ApiKey.
var apiKey = Record{
	Kind: APIKey, Noun: "API key", IDNoun: "fingerprint", Origin: Local, Limit: 3,
	IDForms: []IDForm{FormFingerprint, FormOCID, FormSCIM},
	Parts: []Part{{Role: RolePrivateKey, Key: "api_secret_ocid", Thing: "API key",
		Near: map[string]int{"apisecret": 0, "apikeyocid": 0}}},
	Bundle: [2]string{"fingerprint", "private_key"},
	Detection: Detection{Rule: "API_KEY_TOO_OLD", Problem: "API key is too old",
		Details: []string{"fingerprint", "keyfingerprint", "apikeyfingerprint", "apikeyid", "keyid", "apikey"}},
	Permissions: []string{"USER_APIKEY_ADD", "USER_APIKEY_REMOVE"},
	Operations:  []string{"UploadApiKey", "DeleteApiKey"},
	Resource:    "ApiKey",
	Capability:  "--can-use-api-keys",
	consumers: func(func(Role) bool) (string, bool) {
		return "Replace the fingerprint in the configuration of every consumer: " +
			"the secret holds only the private key.", true
	},
	identify: func(v Value) (string, error) {
		m, err := APIKeyMaterial(v)
		return m.ID, err
	},
}
