package oci_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/keyturn/keyturn/pkg/fault"
	"github.com/keyturn/keyturn/pkg/oci"
	"github.com/keyturn/keyturn/test/ociemu"
)

func TestAFunctionIsFoundAndInvoked(t *testing.T) {
	cloud, e := emulated(t, ociemu.Calm())
	compartment := "ocid1.compartment.oc1..aaaaaaaaq3lxdvpdzx5fk4h2xysgvtnblb4dnm6dsvyqwlz4tkqfb2n4bnaa"
	echo := e.NewFunction("echo", compartment)
	status := 200
	e.Deploy(echo, ociemu.Deployment{Invoke: func(_ context.Context, _ map[string]string, body []byte) (int, []byte,
		string) {
		return status, []byte(strings.ToUpper(string(body))), "call"
	}})
	all, err := cloud.FunctionsIn(t.Context(), compartment)
	if err != nil || len(all) != 1 || all[0].ID != echo.FunctionID || all[0].Name != "echo" ||
		all[0].Compartment != compartment || all[0].State != "ACTIVE" {
		t.Fatalf("the list is %+v (%v)", all, err)
	}
	read, err := cloud.Function(t.Context(), echo.FunctionID)
	if err != nil || read != all[0] {
		t.Errorf("it is read as %+v (%v), and listed as %+v", read, err, all[0])
	}
	if answer, err := cloud.Invoke(t.Context(), read, []byte("hello")); err != nil || string(answer) != "HELLO" {
		t.Errorf("it answers %q (%v)", answer, err)
	}
	status = 502
	if _, err := cloud.Invoke(t.Context(), read, nil); !strings.Contains(err.Error(), "FunctionInvokeExecutionFailed") {
		t.Errorf("a function that fails: %v", err)
	}
	if n := len(called(e, "InvokeFunction")); n != 2 {
		t.Errorf("there were %d invocations, want one each time", n)
	}
	if none, err := cloud.FunctionsIn(t.Context(), e.Tenancy()); err != nil || len(none) != 0 {
		t.Errorf("in another compartment there are %+v (%v)", none, err)
	}
}

func TestNothingIsSentToAnAddressThatIsNotOCIs(t *testing.T) {
	cloud, e := emulated(t, ociemu.Calm())
	f := e.NewFunction("f", "")
	e.Deploy(f, ociemu.Deployment{})
	read, err := cloud.Function(t.Context(), f.FunctionID)
	if err != nil {
		t.Fatal(err)
	}
	before := len(e.Calls())
	for _, endpoint := range []string{"", "http://a.functions.oci.oraclecloud.com",
		"https://oraclecloud.com.example.com", "https://a.example.com",
		"https://u@a.functions.oci.oraclecloud.com", "https://a.oraclecloud.com:8443"} {
		if _, err := cloud.Invoke(t.Context(), oci.WithEndpoint(read, endpoint), nil); fault.Of(err) != fault.Invalid {
			t.Errorf("%q: %v", endpoint, err)
		}
	}
	if after := e.Calls(); len(after) != before {
		t.Errorf("it made the calls %+v", slices.Clone(after[before:]))
	}
}
