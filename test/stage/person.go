package stage

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

func (s *Stage) person() common.ConfigurationProvider {
	o := s.Operator
	return common.NewRawConfigurationProvider(o.TenancyID, o.UserID, o.Region, o.Fingerprint, string(o.PrivatePEM), nil)
}

// CloudGuard is the Cloud Guard client of the person who closes problems.
func (s *Stage) CloudGuard() (cloudguard.CloudGuardClient, error) {
	client, err := cloudguard.NewCloudGuardClientWithConfigurationProvider(s.person())
	client.HTTPClient = s.Client()
	return client, err
}

// Close closes a problem as resolved with a comment, and waits until the function has answered all that this set off.
func (s *Stage) Close(ctx context.Context, problem, comment string) error {
	return s.setStatus(ctx, problem, cloudguard.ProblemLifecycleDetailResolved, comment)
}

// Dismiss dismisses a problem.
func (s *Stage) Dismiss(ctx context.Context, problem string) error {
	return s.setStatus(ctx, problem, cloudguard.ProblemLifecycleDetailDismissed, "")
}

func (s *Stage) setStatus(ctx context.Context, problem string, status cloudguard.ProblemLifecycleDetailEnum, comment string) error {
	client, err := s.CloudGuard()
	if err != nil {
		return fmt.Errorf("making the Cloud Guard client: %w", err)
	}
	details := cloudguard.UpdateProblemStatusDetails{Status: status}
	if comment != "" {
		details.Comment = &comment
	}
	if _, err := client.UpdateProblemStatus(ctx, cloudguard.UpdateProblemStatusRequest{ProblemId: &problem, UpdateProblemStatusDetails: details}); err != nil {
		return fmt.Errorf("setting the problem to %s: %w", status, err)
	}
	s.Deliver()
	return nil
}

// PutSecret writes a new CURRENT version of a secret by hand.
func (s *Stage) PutSecret(ctx context.Context, id string, content []byte) error {
	text := base64.StdEncoding.EncodeToString(content)
	return s.updateSecret(ctx, id, vault.UpdateSecretDetails{SecretContent: vault.Base64SecretContentDetails{Content: &text}})
}

// Promote makes a version of a secret CURRENT by hand.
func (s *Stage) Promote(ctx context.Context, id string, version int64) error {
	return s.updateSecret(ctx, id, vault.UpdateSecretDetails{CurrentVersionNumber: &version})
}

// Tag sets freeform tags of a secret, and leaves its others as they are.
func (s *Stage) Tag(ctx context.Context, id string, tags map[string]string) error {
	all := maps.Clone(s.Secret(id).FreeformTags)
	maps.Copy(all, tags)
	return s.updateSecret(ctx, id, vault.UpdateSecretDetails{FreeformTags: all})
}

func (s *Stage) updateSecret(ctx context.Context, id string, details vault.UpdateSecretDetails) error {
	client, err := s.vault()
	if err != nil {
		return err
	}
	if _, err := client.UpdateSecret(ctx, vault.UpdateSecretRequest{SecretId: &id, UpdateSecretDetails: details}); err != nil {
		return fmt.Errorf("writing the secret: %w", err)
	}
	return nil
}

// ScheduleDeletion schedules the deletion of a secret.
func (s *Stage) ScheduleDeletion(ctx context.Context, id string) error {
	client, err := s.vault()
	if err != nil {
		return err
	}
	if _, err := client.ScheduleSecretDeletion(ctx, vault.ScheduleSecretDeletionRequest{SecretId: &id}); err != nil {
		return fmt.Errorf("scheduling the secret's deletion: %w", err)
	}
	return nil
}

func (s *Stage) vault() (vault.VaultsClient, error) {
	client, err := vault.NewVaultsClientWithConfigurationProvider(s.person())
	if err != nil {
		return client, fmt.Errorf("making the Vault client: %w", err)
	}
	client.HTTPClient = s.Client()
	return client, nil
}

// Delete deletes a credential of the case's user.
func (c *Case) Delete(ctx context.Context, id string) error {
	return c.stage.delete(ctx, c.Kind, c.User, id)
}

// DeleteAPIKey deletes an API key of a user.
func (s *Stage) DeleteAPIKey(ctx context.Context, user, fingerprint string) error {
	return s.delete(ctx, APIKey, user, fingerprint)
}

func (s *Stage) identity() (identity.IdentityClient, error) {
	client, err := identity.NewIdentityClientWithConfigurationProvider(s.person())
	if err != nil {
		return client, fmt.Errorf("making the identity client: %w", err)
	}
	client.HTTPClient = s.Client()
	return client, nil
}

func (s *Stage) delete(ctx context.Context, kind Kind, user, id string) error {
	client, err := s.identity()
	if err != nil {
		return err
	}
	switch kind {
	case APIKey:
		_, err = client.DeleteApiKey(ctx, identity.DeleteApiKeyRequest{UserId: &user, Fingerprint: &id})
	case AuthToken:
		_, err = client.DeleteAuthToken(ctx, identity.DeleteAuthTokenRequest{UserId: &user, AuthTokenId: &id})
	case CustomerSecretKey:
		_, err = client.DeleteCustomerSecretKey(ctx, identity.DeleteCustomerSecretKeyRequest{UserId: &user, CustomerSecretKeyId: &id})
	default:
		return fmt.Errorf("a credential of the kind %s can't be deleted", kind)
	}
	if err != nil {
		return fmt.Errorf("deleting the credential: %w", err)
	}
	return nil
}

// DeleteUser deletes the case's user, after the credentials of the kind, as OCI wants it.
func (c *Case) DeleteUser(ctx context.Context) error {
	if c.Kind != Password {
		for _, id := range c.IDs() {
			if err := c.Delete(ctx, id); err != nil {
				return err
			}
		}
	}
	client, err := c.stage.identity()
	if err != nil {
		return err
	}
	if _, err := client.DeleteUser(ctx, identity.DeleteUserRequest{UserId: &c.User}); err != nil {
		return fmt.Errorf("deleting the user: %w", err)
	}
	return nil
}
