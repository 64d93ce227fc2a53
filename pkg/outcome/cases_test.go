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
	vaultID    = "ocid1.vault.oc1.iad.b5quzmvtaaeug.abuwcljt4zx5h4c6a5lyi6cq2yd7qsbwxnlsk5wbqyfh6pxf2ghcbqzl2k5a"
	functionID = "ocid1.fnfunc.oc1.iad.aaaaaaaaq3lxdvpdzx5fk4h2xysgvtnblb4dnm6dsvyqwlz4tkqfb2n4bnaa"
	newTokenID = "ocid1.credential.oc1..aaaaaaaa7wkqmjnamvhxkdqcgbsfpqt53ukx2yr7wjzln6ieoa4g3sb5vtyr"
)

var (
	eventTime = time.Date(2026, 5, 4, 10, 0, 0, 0, time.UTC)
	closedAt  = time.Date(2026, 5, 4, 9, 59, 57, 0, time.UTC)
)

// about sets the fields about the problem.
func about(o outcome.Outcome) outcome.Outcome {
	o.ProblemID, o.ProblemName, o.Rule, o.Risk = problemID, "IAM Auth token is too old", "AUTH_TOKEN_TOO_OLD", "MEDIUM"
	o.EventTime, o.ClosedAt, o.ClosedBy = &eventTime, &closedAt, "secops@example.com"
	o.Comment = "auth_secret_ocid:" + secretID + ",ticket CHG-2001"
	o.ResourceName, o.ResourceID = "deploys the web shop", tokenID
	o.UserName, o.UserID, o.TenancyName, o.TenancyID = "web@example.com", userID, "acme", tenancyID
	o.Rotation, o.Attempt, o.CallID = "abcdefghijklmn23", 1, "01JWK0N1VB9NG8G0GZJ0000001"
	o.Version, o.Link = "v1.4.0", "https://cloud.oracle.com/cloud-guard/problems/"+problemID+"?region=us-ashburn-1"
	o.Search = "oci logging-search search-logs --region us-ashburn-1 --time-start 2026-05-04T09:59:00Z --time-end " +
		"2026-05-04T11:00:00Z " +
		`--search-query "search \"` + tenancyID + `\" | where data.message = '*\"call_id\":\"` + o.CallID +
		`*' | sort by datetime asc"`
	if o.Kind == "" {
		o.Kind, o.Noun, o.IDNoun, o.OldID = "auth-token", "auth token", "token OCID", tokenID
	}
	return o
}

func apiKey(o outcome.Outcome) outcome.Outcome {
	o.Kind, o.Noun, o.IDNoun, o.OldID = "api-key", "API key", "fingerprint",
		"1f:1d:d9:7c:fe:fa:77:7a:7b:4f:15:24:1a:bf:57:bd"
	o = about(o)
	o.ProblemName, o.Rule, o.ResourceName = "API key is too old", "API_KEY_TOO_OLD", o.OldID
	o.ResourceID = tenancyID + "/" + userID + "/" + o.OldID
	o.Comment = "api_secret_ocid:" + secretID
	return o
}

func secretKey(o outcome.Outcome) outcome.Outcome {
	o.Kind, o.Noun, o.IDNoun, o.OldID = "customer-secret-key", "customer secret key", "access key",
		"1f2e3d4c5b6a79880011223344556677889900aa"
	o = about(o)
	o.ProblemName, o.Rule, o.ResourceID = "IAM Customer secret key is too old", "SECRET_KEY_TOO_OLD", o.OldID
	o.Comment = "accesskey_secret_ocid:" + accessID + ",secretkey_secret_ocid:" + secretID
	return o
}

func password(o outcome.Outcome) outcome.Outcome {
	o.Kind, o.Noun, o.IDNoun = "password", "console password", "made at"
	o = about(o)
	o.ProblemName, o.Rule, o.ResourceName, o.ResourceID = "Password is too old", "PASSWORD_TOO_OLD", "web@example.com",
		userID
	o.Comment = "asked by phone"
	return o
}

