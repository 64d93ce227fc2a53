package oci_test

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/rs/zerolog"

	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/fault"
	"github.com/keyturn/keyturn/pkg/oci"
)

func TestARefusalNamesItsCallAsOCIDoes(t *testing.T) {
	for _, o := range operations() {
		cloud, _ := offline(t, always(400, refusal("InvalidParameter", "")))
		var err error
		synctest.Test(t, func(t *testing.T) { err = o.run(t.Context(), cloud) })
		if f, ok := errors.AsType[*fault.Error](err); !ok || f.Operation != o.name || f.Status != 400 {
			t.Errorf("%s: %v", o.name, err)
		}
	}
}

func TestTheContextOfARequestEndsWithItsCall(t *testing.T) {
	for _, o := range operations() {
		synctest.Test(t, func(t *testing.T) {
			var mu sync.Mutex
			var all []context.Context
			cloud, _ := offline(t, func(r *http.Request, _ int) (*http.Response, error) {
				mu.Lock()
				defer mu.Unlock()
				all = append(all, r.Context())
				return reply(r, 400, refusal("InvalidParameter", ""))
			})
			_ = o.run(t.Context(), cloud) // what matters is what was left behind
			for _, ctx := range all {
				if ctx.Err() == nil {
					t.Errorf("%s: a request's context goes on", o.name)
				}
			}
			if len(all) == 0 {
				t.Errorf("%s: nothing was asked", o.name)
			}
		})
	}
}

func TestWhatAServiceSaysIsKeptUpToALimit(t *testing.T) {
	text := func(n int) string { return strings.Repeat("x", n) }
	for n, want := range map[int]string{1: text(1), 80: text(80), 81: "", 200: ""} {
		if got := oci.Refused(400, byOCI, refusal(text(n), ""), true); got.Code != want {
			t.Errorf("of a code of %d bytes %d are kept, want %d", n, len(got.Code), len(want))
		}
	}
	for n, want := range map[int]string{1: text(1), 256: text(256), 257: "", 1000: ""} {
		id := http.Header{"Opc-Request-Id": {text(n)}}
		if got := oci.Refused(400, id, refusal("InvalidParameter", ""), true); got.RequestID != want {
			t.Errorf("of a request id of %d bytes %d are kept, want %d", n, len(got.RequestID), len(want))
		}
	}
	for n, want := range map[int]string{1: text(1), 300: text(300), 301: text(297) + "...", 5000: text(297) + "..."} {
		if got := oci.Refused(400, byOCI, refusal("InvalidParameter", text(n)), true); got.Message != want {
			t.Errorf("of a message of %d bytes %d are kept, want %d", n, len(got.Message), len(want))
		}
	}
}

func TestEachCallIsLoggedUnderItsName(t *testing.T) {
	all := operations()
	for _, kind := range []credential.Kind{"", "smtp-credential"} {
		issuer := func(c *oci.Cloud) *oci.Issuer { return c.Issuer(kind) }
		name := "credential of the kind " + string(kind)
		all = append(all,
			operation{name, "", once, func(ctx context.Context, c *oci.Cloud) error {
				_, err := issuer(c).List(ctx, user)
				return err
			}},
			operation{name, "", once, func(ctx context.Context, c *oci.Cloud) error {
				_, err := issuer(c).Create(ctx, user, credential.Draft{})
				return err
			}},
			operation{name, "", once, func(ctx context.Context, c *oci.Cloud) error {
				return issuer(c).Delete(ctx, user, "x")
			}})
	}
	for _, o := range all {
		synctest.Test(t, func(t *testing.T) {
			var log bytes.Buffer
			cloud, _ := offline(t, always(400, refusal("InvalidParameter", "")))
			// what matters is what was logged
			_ = o.run(zerolog.New(zerolog.SyncWriter(&log)).WithContext(t.Context()), cloud)
			if !strings.Contains(log.String(), `"operation":"`+o.name+`"`) {
				t.Errorf("%s is logged as %s", o.name, log.String())
			}
		})
	}
}
