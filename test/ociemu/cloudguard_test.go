package ociemu_test

import (
	"context"
	"encoding/json"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/oracle/oci-go-sdk/v65/cloudguard"
	"github.com/oracle/oci-go-sdk/v65/common"

	"github.com/keyturn/keyturn/test/ociemu"
)

func (c *clients) setStatus(ctx context.Context, problem, status, comment string) error {
	details := cloudguard.UpdateProblemStatusDetails{Status: cloudguard.ProblemLifecycleDetailEnum(status)}
	if comment != "" {
		details.Comment = &comment
	}
	_, err := c.cloudguard.UpdateProblemStatus(ctx, cloudguard.UpdateProblemStatusRequest{ProblemId: &problem,
		UpdateProblemStatusDetails: details})
	return err
}

func (c *clients) statusOf(t testing.TB, problem string) string {
	t.Helper()
	got := must[cloudguard.GetProblemResponse](t)(c.cloudguard.GetProblem(t.Context(),
		cloudguard.GetProblemRequest{ProblemId: &problem}))
	return string(got.LifecycleDetail)
}

// recorder keeps the events that a function receives.
func recorder(e *ociemu.Emulator, condition string) (events func() []map[string]any) {
	var mu sync.Mutex
	var got []map[string]any
	e.HandleFunction("ocid1.fnfunc.oc1.iad.recorder", func(_ context.Context, event []byte) error {
		var fields map[string]any
		err := json.Unmarshal(event, &fields)
		mu.Lock()
		defer mu.Unlock()
		got = append(got, fields)
		return err
	})
	e.AddRule(condition, "ocid1.fnfunc.oc1.iad.recorder")
	return func() []map[string]any { e.Deliver(); return got }
}

// at follows a path of field names.
func at(v any, path ...string) any {
	for _, name := range path {
		fields, _ := v.(map[string]any)
		v = fields[name]
	}
	return v
}

func TestClosingAProblemAddsToItsHistoryAndEmitsAnEvent(t *testing.T) {
	now := newClock()
	opts := ociemu.Calm()
	opts.Now = now.Now
	e := ociemu.New(t, opts)
	user := e.AddUser("jane@example.com")
	problem := e.AddProblem(ociemu.ProblemSeed{Rule: "API_KEY_TOO_OLD", User: user, ResourceID: "t/u/f",
		ResourceName: "f"})
	events := recorder(e, `{}`)
	c := asOperator(t, e)
	if got := c.statusOf(t, problem); got != "OPEN" {
		t.Fatalf("a new problem is %s", got)
	}
	if err := c.setStatus(t.Context(), problem, "RESOLVED", "api_secret_ocid:x"); err != nil {
		t.Fatal(err)
	}
	history := must[cloudguard.ListProblemHistoriesResponse](t)(c.cloudguard.ListProblemHistories(t.Context(),
		cloudguard.ListProblemHistoriesRequest{ProblemId: &problem, CompartmentId: common.String(e.Tenancy())}))
	if len(history.Items) != 2 {
		t.Fatalf("got %d history items, want 2", len(history.Items))
	}
	newest := history.Items[0]
	if newest.ActorType != cloudguard.ActorTypeUser || *newest.ActorName != "ada" ||
		*newest.Comment != "api_secret_ocid:x" ||
		newest.LifecycleDetail != cloudguard.ProblemLifecycleDetailResolved ||
		newest.EventStatus != cloudguard.EventStatusResolve {
		t.Errorf("the newest history item is %v", newest)
	}
	got := events()
	if len(got) != 1 {
		t.Fatalf("got %d events, want 1", len(got))
	}
	event := got[0]
	details := at(event, "data", "additionalDetails")
	for _, row := range []struct{ got, want any }{
		{event["eventType"], "com.oraclecloud.cloudguard.problemremediated"},
		{event["cloudEventsVersion"], "0.1"}, {event["eventTypeVersion"], "2.0"},
		{event["source"], "CloudGuardResponderEngine"},
		{event["eventTime"], now.Now().UTC().Format(time.RFC3339)}, {event["contentType"], "application/json"},
		{at(event, "extensions", "compartmentId"), e.Tenancy()},
		{at(event, "data", "compartmentId"), e.Tenancy()}, {at(event, "data", "resourceId"), problem},
		{at(event, "data", "resourceName"), "API key is too old"},
		{at(details, "tenantId"), e.Tenancy()}, {at(details, "status"), "RESOLVED"},
		{at(details, "problemName"), "API_KEY_TOO_OLD"},
		{at(details, "riskLevel"), "MEDIUM"}, {at(details, "resourceId"), "t/u/f"}, {at(details, "resourceName"), "f"},
		{at(details, "labels"), "CIS_OCI_V1.0_IAM, CIS_OCI_V1.1_IAM, IAM"}, {at(details, "region"), "us-ashburn-1"},
		{at(details, "problemRecommendation"), "Rotate API keys regularly, at least every 90 days."},
		{at(details, "problemAdditionalDetails", "User OCID"), user},
		{at(details, "problemAdditionalDetails", "comments"), "api_secret_ocid:x"},
	} {
		if row.got != row.want {
			t.Errorf("the event has %v, want %v", row.got, row.want)
		}
	}
	if snap := e.Problem(problem); snap.Status != "RESOLVED" || snap.Comment != "api_secret_ocid:x" ||
		len(snap.History) != 2 {
		t.Errorf("got snapshot %+v", snap)
	}
}

