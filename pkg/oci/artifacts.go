package oci

import (
	"context"

	"github.com/oracle/oci-go-sdk/v65/artifacts"
	"github.com/oracle/oci-go-sdk/v65/common"
)

// Image is an image in Container Registry.
type Image struct {
	ID         string // OCID
	Repository string // name without the namespace
	Digest     string
}

// ImageSignature is a signature of an image in Container Registry.
type ImageSignature struct {
	ID         string // OCID
	Key        string // OCID of the key that made it
	KeyVersion string // OCID
	Message    string // what was signed, base64
	Signature  string // base64
}

// artifactPage is the size of the pages of Container Registry's lists.
const artifactPage = 100

func (c *Cloud) artifacts() (*artifacts.ArtifactsClient, error) {
	return client(c, "artifacts", "", artifacts.NewArtifactsClientWithConfigurationProvider,
		func(cl *artifacts.ArtifactsClient) *common.BaseClient { return &cl.BaseClient })
}

// RepositoryCompartments returns the compartments with an available repository of the name, which is without the
// namespace. It looks in the compartment, or in the whole tenancy if the compartment is the tenancy.
func (c *Cloud) RepositoryCompartments(ctx context.Context, compartment, name string) (ids []string, err error) {
	const operation = "ListContainerRepositories"
	cl, err := c.artifacts()
	if err != nil {
		return nil, classify(operation, err)
	}
	p, err := c.provider()
	if err != nil {
		return nil, classify(operation, err)
	}
	own, err := p.TenancyOCID()
	if err != nil {
		return nil, classify(operation, err)
	}
	request := artifacts.ListContainerRepositoriesRequest{CompartmentId: &compartment, DisplayName: &name,
		Limit: common.Int(artifactPage)}
	if compartment == own {
		request.CompartmentIdInSubtree = common.Bool(true)
	}
	err = everyPage(ctx, c, operation, func(ctx context.Context, page *string) (*string, error) {
		request.Page = page
		r, err := cl.ListContainerRepositories(ctx, request)
		for _, i := range r.Items {
			if str(i.DisplayName) == name && i.LifecycleState == artifacts.ContainerRepositoryLifecycleStateAvailable {
				ids = append(ids, str(i.CompartmentId))
			}
		}
		return r.OpcNextPage, err
	})
	return ids, err
}

// Images returns the available images of a repository in a compartment that have the digest. The repository's name is
// without the namespace.
func (c *Cloud) Images(ctx context.Context, compartment, repository, digest string) (all []Image, err error) {
	const operation = "ListContainerImages"
	cl, err := c.artifacts()
	if err != nil {
		return nil, classify(operation, err)
	}
	seen := map[string]bool{} // the list has an entry for each version of an image
	err = everyPage(ctx, c, operation, func(ctx context.Context, page *string) (*string, error) {
		r, err := cl.ListContainerImages(ctx, artifacts.ListContainerImagesRequest{CompartmentId: &compartment,
			RepositoryName: &repository, ImageDigest: &digest, Limit: common.Int(artifactPage), Page: page})
		for _, i := range r.Items {
			image := Image{ID: str(i.Id), Repository: str(i.RepositoryName), Digest: str(i.Digest)}
			if image.Repository == repository && image.Digest == digest && !seen[image.ID] &&
				i.LifecycleState == artifacts.ContainerImageLifecycleStateAvailable {
				seen[image.ID] = true
				all = append(all, image)
			}
		}
		return r.OpcNextPage, err
	})
	return all, err
}

// ImageSignatures returns the available signatures of an image in a compartment.
func (c *Cloud) ImageSignatures(ctx context.Context, compartment, image string) (all []ImageSignature, err error) {
	const operation = "ListContainerImageSignatures"
	cl, err := c.artifacts()
	if err != nil {
		return nil, classify(operation, err)
	}
	err = everyPage(ctx, c, operation, func(ctx context.Context, page *string) (*string, error) {
		r, err := cl.ListContainerImageSignatures(ctx, artifacts.ListContainerImageSignaturesRequest{
			CompartmentId: &compartment, ImageId: &image, Limit: common.Int(artifactPage), Page: page})
		for _, s := range r.Items {
			if str(s.ImageId) == image &&
				s.LifecycleState == artifacts.ContainerImageSignatureLifecycleStateAvailable {
				all = append(all, ImageSignature{ID: str(s.Id), Key: str(s.KmsKeyId),
					KeyVersion: str(s.KmsKeyVersionId), Message: str(s.Message), Signature: str(s.Signature)})
			}
		}
		return r.OpcNextPage, err
	})
	return all, err
}

// AddImageSignature adds a signature, made by SignMessage, to an image in a compartment. It returns the signature's OCID.
func (c *Cloud) AddImageSignature(ctx context.Context, compartment, image string, s ImageSignature) (string, error) {
	const operation = "CreateContainerImageSignature"
	cl, err := c.artifacts()
	if err != nil {
		return "", classify(operation, err)
	}
	again := common.RetryToken()
	return call(ctx, c, operation, replayed, func(ctx context.Context) (string, error) {
		r, err := cl.CreateContainerImageSignature(ctx, artifacts.CreateContainerImageSignatureRequest{
			OpcRetryToken: &again,
			CreateContainerImageSignatureDetails: artifacts.CreateContainerImageSignatureDetails{
				CompartmentId: &compartment, ImageId: &image, KmsKeyId: &s.Key, KmsKeyVersionId: &s.KeyVersion,
				Message: &s.Message, Signature: &s.Signature,
				SigningAlgorithm: artifacts.CreateContainerImageSignatureDetailsSigningAlgorithm512RsaPkcsPss}})
		return str(r.Id), err
	})
}
