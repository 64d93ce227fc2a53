package ociemu_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/oracle/oci-go-sdk/v65/common"
	"github.com/oracle/oci-go-sdk/v65/identity"

	"github.com/keyturn/keyturn/test/ociemu"
)

func TestIAMWritesOutsideTheHomeRegionAreRefusedWithTheServicesMessage(t *testing.T) {
	opts := ociemu.Calm()
	opts.Region = "eu-frankfurt-1"
	e := ociemu.New(t, opts)
	user := e.AddUser("jane")
	print, _ := e.AddAPIKey(user)
	c := asFunction(t, e)
	must[identity.ListApiKeysResponse](t)(c.identity.ListApiKeys(t.Context(),
		identity.ListApiKeysRequest{UserId: &user}))
	_, err := c.createToken(t.Context(), user, "x")
	refused(t, err, 403, "NotAllowed")
	const words = "Please go to your home region IAD to execute CREATE, UPDATE and DELETE operations."
	if !strings.Contains(err.Error(), words) {
		t.Errorf("the refusal says %v, want %q", err, words)
	}
	_, err = c.identity.DeleteApiKey(t.Context(), identity.DeleteApiKeyRequest{UserId: &user, Fingerprint: &print})
	refused(t, err, 403, "NotAllowed")
	_, err = c.identity.CreateOrResetUIPassword(t.Context(), identity.CreateOrResetUIPasswordRequest{UserId: &user})
	refused(t, err, 403, "NotAllowed")
	c.identity.SetRegion("us-ashburn-1")
	must[identity.CreateAuthTokenResponse](t)(c.createToken(t.Context(), user, "x"))
}

func TestAUserHasAtMostThreeAPIKeysTwoTokensAndTwoSecretKeys(t *testing.T) {
	const domain = "400 IdcsConversionError"
	for answer, want := range map[ociemu.FullSlotAnswer][3]string{ // API key, auth token, customer secret key
		"":                           {domain, domain, domain},
		ociemu.FullSlotDomain:        {domain, domain, domain},
		ociemu.FullSlotAPIKeyLimit:   {"409 ApiKeyLimitExceeded", domain, domain},
		ociemu.FullSlotMixed:         {domain, domain, "400 LimitExceeded"},
		ociemu.FullSlotLimitExceeded: {"400 LimitExceeded", "400 LimitExceeded", "400 LimitExceeded"},
		ociemu.FullSlotConflict:      {"409 Conflict", "409 Conflict", "409 Conflict"},
		ociemu.FullSlotQuotaExceeded: {"400 QuotaExceeded", "400 QuotaExceeded", "400 QuotaExceeded"},
	} {
		t.Run(string(answer), func(t *testing.T) {
			opts := ociemu.Calm()
			opts.Answers.FullSlot = answer
			e := ociemu.New(t, opts)
			user, c := e.AddUser("jane"), asFunction(t, e)
			atLimit := func(err error, full bool, want string) {
				t.Helper()
				var status int
				var code string
				if _, bad := fmt.Sscanf(want, "%d %s", &status, &code); bad != nil {
					t.Fatal(bad)
				}
				atLimit(t, err, full, status, code)
			}
			for i := range 4 {
				public, _ := newKeyPair(t, i)
				_, err := c.uploadKey(t.Context(), user, public)
				atLimit(err, i == 3, want[0])
			}
			for i := range 3 {
				_, err := c.createToken(t.Context(), user, "")
				atLimit(err, i == 2, want[1])
				_, err = c.createSecretKey(t.Context(), user, "")
				atLimit(err, i == 2, want[2])
			}
			snap := e.User(user)
			if len(snap.APIKeys) != 3 || len(snap.AuthTokens) != 2 || len(snap.CustomerSecretKeys) != 2 {
				t.Errorf("the user has %+v", snap)
			}
		})
	}
}

func atLimit(t testing.TB, err error, full bool, status int, code string) {
	t.Helper()
	if full {
		refused(t, err, status, code)
	} else if err != nil {
		t.Fatalf("below the limit: %v", err)
	}
}

