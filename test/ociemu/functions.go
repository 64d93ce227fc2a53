package ociemu

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Functions: management and invocation, in two API versions. The Go SDK uses the newer one (oci-go-sdk
// functions/functions_functionsmanagement_client.go and functions_functionsinvoke_client.go), the OCI CLI the older one
// (oci-python-sdk src/oci/functions/functions_management_client.py). Here they differ in the field for a function's
// image.
const (
	functionsNow  = "20260325"
	functionsThen = "20181201"
)

func functionsService(base string) service {
	return service{name: "functions", base: base, signed: true, routes: []route{
		{operation: "ListApplications", method: http.MethodGet, path: "/applications", handle: listApplications},
		{operation: "ListFunctions", method: http.MethodGet, path: "/functions", handle: listFunctions},
		{operation: "GetFunction", method: http.MethodGet, path: "/functions/{functionId}",
			handle: ofFunction(getFunction)},
		{operation: "UpdateFunction", method: http.MethodPut, path: "/functions/{functionId}",
			handle: ofFunction(updateFunction)},
	}}
}

func functionsInvokeService(base string) service {
	return service{name: "functionsinvoke", base: base, signed: true, routes: []route{
		{operation: "InvokeFunction", method: http.MethodPost, path: "/functions/{functionId}/actions/invoke",
			handle: ofFunction(invokeFunction)},
	}}
}

// Deployment is a function in the Functions service.
type Deployment struct {
	// Config is the function's configuration.
	Config map[string]string
	// Invoke runs the function with a configuration and returns what the platform answers the caller: the status, the
	// body and the call id. It is called without the emulator's lock. The context ends with the emulator, not when the
	// caller disconnects.
	Invoke func(ctx context.Context, config map[string]string, body []byte) (status int, answer []byte, callID string)
}

// deployed is a deployment with its state.
type deployed struct {
	Deployment
	principal Principal
	created   time.Time
	etag      string
	busyUntil time.Time
	before    map[string]string // the configuration used until then
}

// Deploy adds the function to the Functions service in Options.Region.
func (e *Emulator) Deploy(p Principal, d Deployment) {
	e.mu.Lock()
	defer e.mu.Unlock()
	d.Config = orMap(maps.Clone(d.Config))
	e.state.functions[p.FunctionID] = &deployed{Deployment: d, principal: p, created: e.now(), etag: e.state.ids.etag()}
}

// Configuration is the function's configuration in the Functions service; nil if it isn't deployed.
func (e *Emulator) Configuration(functionID string) map[string]string {
	e.mu.Lock()
	defer e.mu.Unlock()
	f := e.state.functions[functionID]
	if f == nil {
		return nil
	}
	return maps.Clone(f.Config)
}

// theFunction returns the function named in the path, or nil.
func (x *exchange) theFunction() *deployed {
	if x.call.Region != x.e.opts.Region {
		return nil
	}
	return x.e.state.functions[x.params["functionId"]]
}

func ofFunction(handle func(*exchange, *deployed) reply) func(*exchange) reply {
	return func(x *exchange) reply {
		f := x.theFunction()
		if f == nil {
			return errNotFound.reply()
		}
		return handle(x, f)
	}
}

func (f *deployed) state(now time.Time) string {
	if now.Before(f.busyUntil) {
		return "UPDATING"
	}
	return "ACTIVE"
}

// invokeLabel is the first label of the host name that invokes the functions of this tenancy's one application.
const invokeLabel = "ociemuapplication"

func functionBody(x *exchange, f *deployed) map[string]any {
	region := x.e.opts.Region
	body := map[string]any{
		"id": f.principal.FunctionID, "displayName": f.principal.Name, "compartmentId": f.principal.Compartment,
		"applicationId":  applicationID(region),
		"lifecycleState": f.state(x.now), "config": f.Config,
		"memoryInMBs": 256, "timeoutInSeconds": 300, "shape": "GENERIC_X86",
		"invokeEndpoint": fmt.Sprintf("https://%s.%s.functions.oci.oraclecloud.com", invokeLabel, region),
		"freeformTags":   map[string]string{}, "definedTags": map[string]any{}, "timeCreated": timestamp(f.created),
		"timeUpdated": timestamp(f.created),
	}
	image := "ocir.io/ociemu/" + f.principal.Name + ":1"
	if strings.HasPrefix(x.call.Path, "/"+functionsThen+"/") {
		body["image"], body["imageDigest"] = image, fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(image)))
	} else {
		body["sourceDetails"] = map[string]any{"sourceType": "CONTAINER_IMAGE", "image": image}
	}
	return body
}

// applicationID is the OCID of the tenancy's one application.
func applicationID(region string) string {
	return "ocid1.fnapp.oc1." + regionInOCID(region) + ".aaaaaaaaociemu"
}

