package ocipolicy

import (
	"maps"
	"slices"
)

// grants are the permissions that each verb adds to the previous one: inspect, read, use, manage.
type grants [4][]string

// table expands the verbs, according to the Policy Reference (policyreference/iampolicyreference.htm,
// keypolicyreference.htm, notificationpolicyreference.htm, objectstoragepolicyreference.htm, eventspolicyreference.htm,
// functionspolicyreference.htm).
//
// Cloud Guard's reference names no permissions. These are invented, in lower case so that no statement can name them.
// Each covers the operations that a verb allows.
var table = map[string]grants{
	"users": {{"USER_INSPECT"}, {"USER_READ"}, {"USER_UPDATE"}, {
		"USER_CREATE", "USER_DELETE", "USER_UNBLOCK", "USER_APIKEY_ADD", "USER_APIKEY_REMOVE", "USER_UIPASS_SET",
		"USER_UIPASS_RESET",
		"USER_SWIFTPASS_SET", "USER_SWIFTPASS_RESET", "USER_SWIFTPASS_REMOVE", "USER_AUTHTOKEN_SET",
		"USER_AUTHTOKEN_RESET",
		"USER_AUTHTOKEN_REMOVE", "USER_OAUTH2_CLIENT_CRED_CREATE", "USER_OAUTH2_CLIENT_CRED_UPDATE",
		"USER_OAUTH2_CLIENT_CRED_REMOVE",
		"USER_SECRETKEY_ADD", "USER_SECRETKEY_UPDATE", "USER_SECRETKEY_REMOVE", "USER_SUPPORT_ACCOUNT_LINK",
		"USER_SUPPORT_ACCOUNT_UNLINK", "USER_TOTPDEVICE_ADD", "USER_TOTPDEVICE_REMOVE", "USER_TOTPDEVICE_UPDATE"}},
	"credentials": {{"CREDENTIAL_INSPECT"}, nil, nil, {"CREDENTIAL_ADD", "CREDENTIAL_UPDATE", "CREDENTIAL_REMOVE"}},
	"groups":      {{"GROUP_INSPECT"}, nil, {"GROUP_UPDATE"}, {"GROUP_CREATE", "GROUP_DELETE"}},
	"dynamic-groups": {{"DYNAMIC_GROUP_INSPECT"}, nil, {"DYNAMIC_GROUP_UPDATE"},
		{"DYNAMIC_GROUP_CREATE", "DYNAMIC_GROUP_DELETE"}},
	"policies": {{"POLICY_READ"}, nil, nil, {"POLICY_UPDATE", "POLICY_CREATE", "POLICY_DELETE"}},
	"compartments": {{"COMPARTMENT_INSPECT"}, nil, {"COMPARTMENT_UPDATE"},
		{"COMPARTMENT_CREATE", "COMPARTMENT_DELETE", "COMPARTMENT_RECOVER"}},
	"tenancies": {{"TENANCY_INSPECT"}, nil, {"TENANCY_UPDATE"}, nil},
	"domains": {{"DOMAIN_INSPECT"}, {"DOMAIN_READ", "DOMAIN_LICENSETYPE_READ"}, {"DOMAIN_UPDATE"},
		{"DOMAIN_CREATE", "DOMAIN_DELETE", "DOMAIN_MOVE", "DOMAIN_REPLICATE", "DOMAIN_ACTIVATE", "DOMAIN_DEACTIVATE"}},
	"vaults": {{"VAULT_INSPECT"}, {"VAULT_READ"}, {"VAULT_CREATE_KEY", "VAULT_IMPORT_KEY", "VAULT_CREATE_SECRET"},
		{"VAULT_CREATE", "VAULT_UPDATE", "VAULT_DELETE", "VAULT_MOVE", "VAULT_BACKUP", "VAULT_RESTORE",
			"VAULT_REPLICATE"}},
	"keys": {{"KEY_INSPECT"}, {"KEY_READ"}, {"KEY_ENCRYPT", "KEY_DECRYPT", "KEY_EXPORT", "KEY_SIGN", "KEY_VERIFY"},
		{"KEY_CREATE", "KEY_UPDATE", "KEY_ROTATE", "KEY_DELETE", "KEY_MOVE", "KEY_IMPORT", "KEY_BACKUP",
			"KEY_RESTORE"}},
	"key-delegate": {nil, nil, {"KEY_ASSOCIATE", "KEY_DISASSOCIATE"}, nil},
	"secrets": {{"SECRET_INSPECT"}, {"SECRET_READ"}, {"SECRET_UPDATE", "SECRET_ROTATE"},
		{"SECRET_CREATE", "SECRET_DELETE", "SECRET_MOVE", "SECRET_REPLICATE_CONFIGURE"}},
	"secret-versions": {{"SECRET_VERSION_INSPECT"}, {"SECRET_VERSION_READ"}, nil, {"SECRET_VERSION_DELETE"}},
	"secret-bundles":  {{"SECRET_BUNDLE_INSPECT"}, {"SECRET_BUNDLE_READ"}, nil, nil},
	"ons-topics": {{"ONS_TOPIC_INSPECT"}, {"ONS_TOPIC_READ"}, {"ONS_TOPIC_PUBLISH", "ONS_TOPIC_SUBSCRIBE"},
		{"ONS_TOPIC_CREATE", "ONS_TOPIC_MOVE", "ONS_TOPIC_UPDATE", "ONS_TOPIC_DELETE"}},
	"ons-subscriptions": {{"ONS_SUBSCRIPTION_INSPECT"}, nil, nil,
		{"ONS_SUBSCRIPTION_CREATE", "ONS_SUBSCRIPTION_MOVE", "ONS_SUBSCRIPTION_UPDATE", "ONS_SUBSCRIPTION_DELETE"}},
	"cloud-guard-problems":     {{CloudGuardList}, {CloudGuardRead}, {CloudGuardUpdate}, nil},
	"cloud-guard-config":       {nil, {CloudGuardConfigRead}, {CloudGuardConfigUpdate}, nil},
	"objectstorage-namespaces": {nil, {"OBJECTSTORAGE_NAMESPACE_READ"}, nil, {"OBJECTSTORAGE_NAMESPACE_UPDATE"}},
	"buckets": {{"BUCKET_INSPECT"}, {"BUCKET_READ"}, {"BUCKET_UPDATE"},
		{"BUCKET_CREATE", "BUCKET_DELETE", "PAR_MANAGE", "RETENTION_RULE_MANAGE", "RETENTION_RULE_LOCK"}},
	"objects": {{"OBJECT_INSPECT"}, {"OBJECT_READ"}, {"OBJECT_OVERWRITE"},
		{"OBJECT_CREATE", "OBJECT_DELETE", "OBJECT_VERSION_DELETE", "OBJECT_RESTORE", "OBJECT_UPDATE_TIER"}},
	"repos": {{"REPOSITORY_INSPECT"}, {"REPOSITORY_READ"}, {"REPOSITORY_UPDATE"}, // registrypolicyrepoaccess.htm
		{"REPOSITORY_CREATE", "REPOSITORY_DELETE", "REPOSITORY_MANAGE"}},
	"metrics": {{"METRIC_INSPECT"}, {"METRIC_READ"}, {"METRIC_WRITE"}, nil}, // monitoringpolicyreference.htm
	"fn-app":  {{"FN_APP_LIST"}, {"FN_APP_READ"}, {"FN_APP_UPDATE"}, {"FN_APP_CREATE", "FN_APP_DELETE"}},
	"fn-function": {{"FN_FUNCTION_LIST"}, {"FN_FUNCTION_READ"}, {"FN_FUNCTION_UPDATE"},
		{"FN_FUNCTION_CREATE", "FN_FUNCTION_DELETE"}},
	"fn-invocation": {nil, nil, {"FN_INVOCATION"}, nil},
	"cloudevents-rules": {{"EVENTRULE_LIST"}, {"EVENTRULE_READ"}, nil, {"EVENTRULE_MODIFY", "EVENTRULE_CREATE",
		"EVENTRULE_DELETE"}},
}

