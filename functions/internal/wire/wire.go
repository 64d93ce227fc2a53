// Package wire joins the packages into what both functions share.
package wire

import (
	"context"
	"io"

	"github.com/rs/zerolog"

	"github.com/keyturn/keyturn/pkg/clock"
	"github.com/keyturn/keyturn/pkg/config"
	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/fn"
	"github.com/keyturn/keyturn/pkg/oci"
	"github.com/keyturn/keyturn/pkg/responder"
	"github.com/keyturn/keyturn/pkg/rotation"
)

// Start reads the configuration and makes the function's logger. The error is a *config.Error: a configuration that is
// refused is one log line with all its faults, and for Preflight to deal with. The process stays up, since one that ends
// at its start could tell nobody why.
func Start(function string, environ []string, out io.Writer) (zerolog.Logger, config.Config, error) {
	log := zerolog.New(out).With().Timestamp().Str("function", function).Logger()
	cfg, err := config.Read(environ)
	if err != nil {
		log.WithLevel(zerolog.FatalLevel).Err(err).Msg("the configuration is refused")
		return log.Level(zerolog.InfoLevel), cfg, err
	}
	level, err := zerolog.ParseLevel(cfg.LogLevel)
	if err != nil { // config has checked it
		level = zerolog.InfoLevel
	}
	return log.Level(level), cfg, nil
}

// Log gives the context a logger with the invocation's call id.
func Log(ctx context.Context, log zerolog.Logger) context.Context {
	l := log.With().Str("call_id", fn.CallID(ctx)).Logger()
	return l.WithContext(ctx)
}

// Responder is what answers a problem, on real services.
func Responder(cfg config.Config, cloud *oci.Cloud) *responder.Responder {
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
	return &responder.Responder{Config: cfg, Problems: cloud, Directory: cloud, Secrets: cloud.Vault(), Notifier: cloud,
		Rotator: engine, Clock: clock.System{}}
}
