package ociemu_test

import (
	"testing"

	"github.com/oracle/oci-go-sdk/v65/cloudguard"
	"github.com/oracle/oci-go-sdk/v65/common"
	"github.com/oracle/oci-go-sdk/v65/ons"

	"github.com/keyturn/keyturn/test/ociemu"
)

func TestTheConfigurationNamesTheReportingRegionInEveryRegion(t *testing.T) {
	for _, off := range []bool{false, true} {
		opts := ociemu.Calm()
		opts.ReportingRegion, opts.GuardDisabled = "eu-frankfurt-1", off
		e := ociemu.New(t, opts)
		c := asFunction(t, e)
		get := func(compartment string) (cloudguard.GetConfigurationResponse, error) {
			return c.cloudguard.GetConfiguration(t.Context(),
				cloudguard.GetConfigurationRequest{CompartmentId: &compartment})
		}
		want := cloudguard.CloudGuardStatusEnabled
		if off {
			want = cloudguard.CloudGuardStatusDisabled
		}
		for _, region := range []string{"us-ashburn-1", "eu-frankfurt-1"} {
			c.cloudguard.SetRegion(region)
			got := must[cloudguard.GetConfigurationResponse](t)(get(e.Tenancy()))
			if *got.ReportingRegion != "eu-frankfurt-1" || got.Status != want {
				t.Errorf("in %s Cloud Guard is %s and reports in %s", region, got.Status, *got.ReportingRegion)
			}
		}
		_, err := get(e.AddCompartment("child", ""))
		refused(t, err, 404, "NotAuthorizedOrNotFound")
	}
}

func TestTheConfigurationOfCloudGuardHasASeparateVerb(t *testing.T) {
	for statement, want := range map[string]bool{
		"allow dynamic-group fn to read cloud-guard-config in tenancy":    true,
		"allow dynamic-group fn to inspect cloud-guard-config in tenancy": false,
		"allow dynamic-group fn to use cloud-guard-problems in tenancy":   false,
		"allow dynamic-group fn to read cloud-guard-family in tenancy":    true,
	} {
		e := newPolicyEnv(t, ociemu.Answers{})
		e.SetPolicies(policies(t, e.fn, statement))
		_, err := e.one.cloudguard.GetConfiguration(t.Context(),
			cloudguard.GetConfigurationRequest{CompartmentId: common.String(e.Tenancy())})
		allowed(t, statement, err, want)
	}
}

func TestReadingATopicNeedsASeparatePermission(t *testing.T) {
	e := newPolicyEnv(t, ociemu.Answers{})
	alerts := e.AddCompartment("alerts", "")
	ours, theirs := e.AddTopicIn(alerts, "ours"), e.AddTopic("theirs")
	get := func(id string) error {
		_, err := e.one.topics.GetTopic(t.Context(), ons.GetTopicRequest{TopicId: &id})
		return err
	}
	e.SetPolicies(policies(t, e.fn, "allow dynamic-group fn to {ONS_TOPIC_READ} in compartment id "+alerts))
	allowed(t, "reading ours", get(ours), true)
	allowed(t, "reading theirs", get(theirs), false)
	e.SetPolicies(policies(t, e.fn, "allow dynamic-group fn to {ONS_TOPIC_PUBLISH} in tenancy"))
	allowed(t, "reading with the permission to publish", get(ours), false)
}