func unreadable() outcome.Outcome {
	return outcome.Outcome{Status: outcome.Refused, CallID: "01JWK0N1VB9NG8G0GZJ0000001",
		Reason: "the event is not valid JSON (unexpected end of JSON input, at byte 13): " +
			`send the event as OCI Events delivers it, {"eventType":"com.oraclecloud.cloudguard.problemremediated","data":{...},...}`}
}

const (
	worked      = "the new one was used once and works"
	refresh     = "Restart or refresh consumers that read the secret only when they start."
	tokenCopies = "Replace the token wherever a consumer keeps a copy of it, such as a docker login or a " +
		"Kubernetes pull secret. The user name stays the same."
	again = "Then close the problem again with the same comment."
	bind  = "oci vault secret update --secret-id " + secretID + " --region us-ashburn-1 --defined-tags " +
		`'{"Oracle-Tags":{"CreatedBy":"jane@example.com"},"keyturn":{"kind":"auth-token","user":"` + userID + `"}}'`
	bindWith = "If the secret is meant for this credential, bind it. The command repeats the tags that the " +
		"secret has:\n" + bind + "\n" + again
	preflight = "oci fn function invoke --function-id " + functionID +
		` --region us-ashburn-1 --file - --body '{"keyturn":"preflight"}'`
	notes = "OCI's answer: GetSecret: absent or not allowed (404 NotAuthorizedOrNotFound): Authorization " +
		"failed or requested resource not found. [opc-request-id 5E7C0000/AAAA/BBBB]"
)

func placed(holds, name, id string) outcome.Secret {
	return outcome.Secret{Holds: holds, Name: name, ID: id, Version: 2, Current: true, Stage: "CURRENT",
		Link: "https://cloud.oracle.com/security/kms/vaults/" + vaultID + "/secrets/" + id + "?region=us-ashburn-1"}
}

// staged is a secret with the new value in a version that has another stage.
func staged(stage string, s outcome.Secret) outcome.Secret {
	s.Current, s.Stage = false, stage
	return s
}

func with(o outcome.Outcome, newID string, s ...outcome.Secret) outcome.Outcome {
	o.NewID, o.Secrets = newID, s
	return o
}

func refused(reason, remedy string) outcome.Outcome {
	return outcome.Outcome{Status: outcome.Refused, Reason: reason, Remedy: remedy, Reopened: true}
}

// cases are the outcomes whose mails are kept under testdata, by file name.
func cases() map[string]outcome.Outcome {
	all := map[string]outcome.Outcome{}
	for _, some := range []map[string]outcome.Outcome{done(), refusals(), others()} {
		for name, o := range some {
			all[name] = o
		}
	}
	return all
}