func TestOnlyRSAPublicKeysOf2048BitsInPEMAreAccepted(t *testing.T) {
	e := ociemu.New(t, ociemu.Calm())
	user, c := e.AddUser("jane"), asFunction(t, e)
	spki := func(key any) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY",
			Bytes: must[[]byte](t)(x509.MarshalPKIXPublicKey(key))}))
	}
	t.Setenv("GODEBUG", "rsa1024min=0")
	short := must[*rsa.PrivateKey](t)(rsa.GenerateKey(rand.Reader, 1024))
	elliptic := must[*ecdsa.PrivateKey](t)(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	rsaKey := testKeys()[0]
	_, private := newKeyPair(t, 0)
	for name, key := range map[string]string{
		"an elliptic key": spki(elliptic.Public()), "1024 bits": spki(short.Public()),
		"broken": "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
	} {
		_, err := c.uploadKey(t.Context(), user, key)
		t.Run(name, func(t *testing.T) { refused(t, err, 400, "InvalidParameter") })
	}
	for name, key := range map[string]string{
		"empty": "", "no PEM": "hello", "a private key": string(private),
		"OpenSSH": "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQ== jane@laptop",
		"PKCS 1": string(pem.EncodeToMemory(&pem.Block{Type: "RSA PUBLIC KEY",
			Bytes: x509.MarshalPKCS1PublicKey(&rsaKey.PublicKey)})),
		"another label": strings.ReplaceAll(spki(rsaKey.Public()), "PUBLIC KEY", "RSA PUBLIC KEY"),
	} {
		_, err := c.uploadKey(t.Context(), user, key)
		t.Run(name, func(t *testing.T) {
			refused(t, err, 400, "IdcsConversionError")
			if !strings.Contains(err.Error(), "Invalid public key header or footer.") {
				t.Errorf("the refusal says %v", err)
			}
		})
	}
	got := must[identity.UploadApiKeyResponse](t)(c.uploadKey(t.Context(), user, spki(rsaKey.Public())))
	if !regexp.MustCompile(`^([0-9a-f]{2}:){15}[0-9a-f]{2}$`).MatchString(*got.Fingerprint) {
		t.Errorf("got fingerprint %s", *got.Fingerprint)
	}
	if want := e.Tenancy() + "/" + user + "/" + *got.Fingerprint; *got.KeyId != want {
		t.Errorf("got key id %s, want %s", *got.KeyId, want)
	}
}

func TestAKeyThatTheUserHasAlreadyIsRefused(t *testing.T) {
	for answer, want := range map[ociemu.DuplicateKeyAnswer]struct {
		status int
		code   string
	}{"": {409, "Conflict"}, ociemu.DuplicateKeyConflict: {409, "Conflict"}, ociemu.DuplicateKeyInvalidParameter: {400,
		"InvalidParameter"}} {
		opts := ociemu.Calm()
		opts.Answers.DuplicateKey = answer
		e := ociemu.New(t, opts)
		jane, bob, c := e.AddUser("jane"), e.AddUser("bob"), asFunction(t, e)
		public, _ := newKeyPair(t, 0)
		must[identity.UploadApiKeyResponse](t)(c.uploadKey(t.Context(), jane, public))
		_, err := c.uploadKey(t.Context(), jane, public)
		refused(t, err, want.status, want.code)
		must[identity.UploadApiKeyResponse](t)(c.uploadKey(t.Context(), bob, public))
	}
}

