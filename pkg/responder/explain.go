package responder

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/fault"
	"github.com/keyturn/keyturn/pkg/guard"
	"github.com/keyturn/keyturn/pkg/outcome"
	"github.com/keyturn/keyturn/pkg/rotation"
	"github.com/keyturn/keyturn/pkg/vault"
)

// explanation is what other calls show of a failed one: a fact, and the remedy that fits it.
type explanation struct {
	brief, reason, remedy string
}

// explain replaces what OCI said of a failed call by what other calls show. OCI answers 404 both for what is absent
// and for what may not be read, and a mail must not send people the wrong way. What can't be found out stays as OCI
// said it.
func (c *response) explain(ctx context.Context, r rotation.Result) {
	if c.out.Status != outcome.Refused || c.Facts == nil {
		return
	}
	ctx, cancel := c.share(ctx, 4)
	defer cancel()
	var failed *fault.Error
	if !errors.As(r.Cause, &failed) {
		c.explainRejection(ctx, r.Reason)
		return
	}
	refused := failed.Class == fault.Absent || failed.Class == fault.Denied
	var found *explanation
	switch {
	case refused && ofSecret(failed.Operation):
		found = c.whySecret(ctx, failed.Operation)
	case ofUser(failed.Operation):
		found = c.whyUser(ctx, failed.Operation, refused)
	}
	if found == nil {
		return
	}
	c.out.Brief, c.out.Reason, c.out.Remedy = found.brief, found.reason, found.remedy
	c.note("OCI's answer: %v", failed)
}

// explainRejection looks for the reason why a new credential doesn't work.
func (c *response) explainRejection(ctx context.Context, reason rotation.Reason) {
	if reason != rotation.Rejected && reason != rotation.RejectedNoWay && reason != rotation.CurrentRejected {
		return
	}
	if found := c.whyUser(ctx, "", false); found != nil {
		c.out.Brief, c.out.Reason, c.out.Remedy = found.brief, string(reason)+": "+found.reason, found.remedy
	}
}

func ofSecret(operation string) bool {
	return slices.Contains([]string{"GetSecret", "ListSecretVersions", "GetSecretBundle", "UpdateSecret"}, operation)
}

func ofUser(operation string) bool {
	return operation == "GetUser" || slices.ContainsFunc(credential.Kinds(), func(k credential.Kind) bool {
		return strings.Contains(operation, k.Record().Resource)
	})
}

// whySecret looks for the secrets in the lists of their compartments, which also show what may not be read. Only if all
// of them are as they should be, the policy is what is left.
func (c *response) whySecret(ctx context.Context, operation string) *explanation {
	compartments, err := c.compartments(ctx)
	if err != nil || len(c.request.Secrets) == 0 {
		return nil
	}
	var policy *explanation
	for _, t := range c.request.Secrets {
		s, listed, err := c.Facts.Summary(ctx, t.SecretID, compartments)
		switch {
		case err != nil:
			return nil // nothing is known
		case !listed:
			return c.notListed(t.SecretID, compartments)
		}
		if found := c.whyUnreadable(s); found != nil {
			return found
		}
		policy = &explanation{"the policy lacks " + operation,
			fmt.Sprintf("secret %s (%s) is there and is bound as it should be, but the function may not do %s with it",
				s.Name, s.ID, operation),
			"A policy statement is missing. A preflight of the function prints it:\n" + c.preflight() + "\n" +
				c.again()}
	}
	return policy
}

// whyUnreadable is what a secret's summary shows: its state, or its tags; nil if both are as they should be.
func (c *response) whyUnreadable(s vault.Secret) *explanation {
	of := func(err error, brief string) *explanation {
		var refusal *guard.Refusal
		if !errors.As(err, &refusal) {
			return nil
		}
		return &explanation{brief, refusal.Problem, refusal.Remedy}
	}
	if s.State != vault.Updating {
		if found := of(guard.Writable(s), "secret is "+s.State); found != nil {
			return found
		}
	}
	// bound to another user, or contradictory
	if _, err := guard.Bound(s, c.kind, c.request.Ref.User, true); err != nil {
		return of(err, "")
	}
	visible := s
	visible.Freeform = nil // policies see only defined tags
	if _, err := guard.Bound(visible, c.kind, c.request.Ref.User, false); err == nil {
		return nil
	}
	has := "it has neither of the two"
	switch t := guard.TagsOf(s); {
	case t.User != "" && t.Kind != "":
		has = "freeform tags bind it, which policies can't see"
	case t.Any():
		has = "it has one of the two"
	}
	return &explanation{"secret lacks the defined tags",
		fmt.Sprintf("secret %s (%s) exists, but the function may not read it. It lacks the defined tags keyturn.user "+
			"and keyturn.kind, which the policies of the stack ask for (secret_policy = tags): %s", s.Name, s.ID, has),
		guard.Binding(s, c.kind, c.request.Ref.User)}
}

