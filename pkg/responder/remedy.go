package responder

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/keyturn/keyturn/pkg/cloudguard"
	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/fault"
	"github.com/keyturn/keyturn/pkg/rotation"
)

// remedy is what to do about a call that failed permanently, by the class of its failure, where nothing more exact is
// known.
func (c *response) remedy(err error) string {
	var failed *fault.Error
	if !errors.As(err, &failed) {
		return ""
	}
	switch failed.Class {
	case fault.Absent:
		return "OCI says the same of what does not exist and of what the function may not see. A preflight of the " +
			"function says which, and prints the policy statement " +
			"that is missing:\n" + c.preflight() + "\n" + c.again()
	case fault.Denied:
		return "The function is not allowed to do this. A preflight of the function prints the policy statement " +
			"that is missing:\n" + c.preflight() + "\n" + c.again()
	case fault.Full:
		return "A limit of the tenancy is reached. Delete what is not needed, or ask for a higher limit (Console: " +
			"Limits, Quotas and Usage). " + c.again()
	case fault.Conflict:
		return "Something else changed it at the same time. Find out what, with OCI's Audit log. " + c.again()
	case fault.Invalid:
		return "The same request would fail again. Read the log lines, and fix the cause. " + c.again()
	}
	return ""
}

// ended is what to do about a rotation that the decision table refused.
func (c *response) ended(r rotation.Result) string {
	switch r.Reason {
	case rotation.NoFreeSlot:
		return "Delete one of the " + c.out.Noun + "s below that is no longer used. " + c.again() +
			"\nOr close it with this comment, which deletes the old " + c.out.Noun + " before the new one is made:\n" +
			c.changed(func(o *cloudguard.Comment) { o.Replace = true })
	case rotation.SecretTaken:
		return "Close the problem again and name another secret in the comment. If the credential that the secret " +
			"holds is not used any more, delete it first."
	case rotation.OtherSecret:
		return "Close the problem again and name the secret of the earlier closure. If the credential of that " +
			"closure is not used, delete it first."
	case rotation.NotOurs:
		return "Find out with OCI's Audit log who made the new credential that the secret names. If it isn't used, " +
			"delete it. " + c.again()
	case rotation.NamesSpent:
		return "Close the problem again and name another secret in the comment."
	case rotation.SecretFull:
		return c.makeRoom(r)
	case rotation.SecretUnknown, rotation.SecretsSwapped, rotation.WrongContent, rotation.MetadataForeign,
		rotation.SecretBlocked:
		return c.content(r)
	case rotation.Doubtful:
		return "Find the owner of the credential, and rotate it in the Console if it is still there. Then dismiss " +
			"the problem."
	case rotation.Unprovable:
		return "Both credentials work. Check the network path from the function's subnet to the service that takes " +
			"the credential, or set prove to try. " + c.again()
	case rotation.SecretReplaced:
		return c.decide(r)
	case rotation.Rejected, rotation.RejectedNoWay, rotation.CurrentRejected:
		return "Check what the user may do: the groups that the user is in, and their policies. " + c.again()
	}
	return ""
}

// content is what to do about a secret that may not be written to for what is in it or around it.
func (c *response) content(r rotation.Result) string {
	switch r.Reason {
	case rotation.SecretUnknown:
		return "Close the problem again and name another secret in the comment. Or write what is in this one " +
			"in a form that Keyturn reads (a private key in PEM, without a passphrase). Or delete those of the " +
			"user's other " +
			c.out.Noun + "s that are not used any more. " + c.again()
	case rotation.SecretsSwapped:
		return c.turnedRound()
	case rotation.WrongContent:
		return "Close the problem again and name the right secret in the comment, or an empty one. A secret " +
			"that holds a whole bundle is named as bundle_secret_ocid:<secret OCID>."
	case rotation.MetadataForeign:
		return "Remove the member \"keyturn\" from the secret's metadata, or name another secret. " + c.again()
	}
	text := "Look at the secret in the Console. If its encryption key is disabled or scheduled for deletion, " +
		"enable the key or cancel that. If the secret has a PENDING version that is not needed, make that version " +
		"CURRENT, and then the present one again."
	for _, p := range r.Placed {
		text += "\noci vault secret update --secret-id " + p.SecretID + " --current-version-number <NUMBER>" +
			inRegion(p.Region)
	}
	return text + "\n" + c.again()
}

// turnedRound is the closure comment with the two secrets of a pair the other way round, or what to do where they were
// found by their tags.
func (c *response) turnedRound() string {
	if len(c.order.Secrets) == 0 {
		return "Swap the tags keyturn.role (or keyturn-role) of the two secrets: " + roles(c.kind) + ". " + c.again()
	}
	order := c.order.Comment
	order.Secrets = maps.Clone(order.Secrets)
	parts := c.kind.Record().Parts
	for i, p := range parts {
		order.Secrets[p.Role] = c.order.Secrets[parts[len(parts)-1-i].Role]
	}
	return "Close the problem again with this comment:\n" + order.String()
}

// roles lists the roles of a pair's two halves.
func roles(kind credential.Kind) string {
	var all []string
	for _, p := range kind.Record().Parts {
		all = append(all, string(p.Role))
	}
	slices.Sort(all)
	return strings.Join(all, ", ")
}

// makeRoom says how a secret gets room for a version.
func (c *response) makeRoom(r rotation.Result) string {
	text := "Schedule the deletion of the oldest DEPRECATED version. This lists the versions:"
	commands := ""
	for _, p := range r.Placed {
		if len(r.Placed) > 1 && !strings.Contains(r.Detail, p.SecretID) {
			continue
		}
		text += "\noci vault secret-version list --secret-id " + p.SecretID + " --all" + inRegion(p.Region)
		commands += "\noci vault secret-version schedule-deletion --secret-id " + p.SecretID +
			" --secret-version-number <NUMBER>" + inRegion(p.Region)
	}
	if commands == "" {
		return "Schedule the deletion of the secret's oldest DEPRECATED version (oci vault secret-version " +
			"schedule-deletion). " + c.again()
	}
	return text + "\nThis schedules the deletion of one:" + commands + "\n" + c.again()
}

// decide says how to go on after another writer changed the secret.
func (c *response) decide(r rotation.Result) string {
	text := "Decide which version of the secret is right."
	for _, p := range r.Placed {
		if p.Version == 0 || p.Current {
			continue
		}
		text += fmt.Sprintf(" To keep what Keyturn wrote, make version %d of secret %s CURRENT again, and close the "+
			"problem again:\n", p.Version, p.SecretName) +
			fmt.Sprintf("oci vault secret update --secret-id %s --current-version-number %d", p.SecretID, p.Version) +
			inRegion(p.Region) + "\n"
	}
	return strings.TrimSpace(text) + "\nTo keep what is CURRENT now, close the problem again and name another " +
		"secret in the comment."
}

// changed is the closure comment with a change, in a form that orders a rotation.
func (c *response) changed(change func(*cloudguard.Comment)) string {
	order := c.order.Comment
	change(&order)
	if c.kind.Origin() != credential.Reset && order.Ordered(c.order.rule, false) != nil {
		yes := true
		order.Rotate = &yes
	}
	return order.String()
}

// listed describes the credentials that fill the user's slots.
func listed(r rotation.Result) (out []string) {
	for _, s := range r.Slots {
		text := fmt.Sprintf("%s, made %s", s.ID, s.Created.UTC().Format(time.DateOnly))
		if s.Description != "" {
			text += ", " + s.Description
		}
		out = append(out, text)
	}
	return out
}
