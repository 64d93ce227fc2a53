package oci_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/oracle/oci-go-sdk/v65/common"

	"github.com/keyturn/keyturn/pkg/fault"
	"github.com/keyturn/keyturn/pkg/oci"
	"github.com/keyturn/keyturn/pkg/outcome"
)

// streams returns points of n streams.
func streams(n int) []outcome.Point {
	var out []outcome.Point
	for i := range n {
		out = append(out, outcome.Point{Name: outcome.MetricSweeps,
			Dimensions: map[string]string{"result": fmt.Sprint(i)},
			Value:      1, At: time.Unix(0, 0)})
	}
	return out
}

const posted = `{"failedMetricsCount":0,"failedMetrics":[]}`

func TestMeasuredValuesAreSentAsOneStreamForEachNameAndSetOfDimensions(t *testing.T) {
	cloud, s := offline(t, always(200, posted))
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	a, b := map[string]string{"kind": "api-key", "outcome": "rotated"}, map[string]string{"kind": "password",
		"outcome": "rotated"}
	err := cloud.Post(t.Context(), []outcome.Point{{Name: "n", Dimensions: a, Value: 1, At: at},
		{Name: "n", Dimensions: b, Value: 2, At: at},
		{Name: "m", Dimensions: a, Value: 3, At: at}, {Name: "n", Dimensions: a, Value: 4, At: at.Add(time.Minute)}})
	if err != nil || len(s.asked) != 1 {
		t.Fatalf("%d requests (%v), want 1", len(s.asked), err)
	}
	const common = `"namespace":"keyturn","compartmentId":"` + tenancy + `",`
	const first, second = `"dimensions":{"kind":"api-key","outcome":"rotated"},`,
		`"dimensions":{"kind":"password","outcome":"rotated"},`
	want := `{"metricData":[{` + common + `"name":"n",` + first +
		`"datapoints":[{"timestamp":"2026-03-01T12:00:00Z","value":1},{"timestamp":"2026-03-01T12:01:00Z","value":4}]},` +
		`{` + common + `"name":"n",` + second + `"datapoints":[{"timestamp":"2026-03-01T12:00:00Z","value":2}]},` +
		`{` + common + `"name":"m",` + first + `"datapoints":[{"timestamp":"2026-03-01T12:00:00Z","value":3}]}]}`
	if got := s.asked[0]; sorted(t, got.body) != sorted(t, want) ||
		got.host != "telemetry-ingestion.eu-frankfurt-1.oraclecloud.com" || got.method != http.MethodPost {
		t.Errorf("%s %s was sent %s, want %s", got.method, got.host, got.body, want)
	}
}

// sorted is a JSON text with sorted keys and without null members.
func sorted(t *testing.T, text string) string {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	drop(v)
	out, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

func drop(v any) {
	switch v := v.(type) {
	case map[string]any:
		for k, x := range v {
			if x == nil {
				delete(v, k)
			}
			drop(x)
		}
	case []any:
		for _, x := range v {
			drop(x)
		}
	}
}

func TestARequestHasFiftyStreamsAtMost(t *testing.T) {
	for n, want := range map[int][]int{0: nil, 1: {1}, 50: {50}, 51: {50, 1}, 101: {50, 50, 1}} {
		cloud, s := offline(t, always(200, posted))
		if err := cloud.Post(t.Context(), streams(n)); err != nil {
			t.Error(err)
		}
		var got []int
		for _, r := range s.asked {
			got = append(got, strings.Count(r.body, `"datapoints"`))
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%d streams were sent as %v, want %v", n, got, want)
		}
	}
}

func TestAValueThatIsRefusedIsAnErrorAndNothingMoreIsSent(t *testing.T) {
	for body, failed := range map[string]bool{posted: false, `{}`: false, `{"failedMetricsCount":1}`: true,
		`{"failedMetricsCount":2}`: true} {
		cloud, s := offline(t, always(200, body))
		want := 2
		if failed {
			want = 1
		}
		if err := cloud.Post(t.Context(), streams(51)); isFault(err) != failed || (err != nil) != failed ||
			len(s.asked) != want {
			t.Errorf("%s gives %v after %d requests, want %d", body, err, len(s.asked), want)
		}
	}
	cloud, s := offline(t, always(400, refusal("InvalidParameter", "")))
	if err := cloud.Post(t.Context(), streams(51)); fault.Of(err) != fault.Invalid || len(s.asked) != 1 {
		t.Errorf("a refusal gives %v after %d requests", err, len(s.asked))
	}
}

func TestNothingIsMeasuredWithoutACompartment(t *testing.T) {
	cloud := oci.NewWith(common.NewRawConfigurationProvider(tenancy, user, "eu-frankfurt-1", "aa:bb", newKey(), nil))
	s := &stub{answer: always(200, posted)}
	cloud.AnsweredBy(s)
	if err := cloud.Post(t.Context(), streams(1)); fault.Of(err) != fault.Invalid || err == nil || len(s.asked) > 0 {
		t.Errorf("%v after %d requests", err, len(s.asked))
	}
	if err := cloud.Post(t.Context(), nil); err != nil {
		t.Errorf("no values give %v", err)
	}
}
