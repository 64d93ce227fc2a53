// Command rotate is the OCI Function that rotates one credential for one closed Cloud Guard problem. An Events rule
// on com.oraclecloud.cloudguard.problemremediated starts it; it answers with the outcome as JSON.
package main

import (
	"context"
	"os"

	"github.com/rs/zerolog"

	"github.com/keyturn/keyturn/pkg/clock"
	"github.com/keyturn/keyturn/pkg/config"
	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/fn"
	"github.com/keyturn/keyturn/pkg/oci"
	"github.com/keyturn/keyturn/pkg/responder"
	"github.com/keyturn/keyturn/pkg/rotation"
)

func main() {
	log := zerolog.New(os.Stderr).With().Timestamp().Str("function", "rotate").Logger()
	cfg, err := config.Read(os.Environ())
	if err != nil {
		log.Fatal().Err(err).Msg("the configuration is refused")
	}
	level, err := zerolog.ParseLevel(cfg.LogLevel)
	if err != nil {
		log.Fatal().Err(err).Msg("the configuration is refused")
	}
	log = log.Level(level)
	fn.Serve(log, handler(log, cfg, oci.New()))
}

// handler joins the packages: what answers one invocation.
func handler(log zerolog.Logger, cfg config.Config, cloud *oci.Cloud) fn.Func {
	engine := &rotation.Engine{
		Issuers: map[credential.Kind]rotation.Issuer{},
		Vault:   cloud.Vault(),
		Prover:  cloud.Prover(),
		Clock:   clock.System{},
		Prove:   rotation.ProveMode(cfg.Prove),
		RSABits: cfg.RSABits,
	}
	for _, kind := range credential.Kinds() {
		engine.Issuers[kind] = cloud.Issuer(kind)
	}
	r := &responder.Responder{Config: cfg, Problems: cloud, Directory: cloud, Secrets: cloud.Vault(), Notifier: cloud,
		Rotator: engine, Clock: clock.System{}}
	return func(ctx context.Context, in []byte) (any, error) {
		cloud.Fresh()
		log := log.With().Str("call_id", fn.CallID(ctx)).Logger()
		return r.Respond(log.WithContext(ctx), fn.CallID(ctx), in)
	}
}
