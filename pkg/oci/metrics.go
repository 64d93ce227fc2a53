package oci

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/oracle/oci-go-sdk/v65/common"
	"github.com/oracle/oci-go-sdk/v65/monitoring"

	"github.com/keyturn/keyturn/pkg/outcome"
)

// maxStreams is how many metric streams one PostMetricData may have (its documentation in oci-go-sdk).
const maxStreams = 50

// Post sends metrics to Monitoring, into the function's compartment. If Monitoring refuses some values, Post returns an
// error, although the others have arrived. It never repeats a request: a value counted twice is worse than a lost one.
func (c *Cloud) Post(ctx context.Context, points []outcome.Point) error {
	if len(points) == 0 {
		return nil
	}
	const operation = "PostMetricData"
	compartment, err := c.Compartment(ctx)
	if err != nil {
		return err
	}
	cl, err := c.monitoring()
	if err != nil {
		return classify(operation, err)
	}
	for some := range slices.Chunk(details(compartment, points), maxStreams) {
		_, err := call(ctx, c, operation, once, func(ctx context.Context) (struct{}, error) {
			answer, err := cl.PostMetricData(ctx, monitoring.PostMetricDataRequest{
				PostMetricDataDetails: monitoring.PostMetricDataDetails{MetricData: some}})
			if err == nil && answer.FailedMetricsCount != nil && *answer.FailedMetricsCount > 0 {
				err = fmt.Errorf("%d of %d metrics were refused", *answer.FailedMetricsCount, len(some))
			}
			return struct{}{}, err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (c *Cloud) monitoring() (*monitoring.MonitoringClient, error) {
	return client(c, "monitoring", "", monitoring.NewMonitoringClientWithConfigurationProvider,
		func(cl *monitoring.MonitoringClient) *common.BaseClient {
			// the endpoint for posting metrics
			cl.Host = strings.Replace(cl.Host, "//telemetry.", "//telemetry-ingestion.", 1)
			return &cl.BaseClient
		})
}

// details converts points to Monitoring's type, with one stream for each name and set of dimensions.
func details(compartment string, points []outcome.Point) []monitoring.MetricDataDetails {
	var out []monitoring.MetricDataDetails
	streams := map[string]int{}
	for _, p := range points {
		key := p.Name + fmt.Sprint(p.Dimensions) // fmt sorts the keys of maps
		i, known := streams[key]
		if !known {
			i = len(out)
			streams[key] = i
			out = append(out, monitoring.MetricDataDetails{Namespace: common.String(outcome.MetricNamespace),
				CompartmentId: &compartment,
				Name:          &p.Name, Dimensions: p.Dimensions})
		}
		out[i].Datapoints = append(out[i].Datapoints, monitoring.Datapoint{Timestamp: &common.SDKTime{Time: p.At},
			Value: &p.Value})
	}
	return out
}
