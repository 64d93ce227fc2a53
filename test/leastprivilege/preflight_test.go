package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/keyturn/keyturn/pkg/config"
	"github.com/keyturn/keyturn/pkg/preflight"
)

// A preflight shows statements to copy. They must be exactly the stack's.
func TestAPreflightShowsTheStatementsOfTheStack(t *testing.T) {
	s := stack(t)
	cfg, err := config.Read([]string{"ons_topic=ocid1.onstopic.oc1.iad.aaaaaaaatopic", "protected_users=" + s.Protected,
		"secret_compartments=" + s.Keyturn + "," + s.Workload})
	if err != nil {
		t.Fatal(err)
	}
	for _, function := range []string{"rotate", "sweep"} {
		var want, got []string
		for _, st := range s.Statements {
			if st.Function == function {
				want = append(want, st.Text)
			}
		}
		p := preflight.Policy{Function: function, Group: "keyturn-" + function, Protected: cfg.ProtectedUsers,
			Compartments: cfg.SecretCompartments, Topic: s.Keyturn, Own: s.Keyturn}
		for _, st := range p.Statements() {
			got = append(got, st.Text)
		}
		slices.Sort(want)
		slices.Sort(got)
		if len(want) < 15 || !slices.Equal(got, want) {
			t.Errorf("functions/%s: the preflight has\n%s\nand the stack\n%s", function, strings.Join(got, "\n"),
				strings.Join(want, "\n"))
		}
	}
}
