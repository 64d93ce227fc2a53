package ocipolicy

import (
	"slices"
	"strings"
)

// variables are those of this project's statements: the general ones (Policy Reference, "General Variables for All
// Requests") and those of the services in question. OCI would silently decline a misspelt one, so any other is a syntax
// error here.
var variables = []string{
	"request.user.id", "request.user.name", "request.permission", "request.operation", "request.region", "request.ad",
	"request.networksource.name", "request.principal.id", "request.principal.type", "request.principal.compartment.id",
	"target.compartment.id", "target.compartment.name",
	"target.user.id", "target.user.name", "target.group.id", "target.group.name", "target.group.member",
	"target.policy.id", "target.policy.name", "target.resource.domain.id", "target.resource.domain.name",
	"target.domain.id", "target.domain.name",
	"target.vault.id", "target.key.id", "target.secret.id", "target.secret.name", "request.kms-key.id",
	"target.bucket.name", "target.object.name", "target.repo.name", "target.app.id", "target.function.id",
	"target.tag-namespace.id", "target.tag-namespace.name", "target.metrics.namespace", "target.credential.type",
	"target.workrequest.type",
}

// tagVariables begin the variables that end with a tag namespace and a key (Using Tags to Manage Access).
var tagVariables = []string{"target.resource.tag.", "target.resource.compartment.tag.", "request.principal.group.tag.",
	"request.principal.compartment.tag.", "target.bucket.tag."}

func statementVariable(name string) bool {
	if slices.Contains(variables, name) {
		return true
	}
	for _, prefix := range tagVariables {
		if rest, ok := strings.CutPrefix(name, prefix); ok {
			namespace, key, both := strings.Cut(rest, ".")
			return both && namespace != "" && key != ""
		}
	}
	return false
}

// TagVariable is the variable of a defined tag of the target resource.
func TagVariable(namespace, key string) string {
	return strings.ToLower("target.resource.tag." + namespace + "." + key)
}

// ruleVariables are those of matching rules (Writing Matching Rules to Define Dynamic Groups).
var ruleVariables = []string{"resource.type", "resource.id", "resource.compartment.id", "instance.id",
	"instance.compartment.id"}

func ruleVariable(name string) bool { return slices.Contains(ruleVariables, name) || isRuleTag(name) }

// isRuleTag reports whether a variable is a tag in a matching rule, tag.<namespace>.<key>.value.
func isRuleTag(name string) bool {
	parts := strings.Split(name, ".")
	return len(parts) == 4 && parts[0] == "tag" && parts[1] != "" && parts[2] != "" && parts[3] == "value"
}
