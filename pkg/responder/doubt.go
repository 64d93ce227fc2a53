package responder

import (
	"fmt"
	"slices"
	"strings"

	"github.com/keyturn/keyturn/pkg/cloudguard"
	"github.com/keyturn/keyturn/pkg/credential"
)

// doubt returns "" if the credential is gone when it isn't among the user's, and otherwise why that proves nothing.
func (c *response) doubt(listed []credential.Issued) string {
	switch noun := c.kind.Noun(); {
	case c.kind.Origin() == credential.Reset:
		return ""
	case c.request.UserHinted:
		return fmt.Sprintf("only the event names the user, %s, who may not be the owner of %s %s",
			c.request.Ref.User, noun, c.request.Ref.ID)
	case c.gone:
		return ""
	case cloudguard.FormOf(c.request.Ref.ID) == credential.FormUnknown || !absent(c.request.Ref.ID, listed):
		return fmt.Sprintf("the id of the problem's credential, %q, is not written as OCI lists the user's %ss",
			c.request.Ref.ID, c.kind.Noun())
	}
	return ""
}

// absent reports whether a credential is certainly not among those that OCI lists: ids of different forms may name one
// credential.
func absent(id string, listed []credential.Issued) bool {
	form := cloudguard.FormOf(id)
	return !slices.ContainsFunc(listed, func(c credential.Issued) bool {
		return cloudguard.FormOf(c.ID) != form || strings.EqualFold(c.ID, id)
	})
}

// mayReplace reports whether any closure of the problem may have allowed deleting first: then Keyturn may have deleted
// the old credential, and still owes the new one.
func (c *response) mayReplace() bool {
	allows := func(comment string) bool { return strings.Contains(strings.ToLower(comment), "repl") }
	return allows(c.request.Comment) || allows(c.problem.Comment) ||
		slices.ContainsFunc(c.problem.History, func(h cloudguard.Change) bool { return allows(h.Comment) })
}

// earlier are the secrets that the comments of the problem's history name, apart from the request's: an earlier closure
// may have begun to rotate into them.
func (c *response) earlier() []string {
	var ids []string
	for _, h := range c.problem.History {
		order, err := cloudguard.ParseComment(cloudguard.RuleOf(c.kind), h.Comment)
		if err != nil {
			continue // nothing was rotated by it
		}
		for _, id := range order.Secrets {
			if !slices.ContainsFunc(c.request.Secrets, func(t credential.Target) bool {
				return t.SecretID == string(id)
			}) {
				ids = append(ids, string(id))
			}
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}