func TestANewCredentialIsRefusedUntilBothItsTimeAndItsRejectionsAreOver(t *testing.T) {
	now := newClock()
	e := ociemu.New(t, ociemu.Options{Now: now.Now, Visibility: time.Second, VisibilityRejects: 2})
	user, c := e.AddUser("jane"), asFunction(t, e)
	public, private := newKeyPair(t, 0)
	key := must[identity.UploadApiKeyResponse](t)(c.uploadKey(t.Context(), user, public))
	token := must[identity.CreateAuthTokenResponse](t)(c.createToken(t.Context(), user, ""))
	secretKey := must[identity.CreateCustomerSecretKeyResponse](t)(c.createSecretKey(t.Context(), user, ""))
	if key.LifecycleState != identity.ApiKeyLifecycleStateCreating {
		t.Errorf("a new key is %s, want CREATING", key.LifecycleState)
	}
	try := map[string]func() int{
		"API key":             func() int { return e.TryAPIKey(user, private) },
		"auth token":          func() int { return e.TryAuthToken(user, *token.Token) },
		"customer secret key": func() int { return e.TryCustomerSecretKey(*secretKey.Id, *secretKey.Key) },
	}
	expect := func(when string, accepted bool) {
		t.Helper()
		for kind, status := range try {
			if got := status(); (got == 200) != accepted {
				t.Errorf("%s: the %s is answered %d", when, kind, got)
			}
		}
	}
	expect("at once, first use", false)
	expect("at once, second use", false)
	expect("rejections over, time not", false)
	now.Advance(time.Second)
	expect("both over", true)
	listed := must[identity.ListApiKeysResponse](t)(c.identity.ListApiKeys(t.Context(),
		identity.ListApiKeysRequest{UserId: &user}))
	if got := listed.Items[0].LifecycleState; got != identity.ApiKeyLifecycleStateActive {
		t.Errorf("the key is %s, want ACTIVE", got)
	}
}

func TestByDefaultTheFirstUseOfANewCredentialIsAlwaysRefused(t *testing.T) {
	now := newClock()
	e := ociemu.New(t, ociemu.Options{Now: now.Now})
	user, c := e.AddUser("jane"), asFunction(t, e)
	token := must[identity.CreateAuthTokenResponse](t)(c.createToken(t.Context(), user, ""))
	now.Advance(time.Minute)
	if first, second := e.TryAuthToken(user, *token.Token), e.TryAuthToken(user, *token.Token); first != 401 ||
		second != 200 {
		t.Errorf("the uses are answered %d and %d, want 401 and 200", first, second)
	}
}

func TestADeletedCredentialIsRefusedAtOnce(t *testing.T) {
	for _, want := range []int{204, 200} {
		opts := ociemu.Calm()
		opts.Answers.DeleteStatus = want
		e := ociemu.New(t, opts)
		user, c := e.AddUser("jane"), asFunction(t, e)
		print, private := e.AddAPIKey(user)
		tokenID, token := e.AddAuthToken(user, "x")
		accessKey, secretKey := e.AddCustomerSecretKey(user, "x")
		if a, b, c := e.TryAPIKey(user, private), e.TryAuthToken(user, token), e.TryCustomerSecretKey(accessKey,
			secretKey); a != 200 || b != 200 || c != 200 {
			t.Fatalf("seeded credentials are answered %d, %d, %d", a, b, c)
		}
		got := must[identity.DeleteApiKeyResponse](t)(c.identity.DeleteApiKey(t.Context(),
			identity.DeleteApiKeyRequest{UserId: &user, Fingerprint: &print}))
		if got.RawResponse.StatusCode != want {
			t.Errorf("the delete is answered %d, want %d", got.RawResponse.StatusCode, want)
		}
		must[identity.DeleteAuthTokenResponse](t)(c.identity.DeleteAuthToken(t.Context(),
			identity.DeleteAuthTokenRequest{UserId: &user, AuthTokenId: &tokenID}))
		must[identity.DeleteCustomerSecretKeyResponse](t)(c.identity.DeleteCustomerSecretKey(t.Context(),
			identity.DeleteCustomerSecretKeyRequest{UserId: &user, CustomerSecretKeyId: &accessKey}))
		if a, b, c := e.TryAPIKey(user, private), e.TryAuthToken(user, token), e.TryCustomerSecretKey(accessKey,
			secretKey); a != 401 || b != 401 || c != 403 {
			t.Errorf("deleted credentials are answered %d, %d, %d, want 401, 401, 403", a, b, c)
		}
		_, err := c.identity.DeleteApiKey(t.Context(), identity.DeleteApiKeyRequest{UserId: &user, Fingerprint: &print})
		refused(t, err, 404, "NotAuthorizedOrNotFound")
	}
}

