package ociemu_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/oracle/oci-go-sdk/v65/common"
	"github.com/oracle/oci-go-sdk/v65/events"

	"github.com/keyturn/keyturn/test/ociemu"
)

func (c *clients) createRule(ctx context.Context, compartment, condition string, actions ...events.ActionDetails) (
	events.CreateRuleResponse, error) {
	return c.events.CreateRule(ctx, events.CreateRuleRequest{CreateRuleDetails: events.CreateRuleDetails{
		DisplayName: common.String("rule"), IsEnabled: common.Bool(true), Condition: &condition,
		CompartmentId: &compartment,
		Actions:       &events.ActionDetailsList{Actions: append([]events.ActionDetails{}, actions...)},
	}})
}

func TestARuleIsCreatedListedReadAndDeleted(t *testing.T) {
	e := ociemu.New(t, ociemu.Calm())
	c, topic := asFunction(t, e), e.AddTopic("secops")
	made := must[events.CreateRuleResponse](t)(c.createRule(t.Context(), e.Tenancy(), remediated,
		events.CreateNotificationServiceActionDetails{IsEnabled: common.Bool(true), TopicId: &topic},
		events.CreateFaaSActionDetails{IsEnabled: common.Bool(true),
			FunctionId: common.String("ocid1.fnfunc.oc1.iad.x")}))
	if *made.Condition != remediated || len(made.Actions.Actions) != 2 {
		t.Errorf("got rule %v", made.Rule)
	}
	list := must[events.ListRulesResponse](t)(c.events.ListRules(t.Context(),
		events.ListRulesRequest{CompartmentId: common.String(e.Tenancy())}))
	if len(list.Items) != 1 || *list.Items[0].Id != *made.Id {
		t.Errorf("got rules %v", list.Items)
	}
	must[events.GetRuleResponse](t)(c.events.GetRule(t.Context(), events.GetRuleRequest{RuleId: made.Id}))
	must[events.DeleteRuleResponse](t)(c.events.DeleteRule(t.Context(), events.DeleteRuleRequest{RuleId: made.Id}))
	_, err := c.events.GetRule(t.Context(), events.GetRuleRequest{RuleId: made.Id})
	refused(t, err, 404, "NotAuthorizedOrNotFound")
	if n := e.Emit([]byte(`{"eventType":"com.oraclecloud.cloudguard.problemremediated"}`)); n != 0 {
		t.Errorf("a deleted rule started %d actions", n)
	}
}

func TestARuleWithoutAUsableConditionOrActionIsRefused(t *testing.T) {
	e := ociemu.New(t, ociemu.Calm())
	c, topic := asFunction(t, e), e.AddTopic("secops")
	action := events.CreateNotificationServiceActionDetails{IsEnabled: common.Bool(true), TopicId: &topic}
	for _, condition := range []string{"", "null", "[]", `"x"`, "{"} {
		_, err := c.createRule(t.Context(), e.Tenancy(), condition, action)
		t.Run(condition, func(t *testing.T) { refused(t, err, 400, "InvalidParameter") })
	}
	_, err := c.createRule(t.Context(), e.Tenancy(), "{}")
	refused(t, err, 400, "MissingParameter")
	_, err = c.createRule(t.Context(), e.Tenancy(), "{}", events.CreateNotificationServiceActionDetails{
		IsEnabled: common.Bool(true)})
	refused(t, err, 400, "InvalidParameter")
}

func TestAConditionMatchesAnEventThatHasAllItsFields(t *testing.T) {
	const event = `{"eventType":"com.oraclecloud.cloudguard.problemremediated",
		"data":{"resourceName":"a-b-c","additionalDetails":{"problemName":"API_KEY_TOO_OLD","n":3,"list":["x","y"]}}}`
	rows := map[string]bool{
		`{}`: true,
		`{"eventType":"com.oraclecloud.cloudguard.problemremediated"}`:                                     true,
		`{"eventType":["com.oraclecloud.x","com.oraclecloud.cloudguard.problemremediated"]}`:               true,
		`{"eventType":["com.oraclecloud.x"]}`:                                                              false,
		`{"eventType":[]}`:                                                                                 false,
		`{"eventType":"com.oraclecloud.cloudguard.*"}`:                                                     true,
		`{"eventType":"*remediated"}`:                                                                      true,
		`{"eventType":"*cloudguard*"}`:                                                                     true,
		`{"eventType":"com*problem*ted"}`:                                                                  true,
		`{"eventType":"com.oraclecloud.cloudguard"}`:                                                       false,
		`{"eventType":"remediated*"}`:                                                                      false,
		`{"data":{"resourceName":"a-b*b-c"}}`:                                                              false,
		`{"data":{"resourceName":"a*c*b*c"}}`:                                                              false,
		`{"data":{"additionalDetails":{"problemName":["API_KEY_TOO_OLD"]}}}`:                               true,
		`{"data":{"additionalDetails":{"problemName":["PASSWORD_TOO_OLD"]}}}`:                              false,
		`{"data":{"problemName":["API_KEY_TOO_OLD"]}}`:                                                     false,
		`{"problemName":["API_KEY_TOO_OLD"]}`:                                                              false,
		`{"eventType":"com*","data":{"additionalDetails":{"problemName":"API_KEY_TOO_OLD","absent":"x"}}}`: false,
		`{"data":{"additionalDetails":{"n":3}}}`:                                                           true,
		`{"data":{"additionalDetails":{"n":"3"}}}`:                                                         false,
		`{"data":{"additionalDetails":{"list":"y"}}}`:                                                      true,
		`{"data":{"additionalDetails":{"list":["z"]}}}`:                                                    false,
		`{"data":"x"}`: false,
	}
	if len(rows) < 20 {
		t.Fatal("rows are missing")
	}
	for condition, want := range rows {
		e := ociemu.New(t, ociemu.Calm())
		e.AddRule(condition, e.AddTopic("secops"))
		if got := e.Emit([]byte(event)) == 1; got != want {
			t.Errorf("%s matches: %v, want %v", condition, got, want)
		}
	}
}

