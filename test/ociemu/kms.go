package ociemu

import (
	"fmt"
	"net/http"
	"strings"
)

// KMS: the vaults themselves, base path 20180608 (oci-go-sdk keymanagement/keymanagement_kmsvault_client.go). With
// GetVault clients check that a vault exists, such as External Secrets' provider when it validates a store.

func kmsService() service {
	return service{name: "kms", base: "20180608", signed: true, routes: []route{
		{operation: "ListVaults", method: http.MethodGet, path: "/vaults", handle: listVaults},
		{operation: "GetVault", method: http.MethodGet, path: "/vaults/{vaultId}", handle: getVault},
	}}
}

// Vault returns the OCID of the region's vault, which holds the seeded secrets. It is in the root compartment.
func (e *Emulator) Vault(region string) string {
	if regionKey(region) == "" {
		panic("ociemu: no region " + region)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.state.vault(region).vault
}

// hasVault reports whether the vault named in the path is in the region of the call.
func (x *exchange) hasVault() bool {
	v, known := x.e.state.vaults[x.call.Region]
	return known && v.vault == x.params["vaultId"]
}

func theVault(x *exchange) (aim, bool) {
	if k := x.signingVault(); k != nil {
		return aim{k.compartment, map[string]string{"target.vault.id": k.vault}}, true
	}
	return aim{x.e.state.tenancy, map[string]string{"target.vault.id": x.params["vaultId"]}}, x.hasVault()
}

// signingVault is a key whose vault is named in the path.
func (x *exchange) signingVault() *signingKey {
	return find(x.e.state.signing, func(k *signingKey) bool {
		return k.region == x.call.Region && k.vault == x.params["vaultId"]
	})
}

func (k *signingKey) vaultBody() map[string]any {
	return map[string]any{
		"id": k.vault, "compartmentId": k.compartment, "displayName": k.name, "lifecycleState": "ACTIVE",
		"vaultType": "DEFAULT", "cryptoEndpoint": k.endpoint("crypto"), "managementEndpoint": k.endpoint("management"),
		"timeCreated":  timestamp(k.created),
		"freeformTags": map[string]string{}, "definedTags": map[string]any{},
	}
}

// listVaults lists the vaults of the signing keys. The vault of the seeded secrets is in the root compartment, where
// nobody looks for it.
func listVaults(x *exchange) reply {
	if x.query.Get("compartmentId") == "" {
		return errMissing.because("The compartmentId is missing.").reply()
	}
	var list []map[string]any
	for _, k := range x.e.state.signing {
		if k.region == x.call.Region && k.compartment == x.query.Get("compartmentId") {
			list = append(list, k.vaultBody())
		}
	}
	return listReply(x, list, bare)
}

func getVault(x *exchange) reply {
	if k := x.signingVault(); k != nil {
		return ok(k.vaultBody()).with("etag", x.e.state.ids.etagOf(k.vault))
	}
	if !x.hasVault() {
		return errNotFound.reply()
	}
	v, region := x.e.state.vaults[x.call.Region], x.call.Region
	host := fmt.Sprintf("https://%s-%%s.kms.%s.oraclecloud.com", v.vault[strings.LastIndexByte(v.vault, '.')+1:][:12],
		region)
	return ok(map[string]any{
		"id": v.vault, "compartmentId": x.e.state.tenancy, "displayName": "ociemu", "lifecycleState": "ACTIVE",
		"vaultType":      "DEFAULT",
		"cryptoEndpoint": fmt.Sprintf(host, "crypto"), "managementEndpoint": fmt.Sprintf(host, "management"),
		"wrappingkeyId": v.key,
		"timeCreated":   timestamp(x.e.started), "isPrimary": true, "isVaultReplicable": false,
		"freeformTags": map[string]string{}, "definedTags": map[string]any{},
	}).with("etag", x.e.state.ids.etagOf(v.vault))
}
