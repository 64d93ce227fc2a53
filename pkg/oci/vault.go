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

// regionOf is the region in a regional OCID, which has the region's key for the oldest two and its name for the
// others; "" stands for the function's own.
func regionOf(ocid string) string {
	return string(common.StringToRegion(cloudguard.OCID(ocid).Region()))
}

func (v *Vault) management(id string) (*ocivault.VaultsClient, error) {
	return client(v.cloud, "vault", regionOf(id), ocivault.NewVaultsClientWithConfigurationProvider,
		func(cl *ocivault.VaultsClient) *common.BaseClient { return &cl.BaseClient })
}

func (v *Vault) retrieval(id string) (*secrets.SecretsClient, error) {
	return client(v.cloud, "secrets", regionOf(id), secrets.NewSecretsClientWithConfigurationProvider,
		func(cl *secrets.SecretsClient) *common.BaseClient { return &cl.BaseClient })
}

// Known tells whether a secret's OCID is of the function's own region, or of one of its realm that the SDK knows. A
// client is kept for each region, and an id may come from anybody.
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

// rawAnswer is an answer of a service that was read here and not by the SDK, which reads numbers of the metadata into
// float64: they would be others when they are written back, and 1e400 makes it give up the whole answer.
type rawAnswer struct {
	header http.Header
	body   []byte
}

// ask makes a request of the SDK's, and hands its answer on as it came.
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

// into reads the answer's JSON. Numbers without a type of their own stay texts.
func (a rawAnswer) into(v any) error {
	d := json.NewDecoder(bytes.NewReader(a.body))
	d.UseNumber()
	return d.Decode(v)
}

// described reads a secret out of the answer to GetSecret or UpdateSecret.
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

// pageSize is what is asked for at a time; a secret has sixty versions at most.
const pageSize = 100

// Versions lists the versions of a secret, those whose deletion is scheduled included.
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
		if page = r.OpcNextPage; str(page) == "" {
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

// Update changes a secret if its etag is still the given one. It is made once: whether a lost one took effect shows
// when the secret is looked at.
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

// updateBody is the body of UpdateSecret. It is put together here because every encoder would change the metadata: its
// blanks at least.
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
		if err != nil { // texts always encode
			panic("oci: encoding a version's content")
		}
		part("secretContent", content)
	}
	return slices.Concat([]byte("{"), bytes.Join(parts, []byte(",")), []byte("}"))
}

// List lists the secrets of a compartment, all of them. See Secrets.
func (v *Vault) List(ctx context.Context, compartment string) ([]vault.Secret, error) {
	var out []vault.Secret
	for page := ""; ; {
		some, next, err := v.Secrets(ctx, compartment, page)
		if err != nil {
			return nil, err
		}
		if out, page = append(out, some...), next; page == "" {
			return out, nil
		}
	}
}

// Secrets returns one page of the secrets of a compartment in the function's region, without etag and version number,
// and the token of the next page; "" ends the list.
func (v *Vault) Secrets(ctx context.Context, compartment, page string) (some []vault.Secret, next string, err error) {
	return v.page(ctx, "", compartment, page)
}

// Summary looks for a secret in the lists of compartments, in the region that its OCID names: ListSecrets also shows
// secrets that GetSecret may not read. found is false if none of the lists has it.
func (v *Vault) Summary(ctx context.Context, id string, compartments []string) (s vault.Secret, found bool,
	err error) {
	for _, compartment := range compartments {
		for page := ""; ; {
			some, next, err := v.page(ctx, id, compartment, page)
			if err != nil {
				return vault.Secret{}, false, err
			}
			if i := slices.IndexFunc(some, func(s vault.Secret) bool { return strings.EqualFold(s.ID, id) }); i >= 0 {
				return some[i], true, nil
			}
			if page = next; page == "" {
				break
			}
		}
	}
	return vault.Secret{}, false, nil
}

// page is one page of the secrets of a compartment in the region of an OCID; without one, in the function's.
func (v *Vault) page(ctx context.Context, near, compartment, page string) (some []vault.Secret, next string,
	err error) {
	cl, err := v.management(near)
	if err != nil {
		return nil, "", classify("ListSecrets", err)
	}
	r, err := call(ctx, v.cloud, "ListSecrets", harmless, func(ctx context.Context) (ocivault.ListSecretsResponse,
		error) {
		return cl.ListSecrets(ctx, ocivault.ListSecretsRequest{CompartmentId: &compartment, Limit: common.Int(pageSize),
			Page: token(page)})
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
