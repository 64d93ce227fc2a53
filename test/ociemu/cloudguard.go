package ociemu

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Cloud Guard: problems, base path 20200131 (oci-go-sdk cloudguard/cloudguard_client.go).

func cloudGuardService() service {
	get, post := http.MethodGet, http.MethodPost
	return service{name: "cloudguard", base: "20200131", signed: true, routes: []route{
		{operation: "GetConfiguration", method: get, path: "/configuration", handle: getGuardConfiguration},
		{operation: "ListProblems", method: get, path: "/problems", handle: listProblems},
		{operation: "GetProblem", method: get, path: "/problems/{problemId}", handle: ofProblem(getProblem)},
		{operation: "ListProblemHistories", method: get, path: "/problems/{problemId}/histories",
			handle: ofProblem(listProblemHistories)},
		{operation: "UpdateProblemStatus", method: post, path: "/problems/{problemId}/actions/updateStatus",
			handle: ofProblem(updateProblemStatus)},
	}}
}

// problem is a problem, and what reads show of it for a while after a change.
type problem struct {
	id, rule, user, risk                   string
	resourceID, resourceName, resourceType string
	details                                map[string]string
	first                                  time.Time
	target                                 string
	problemRecord

	shown      *problemRecord // what reads show while they lag; nil: the current record
	shownUntil time.Time
	shownReads int
}

// problemRecord is the part of a problem that changes.
type problemRecord struct {
	status  string // OPEN, RESOLVED or DISMISSED: the API's lifecycleDetail
	comment string
	etag    string
	last    time.Time // last detected
	history []HistoryItem
}

// HistoryItem is one entry of a problem's history.
type HistoryItem struct {
	ID        string    `json:"id"`
	ActorType string    `json:"actorType"`
	ActorName string    `json:"actorName"`
	Status    string    `json:"status"`
	Event     string    `json:"event"`
	Comment   string    `json:"comment"`
	At        time.Time `json:"at"`
}

// getGuardConfiguration answers in any region, like all reads of Cloud Guard.
func getGuardConfiguration(x *exchange) reply {
	switch x.query.Get("compartmentId") {
	case "":
		return errMissing.because("The compartmentId is missing.").reply()
	case x.e.state.tenancy:
	default:
		return errNotFound.reply()
	}
	status := "ENABLED"
	if x.e.opts.GuardDisabled {
		status = "DISABLED"
	}
	return ok(map[string]any{"reportingRegion": x.e.opts.ReportingRegion, "status": status,
		"serviceConfigurations": []any{}, "selfManageResources": false})
}

func ofProblem(handle func(*exchange, *problem) reply) func(*exchange) reply {
	return func(x *exchange) reply {
		p := find(x.e.state.problems, func(p *problem) bool { return p.id == x.params["problemId"] })
		if p == nil {
			return errNotFound.reply()
		}
		return handle(x, p)
	}
}

// look counts one read of the problem and returns the record that it shows.
func (x *exchange) look(p *problem) problemRecord {
	if p.shown == nil {
		return p.problemRecord
	}
	lagging := x.now.Before(p.shownUntil)
	if p.shownReads > 0 {
		p.shownReads--
		lagging = true
	}
	if lagging {
		return *p.shown
	}
	p.shown = nil
	return p.problemRecord
}

func getProblem(x *exchange, p *problem) reply {
	r := x.look(p)
	return ok(x.problemBody(p, r, false)).with("etag", r.etag)
}

func (x *exchange) problemBody(p *problem, r problemRecord, summary bool) map[string]any {
	f := factsOf(p.rule)
	body := map[string]any{
		"id": p.id, "compartmentId": x.e.state.tenancy, "detectorRuleId": p.rule, "region": x.e.opts.HomeRegion,
		"regions": []string{x.e.opts.HomeRegion}, "riskLevel": p.risk, "riskScore": 10.0, "resourceId": p.resourceID,
		"resourceName": p.resourceName,
		"resourceType": p.resourceType, "labels": problemLabels, "timeLastDetected": timestamp(r.last),
		"timeFirstDetected": timestamp(p.first),
		"lifecycleState":    x.lifecycleState(r), "lifecycleDetail": r.status,
		"detectorId": "IAAS_CONFIGURATION_DETECTOR",
		"targetId":   p.target,
	}
	if summary {
		return body
	}
	body["additionalDetails"] = p.details
	body["description"], body["recommendation"] = f.description, f.recommendation
	body["comment"] = nil
	if r.comment != "" {
		body["comment"] = r.comment
	}
	return body
}

func (x *exchange) lifecycleState(r problemRecord) string {
	if r.status != "OPEN" && x.e.opts.Answers.ResolvedState == ResolvedStateInactive {
		return "INACTIVE"
	}
	return "ACTIVE"
}

func listProblems(x *exchange) reply {
	q := x.query
	if q.Get("compartmentId") != x.e.state.tenancy {
		return errNotFound.reply() // all problems are in the root compartment
	}
	from, to, refused := x.window("timeLastDetected", x.now.Add(-30*24*time.Hour))
	if refused != nil {
		return refused.reply()
	}
	firstFrom, firstTo, refused := x.window("timeFirstDetected", time.Time{})
	if refused != nil {
		return refused.reply()
	}
	list := []map[string]any{}
	for _, p := range slices.Backward(x.e.state.problems) {
		r := x.look(p)
		within := !r.last.Before(from) && !r.last.After(to) && !p.first.Before(firstFrom) && !p.first.After(firstTo)
		rules := strings.FieldsFunc(strings.Join(q["detectorRuleIdList"], ","), func(c rune) bool { return c == ',' })
		if !within || len(rules) > 0 && !slices.Contains(rules, p.rule) || !fits(q.Get("lifecycleDetail"), r.status) ||
			orDefault(q.Get("lifecycleState"), "ACTIVE") != x.lifecycleState(r) ||
			!fits(q.Get("resourceId"), p.resourceID) ||
			!fits(q.Get("resourceType"), p.resourceType) || !fits(q.Get("riskLevel"), p.risk) ||
			!fits(q.Get("targetId"), p.target) ||
			!fits(q.Get("region"), x.e.opts.HomeRegion) || q.Get("label") != "" &&
			!slices.Contains(problemLabels, q.Get("label")) {
			continue
		}
		list = append(list, x.problemBody(p, r, true))
	}
	slices.SortStableFunc(list, func(a, b map[string]any) int {
		return strings.Compare(b["timeLastDetected"].(string), a["timeLastDetected"].(string))
	})
	if q.Get("sortOrder") == "ASC" {
		slices.Reverse(list)
	}
	return listReply(x, list, inItems)
}

