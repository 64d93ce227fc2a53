package report

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/fault"
	"github.com/keyturn/keyturn/pkg/inventory"
)

// Explain says what is missing because of a gap of the reading, why, and what to do.
func Explain(g inventory.Gap) Gap {
	what := g.Doing
	switch {
	case g.Doing == inventory.DoingDomains:
		what = "which identity domains there are, and the credentials of their users"
	case len(g.Kinds) == len(credential.Observed()):
		what = "all credentials"
	case len(g.Kinds) > 0:
		what = "the " + nouns(g.Kinds)
	}
	switch {
	case g.Thing != "" && strings.HasPrefix(g.Thing, "ocid1.user."):
		what += " of the user " + g.Thing
	case g.Thing != "":
		what += " (" + g.Thing + ")"
	}
	if g.Domain.ID != "" || g.Domain.Name != "" {
		what += " of the domain " + cmp.Or(g.Domain.Name, g.Domain.ID)
	}
	if g.Region != "" {
		what += " in the region " + g.Region
	}
	if g.More > 0 {
		what += fmt.Sprintf(", and %d more", g.More)
	}
	why := "the reading ended early"
	if g.Err != nil {
		text, _, _ := strings.Cut(g.Err.Error(), ": then remove identity_domains") // which a command doesn't have
		why = oneLine(strings.ReplaceAll(text, "the function may not", "you may not"))
	}
	return Gap{What: what, Why: why, Remedy: remedy(g)}
}

func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

// nouns are the kinds in a sentence: "API keys and auth tokens".
func nouns(kinds []credential.Kind) string {
	var all []string
	for _, k := range kinds {
		all = append(all, k.Noun()+"s")
	}
	if n := len(all); n > 1 {
		return strings.Join(all[:n-1], ", ") + " and " + all[n-1]
	}
	return strings.Join(all, "")
}

// remedy is what to do about a gap; "" if that isn't known.
func remedy(g inventory.Gap) string {
	if errors.Is(g.Err, context.Canceled) || errors.Is(g.Err, context.DeadlineExceeded) {
		return "run it again, and let it end"
	}
	if errors.Is(g.Err, inventory.ErrNotActive) {
		return "activate the domain, or check its credentials before you delete it"
	}
	if _, ours := errors.AsType[*fault.Error](g.Err); !ours {
		return ""
	}
	switch fault.Of(g.Err) {
	case fault.Absent, fault.Denied:
		if g.Doing == inventory.DoingDomains {
			return "get the permission to list the domains of all compartments: see keyturn report --print-policy. " +
				"If the tenancy has no identity domains, say so with --domains none"
		}
		if g.Domain.ID != "" && !g.Domain.Default {
			return "get the permission to read the domain: see keyturn report --print-policy. Some domains want an " +
				"administrator role of the domain, too"
		}
		return "get the permission to read it: see keyturn report --print-policy"
	case fault.Throttled, fault.Busy:
		return "run it again later"
	case fault.Unclear:
		return "check the network path to that service and region, then run it again"
	}
	return ""
}
