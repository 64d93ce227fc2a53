package e2e

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/keyturn/keyturn/test/ociemu"
	"github.com/keyturn/keyturn/test/tenancy"
)

func TestARotationPostsMetrics(t *testing.T) {
	each(t, func(t *testing.T, w tenancy.Want) {
		s := newTenancy(t, tenancy.Options{Emulator: ociemu.Calm()})
		c := s.Add(w)
		closeProblem(t, s, c, c.Comment())
		got := map[string]ociemu.MetricValue{}
		for _, m := range s.Metrics() {
			got[m.Name] = m
			if m.Namespace != "keyturn" || m.Dimensions["function"] != "rotate" ||
				m.Dimensions["kind"] != string(w.Kind) {
				t.Errorf("the value is %+v", m)
			}
		}
		if m := got["Rotations"]; m.Value != 1 || m.Dimensions["outcome"] != "rotated" {
			t.Errorf("Rotations is %+v", m)
		}
		if m := got["RotationDuration"]; m.Value <= 0 {
			t.Errorf("RotationDuration is %+v", m)
		}
		if m := got["CredentialAge"]; math.Abs(m.Value-120) > 1 {
			t.Errorf("CredentialAge is %+v, want about 120 days", m)
		}
	})
}

func TestFailedMetricsChangeNothingElse(t *testing.T) {
	t.Parallel()
	for name, do := range map[string]ociemu.Action{"denied": ociemu.Answer(404, "NotAuthorizedOrNotFound"),
		"broken":    ociemu.Answer(500, "InternalServerError"),
		"throttled": ociemu.Answer(429, "TooManyRequests"), "cut off": ociemu.Cut,
		"slow": ociemu.Delay(20 * time.Second)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newTenancy(t, tenancy.Options{Emulator: ociemu.Calm()})
			s.Inject(ociemu.Fault{Operation: "PostMetricData", Times: -1, Do: do})
			c := s.Add(tenancy.Want{Kind: tenancy.APIKey})
			if a := closeProblem(t, s, c, c.Comment()); a.Outcome != "rotated" {
				t.Fatalf("the answer is %+v", a)
			}
			rotated(t, s, c)
			if n := len(s.Mails()); n != 1 {
				t.Errorf("%d mails, want one", n)
			}
			if !strings.Contains(s.Printed.String(), "metrics were not sent") {
				t.Error("the log doesn't say that the figures were not sent")
			}
		})
	}
}

func TestWithoutMetricsMonitoringIsNotCalled(t *testing.T) {
	s := newTenancy(t, tenancy.Options{Emulator: ociemu.Calm(), Config: []string{"metrics=off"}})
	c := s.Add(tenancy.Want{Kind: tenancy.AuthToken})
	closeProblem(t, s, c, c.Comment())
	if slices.Contains(functionCalls(s), "PostMetricData") {
		t.Error("the function called PostMetricData")
	}
}

// withTracing turns tracing on, with the emulator's collector.
func withTracing(e *ociemu.Emulator) tenancy.Places {
	return tenancy.Places{Config: []string{"OCI_TRACING_ENABLED=1", "OCI_TRACE_COLLECTOR_URL=" + e.CollectorURL(),
		"FN_APP_NAME=keyturn", "FN_FN_NAME=rotate"}}
}

func TestATraceShowsTheStepsOfARotationAndTheirCalls(t *testing.T) {
	s := newTenancy(t, tenancy.Options{Emulator: ociemu.Calm(), Places: withTracing})
	c := s.Add(tenancy.Want{Kind: tenancy.APIKey})
	closeProblem(t, s, c, c.Comment())
	spans := s.Spans()
	byID := map[string]ociemu.ZipkinSpan{}
	for _, span := range spans {
		byID[span.ID] = span
	}
	under := map[string]string{} // a span's name by its parent's
	for _, span := range spans {
		if span.TraceID != spans[0].TraceID || span.LocalEndpoint.ServiceName != "keyturn::rotate" ||
			span.Duration < 1 {
			t.Errorf("a span is %+v", span)
		}
		under[span.Name] = byID[span.ParentID].Name
	}
	for child, parent := range map[string]string{"invocation": "", "GetProblem": "invocation", "stage": "invocation",
		"create":       "invocation",
		"UploadApiKey": "create", "DeleteApiKey": "retire", "PublishMessage": "invocation"} {
		if got, ok := under[child]; !ok || got != parent {
			t.Errorf("%s is under %q, want %q", child, got, parent)
		}
	}
}

func TestAFailingCollectorChangesNothingAndItsKeyIsNotLogged(t *testing.T) {
	for name, do := range map[string]ociemu.Action{"broken": ociemu.Answer(500, "InternalServerError"),
		"slow": ociemu.Delay(20 * time.Second)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newTenancy(t, tenancy.Options{Emulator: ociemu.Calm(), Places: withTracing})
			s.Inject(ociemu.Fault{Operation: "PublicSpan", Times: -1, Do: do})
			c := s.Add(tenancy.Want{Kind: tenancy.AuthToken})
			if a := closeProblem(t, s, c, c.Comment()); a.Outcome != "rotated" {
				t.Fatalf("the answer is %+v", a)
			}
			rotated(t, s, c)
			_, key, _ := strings.Cut(s.CollectorURL(), "dataKey=")
			if printed := s.Printed.String(); !strings.Contains(printed, "the trace was not sent") ||
				strings.Contains(printed, key) {
				t.Error("the log has the collector's key, or doesn't say that the trace was not sent")
			}
		})
	}
}

func TestASweepPostsMetrics(t *testing.T) {
	s := newTenancy(t, tenancy.Options{Emulator: ociemu.Calm()})
	s.Add(tenancy.Want{Kind: tenancy.AuthToken})
	sweep(t, s)
	var got []string
	for _, m := range s.Metrics() {
		got = append(got, fmt.Sprintf("%s %v %v", m.Name, m.Value, m.Dimensions))
	}
	if want := []string{"Sweeps 1 map[function:sweep result:finished]"}; !slices.Equal(got, want) {
		t.Errorf("the figures are %q, want %q", got, want)
	}
}
