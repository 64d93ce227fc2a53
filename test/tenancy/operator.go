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

	"github.com/keyturn/keyturn/test/ociemu"
)

// operatorConfig is the SDK's configuration of the operator, who does what a person does at OCI's console.
func (s *Deployment) operatorConfig() common.ConfigurationProvider {
	o := s.Operator
	return common.NewRawConfigurationProvider(o.TenancyID, o.UserID, o.Region, o.Fingerprint, string(o.PrivatePEM), nil)
}

// CloudGuard returns a Cloud Guard client for the operator.
func (s *Deployment) CloudGuard() (cloudguard.CloudGuardClient, error) {
	client, err := cloudguard.NewCloudGuardClientWithConfigurationProvider(s.operatorConfig())
	client.HTTPClient = s.Client()
	return client, err
}

// Close closes a problem as resolved with a comment, and returns when the function has answered all resulting events.
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

// PutSecret writes a new CURRENT version of a secret as the operator.
func (s *Deployment) PutSecret(ctx context.Context, id string, content []byte) error {
	text := base64.StdEncoding.EncodeToString(content)
	return s.EditSecret(ctx, id, vault.UpdateSecretDetails{SecretContent: vault.Base64SecretContentDetails{
		Content: &text}})
}

// Promote makes a version of a secret CURRENT as the operator.
func (s *Deployment) Promote(ctx context.Context, id string, version int64) error {
	return s.EditSecret(ctx, id, vault.UpdateSecretDetails{CurrentVersionNumber: &version})
}

// Tag sets freeform tags of a secret, and keeps its other tags.
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

// Identity returns an IAM client for the operator.
func (s *Deployment) Identity() (identity.IdentityClient, error) {
	client, err := identity.NewIdentityClientWithConfigurationProvider(s.operatorConfig())
	client.HTTPClient = s.Client()
	return client, err
}

// Vaults returns a Vault client for the operator.
func (s *Deployment) Vaults() (vault.VaultsClient, error) {
	client, err := vault.NewVaultsClientWithConfigurationProvider(s.operatorConfig())
	client.HTTPClient = s.Client()
	return client, err
}

// EditSecret updates a secret as the operator.
func (s *Deployment) EditSecret(ctx context.Context, id string, details vault.UpdateSecretDetails) error {
	client, err := s.Vaults()
	if err != nil {
		return fmt.Errorf("making the Vault client: %w", err)
	}
	if _, err := client.UpdateSecret(ctx, vault.UpdateSecretRequest{SecretId: &id,
		UpdateSecretDetails: details}); err != nil {
		return fmt.Errorf("updating the secret: %w", err)
	}
	return nil
}

// DeleteSecret schedules a secret's deletion.
func (s *Deployment) DeleteSecret(ctx context.Context, id string) error {
	client, err := s.Vaults()
	if err != nil {
		return fmt.Errorf("making the Vault client: %w", err)
	}
	if _, err := client.ScheduleSecretDeletion(ctx, vault.ScheduleSecretDeletionRequest{SecretId: &id}); err != nil {
		return fmt.Errorf("scheduling the secret's deletion: %w", err)
	}
	return nil
}

// Delete deletes one of the user's credentials of the case's kind as the operator.
func (c *Case) Delete(ctx context.Context, id string) error {
	if c.Domain != "" {
		return c.deleteInDomain(ctx, id)
	}
	client, err := c.env.Identity()
	if err != nil {
		return fmt.Errorf("making the IAM client: %w", err)
	}
	switch c.Kind {
	case APIKey:
		_, err = client.DeleteApiKey(ctx, identity.DeleteApiKeyRequest{UserId: &c.User, Fingerprint: &id})
	case AuthToken:
		_, err = client.DeleteAuthToken(ctx, identity.DeleteAuthTokenRequest{UserId: &c.User, AuthTokenId: &id})
	case CustomerSecretKey:
		_, err = client.DeleteCustomerSecretKey(ctx, identity.DeleteCustomerSecretKeyRequest{UserId: &c.User,
			CustomerSecretKeyId: &id})
	default:
		return fmt.Errorf("a %s can't be deleted", c.Kind)
	}
	if err != nil {
		return fmt.Errorf("deleting the %s: %w", c.Kind, err)
	}
	return nil
}

// DeleteUser deletes the user's credentials of the case's kind, and then the user, as the operator.
func (c *Case) DeleteUser(ctx context.Context) error {
	if c.Kind != Password {
		for _, id := range c.IDs() {
			if err := c.Delete(ctx, id); err != nil {
				return err
			}
		}
	}
	if c.Domain != "" {
		return c.deleteInDomain(ctx, "")
	}
	client, err := c.env.Identity()
	if err != nil {
		return fmt.Errorf("making the IAM client: %w", err)
	}
	if _, err := client.DeleteUser(ctx, identity.DeleteUserRequest{UserId: &c.User}); err != nil {
		return fmt.Errorf("deleting the user: %w", err)
	}
	return nil
}

// AddCredential gives the user another credential of the kind.
func (c *Case) AddCredential() Credential { return c.add("made by hand") }

// AddProblem adds a problem for another of the user's credentials of the kind, and returns its OCID.
func (c *Case) AddProblem(id string) string {
	return c.env.addProblem(ociemu.ProblemSeed{Rule: c.Kind.Rule(), User: c.User, ResourceID: c.Resource(id),
		ResourceName: c.UserName})
}
