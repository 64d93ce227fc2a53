package ociemu

import (
	"encoding/json"
	"net/http"
	"strings"
	"time"
)

// Events: rules, base path 20181201/rules (oci-go-sdk events/events_client.go).

func eventsService() service {
	return service{name: "events", base: "20181201", signed: true, routes: []route{
		{operation: "ListRules", method: http.MethodGet, path: "/rules", handle: listRules},
		{operation: "CreateRule", method: http.MethodPost, path: "/rules", handle: createRule},
		{operation: "GetRule", method: http.MethodGet, path: "/rules/{ruleId}", handle: ofRule(getRule)},
		{operation: "DeleteRule", method: http.MethodDelete, path: "/rules/{ruleId}", handle: ofRule(deleteRule)},
	}}
}

type rule struct {
	id, name, description, compartment, region, condition string
	parsed                                                map[string]any
	enabled                                               bool
	actions                                               []ruleAction
	created                                               time.Time
	etag                                                  string
}

type ruleAction struct {
	ActionType  string `json:"actionType"`
	FunctionID  string `json:"functionId,omitempty"`
	TopicID     string `json:"topicId,omitempty"`
	StreamID    string `json:"streamId,omitempty"`
	IsEnabled   bool   `json:"isEnabled"`
	Description string `json:"description,omitempty"`

	ID               string `json:"id"`
	LifecycleState   string `json:"lifecycleState"`
	LifecycleMessage string `json:"lifecycleMessage"`
}

func ofRule(handle func(*exchange, *rule) reply) func(*exchange) reply {
	return func(x *exchange) reply {
		r := find(x.e.state.rules, func(r *rule) bool {
			return r.id == x.params["ruleId"] && r.region == x.call.Region
		})
		if r == nil {
			return errNotFound.reply()
		}
		return handle(x, r)
	}
}

func ruleBody(r *rule) map[string]any {
	return map[string]any{
		"id": r.id, "displayName": r.name, "description": r.description, "lifecycleState": "ACTIVE",
		"condition":     r.condition,
		"compartmentId": r.compartment, "isEnabled": r.enabled, "timeCreated": timestamp(r.created),
		"actions":      map[string]any{"actions": r.actions},
		"freeformTags": map[string]string{}, "definedTags": map[string]any{},
	}
}

func getRule(x *exchange, r *rule) reply { return ok(ruleBody(r)).with("etag", r.etag) }

func listRules(x *exchange) reply {
	list := []map[string]any{}
	for _, r := range x.e.state.rules {
		if r.region != x.call.Region || r.compartment != x.query.Get("compartmentId") ||
			!fits(x.query.Get("displayName"), r.name) {
			continue
		}
		body := ruleBody(r)
		delete(body, "actions") // summaries have none
		list = append(list, body)
	}
	return listReply(x, list, bare)
}

func createRule(x *exchange) reply {
	return x.once(func() (reply, func() bool) {
		var details struct {
			DisplayName, Condition, CompartmentID, Description string
			IsEnabled                                          *bool
			Actions                                            struct{ Actions []ruleAction }
		}
		if refused := x.read(&details); refused != nil {
			return refused.reply(), nil
		}
		if details.DisplayName == "" || details.CompartmentID == "" || details.IsEnabled == nil ||
			len(details.Actions.Actions) == 0 {
			return errMissing.because("displayName, condition, compartmentId, isEnabled and actions " +
				"are needed.").reply(), nil
		}
		r := &rule{
			name: details.DisplayName, description: details.Description, compartment: details.CompartmentID,
			region:    x.call.Region,
			condition: details.Condition, enabled: *details.IsEnabled, actions: details.Actions.Actions,
		}
		if refused := x.e.addRuleLocked(r); refused != nil {
			return refused.reply(), nil
		}
		x.changed = true
		return ok(ruleBody(r)).with("etag", r.etag), func() bool { return true }
	})
}

// addRuleLocked checks and adds a rule.
func (e *Emulator) addRuleLocked(r *rule) *refusal {
	if err := json.Unmarshal([]byte(r.condition), &r.parsed); err != nil || r.parsed == nil {
		bad := errInvalid.because("The condition must be a JSON object in a string.")
		return &bad
	}
	for i := range r.actions {
		a := &r.actions[i]
		target := map[string]string{"FAAS": a.FunctionID, "ONS": a.TopicID, "OSS": a.StreamID}[a.ActionType]
		if target == "" {
			bad := errInvalid.because("Each action must be FAAS with a functionId, ONS with a topicId or OSS with " +
				"a streamId.")
			return &bad
		}
		a.ID, a.LifecycleState = e.state.ids.ocid("eventaction", regionInOCID(r.region)), "ACTIVE"
	}
	r.id, r.etag = e.state.ids.ocid("eventrule", regionInOCID(r.region)), e.state.ids.etag()
	r.created = e.now().Add(e.state.createdOffset)
	e.state.rules = append(e.state.rules, r)
	return nil
}

func deleteRule(x *exchange, r *rule) reply {
	if refused := x.checkEtag(r.etag); refused != nil {
		return refused.reply()
	}
	x.e.state.rules = remove(x.e.state.rules, r)
	x.changed = true
	return reply{status: http.StatusNoContent}
}

// matches reports whether an event has each field of the condition, with the same nesting and one of the listed values.
func matches(condition, event any) bool {
	switch c := condition.(type) {
	case map[string]any:
		fields, isObject := event.(map[string]any)
		if !isObject {
			return false
		}
		for name, want := range c {
			got, has := fields[name]
			if !has || !matches(want, got) {
				return false
			}
		}
		return true
	case []any:
		for _, want := range c {
			if matches(want, event) {
				return true
			}
		}
		return false
	}
	if several, isList := event.([]any); isList {
		for _, got := range several {
			if matches(condition, got) {
				return true
			}
		}
		return false
	}
	pattern, isText := condition.(string)
	text, alsoText := event.(string)
	if isText && alsoText {
		return wildcard(pattern, text)
	}
	return condition == event
}

// wildcard matches a pattern in which each * matches any text.
func wildcard(pattern, text string) bool {
	parts := strings.Split(pattern, "*")
	if len(parts) == 1 {
		return pattern == text
	}
	first, last := parts[0], parts[len(parts)-1]
	if len(text) < len(first)+len(last) || !strings.HasPrefix(text, first) || !strings.HasSuffix(text, last) {
		return false
	}
	text = text[len(first) : len(text)-len(last)]
	for _, part := range parts[1 : len(parts)-1] {
		_, after, found := strings.Cut(text, part)
		if !found {
			return false
		}
		text = after
	}
	return true
}
