package preflight

import (
	"fmt"
	"strings"

	"github.com/keyturn/keyturn/pkg/credential"
)

// Names of the checks.
const (
	checkRequest      = "request"
	checkConfig       = "configuration"
	checkToken        = "token"
	checkClock        = "clock"
	checkTenancy      = "tenancy"
	checkHome         = "home_region"
	checkReporting    = "reporting_region"
	checkTopic        = "topic"
	checkCompartments = "secret_compartments"
	checkDomains      = "identity_domains"
	checkNamespace    = "namespace"
)

func hasSecrets(f *Facts) bool { return len(f.Secrets) > 0 }

func hasUsers(f *Facts) bool { return len(f.Users) > 0 }

func asksDomains(f *Facts) bool { return f.asksDomains() }

func uses(at ...credential.Endpoint) func(*Facts) bool {
	return func(f *Facts) bool { return f.uses(at...) }
}

const noBound = "no bound secret was found that this check could use"

// checks declares all checks, in the order of the answer and of the documentation.
var checks = []check{
	{name: checkConfig, asks: "the function's configuration, as at its start", judge: judgeConfig,
		fails: "a value is malformed, `ons_topic` is missing, a key is misspelt", warns: "`dry_run` is on"},
	{name: checkToken, asks: "the claims of the resource principal's token", needs: safe, judge: judgeToken,
		fails: "it can't be read, names no tenancy, or has expired",
		warns: "it names no compartment (`secret_compartments` does)"},
	{name: checkClock, asks: "the Date of the answer to an unsigned request", needs: safe, judge: judgeClock,
		fails: "more than 5 minutes off: OCI refuses every request", warns: "more than 1 minute off"},
	{name: checkTenancy, asks: "GetTenancy", needs: authenticated, judge: judgeTenancy, fails: "not allowed"},
	{name: checkHome, asks: "GetTenancy in the home region, where all changes of credentials are made",
		needs: tenancyRead, judge: judgeHome, fails: "IAM doesn't answer there"},
	{name: "cloud_guard", asks: "ListProblems; GetProblem and ListProblemHistories of one problem, if there is any",
		needs: recognized, judge: judgeProblems, fails: "not allowed",
		warns: "not allowed, but `event_check` is off (only `functions/rotate`)"},
	{name: checkReporting, asks: "GetConfiguration of Cloud Guard", needs: recognized, judge: judgeReporting,
		fails: "Cloud Guard is not ENABLED, or another region is its reporting region"},
	{name: checkTopic, asks: "GetTopic; no mail is sent", needs: configured, judge: judgeTopic,
		fails: "absent, not ACTIVE, or not allowed"},
	{name: "records_topic", asks: "GetTopic of `records_topic`, if it is set; no record is sent", needs: configured,
		when:  func(f *Facts) bool { return f.Config.RecordsTopic != "" },
		judge: judgeRecords, fails: "absent, not ACTIVE, or not allowed"},
	{name: "mail", asks: "PublishMessage of one test mail; only with `\"mail\":\"yes\"`", needs: configured,
		when: func(f *Facts) bool { return f.Mail }, judge: judgeMail, fails: "not allowed"},
	{name: checkCompartments, asks: "ListSecrets of each of `secret_compartments`, or of the function's own",
		needs: configured, judge: judgeCompartments, fails: "not allowed", warns: "no secret there is bound"},
	{name: "secret_binding", asks: "the binding tags of the listed secrets", when: hasSecrets, whySkipped: noBound,
		judge: judgeBinding, fails: "the tags contradict each other, name no user or no known kind, or bind two " +
			"secrets for one user, kind and role", warns: "the two secrets of a customer secret key have no role"},
	{name: "secret", asks: "GetSecret of each bound secret", needs: recognized, when: hasSecrets, whySkipped: noBound,
		judge: eachSecret("can be read, and take a new version", judgeSecret),
		fails: "not allowed, not ACTIVE, a replica, or of another region", warns: "being changed at this moment"},
	{name: "secret_versions", asks: "ListSecretVersions of each", needs: recognized, when: hasSecrets,
		whySkipped: noBound,
		judge:      eachSecret("room for new versions", judgeVersions),
		fails:      "not allowed, or 30 versions: no new one fits", warns: "25 versions or more"},
	{name: "secret_content", asks: "GetSecretBundle of CURRENT of each; the content is discarded at once",
		needs: recognized, when: hasSecrets, whySkipped: noBound, fails: "not allowed",
		judge: eachSecret("the CURRENT version can be read", judgeContent)},
	{name: "secret_journal", asks: "Keyturn's journal in the metadata of each", needs: recognized, when: hasSecrets,
		whySkipped: noBound, judge: eachSecret("no rotation in progress", judgeJournal),
		warns: "a rotation is unfinished, or a grace period over: the sweep asks Cloud Guard, and continues"},
	{name: checkDomains, asks: "ListDomains and GetDomain for `identity_domains`, if it is set (the next three too)",
		needs: homeReached, when: asksDomains, judge: judgeDomains,
		fails: "not allowed, none was found, or one that it names is absent or not ACTIVE",
		warns: "another one in its compartments is not ACTIVE"},
	{name: "domain_host", asks: "GET `/` of each ACTIVE identity domain's host, without credentials",
		needs: homeReached, when: asksDomains, judge: eachDomain("its host answers", judgeDomainHost),
		fails: "no answer, an answer of 500 or above, or an address that isn't of the realm"},
	{name: "domain_clock", asks: "the Date of those answers", needs: homeReached, when: asksDomains,
		judge: eachDomain("within "+someSkew.String()+" of the function's clock", judgeDomainClock),
		fails: "more than 5 minutes off", warns: "more than 1 minute off"},
	{name: "domain_access", asks: "the SCIM lists of users, API keys, auth tokens and customer secret keys in each " +
		"domain, for a user that doesn't exist", needs: homeReached, when: asksDomains,
		judge: eachDomain("users and credentials can be listed", judgeDomainAccess),
		fails: "not allowed"},
	{name: "users", asks: "ListUsers (only `functions/sweep`)", needs: homeReached, judge: judgeUserList,
		when: func(f *Facts) bool { return f.Function == sweeping }, fails: "not allowed"},
	{name: "user", asks: "GetUser of each user of bound secrets; with `identity_domains`, which domain has the " +
		"user", needs: homeReached, when: hasUsers,
		whySkipped: noBound,
		judge:      judgeUsers,
		fails: "absent, not allowed, not ACTIVE, may not have credentials of that kind, or has a password at another " +
			"identity provider",
		warns: "in another identity domain than Default: no e-mail address, and a secret for a password"},
	{name: "protected_users", asks: "those users and `protected_users`", judge: judgeProtected,
		when:  func(f *Facts) bool { return hasUsers(f) && f.blocked(homeReached) == "" },
		warns: "a secret is bound to a protected user"},
	{name: "slots", asks: "ListApiKeys, ListAuthTokens, ListCustomerSecretKeys of each user, for the kinds of the " +
		"bound secrets", needs: homeReached, when: hasUsers, whySkipped: noBound, judge: judgeSlots,
		fails: "not allowed",
		warns: "no free slot: a rotation needs `replace:yes`"},
	{name: checkNamespace, asks: "GetNamespace, if a bound secret is for an auth token or a customer secret key",
		needs: recognized, when: uses(credential.AtRegistry, credential.AtS3),
		whySkipped: "no bound secret is for an auth token or a customer secret key", judge: judgeNamespace,
		fails: "not allowed"},
	{name: "registry", asks: "GET `/v2/` of the home region's registry, without credentials, if a bound secret is " +
		"for an auth token", needs: tenancyRead, when: uses(credential.AtRegistry),
		whySkipped: "no bound secret is for an auth token", proof: true, judge: judgeRegistry, fails: "no answer",
		warns: "no answer, and `prove` is `try`; an answer of 500 or above"},
	{name: "s3_endpoint", asks: "GET `/` of the S3-compatible endpoint, without credentials, if a bound secret is " +
		"for a customer secret key", needs: tenancyRead, when: uses(credential.AtS3),
		whySkipped: "no bound secret is for a customer secret key", proof: true, judge: judgeS3, fails: "no answer",
		warns: "no answer, and `prove` is `try`; an answer of 500 or above"},
}

// Table documents the checks as a Markdown table.
func Table() string {
	var b strings.Builder
	b.WriteString("| check | asks | fails | warns |\n| --- | --- | --- | --- |\n")
	request := check{name: checkRequest, asks: "the body of the invocation",
		fails: "another value of `keyturn`, or an unknown field; nothing else is checked"}
	for _, c := range append([]check{request}, checks...) {
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", c.name, c.asks, c.fails, c.warns)
	}
	return b.String()
}

// WritesTable documents what is never tested, for both functions.
func WritesTable() string {
	var b strings.Builder
	b.WriteString("| operation | statement |\n| --- | --- |\n")
	p := (&Facts{Function: sweeping}).policy()
	p.Records, p.OwnerTopics, p.Bucket = "<COMPARTMENT_OF_RECORDS_TOPIC>", []string{"<COMPARTMENT_OF_OWNERS_TOPICS>"},
		"<BUCKET>"
	for _, s := range p.Statements() {
		if s.writes != "" {
			fmt.Fprintf(&b, "| %s | `%s` |\n", s.writes, s.Text)
		}
	}
	return b.String()
}
