package oci

import (
	"context"
	"encoding/base64"
	"errors"
	"slices"
	"strings"

	"github.com/oracle/oci-go-sdk/v65/common"
	"github.com/oracle/oci-go-sdk/v65/secrets"
	"github.com/oracle/oci-go-sdk/v65/vault"

	"github.com/keyturn/keyturn/pkg/cloudguard"
	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/fault"
	"github.com/keyturn/keyturn/pkg/secret"
)

// Vault reads and writes secrets, each in the region that its OCID names. See rotation.Vault.
type Vault struct{ cloud *Cloud }

// Vault returns the access to secrets.
func (c *Cloud) Vault() *Vault { return &Vault{c} }

// regionOf is the region in a regional OCID, which has the region's key for the oldest two and its name for the
// others; "" stands for the function's own.
func regionOf(ocid string) string {
	region := cloudguard.OCID(ocid).Region()
	if region == "" {
		return ""
	}
	return string(common.StringToRegion(region))
}

func (v *Vault) management(id string) (*vault.VaultsClient, error) {
	return client(v.cloud, "vault", regionOf(id), func(p common.ConfigurationProvider) (*vault.VaultsClient, *common.BaseClient, func(string), error) {
		made, err := vault.NewVaultsClientWithConfigurationProvider(p)
		return &made, &made.BaseClient, made.SetRegion, err
	})
}

func (v *Vault) retrieval(id string) (*secrets.SecretsClient, error) {
	return client(v.cloud, "secrets", regionOf(id), func(p common.ConfigurationProvider) (*secrets.SecretsClient, *common.BaseClient, func(string), error) {
		made, err := secrets.NewSecretsClientWithConfigurationProvider(p)
		return &made, &made.BaseClient, made.SetRegion, err
	})
}

// Secret reads a secret without its contents.
func (v *Vault) Secret(ctx context.Context, id string) (secret.Secret, error) {
	if s, ok := early[secret.Secret](ctx, "GetSecret", id); ok {
		return s, nil
	}
	cl, err := v.management(id)
	if err != nil {
		return secret.Secret{}, classify("GetSecret", err)
	}
	return call(ctx, v.cloud, "GetSecret", harmless, func(ctx context.Context) (secret.Secret, error) {
		r, err := cl.GetSecret(ctx, vault.GetSecretRequest{SecretId: &id})
		s := described(r.Secret, r.Etag)
		s.At = serverTime(r.RawResponse)
		return s, err
	})
}

func described(s vault.Secret, etag *string) secret.Secret {
	out := secret.Secret{ID: str(s.Id), Name: str(s.SecretName), Compartment: str(s.CompartmentId), ETag: str(etag),
		Vault: str(s.VaultId), Region: regionOf(str(s.Id)),
		State: string(s.LifecycleState), Replica: s.IsReplica != nil && *s.IsReplica,
		Metadata: s.Metadata, Freeform: s.FreeformTags, Defined: s.DefinedTags}
	if s.CurrentVersionNumber != nil {
		out.Current = *s.CurrentVersionNumber
	}
	return out
}

// pageSize is what is asked for at a time; a secret has sixty versions at most.
const pageSize = 100

