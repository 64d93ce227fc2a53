package tenancy

import (
	"context"
	"encoding/base64"
	"fmt"
	"maps"

	"github.com/oracle/oci-go-sdk/v65/cloudguard"
	"github.com/oracle/oci-go-sdk/v65/common"
	"github.com/oracle/oci-go-sdk/v65/identity"
	"github.com/oracle/oci-go-sdk/v65/vault"
)

// This is what a person does at the console, through the real SDK's clients.

func (s *Deployment) person() common.ConfigurationProvider {
	o := s.Operator
	return common.NewRawConfigurationProvider(o.TenancyID, o.UserID, o.Region, o.Fingerprint, string(o.PrivatePEM), nil)
}

// CloudGuard is the Cloud Guard client of the person who closes problems.
func (s *Deployment) CloudGuard() (cloudguard.CloudGuardClient, error) {
	client, err := cloudguard.NewCloudGuardClientWithConfigurationProvider(s.person())
	client.HTTPClient = s.Client()
	return client, err
}

// Close closes a problem as resolved with a comment, and waits until the function has answered all that this set off.
func (s *Deployment) Close(ctx context.Context, problem, comment string) error {
	return s.setStatus(ctx, problem, cloudguard.ProblemLifecycleDetailResolved, comment)
}

// Dismiss dismisses a problem.
func (s *Deployment) Dismiss(ctx context.Context, problem string) error {
	return s.setStatus(ctx, problem, cloudguard.ProblemLifecycleDetailDismissed, "")
}

func (s *Deployment) setStatus(ctx context.Context, problem string, status cloudguard.ProblemLifecycleDetailEnum,
	comment string) error {
	client, err := s.CloudGuard()
	if err != nil {
		return fmt.Errorf("making the Cloud Guard client: %w", err)
	}
	details := cloudguard.UpdateProblemStatusDetails{Status: status}
	if comment != "" {
		details.Comment = &comment
	}
	if _, err := client.UpdateProblemStatus(ctx, cloudguard.UpdateProblemStatusRequest{ProblemId: &problem,
		UpdateProblemStatusDetails: details}); err != nil {
		return fmt.Errorf("setting the problem to %s: %w", status, err)
	}
	s.Deliver()
	return nil
}

// PutSecret writes a new CURRENT version of a secret by hand.
func (s *Deployment) PutSecret(ctx context.Context, id string, content []byte) error {
	text := base64.StdEncoding.EncodeToString(content)
	return s.EditSecret(ctx, id, vault.UpdateSecretDetails{SecretContent: vault.Base64SecretContentDetails{
		Content: &text}})
}

// Promote makes a version of a secret CURRENT by hand.
func (s *Deployment) Promote(ctx context.Context, id string, version int64) error {
	return s.EditSecret(ctx, id, vault.UpdateSecretDetails{CurrentVersionNumber: &version})
}

// Tag sets freeform tags of a secret, and leaves its others as they are.
func (s *Deployment) Tag(ctx context.Context, id string, tags map[string]string) error {
	all := maps.Clone(s.Secret(id).FreeformTags)
	maps.Copy(all, tags)
	return s.EditSecret(ctx, id, vault.UpdateSecretDetails{FreeformTags: all})
}

// DeleteAPIKey deletes an API key of a user.
func (s *Deployment) DeleteAPIKey(ctx context.Context, user, fingerprint string) error {
	client, err := s.Identity()
	if err != nil {
		return fmt.Errorf("making the identity client: %w", err)
	}
	if _, err := client.DeleteApiKey(ctx, identity.DeleteApiKeyRequest{UserId: &user,
		Fingerprint: &fingerprint}); err != nil {
		return fmt.Errorf("deleting the API key: %w", err)
	}
	return nil
}
