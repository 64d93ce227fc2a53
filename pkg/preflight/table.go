package preflight

import (
	"fmt"
	"strings"
)

// Names of the checks.
const (
	checkRequest      = "request"
	checkConfig       = "configuration"
	checkToken        = "token"
	checkClock        = "clock"
	checkTenancy      = "tenancy"
	checkHome         = "home_region"
	checkProblems     = "cloud_guard"
	checkReporting    = "reporting_region"
	checkTopic        = "topic"
	checkMail         = "mail"
	checkCompartments = "secret_compartments"
	checkBinding      = "secret_binding"
	checkSecret       = "secret"
	checkVersions     = "secret_versions"
	checkContent      = "secret_content"
	checkJournal      = "secret_journal"
	checkUsers        = "users"
	checkUser         = "user"
	checkProtected    = "protected_users"
	checkSlots        = "slots"
	checkNamespace    = "namespace"
	checkRegistry     = "registry"
	checkS3           = "s3_endpoint"
)

// spec is a check: what it asks, and the pure function that judges the facts. A judgement of nothing says that there
// was nothing to look at; Judge then lists it as not checked if skipped gives the reason.
type spec struct {
	name, asks, fails, warns string
	judge                    func(*Facts) []Check
	skipped                  func(*Facts) string
}

// specs is the one table: the order of the answer, and the documentation.
func specs() []spec {
	unbound := func(f *Facts) string { return f.unneeded("no bound secret was found that it could be asked for") }
	return []spec{
		{checkConfig, "the function's configuration, as at its start", "a value is malformed, `ons_topic` is " +
			"missing, a key is misspelt", "`dry_run` is on", judgeConfig, nil},
		{checkToken, "the claims of the resource principal's token", "it can't be read, names no tenancy, or is over",
			"it names no compartment (`secret_compartments` does)", judgeToken, nil},
		{checkClock, "the Date of an unsigned request's answer", "more than 5 minutes off: OCI refuses every request",
			"more than 1 minute off", judgeClock, nil},
		{checkTenancy, "GetTenancy", "not allowed", "", judgeTenancy, nil},
		{checkHome, "GetTenancy in the home region, where all changes of credentials are made",
			"IAM doesn't answer there", "", judgeHome, nil},
		{checkProblems, "ListProblems; GetProblem and ListProblemHistories of one problem, if there is any",
			"not allowed", "not allowed, but `event_check` is off (only `functions/rotate`)", judgeProblems, nil},
		{checkReporting, "GetConfiguration of Cloud Guard", "Cloud Guard is not ENABLED, or another region is its " +
			"reporting region", "", judgeReporting, nil},
		{checkTopic, "GetTopic; no mail is sent", "absent, not ACTIVE, or not allowed", "", judgeTopic, nil},
		{checkMail, "PublishMessage of one test mail; only with `\"mail\":\"yes\"`", "not allowed", "", judgeMail, nil},
		{checkCompartments, "ListSecrets of each of `secret_compartments`, or of the function's own", "not allowed",
			"no secret there is bound", judgeCompartments, nil},
		{checkBinding, "the binding tags of the listed secrets", "the tags contradict each other, name no user or " +
			"no known kind, or bind two secrets for one user, kind and role", "the two secrets of a customer " +
			"secret key have no role", judgeBinding, unbound},
		{checkSecret, "GetSecret of each bound secret", "not allowed, not ACTIVE, a replica, or of another region",
			"being changed just now", judgeSecret, unbound},
		{checkVersions, "ListSecretVersions of each", "not allowed, or 30 versions: no new one fits",
			"25 versions or more", judgeVersions, unbound},
		{checkContent, "GetSecretBundle of CURRENT of each; the content is dropped at once", "not allowed", "",
			judgeContent, unbound},
		{checkJournal, "Keyturn's journal in the metadata of each", "", "a rotation is half-way, or a grace period " +
			"over: the sweep asks Cloud Guard, and goes on", judgeJournal, unbound},
		{checkUsers, "ListUsers (only `functions/sweep`)", "not allowed", "", judgePeople, nil},
		{checkUser, "GetUser of each user of bound secrets", "absent, not allowed, not ACTIVE, or may not have " +
			"credentials of that kind", "", judgeUser, unbound},
		{checkProtected, "those users and `protected_users`", "", "a secret is bound to a protected user",
			judgeProtected, nil},
		{checkSlots, "ListApiKeys, ListAuthTokens, ListCustomerSecretKeys of each user, for the kinds of the " +
			"bound secrets", "not allowed", "no free slot: a rotation needs `replace:yes`", judgeSlots, unbound},
		{checkNamespace, "GetNamespace, if a bound secret is for an auth token or a customer secret key", "not allowed",
			"", judgeNamespace, notNeeded("an auth token or a customer secret key")},
		{checkRegistry, "GET `/v2/` of the home region's registry, without credentials, if a bound secret is for " +
			"an auth token", "no answer", "no answer, and `prove` is `try`; an answer of 500 or above", judgeRegistry,
			notProven("an auth token")},
		{checkS3, "GET `/` of the S3-compatible endpoint, without credentials, if a bound secret is for a customer " +
			"secret key", "no answer", "no answer, and `prove` is `try`; an answer of 500 or above", judgeS3,
			notProven("a customer secret key")},
	}
}

// unneeded is the reason why there was nothing to look at, if it is known which secrets are bound.
func (f *Facts) unneeded(why string) string {
	if !f.listed() {
		return "it is not known which secrets are bound, see the check " + checkCompartments
	}
	return why
}

func notNeeded(what string) func(*Facts) string {
	return func(f *Facts) string { return f.unneeded("no bound secret is for " + what) }
}

func notProven(what string) func(*Facts) string {
	return func(f *Facts) string {
		if !f.proves() {
			return "prove is off"
		}
		return f.unneeded("no bound secret is for " + what)
	}
}

// Table documents the checks as a Markdown table.
func Table() string {
	var b strings.Builder
	b.WriteString("| check | asks | fails | warns |\n| --- | --- | --- | --- |\n")
	all := append([]spec{{name: checkRequest, asks: "the body of the invocation", fails: "another value of " +
		"`keyturn`, or an unknown field; nothing else is looked at"}}, specs()...)
	for _, s := range all {
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", s.name, s.asks, s.fails, s.warns)
	}
	return b.String()
}

// WritesTable documents what is never tried, for both functions.
func WritesTable() string {
	var b strings.Builder
	b.WriteString("| operation | statement |\n| --- | --- |\n")
	p := Policy{Function: sweeping, Group: groupToFill, Compartments: []string{compartmentToFill}, Topic: topicToFill,
		Own: ownToFill}
	for _, w := range writes(p.Function) {
		fmt.Fprintf(&b, "| %s | `%s` |\n", w.what, p.statement(w.statement, w.place(p)))
	}
	return b.String()
}
