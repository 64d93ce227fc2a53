// Command ociemu runs the OCI emulator with a small tenancy until it is interrupted.
//
// It prints shell assignments for eval to standard output: the environment of a function's resource principal, and the
// ids of the seeded resources as OCIEMU_ variables. Messages go to standard error. It is not for production.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/keyturn/keyturn/test/ociemu"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "ociemu:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("ociemu", flag.ContinueOnError)
	flags.SetOutput(stderr)
	addr := flags.String("addr", "127.0.0.1:0", "loopback `address` to listen on")
	region := flags.String("region", "us-ashburn-1", "region of the function and of the plain origin")
	home := flags.String("home", "us-ashburn-1", "home region")
	calm := flags.Bool("calm", false, "no delays, no refusals of new credentials, large pages")
	spread := flags.Bool("real-spread", false, "refuse new credentials for as long as users report: up to "+
		"15 minutes")
	refusals := flags.Int("domain-refusals", 0, "every `n`th call of each operation on users is refused by the "+
		"identity domain: 401 IdcsConversionError")
	lag := flags.Duration("list-lag", 0, "lag of IAM's lists of credentials")
	functionURL := flags.String("function", "", "`URL` for events of resolved problems of the "+
		"four rules")
	verbose := flags.Bool("v", false, "print one line per call on standard error")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return nil
		}
		return fmt.Errorf("reading the flags: %w", err)
	}
	opts := ociemu.Options{}
	if *calm {
		opts = ociemu.Calm()
	}
	opts.Addr, opts.Region, opts.HomeRegion, opts.DomainRefusals, opts.ListLag = *addr, *region, *home, *refusals, *lag
	if *spread {
		opts.Spread = ociemu.RealSpread()
	}
	if *verbose {
		opts.Log = slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	e, err := ociemu.Start(opts)
	if err != nil {
		return fmt.Errorf("starting: %w", err)
	}
	function := seed(e, *functionURL, stdout)
	fmt.Fprintf(stderr, "listening on %s; control routes under %s/_emulator/; not for production\n", e.URL(), e.URL())
	return errors.Join(keepFresh(ctx, function), e.Close())
}

// keepFresh renews the function's token until ctx ends, as the platform does.
func keepFresh(ctx context.Context, p ociemu.Principal) error {
	tick := time.NewTicker(5 * time.Minute)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			if err := p.Renew(); err != nil {
				return fmt.Errorf("renewing the function's token: %w", err)
			}
		}
	}
}

// seed adds a user with one old credential of each kind and an open problem for each, and prints the assignments.
func seed(e *ociemu.Emulator, functionURL string, stdout io.Writer) ociemu.Principal {
	say := func(name, value string) { fmt.Fprintf(stdout, "export %s=%s\n", name, quote(value)) }
	function := e.NewFunction("rotate", "")
	for _, pair := range e.Env(function) {
		name, value, _ := strings.Cut(pair, "=")
		say(name, value)
	}
	operator := e.AddOperator("operator")
	config := filepath.Join(filepath.Dir(e.CAFile()), "config")
	if err := os.WriteFile(config, []byte(e.Config(operator)), 0o600); err != nil {
		panic("ociemu: writing the operator's configuration: " + err.Error())
	}
	say("REQUESTS_CA_BUNDLE", e.CAFile()) // Python's SSL_CERT_FILE, for the OCI CLI
	say("OCIEMU_URL", e.URL())
	say("OCIEMU_CONFIG_FILE", config)
	say("OCI_CLI_CONFIG_FILE", config)
	say("OCIEMU_TENANCY", e.Tenancy())
	say("OCIEMU_NAMESPACE", e.Namespace())
	say("OCIEMU_FUNCTION", function.FunctionID)
	say("OCIEMU_TOPIC", e.AddTopic("secops"))

	e.SetCreatedOffset(-100 * 24 * time.Hour)
	user := e.AddUser("jane@example.com")
	print, key := e.AddAPIKey(user)
	tokenID, token := e.AddAuthToken(user, "registry")
	accessKey, secretKey := e.AddCustomerSecretKey(user, "backup")
	e.SetPassword(user)
	e.SetCreatedOffset(0)
	say("OCIEMU_USER", user)

	secret := func(variable, name, kind, content string) {
		say(variable, e.AddSecret(ociemu.SecretSeed{
			Name: name, Content: []byte(content), FreeformTags: map[string]string{"keyturn-user": user,
				"keyturn-kind": kind},
		}))
	}
	secret("OCIEMU_API_SECRET", "jane-api-key", "api-key", string(key))
	secret("OCIEMU_AUTH_SECRET", "jane-auth-token", "auth-token", token)
	secret("OCIEMU_ACCESSKEY_SECRET", "jane-access-key", "customer-secret-key", accessKey)
	secret("OCIEMU_SECRETKEY_SECRET", "jane-secret-key", "customer-secret-key", secretKey)

	image, _ := e.AddImage(ociemu.ImageSeed{Repository: "orders/export", Tag: "1.0.0"})
	say("OCIEMU_IMAGE", image)
	say("OCIEMU_VAULT", e.Vault(e.Region()))
	e.AddBucket("backups")

	problem := func(variable, rule, resource, name string) {
		say(variable, e.AddProblem(ociemu.ProblemSeed{Rule: rule, User: user, ResourceID: resource,
			ResourceName: name}))
	}
	problem("OCIEMU_API_KEY_PROBLEM", "API_KEY_TOO_OLD", e.Tenancy()+"/"+user+"/"+print, print)
	problem("OCIEMU_AUTH_TOKEN_PROBLEM", "AUTH_TOKEN_TOO_OLD", tokenID, "registry")
	problem("OCIEMU_SECRET_KEY_PROBLEM", "SECRET_KEY_TOO_OLD", accessKey, "backup")
	problem("OCIEMU_PASSWORD_PROBLEM", "PASSWORD_TOO_OLD", user, "jane@example.com")
	if functionURL != "" {
		e.AddRule(`{"eventType":["com.oraclecloud.cloudguard.problemremediated"]}`, function.FunctionID)
		e.HandleFunction(function.FunctionID, ociemu.PostTo(functionURL))
	}
	return function
}

// quote returns a word for the POSIX shell.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
