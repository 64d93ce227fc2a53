package acceptance

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/oracle/oci-go-sdk/v65/functions"

	"github.com/keyturn/keyturn/pkg/cloudguard"
	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/outcome"
)

// random returns n random characters of those that occur in OCIDs.
func random(n int) string {
	return strings.ToLower((rand.Text() + rand.Text() + rand.Text())[:n])
}

// invented is the OCID of something that doesn't exist. The region is written as in OCIDs.
func invented(kind, region string) string {
	return "ocid1." + kind + ".oc1." + region + ".amaaaaaa" + random(52)
}

// event is the event that Cloud Guard would send at a time for the closing of a problem about a subject's credential,
// in the form of its published events. The problem is invented.
func (r *run) event(s *subject, comment string, at time.Time) ([]byte, error) {
	resource, name := s.old.ID, s.old.ID
	switch s.kind.Origin() {
	case credential.Local:
		resource = r.tenancy + "/" + s.owner.User + "/" + s.old.ID
	case credential.Reset:
		resource, name = s.owner.User, s.owner.UserName
	}
	rule := cloudguard.RuleOf(s.kind)
	stamp := func(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }
	more := map[string]string{"User OCID": s.owner.User}
	if comment != "" {
		more["comments"] = comment
	}
	region, uuid := r.options.functionRegion, random(26)
	return json.Marshal(map[string]any{
		"eventType": cloudguard.TypeRemediated, "cloudEventsVersion": "0.1", "eventTypeVersion": "2.0",
		"source": "CloudGuardResponderEngine", "eventTime": at.UTC().Format(time.RFC3339),
		"contentType": "application/json",
		"data": map[string]any{
			"compartmentId": r.tenancy, "compartmentName": "keyturn-acceptance", "resourceName": rule.DisplayName(),
			"resourceId": invented("cloudguardproblem", region),
			"additionalDetails": map[string]any{
				"tenantId": r.tenancy, "status": "RESOLVED", "reason": "Keyturn acceptance run",
				"problemName": string(rule), "riskLevel": "MEDIUM", "problemType": "CONFIG_CHANGE",
				"resourceName": name, "resourceId": resource, "resourceType": "User",
				"targetId": invented("cloudguardtarget", region), "labels": "CIS_OCI_V1.0_IAM, CIS_OCI_V1.1_IAM, IAM",
				"firstDetected": stamp(at.Add(-48 * time.Hour)), "lastDetected": stamp(at.Add(-time.Hour)),
				"region": r.home, "problemAdditionalDetails": more, "problemRecommendation": "None.",
				"problemDescription": "A throw-away credential of an acceptance run.",
			},
		},
		"eventID":    fmt.Sprintf("%s-%s-%s-%s-%s", uuid[:8], uuid[8:12], uuid[12:16], uuid[16:20], random(12)),
		"extensions": map[string]any{"compartmentId": r.tenancy},
	})
}

// invoked is the result of an invocation.
type invoked struct {
	reply   outcome.Outcome
	body    []byte
	header  http.Header
	took    time.Duration
	refusal string // by the platform; empty if the function answered
}

// invoke sends a body to a function and waits for its answer, even when ctx ends: the function must be done before
// anything is removed.
func (d *deployment) invoke(ctx context.Context, body []byte) (invoked, error) {
	if err := ctx.Err(); err != nil {
		return invoked{}, err
	}
	began := time.Now()
	response, err := d.client.InvokeFunction(context.WithoutCancel(ctx),
		functions.InvokeFunctionRequest{FunctionId: &d.id,
			FnInvokeType:       functions.InvokeFunctionFnInvokeTypeSync,
			InvokeFunctionBody: io.NopCloser(bytes.NewReader(body))})
	out := invoked{took: time.Since(began)}
	if err != nil {
		if statusIs(err, 0) {
			return out, fmt.Errorf("invoking the function: %w", err)
		}
		out.refusal = detailed(err)
		return out, nil
	}
	defer response.Content.Close()
	out.body, err = io.ReadAll(io.LimitReader(response.Content, 6<<20))
	if err != nil {
		return out, fmt.Errorf("reading the function's answer: %w", err)
	}
	out.header = response.RawResponse.Header
	if err := json.Unmarshal(out.body, &out.reply); err != nil {
		out.refusal = fmt.Sprintf("the answer is not a JSON object (%d bytes): is this the function rotate?",
			len(out.body))
	}
	return out, nil
}

// String is the result in one line, for a check.
func (i invoked) String() string {
	if i.refusal != "" {
		return "the invocation failed with " + i.refusal + " (the function's log has call id " +
			i.header.Get("Fn-Call-Id") + ")"
	}
	s := string(i.reply.Status)
	if i.reply.Reason != "" && i.reply.Reason != s {
		s += ", " + i.reply.Reason
	}
	return s
}

func names(h http.Header) string { return strings.Join(slices.Sorted(maps.Keys(h)), ", ") }
