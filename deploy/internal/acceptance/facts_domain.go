package acceptance

// domainFacts are those about identity domains other than Default. A run observes them on throw-away users of the
// domain that --domain names.
var domainFacts = []fact{
	{"domain-classic", "the classic API doesn't know users of other domains", "which API Keyturn asks for a user",
		"GetUser of a user in the domain", "404 NotAuthorizedOrNotFound", []string{"accepted"}},
	{"domain-host-port", "a signed request must name the port of the domain's URL", "nothing: Keyturn names it",
		"list users without it", "401", []string{"accepted"}},
	{"domain-message-id", "a refusal has a messageId", "how a refusal is classified; without it, its status and text " +
		"decide", "create an auth token without a user", "error.common.validation.missingReqAttributes",
		[]string{"none"}},
	{"domain-unauthorized", "a domain refuses an administrator's requests with 401 now and then", "which refusals " +
		"Keyturn repeats", "count them", "", nil},
	{"domain-no-rights", "a domain refuses a caller without permission with 401", "what a missing permission looks " +
		"like", "list users as the throw-away user", "401 with a body", []string{"401 without a body"}},
	{"domain-permissions", "the function's policy statements are enough to change credentials in the domain, " +
		"without the role User Administrator", "the stack's policies", "rotate, with the policies as they are; say " +
		"in your report whether the function has a role in the domain", "enough", nil},
	{"domain-whole-lists", "a list of credentials may lack a filter for one user", "the calls of a sweep",
		"list the credentials of each kind without a filter, as administrator", "accepted", []string{"401", "403"}},
	{"domain-whole-complete", "such a list has the credentials of all users", "the ages that a sweep sees",
		"compare it with the lists of the run's users", "complete", nil},
	{"domain-whole-names", "such a list has the names of the users if it is asked for user", "nothing: Keyturn asks " +
		"for user.name too", "list with attributes=user, then with user.name", "with user",
		[]string{"only with user.name"}},
	{"domain-whole-sort", "sortBy=ocid is honoured there", "nothing: Keyturn detects repeated and missing entries",
		"compare the OCIDs of the first page", "honoured", []string{"ignored"}},
	{"domain-count", "a page may have 1000 entries", "the calls of a sweep", "list users with count=1000, then with " +
		"count=1001", "accepted", nil},
	{"domain-sort", "sortBy=ocid is honoured", "nothing: Keyturn detects repeated and missing entries",
		"list users in both orders", "honoured", []string{"ignored"}},
	{"domain-pages", "startIndex and count cut a list into pages", "complete lists",
		"list two auth tokens with count=1", "the pages fit together", nil},
	{"domain-list-lag", "a new credential is listed at once", "whether to look again", "list auth tokens after a " +
		"creation", "at once", []string{"later"}},
	{"domain-if-match", "a domain refuses a change of another version", "deleting a credential only as it was listed",
		"change a description with another etag", "412", []string{"accepted"}},
	{"domain-delete-status", "the answer to a deletion has no content", "recognizing a deletion",
		"read the status of the deletion of an auth token", "204", nil},
	{"domain-delete-twice", "the answer to a second deletion", "a rotation that is delivered twice",
		"delete the auth token again", "404", nil},
	{"domain-retry-token", "a repeated opc-retry-token returns the same auth token with its value",
		"nothing: Keyturn sends a creation once, and then reads the list", "create an auth token twice with one",
		"the same, with its value", []string{"the same, without its value", "409", "a second one"}},
	{"domain-duplicate-key", "a domain refuses an API key that the user has", "a rotation that is delivered twice",
		"create the same API key again", "409", nil},
	{"domain-slots", "a user of the domain may have 3 API keys, 2 auth tokens and 2 customer secret keys",
		"whether there is a free slot", "create credentials until one is refused",
		"3 API keys, 2 auth tokens, 2 customer secret keys", nil},
	{"domain-full-slots", "a domain refuses one more with a text about the quota", "replace:yes",
		"read the refusal, for each of the three kinds", "400 with the quota's text",
		[]string{"409 with the quota's text", "400 with another text"}},
	{"domain-descriptions", "a domain keeps a description of 200 characters, also of an API key",
		"the mark of a rotation", "list credentials with such a description", "kept whole", nil},
	{"domain-created-time", "meta.created is close to the Date of the answer", "the age of a credential",
		"compare both for a new auth token", "within a minute", nil},
	{"domain-expiry", "expiresOn comes back as the same instant", "nothing: Keyturn sets none",
		"create an auth token with it", "the same instant", nil},
	{"domain-listed-secrets", "a list without attributes has no secretKey", "nothing: Keyturn's lists leave it out",
		"list and read a customer secret key, and see only whether the attribute is there", "hidden",
		[]string{"shown"}},
	{"domain-inactive-slot", "an INACTIVE credential keeps its slot", "nothing: Keyturn deletes",
		"create another one while one of two is INACTIVE", "keeps it", []string{"frees it"}},
	{"domain-inactive-use", "an INACTIVE auth token is refused at once", "nothing: Keyturn deletes",
		"sign in to the registry for 4 minutes", "refused at once", []string{"refused later", "works"}},
	{"domain-classic-inactive", "the classic API shows an INACTIVE auth token of Default as ACTIVE",
		"nothing: Keyturn doesn't read it", "change it by the API of Default, and list it by the classic one",
		"ACTIVE", []string{"INACTIVE"}},
	{"domain-default-ids", "the API of Default shows the ids of the classic API", "recognizing a credential of a " +
		"user of Default", "compare an auth token and a customer secret key", "the OCID, the access key",
		[]string{"the OCID, the OCID"}},
	{"domain-registry-user", "the registry accepts <namespace>/<domain>/<user name>", "proving, and the bundle's " +
		"registry_user", "sign in with and without the domain's name", "namespace/domain/name",
		[]string{"namespace/name, namespace/domain/name"}},
	{"domain-must-change", "a password that an administrator sets need not be changed", "how a mail describes a new " +
		"password", "set one and read mustChange", "no", []string{"yes"}},
	{"domain-password-time", "a domain says when a password was set, if asked", "the age of a password, and " +
		"recognizing a new one", "read lastSuccessfulSetDate after a change", "as set", []string{"not returned"}},
	{"domain-password-reader", "a domain tells the function when a password was set", "without it the function " +
		"refuses to change the password", "rotate a password", "returned", []string{"not returned"}},
	{"domain-password-if-match", "a domain compares If-Match with the user's etag before it sets a password",
		"a password that the user sets at the same moment", "set one with another etag, then with the user's own",
		"412, the user's own: accepted", nil},
	{"domain-password-answer", "the answer to the change has the schema UserPasswordChanger", "recognizing that the " +
		"password was set", "read its status and schemas", "200 with its schema", []string{"204 without a body"}},
	{"domain-reset-if-match", "a domain compares If-Match with the user's etag before it resets a password",
		"a password that the user sets at the same moment", "reset the password of a user without an e-mail address " +
			"with another etag, then with the user's own", "412, the user's own: accepted", nil},
	{"domain-reset-answer", "the answer to a reset has the schema UserPasswordResetter", "recognizing that the " +
		"password was reset", "with --mail, read its status and schemas", "200 with its schema",
		[]string{"204 without a body"}},
	{"domain-reset-time", "a reset by mail moves the time at which the password was set", "the sweep: without it, " +
		"each one would mail the user again", "with --mail, read lastSuccessfulSetDate before and after a reset; say " +
		"in your report whether you got the mail, and whether the time moves when you use the link", "moves", nil},
	{"domain-reset-time-no-mail", "a reset moves it also for a user without an e-mail address", "a hint for " +
		"domain-reset-time", "read lastSuccessfulSetDate before and after a reset", "moves", nil},
	{"domain-one-time-password", "a reset returns a one-time password only if it is asked for, and only for a user " +
		"without an e-mail address", "nothing: Keyturn doesn't use it", "reset the password of such a user, and see " +
		"only whether the attribute is there", "if asked", []string{"unasked", "not at all"}},
	{"domain-problems", "Cloud Guard reports users of the domain, and with which resource id and name",
		"whether their credentials are rotated by events, or only reported by the sweep", "read the problems of the " +
			"four rules, up to 200, and see which are about users of the domain", "", nil},
	{"domain-operations", "the names of request.operation for calls of a domain", "the stack's policies, which don't " +
		"use them", "not by a run, because it would have to change policies: use the names of the classic API in a " +
		"statement of a staging stack and run again", never, nil},
	{"domain-federated", "a domain refuses to set the password of a federated user", "nothing: Keyturn refuses it " +
		"before", "not by a run, because it can't create a federated user", never, nil},
}
