package main

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/keyturn/keyturn/test/fnhost"
	"github.com/keyturn/keyturn/test/tenancy"
)

func preflightCases() []Case {
	return []Case{
		{Name: "a preflight", Run: preflights(false)},
		{Name: "the sweep's preflight", Run: preflights(true)},
	}
}

// preflights runs a function's preflight in a tenancy without problems.
func preflights(sweep bool) func(*environment) error {
	return func(s *environment) error {
		for _, kind := range tenancy.Kinds() {
			s.Add(tenancy.Want{Kind: kind, Bundle: true})
			s.Add(workload(s, tenancy.Want{Kind: kind, Bundle: true}))
		}
		invoke := s.Invoke
		if sweep {
			invoke = s.InvokeSweep
		}
		reply, err := invoke(s.ctx, []byte(`{"keyturn":"preflight"}`))
		if err != nil {
			return err
		}
		return passed(reply)
	}
}

// passed checks that every check of a preflight passed.
func passed(reply fnhost.Reply) error {
	var answer struct {
		Preflight string
		Checks    []struct{ Check, Result, Found string }
	}
	if err := json.Unmarshal(reply.Body, &answer); err != nil || reply.Status != 200 {
		return fmt.Errorf("the preflight failed with %d", reply.Status)
	}
	var bad []string
	for _, c := range answer.Checks {
		if c.Result != "passed" {
			bad = append(bad, fmt.Sprintf("%s is %s: %s", c.Check, c.Result, c.Found))
		}
	}
	if answer.Preflight != "passed" || len(bad) > 0 || len(answer.Checks) < 15 {
		return fmt.Errorf("%d checks, the preflight is %s: %s", len(answer.Checks), answer.Preflight,
			strings.Join(bad, "; "))
	}
	return nil
}
