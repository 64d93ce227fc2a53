package ociemu

import (
	"encoding/json"
	"strings"
	"time"
)

// problemLabels are the labels of the rules about IAM credentials.
var problemLabels = []string{"CIS_OCI_V1.0_IAM", "CIS_OCI_V1.1_IAM", "IAM"}

// ruleFacts are the texts of a detector rule.
type ruleFacts struct{ display, description, recommendation string }

func factsOf(rule string) ruleFacts {
	facts := map[string]ruleFacts{
		"API_KEY_TOO_OLD": {"API key is too old", "The API key is older than allowed.",
			"Rotate API keys regularly, at least every 90 days."},
		"AUTH_TOKEN_TOO_OLD": {"IAM Auth token is too old", "The auth token is older than allowed.",
			"Rotate IAM Auth token regularly, at least every 90 days."},
		"SECRET_KEY_TOO_OLD": {"IAM Customer secret key is too old", "The customer secret key is older than allowed.",
			"Rotate IAM Customer secret keys regularly, at least every 90 days."},
		"PASSWORD_TOO_OLD": {"Password is too old", "The console password is older than allowed.",
			"Rotate IAM Console password regularly, at least every 90 days."},
	}
	if f, ok := facts[rule]; ok {
		return f
	}
	return ruleFacts{rule, "A problem of the rule " + rule + ".", "See the rule."}
}

// emitProblemLocked emits the event of a problem in the reporting region. Its form follows published events. The values
// of status, reason and resourceType at a closing are inferred: no such event is published.
func (e *Emulator) emitProblemLocked(p *problem, name, actorType string) {
	f := factsOf(p.rule)
	reason := "Problem closed by user"
	if actorType != "USER" {
		reason = "Existing Problem updated by CloudGuard"
	}
	details := map[string]any{
		"tenantId": e.state.tenancy, "status": p.status, "reason": reason, "problemName": p.rule, "riskLevel": p.risk,
		"problemType": "CONFIG_CHANGE", "resourceName": p.resourceName, "resourceId": p.resourceID,
		"resourceType": p.resourceType,
		"targetId":     p.target, "labels": strings.Join(problemLabels, ", "), "firstDetected": timestamp(p.first),
		"lastDetected": timestamp(p.last),
		"region":       e.opts.HomeRegion, "problemDescription": f.description,
		"problemRecommendation": f.recommendation,
	}
	if more := e.eventDetails(p); len(more) > 0 {
		details["problemAdditionalDetails"] = more
	}
	event, err := json.MarshalIndent(map[string]any{
		"eventType": "com.oraclecloud.cloudguard." + name, "cloudEventsVersion": "0.1", "eventTypeVersion": "2.0",
		"source": "CloudGuardResponderEngine", "eventTime": e.now().UTC().Format(time.RFC3339),
		"contentType": "application/json",
		"data": map[string]any{
			"compartmentId": e.state.tenancy, "compartmentName": "ociemu", "resourceName": f.display,
			"resourceId": p.id, "additionalDetails": details,
		},
		"eventID": e.state.ids.uuid(), "extensions": map[string]any{"compartmentId": e.state.tenancy},
	}, "", "  ")
	if err != nil {
		panic("ociemu: internal error: encoding an event: " + err.Error())
	}
	e.emitLocked(event)
}

// eventDetails returns the problem's details and the comments that Answers.EventComments selects.
func (e *Emulator) eventDetails(p *problem) map[string]string {
	more := map[string]string{}
	for k, v := range p.details {
		more[k] = v
	}
	comments := p.comment
	switch e.opts.Answers.EventComments {
	case EventCommentsAbsent:
		comments = ""
	case EventCommentsJoined:
		var all []string
		for _, h := range p.history {
			if h.Comment != "" {
				all = append(all, h.Comment)
			}
		}
		comments = strings.Join(all, ", ")
	}
	if comments != "" {
		more["comments"] = comments
	}
	return more
}
