package ociemu

import (
	"net/http"
	"regexp"
	"slices"
	"time"
)

// Monitoring: posting values, base path 20180401 (oci-go-sdk monitoring/monitoring_client.go). The documentation of
// PostMetricData and MetricDataDetails has the limits.

const (
	maxStreams    = 50
	maxDimensions = 20
)

var (
	metricNamespace = regexp.MustCompile(`^[a-z][a-z0-9_]*[a-z0-9]$`)
	oraclesOwn      = regexp.MustCompile(`^(oci|oracle)_`)
	metricName      = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9._$-]*$`)
	dimensionName   = regexp.MustCompile(`^[A-Za-z0-9_$-]{1,256}$`)
)

// MetricValue is one value that was posted to Monitoring.
type MetricValue struct {
	Namespace   string            `json:"namespace"`
	Compartment string            `json:"compartment"`
	Name        string            `json:"name"`
	Dimensions  map[string]string `json:"dimensions"`
	Value       float64           `json:"value"`
	At          time.Time         `json:"at"`
}

type metricData struct {
	Namespace     string            `json:"namespace"`
	CompartmentID string            `json:"compartmentId"`
	Name          string            `json:"name"`
	Dimensions    map[string]string `json:"dimensions"`
	Datapoints    []struct {
		Timestamp time.Time `json:"timestamp"`
		Value     *float64  `json:"value"`
	} `json:"datapoints"`
}

func monitoringService() service {
	return service{name: "monitoring", base: "20180401", signed: true, routes: []route{
		{operation: "PostMetricData", method: http.MethodPost, path: "/metrics", handle: postMetricData},
	}}
}

func postMetricData(x *exchange) reply {
	var details struct {
		MetricData []metricData `json:"metricData"`
	}
	if refused := x.read(&details); refused != nil {
		return refused.reply()
	}
	if n := len(details.MetricData); n == 0 || n > maxStreams {
		return errInvalid.because("A request takes 1 to 50 metric streams.").reply()
	}
	failed := []map[string]any{}
	for _, d := range details.MetricData {
		if why := d.wrong(x.now); why != "" {
			failed = append(failed, map[string]any{"message": why, "metricData": d})
			continue
		}
		for _, p := range d.Datapoints {
			x.e.state.metrics = append(x.e.state.metrics, MetricValue{d.Namespace, d.CompartmentID, d.Name,
				d.Dimensions, *p.Value, p.Timestamp})
		}
	}
	return ok(map[string]any{"failedMetricsCount": len(failed), "failedMetrics": failed})
}

// wrong returns why Monitoring refuses a stream, or "".
func (d metricData) wrong(now time.Time) string {
	switch {
	case !metricNamespace.MatchString(d.Namespace) || oraclesOwn.MatchString(d.Namespace):
		return "The namespace is not allowed."
	case !metricName.MatchString(d.Name):
		return "The metric's name is not allowed."
	case len(d.Dimensions) == 0 || len(d.Dimensions) > maxDimensions:
		return "A metric takes 1 to 20 dimensions."
	case len(d.Datapoints) == 0:
		return "A metric needs data points."
	}
	for key, value := range d.Dimensions {
		if !dimensionName.MatchString(key) || value == "" || len(value) > 512 {
			return "A dimension is not allowed."
		}
	}
	for _, p := range d.Datapoints {
		if p.Value == nil || p.Timestamp.Before(now.Add(-2*time.Hour)) || p.Timestamp.After(now.Add(10*time.Minute)) {
			return "A data point lies too far in the past or the future."
		}
	}
	return ""
}

// Metrics returns the values posted to Monitoring, in the order of arrival.
func (e *Emulator) Metrics() []MetricValue {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.state.metrics)
}
