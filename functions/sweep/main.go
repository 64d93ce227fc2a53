// Command sweep is the OCI Function that finishes interrupted work. A schedule starts it. It ignores its input, unless
// that asks for a preflight, and answers with a digest as JSON.
package main

import (
	"context"
	"os"

	"github.com/rs/zerolog"

	"github.com/keyturn/keyturn/functions/internal/app"
	"github.com/keyturn/keyturn/pkg/clock"
	"github.com/keyturn/keyturn/pkg/config"
	"github.com/keyturn/keyturn/pkg/fn"
	"github.com/keyturn/keyturn/pkg/oci"
	"github.com/keyturn/keyturn/pkg/sweep"
)

func main() {
	log, cfg, refused := app.Start("sweep", os.Environ(), os.Stderr)
	fn.Serve(log, app.Preflight("sweep", log, cfg, refused, handler(log, cfg, app.Cloud(cfg))))
}

func handler(log zerolog.Logger, cfg config.Config, cloud *oci.Cloud) fn.Func {
	// The sweep sends the metrics of all its rotations together, so its responder has no meter.
	engine := app.Engine(cfg, cloud)
	s := &sweep.Sweeper{Config: cfg, Inventory: cloud, Vault: cloud.Vault(),
		Responder: app.Responder(cfg, cloud, engine, nil), Collector: engine, Notifier: cloud, Directory: cloud,
		Keeper: cloud.Vault(), Channels: app.Channels(cfg, cloud, "sweep"),
		Meter: app.Meter(cfg, cloud, "sweep"), Clock: clock.System{}}
	if cfg.ReportBucket != "" {
		s.Evidence = cloud
	}
	return func(ctx context.Context, _ []byte) (any, error) {
		cloud.Fresh()
		return s.Run(app.Log(ctx, log), fn.CallID(ctx))
	}
}