func TestAStaleEtagRefusesUpdatesAndDeletesOfCredentials(t *testing.T) {
	e := ociemu.New(t, ociemu.Calm())
	user, c := e.AddUser("jane"), asFunction(t, e)
	made := must[identity.CreateAuthTokenResponse](t)(c.createToken(t.Context(), user, "one"))
	rename := func(to string, etag *string) (identity.UpdateAuthTokenResponse, error) {
		return c.identity.UpdateAuthToken(t.Context(), identity.UpdateAuthTokenRequest{
			UserId: &user, AuthTokenId: made.Id, IfMatch: etag, UpdateAuthTokenDetails: identity.UpdateAuthTokenDetails{
				Description: &to},
		})
	}
	fresh := must[identity.UpdateAuthTokenResponse](t)(rename("two", made.Etag))
	_, err := rename("three", made.Etag)
	refused(t, err, 412, "NoEtagMatch")
	_, err = c.identity.DeleteAuthToken(t.Context(), identity.DeleteAuthTokenRequest{UserId: &user,
		AuthTokenId: made.Id, IfMatch: made.Etag})
	refused(t, err, 412, "NoEtagMatch")
	must[identity.DeleteAuthTokenResponse](t)(c.identity.DeleteAuthToken(t.Context(), identity.DeleteAuthTokenRequest{
		UserId: &user, AuthTokenId: made.Id, IfMatch: fresh.Etag,
	}))

	key := must[identity.CreateCustomerSecretKeyResponse](t)(c.createSecretKey(t.Context(), user, "one"))
	named := must[identity.UpdateCustomerSecretKeyResponse](t)(c.identity.UpdateCustomerSecretKey(t.Context(),
		identity.UpdateCustomerSecretKeyRequest{
			UserId: &user, CustomerSecretKeyId: key.Id,
			UpdateCustomerSecretKeyDetails: identity.UpdateCustomerSecretKeyDetails{DisplayName: common.String("two")},
		}))
	if *named.DisplayName != "two" {
		t.Errorf("the key is called %s", *named.DisplayName)
	}
	_, err = c.identity.DeleteCustomerSecretKey(t.Context(), identity.DeleteCustomerSecretKeyRequest{
		UserId: &user, CustomerSecretKeyId: key.Id, IfMatch: key.Etag,
	})
	refused(t, err, 412, "NoEtagMatch")
}

func TestValuesAreReturnedOnceAndNeverListed(t *testing.T) {
	e := ociemu.New(t, ociemu.Calm())
	user, c := e.AddUser("jane"), asFunction(t, e)
	e.AddAuthToken(user, "seeded")
	e.AddCustomerSecretKey(user, "seeded")
	tokens := must[identity.ListAuthTokensResponse](t)(c.identity.ListAuthTokens(t.Context(),
		identity.ListAuthTokensRequest{UserId: &user}))
	if len(tokens.Items) != 1 || tokens.Items[0].Token != nil || *tokens.Items[0].Description != "seeded" {
		t.Errorf("got tokens %v", tokens.Items)
	}
	keys := must[identity.ListCustomerSecretKeysResponse](t)(c.identity.ListCustomerSecretKeys(t.Context(),
		identity.ListCustomerSecretKeysRequest{UserId: &user}))
	if len(keys.Items) != 1 || *keys.Items[0].DisplayName != "seeded" || len(*keys.Items[0].Id) != 40 {
		t.Errorf("got keys %v", keys.Items)
	}
}