func TestARuleOfACompartmentMatchesOnlyItsEventsAndOneOfTheRootMatchesAll(t *testing.T) {
	e := ociemu.New(t, ociemu.Calm())
	c, topic := asFunction(t, e), e.AddTopic("secops")
	action := events.CreateNotificationServiceActionDetails{IsEnabled: common.Bool(true), TopicId: &topic}
	must[events.CreateRuleResponse](t)(c.createRule(t.Context(), "ocid1.compartment.oc1..a", "{}", action))
	if n := e.Emit([]byte(`{"data":{"compartmentId":"` + e.Tenancy() + `"}}`)); n != 0 {
		t.Errorf("an event of the root started %d actions of the compartment", n)
	}
	if n := e.Emit([]byte(`{"data":{"compartmentId":"ocid1.compartment.oc1..a"}}`)); n != 1 {
		t.Errorf("an event of the compartment started %d actions", n)
	}
	must[events.CreateRuleResponse](t)(c.createRule(t.Context(), e.Tenancy(), "{}", action))
	if n := e.Emit([]byte(`{"data":{"compartmentId":"ocid1.compartment.oc1..a"}}`)); n != 2 {
		t.Errorf("with a rule in the root: %d actions, want 2", n)
	}
}

func TestARuleOutsideTheReportingRegionGetsNoEvents(t *testing.T) {
	e := ociemu.New(t, ociemu.Calm())
	c, topic := asFunction(t, e), e.AddTopic("secops")
	c.events.SetRegion("us-phoenix-1")
	must[events.CreateRuleResponse](t)(c.createRule(t.Context(), e.Tenancy(), "{}",
		events.CreateNotificationServiceActionDetails{IsEnabled: common.Bool(true), TopicId: &topic}))
	if n := e.Emit([]byte(`{}`)); n != 0 {
		t.Errorf("it started %d actions", n)
	}
}

func TestATopicGetsTheRawEventUnderTheServicesSubject(t *testing.T) {
	e := ociemu.New(t, ociemu.Calm())
	topic := e.AddTopic("secops")
	e.AddRule("{}", topic)
	const event = `{"eventType":"com.oraclecloud.x","n":1}`
	e.Emit([]byte(event))
	mails := e.Mails()
	if len(mails) != 1 || mails[0].Title != "OCI Event Notification : com.oraclecloud.x" || mails[0].Body != event ||
		mails[0].Topic != topic {
		t.Errorf("got mails %v", mails)
	}
}

func TestAnEventIsDeliveredAsOftenAsConfiguredAlsoInParallel(t *testing.T) {
	for _, parallel := range []bool{false, true} {
		opts := ociemu.Calm()
		opts.Deliveries, opts.ParallelDeliveries = 3, parallel
		e := ociemu.New(t, opts)
		var mu sync.Mutex
		running, most, total := 0, 0, 0
		all := make(chan struct{})
		e.HandleFunction("ocid1.fnfunc.oc1.iad.f", func(context.Context, []byte) error {
			mu.Lock()
			running++
			total++
			most = max(most, running)
			if running == 3 {
				close(all)
			}
			mu.Unlock()
			if parallel {
				<-all // all three run in parallel, or the test hangs
			}
			mu.Lock()
			running--
			mu.Unlock()
			return nil
		})
		e.AddRule("{}", "ocid1.fnfunc.oc1.iad.f")
		e.Emit([]byte("{}"))
		e.Deliver()
		if total != 3 || parallel && most != 3 || !parallel && most != 1 {
			t.Errorf("parallel %v: %d deliveries, %d at once", parallel, total, most)
		}
	}
}

func TestAFunctionsErrorsAreKept(t *testing.T) {
	e := ociemu.New(t, ociemu.Options{Deliveries: 2})
	boom := errors.New("boom")
	e.HandleFunction("ocid1.fnfunc.oc1.iad.f", func(context.Context, []byte) error { return boom })
	e.AddRule("{}", "ocid1.fnfunc.oc1.iad.f")
	e.Emit([]byte("{}"))
	e.Deliver()
	failures := e.Failures()
	attempts := []int{}
	for _, f := range failures {
		attempts = append(attempts, f.Attempt)
		if !errors.Is(f.Err, boom) || f.Function != "ocid1.fnfunc.oc1.iad.f" || string(f.Event) != "{}" {
			t.Errorf("got failure %+v", f)
		}
	}
	if !slices.Equal(attempts, []int{1, 2}) {
		t.Errorf("got attempts %v", attempts)
	}
}

func TestADeliveryToAnUnregisteredFunctionIsAFailure(t *testing.T) {
	e := ociemu.New(t, ociemu.Calm())
	e.AddRule("{}", "ocid1.fnfunc.oc1.iad.unknown")
	e.Emit([]byte("{}"))
	e.Deliver()
	if failures := e.Failures(); len(failures) != 1 || !strings.Contains(failures[0].Err.Error(), "no function") {
		t.Errorf("got failures %v", failures)
	}
	if n := e.Emit([]byte("not JSON")); n != 0 {
		t.Errorf("an event that is no JSON started %d actions", n)
	}
}
