package preflight

import (
	"fmt"
	"strings"

	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/outcome"
)

// What a statement needs and a function can't know.
const (
	groupToFill       = "<DYNAMIC_GROUP>"
	topicToFill       = "<COMPARTMENT_OF_TOPIC>"
	compartmentToFill = "<COMPARTMENT_OF_SECRETS>"
	ownToFill         = "<COMPARTMENT_OF_FUNCTION>"
)

// Names of the statements, as terraform/iam_statements.tf has them without the number of a compartment.
const (
	stTenancy     = "tenancy"
	stUsers       = "users"
	stList        = "credentials-list"
	stChange      = "credentials-change"
	stPasswordSet = "password-set"
	stNamespace   = "namespace"
	stProblems    = "problems"
	stGuard       = "preflight-cloud-guard"
	stTopic       = "preflight-topic"
	stSecretsList = "secrets-list"
	stSecrets     = "secrets-write"
	stPrune       = "secrets-prune"
	stMail        = "mail"
	stMetrics     = "metrics"
)

// Policy is what the texts of the statements depend on.
type Policy struct {
	Function     string   // rotate or sweep
	Group        string   // name of its dynamic group
	Protected    []string // as config.Config has them
	Compartments []string // OCIDs of those with secrets
	Topic        string   // OCID of the topic's compartment
	Own          string   // OCID of the function's compartment
}

// Statement is a policy statement that the function needs.
type Statement struct {
	Name        string
	Compartment string // for the statements about secrets
	Text        string
}

// place is a compartment as statements name it.
func place(id string) string {
	if strings.HasPrefix(id, "ocid1.tenancy.") {
		return "tenancy"
	}
	return "compartment id " + id
}

// Statements are all that the function needs: word by word those that terraform/iam_statements.tf makes for all kinds.
// A test compares them.
func (p Policy) Statements() []Statement {
	var out []Statement
	add := func(name, compartment, what string) {
		out = append(out, Statement{name, compartment, "Allow dynamic-group " + p.Group + " to " + what})
	}
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
	add(stTenancy, "", "{TENANCY_INSPECT} in tenancy")
	add(stUsers, "", "{USER_INSPECT} in tenancy")
	add(stList, "", "{USER_READ} in tenancy")
	add(stChange, "", "{USER_UPDATE} in tenancy where all {"+strings.Join(change, ", ")+"}")
	for _, k := range credential.Kinds() {
		add(string(k), "", "{"+strings.Join(k.Record().Permissions, ", ")+"} in tenancy"+where)
	}
	add(stPasswordSet, "", "{USER_UIPASS_SET} in tenancy"+where)
	add(stNamespace, "", "{OBJECTSTORAGE_NAMESPACE_READ} in tenancy")
	add(stProblems, "", "use cloud-guard-problems in tenancy")
	add(stGuard, "", "read cloud-guard-config in tenancy")
	for _, c := range p.Compartments {
		add(stSecretsList, c, "{SECRET_INSPECT} in "+place(c))
		add(stSecrets, c, "{SECRET_READ, SECRET_UPDATE, SECRET_VERSION_INSPECT, SECRET_BUNDLE_READ} in "+place(c)+bound)
		if p.Function == sweeping {
			add(stPrune, c, "{SECRET_VERSION_DELETE} in "+place(c)+bound)
		}
	}
	add(stMail, "", "{ONS_TOPIC_PUBLISH} in "+place(p.Topic))
	add(stTopic, "", "{ONS_TOPIC_READ} in "+place(p.Topic))
	add(stMetrics, "", "{METRIC_WRITE} in "+place(p.Own)+" where target.metrics.namespace = '"+outcome.MetricNamespace+
		"'")
	return out
}

// sweeping is the function that looks through the whole tenancy.
const sweeping = "sweep"

// notProtected are the conditions that keep the protected users out.
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

// statement is the text of one of them; compartment is only for those about secrets.
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
