package ociemu_test

import (
	"context"
	"fmt"

	"github.com/oracle/oci-go-sdk/v65/common"
	"github.com/oracle/oci-go-sdk/v65/identity"

	"github.com/keyturn/keyturn/test/ociemu"
)

// An operator lists a user's auth tokens with Oracle's SDK.
func Example() {
	emulator, err := ociemu.Start(ociemu.Calm())
	if err != nil {
		fmt.Println(err)
		return
	}
	defer emulator.Close()
	user := emulator.AddUser("web@example.com")
	emulator.AddAuthToken(user, "for the registry")

	o := emulator.AddOperator("ann@example.com")
	client, err := identity.NewIdentityClientWithConfigurationProvider(
		common.NewRawConfigurationProvider(o.TenancyID, o.UserID, o.Region, o.Fingerprint, string(o.PrivatePEM), nil))
	if err != nil {
		fmt.Println(err)
		return
	}
	client.HTTPClient = emulator.Client()
	tokens, err := client.ListAuthTokens(context.Background(), identity.ListAuthTokensRequest{UserId: &user})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(len(tokens.Items), "auth token of web@example.com")
	// Output: 1 auth token of web@example.com
}

// The identity domain refuses a call after its effect: the client gets no token, but the user has one.
func ExampleEmulator_Inject() {
	emulator, err := ociemu.Start(ociemu.Calm())
	if err != nil {
		fmt.Println(err)
		return
	}
	defer emulator.Close()
	emulator.Inject(ociemu.Fault{Operation: "CreateAuthToken", When: ociemu.After, Do: ociemu.DomainUnauthorized})

	user := emulator.AddUser("web@example.com")
	o := emulator.AddOperator("ann@example.com")
	client, err := identity.NewIdentityClientWithConfigurationProvider(
		common.NewRawConfigurationProvider(o.TenancyID, o.UserID, o.Region, o.Fingerprint, string(o.PrivatePEM), nil))
	if err != nil {
		fmt.Println(err)
		return
	}
	client.HTTPClient = emulator.Client()
	_, err = client.CreateAuthToken(context.Background(), identity.CreateAuthTokenRequest{UserId: &user,
		CreateAuthTokenDetails: identity.CreateAuthTokenDetails{Description: common.String("for the registry")}})
	if failure, ok := common.IsServiceError(err); ok {
		fmt.Println(failure.GetHTTPStatusCode(), failure.GetCode())
	}
	fmt.Println(len(emulator.User(user).AuthTokens), "auth token")
	// Output:
	// 401 IdcsConversionError
	// 1 auth token
}
