package main

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

// deployment is a deployed function.
type deployment struct {
	id, name, compartment string
	config                map[string]string
	client                functions.FunctionsInvokeClient
}

// settlingTime is the longest that anything is waited for that OCI does by itself.
const settlingTime = 4 * time.Minute

// spreadTime is the longest that a new or a deleted credential is waited for. Users have published 15 minutes for an
// API key.
const spreadTime = 15 * time.Minute

// deployment reads a function.
func (a *admin) deployment(ctx context.Context, id string) (*deployment, error) {
	f, err := a.readFunction(ctx, id)
	if err != nil {
		return nil, err
	}
	d := &deployment{id: id, name: text(f.DisplayName), compartment: text(f.CompartmentId), config: f.Config}
	if d.client, err = functions.NewFunctionsInvokeClientWithConfigurationProvider(a.provider,
		text(f.InvokeEndpoint)); err != nil {
		return nil, fmt.Errorf("making the clients: %w", err)
	}
	a.plain(&d.client.BaseClient)
	d.client.HTTPClient = a.patient
	return d, nil
}

func (a *admin) readFunction(ctx context.Context, id string) (functions.GetFunctionResponse, error) {
	f, err := patiently(ctx, func(ctx context.Context) (functions.GetFunctionResponse, error) {
		return a.functions.GetFunction(ctx, functions.GetFunctionRequest{FunctionId: &id})
	})
	if err != nil {
		return f, fmt.Errorf("reading the function %s (is it deployed, and may you read it?): %s", id, told(err))
	}
	return f, nil
}

// eventCheck is the key whose value is switched.
const eventCheck = "event_check"

// fits says what in the function's configuration keeps a run from being made, with the remedy.
func (d *deployment) fits(o options) error {
	var faults []error
	if is(d.config["dry_run"], "yes") {
		faults = append(faults, errors.New("the function has dry_run=yes: it would rotate nothing. Set dry_run to "+
			"no (Terraform: dry_run = false), and back after the run"))
	}
	if !is(d.config[eventCheck], "off") && !o.switchCheck {
		faults = append(faults, errors.New("the function has event_check=on: it would refuse events of which Cloud "+
			"Guard has no record. "+
			"Use a staging stack with event_check=off (Terraform: configuration = { event_check = \"off\" }), or "+
			"give -switch-event-check to have it switched off for the run and back at its end. "+
			"While it is off, whoever may invoke the function or write events decides what is rotated"))
	}
	if d.config["ons_topic"] == "" {
		faults = append(faults, errors.New("the function has no ons_topic: is "+d.name+" the function rotate?"))
	}
	return errors.Join(faults...)
}

// is compares like the function does when it reads its configuration: in any case, apart from blanks.
func is(value, want string) bool { return strings.EqualFold(strings.TrimSpace(value), want) }

// compartmentOf is where secrets are made if no flag says so.
func (d *deployment) compartmentOf(o options) string {
	first, _, _ := strings.Cut(d.config["secret_compartments"], ",")
	id, err := cloudguard.ParseOCID(first)
	if err != nil {
		id = ""
	}
	return cmp.Or(o.compartment, string(id), d.compartment)
}

// configured is what of the configuration matters to the result of a run.
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
// Somebody else's change meanwhile is kept.
func (a *admin) set(ctx context.Context, id, key string, value *string) error {
	for attempt := 1; ; attempt++ {
		f, err := a.readFunction(ctx, id)
		if err != nil {
			return err
		}
		config := maps.Clone(f.Config)
		delete(config, key)
		if value != nil {
			config[key] = *value
		}
		if maps.Equal(config, f.Config) && f.LifecycleState == functions.FunctionLifecycleStateActive {
			return nil
		}
		if f.LifecycleState == functions.FunctionLifecycleStateActive {
			_, err = patiently(ctx, func(ctx context.Context) (functions.UpdateFunctionResponse, error) {
				return a.functions.UpdateFunction(ctx, functions.UpdateFunctionRequest{FunctionId: &id, IfMatch: f.Etag,
					UpdateFunctionDetails: functions.UpdateFunctionDetails{Config: config}})
			})
			if status, _ := answer(err); err != nil && status != 412 {
				return fmt.Errorf("setting %s of the function: %s", key, told(err))
			}
		}
		if attempt == 60 {
			return fmt.Errorf("setting %s of the function: it is %s and not as it was set", key, f.LifecycleState)
		}
		if err := sleep(ctx, pauseOf(attempt)); err != nil {
			return err
		}
	}
}
