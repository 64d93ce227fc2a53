// Package sign signs images in Container Registry with a key in Vault, so that the application's image policy accepts
// them. The signed message and its options are those of the OCI CLI's `artifacts container image-signature sign-upload`
// (artifacts_cli_extended.py). An image that the key has already signed is left alone.
package sign

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/keyturn/keyturn/deploy/internal/reference"
	"github.com/keyturn/keyturn/pkg/oci"
)

// Service is the part of OCI that a signing needs; *oci.Cloud implements it.
type Service interface {
	Region(ctx context.Context) (string, error)
	KeyEndpoint(key string) (string, error)
	Key(ctx context.Context, endpoint, id string) (oci.Key, error)
	SignMessage(ctx context.Context, k oci.Key, message string) (string, error)
	Images(ctx context.Context, compartment, repository, digest string) ([]oci.Image, error)
	ImageSignatures(ctx context.Context, compartment, image string) ([]oci.ImageSignature, error)
	AddImageSignature(ctx context.Context, compartment, image string, s oci.ImageSignature) (string, error)
}

// Options say what to sign with.
type Options struct {
	Compartment string // OCID of the compartment with the repositories
	Key         string // OCID
	KeyVersion  string // OCID; "" for the current version
	Endpoint    string // management endpoint of the key's vault; "" to find it by the key's OCID
	// Patience is how long Check looks for images that have just been pushed; 0 looks once.
	Patience time.Duration
	Sleep    func(ctx context.Context, d time.Duration) error // waits; needed with Patience
}

// FindKey reads the key, and with it the version to sign with.
func FindKey(ctx context.Context, s Service, o Options) (oci.Key, error) {
	endpoint := o.Endpoint
	if endpoint == "" {
		var err error
		endpoint, err = s.KeyEndpoint(o.Key)
		if err != nil {
			return oci.Key{}, fmt.Errorf("finding the vault of the key %s; give its management endpoint with "+
				"--endpoint: %w", o.Key, err)
		}
	}
	if o.KeyVersion != "" {
		return oci.Key{ID: o.Key, Version: o.KeyVersion, Endpoint: endpoint}, nil
	}
	k, err := s.Key(ctx, endpoint, o.Key)
	if err != nil {
		return k, fmt.Errorf("could not read the key %s; signers need `use keys` for it, or give its version with "+
			"--key-version: %w", o.Key, err)
	}
	if k.Version == "" {
		return k, fmt.Errorf("the key %s has no current version: is it enabled?", o.Key)
	}
	return k, nil
}

// Plan is a signing that was checked.
type Plan struct {
	service     Service
	compartment string
	region      string
	key         oci.Key
	todo        []unsigned
}

type unsigned struct {
	image reference.Image
	id    string // OCID
}

// Todo is the number of images that Sign signs.
func (p *Plan) Todo() int { return len(p.todo) }

// Check looks for all images and their signatures before any is signed, and says what Sign would do.
func Check(ctx context.Context, s Service, o Options, k oci.Key, images []reference.Image,
	log io.Writer) (*Plan, error) {
	region, err := s.Region(ctx)
	if err != nil {
		return nil, fmt.Errorf("finding the region: %w", err)
	}
	p := &Plan{service: s, compartment: o.Compartment, region: region, key: k}
	for _, i := range images {
		id, err := find(ctx, s, o, i)
		if err != nil {
			return nil, err
		}
		signatures, err := s.ImageSignatures(ctx, o.Compartment, id)
		if err != nil {
			return nil, fmt.Errorf("could not list the signatures of %s: %w", i, err)
		}
		done := false
		for _, sig := range signatures {
			done = done || sig.Key == k.ID
		}
		if done {
			fmt.Fprintf(log, "already signed: %s\n", i)
			continue
		}
		fmt.Fprintf(log, "will be signed with %s: %s\n", k.Version, i)
		p.todo = append(p.todo, unsigned{i, id})
	}
	return p, nil
}

// between is the time between two looks for an image that has just been pushed.
const between = 2 * time.Second

// find returns the OCID of an image.
func find(ctx context.Context, s Service, o Options, i reference.Image) (string, error) {
	for left := o.Patience; ; left -= between {
		found, err := s.Images(ctx, o.Compartment, i.Repository, i.Digest)
		switch {
		case err != nil:
			return "", fmt.Errorf("could not look for %s: %w", i, err)
		case len(found) == 1:
			return found[0].ID, nil
		case len(found) > 1:
			return "", fmt.Errorf("the repository %s has more than one image with the digest %s", i.Repository,
				i.Digest)
		case left <= 0:
			return "", fmt.Errorf("there is no image %s in the repository %s of %s: was it pushed, is --region the "+
				"registry's, and --compartment the repository's?", i.Digest, i.Repository, o.Compartment)
		}
		err = o.Sleep(ctx, between)
		if err != nil {
			return "", err
		}
	}
}

// Sign signs what is not signed yet. After an error it can be run again.
func (p *Plan) Sign(ctx context.Context, log io.Writer) error {
	for _, u := range p.todo {
		message, err := p.message(u.image)
		if err != nil {
			return err
		}
		name := u.image.Repository + ":" + u.image.Tag
		signature, err := p.service.SignMessage(ctx, p.key, message)
		if err == nil {
			_, err = p.service.AddImageSignature(ctx, p.compartment, u.id, oci.ImageSignature{Key: p.key.ID,
				KeyVersion: p.key.Version, Message: message, Signature: signature})
		}
		if err != nil {
			return fmt.Errorf("could not sign %s; fix that, then run this again: %w", name, err)
		}
		fmt.Fprintf(log, "signed: %s\n", name)
	}
	return nil
}

// message is what is signed, in base64: JSON without blanks, with the OCI CLI's fields in its order.
func (p *Plan) message(i reference.Image) (string, error) {
	var text bytes.Buffer
	e := json.NewEncoder(&text)
	e.SetEscapeHTML(false)
	err := e.Encode(struct {
		Description      string `json:"description"`
		ImageDigest      string `json:"imageDigest"`
		KmsKeyID         string `json:"kmsKeyId"`
		KmsKeyVersionID  string `json:"kmsKeyVersionId"`
		Metadata         string `json:"metadata"`
		Region           string `json:"region"`
		RepositoryName   string `json:"repositoryName"`
		SigningAlgorithm string `json:"signingAlgorithm"`
	}{"Keyturn " + i.Tag, i.Digest, p.key.ID, p.key.Version, "{}", p.region, i.Repository, oci.SigningAlgorithm})
	if err != nil {
		return "", fmt.Errorf("encoding the message to sign: %w", err)
	}
	return base64.StdEncoding.EncodeToString(bytes.TrimSpace(text.Bytes())), nil
}
