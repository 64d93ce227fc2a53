package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/keyturn/keyturn/pkg/config"
	"github.com/keyturn/keyturn/pkg/preflight"
)

// A preflight shows statements to copy. They must be exactly the stack's; for domains, those with single permissions.
func TestAPreflightShowsTheStatementsOfTheStack(t *testing.T) {
	for _, name := range []string{complete, withDomains} {
		s := stack(t, name)
		cfg, err := config.Read([]string{"ons_topic=ocid1.onstopic.oc1.iad.aaaaaaaatopic", "protected_users=" +
			s.Protected, "secret_compartments=" + s.Keyturn + "," + s.Workload})
		if err != nil {
			t.Fatal(err)
		}
		var domains []string
		without := []string{}
		for domain, id := range s.Domains {
			if domain == byPermissions {
				domains = []string{id}
				continue
			}
			without = append(without, ", target.domain.id = '"+id+"'", "", ", target.resource.domain.id = '"+id+"'", "")
		}
		for _, function := range []string{"rotate", "sweep"} {
			var want, got []string
			for _, st := range s.Statements {
				if st.Function == function && !strings.Contains(st.Text, " to manage ") {
					want = append(want, strings.NewReplacer(without...).Replace(st.Text))
				}
			}
			p := preflight.Policy{Function: function, Group: "keyturn-" + function, Protected: cfg.ProtectedUsers,
				Compartments: cfg.SecretCompartments, Domains: domains, Topic: s.Keyturn, Own: s.Keyturn,
				Records: s.Keyturn, OwnerTopics: []string{s.Workload},
				Bucket: reportBucket}
			for _, st := range p.Statements() {
				got = append(got, st.Text)
			}
			slices.Sort(want)
			slices.Sort(got)
			if len(want) < 15 || !slices.Equal(got, want) {
				t.Errorf("%s, functions/%s: the preflight has\n%s\nand the stack\n%s", name, function,
					strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
		}
	}
}
