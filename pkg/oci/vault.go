package oci

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/oracle/oci-go-sdk/v65/common"
	"github.com/oracle/oci-go-sdk/v65/secrets"
	ocivault "github.com/oracle/oci-go-sdk/v65/vault"

	"github.com/keyturn/keyturn/pkg/cloudguard"
	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/fault"
	"github.com/keyturn/keyturn/pkg/vault"
)

// Vault reads and writes secrets, each in the region that its OCID names. See rotation.Vault.
type Vault struct{ cloud *Cloud }

// Vault returns the access to secrets.
func (c *Cloud) Vault() *Vault { return &Vault{c} }

// regionOf is the region in a regional OCID; "" means the function's region. An OCID has the region's key for the two
// oldest regions, and its name for the others.
func regionOf(ocid string) string {
	return string(common.StringToRegion(cloudguard.OCID(ocid).Region()))
}

func (v *Vault) management(id string) (*ocivault.VaultsClient, error) {
	return v.managementIn(regionOf(id))
}

func (v *Vault) managementIn(region string) (*ocivault.VaultsClient, error) {
	return client(v.cloud, "vault", region, ocivault.NewVaultsClientWithConfigurationProvider,
		func(cl *ocivault.VaultsClient) *common.BaseClient { return &cl.BaseClient })
}

func (v *Vault) retrieval(id string) (*secrets.SecretsClient, error) {
	return client(v.cloud, "secrets", regionOf(id), secrets.NewSecretsClientWithConfigurationProvider,
		func(cl *secrets.SecretsClient) *common.BaseClient { return &cl.BaseClient })
}

// Known reports whether a secret's OCID is in the function's region, or in another region of its realm that the SDK
// knows. It bounds the number of clients, since a Cloud keeps one per region and an id may come from anyone.
func (v *Vault) Known(id string) bool {
	region := regionOf(id)
	own, err := v.cloud.ownRegion()
	if err != nil {
		return false
	}
	if region == "" || region == own {
		return true
	}
	realm, err := common.Region(region).RealmID()
	if err != nil {
		return false
	}
	ownRealm, err := common.Region(own).RealmID()
	return err == nil && realm == ownRealm
}

// Secret reads a secret without its contents.
func (v *Vault) Secret(ctx context.Context, id string) (vault.Secret, error) {
	cl, err := v.management(id)
	if err != nil {
		return vault.Secret{}, classify("GetSecret", err)
	}
	return call(ctx, v.cloud, "GetSecret", harmless, func(ctx context.Context) (vault.Secret, error) {
		r, err := ocivault.GetSecretRequest{SecretId: &id}.HTTPRequest(http.MethodGet, "/secrets/{secretId}", nil, nil)
		return described(ask(ctx, cl.BaseClient, r, err))
	})
}

// rawAnswer is an answer that the SDK does not decode. The SDK decodes numbers of the metadata into float64: it would
// change them when they are written back, and fails on 1e400.
type rawAnswer struct {
	header http.Header
	body   []byte
}

// ask sends a request of the SDK, and returns the answer undecoded.
func ask(ctx context.Context, cl common.BaseClient, r http.Request, err error) (rawAnswer, error) {
	if err != nil {
		return rawAnswer{}, err
	}
	response, err := cl.Call(ctx, &r)
	defer common.CloseBodyIfValid(response)
	if err != nil {
		return rawAnswer{}, err
	}
	body, err := io.ReadAll(response.Body)
	return rawAnswer{response.Header, body}, err
}

// into decodes the answer's JSON. Untyped numbers become a json.Number.
func (a rawAnswer) into(v any) error {
	d := json.NewDecoder(bytes.NewReader(a.body))
	d.UseNumber()
	return d.Decode(v)
}

// described reads a secret from the answer to GetSecret or UpdateSecret.
func described(a rawAnswer, err error) (vault.Secret, error) {
	if err != nil {
		return vault.Secret{}, err
	}
	var s struct {
		ID                   string                    `json:"id"`
		SecretName           string                    `json:"secretName"`
		CompartmentID        string                    `json:"compartmentId"`
		VaultID              string                    `json:"vaultId"`
		LifecycleState       string                    `json:"lifecycleState"`
		IsReplica            bool                      `json:"isReplica"`
		CurrentVersionNumber int64                     `json:"currentVersionNumber"`
		Metadata             json.RawMessage           `json:"metadata"`
		FreeformTags         map[string]string         `json:"freeformTags"`
		DefinedTags          map[string]map[string]any `json:"definedTags"`
	}
	if err := a.into(&s); err != nil {
		return vault.Secret{}, fault.New(fault.Unclear, "reading the secret", "the answer can't be read")
	}
	return vault.Secret{ID: s.ID, Name: s.SecretName, Compartment: s.CompartmentID, ETag: a.header.Get("Etag"),
		Vault: s.VaultID, Region: regionOf(s.ID), State: s.LifecycleState,
		Replica: s.IsReplica, Current: s.CurrentVersionNumber, Metadata: vault.Metadata(s.Metadata),
		Freeform: s.FreeformTags,
		Defined:  s.DefinedTags, At: serverTime(&http.Response{Header: a.header})}, nil
}

