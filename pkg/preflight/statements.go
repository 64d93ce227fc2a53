package preflight

import (
	"fmt"
	"slices"
	"strings"

	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/outcome"
)

// sweeping is the function that looks through the whole tenancy.
const sweeping = "sweep"

// Policy is what the texts of the statements depend on.
type Policy struct {
	Function     string   // rotate or sweep
	Group        string   // name of its dynamic group
	Protected    []string // as in config.Config
	Compartments []string // OCIDs of those with secrets
	Domains      []string // OCIDs of the identity domains besides Default
	Topic        string   // OCID of the topic's compartment
	Records      string   // OCID of the compartment of records_topic; "" if there is none
	OwnerTopics  []string // OCIDs of the compartments of owner_topics
	Bucket       string   // name of the bucket for the report, in the function's compartment; "" if there is none
	Own          string   // OCID of the function's compartment
}

// recordsElsewhere reports whether records_topic is in another compartment than the topic for mails.
func (p Policy) recordsElsewhere() bool { return p.Records != "" && p.Records != p.Topic }

// channels returns the statements about other topics, where those about the topic for mails don't cover them, and about
// the bucket for the report.
func (p Policy) channels() (all []Statement) {
	const both = "{ONS_TOPIC_PUBLISH, ONS_TOPIC_READ} in "
	if p.recordsElsewhere() {
		all = append(all, Statement{"records", "", both + place(p.Records), "PublishMessage to records_topic"})
	}
	for _, c := range p.OwnerTopics {
		if c != p.Topic && c != p.Records {
			all = append(all, Statement{"owner-topics", c, both + place(c), "PublishMessage to the topics of owners"})
		}
	}
	if p.Bucket != "" && p.Function == sweeping {
		all = append(all, Statement{"report", "", "{OBJECT_CREATE} in " + place(p.Own) +
			" where target.bucket.name = '" + p.Bucket + "'", "PutObject of the sweep's report"})
	}
	return all
}

// Statement is a policy statement that the function needs.
type Statement struct {
	Name        string
	Compartment string // for the statements about secrets
	Text        string
	writes      string // the operations that it allows and that a preflight can't test; "" if there are none
}

// place is a compartment as statements name it.
func place(id string) string {
	if strings.HasPrefix(id, "ocid1.tenancy.") {
		return "tenancy"
	}
	return "compartment id " + id
}

// Statements returns all that the function needs: exactly those that terraform/iam_statements.tf makes for all kinds,
// and for domains those of terraform/iam_domains.tf with single permissions. They are written in both places, because a
// reviewer reads the stack's policies in Terraform alone, with their conditions on inputs that the function does not
// know. A test in test/leastprivilege compares the texts.
func (p Policy) Statements() []Statement {
	var operations, tags, others []string
	lists := ""
	if len(p.Domains) > 0 {
		others = append(others, inDefault)
		lists = " where " + inDefault
	}
	for _, k := range credential.Kinds() {
		for _, o := range k.Record().Operations {
			operations = append(operations, "request.operation = '"+o+"'")
		}
		tags = append(tags, "target.resource.tag.keyturn.kind = '"+string(k)+"'")
	}
	for _, u := range p.Protected {
		form := "target.user.name != '%s'"
		if strings.HasPrefix(u, "ocid1.") {
			form = "target.user.id != '%s'"
		} else if strings.Contains(u, "*") {
			form = "target.user.name != /%s/"
		}
		others = append(others, fmt.Sprintf(form, u))
	}
	where := ""
	if len(others) > 0 {
		where = " where all {" + strings.Join(others, ", ") + "}"
	}
	change := strings.Join(slices.Insert(slices.Clone(others), min(1, len(p.Domains)),
		"any {"+strings.Join(operations, ", ")+"}"), ", ")
	bound := " where all {target.resource.tag.keyturn.user = /ocid1.user.*/, any {" + strings.Join(tags, ", ") + "}}"
	all := []Statement{
		{"tenancy", "", "{TENANCY_INSPECT} in tenancy", ""},
		{"users", "", "{USER_INSPECT} in tenancy", ""},
		{"credentials-list", "", "{USER_READ} in tenancy" + lists, ""},
		{"namespace", "", "{OBJECTSTORAGE_NAMESPACE_READ} in tenancy", ""},
		{"preflight-cloud-guard", "", "read cloud-guard-config in tenancy", ""},
		{"preflight-topic", "", "{ONS_TOPIC_READ} in " + place(p.Topic), ""},
		{"problems", "", "use cloud-guard-problems in tenancy", "UpdateProblemStatus"},
		{"credentials-change", "", "{USER_UPDATE} in tenancy where all {" + change + "}",
			"part of all changes of credentials"},
	}
	for _, k := range credential.Kinds() {
		// CreateSecretKey is the name that policies have for CreateCustomerSecretKey.
		writes := strings.ReplaceAll(strings.Join(k.Record().Operations, ", "), " CreateSecretKey,", "")
		all = append(all, Statement{string(k), "",
			"{" + strings.Join(k.Record().Permissions, ", ") + "} in tenancy" + where, writes})
	}
	all = append(all, Statement{"password-set", "", "{USER_UIPASS_SET} in tenancy" + where,
		"CreateOrResetUIPassword, if IAM requires the permission of Oracle's tutorial"})
	all = append(all, p.domainStatements()...)
	for _, c := range p.Compartments {
		all = append(all, Statement{"secrets-list", c, "{SECRET_INSPECT} in " + place(c), ""},
			Statement{"secrets-write", c, "{SECRET_READ, SECRET_UPDATE, SECRET_VERSION_INSPECT, SECRET_BUNDLE_READ} " +
				"in " + place(c) + bound, "UpdateSecret"})
		if p.Function == sweeping {
			all = append(all, Statement{"secrets-prune", c, "{SECRET_VERSION_DELETE} in " + place(c) + bound,
				"ScheduleSecretVersionDeletion"})
		}
	}
	all = append(all, Statement{"mail", "", "{ONS_TOPIC_PUBLISH} in " + place(p.Topic), "PublishMessage"},
		Statement{"metrics", "", "{METRIC_WRITE} in " + place(p.Own) + " where target.metrics.namespace = '" +
			outcome.MetricNamespace + "'", "PostMetricData, which no rotation needs"})
	all = append(all, p.channels()...)
	for i := range all {
		all[i].Text = "Allow dynamic-group " + p.Group + " to " + all[i].Text
	}
	return all
}

// statement returns the text of the statement with a name. compartment is for statements about secrets, else "".
func (p Policy) statement(name, compartment string) string {
	if compartment != "" {
		p.Compartments = []string{compartment}
	}
	for _, s := range p.Statements() {
		if s.Name == name && s.Compartment == compartment {
			return s.Text
		}
	}
	panic("preflight: no statement " + name)
}
