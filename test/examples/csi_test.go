package examples_test

import (
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"

	"github.com/oracle/oci-go-sdk/v65/common"
	"github.com/oracle/oci-go-sdk/v65/secrets"
)

// csiVolume does the same for one volume as the Secrets Store CSI driver and Oracle's provider. It calls
// GetSecretBundleByName for every secret, and after all have succeeded switches the folder by renaming one symbolic
// link. Source: internal/service/secret_service.go in oracle/oci-secrets-store-csi-driver-provider, and
// pkg/util/fileutil/atomic_writer.go in kubernetes-sigs/secrets-store-csi-driver.
type csiVolume struct {
	rig      *rig
	folder   string
	vault    string
	requests []secretRequest

	generation int
}

// publish is one NodePublishVolume: the pod's start, or a poll of the rotation.
func (v *csiVolume) publish() error {
	r := v.rig
	provider, err := common.ConfigurationProviderFromFile(r.config, "")
	if err != nil {
		return fmt.Errorf("reading the configuration: %w", err)
	}
	client, err := secrets.NewSecretsClientWithConfigurationProvider(provider)
	if err != nil {
		return fmt.Errorf("making the client: %w", err)
	}
	client.HTTPClient = r.Client()
	files := map[string][]byte{}
	for _, request := range v.requests {
		stage, known := secrets.GetMappingGetSecretBundleByNameStageEnum(request.Stage)
		if !known {
			return fmt.Errorf("no stage %s", request.Stage)
		}
		answer, err := client.GetSecretBundleByName(r.t.Context(), secrets.GetSecretBundleByNameRequest{
			SecretName: &request.Name, VaultId: &v.vault, Stage: stage})
		if err != nil {
			return fmt.Errorf("reading the secret: %w", err)
		}
		content, ok := answer.SecretBundleContent.(secrets.Base64SecretBundleContentDetails)
		if !ok {
			return fmt.Errorf("the content is %T", answer.SecretBundleContent)
		}
		files[request.FileName], err = base64.StdEncoding.DecodeString(*content.Content)
		if err != nil {
			return fmt.Errorf("decoding the secret: %w", err)
		}
	}
	return v.write(files)
}

func (v *csiVolume) write(files map[string][]byte) error {
	v.generation++
	data := filepath.Join(v.folder, fmt.Sprintf("..generation_%d", v.generation))
	if err := os.MkdirAll(data, 0o755); err != nil {
		return err
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(data, name), content, 0o644); err != nil {
			return err
		}
		link := filepath.Join(v.folder, name)
		if err := os.Symlink(filepath.Join("..data", name), link); err != nil && !os.IsExist(err) {
			return err
		}
	}
	next := filepath.Join(v.folder, "..data_tmp")
	if err := os.Symlink(filepath.Base(data), next); err != nil {
		return err
	}
	return os.Rename(next, filepath.Join(v.folder, "..data"))
}