func TestAnswersChooseTheCommentsOfAnEvent(t *testing.T) {
	for answer, want := range map[ociemu.EventCommentsAnswer]any{
		"": "second", ociemu.EventCommentsLast: "second", ociemu.EventCommentsJoined: "first, reopened, second",
		ociemu.EventCommentsAbsent: nil,
	} {
		opts := ociemu.Calm()
		opts.Answers.EventComments = answer
		e := ociemu.New(t, opts)
		problem := e.AddProblem(ociemu.ProblemSeed{Rule: "PASSWORD_TOO_OLD", User: e.AddUser("jane")})
		events, c := recorder(e, remediated), asOperator(t, e)
		for _, step := range [][2]string{{"RESOLVED", "first"}, {"OPEN", "reopened"}, {"RESOLVED", "second"}} {
			if err := c.setStatus(t.Context(), problem, step[0], step[1]); err != nil {
				t.Fatal(err)
			}
		}
		got := events()
		if len(got) != 2 {
			t.Fatalf("got %d events, want 2", len(got))
		}
		// The two events are delivered in parallel, in any order: only the second has this field.
		found := false
		for _, event := range got {
			found = found || at(event, "data", "additionalDetails", "problemAdditionalDetails", "comments") == want
		}
		if !found {
			t.Errorf("%q: no event has the comments %v", answer, want)
		}
	}
}

func TestAClosingWithoutCommentOrDetailsHasNoSuchFieldsInItsEvent(t *testing.T) {
	e := ociemu.New(t, ociemu.Calm())
	problem := e.AddProblem(ociemu.ProblemSeed{Rule: "PASSWORD_TOO_OLD"})
	events := recorder(e, remediated)
	e.CloseProblem(problem, "", "ada")
	details, _ := at(events()[0], "data", "additionalDetails").(map[string]any)
	if _, has := details["problemAdditionalDetails"]; has || len(details) == 0 {
		t.Errorf("the event has details %v", details)
	}
}

func TestAScanReopensAProblemThatStillExistsAndResolvesOneThatIsGoneAgain(t *testing.T) {
	e := ociemu.New(t, ociemu.Calm())
	problem := e.AddProblem(ociemu.ProblemSeed{Rule: "PASSWORD_TOO_OLD", User: e.AddUser("jane")})
	events := recorder(e, remediated)
	e.CloseProblem(problem, "by hand", "ada")
	e.Rescan(problem, true)
	if got := e.Problem(problem); got.Status != "OPEN" || got.History[2].Event != "REOPEN" {
		t.Errorf("after the first scan the problem is %+v", got)
	}
	e.Rescan(problem, false)
	last := e.Problem(problem).History[3]
	if last.ActorType != "CLOUD_GUARD_SERVICE" || last.Status != "RESOLVED" || last.Comment != "" {
		t.Errorf("the scan's record is %+v", last)
	}
	if got := events(); len(got) != 2 {
		t.Errorf("got %d events, want 2", len(got))
	}
}