// listApplications lists the application in each compartment that has a function (functions/application_summary.go).
func listApplications(x *exchange) reply {
	compartment, region := x.query.Get("compartmentId"), x.e.opts.Region
	if compartment == "" {
		return errMissing.because("The compartmentId is missing.").reply()
	}
	bodies := []map[string]any{}
	for _, f := range x.e.state.functions {
		if f.principal.Compartment == compartment && x.call.Region == region && len(bodies) == 0 {
			bodies = append(bodies, map[string]any{"id": applicationID(region), "displayName": "keyturn",
				"compartmentId": compartment, "lifecycleState": "ACTIVE", "subnetIds": []string{},
				"freeformTags": map[string]string{}, "definedTags": map[string]any{}})
		}
	}
	return listReply(x, bodies, bare)
}

// listFunctions lists the functions of the application, without their configuration (functions/function_summary.go).
func listFunctions(x *exchange) reply {
	application := x.query.Get("applicationId")
	if application == "" {
		return errMissing.because("The applicationId is missing.").reply()
	}
	if application != applicationID(x.e.opts.Region) || x.call.Region != x.e.opts.Region {
		return errNotFound.reply()
	}
	bodies := []map[string]any{}
	for _, id := range slices.Sorted(maps.Keys(x.e.state.functions)) {
		body := functionBody(x, x.e.state.functions[id])
		delete(body, "config")
		bodies = append(bodies, body)
	}
	return listReply(x, bodies, bare)
}

func getFunction(x *exchange, f *deployed) reply { return ok(functionBody(x, f)).with("etag", f.etag) }

var configurationKey = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// maxConfiguration is the limit for keys and values together, in bytes (functions/create_function_details.go).
const maxConfiguration = 4 << 10

// updateFunction replaces the configuration. Invocations use the previous one for a while.
func updateFunction(x *exchange, f *deployed) reply {
	var fields map[string]json.RawMessage
	var details struct{ Config map[string]string }
	if x.read(&fields) != nil || x.read(&details) != nil {
		return errCannotParse.reply()
	}
	for field := range fields {
		if field != "config" {
			return errInvalid.because("The emulator changes the config of a function and nothing else, not " + field +
				".").reply()
		}
	}
	if refused := x.checkEtag(f.etag); refused != nil {
		return refused.reply()
	}
	if state := f.state(x.now); state != "ACTIVE" {
		return errState.because("The function is " + state + ", not ACTIVE.").reply()
	}
	size := 0
	for key, value := range details.Config {
		size += len(key) + len(value)
		if !configurationKey.MatchString(key) {
			return errInvalid.because("A key of the configuration must have letters, digits and " +
				"underscores only.").reply()
		}
	}
	if size > maxConfiguration {
		return errInvalid.because("The configuration is larger than 4 KB.").reply()
	}
	f.before, f.busyUntil = f.Config, x.now.Add(x.e.opts.Settle)
	if details.Config != nil {
		f.Config = details.Config
	}
	f.etag = x.e.state.ids.etag()
	x.changed = true
	return reply{status: http.StatusAccepted}.with("opc-work-request-id", x.e.state.ids.ocid("functionsworkrequest",
		regionInOCID(x.call.Region)))
}

// The codes of failed invocations
// (https://docs.oracle.com/en-us/iaas/Content/Functions/Tasks/functionstroubleshooting.htm).
var invokeFailures = map[int]refusal{
	http.StatusBadGateway:     {http.StatusBadGateway, "FunctionInvokeExecutionFailed", "function failed"},
	http.StatusGatewayTimeout: {http.StatusGatewayTimeout, "FunctionInvokeExecutionTimeout", "function timed out"},
}

func invokeFunction(x *exchange, f *deployed) reply {
	config := maps.Clone(f.Config)
	if f.state(x.now) == "UPDATING" {
		config = maps.Clone(f.before)
	}
	if x.header("fn-intent") == "httprequest" {
		return errInvalid.because("The emulator has no HTTP gateway.").reply()
	}
	run := func() reply {
		status, answer, callID := f.Invoke(x.e.ctx, config, x.body)
		if failure, failed := invokeFailures[status]; failed {
			return failure.reply().with("Fn-Call-Id", callID)
		}
		return reply{status: status, body: answer}.with("Fn-Call-Id", callID).with("Content-Type", "application/json")
	}
	if strings.EqualFold(x.header("fn-invoke-type"), "detached") {
		x.e.deliveries.begin(1)
		go func() {
			defer x.e.deliveries.end()
			run()
		}()
		return reply{status: http.StatusAccepted}
	}
	return reply{then: run}
}