// window reads a time filter. start replaces a missing beginning, as the SDK's documentation says.
func (x *exchange) window(field string, start time.Time) (from, to time.Time, refused *refusal) {
	from, to = start, x.now.Add(365*24*time.Hour) // a problem detected "now" under a moving clock is never cut off
	for _, end := range []struct {
		name string
		time *time.Time
	}{{"GreaterThanOrEqualTo", &from}, {"LessThanOrEqualTo", &to}} {
		text := x.query.Get(field + end.name)
		if text == "" {
			continue
		}
		at, err := time.Parse(time.RFC3339, text)
		if err != nil {
			bad := errInvalid.because(field + end.name + " must be a time in RFC 3339.")
			return from, to, &bad
		}
		*end.time = at
	}
	return from, to, nil
}

func listProblemHistories(x *exchange, p *problem) reply {
	if x.query.Get("compartmentId") == "" {
		return errMissing.because("The compartmentId is missing.").reply()
	}
	list := []map[string]any{}
	for _, h := range x.look(p).history {
		item := map[string]any{
			"id": h.ID, "problemId": p.id, "actorType": h.ActorType, "actorName": h.ActorName,
			"lifecycleDetail": h.Status, "eventStatus": h.Event,
			"explanation": fmt.Sprintf("%s set the problem to %s", h.ActorName, h.Status), "delta": "",
			"timeCreated": timestamp(h.At), "comment": nil,
		}
		if h.Comment != "" {
			item["comment"] = h.Comment
		}
		list = append(list, item)
	}
	if x.query.Get("sortOrder") != "ASC" {
		slices.Reverse(list)
	}
	return listReply(x, list, inItems)
}

func updateProblemStatus(x *exchange, p *problem) reply {
	if reporting := x.e.opts.ReportingRegion; x.call.Region != reporting {
		return errNotAllowed.because(fmt.Sprintf(
			"Please go to your Cloud Guard reporting region %s to execute UPDATE operations.",
			regionKey(reporting))).reply()
	}
	return x.once(func() (reply, func() bool) {
		var details struct{ Status, Comment string }
		if refused := x.read(&details); refused != nil {
			return refused.reply(), nil
		}
		if !slices.Contains([]string{"OPEN", "RESOLVED", "DISMISSED"}, details.Status) {
			return errInvalid.because("The status must be OPEN, RESOLVED or DISMISSED.").reply(), nil
		}
		if refused := x.checkEtag(p.etag); refused != nil {
			return refused.reply(), nil
		}
		x.e.changeProblemLocked(p, details.Status, details.Comment, "USER",
			orDefault(x.call.Caller.Name, x.call.Caller.ID))
		x.changed = true
		return ok(x.problemBody(p, p.problemRecord, false)).with("etag", p.etag), func() bool { return true }
	})
}

// eventStatusOf returns the history's name for a change to a status.
var eventStatusOf = map[string]string{"OPEN": "REOPEN", "RESOLVED": "RESOLVE", "DISMISSED": "DISMISS"}

// changeProblemLocked changes the problem, adds to its history and emits the event of a closing.
func (e *Emulator) changeProblemLocked(p *problem, status, comment, actorType, actor string) {
	now := e.now()
	if p.shown == nil && (e.opts.ProblemLag > 0 || e.opts.ProblemLagReads > 0) {
		old := p.problemRecord
		p.shown = &old
	}
	p.shownUntil, p.shownReads = now.Add(e.opts.ProblemLag), e.opts.ProblemLagReads
	p.status, p.comment, p.etag = status, comment, e.state.ids.etag()
	p.history = append(p.history, HistoryItem{
		ID: e.state.ids.uuid(), ActorType: actorType, ActorName: actor, Status: status, Event: eventStatusOf[status],
		Comment: comment, At: now,
	})
	switch status {
	case "RESOLVED":
		e.emitProblemLocked(p, "problemremediated", actorType)
	case "DISMISSED":
		e.emitProblemLocked(p, "problemdismissed", actorType)
	}
}

// CloseProblem resolves a problem with a comment, as a user of that name does in the Console, but without a call in the
// log.
func (e *Emulator) CloseProblem(problem, comment, actor string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.changeProblemLocked(e.mustProblem(problem), "RESOLVED", comment, "USER", actor)
	e.notifyLocked()
}

// Rescan does what Cloud Guard's next scan does. It reopens a problem that still exists. It resolves one that is gone
// again, which emits a second event, without a comment.
func (e *Emulator) Rescan(problem string, still bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	p := e.mustProblem(problem)
	status := "RESOLVED"
	if still {
		status = "OPEN"
		p.last = e.now()
	}
	e.changeProblemLocked(p, status, "", "CLOUD_GUARD_SERVICE", "Cloud Guard")
	e.notifyLocked()
}