// pageSize is the page size of short lists. A secret has at most 60 versions.
const pageSize = 100

// Versions lists the versions of a secret, including those whose deletion is scheduled.
func (v *Vault) Versions(ctx context.Context, id string) ([]vault.Version, error) {
	cl, err := v.management(id)
	if err != nil {
		return nil, classify("ListSecretVersions", err)
	}
	var out []vault.Version
	for page := (*string)(nil); ; {
		r, err := call(ctx, v.cloud, "ListSecretVersions", harmless,
			func(ctx context.Context) (ocivault.ListSecretVersionsResponse, error) {
				return cl.ListSecretVersions(ctx, ocivault.ListSecretVersionsRequest{SecretId: &id,
					Limit: common.Int(pageSize), Page: page})
			})
		if err != nil {
			return nil, err
		}
		for _, s := range r.Items {
			out = append(out, vault.Version{Number: *s.VersionNumber, Name: str(s.Name),
				Leaving:  s.TimeOfDeletion != nil,
				Created:  when(s.TimeCreated),
				Current:  slices.Contains(s.Stages, ocivault.SecretVersionSummaryStagesCurrent),
				Pending:  slices.Contains(s.Stages, ocivault.SecretVersionSummaryStagesPending),
				Previous: slices.Contains(s.Stages, ocivault.SecretVersionSummaryStagesPrevious),
				Stale:    slices.Contains(s.Stages, ocivault.SecretVersionSummaryStagesDeprecated)})
		}
		page = r.OpcNextPage
		if str(page) == "" {
			return out, nil
		}
	}
}

// Read returns the number and content of the version with the given name, or of CURRENT.
func (v *Vault) Read(ctx context.Context, id, name string) (int64, credential.Value, error) {
	cl, err := v.retrieval(id)
	if err != nil {
		return 0, credential.Value{}, classify("GetSecretBundle", err)
	}
	request := secrets.GetSecretBundleRequest{SecretId: &id, Stage: secrets.GetSecretBundleStageCurrent}
	if name != "" {
		request.Stage, request.SecretVersionName = "", &name
	}
	a, err := call(ctx, v.cloud, "GetSecretBundle", harmless, func(ctx context.Context) (rawAnswer, error) {
		r, err := request.HTTPRequest(http.MethodGet, "/secretbundles/{secretId}", nil, nil)
		return ask(ctx, cl.BaseClient, r, err)
	})
	if err != nil {
		return 0, credential.Value{}, err
	}
	var bundle struct {
		VersionNumber       *int64 `json:"versionNumber"`
		SecretBundleContent struct {
			ContentType string  `json:"contentType"`
			Content     *string `json:"content"`
		} `json:"secretBundleContent"`
	}
	if err := a.into(&bundle); err != nil { // the error could quote the content
		return 0, credential.Value{}, fault.New(fault.Unclear, "GetSecretBundle", "the answer can't be read")
	}
	content := bundle.SecretBundleContent
	if content.ContentType != "BASE64" || content.Content == nil || bundle.VersionNumber == nil {
		return 0, credential.Value{}, fault.New(fault.Invalid, "GetSecretBundle", "the version has no Base64 content")
	}
	plain, err := base64.StdEncoding.DecodeString(*content.Content)
	if err != nil { // the error would quote the content
		return 0, credential.Value{}, fault.New(fault.Invalid, "GetSecretBundle", "the content is not Base64")
	}
	return *bundle.VersionNumber, credential.NewValue(plain), nil
}

// Update changes a secret if its etag is still the given one. It is not repeated: after a lost answer the caller reads
// the secret to see whether the update took effect.
func (v *Vault) Update(ctx context.Context, id, etag string, u vault.Update) (vault.Secret, error) {
	cl, err := v.management(id)
	if err != nil {
		return vault.Secret{}, classify("UpdateSecret", err)
	}
	body := updateBody(u)
	return call(ctx, v.cloud, "UpdateSecret", once, func(ctx context.Context) (vault.Secret, error) {
		r, err := ocivault.UpdateSecretRequest{SecretId: &id, IfMatch: &etag}.HTTPRequest(http.MethodPut,
			"/secrets/{secretId}", nil, nil)
		r.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
		r.Body, _ = r.GetBody()
		return described(ask(ctx, cl.BaseClient, r, err))
	})
}

// updateBody is the body of UpdateSecret. It is not made by an encoder, since that would change the metadata, at least
// its whitespace.
func updateBody(u vault.Update) []byte {
	var parts [][]byte
	part := func(key string, value []byte) { parts = append(parts, []byte(`"`+key+`":`+string(value))) }
	if len(u.Metadata) > 0 {
		part("metadata", u.Metadata)
	}
	if u.Promote != 0 {
		part("currentVersionNumber", strconv.AppendInt(nil, u.Promote, 10))
	}
	if u.Name != "" {
		content, err := json.Marshal(map[string]string{"contentType": "BASE64", "name": u.Name, "stage": "PENDING",
			"content": base64.StdEncoding.EncodeToString(u.Content.Reveal())})
		if err != nil { // strings can always be encoded
			panic("oci: encoding a version's content")
		}
		part("secretContent", content)
	}
	if u.Freeform != nil {
		part("freeformTags", encodedTags(u.Freeform))
	}
	if u.Defined != nil {
		part("definedTags", encodedTags(u.Defined))
	}
	return slices.Concat([]byte("{"), bytes.Join(parts, []byte(",")), []byte("}"))
}

