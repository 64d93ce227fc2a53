// Command rotate is the OCI Function that rotates one credential for one closed Cloud Guard problem. An Events rule for
// com.oraclecloud.cloudguard.problemremediated starts it. It answers with the outcome as JSON.
package main

import (
	"context"
	"os"

	"github.com/keyturn/keyturn/functions/internal/app"
	"github.com/keyturn/keyturn/pkg/fn"
)

func main() {
	log, cfg, refused := app.Start("rotate", os.Environ(), os.Stderr)
	cloud := app.Cloud(cfg)
	r := app.Responder(cfg, cloud, app.Engine(cfg, cloud), app.Meter(cfg, cloud, "rotate"))
	r.Channels = app.Channels(cfg, cloud, "rotate")
	fn.Serve(log, app.Preflight("rotate", log, cfg, refused, func(ctx context.Context, in []byte) (any, error) {
		cloud.Fresh()
		return r.Respond(app.Log(ctx, log), fn.CallID(ctx), in)
	}))
}