// notListed: none of the lists has the secret.
func (c *response) notListed(id string, compartments []string) *explanation {
	where := "this compartment: "
	if len(compartments) > 1 {
		where = "these compartments: "
	}
	region := c.Facts.RegionOf(id)
	return &explanation{"secret not found",
		fmt.Sprintf("secret %s is not where this function may look for secrets. It looks in %s%s", id, where,
			strings.Join(compartments, ", ")),
		"Check as an administrator whether the secret exists:\noci vault secret get --secret-id " + id +
			inRegion(cmp.Or(region, c.region)) +
			"\nIf it exists, add its compartment to the configuration key secret_compartments (with the stack: " +
			"secret_compartment_ocids). " +
			"If it does not, correct the OCID in the comment.\nThen close the problem again."}
}

// whyUser looks at the user: deleted, not ACTIVE, or not allowed to have credentials of the kind; or, for a call that
// was refused, the policy. nil if there is nothing to say.
func (c *response) whyUser(ctx context.Context, operation string, refused bool) *explanation {
	id := c.request.Ref.User
	name, state, mayNot, err := c.Facts.User(ctx, id)
	switch {
	case err != nil && fault.Of(err) == fault.Absent:
		return c.whyNoUser(ctx, id)
	case err != nil:
		return nil
	case strings.HasPrefix(state, "DELET"):
		return c.dismiss("user is "+state, fmt.Sprintf("the user %s (%s) is %s", name, id, state),
			"The user is deleted")
	case state != "" && state != "ACTIVE":
		return &explanation{"user is " + state, fmt.Sprintf("the user %s (%s) is %s", name, id, state),
			"If the user is still needed, activate the user in the Console (Identity & Security, Domains, Users). " +
				c.again() +
				c.orDismiss("The user is not needed any more")}
	case slices.Contains(mayNot, c.kind):
		how := "switch the capability on:\noci iam user update-user-capabilities --user-id " + id + " " +
			c.kind.Record().Capability + " true" + inRegion(c.home)
		if len(c.Config.IdentityDomains) > 0 { // the command knows only users of Default
			how = "switch the capability on in the Console (Identity & Security, Domains, Users)."
		}
		return &explanation{"user may not have " + c.kind.One(), fmt.Sprintf("the user %s (%s) may not have %s: this "+
			"capability of the user is off", name, id, c.kind.One()), "If the user still needs one, " + how + "\n" +
			c.again() + c.orDismiss("The user may not have this credential")}
	case refused && operation == "GetUserUIPasswordInformation":
		return c.dismiss("no console password to be seen",
			fmt.Sprintf("IAM shows no console password of the user %s (%s): there is none, or the function may not "+
				"read it", name, id), "The user has no console password",
			"If the user has one, a policy statement is missing. A preflight of the function prints it:\n"+
				c.preflight())
	case refused:
		return &explanation{"the policy lacks " + operation,
			fmt.Sprintf("the user %s (%s) exists and is ACTIVE, but the function may not do %s", name, id, operation),
			"A policy statement is missing, or the user is excluded in it. A preflight of the function prints the " +
				"statements:\n" + c.preflight() + "\n" + c.again()}
	}
	return nil
}

// whyNoUser finds out whether a user is gone or may not be read. If other users can be read, this one is gone.
func (c *response) whyNoUser(ctx context.Context, id string) *explanation {
	if _, _, err := c.Facts.Users(ctx, ""); err != nil {
		return &explanation{"user can't be read", fmt.Sprintf("the user %s is absent, or the function may not read "+
			"users", id),
			"A preflight of the function says which, and prints the policy statement that is missing:\n" +
				c.preflight() + "\n" + c.again()}
	}
	where := "the Default identity domain"
	if len(c.Config.IdentityDomains) > 0 {
		where += ", like each domain of identity_domains,"
	}
	return c.dismiss("no such user", where+" has no user "+id+": deleted, or in another identity domain",
		"The user is deleted", "If another identity domain has the user, add the domain to identity_domains (with the "+
			"stack: its OCID). "+c.again())
}

// dismiss is for what needs no rotation any more.
func (c *response) dismiss(brief, reason, comment string, more ...string) *explanation {
	remedy := "Dismiss the problem, since there is nothing to rotate:\n" + c.setStatus("DISMISSED", comment)
	if len(more) > 0 {
		remedy = strings.Replace(remedy, "since there is", "if there is", 1)
	}
	return &explanation{brief, reason, strings.Join(append([]string{remedy}, more...), "\n")}
}

func (c *response) orDismiss(comment string) string {
	return "\nOtherwise dismiss the problem:\n" + c.setStatus("DISMISSED", comment)
}
