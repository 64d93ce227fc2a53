package outcome_test

import (
	"time"

	"github.com/keyturn/keyturn/pkg/outcome"
)

const (
	problemID  = "ocid1.cloudguardproblem.oc1.iad.amaaaaaa3vfz5zfkkibj5j6wjibagi3mnbqnspuq2idw52ijb4lajlj6hdu6"
	userID     = "ocid1.user.oc1..aaaaaaaav4seh2kvj72ceuvw75efr6edt4sywb5wkh7dnsipzz7fk4zri3r2"
	tenancyID  = "ocid1.tenancy.oc1..aaaaaaaaujzdegxdncf32epf3dhodzdocis2jhtlgmxgedn73u55xtplpft7"
	secretID   = "ocid1.vaultsecret.oc1.iad.amaaaaaaq6kbnxjbtfqxkwovompzom7wbbr6qmw4wxfogo6mvn6a6wfhym6l"
	accessID   = "ocid1.vaultsecret.oc1.iad.amaaaaaaw3rm6pqx4dzsc5tjvyf2uhk7lbn2eoga6i4sqw5txz3rmkbvhcda"
	tokenID    = "ocid1.credential.oc1..aaaaaaaamvhxkdqcgbsfpqt53ukx2yr7wjzln6ieoa4g3sb5vtyr7wkqmjna"
	newTokenID = "ocid1.credential.oc1..aaaaaaaa7wkqmjnamvhxkdqcgbsfpqt53ukx2yr7wjzln6ieoa4g3sb5vtyr"
)

var (
	eventTime = time.Date(2026, 5, 4, 10, 0, 0, 0, time.UTC)
	closedAt  = time.Date(2026, 5, 4, 9, 59, 57, 0, time.UTC)
)

// about is what every outcome says of its problem.
func about(o outcome.Outcome) outcome.Outcome {
	o.ProblemID, o.ProblemName, o.Rule, o.Risk = problemID, "IAM Auth token is too old", "AUTH_TOKEN_TOO_OLD", "MEDIUM"
	o.EventTime, o.ClosedAt, o.ClosedBy = &eventTime, &closedAt, "secops@example.com"
	o.Comment = "auth_secret_ocid:" + secretID + ",ticket CHG-2001"
	o.ResourceName, o.ResourceID = "deploys the web shop", tokenID
	o.UserName, o.UserID, o.TenancyName, o.TenancyID = "web@example.com", userID, "acme", tenancyID
	o.Rotation, o.Attempt, o.CallID = "abcdefghijklmn23", 1, "01JWK0N1VB9NG8G0GZJ0000001"
	if o.Kind == "" {
		o.Kind, o.Noun, o.IDNoun, o.OldID = "auth-token", "auth token", "token OCID", tokenID
	}
	return o
}

func apiKey(o outcome.Outcome) outcome.Outcome {
	o.Kind, o.Noun, o.IDNoun, o.OldID = "api-key", "API key", "fingerprint", "1f:1d:d9:7c:fe:fa:77:7a:7b:4f:15:24:1a:bf:57:bd"
	o = about(o)
	o.ProblemName, o.Rule, o.ResourceName = "API key is too old", "API_KEY_TOO_OLD", o.OldID
	o.ResourceID = tenancyID + "/" + userID + "/" + o.OldID
	o.Comment = "api_secret_ocid:" + secretID
	return o
}

func secretKey(o outcome.Outcome) outcome.Outcome {
	o.Kind, o.Noun, o.IDNoun, o.OldID = "customer-secret-key", "customer secret key", "access key", "1f2e3d4c5b6a79880011223344556677889900aa"
	o = about(o)
	o.ProblemName, o.Rule, o.ResourceID = "IAM Customer secret key is too old", "SECRET_KEY_TOO_OLD", o.OldID
	o.Comment = "accesskey_secret_ocid:" + accessID + ",secretkey_secret_ocid:" + secretID
	return o
}

func password(o outcome.Outcome) outcome.Outcome {
	o.Kind, o.Noun, o.IDNoun = "password", "console password", "made at"
	o = about(o)
	o.ProblemName, o.Rule, o.ResourceName, o.ResourceID = "Password is too old", "PASSWORD_TOO_OLD", "web@example.com", userID
	o.Comment = "asked by phone"
	return o
}

func unreadable() outcome.Outcome {
	return outcome.Outcome{Status: outcome.Refused, CallID: "01JWK0N1VB9NG8G0GZJ0000001",
		Reason: "the event is not valid JSON (unexpected end of JSON input, at byte 13): " +
			`send the event as OCI Events delivers it, {"eventType":"com.oraclecloud.cloudguard.problemremediated","data":{...},...}`}
}

const (
	worked   = "the new one was used once and works"
	refresh  = "Restart or refresh consumers that read the secret only when they start."
	sweepOn  = "the step \"promote\" could not be finished: UpdateSecret: too many requests"
	bindWith = "bind it with: oci vault secret update --secret-id " + secretID + " --freeform-tags '{\"keyturn-kind\":\"auth-token\",\"keyturn-user\":\"" + userID + "\"}'"
)