// Versions lists the versions of a secret, those whose deletion is scheduled included.
func (v *Vault) Versions(ctx context.Context, id string) ([]secret.Version, error) {
	cl, err := v.management(id)
	if err != nil {
		return nil, classify("ListSecretVersions", err)
	}
	var out []secret.Version
	for page := (*string)(nil); ; {
		r, err := call(ctx, v.cloud, "ListSecretVersions", harmless, func(ctx context.Context) (vault.ListSecretVersionsResponse, error) {
			return cl.ListSecretVersions(ctx, vault.ListSecretVersionsRequest{SecretId: &id, Limit: common.Int(pageSize), Page: page})
		})
		if err != nil {
			return nil, err
		}
		for _, s := range r.Items {
			out = append(out, secret.Version{Number: *s.VersionNumber, Name: str(s.Name), Leaving: s.TimeOfDeletion != nil,
				Current:  slices.Contains(s.Stages, vault.SecretVersionSummaryStagesCurrent),
				Pending:  slices.Contains(s.Stages, vault.SecretVersionSummaryStagesPending),
				Previous: slices.Contains(s.Stages, vault.SecretVersionSummaryStagesPrevious),
				Stale:    slices.Contains(s.Stages, vault.SecretVersionSummaryStagesDeprecated)})
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
	r, err := call(ctx, v.cloud, "GetSecretBundle", harmless, func(ctx context.Context) (secrets.GetSecretBundleResponse, error) {
		return cl.GetSecretBundle(ctx, request)
	})
	if err != nil {
		return 0, credential.Value{}, err
	}
	content, ok := r.SecretBundleContent.(secrets.Base64SecretBundleContentDetails)
	if !ok || content.Content == nil || r.VersionNumber == nil {
		return 0, credential.Value{}, fault.New(fault.Invalid, "GetSecretBundle", "the version has no Base64 content")
	}
	plain, err := base64.StdEncoding.DecodeString(*content.Content)
	if err != nil { // the error would quote the content
		return 0, credential.Value{}, fault.New(fault.Invalid, "GetSecretBundle", "the content is not Base64")
	}
	return *r.VersionNumber, credential.NewValue(plain), nil
}

// Update changes a secret if its etag is still the given one. It is made once: whether a lost one took effect shows
// when the secret is looked at.
func (v *Vault) Update(ctx context.Context, id, etag string, u secret.Update) (secret.Secret, error) {
	cl, err := v.management(id)
	if err != nil {
		return secret.Secret{}, classify("UpdateSecret", err)
	}
	details := vault.UpdateSecretDetails{Metadata: u.Metadata}
	if u.Name != "" {
		details.SecretContent = vault.Base64SecretContentDetails{Name: &u.Name, Stage: vault.SecretContentDetailsStagePending,
			Content: common.String(base64.StdEncoding.EncodeToString(u.Content.Reveal()))}
	}
	if u.Promote != 0 {
		details.CurrentVersionNumber = &u.Promote
	}
	out, err := call(ctx, v.cloud, "UpdateSecret", once, func(ctx context.Context) (secret.Secret, error) {
		r, err := cl.UpdateSecret(ctx, vault.UpdateSecretRequest{SecretId: &id, IfMatch: &etag, UpdateSecretDetails: details})
		return described(r.Secret, r.Etag), err
	})
	return out, withoutContent(err, u.Content)
}

// withoutContent blanks the message of an error that quotes the content that was sent.
func withoutContent(err error, content credential.Value) error {
	var f *fault.Error
	if content.Empty() || !errors.As(err, &f) {
		return err
	}
	plain := content.Reveal()
	for _, text := range []string{string(plain), base64.StdEncoding.EncodeToString(plain)} {
		if strings.Contains(f.Message, text[:min(len(text), 12)]) {
			f.Message, f.Err = "", nil
		}
	}
	return err
}

// List lists the secrets of a compartment, all of them. See Secrets.
func (v *Vault) List(ctx context.Context, compartment string) ([]secret.Secret, error) {
	var out []secret.Secret
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
func (v *Vault) Secrets(ctx context.Context, compartment, page string) (some []secret.Secret, next string, err error) {
	return v.page(ctx, "", compartment, page)
}

// Summary looks for a secret in the lists of compartments, in the region that its OCID names: ListSecrets also shows
// secrets that GetSecret may not read. found is false if none of the lists has it.
func (v *Vault) Summary(ctx context.Context, id string, compartments []string) (s secret.Secret, found bool, err error) {
	for _, compartment := range compartments {
		for page := ""; ; {
			some, next, err := v.page(ctx, id, compartment, page)
			if err != nil {
				return secret.Secret{}, false, err
			}
			if i := slices.IndexFunc(some, func(s secret.Secret) bool { return strings.EqualFold(s.ID, id) }); i >= 0 {
				return some[i], true, nil
			}
			if page = next; page == "" {
				break
			}
		}
	}
	return secret.Secret{}, false, nil
}

// page is one page of the secrets of a compartment in the region of an OCID; without one, in the function's.
func (v *Vault) page(ctx context.Context, near, compartment, page string) (some []secret.Secret, next string, err error) {
	cl, err := v.management(near)
	if err != nil {
		return nil, "", classify("ListSecrets", err)
	}
	r, err := call(ctx, v.cloud, "ListSecrets", harmless, func(ctx context.Context) (vault.ListSecretsResponse, error) {
		return cl.ListSecrets(ctx, vault.ListSecretsRequest{CompartmentId: &compartment, Limit: common.Int(pageSize), Page: token(page)})
	})
	if err != nil {
		return nil, "", err
	}
	for _, s := range r.Items {
		some = append(some, secret.Secret{ID: str(s.Id), Name: str(s.SecretName), Compartment: str(s.CompartmentId),
			Vault: str(s.VaultId), Region: regionOf(str(s.Id)), Replica: s.IsReplica != nil && *s.IsReplica,
			State: string(s.LifecycleState), Freeform: s.FreeformTags, Defined: s.DefinedTags})
	}
	return some, str(r.OpcNextPage), nil
}
