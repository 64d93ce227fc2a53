package oci

import (
	"context"
	"regexp"
	"slices"
	"strings"

	"github.com/oracle/oci-go-sdk/v65/common"
	"github.com/oracle/oci-go-sdk/v65/keymanagement"

	"github.com/keyturn/keyturn/pkg/fault"
)

// SigningAlgorithm is the algorithm of SignMessage, by its name in Vault and in Container Registry.
const SigningAlgorithm = string(keymanagement.SignDataDetailsSigningAlgorithmSha512RsaPkcsPss)

// Key is a master key in Vault.
type Key struct {
	ID       string // OCID
	Version  string // OCID of its current version
	Endpoint string // management endpoint of its vault
}

// keyForm is the OCID of a key. Its fifth part names the vault, in the vault's endpoints, too. Source: the OCI CLI
// (artifacts_cli_extended.py, build_vault_crypto_client), which finds the endpoint in the same way.
var keyForm = regexp.MustCompile(`^ocid1\.key\.[\w-]+\.([\w-]+)\.([\w-]+)\.\w{60}$`)

// IsKey reports whether a text is the OCID of a key in a vault.
func IsKey(id string) bool { return keyForm.MatchString(id) }

// endpointForm is the management endpoint of a vault.
var endpointForm = regexp.MustCompile(`^https://[a-z0-9-]+-management\.kms\.[a-z0-9-]+\.[a-z0-9.-]+$`)

// IsKeyEndpoint reports whether a text is the management endpoint of a vault.
func IsKeyEndpoint(address string) bool { return endpointForm.MatchString(address) }

// KeyEndpoint returns the management endpoint of the vault that has a key. It makes no call.
func (c *Cloud) KeyEndpoint(key string) (string, error) {
	m := keyForm.FindStringSubmatch(key)
	if m == nil {
		return "", fault.New(fault.Invalid, "GetKey", "the vault of the key "+key+" can't be told from its OCID")
	}
	region := string(common.StringToRegion(m[1]))
	domain, err := c.domain(region)
	if err != nil {
		return "", err
	}
	return "https://" + m[2] + "-management.kms." + region + "." + domain, nil
}

// knownEndpoint refuses an endpoint outside the realm of Cloud's region: a signed call must not go elsewhere.
func (c *Cloud) knownEndpoint(operation, endpoint string) error {
	region, err := c.ownRegion()
	if err != nil {
		return err
	}
	domain, err := c.domain(region)
	if err != nil {
		return err
	}
	host, secure := strings.CutPrefix(endpoint, "https://")
	if !secure || strings.ContainsAny(host, "/?#@:") ||
		!strings.HasSuffix(host, "."+domain) && !strings.HasSuffix(host, ".oci."+domain) {
		return fault.New(fault.Invalid, operation, endpoint+" is not an endpoint of a vault in "+domain)
	}
	return nil
}

// clientAt returns the client of a service at an endpoint. base returns the BaseClient of a new client.
func clientAt[T any](c *Cloud, service, endpoint string,
	make func(common.ConfigurationProvider, string) (T, error), base func(*T) *common.BaseClient) (*T, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	key := clientKey{service, endpoint}
	if kept, ok := c.clients[key]; ok {
		return kept.(*T), nil
	}
	p, err := c.provider()
	if err != nil {
		return nil, err
	}
	made, err := make(p, endpoint)
	if err != nil {
		return nil, err
	}
	c.tame(base(&made))
	c.clients[key] = &made
	return &made, nil
}

func (c *Cloud) keys(operation, endpoint string) (*keymanagement.KmsManagementClient, error) {
	err := c.knownEndpoint(operation, endpoint)
	if err != nil {
		return nil, classify(operation, err)
	}
	cl, err := clientAt(c, "kms-management", endpoint,
		keymanagement.NewKmsManagementClientWithConfigurationProvider,
		func(cl *keymanagement.KmsManagementClient) *common.BaseClient { return &cl.BaseClient })
	return cl, classify(operation, err)
}