func TestReadsOfAProblemLagBehindByTimeAndByCount(t *testing.T) {
	now := newClock()
	opts := ociemu.Calm()
	opts.Now, opts.ProblemLag, opts.ProblemLagReads = now.Now, time.Second, 2
	e := ociemu.New(t, opts)
	problem := e.AddProblem(ociemu.ProblemSeed{Rule: "PASSWORD_TOO_OLD", User: e.AddUser("jane")})
	c := asOperator(t, e)
	if err := c.setStatus(t.Context(), problem, "RESOLVED", "x"); err != nil {
		t.Fatal(err)
	}
	for i := range 2 {
		if got := c.statusOf(t, problem); got != "OPEN" {
			t.Errorf("read %d says %s, want OPEN", i+1, got)
		}
	}
	if got := c.statusOf(t, problem); got != "OPEN" {
		t.Errorf("with the reads over but not the time: %s", got)
	}
	now.Advance(time.Second)
	if got := c.statusOf(t, problem); got != "RESOLVED" {
		t.Errorf("with both over: %s", got)
	}
	if err := c.setStatus(t.Context(), problem, "OPEN", "y"); err != nil {
		t.Fatal(err)
	}
	now.Advance(time.Second)
	history := must[cloudguard.ListProblemHistoriesResponse](t)(c.cloudguard.ListProblemHistories(t.Context(),
		cloudguard.ListProblemHistoriesRequest{ProblemId: &problem, CompartmentId: common.String(e.Tenancy())}))
	if len(history.Items) != 2 {
		t.Errorf("with the time over but not the reads: %d history items, want 2", len(history.Items))
	}
	if got := e.Problem(problem); got.Status != "OPEN" || len(got.History) != 3 {
		t.Errorf("the snapshot lags: %+v", got)
	}
}

func TestProblemsAreReadInAnyRegionAndWrittenInTheReportingRegion(t *testing.T) {
	opts := ociemu.Calm()
	opts.Region, opts.ReportingRegion = "us-phoenix-1", "eu-frankfurt-1"
	e := ociemu.New(t, opts)
	problem := e.AddProblem(ociemu.ProblemSeed{Rule: "PASSWORD_TOO_OLD"})
	c := asOperator(t, e)
	if got := c.statusOf(t, problem); got != "OPEN" {
		t.Errorf("the problem is %s", got)
	}
	refused(t, c.setStatus(t.Context(), problem, "RESOLVED", ""), 403, "NotAllowed")
	c.cloudguard.SetRegion("eu-frankfurt-1")
	if err := c.setStatus(t.Context(), problem, "RESOLVED", ""); err != nil {
		t.Errorf("in the reporting region: %v", err)
	}
	refused(t, c.setStatus(t.Context(), problem, "DELETED", ""), 400, "InvalidParameter")
}

