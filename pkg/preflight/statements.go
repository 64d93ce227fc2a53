package preflight

import (
	"fmt"
	"strings"

	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/outcome"
)

// Placeholders for what a statement needs and a function does not know.
const (
	groupToFill       = "<DYNAMIC_GROUP>"
	topicToFill       = "<COMPARTMENT_OF_TOPIC>"
	compartmentToFill = "<COMPARTMENT_OF_SECRETS>"
	ownToFill         = "<COMPARTMENT_OF_FUNCTION>"
)

// Names of the statements that a remedy shows, as in terraform/iam_statements.tf, without a compartment's number.
const (
	stTenancy     = "tenancy"
	stUsers       = "users"
	stList        = "credentials-list"
	stNamespace   = "namespace"
	stProblems    = "problems"
	stGuard       = "preflight-cloud-guard"
	stTopic       = "preflight-topic"
	stSecretsList = "secrets-list"
	stSecrets     = "secrets-write"
	stMail        = "mail"
)

// Policy is what the texts of the statements depend on.
type Policy struct {
	Function     string   // rotate or sweep
	Group        string   // name of its dynamic group
	Protected    []string // as in config.Config
	Compartments []string // OCIDs of those with secrets
	Topic        string   // OCID of the topic's compartment
	Own          string   // OCID of the function's compartment
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

// Statements returns all that the function needs: exactly those that terraform/iam_statements.tf makes for all kinds.
// They are written in both places, because a reviewer reads the stack's policies in Terraform alone, with their
// conditions on inputs that the function does not know. A test in test/leastprivilege compares the texts.
func (p Policy) Statements() []Statement {
	others := p.notProtected()
	var operations, tags []string
	for _, k := range credential.Kinds() {
		for _, o := range k.Record().Operations {
			operations = append(operations, fmt.Sprintf("request.operation = '%s'", o))
		}
		tags = append(tags, fmt.Sprintf("target.resource.tag.keyturn.kind = '%s'", k))
	}
	change := append([]string{"any {" + strings.Join(operations, ", ") + "}"}, others...)
	where := ""
	if len(others) > 0 {
		where = " where all {" + strings.Join(others, ", ") + "}"
	}
	bound := " where all {target.resource.tag.keyturn.user = /ocid1.user.*/, any {" + strings.Join(tags, ", ") + "}}"
	all := []Statement{
		{stTenancy, "", "{TENANCY_INSPECT} in tenancy", ""},
		{stUsers, "", "{USER_INSPECT} in tenancy", ""},
		{stList, "", "{USER_READ} in tenancy", ""},
		{stNamespace, "", "{OBJECTSTORAGE_NAMESPACE_READ} in tenancy", ""},
		{stGuard, "", "read cloud-guard-config in tenancy", ""},
		{stTopic, "", "{ONS_TOPIC_READ} in " + place(p.Topic), ""},
		{stProblems, "", "use cloud-guard-problems in tenancy", "UpdateProblemStatus"},
		{"credentials-change", "", "{USER_UPDATE} in tenancy where all {" + strings.Join(change, ", ") + "}",
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
	for _, c := range p.Compartments {
		all = append(all, Statement{stSecretsList, c, "{SECRET_INSPECT} in " + place(c), ""},
			Statement{stSecrets, c, "{SECRET_READ, SECRET_UPDATE, SECRET_VERSION_INSPECT, SECRET_BUNDLE_READ} in " +
				place(c) + bound, "UpdateSecret"})
		if p.Function == sweeping {
			all = append(all, Statement{"secrets-prune", c, "{SECRET_VERSION_DELETE} in " + place(c) + bound,
				"ScheduleSecretVersionDeletion"})
		}
	}
	all = append(all, Statement{stMail, "", "{ONS_TOPIC_PUBLISH} in " + place(p.Topic), "PublishMessage"},
		Statement{"metrics", "", "{METRIC_WRITE} in " + place(p.Own) + " where target.metrics.namespace = '" +
			outcome.MetricNamespace + "'", "PostMetricData, which no rotation needs"})
	for i := range all {
		all[i].Text = "Allow dynamic-group " + p.Group + " to " + all[i].Text
	}
	return all
}

// sweeping is the function that looks through the whole tenancy.
const sweeping = "sweep"

// notProtected returns the conditions that exclude the protected users.
func (p Policy) notProtected() []string {
	var out []string
	for _, u := range p.Protected {
		switch {
		case strings.HasPrefix(u, "ocid1."):
			out = append(out, "target.user.id != '"+u+"'")
		case strings.Contains(u, "*"):
			out = append(out, "target.user.name != /"+u+"/")
		default:
			out = append(out, "target.user.name != '"+u+"'")
		}
	}
	return out
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
