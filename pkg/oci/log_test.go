package oci_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"testing"
	"testing/synctest"

	"github.com/rs/zerolog"

	"github.com/keyturn/keyturn/pkg/fault"
	"github.com/keyturn/keyturn/pkg/trace"
)

func TestEachAttemptIsInTheLogAndInTheTraceWithItsRequestIDAndWhatFailed(t *testing.T) {
	synctest.Test(t, attempts)
}

func attempts(t *testing.T) {
	type line struct {
		Operation, Code, Class, Level string
		Status                        int
		Took                          *float64 `json:"took_ms"`
		Requests                      []string `json:"opc_request_ids"`
	}
	var log bytes.Buffer
	ctx, tree, root := trace.New(zerolog.New(&log).WithContext(t.Context()), "", "", "a rotation")
	cloud, s := offline(t, func(r *http.Request, n int) (*http.Response, error) {
		switch n {
		case 1:
			return nil, errReset
		case 2:
			return reply(r, 503, refusal("ServiceUnavailable", ""))
		}
		return reply(r, 200, `{"id":"`+secretID+`"}`)
	})
	if _, err := cloud.Vault().Secret(ctx, secretID); err != nil || len(s.asked) != 3 {
		t.Fatalf("%d requests (%v), want 3", len(s.asked), err)
	}
	root.End()
	want := []line{{Class: string(fault.Unclear)}, {Class: string(fault.Unclear), Status: 503,
		Code: "ServiceUnavailable", Requests: []string{"request-1"}}, {Requests: []string{"request-1"}}}
	lines := json.NewDecoder(&log)
	for i, w := range want {
		var got line
		if err := lines.Decode(&got); err != nil {
			t.Fatal(err)
		}
		if got.Operation != "GetSecret" || got.Level != "debug" || got.Took == nil || got.Class != w.Class ||
			got.Status != w.Status || got.Code != w.Code || len(got.Requests) != len(w.Requests) {
			t.Errorf("attempt %d is logged as %+v, want %+v", i+1, got, w)
		}
	}
	text, err := tree.Zipkin("keyturn")
	if err != nil {
		t.Fatal(err)
	}
	var spans []struct {
		Name     string
		Kind     string
		Duration int64
		Tags     map[string]string
	}
	if err := json.Unmarshal(text, &spans); err != nil || len(spans) != 4 {
		t.Fatalf("%d spans (%v), want 4", len(spans), err)
	}
	for i, w := range want {
		status := map[bool]string{true: "503", false: ""}[w.Status != 0]
		if w.Class != "" && w.Status == 0 {
			status = "0"
		}
		id := map[bool]string{true: "request-1", false: ""}[w.Requests != nil]
		if s := spans[i+1]; s.Name != "GetSecret" || s.Kind != string(trace.Client) || s.Duration == 0 ||
			s.Tags[trace.Failed] != w.Class || s.Tags["status"] != status || s.Tags[trace.RequestID] != id {
			t.Errorf("attempt %d is the span %+v", i+1, s)
		}
	}
}