func done() map[string]outcome.Outcome {
	rotated := outcome.Outcome{Status: outcome.Rotated, Reason: "rotated", Changed: true, OldFate: "deleted",
		Proven: worked, Todo: []string{refresh}}
	do := func(o outcome.Outcome, todo ...string) outcome.Outcome {
		o.Todo = todo
		return o
	}
	inGrace := do(rotated, "Switch all consumers to the new auth token before 2026-05-07 10:00 UTC. Then the old "+
		"one is deleted.", refresh)
	inGrace.Reason, inGrace.OldFate = "rotated, the old one stays for a while", "works until 2026-05-07 10:00 UTC"
	reset := outcome.Outcome{Status: outcome.Rotated, Reason: "rotated", Changed: true, OldFate: "no longer valid",
		Todo: []string{"The user sets a new password with \"Forgot password\" at sign-in, or follows the link in " +
			"OCI's own mail."}}
	kept := do(reset, reset.Todo[0], "The one-time password in Vault is valid for 7 days.")
	chosen := do(reset, "The value in the secret is the user's new password. It is valid until the user changes it; "+
		"OCI may ask for that at the next sign-in.")
	mailed := do(reset, "The user follows the link in the mail from OCI, and sets a new password. The link expires.")
	warned := with(rotated, newTokenID, placed("auth-token", "token-of-web", secretID))
	warned.Notes = []string{"Secret token-of-web is not bound to this user and kind; it was accepted because " +
		"secret_binding is warn."}
	warned.Todo = []string{refresh, "If secret token-of-web is meant for this credential, bind it:\n" + bind}
	owned := placed("auth-token", "token-of-web", secretID)
	owned.Owner = "web-team@example.com"
	owned.Topic = "ocid1.onstopic.oc1.iad.aaaaaaaa5p7wkqmjnamvhxkdqcgbsfpqt53ukx2yr7wjzln6ieoa4g3sb5vt"
	const newKey = "c0:ff:ee:7c:fe:fa:77:7a:7b:4f:15:24:1a:bf:57:bd"
	bare := do(rotated, "Replace the fingerprint in the configuration of every consumer: the secret holds only "+
		"the private key.\nold: 1f:1d:d9:7c:fe:fa:77:7a:7b:4f:15:24:1a:bf:57:bd\nnew: "+newKey, refresh)
	pair := do(rotated, "Replace the access key in the configuration of each consumer that doesn't read it from the "+
		"secret: it has changed together with the secret key.\nold: 1f2e3d4c5b6a79880011223344556677889900aa\nnew: "+
		"ffee3d4c5b6a79880011223344556677889900aa", refresh)
	return map[string]outcome.Outcome{
		"rotated_api_key": apiKey(with(bare, newKey, placed("private-key", "key-of-web", secretID))),
		"rotated_auth_token": about(with(do(rotated, tokenCopies, refresh), newTokenID,
			placed("auth-token", "token-of-web", secretID))),
		"rotated_auth_token_owned": about(with(do(rotated, "Notify web-team@example.com, the owner of secret "+
			"token-of-web.", refresh), newTokenID, owned)),
		"rotated_auth_token_warned": about(warned),
		"rotated_bundle":            about(with(rotated, newTokenID, placed("bundle", "login-of-web", secretID))),
		"rotated_customer_secret_key": secretKey(with(pair, "ffee3d4c5b6a79880011223344556677889900aa",
			placed("secret-key", "secret-of-web", secretID), placed("access-key", "id-of-web", accessID))),
		"rotated_with_grace": about(with(inGrace, newTokenID, placed("auth-token", "token-of-web", secretID))),
		"reset_password":     password(reset),
		"reset_password_chosen": password(with(chosen, "2026-05-04T10:00:00Z",
			placed("password", "password-of-web", secretID))),
		"reset_password_mailed": password(mailed),
		"reset_password_kept":   password(with(kept, "", placed("password", "password-of-web", secretID))),
		"already": about(outcome.Outcome{Status: outcome.Already, Reason: "it was rotated by an earlier delivery",
			OldFate: "deleted",
			Todo:    []string{"Nothing: the mail of the earlier delivery says what consumers have to do."}}),
	}
}