// Key reads a key of the vault with the management endpoint. Version is empty for a key that has no current version.
func (c *Cloud) Key(ctx context.Context, endpoint, id string) (Key, error) {
	cl, err := c.keys("GetKey", endpoint)
	if err != nil {
		return Key{}, err
	}
	return call(ctx, c, "GetKey", harmless, func(ctx context.Context) (Key, error) {
		r, err := cl.GetKey(ctx, keymanagement.GetKeyRequest{KeyId: &id})
		k := Key{ID: str(r.Id), Version: str(r.CurrentKeyVersion), Endpoint: endpoint}
		if r.LifecycleState != keymanagement.KeyLifecycleStateEnabled {
			k.Version = ""
		}
		return k, err
	})
}

// KeysNamed returns the enabled keys with the name in the compartment's vaults, without their versions.
func (c *Cloud) KeysNamed(ctx context.Context, compartment, name string) (found []Key, err error) {
	vaults, err := client(c, "kms", "", keymanagement.NewKmsVaultClientWithConfigurationProvider,
		func(cl *keymanagement.KmsVaultClient) *common.BaseClient { return &cl.BaseClient })
	if err != nil {
		return nil, classify("ListVaults", err)
	}
	var endpoints []string
	err = everyPage(ctx, c, "ListVaults", func(ctx context.Context, page *string) (*string, error) {
		r, err := vaults.ListVaults(ctx, keymanagement.ListVaultsRequest{CompartmentId: &compartment,
			Limit: common.Int(artifactPage), Page: page})
		for _, v := range r.Items {
			if v.LifecycleState == keymanagement.VaultSummaryLifecycleStateActive {
				endpoints = append(endpoints, str(v.ManagementEndpoint))
			}
		}
		return r.OpcNextPage, err
	})
	slices.Sort(endpoints)
	for _, e := range endpoints {
		if err == nil {
			err = c.keysNamed(ctx, compartment, name, e, &found)
		}
	}
	return found, err
}

func (c *Cloud) keysNamed(ctx context.Context, compartment, name, endpoint string, found *[]Key) error {
	cl, err := c.keys("ListKeys", endpoint)
	if err != nil {
		return err
	}
	return everyPage(ctx, c, "ListKeys", func(ctx context.Context, page *string) (*string, error) {
		r, err := cl.ListKeys(ctx, keymanagement.ListKeysRequest{CompartmentId: &compartment,
			Limit: common.Int(artifactPage), Page: page})
		for _, k := range r.Items {
			if str(k.DisplayName) == name && k.LifecycleState == keymanagement.KeySummaryLifecycleStateEnabled {
				*found = append(*found, Key{ID: str(k.Id), Endpoint: endpoint})
			}
		}
		return r.OpcNextPage, err
	})
}

// SignMessage signs a message, which is in base64, with a version of a key, and returns the signature in base64. Vault
// keeps the private half.
func (c *Cloud) SignMessage(ctx context.Context, k Key, message string) (string, error) {
	const operation = "Sign"
	endpoint := strings.Replace(k.Endpoint, "-management.kms.", "-crypto.kms.", 1)
	err := c.knownEndpoint(operation, endpoint)
	if err != nil {
		return "", classify(operation, err)
	}
	cl, err := clientAt(c, "kms-crypto", endpoint, keymanagement.NewKmsCryptoClientWithConfigurationProvider,
		func(cl *keymanagement.KmsCryptoClient) *common.BaseClient { return &cl.BaseClient })
	if err != nil {
		return "", classify(operation, err)
	}
	return call(ctx, c, operation, harmless, func(ctx context.Context) (string, error) {
		r, err := cl.Sign(ctx, keymanagement.SignRequest{SignDataDetails: keymanagement.SignDataDetails{
			Message: &message, KeyId: &k.ID, KeyVersionId: &k.Version,
			SigningAlgorithm: keymanagement.SignDataDetailsSigningAlgorithmSha512RsaPkcsPss,
			MessageType:      keymanagement.SignDataDetailsMessageTypeRaw}})
		return str(r.Signature), err
	})
}