func placed(holds, name, id string) outcome.Secret {
	return outcome.Secret{Holds: holds, Name: name, ID: id, Version: 2, Current: true}
}

// cases are the outcomes whose mails are kept under testdata, by file name.
func cases() map[string]outcome.Outcome {
	rotated := outcome.Outcome{Status: outcome.Rotated, Reason: "rotated", Changed: true, OldFate: "deleted", Proven: worked, Todo: []string{refresh}}
	with := func(o outcome.Outcome, newID string, s ...outcome.Secret) outcome.Outcome {
		o.NewID, o.Secrets = newID, s
		return o
	}
	inGrace := rotated
	inGrace.Reason, inGrace.OldFate = "rotated, the old one stays for a while", "works until 2026-05-07 10:00 UTC"
	inGrace.Todo = []string{refresh, "Have all consumers changed over by 2026-05-07 10:00 UTC."}
	reset := outcome.Outcome{Status: outcome.Rotated, Reason: "rotated", Changed: true, OldFate: "no longer valid",
		Todo: []string{"The user sets a new password with \"Forgot password\" at sign-in, or follows the link in OCI's own mail."}}
	kept := reset
	kept.Todo = append(kept.Todo[:1:1], "The one-time password in Vault is valid for 7 days.")
	refused := func(reason, mend string) outcome.Outcome {
		return outcome.Outcome{Status: outcome.Refused, Reason: reason, Mend: mend, Reopened: true}
	}
	full := refused("no free slot", "Delete one of the auth tokens below that is no longer used, then close the problem again with the same comment. "+
		"Or add replace:yes to the comment: then the old one is deleted before the new one is made.")
	full.Slots = []string{tokenID + ", made 2026-01-24, deploys the web shop", newTokenID + ", made 2026-03-15"}
	stuck := refused("the secret holds another living credential", "Name another secret in the closure comment.")
	stuck.Reopened, stuck.Notes = false, []string{"Re-opening the problem failed: UpdateProblemStatus: denied (403 NotAuthorized)"}
	plan := outcome.Outcome{Status: outcome.DryRun, Reason: "a dry run was asked for", Reopened: true,
		Plan: []string{"make the new credential", "write the new value to Vault as PENDING", "prove that the new credential works",
			"make the new version CURRENT", "delete the old credential"}}
	warned := with(rotated, newTokenID, placed("auth-token", "token-of-web", secretID))
	warned.Notes = []string{"Secret " + secretID + " is not bound to this user and kind; it was accepted because secret_binding is warn."}
	inPlace := with(refused("the step \"retire\" failed for good: DeleteAuthToken: denied (403 NotAuthorized)",
		"Mend the cause, then close the problem again."), newTokenID, placed("auth-token", "token-of-web", secretID))
	inPlace.Changed, inPlace.OldFate = true, "still works"
	half := outcome.Outcome{Status: outcome.Unfinished, Reason: sweepOn, Changed: true, OldFate: "still works"}
	half.Secrets = []outcome.Secret{{Holds: "auth-token", Name: "token-of-web", ID: secretID, Version: 2}}
	half.NewID = newTokenID
	return map[string]outcome.Outcome{
		"rotated_api_key":             apiKey(with(rotated, "c0:ff:ee:7c:fe:fa:77:7a:7b:4f:15:24:1a:bf:57:bd", placed("private-key", "key-of-web", secretID))),
		"rotated_auth_token":          about(with(rotated, newTokenID, placed("auth-token", "token-of-web", secretID))),
		"rotated_auth_token_warned":   about(warned),
		"rotated_bundle":              about(with(rotated, newTokenID, placed("bundle", "login-of-web", secretID))),
		"rotated_customer_secret_key": secretKey(with(rotated, "ffee3d4c5b6a79880011223344556677889900aa", placed("secret-key", "secret-of-web", secretID), placed("access-key", "id-of-web", accessID))),
		"rotated_with_grace":          about(with(inGrace, newTokenID, placed("auth-token", "token-of-web", secretID))),
		"reset_password":              password(reset),
		"reset_password_kept":         password(with(kept, "", placed("password", "password-of-web", secretID))),
		"already":                     about(outcome.Outcome{Status: outcome.Already, Reason: "it was rotated by an earlier delivery", OldFate: "deleted"}),
		"refused_comment": about(refused("the closure comment was not understood: auth_secret_ocd is not a key (did you mean auth_secret_ocid?)",
			"Close the problem again with this comment:\nauth_secret_ocid:"+secretID+",ticket CHG-2001")),
		"refused_unbound":      about(refused("secret token-of-web ("+secretID+") is not bound to this user and kind", bindWith)),
		"refused_protected":    about(refused("the user web@example.com ("+userID+") is protected", "rotate by hand, or take the user out of the configuration key protected_users")),
		"refused_no_free_slot": about(full),
		"refused_secret_taken": about(stuck),
		"refused_in_place":     about(inPlace),
		"refused_unreadable":   unreadable(),
		"unfinished":           about(half),
		"dry_run":              about(plan),
	}
}