// encodedTags encodes tags, which came out of JSON or are texts.
func encodedTags(tags any) []byte {
	text, err := json.Marshal(tags)
	if err != nil {
		panic("oci: encoding tags")
	}
	return text
}

// Create creates a secret in the region of its vault, and returns it as the answer shows it. It may still be CREATING.
func (v *Vault) Create(ctx context.Context, n vault.New) (vault.Secret, error) {
	cl, err := v.management(n.Vault)
	if err != nil {
		return vault.Secret{}, classify("CreateSecret", err)
	}
	content := base64.StdEncoding.EncodeToString(n.Content.Reveal())
	request := ocivault.CreateSecretRequest{OpcRetryToken: common.String(common.RetryToken()),
		CreateSecretDetails: ocivault.CreateSecretDetails{SecretName: &n.Name, CompartmentId: &n.Compartment,
			VaultId: &n.Vault, KeyId: &n.Key, FreeformTags: n.Freeform, DefinedTags: n.Defined,
			SecretContent: ocivault.Base64SecretContentDetails{Content: &content}}}
	return call(ctx, v.cloud, "CreateSecret", replayed, func(ctx context.Context) (vault.Secret, error) {
		r, err := cl.CreateSecret(ctx, request)
		return vault.Secret{ID: str(r.Id), Name: str(r.SecretName), Compartment: str(r.CompartmentId),
			Vault: str(r.VaultId), Region: regionOf(str(r.Id)), ETag: str(r.Etag), State: string(r.LifecycleState),
			Freeform: r.FreeformTags, Defined: r.DefinedTags}, err
	})
}

// List returns all secrets of a compartment. See Secrets.
func (v *Vault) List(ctx context.Context, compartment string) ([]vault.Secret, error) {
	var out []vault.Secret
	for page := ""; ; {
		some, next, err := v.Secrets(ctx, compartment, page)
		if err != nil {
			return nil, err
		}
		out, page = append(out, some...), next
		if page == "" {
			return out, nil
		}
	}
}

// Secrets returns one page of the secrets of a compartment in the function's region, and the token of the next page;
// "" ends the list. The secrets have no etag and no version number.
func (v *Vault) Secrets(ctx context.Context, compartment, page string) (some []vault.Secret, next string, err error) {
	return v.page(ctx, "", compartment, page)
}

// SecretsIn is Vault.Secrets in a region.
func (c *Cloud) SecretsIn(ctx context.Context,
	region, compartment, page string) (some []vault.Secret, next string, err error) {
	return c.Vault().pageIn(ctx, region, compartment, page)
}

// Summary looks for a secret in the lists of compartments, in the region of its OCID. ListSecrets also shows secrets
// that GetSecret may not read. found is false if no list has it.
func (v *Vault) Summary(ctx context.Context, id string,
	compartments []string) (s vault.Secret, found bool, err error) {
	for _, compartment := range compartments {
		for page := ""; ; {
			some, next, err := v.page(ctx, id, compartment, page)
			if err != nil {
				return vault.Secret{}, false, err
			}
			if i := slices.IndexFunc(some, func(s vault.Secret) bool { return strings.EqualFold(s.ID, id) }); i >= 0 {
				return some[i], true, nil
			}
			page = next
			if page == "" {
				break
			}
		}
	}
	return vault.Secret{}, false, nil
}

// page returns one page of the secrets of a compartment in the region of the OCID near; if near is "", in the
// function's region.
func (v *Vault) page(ctx context.Context,
	near, compartment, page string) (some []vault.Secret, next string, err error) {
	return v.pageIn(ctx, regionOf(near), compartment, page)
}

// pageIn is page with a region's identifier.
func (v *Vault) pageIn(ctx context.Context,
	region, compartment, page string) (some []vault.Secret, next string, err error) {
	cl, err := v.managementIn(region)
	if err != nil {
		return nil, "", classify("ListSecrets", err)
	}
	r, err := call(ctx, v.cloud, "ListSecrets", harmless,
		func(ctx context.Context) (ocivault.ListSecretsResponse, error) {
			return cl.ListSecrets(ctx, ocivault.ListSecretsRequest{CompartmentId: &compartment,
				Limit: common.Int(pageSize), Page: token(page)})
		})
	if err != nil {
		return nil, "", err
	}
	for _, s := range r.Items {
		some = append(some, vault.Secret{ID: str(s.Id), Name: str(s.SecretName), Compartment: str(s.CompartmentId),
			Vault: str(s.VaultId), Region: regionOf(str(s.Id)), Replica: s.IsReplica != nil && *s.IsReplica,
			State: string(s.LifecycleState), Freeform: s.FreeformTags, Defined: s.DefinedTags})
	}
	return some, str(r.OpcNextPage), nil
}