func TestAPasswordResetReplacesThePasswordAndReturnsTheNewOne(t *testing.T) {
	now := newClock()
	opts := ociemu.Calm()
	opts.Now = now.Now
	e := ociemu.New(t, opts)
	user, c := e.AddUser("jane"), asFunction(t, e)
	info := func() (identity.GetUserUIPasswordInformationResponse, error) {
		return c.identity.GetUserUIPasswordInformation(t.Context(), identity.GetUserUIPasswordInformationRequest{
			UserId: &user})
	}
	_, err := info()
	refused(t, err, 404, "NotAuthorizedOrNotFound")
	e.SetCreatedOffset(-100 * 24 * time.Hour)
	old := e.SetPassword(user)
	e.SetCreatedOffset(0)
	if got := must[identity.GetUserUIPasswordInformationResponse](t)(info()); now.Now().Sub(
		got.TimeCreated.Time) < 99*24*time.Hour {
		t.Errorf("the old password is from %s", got.TimeCreated)
	}
	got := must[identity.CreateOrResetUIPasswordResponse](t)(c.identity.CreateOrResetUIPassword(t.Context(),
		identity.CreateOrResetUIPasswordRequest{UserId: &user}))
	works := map[string]bool{}
	e.OnChange(func(v ociemu.View) {
		works["old"], works["new"] = v.Works("password", user, old), v.Works("password", user, *got.Password)
	})
	e.AddUser("anybody") // a change
	if works["old"] || !works["new"] {
		t.Errorf("passwords that work: %v, want only the new one", works)
	}
}

func TestUsersAreListedPageByPageInABareArray(t *testing.T) {
	e := ociemu.New(t, ociemu.Options{})
	c := asFunction(t, e)
	for i := range 5 {
		e.AddUser(fmt.Sprintf("user-%d", i))
	}
	var names []string
	var page *string
	for range 5 {
		got := must[identity.ListUsersResponse](t)(c.identity.ListUsers(t.Context(), identity.ListUsersRequest{
			CompartmentId: common.String(e.Tenancy()), Limit: common.Int(100), Page: page,
		}))
		if len(got.Items) > 2 {
			t.Fatalf("a page has %d items, want at most 2", len(got.Items))
		}
		for _, u := range got.Items {
			names = append(names, *u.Name)
		}
		page = got.OpcNextPage
		if page == nil {
			break
		}
	}
	if got := strings.Join(names, " "); got != "user-0 user-1 user-2 user-3 user-4" {
		t.Errorf("got %s", got)
	}
	_, err := c.identity.ListUsers(t.Context(), identity.ListUsersRequest{CompartmentId: common.String(e.Tenancy()),
		Page: common.String("guess")})
	refused(t, err, 400, "InvalidParameter")
	named := must[identity.ListUsersResponse](t)(c.identity.ListUsers(t.Context(), identity.ListUsersRequest{
		CompartmentId: common.String(e.Tenancy()), Name: common.String("user-3"),
	}))
	if len(named.Items) != 1 || *named.Items[0].Name != "user-3" {
		t.Errorf("the filter by name returns %v", named.Items)
	}
}

func TestTheTenancyAndItsRegionsNameTheHomeRegion(t *testing.T) {
	e := ociemu.New(t, ociemu.Options{HomeRegion: "eu-frankfurt-1"})
	c := asFunction(t, e)
	tenancy := must[identity.GetTenancyResponse](t)(c.identity.GetTenancy(t.Context(),
		identity.GetTenancyRequest{TenancyId: common.String(e.Tenancy())}))
	if *tenancy.HomeRegionKey != "FRA" {
		t.Errorf("the home region key is %s", *tenancy.HomeRegionKey)
	}
	regions := must[identity.ListRegionSubscriptionsResponse](t)(c.identity.ListRegionSubscriptions(t.Context(),
		identity.ListRegionSubscriptionsRequest{TenancyId: common.String(e.Tenancy())}))
	home := 0
	for _, r := range regions.Items {
		if *r.IsHomeRegion {
			home++
			if *r.RegionName != "eu-frankfurt-1" || *r.RegionKey != "FRA" {
				t.Errorf("the home region is %v", r)
			}
		}
	}
	if home != 1 || len(regions.Items) < 3 {
		t.Errorf("got regions %v", regions.Items)
	}
}
