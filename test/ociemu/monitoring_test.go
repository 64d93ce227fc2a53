package ociemu_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/oracle/oci-go-sdk/v65/common"
	"github.com/oracle/oci-go-sdk/v65/monitoring"

	"github.com/keyturn/keyturn/test/ociemu"
)

func TestPostedValuesAreKeptAndWrongOnesCounted(t *testing.T) {
	e := ociemu.New(t, ociemu.Calm())
	client, err := monitoring.NewMonitoringClientWithConfigurationProvider(provider{e.NewFunction("rotate", "")})
	if err != nil {
		t.Fatal(err)
	}
	client.HTTPClient, client.Host = e.Client(), "https://telemetry-ingestion.us-ashburn-1.oraclecloud.com"
	tenancy := e.Tenancy()
	data := func(namespace, name string, dimensions map[string]string, at time.Time) monitoring.MetricDataDetails {
		return monitoring.MetricDataDetails{Namespace: &namespace, CompartmentId: &tenancy, Name: &name,
			Dimensions: dimensions,
			Datapoints: []monitoring.Datapoint{{Timestamp: &common.SDKTime{Time: at}, Value: common.Float64(3)}}}
	}
	now, ok := time.Now(), map[string]string{"kind": "api-key"}
	got := must[monitoring.PostMetricDataResponse](t)(client.PostMetricData(t.Context(),
		monitoring.PostMetricDataRequest{
			PostMetricDataDetails: monitoring.PostMetricDataDetails{MetricData: []monitoring.MetricDataDetails{
				data("keyturn", "Rotations", ok, now), data("oci_faas", "Rotations", ok, now),
				data("keyturn", "1", ok, now), data("keyturn", "Rotations", map[string]string{"a": ""}, now),
				data("keyturn", "Rotations", ok, now.Add(-3*time.Hour)), data("keyturn", "Rotations", ok,
					now.Add(time.Hour)), data("keyturn", "Rotations", map[string]string{}, now),
			}}}))
	if *got.FailedMetricsCount != 6 || len(got.FailedMetrics) != 6 {
		t.Errorf("%d values were refused, want 6", *got.FailedMetricsCount)
	}
	values := e.Metrics()
	if len(values) != 1 || values[0].Name != "Rotations" || values[0].Value != 3 ||
		values[0].Dimensions["kind"] != "api-key" || values[0].Compartment != tenancy {
		t.Errorf("Monitoring has %+v", values)
	}
}

func TestTheCollectorAcceptsZipkinSpansWithItsKey(t *testing.T) {
	e := ociemu.New(t, ociemu.Calm())
	span := `[{"traceId":"abababababababab","id":"cdcdcdcdcdcdcdcd","name":"invocation","timestamp":1}]`
	for _, c := range []struct {
		url, body string
		want      int
	}{
		{e.CollectorURL(), span, 202},
		{e.CollectorURL() + "x", span, 401},
		{strings.Replace(e.CollectorURL(), "zipkin", "jaeger", 1), span, 400},
		{e.CollectorURL(), `{}`, 400},
		{e.CollectorURL(), `[{"id":"cdcdcdcdcdcdcdcd"}]`, 400},
	} {
		answer, err := e.Client().Post(c.url, "application/json", bytes.NewReader([]byte(c.body)))
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if answer.StatusCode != c.want {
			t.Errorf("%s is answered %s, want %d", c.body, answer.Status, c.want)
		}
	}
	if got := e.Spans(); len(got) != 1 || got[0].Name != "invocation" {
		t.Errorf("the collector has %+v", got)
	}
}
