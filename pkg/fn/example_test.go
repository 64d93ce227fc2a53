package fn_test

import (
	"context"
	"os"

	"github.com/rs/zerolog"

	"github.com/keyturn/keyturn/pkg/fn"
)

// A main package serves one Func. An error fails the invocation, and the platform counts it.
func ExampleServe() {
	log := zerolog.New(os.Stderr)
	fn.Serve(log, func(ctx context.Context, event []byte) (any, error) {
		return map[string]int{"bytes": len(event)}, ctx.Err()
	})
}
