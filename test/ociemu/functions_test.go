package ociemu_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/oracle/oci-go-sdk/v65/common"
	"github.com/oracle/oci-go-sdk/v65/functions"

	"github.com/keyturn/keyturn/test/ociemu"
)

// deployed is an emulator with one function, which answers with its configuration, and an operator's clients for it.
type deployed struct {
	*ociemu.Emulator
	fn     ociemu.Principal
	manage functions.FunctionsManagementClient
	invoke functions.FunctionsInvokeClient
}

func deploy(t *testing.T, o ociemu.Options, run func(ctx context.Context, config map[string]string, body []byte) (int,
	[]byte, string)) *deployed {
	t.Helper()
	e := ociemu.New(t, o)
	d := &deployed{Emulator: e, fn: e.NewFunction("rotate", "")}
	e.Deploy(d.fn, ociemu.Deployment{Config: map[string]string{"mode": "old"}, Invoke: run})
	op := e.AddOperator("ada")
	p := common.NewRawConfigurationProvider(op.TenancyID, op.UserID, op.Region, op.Fingerprint, string(op.PrivatePEM),
		nil)
	d.manage = must[functions.FunctionsManagementClient](t)(
		functions.NewFunctionsManagementClientWithConfigurationProvider(p))
	plain(t, e, &d.manage.BaseClient)
	endpoint := *d.get(t).InvokeEndpoint
	if !strings.HasSuffix(endpoint, ".us-ashburn-1.functions.oci.oraclecloud.com") {
		t.Errorf("the endpoint is %s", endpoint)
	}
	d.invoke = must[functions.FunctionsInvokeClient](t)(functions.NewFunctionsInvokeClientWithConfigurationProvider(p,
		endpoint))
	plain(t, e, &d.invoke.BaseClient)
	return d
}

// plain removes the SDK's retries from a client, and directs it to the emulator.
func plain(t *testing.T, e *ociemu.Emulator, b *common.BaseClient) {
	t.Helper()
	never := common.NoRetryPolicy()
	b.HTTPClient, b.Configuration.RetryPolicy, b.Configuration.CircuitBreaker = e.Client(), &never, nil
	t.Cleanup(b.HTTPClient.(*http.Client).CloseIdleConnections)
}

func (d *deployed) get(t *testing.T) functions.GetFunctionResponse {
	t.Helper()
	return must[functions.GetFunctionResponse](t)(d.manage.GetFunction(t.Context(),
		functions.GetFunctionRequest{FunctionId: &d.fn.FunctionID}))
}

func (d *deployed) set(t *testing.T, etag *string, config map[string]string) (functions.UpdateFunctionResponse, error) {
	t.Helper()
	return d.manage.UpdateFunction(t.Context(), functions.UpdateFunctionRequest{FunctionId: &d.fn.FunctionID,
		IfMatch:               etag,
		UpdateFunctionDetails: functions.UpdateFunctionDetails{Config: config}})
}

func (d *deployed) call(t *testing.T, kind functions.InvokeFunctionFnInvokeTypeEnum, body string) (string,
	*functions.InvokeFunctionResponse, error) {
	t.Helper()
	r, err := d.invoke.InvokeFunction(t.Context(), functions.InvokeFunctionRequest{FunctionId: &d.fn.FunctionID,
		FnInvokeType:       kind,
		InvokeFunctionBody: io.NopCloser(strings.NewReader(body))})
	if err != nil {
		return "", nil, err
	}
	defer r.Content.Close()
	answer, err := io.ReadAll(r.Content)
	return string(answer), &r, err
}

func echo(_ context.Context, config map[string]string, body []byte) (int, []byte, string) {
	return 200, []byte(`"` + config["mode"] + " " + string(body) + `"`), "call-1"
}

func TestAFunctionAnswersItsCallerWithTheConfigurationInForce(t *testing.T) {
	c := newClock()
	o := ociemu.Calm()
	o.Settle, o.Now = time.Second, c.Now
	d := deploy(t, o, echo)
	answer, response, err := d.call(t, "", "hello")
	if err != nil || answer != `"old hello"` || response.RawResponse.Header.Get("Fn-Call-Id") != "call-1" {
		t.Fatalf("got %q, %v", answer, err)
	}
	before := d.get(t)
	updated := must[functions.UpdateFunctionResponse](t)(d.set(t, before.Etag, map[string]string{"mode": "new"}))
	if now := d.get(t); now.LifecycleState != functions.FunctionLifecycleStateUpdating || *now.Etag == *before.Etag ||
		updated.OpcWorkRequestId == nil {
		t.Errorf("after the update the function is %s", now.LifecycleState)
	}
	if answer, _, err := d.call(t, "", "hello"); err != nil || answer != `"old hello"` {
		t.Errorf("while it is updated: %q, %v", answer, err)
	}
	_, err = d.set(t, nil, map[string]string{"mode": "newer"})
	refused(t, err, 409, "IncorrectState")
	c.Advance(2 * time.Second)
	if answer, _, err := d.call(t, "", "hello"); err != nil || answer != `"new hello"` {
		t.Errorf("after the update: %q, %v", answer, err)
	}
	_, err = d.set(t, before.Etag, map[string]string{"mode": "old"})
	refused(t, err, 412, "NoEtagMatch")
	for _, bad := range []map[string]string{{"a-b": "x"}, {"a": strings.Repeat("x", 4<<10)}} {
		_, err = d.set(t, nil, bad)
		refused(t, err, 400, "InvalidParameter")
	}
	if got := d.Configuration(d.fn.FunctionID); got["mode"] != "new" || len(got) != 1 {
		t.Errorf("the configuration is %v", got)
	}
}

