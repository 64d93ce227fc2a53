// Package app builds the parts that both functions share.
package app

import (
	"context"
	"io"
	"maps"

	"github.com/rs/zerolog"

	"github.com/keyturn/keyturn/pkg/channel"
	"github.com/keyturn/keyturn/pkg/clock"
	"github.com/keyturn/keyturn/pkg/config"
	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/fn"
	"github.com/keyturn/keyturn/pkg/oci"
	"github.com/keyturn/keyturn/pkg/outcome"
	"github.com/keyturn/keyturn/pkg/responder"
	"github.com/keyturn/keyturn/pkg/rotation"
	"github.com/keyturn/keyturn/pkg/vault"
)

// Start reads the configuration and makes the function's logger. If the configuration is refused, Start logs all its
// faults in one line and returns them as a *config.Error for Preflight. The process keeps running: if it ended at its
// start, a caller would not learn the reason.
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

// Cloud returns the connections to OCI, for the identity domains of the configuration. It makes no call.
func Cloud(cfg config.Config) *oci.Cloud {
	cloud := oci.New()
	cloud.IdentityDomains = cfg.IdentityDomains
	cloud.DefaultBySCIM = cfg.DefaultBySCIM
	return cloud
}

// Log gives the context a logger with the invocation's call id.
func Log(ctx context.Context, log zerolog.Logger) context.Context {
	l := log.With().Str("call_id", fn.CallID(ctx)).Logger()
	return l.WithContext(ctx)
}

// Meter returns a meter that adds the function's name to each metric; nil if the configuration turns metrics off.
func Meter(cfg config.Config, cloud *oci.Cloud, function string) outcome.Meter {
	if !cfg.Metrics {
		return nil
	}
	return meter{cloud, function}
}

type meter struct {
	cloud    *oci.Cloud
	function string
}

// Post implements outcome.Meter.
func (m meter) Post(ctx context.Context, points []outcome.Point) error {
	named := make([]outcome.Point, len(points))
	for i, p := range points {
		p.Dimensions = maps.Clone(p.Dimensions)
		p.Dimensions["function"] = m.function
		named[i] = p
	}
	return m.cloud.Post(ctx, named)
}

// Engine returns a rotation engine for OCI.
func Engine(cfg config.Config, cloud *oci.Cloud) *rotation.Engine {
	engine := &rotation.Engine{
		Issuers: map[credential.Kind]rotation.Issuer{},
		Vault:   cloud.Vault(),
		Prover:  cloud.Prover(),
		Clock:   clock.System{},
		Prove:   cfg.Prove,
		RSABits: cfg.RSABits,
		Known:   cloud.Vault().Known,
	}
	for _, kind := range credential.Kinds() {
		engine.Issuers[kind] = cloud.Issuer(kind)
	}
	return engine
}

// Channels returns the sender of messages to other topics than that of SecOps.
func Channels(cfg config.Config, cloud *oci.Cloud, function string) *channel.Sender {
	return &channel.Sender{Config: cfg, Function: function, Topics: cloud, Meter: Meter(cfg, cloud, function),
		Clock: clock.System{}}
}

// Responder returns a responder for OCI.
func Responder(cfg config.Config, cloud *oci.Cloud, engine *rotation.Engine, m outcome.Meter) *responder.Responder {
	return &responder.Responder{Config: cfg, Problems: cloud, Directory: cloud, Secrets: cloud.Vault(),
		Facts:    facts{cloud, cloud.Vault()},
		Notifier: cloud, Meter: m, Rotator: engine, Clock: clock.System{}}
}

// facts implements responder.Facts.
type facts struct {
	*oci.Cloud
	vault *oci.Vault
}

// Summary implements responder.Facts.
func (f facts) Summary(ctx context.Context, id string, compartments []string) (vault.Secret, bool, error) {
	return f.vault.Summary(ctx, id, compartments)
}