// The invented permissions of Cloud Guard.
const (
	CloudGuardList   = "cloud-guard-problems:inspect"
	CloudGuardRead   = "cloud-guard-problems:read"
	CloudGuardUpdate = "cloud-guard-problems:use"
	// Oracle's "Common Policies" give groups that only read `read cloud-guard-config`.
	CloudGuardConfigRead   = "cloud-guard-config:read"
	CloudGuardConfigUpdate = "cloud-guard-config:use"
)

// families are the aggregate resource types. Members that are not in the table add nothing.
var families = map[string][]string{
	"secret-family":      {"secrets", "secret-versions", "secret-bundles"},
	"ons-family":         {"ons-topics", "ons-subscriptions"},
	"cloud-guard-family": {"cloud-guard-problems", "cloud-guard-config"},
	"object-family":      {"objectstorage-namespaces", "buckets", "objects"},
	"cloudevents-family": {"cloudevents-rules"},
	"functions-family":   {"fn-app", "fn-function", "fn-invocation"},
	"all-resources":      slices.Sorted(maps.Keys(table)),
}

// silent are resource types of this project's statements that no request here concerns.
var silent = []string{
	"virtual-network-family", "subnets", "vnics", "cloud-shell",
	"log-groups", "log-content", "logging-family", "apm-domains", "alarms", "tag-namespaces",
	"resource-schedule-family",
	"resource-schedule-schedules", "resource-schedule-workrequests", "orm-family", "orm-stacks", "orm-jobs",
	"network-sources",
	"cloud-guard-targets", "cloud-guard-detectors", "cloud-guard-detector-recipes", "cloud-guard-resource-types",
	"vss-family", "container-scan-recipes",
	"container-scan-targets", "security-zone", "security-recipe", "network-security-groups", "service-gateways", "vcns",
	"route-tables",
}

// Permissions returns the permissions that a verb grants on a resource type, sorted; none for an unknown type.
func Permissions(v Verb, resourceType string) []string {
	members, family := families[resourceType]
	if !family {
		members = []string{resourceType}
	}
	var out []string
	for _, m := range members {
		for i, added := range table[m] {
			if i <= slices.Index(verbs, v) {
				out = append(out, added...)
			}
		}
	}
	slices.Sort(out)
	return out
}

// KnownPermissions returns all permissions of the tables, sorted.
func KnownPermissions() []string { return Permissions(Manage, "all-resources") }

// Doubts returns the names in a statement that are in no table here. They may be misspelt: OCI would refuse them, or
// accept them without effect.
func (s Statement) Doubts() []string {
	var out []string
	for _, p := range s.Permissions {
		if !slices.Contains(KnownPermissions(), p) {
			out = append(out, "unknown permission "+p)
		}
	}
	_, single := table[s.Type]
	_, family := families[s.Type]
	if s.Verb != "" && !single && !family && !slices.Contains(silent, s.Type) {
		out = append(out, "unknown resource type "+s.Type)
	}
	return out
}
