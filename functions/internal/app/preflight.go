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
	"github.com/keyturn/keyturn/pkg/oci"
	"github.com/keyturn/keyturn/pkg/preflight"
)

// Preflight answers the invocations that ask for a preflight, and hands all others on to the function; if its
// configuration was refused, it fails them with that reason, so that nothing is touched and the platform counts them.
// Then nobody is called but for the preflight, which knows of which faults that mustn't be either: no trace is sent.
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

// checks runs one preflight, on connections of its own: nothing that an earlier invocation has learned may stand in for
// an answer.
func checks(ctx context.Context, function string, cfg config.Config, refused error,
	r preflight.Request) preflight.Answer {
	cloud := oci.New()
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
