package acceptance

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/oracle/oci-go-sdk/v65/functions"

	"github.com/keyturn/keyturn/pkg/cloudguard"
)

type deployment struct {
	id, name, compartment string
	config                map[string]string
	client                functions.FunctionsInvokeClient
}

// The longest waits: for a change that OCI applies, and until a new credential works or a deleted one is refused.
// Users have published 15 minutes for an API key.
const (
	settlingTime = 4 * time.Minute
	spreadTime   = 15 * time.Minute
)

func (a *admin) deployment(ctx context.Context, id string) (*deployment, error) {
	f, err := a.readFunction(ctx, id)
	if err != nil {
		return nil, err
	}
	d := &deployment{id: id, name: text(f.DisplayName), compartment: text(f.CompartmentId), config: f.Config}
	d.client, err = functions.NewFunctionsInvokeClientWithConfigurationProvider(a.provider,
		text(f.InvokeEndpoint))
	if err != nil {
		return nil, fmt.Errorf("making the clients: %w", err)
	}
	a.plain(&d.client.BaseClient)
	d.client.HTTPClient = a.patient
	return d, nil
}

func (a *admin) readFunction(ctx context.Context, id string) (functions.GetFunctionResponse, error) {
	f, err := ask(ctx, a.functions.GetFunction, functions.GetFunctionRequest{FunctionId: &id})
	if err != nil {
		return f, fmt.Errorf("reading the function %s (is it deployed, and may you read it?): %s", id, detailed(err))
	}
	return f, nil
}

// eventCheck is the configuration key that a run may switch.
const eventCheck = "event_check"

// fits refuses a configuration with which a run is impossible. The error says how to fix it.
func (d *deployment) fits(o Options) error {
	var faults []error
	if is(d.config["dry_run"], "yes") {
		faults = append(faults, errors.New("the function has dry_run=yes, so it would rotate nothing. Set dry_run to "+
			"no (Terraform: dry_run = false), and restore it after the run"))
	}
	if !is(d.config[eventCheck], "off") && !o.SwitchEventCheck {
		faults = append(faults, errors.New("the function has event_check=on, so it would refuse events of which Cloud "+
			"Guard has no record. Use a staging stack with event_check=off (Terraform: configuration = "+
			"{ event_check = \"off\" }), or give --switch-event-check: the run then switches it off, and on again "+
			"at the end. While it is off, anyone who may invoke the function or write events decides what is rotated"))
	}
	if d.config["ons_topic"] == "" {
		faults = append(faults, errors.New("the function has no ons_topic: is "+d.name+" the function rotate?"))
	}
	return errors.Join(faults...)
}

// is compares as the function does when it reads its configuration: without regard to case and surrounding spaces.
func is(value, want string) bool { return strings.EqualFold(strings.TrimSpace(value), want) }

// compartmentOf is the compartment for the secrets: --compartment, or the function's first one.
func (d *deployment) compartmentOf(o Options) string {
	first, _, _ := strings.Cut(d.config["secret_compartments"], ",")
	id, err := cloudguard.ParseOCID(first)
	if err != nil {
		id = ""
	}
	return cmp.Or(o.Compartment, string(id), d.compartment)
}

// configured is the part of the configuration that matters to the result of a run.
func (d *deployment) configured() string {
	s := "function " + d.name
	for _, key := range []string{"prove", "secret_binding", "grace_period", "rsa_bits"} {
		if v := d.config[key]; v != "" {
			s += ", " + key + "=" + v
		}
	}
	return s
}

// set sets or, with nil, removes one key of a function's configuration, and waits until the function is ACTIVE with it.
// It keeps changes that others make in the meantime.
func (a *admin) set(ctx context.Context, id, key string, value *string) error {
	_, err := until(ctx, 5*time.Minute, func() (bool, error) {
		f, err := a.readFunction(ctx, id)
		if err != nil || f.LifecycleState != functions.FunctionLifecycleStateActive {
			return false, err
		}
		config := maps.Clone(f.Config)
		delete(config, key)
		if value != nil {
			config[key] = *value
		}
		if maps.Equal(config, f.Config) {
			return true, nil
		}
		_, err = ask(ctx, a.functions.UpdateFunction, functions.UpdateFunctionRequest{FunctionId: &id, IfMatch: f.Etag,
			UpdateFunctionDetails: functions.UpdateFunctionDetails{Config: config}})
		if statusIs(err, 412) {
			err = nil
		}
		return false, err
	})
	if err != nil {
		return fmt.Errorf("setting %s of the function: %s", key, detailed(err))
	}
	return nil
}