func TestAFunctionIsReachedByTheOlderVersionToo(t *testing.T) {
	d := deploy(t, ociemu.Calm(), echo)
	path := d.URL() + "/20181201/functions/" + d.fn.FunctionID
	caller := d.NewFunction("caller", "")
	if status, code := (message{method: "GET", url: path, signer: caller}).send(t, d.Emulator); status != 200 {
		t.Errorf("GetFunction is answered %d %s", status, code)
	}
	if status, code := (message{method: "POST", url: path + "/actions/invoke", body: "x", signer: caller}).send(t,
		d.Emulator); status != 200 {
		t.Errorf("InvokeFunction is answered %d %s", status, code)
	}
}

func TestAFunctionThatFailsIsTheCallersError(t *testing.T) {
	status := 502
	d := deploy(t, ociemu.Calm(), func(context.Context, map[string]string, []byte) (int, []byte, string) {
		return status, nil, "c"
	})
	_, _, err := d.call(t, "", "x")
	refused(t, err, 502, "FunctionInvokeExecutionFailed")
	status = 504
	_, _, err = d.call(t, "", "x")
	refused(t, err, 504, "FunctionInvokeExecutionTimeout")
}

func TestAFunctionMayCallTheServicesWhileItsCallerWaitsOrNot(t *testing.T) {
	var d *deployed
	done := make(chan string, 2)
	d = deploy(t, ociemu.Calm(), func(context.Context, map[string]string, []byte) (int, []byte, string) {
		done <- d.AddUser("made by the function") // needs the emulator's lock
		return 200, []byte("{}"), "c"
	})
	for kind, want := range map[functions.InvokeFunctionFnInvokeTypeEnum]int{
		functions.InvokeFunctionFnInvokeTypeSync: 200, functions.InvokeFunctionFnInvokeTypeDetached: 202} {
		_, r, err := d.call(t, kind, "x")
		if err != nil || r.RawResponse.StatusCode != want {
			t.Fatalf("%s: %v", kind, err)
		}
		<-done
	}
}

func TestAnInvocationNeedsAKnownFunctionAndAPolicy(t *testing.T) {
	d := deploy(t, ociemu.Calm(), echo)
	known := d.fn.FunctionID
	d.fn.FunctionID = "ocid1.fnfunc.oc1.iad.aaaaaaaaunknown"
	_, _, err := d.call(t, "", "x")
	refused(t, err, 404, "NotAuthorizedOrNotFound")
	d.fn.FunctionID = known
	caller := d.NewFunction("caller", "")
	for statement, want := range map[string]bool{"use fn-invocation": true, "{FN_FUNCTION_READ}": false} {
		d.SetPolicies(policies(t, caller, "allow dynamic-group fn to "+statement+" in tenancy"))
		client := must[functions.FunctionsInvokeClient](t)(functions.NewFunctionsInvokeClientWithConfigurationProvider(
			provider{caller}, d.invoke.Host))
		plain(t, d.Emulator, &client.BaseClient)
		_, err := client.InvokeFunction(t.Context(), functions.InvokeFunctionRequest{FunctionId: &known,
			InvokeFunctionBody: io.NopCloser(strings.NewReader("x"))})
		allowed(t, statement, err, want)
	}
}

func TestFunctionsAreListedByApplication(t *testing.T) {
	d := deploy(t, ociemu.Options{}, nil)
	app := must[functions.GetFunctionResponse](t)(d.manage.GetFunction(t.Context(),
		functions.GetFunctionRequest{FunctionId: &d.fn.FunctionID})).ApplicationId
	apps := must[functions.ListApplicationsResponse](t)(d.manage.ListApplications(t.Context(),
		functions.ListApplicationsRequest{CompartmentId: &d.fn.Compartment})).Items
	if len(apps) != 1 || *apps[0].Id != *app {
		t.Fatalf("the applications are %v, want %s", apps, *app)
	}
	list := must[functions.ListFunctionsResponse](t)(d.manage.ListFunctions(t.Context(),
		functions.ListFunctionsRequest{ApplicationId: app})).Items
	if len(list) != 1 || *list[0].Id != d.fn.FunctionID || list[0].InvokeEndpoint == nil {
		t.Errorf("the functions are %v", list)
	}
}
