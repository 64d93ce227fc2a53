package tenancy

import (
	"context"
	"fmt"

	"github.com/oracle/oci-go-sdk/v65/identity"
	"github.com/oracle/oci-go-sdk/v65/vault"

	"github.com/keyturn/keyturn/test/ociemu"
)

// Identity is the IAM client of the person.
func (s *Deployment) Identity() (identity.IdentityClient, error) {
	client, err := identity.NewIdentityClientWithConfigurationProvider(s.person())
	client.HTTPClient = s.Client()
	return client, err
}

// Vaults is the Vault client of the person.
func (s *Deployment) Vaults() (vault.VaultsClient, error) {
	client, err := vault.NewVaultsClientWithConfigurationProvider(s.person())
	client.HTTPClient = s.Client()
	return client, err
}

// EditSecret updates a secret by hand.
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

// Delete deletes one of the user's credentials of the case's kind by hand.
func (c *Case) Delete(ctx context.Context, id string) error {
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

// DeleteUser deletes the user by hand, the credentials of the case's kind first.
func (c *Case) DeleteUser(ctx context.Context) error {
	if c.Kind != Password {
		for _, id := range c.IDs() {
			if err := c.Delete(ctx, id); err != nil {
				return err
			}
		}
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

// AddOwn gives the user another credential of the kind, that the person made, and knows the value of.
func (c *Case) AddOwn() Credential { return c.add("made by hand") }

// Again adds a problem for another of the user's credentials of the kind, and gives its OCID.
func (c *Case) Again(id string) string {
	resource := id
	if c.Kind == APIKey {
		resource = c.env.Tenancy() + "/" + c.User + "/" + id
	}
	return c.env.addProblem(ociemu.ProblemSeed{Rule: c.Kind.Rule(), User: c.User, ResourceID: resource,
		ResourceName: c.UserName})
}