func TestProblemsAreListedByStatusRuleAndTime(t *testing.T) {
	now := newClock()
	opts := ociemu.Options{Now: now.Now, TokenLife: 1000 * time.Hour}
	e := ociemu.New(t, opts)
	old := e.AddProblem(ociemu.ProblemSeed{Rule: "PASSWORD_TOO_OLD"})
	now.Advance(31 * 24 * time.Hour)
	start := now.Now()
	a := e.AddProblem(ociemu.ProblemSeed{Rule: "API_KEY_TOO_OLD"})
	now.Advance(time.Second)
	b := e.AddProblem(ociemu.ProblemSeed{Rule: "AUTH_TOKEN_TOO_OLD"})
	closed := e.AddProblem(ociemu.ProblemSeed{Rule: "SECRET_KEY_TOO_OLD"})
	e.CloseProblem(closed, "x", "ada")
	fn := e.NewFunction("sweep", "")
	for _, row := range []struct {
		name, query string
		want        []string
	}{
		{"of the last 30 days", "", []string{a, b, closed}},
		{"open", "lifecycleDetail=OPEN", []string{a, b}},
		{"resolved", "lifecycleDetail=RESOLVED", []string{closed}},
		{"one rule", "detectorRuleIdList=API_KEY_TOO_OLD", []string{a}},
		{"two rules", "detectorRuleIdList=API_KEY_TOO_OLD&detectorRuleIdList=AUTH_TOKEN_TOO_OLD", []string{a, b}},
		{"two rules in one", "detectorRuleIdList=API_KEY_TOO_OLD%2CAUTH_TOKEN_TOO_OLD", []string{a, b}},
		{"since", "timeLastDetectedGreaterThanOrEqualTo=" + start.Add(time.Second).UTC().Format(time.RFC3339Nano),
			[]string{b, closed}},
		{"since long", "timeLastDetectedGreaterThanOrEqualTo=2020-01-01T00:00:00Z", []string{old, a, b, closed}},
		{"until", "timeLastDetectedLessThanOrEqualTo=" + start.UTC().Format(time.RFC3339Nano), []string{a}},
		{"inactive", "lifecycleState=INACTIVE", nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			got := map[string]bool{}
			for _, id := range listProblems(t, e, fn, now, row.query) {
				got[id] = true
			}
			for _, id := range row.want {
				if !got[id] {
					t.Errorf("%s is missing", id)
				}
			}
			if len(got) != len(row.want) {
				t.Errorf("got %d problems, want %d", len(got), len(row.want))
			}
		})
	}
}

// listProblems reads all pages. It signs requests itself, because the test's clock is later than the SDK's.
func listProblems(t testing.TB, e *ociemu.Emulator, fn ociemu.Principal, now *clock, query string) []string {
	t.Helper()
	var ids []string
	page := ""
	for range 10 {
		url := e.URL() + "/20200131/problems?compartmentId=" + e.Tenancy() + "&" + query
		if page != "" {
			url += "&page=" + page
		}
		var list struct{ Items []struct{ ID string } }
		resp := message{method: "GET", url: url, signer: fn, date: now.Now}.do(t, e)
		if resp.status != 200 {
			t.Fatalf("the list is answered %d", resp.status)
		}
		if err := json.Unmarshal(resp.body, &list); err != nil {
			t.Fatal(err)
		}
		if len(list.Items) > 2 {
			t.Fatalf("a page has %d items", len(list.Items))
		}
		for _, p := range list.Items {
			ids = append(ids, p.ID)
		}
		page = resp.header.Get("opc-next-page")
		if page == "" {
			return ids
		}
	}
	t.Fatal("the list does not end")
	return nil
}

func TestAnswersChooseWhetherClosedProblemsAreListed(t *testing.T) {
	for answer, want := range map[ociemu.ResolvedStateAnswer]int{"": 1, ociemu.ResolvedStateActive: 1,
		ociemu.ResolvedStateInactive: 0} {
		opts := ociemu.Calm()
		opts.Answers.ResolvedState = answer
		e := ociemu.New(t, opts)
		c := asOperator(t, e)
		e.CloseProblem(e.AddProblem(ociemu.ProblemSeed{Rule: "PASSWORD_TOO_OLD"}), "", "ada")
		list := func(state cloudguard.ListProblemsLifecycleStateEnum) int {
			return len(must[cloudguard.ListProblemsResponse](t)(c.cloudguard.ListProblems(t.Context(),
				cloudguard.ListProblemsRequest{
					CompartmentId:   common.String(e.Tenancy()),
					LifecycleDetail: cloudguard.ListProblemsLifecycleDetailResolved, LifecycleState: state,
				})).Items)
		}
		if got := list(""); got != want {
			t.Errorf("%q: got %d problems, want %d", answer, got, want)
		}
		if got := list(cloudguard.ListProblemsLifecycleStateInactive); got != 1-want {
			t.Errorf("%q: got %d inactive problems, want %d", answer, got, 1-want)
		}
	}
}

func TestOCIDsOfProblemsCarryTheReportingRegion(t *testing.T) {
	e := ociemu.New(t, ociemu.Calm())
	if id := e.AddProblem(ociemu.ProblemSeed{Rule: "PASSWORD_TOO_OLD"}); !strings.HasPrefix(id,
		"ocid1.cloudguardproblem.oc1.iad.amaaaaaa") {
		t.Errorf("the OCID is %s", id)
	}
}
