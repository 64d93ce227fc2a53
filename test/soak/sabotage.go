package main

import (
	"context"
	"fmt"

	"github.com/oracle/oci-go-sdk/v65/common"
	"github.com/oracle/oci-go-sdk/v65/identity"

	"github.com/keyturn/keyturn/test/stage"
)

// sabotage deletes a person's old credential, as a rotation must not do before the new one is CURRENT: so that a
// violation is there to be seen.
func (r *run) sabotage(ctx context.Context, p *person) error {
	o := r.Operator
	client, err := identity.NewIdentityClientWithConfigurationProvider(
		common.NewRawConfigurationProvider(o.TenancyID, o.UserID, o.Region, o.Fingerprint, string(o.PrivatePEM), nil))
	if err != nil {
		return fmt.Errorf("making the identity client: %w", err)
	}
	client.HTTPClient = r.Client()
	switch p.Kind {
	case stage.APIKey:
		_, err = client.DeleteApiKey(ctx, identity.DeleteApiKeyRequest{UserId: &p.User, Fingerprint: &p.OldID})
	case stage.AuthToken:
		_, err = client.DeleteAuthToken(ctx, identity.DeleteAuthTokenRequest{UserId: &p.User, AuthTokenId: &p.OldID})
	case stage.CustomerSecretKey:
		_, err = client.DeleteCustomerSecretKey(ctx, identity.DeleteCustomerSecretKeyRequest{UserId: &p.User, CustomerSecretKeyId: &p.OldID})
	}
	if err != nil {
		return fmt.Errorf("deleting the old credential: %w", err)
	}
	return nil
}
