package responder

import (
	"cmp"
	"context"
	"net/url"
	"strings"
	"time"

	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/outcome"
	"github.com/keyturn/keyturn/pkg/vault"
)

// Facts are what a mail explains a refusal with, and what it leads to. Nothing is changed by asking for them.
type Facts interface {
	// User returns a user's name and lifecycle state, and the kinds of credential that the user may not have.
	User(ctx context.Context, id string) (name, state string, mayNot []credential.Kind, err error)
	// Users returns the first page of the tenancy's users, as any page.
	Users(ctx context.Context, page string) (users []credential.User, next string, err error)
	// Summary finds a secret in the lists of compartments; they also show what may not be read.
	Summary(ctx context.Context, id string, compartments []string) (s vault.Secret, found bool, err error)
	// Place returns the OCIDs of the function and of its compartment, and its region; empty where not known.
	Place(ctx context.Context) (function, compartment, region string)
	// RegionOf is the region in an OCID; empty if it has none.
	RegionOf(ocid string) string
	// Console is the Console's address for a region; empty if not known.
	Console(region string) string
}

// lead puts the links and the command for the log into the outcome.
func (c *response) lead() {
	if c.Facts == nil {
		return
	}
	o := &c.out
	if console := c.Facts.Console(c.region); console != "" && o.ProblemID != "" && c.event.Validate() == nil {
		o.Link = console + "/cloud-guard/problems/" + url.PathEscape(o.ProblemID) + "?region=" + c.region
	}
	for i := range o.Secrets {
		o.Secrets[i].Link = c.secretLink(&o.Secrets[i])
	}
	if c.own != "" && o.CallID != "" {
		o.Search = search(c.own, c.region, o.CallID, o.Began)
	}
}

// secretLink is the page of a secret (its form: the OCI plugin of Apache NetBeans, SecretItem).
func (c *response) secretLink(s *outcome.Secret) string {
	p, ok := c.places[s.ID]
	region := cmp.Or(p.Region, c.region)
	console := c.Facts.Console(region)
	if !ok || p.Vault == "" || console == "" {
		return ""
	}
	return console + "/security/kms/vaults/" + url.PathEscape(p.Vault) + "/secrets/" + url.PathEscape(s.ID) +
		"?region=" + region
}

// searchTime is how long after its beginning the lines of an invocation, and of what goes on with it, are looked for.
const searchTime = time.Hour

// search is the command that shows the log lines of an invocation, as docs/queries.md explains it.
func search(compartment, region, callID string, began time.Time) string {
	query := `search "` + compartment + `" | where data.message = '*"call_id":"` + callID + `*' | sort by datetime asc`
	began = began.UTC().Truncate(time.Minute).Add(-time.Minute)
	return "oci logging-search search-logs" + inRegion(region) + " --time-start " + began.Format(time.RFC3339) +
		" --time-end " + began.Add(searchTime).Format(time.RFC3339) + " --search-query " + doubleQuoted(query)
}

func inRegion(region string) string {
	if region == "" {
		return ""
	}
	return " --region " + region
}

// doubleQuoted quotes a text with single quotation marks in it as one word of a POSIX shell.
func doubleQuoted(text string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "$", `\$`, "`", "\\`").Replace(text) + `"`
}

// singleQuoted quotes any other text as one word of a POSIX shell.
func singleQuoted(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }

// setStatus is the command that sets the problem to a status of Cloud Guard, with a comment.
func (c *response) setStatus(status, comment string) string {
	return "oci cloud-guard problem update-problem-status --problem-id " + c.out.ProblemID + " --status " + status +
		" --comment " + singleQuoted(comment) + inRegion(c.region)
}

// preflight is the command that asks the function what it lacks.
func (c *response) preflight() string {
	return "oci fn function invoke --function-id " + cmp.Or(c.function, "<FUNCTION>") + inRegion(c.region) +
		` --file - --body '{"keyturn":"preflight"}'`
}

// again is the last sentence of a remedy: how to order the rotation again.
func (c *response) again() string {
	return "Then close the problem again with the same comment."
}