func refusals() map[string]outcome.Outcome {
	full := refused("no free slot", "Delete one of the auth tokens below that is no longer used. "+again+
		"\nOr close it with this comment, which deletes the old auth token before the new one is "+
		"made:\nauth_secret_ocid:"+secretID+",ticket CHG-2001,replace:yes")
	full.Slots = []string{tokenID + ", made 2026-01-24, deploys the web shop", newTokenID + ", made 2026-03-15"}
	stuck := refused("the secret holds another living credential: secret token-of-web ("+secretID+") holds token OCID "+
		newTokenID,
		"Close the problem again and name another secret in the comment. If the credential that the secret holds "+
			"is not used any more, delete it first.")
	stuck.Reopened, stuck.StillClosed, stuck.Notes = false, true,
		[]string{"Re-opening the problem failed: UpdateProblemStatus: denied (403 NotAuthorized)"}
	stuck.Todo = []string{"Re-open the problem:\noci cloud-guard problem update-problem-status --problem-id " +
		problemID +
		" --status OPEN --comment 'Not rotated: see the mail of Keyturn' --region us-ashburn-1"}
	inPlace := with(refused("the step \"retire\" failed permanently: DeleteAuthToken: denied (403 NotAuthorized)",
		"The function may not do this, although the user exists and is ACTIVE. A preflight prints the policy "+
			"statements:\n"+preflight+"\n"+again),
		newTokenID, placed("auth-token", "token-of-web", secretID))
	inPlace.Changed, inPlace.OldFate, inPlace.Todo = true, "still exists", []string{refresh}
	moved := with(refused("the secret was changed meanwhile", "Decide which version of the secret is right. "+
		"To keep what Keyturn wrote, make version 2 of secret token-of-web CURRENT again, and close the problem "+
		"again:\n"+
		"oci vault secret update --secret-id "+secretID+" --current-version-number 2 --region us-ashburn-1\n"+
		"To keep what is CURRENT now, close the problem again and name another secret in the comment."), newTokenID,
		staged("PREVIOUS", placed("auth-token", "token-of-web", secretID)))
	moved.Changed, moved.OldFate = true, "still exists"
	untagged := refused("secret token-of-web ("+secretID+") exists, but the function may not read it. It lacks the "+
		"defined tags keyturn.user and keyturn.kind, "+
		"which the policies of the stack ask for (secret_policy = tags): freeform tags bind it, which policies "+
		"can't see", bindWith)
	untagged.Brief, untagged.Notes = "secret lacks the defined tags", []string{notes}
	gone := refused("the Default identity domain has no user "+userID+": deleted, or in another identity domain",
		"Dismiss the problem, if there is nothing to rotate:\noci cloud-guard problem update-problem-status "+
			"--problem-id "+problemID+
			" --status DISMISSED --comment 'The user is deleted' --region us-ashburn-1\nIf the user is in another "+
			"identity domain, rotate the credential manually: Keyturn does not manage other domains.")
	gone.Brief = "no such user"
	return map[string]outcome.Outcome{
		"refused_comment": about(refused("the closure comment was not understood: auth_secret_ocd is not a key "+
			"(did you mean auth_secret_ocid?)",
			"Close the problem again with this comment:\nauth_secret_ocid:"+secretID+",ticket CHG-2001")),
		"refused_unbound": about(refused("secret token-of-web ("+secretID+") is not bound to this user and kind",
			bindWith)),
		"refused_untagged": about(untagged),
		"refused_no_user":  about(gone),
		"refused_protected": about(refused("the user web@example.com ("+userID+") is protected",
			"Rotate the credential manually, or remove the user from the configuration key protected_users.")),
		"refused_no_free_slot": about(full),
		"refused_secret_taken": about(stuck),
		"refused_replaced":     about(moved),
		"refused_in_place":     about(inPlace),
		"refused_unreadable":   unreadable(),
	}
}

func others() map[string]outcome.Outcome {
	plan := outcome.Outcome{Status: outcome.DryRun, Reason: "a dry run was asked for", Reopened: true,
		Remedy: "To rotate, close the problem again with this comment:\nauth_secret_ocid:" + secretID +
			",ticket CHG-2001",
		Plan: []string{"make the new credential", "write the new value to Vault as PENDING",
			"prove that the new credential works",
			"make the new version CURRENT", "delete the old credential"}}
	half := outcome.Outcome{Status: outcome.Unfinished, Changed: true, OldFate: "still exists",
		Reason: "the step \"promote\" could not be finished: UpdateSecret: throttled (429 TooManyRequests)",
		Remedy: "Nothing for now. If no further mail about this credential comes within two hours, read the " +
			"log lines."}
	half = with(half, newTokenID, staged("PENDING", placed("auth-token", "token-of-web", secretID)))
	return map[string]outcome.Outcome{"unfinished": about(half), "dry_run": about(plan)}
}
