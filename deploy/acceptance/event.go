package main

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

func decode(text []byte, v any) error { return json.Unmarshal(text, v) }

// random is so many of the characters that OCIDs have.
func random(n int) string {
	return strings.ToLower((rand.Text() + rand.Text() + rand.Text())[:n])
}

// invented is the OCID of something that doesn't exist, in a region as OCIDs have it.
func invented(kind, region string) string {
	return "ocid1." + kind + ".oc1." + region + ".amaaaaaa" + random(52)
}

// closure is the closing of a problem that never was.
type closure struct {
	tenancy, region, home string // region as OCIDs have it
	kind                  credential.Kind
	user, userName        string
	credential            string // its id; empty for a password
	comment               string
	at                    time.Time
}

// event is what Cloud Guard would send, in the form of its published events.
func (c closure) event() ([]byte, error) {
	resource, name := c.credential, c.credential
	switch c.kind.Origin() {
	case credential.Local:
		resource = c.tenancy + "/" + c.user + "/" + c.credential
	case credential.Reset:
		resource, name = c.user, c.userName
	}
	rule := cloudguard.RuleOf(c.kind)
	stamp := func(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }
	more := map[string]string{"User OCID": c.user}
	if c.comment != "" {
		more["comments"] = c.comment
	}
	uuid := random(26)
	return json.Marshal(map[string]any{
		"eventType": cloudguard.TypeRemediated, "cloudEventsVersion": "0.1", "eventTypeVersion": "2.0",
		"source":    "CloudGuardResponderEngine",
		"eventTime": c.at.UTC().Format(time.RFC3339), "contentType": "application/json",
		"data": map[string]any{
			"compartmentId": c.tenancy, "compartmentName": "keyturn-acceptance", "resourceName": rule.DisplayName(),
			"resourceId": invented("cloudguardproblem", c.region),
			"additionalDetails": map[string]any{
				"tenantId": c.tenancy, "status": "RESOLVED", "reason": "Keyturn acceptance run",
				"problemName": string(rule), "riskLevel": "MEDIUM",
				"problemType": "CONFIG_CHANGE", "resourceName": name, "resourceId": resource, "resourceType": "User",
				"targetId": invented("cloudguardtarget", c.region), "labels": "CIS_OCI_V1.0_IAM, CIS_OCI_V1.1_IAM, IAM",
				"firstDetected": stamp(c.at.Add(-48 * time.Hour)), "lastDetected": stamp(c.at.Add(-time.Hour)),
				"region":                   c.home,
				"problemAdditionalDetails": more, "problemDescription": "A throw-away credential of an acceptance run.",
				"problemRecommendation": "None.",
			},
		},
		"eventID":    fmt.Sprintf("%s-%s-%s-%s-%s", uuid[:8], uuid[8:12], uuid[12:16], uuid[16:20], random(12)),
		"extensions": map[string]any{"compartmentId": c.tenancy},
	})
}

// invoked is what came of an invocation.
type invoked struct {
	reply   outcome.Outcome
	body    []byte
	header  http.Header
	took    time.Duration
	refusal string // of the platform; empty if the function answered
}

// invoke sends a body to a function and waits for its answer, also when ctx ends meanwhile: what the function is doing
// has to be over before anything is removed.
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
		if status, _ := answer(err); status == 0 {
			return out, fmt.Errorf("invoking the function: %w", err)
		}
		out.refusal = told(err)
		return out, nil
	}
	defer response.Content.Close()
	if out.body, err = io.ReadAll(io.LimitReader(response.Content, 6<<20)); err != nil {
		return out, fmt.Errorf("reading the function's answer: %w", err)
	}
	out.header = response.RawResponse.Header
	if err := decode(out.body, &out.reply); err != nil {
		out.refusal = fmt.Sprintf("the answer is not a JSON object (%d bytes): is this the function rotate?",
			len(out.body))
	}
	return out, nil
}

// came says what came of it, for a check.
func (i invoked) came() string {
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
