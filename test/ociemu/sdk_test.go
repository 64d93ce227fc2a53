package ociemu_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/oracle/oci-go-sdk/v65/cloudguard"
	"github.com/oracle/oci-go-sdk/v65/common"
	"github.com/oracle/oci-go-sdk/v65/events"
	"github.com/oracle/oci-go-sdk/v65/identity"
	"github.com/oracle/oci-go-sdk/v65/ons"
	"github.com/oracle/oci-go-sdk/v65/secrets"
	"github.com/oracle/oci-go-sdk/v65/vault"

	"github.com/keyturn/keyturn/test/ociemu"
)

// provider makes a Principal a full configuration provider of the SDK.
type provider struct{ ociemu.Principal }

func (provider) AuthType() (common.AuthConfig, error) {
	return common.AuthConfig{AuthType: common.UnknownAuthenticationType}, nil
}

// clients are the SDK's clients, unmodified but for their HTTP client.
type clients struct {
	identity   identity.IdentityClient
	vault      vault.VaultsClient
	secrets    secrets.SecretsClient
	ons        ons.NotificationDataPlaneClient
	topics     ons.NotificationControlPlaneClient
	cloudguard cloudguard.CloudGuardClient
	events     events.EventsClient
}

func newClients(t testing.TB, e *ociemu.Emulator, p common.ConfigurationProvider) *clients {
	t.Helper()
	var c clients
	var errs [7]error
	c.identity, errs[0] = identity.NewIdentityClientWithConfigurationProvider(p)
	c.vault, errs[1] = vault.NewVaultsClientWithConfigurationProvider(p)
	c.secrets, errs[2] = secrets.NewSecretsClientWithConfigurationProvider(p)
	c.ons, errs[3] = ons.NewNotificationDataPlaneClientWithConfigurationProvider(p)
	c.topics, errs[4] = ons.NewNotificationControlPlaneClientWithConfigurationProvider(p)
	c.cloudguard, errs[5] = cloudguard.NewCloudGuardClientWithConfigurationProvider(p)
	c.events, errs[6] = events.NewEventsClientWithConfigurationProvider(p)
	if err := errors.Join(errs[:]...); err != nil {
		t.Fatalf("making the SDK's clients: %v", err)
	}
	web := e.Client()
	t.Cleanup(web.CloseIdleConnections)
	never := common.NoRetryPolicy()
	for _, b := range []*common.BaseClient{
		&c.identity.BaseClient, &c.vault.BaseClient, &c.secrets.BaseClient, &c.ons.BaseClient, &c.topics.BaseClient,
		&c.cloudguard.BaseClient, &c.events.BaseClient,
	} {
		b.HTTPClient = web
		b.Configuration.RetryPolicy = &never
		b.Configuration.CircuitBreaker = nil
	}
	return &c
}

// asFunction returns the clients of a new function.
func asFunction(t testing.TB, e *ociemu.Emulator) *clients {
	t.Helper()
	return newClients(t, e, provider{e.NewFunction("rotate", "")})
}

// asOperator returns the clients of a new operator.
func asOperator(t testing.TB, e *ociemu.Emulator) *clients {
	t.Helper()
	o := e.AddOperator("ada")
	return newClients(t, e, common.NewRawConfigurationProvider(o.TenancyID, o.UserID, o.Region, o.Fingerprint,
		string(o.PrivatePEM), nil))
}

// refused checks that err is the service's refusal with the status and code.
func refused(t testing.TB, err error, status int, code string) {
	t.Helper()
	var service common.ServiceError
	if !errors.As(err, &service) {
		t.Fatalf("got error %v, want a refusal %d %s", err, status, code)
	}
	if service.GetHTTPStatusCode() != status || service.GetCode() != code {
		t.Fatalf("got refusal %d %s (%s), want %d %s", service.GetHTTPStatusCode(), service.GetCode(),
			service.GetMessage(), status, code)
	}
	if service.GetOpcRequestID() == "" {
		t.Error("the refusal has no opc-request-id")
	}
}

func must[T any](t testing.TB) func(v T, err error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatalf("unexpected error: %v", err)
		}
		return v
	}
}

// testKeys are generated once, because generating RSA keys is slow.
var testKeys = sync.OnceValue(func() []*rsa.PrivateKey {
	keys := make([]*rsa.PrivateKey, 4)
	for i := range keys {
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			panic(err)
		}
		keys[i] = key
	}
	return keys
})

// newKeyPair returns the nth test key: its public and its private part in PEM.
func newKeyPair(t testing.TB, n int) (public string, private []byte) {
	t.Helper()
	key := testKeys()[n]
	der := must[[]byte](t)(x509.MarshalPKIXPublicKey(&key.PublicKey))
	privateDER := must[[]byte](t)(x509.MarshalPKCS8PrivateKey(key))
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: privateDER})
}

// clock is a clock that only the test advances.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

// newClock starts at the machine's time, because the SDK dates its requests with it.
func newClock() *clock { return &clock{now: time.Now()} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func encoded(content string) *string {
	return common.String(base64.StdEncoding.EncodeToString([]byte(content)))
}

// put writes content to the secret as a version of that name and stage.
func (c *clients) put(ctx context.Context, secret, name, content string, stage vault.SecretContentDetailsStageEnum) (
	vault.UpdateSecretResponse, error) {
	details := vault.Base64SecretContentDetails{Content: encoded(content), Stage: stage}
	if name != "" {
		details.Name = &name
	}
	return c.vault.UpdateSecret(ctx, vault.UpdateSecretRequest{
		SecretId: &secret, UpdateSecretDetails: vault.UpdateSecretDetails{SecretContent: details},
	})
}

func (c *clients) createToken(ctx context.Context, user, description string) (identity.CreateAuthTokenResponse, error) {
	return c.identity.CreateAuthToken(ctx, identity.CreateAuthTokenRequest{
		UserId: &user, CreateAuthTokenDetails: identity.CreateAuthTokenDetails{Description: &description},
	})
}

func (c *clients) createSecretKey(ctx context.Context, user, name string) (identity.CreateCustomerSecretKeyResponse,
	error) {
	return c.identity.CreateCustomerSecretKey(ctx, identity.CreateCustomerSecretKeyRequest{
		UserId: &user, CreateCustomerSecretKeyDetails: identity.CreateCustomerSecretKeyDetails{DisplayName: &name},
	})
}

func (c *clients) uploadKey(ctx context.Context, user, public string) (identity.UploadApiKeyResponse, error) {
	return c.identity.UploadApiKey(ctx, identity.UploadApiKeyRequest{
		UserId: &user, CreateApiKeyDetails: identity.CreateApiKeyDetails{Key: &public},
	})
}
