package ociemu

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
)

// Application Performance Monitoring: the collector of traces (Oracle's "Configure Open Source Tracing Systems").
// Requests have no signature, but a data key in the address.

// ZipkinSpan is a span that the collector received.
type ZipkinSpan struct {
	TraceID       string                       `json:"traceId"`
	ID            string                       `json:"id"`
	ParentID      string                       `json:"parentId"`
	Kind          string                       `json:"kind"`
	Name          string                       `json:"name"`
	Timestamp     int64                        `json:"timestamp"`
	Duration      int64                        `json:"duration"`
	LocalEndpoint struct{ ServiceName string } `json:"localEndpoint"`
	Tags          map[string]string            `json:"tags"`
}

func apmService() service {
	return service{name: "apm", base: "20200101", routes: []route{
		{operation: "PublicSpan", method: http.MethodPost, path: "/observations/public-span", handle: publicSpan},
	}, unknown: func(x *exchange) reply {
		if x.query.Get("dataKey") != x.e.dataKey {
			return errNotAuthentic.reply()
		}
		return errNotFound.reply()
	}}
}

// CollectorURL is the address of the collector, as Functions gives it to a function in OCI_TRACE_COLLECTOR_URL.
func (e *Emulator) CollectorURL() string {
	return fmt.Sprintf(
		"https://aaaaemulated.apm-agt.%s.oci.oraclecloud.com/20200101/observations/public-span"+
			"?dataFormat=zipkin&dataFormatVersion=2&dataKey=%s",
		e.opts.Region, e.dataKey)
}

func publicSpan(x *exchange) reply {
	var spans []ZipkinSpan
	switch {
	case x.query.Get("dataKey") != x.e.dataKey:
		return errNotAuthentic.reply()
	case x.query.Get("dataFormat") != "zipkin" || x.query.Get("dataFormatVersion") != "2" ||
		json.Unmarshal(x.body, &spans) != nil:
		return errInvalid.because("These are no spans in Zipkin's second format.").reply()
	}
	for _, s := range spans {
		if (len(s.TraceID) != 16 && len(s.TraceID) != 32) || len(s.ID) != 16 || s.Timestamp <= 0 {
			return errInvalid.because("A span lacks its ids or its time.").reply()
		}
	}
	x.e.state.spans = append(x.e.state.spans, spans...)
	return reply{status: http.StatusAccepted}
}

// Spans returns the spans that the collector received, in the order of arrival.
func (e *Emulator) Spans() []ZipkinSpan {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.state.spans)
}
