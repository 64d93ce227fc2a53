package app_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/keyturn/keyturn/functions/internal/app"
	"github.com/keyturn/keyturn/pkg/config"
	"github.com/keyturn/keyturn/pkg/fn"
	"github.com/keyturn/keyturn/pkg/preflight"
	"github.com/keyturn/keyturn/pkg/rotation"
)

func TestWithARefusedConfigurationOnlyAPreflightSucceeds(t *testing.T) {
	for _, refuse := range []bool{false, true} {
		environ := []string{"ons_topic=ocid1.onstopic.oc1.iad.aaaaaaaatopic"}
		if refuse {
			environ = append(environ, "OCI_GO_SDK_DEBUG=info", "prove=maybe")
		}
		var out bytes.Buffer
		log, cfg, refused := app.Start("rotate", environ, &out)
		if _, faulty := errors.AsType[*config.Error](refused); faulty != refuse ||
			strings.Contains(out.String(), "prove") != refuse {
			t.Fatalf("refused: %v; logged: %s", refused, &out)
		}
		begun := 0
		f := app.Preflight("rotate", log, cfg, refused, func(context.Context, []byte) (any, error) {
			begun++
			return "done", nil
		})
		answer, err := f(t.Context(), []byte(`{"eventType":"x"}`))
		if refuse && (err == nil || !strings.Contains(err.Error(), `prove is "maybe"`) || begun != 0) || !refuse &&
			(answer != "done" || begun != 1) {
			t.Errorf("refused: %v; an event is answered %v, %v", refuse, answer, err)
		}
		if !refuse {
			continue // a preflight would call OCI
		}
		answer, err = f(t.Context(), []byte(`{"keyturn":"preflight"}`))
		text, broken := json.Marshal(answer)
		if err != nil || broken != nil || begun != 0 || !strings.Contains(string(text), `"preflight":"failed"`) ||
			strings.Count(string(text), `"check":"configuration","result":"failed"`) != 2 {
			t.Errorf("a preflight is answered %s, %v", text, err)
		}
	}
}

func TestNothingIsSentInAnUnsafeEnvironment(t *testing.T) {
	for _, variable := range []string{"OCI_GO_SDK_DEBUG=info", "OCI_DEFAULT_REALM=example.com",
		"X=\n-----BEGIN CERTIFICATE-----\n",
		"OCI_DEVELOPER_TOOL_CONFIGURATION_FILE_PATH=/tmp/regions.json"} {
		log, cfg, refused := app.Start("rotate", []string{"ons_topic=ocid1.onstopic.oc1.iad.aaaaaaaatopic", variable},
			io.Discard)
		answer, err := app.Preflight("rotate", log, cfg, refused, nil)(t.Context(),
			[]byte(`{"keyturn":"preflight","mail":"yes"}`))
		if err != nil {
			t.Fatal(err)
		}
		a := answer.(preflight.Answer)
		for _, c := range a.Checks {
			if c.Check != "configuration" && (c.Result != preflight.Unknown || !strings.Contains(c.Found,
				"nothing is asked") && !strings.Contains(c.Found, "it waits for the check configuration")) {
				t.Errorf("%q: %+v", variable, c)
			}
		}
		if len(a.Checks) < 3 {
			t.Errorf("%q: %+v", variable, a.Checks)
		}
	}
}

func TestTheTracesOfAnInvocationAreLeftAloneForLongerThanItsTimeLimit(t *testing.T) {
	if rotation.MakerLife <= fn.MaxLife {
		t.Errorf("left alone for %v, but an invocation may live %v", rotation.MakerLife, fn.MaxLife)
	}
}
