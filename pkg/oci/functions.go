package oci

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/oracle/oci-go-sdk/v65/common"
	"github.com/oracle/oci-go-sdk/v65/functions"

	"github.com/keyturn/keyturn/pkg/fault"
)

// Function is a function that is deployed in OCI Functions.
type Function struct {
	ID, Name    string
	Compartment string // OCID
	State       string // the lifecycle state, such as ACTIVE
	endpoint    string
}

// invokeTime is the time limit of an invocation: the longest that OCI Functions lets a function run (5 minutes), and
// its start.
const invokeTime = 5*time.Minute + 30*time.Second

// maxReply is the most that is read of a function's answer, which OCI limits to 6 MB.
const maxReply = 6 << 20

func (c *Cloud) functions(region string) (*functions.FunctionsManagementClient, error) {
	return client(c, "functions", region, functions.NewFunctionsManagementClientWithConfigurationProvider,
		func(cl *functions.FunctionsManagementClient) *common.BaseClient { return &cl.BaseClient })
}

// Function reads a function, in the region of its OCID.
func (c *Cloud) Function(ctx context.Context, id string) (Function, error) {
	const operation = "GetFunction"
	cl, err := c.functions(regionOf(id))
	if err != nil {
		return Function{}, classify(operation, err)
	}
	r, err := call(ctx, c, operation, harmless, func(ctx context.Context) (functions.GetFunctionResponse, error) {
		return cl.GetFunction(ctx, functions.GetFunctionRequest{FunctionId: &id})
	})
	return Function{ID: id, Name: str(r.DisplayName), Compartment: str(r.CompartmentId),
		State: string(r.LifecycleState), endpoint: str(r.InvokeEndpoint)}, err
}

// FunctionsIn lists the functions of all applications of a compartment, in the region of the login.
func (c *Cloud) FunctionsIn(ctx context.Context, compartment string) ([]Function, error) {
	cl, err := c.functions("")
	if err != nil {
		return nil, classify("ListApplications", err)
	}
	var all []Function
	err = pages(func(page *string) (*string, error) {
		r, err := call(ctx, c, "ListApplications", harmless,
			func(ctx context.Context) (functions.ListApplicationsResponse, error) {
				return cl.ListApplications(ctx, functions.ListApplicationsRequest{CompartmentId: &compartment,
					Page: page})
			})
		if err != nil {
			return nil, err
		}
		for _, a := range r.Items {
			some, err := c.functionsOf(ctx, cl, str(a.Id))
			if err != nil {
				return nil, err
			}
			all = append(all, some...)
		}
		return r.OpcNextPage, nil
	})
	return all, err
}

func (c *Cloud) functionsOf(ctx context.Context, cl *functions.FunctionsManagementClient,
	application string) ([]Function, error) {
	var all []Function
	err := pages(func(page *string) (*string, error) {
		r, err := call(ctx, c, "ListFunctions", harmless,
			func(ctx context.Context) (functions.ListFunctionsResponse, error) {
				return cl.ListFunctions(ctx, functions.ListFunctionsRequest{ApplicationId: &application, Page: page})
			})
		for _, f := range r.Items {
			all = append(all, Function{ID: str(f.Id), Name: str(f.DisplayName), Compartment: str(f.CompartmentId),
				State: string(f.LifecycleState), endpoint: str(f.InvokeEndpoint)})
		}
		return r.OpcNextPage, err
	})
	return all, err
}

// pages calls ask for each page of a list: first with nil, then with the token that it returned, until that is nil.
func pages(ask func(page *string) (next *string, err error)) error {
	var page *string
	for {
		next, err := ask(page)
		if err != nil || str(next) == "" {
			return err
		}
		page = next
	}
}

// Invoke invokes a function, waits for its answer for up to five and a half minutes, and returns it. It makes one
// attempt: after a lost answer the function may have run. A function that fails is an error with the platform's code.
func (c *Cloud) Invoke(ctx context.Context, f Function, body []byte) ([]byte, error) {
	const operation = "InvokeFunction"
	if err := c.checkEndpoint(f.endpoint); err != nil {
		return nil, err
	}
	p, err := c.provider()
	if err != nil {
		return nil, classify(operation, err)
	}
	cl, err := functions.NewFunctionsInvokeClientWithConfigurationProvider(p, f.endpoint)
	if err != nil {
		return nil, classify(operation, err)
	}
	slow := c.network.patient()
	defer slow.CloseIdleConnections()
	cl.HTTPClient = dispatcher{&http.Client{Transport: limited{slow}, CheckRedirect: c.http.CheckRedirect}}
	cl.Configuration.RetryPolicy, cl.Configuration.CircuitBreaker = &onePlain, nil
	return callWithin(ctx, c, operation, invokeTime, true, func(ctx context.Context) ([]byte, error) {
		r, err := cl.InvokeFunction(ctx, functions.InvokeFunctionRequest{FunctionId: &f.ID,
			FnInvokeType:       functions.InvokeFunctionFnInvokeTypeSync,
			InvokeFunctionBody: io.NopCloser(bytes.NewReader(body))})
		if err != nil {
			return nil, err
		}
		defer r.Content.Close()
		return io.ReadAll(io.LimitReader(r.Content, maxReply))
	})
}

// checkEndpoint refuses an address that is not in the realm: a signature must not reach any other host.
func (c *Cloud) checkEndpoint(endpoint string) error {
	own, err := c.ownRegion()
	if err != nil {
		return err
	}
	realm, err := domainOf(own, own)
	if err != nil {
		return err
	}
	u, err := url.Parse(endpoint)
	if err != nil || u.Scheme != "https" || u.Port() != "" || u.User != nil ||
		!strings.HasSuffix(u.Hostname(), "."+realm) {
		return fault.New(fault.Invalid, "InvokeFunction", fmt.Sprintf("the function's address isn't https://....%s: "+
			"nothing is sent to it", realm))
	}
	return nil
}
