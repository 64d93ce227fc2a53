package app

import (
	"context"
	"errors"
	"fmt"

	"github.com/rs/zerolog"

	"github.com/keyturn/keyturn/pkg/clock"
	"github.com/keyturn/keyturn/pkg/config"
	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/fn"
	"github.com/keyturn/keyturn/pkg/preflight"
)

// Preflight answers invocations that ask for a preflight, and passes all others to then. If the configuration was
// refused, it fails all others with that reason and sends no trace. Only the preflight makes calls then, unless a fault
// is unsafe (see config.Fault).
func Preflight(function string, log zerolog.Logger, cfg config.Config, refused error, then fn.Func) fn.Func {
	return func(ctx context.Context, in []byte) (any, error) {
		Trust()
		if refused != nil {
			fn.Untraced(ctx)
		}
		if r, ok := preflight.Asked(in); ok {
			return checks(Log(ctx, log), function, cfg, refused, r), nil
		}
		if refused != nil {
			return nil, fmt.Errorf("the configuration is refused: %w", refused)
		}
		return then(ctx, in)
	}
}

// checks runs one preflight with a new Cloud, so that no answer comes from an earlier invocation.
func checks(ctx context.Context, function string, cfg config.Config, refused error,
	r preflight.Request) preflight.Answer {
	cloud := Cloud(cfg)
	defer cloud.Close()
	p := &preflight.Preflight{Function: function, Config: cfg, Cloud: cloud, Secrets: cloud.Vault(),
		Issuers: map[credential.Kind]preflight.Issuer{},
		Clock:   clock.System{}}
	if faults, ok := errors.AsType[*config.Error](refused); ok {
		p.Refused = faults
	}
	for _, kind := range credential.Kinds() {
		p.Issuers[kind] = cloud.Issuer(kind)
	}
	return p.Run(ctx, r)
}
