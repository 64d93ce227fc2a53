package examples_test

import (
	"context"
	"flag"
	"fmt"
	"os"

	"github.com/oracle/oci-go-sdk/v65/common"
	"github.com/oracle/oci-go-sdk/v65/identity"
	"github.com/oracle/oci-go-sdk/v65/secrets"
	"github.com/oracle/oci-go-sdk/v65/vault"
)

// play runs this test binary as a fake program.
func play(name string, args []string) int {
	if name == "sdk" && len(args) == 2 {
		return playSDK(args[0], args[1])
	}
	if len(args) > 2 && args[0] == "vault" {
		return playVault(args)
	}
	return playOCI(args)
}

// playVault is `oci vault secret get`, with its real options. Source: services/vault/src/oci_cli_vault/generated/
// vault_cli.py in oracle/oci-cli.
func playVault(args []string) int {
	const query = `data."current-version-number"`
	flags := flag.NewFlagSet("oci", flag.ContinueOnError)
	id := flags.String("secret-id", "", "")
	asked := flags.String("query", "", "")
	raw := flags.Bool("raw-output", false, "")
	if args[1] != "secret" || args[2] != "get" || flags.Parse(args[3:]) != nil || flags.NArg() > 0 || *id == "" ||
		*asked != query || !*raw {
		fmt.Fprintln(os.Stderr, "Usage: oci vault secret get --secret-id ID --query '"+query+"' --raw-output")
		return 2
	}
	provider, err := common.ConfigurationProviderFromFile(os.Getenv("OCI_CLI_CONFIG_FILE"), "")
	if err == nil {
		var client vault.VaultsClient
		client, err = vault.NewVaultsClientWithConfigurationProvider(provider)
		if err == nil {
			err = printNumber(context.Background(), client, *id)
		}
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "ServiceError:\n%v\n", err)
		return 1
	}
	return 0
}

func printNumber(ctx context.Context, client vault.VaultsClient, id string) error {
	never := common.NoRetryPolicy()
	answer, err := client.GetSecret(ctx, vault.GetSecretRequest{SecretId: &id, RequestMetadata: common.RequestMetadata{
		RetryPolicy: &never}})
	if err == nil {
		fmt.Println(*answer.CurrentVersionNumber)
	}
	return err
}

// playSDK signs in with a configuration file and ends.
func playSDK(config, user string) int {
	provider, err := common.ConfigurationProviderFromFile(config, "")
	if err == nil {
		var client identity.IdentityClient
		client, err = identity.NewIdentityClientWithConfigurationProvider(provider)
		if err == nil {
			err = getUser(context.Background(), client, user)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func getUser(ctx context.Context, client identity.IdentityClient, user string) error {
	never := common.NoRetryPolicy()
	_, err := client.GetUser(ctx, identity.GetUserRequest{UserId: &user, RequestMetadata: common.RequestMetadata{
		RetryPolicy: &never}})
	return err
}

// playOCI is the only command of the OCI CLI that the scripts use, with its real options: `oci secrets secret-bundle
// get`. Source: services/secrets/src/oci_cli_secrets/generated/secrets_cli.py in oracle/oci-cli; --query and
// --raw-output belong to all commands.
func playOCI(args []string) int {
	const query = `data."secret-bundle-content".content`
	flags := flag.NewFlagSet("oci", flag.ContinueOnError)
	id := flags.String("secret-id", "", "")
	stage := flags.String("stage", "", "")
	asked := flags.String("query", "", "")
	raw := flags.Bool("raw-output", false, "")
	if len(args) < 3 || args[0] != "secrets" || args[1] != "secret-bundle" || args[2] != "get" ||
		flags.Parse(args[3:]) != nil ||
		flags.NArg() > 0 || *id == "" || *asked != query || !*raw {
		fmt.Fprintln(os.Stderr, "Usage: oci secrets secret-bundle get --secret-id ID --stage STAGE --query '"+query+
			"' --raw-output")
		return 2
	}
	content, err := bundleContent(*id, *stage)
	if err != nil {
		fmt.Fprintf(os.Stderr, "ServiceError:\n%v\n", err)
		return 1
	}
	fmt.Println(content)
	return 0
}

func bundleContent(id, stage string) (string, error) {
	provider, err := common.ConfigurationProviderFromFile(os.Getenv("OCI_CLI_CONFIG_FILE"), "")
	if err != nil {
		return "", fmt.Errorf("reading the configuration: %w", err)
	}
	client, err := secrets.NewSecretsClientWithConfigurationProvider(provider)
	if err != nil {
		return "", fmt.Errorf("making the client: %w", err)
	}
	never := common.NoRetryPolicy()
	request := secrets.GetSecretBundleRequest{SecretId: &id, RequestMetadata: common.RequestMetadata{
		RetryPolicy: &never}}
	if stage != "" {
		mapped, known := secrets.GetMappingGetSecretBundleStageEnum(stage)
		if !known {
			return "", fmt.Errorf("no stage %s", stage)
		}
		request.Stage = mapped
	}
	answer, err := client.GetSecretBundle(context.Background(), request)
	if err != nil {
		return "", fmt.Errorf("reading the secret: %w", err)
	}
	content, ok := answer.SecretBundleContent.(secrets.Base64SecretBundleContentDetails)
	if !ok || content.Content == nil {
		return "", fmt.Errorf("the content is %T", answer.SecretBundleContent)
	}
	return *content.Content, nil
}
