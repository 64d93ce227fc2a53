package ociemu

import (
	"encoding/json"

	"github.com/keyturn/keyturn/test/ocipolicy"
)

// need is what policies must grant for an operation: all these permissions, in the compartment of its target.
type need struct {
	permissions []string
	also        func(*exchange) []string // permissions that depend on the request or on Answers
	on          func(*exchange) (aim, bool)
	// own says that the service checks credentials itself; policies don't apply.
	own bool
	// self says that users may do it with their own credentials, and that nobody else can.
	self bool
	// role says that only an administrator role of the domain counts.
	role bool
}

// aim is the target of an operation: its compartment, and the variables for conditions.
type aim struct {
	compartment string
	variables   map[string]string
}

// classicNeeds has an entry for every operation of allServices but those of the domains, which are in scimNeeds. The
// permissions are those of the tables "Permissions Required for Each API Operation" of Oracle's Policy Reference
// (policyreference/iampolicyreference.htm, keypolicyreference.htm, notificationpolicyreference.htm,
// eventspolicyreference.htm, functionspolicyreference.htm, objectstoragepolicyreference.htm), with five exceptions:
//   - GetUserUIPasswordInformation is in no table: here it reads the user's credentials.
//   - ListDbCredentials is in no table: here it reads the user's credentials.
//   - ListSecretBundleVersions is in no table: here it needs the same as ListSecretBundles.
//   - Cloud Guard's reference names operations only by verb; see ocipolicy.CloudGuardRead.
//   - Container Registry's operations are in none of them: the permissions follow the order of the verbs.
//   - CreateOrResetUIPassword and GetNamespace follow [Answers].
var classicNeeds = map[string]need{
	"GetTenancy":              {permissions: []string{"TENANCY_INSPECT"}, on: inTenancy},
	"ListRegionSubscriptions": {permissions: []string{"TENANCY_INSPECT"}, on: inTenancy},

	"ListCompartments":         {permissions: []string{"COMPARTMENT_INSPECT"}, on: inQueried},
	"ListPolicies":             {permissions: []string{"POLICY_READ"}, on: inQueried},
	"ListGroups":               {permissions: []string{"GROUP_INSPECT"}, on: inTenancy},
	"ListUserGroupMemberships": {permissions: []string{"GROUP_INSPECT", "USER_INSPECT"}, on: inTenancy},

	"ListSmtpCredentials":        {permissions: []string{"CREDENTIAL_INSPECT"}, on: theUser},
	"ListDbCredentials":          {permissions: []string{"USER_READ"}, on: theUser},
	"ListOAuthClientCredentials": {permissions: []string{"USER_READ"}, on: theUser},

	"ListDomains": {permissions: []string{"DOMAIN_INSPECT"}, on: inQueried},
	"GetDomain":   {permissions: []string{"DOMAIN_READ"}, on: theDomain},

	"CreateUser":                   {permissions: []string{"USER_CREATE"}, on: inTenancy},
	"DeleteUser":                   {permissions: []string{"USER_DELETE"}, on: theUser},
	"ListUsers":                    {permissions: []string{"USER_INSPECT"}, on: inTenancy},
	"GetUser":                      {permissions: []string{"USER_INSPECT"}, on: theUser},
	"ListApiKeys":                  {permissions: []string{"USER_READ"}, on: theUser},
	"UploadApiKey":                 {permissions: []string{"USER_UPDATE", "USER_APIKEY_ADD"}, on: theUser},
	"DeleteApiKey":                 {permissions: []string{"USER_UPDATE", "USER_APIKEY_REMOVE"}, on: theUser},
	"ListAuthTokens":               {permissions: []string{"USER_READ"}, on: theUser},
	"CreateAuthToken":              {permissions: []string{"USER_UPDATE", "USER_AUTHTOKEN_SET"}, on: theUser},
	"UpdateAuthToken":              {permissions: []string{"USER_UPDATE", "USER_AUTHTOKEN_RESET"}, on: theUser},
	"DeleteAuthToken":              {permissions: []string{"USER_UPDATE", "USER_AUTHTOKEN_REMOVE"}, on: theUser},
	"ListCustomerSecretKeys":       {permissions: []string{"USER_READ"}, on: theUser},
	"CreateCustomerSecretKey":      {permissions: []string{"USER_UPDATE", "USER_SECRETKEY_ADD"}, on: theUser},
	"UpdateCustomerSecretKey":      {permissions: []string{"USER_UPDATE", "USER_SECRETKEY_UPDATE"}, on: theUser},
	"DeleteCustomerSecretKey":      {permissions: []string{"USER_UPDATE", "USER_SECRETKEY_REMOVE"}, on: theUser},
	"GetUserUIPasswordInformation": {permissions: []string{"USER_READ"}, on: theUser},
	"CreateOrResetUIPassword": {permissions: []string{"USER_UPDATE"}, on: theUser,
		also: func(x *exchange) []string { return []string{string(x.e.opts.Answers.PasswordPermission)} }},

	"ListSecrets": {permissions: []string{"SECRET_INSPECT"}, on: inQueried},
	"CreateSecret": {permissions: []string{"KEY_ENCRYPT", "KEY_DECRYPT", "SECRET_CREATE",
		"VAULT_CREATE_SECRET"}, on: inBody},
	"GetSecret":                     {permissions: []string{"SECRET_READ"}, on: theSecret},
	"UpdateSecret":                  {permissions: []string{"SECRET_UPDATE"}, on: theSecret},
	"ListSecretVersions":            {permissions: []string{"SECRET_VERSION_INSPECT"}, on: theSecret},
	"GetSecretVersion":              {permissions: []string{"SECRET_VERSION_READ"}, on: theSecret},
	"ScheduleSecretVersionDeletion": {permissions: []string{"SECRET_VERSION_DELETE", "SECRET_UPDATE"}, on: theSecret},
	"ScheduleSecretDeletion":        {permissions: []string{"SECRET_DELETE"}, on: theSecret},
	"GetSecretBundle":               {permissions: []string{"SECRET_BUNDLE_READ"}, on: theSecret},
	"GetSecretBundleByName":         {permissions: []string{"SECRET_BUNDLE_READ"}, on: theNamedSecret},
	"ListSecretBundleVersions":      {permissions: []string{"SECRET_BUNDLE_INSPECT"}, on: theSecret},

	"GetVault":   {permissions: []string{"VAULT_READ"}, on: theVault},
	"ListVaults": {permissions: []string{"VAULT_INSPECT"}, on: inQueried},
	"ListKeys":   {permissions: []string{"KEY_INSPECT"}, on: inQueried},
	"GetKey":     {permissions: []string{"KEY_READ"}, on: theKey},
	"Sign":       {permissions: []string{"KEY_SIGN"}, on: theSigningKey},

	"ListContainerRepositories":     {permissions: []string{"REPOSITORY_INSPECT"}, on: inQueried},
	"ListContainerImages":           {permissions: []string{"REPOSITORY_INSPECT"}, on: inQueried},
	"ListContainerImageSignatures":  {permissions: []string{"REPOSITORY_READ"}, on: inQueried},
	"CreateContainerImageSignature": {permissions: []string{"REPOSITORY_UPDATE"}, on: inBody},

	"GetTopic":       {permissions: []string{"ONS_TOPIC_READ"}, on: theTopic},
	"PublishMessage": {permissions: []string{"ONS_TOPIC_PUBLISH"}, on: theTopic},

	"PostMetricData": {permissions: []string{"METRIC_WRITE"}, on: theMetrics},
	"PublicSpan":     {own: true},

	"GetConfiguration":     {permissions: []string{ocipolicy.CloudGuardConfigRead}, on: inQueried},
	"ListProblems":         {permissions: []string{ocipolicy.CloudGuardList}, on: inQueried},
	"GetProblem":           {permissions: []string{ocipolicy.CloudGuardRead}, on: inTenancy},
	"ListProblemHistories": {permissions: []string{ocipolicy.CloudGuardRead}, on: inTenancy},
	"UpdateProblemStatus":  {permissions: []string{ocipolicy.CloudGuardUpdate}, on: inTenancy},

	"ListRules":  {permissions: []string{"EVENTRULE_LIST"}, on: inQueried},
	"CreateRule": {permissions: []string{"EVENTRULE_CREATE"}, on: inBody},
	"GetRule":    {permissions: []string{"EVENTRULE_READ"}, on: theRule},
	"DeleteRule": {permissions: []string{"EVENTRULE_DELETE"}, on: theRule},

	"GetFunction":    {permissions: []string{"FN_FUNCTION_READ"}, on: theFunction},
	"UpdateFunction": {permissions: []string{"FN_FUNCTION_UPDATE"}, on: theFunction},
	"InvokeFunction": {permissions: []string{"FN_INVOCATION"}, on: theFunction},

	"GetNamespace": {on: inTenancy, also: func(x *exchange) []string {
		if x.query.Has("compartmentId") || x.e.opts.Answers.NamespacePermission == NamespaceReads {
			return []string{"OBJECTSTORAGE_NAMESPACE_READ"}
		}
		return nil
	}},

	"DockerToken":  {own: true},
	"RegistryPing": {own: true},
	"PullManifest": {own: true},
	"PullBlob":     {own: true},
	"ListTags":     {own: true},
	"BeginUpload":  {own: true},
	"UploadPart":   {own: true},
	"EndUpload":    {own: true},
	"PushManifest": {own: true},

	"PutObject": {permissions: []string{"OBJECT_CREATE"}, on: theBucket, also: overwrites},
	"GetObject": {permissions: []string{"OBJECT_READ"}, on: theBucket},

	"s3/ListBuckets": {own: true},
	"s3/HeadBucket":  {own: true},
	"s3/ListObjects": {own: true},
	"s3/GetObject":   {own: true},
}

// inTenancy aims at the root compartment, as all operations on Cloud Guard's problems of users do.
func inTenancy(x *exchange) (aim, bool) { return aim{compartment: x.e.state.tenancy}, true }

// theUser aims at the user in the path. ListUsers has no user, so it lacks these variables.
func theUser(x *exchange) (aim, bool) {
	u := x.classicUser()
	if u == nil {
		return aim{}, false
	}
	return aim{x.e.state.tenancy, u.variables()}, true
}

// inQueried aims at the compartment whose resources are listed. A list has no target variables.
func inQueried(x *exchange) (aim, bool) {
	id := x.query.Get("compartmentId")
	return aim{compartment: id}, id != ""
}

// inBody aims at the compartment for a new resource.
func inBody(x *exchange) (aim, bool) {
	var details struct {
		CompartmentID string `json:"compartmentId"`
		VaultID       string `json:"vaultId"`
		SecretName    string `json:"secretName"`
	}
	if json.Unmarshal(x.body, &details) != nil || details.CompartmentID == "" {
		return aim{}, false
	}
	a := aim{details.CompartmentID, map[string]string{}}
	if details.VaultID != "" {
		a.variables["target.vault.id"], a.variables["target.secret.name"] = details.VaultID, details.SecretName
	}
	return a, true
}

func theSecret(x *exchange) (aim, bool) {
	return ofThatSecret(x.e.secretByID(x.params["secretId"], x.call.Region))
}

func theNamedSecret(x *exchange) (aim, bool) { return ofThatSecret(x.namedSecret()) }

// ofThatSecret aims at a secret. Its tags count for its versions and bundles too; no source confirms or denies this.
func ofThatSecret(s *secret) (aim, bool) {
	if s == nil {
		return aim{}, false
	}
	v := map[string]string{"target.secret.id": s.id, "target.secret.name": s.name, "target.vault.id": s.vault.vault}
	for namespace, tags := range s.defined {
		for key, value := range tags {
			if text, isText := value.(string); isText {
				v[ocipolicy.TagVariable(namespace, key)] = text
			}
		}
	}
	return aim{s.compartment, v}, true
}

// theTopic aims at a topic, which has only general variables.
func theTopic(x *exchange) (aim, bool) {
	t := x.theTopic()
	if t == nil {
		return aim{}, false
	}
	return aim{compartment: t.compartment}, true
}

// theMetrics aims at the compartment of the first stream, with its namespace.
func theMetrics(x *exchange) (aim, bool) {
	var details struct {
		MetricData []metricData `json:"metricData"`
	}
	if json.Unmarshal(x.body, &details) != nil || len(details.MetricData) == 0 {
		return aim{}, false
	}
	first := details.MetricData[0]
	return aim{first.CompartmentID, map[string]string{"target.metrics.namespace": first.Namespace}}, true
}

// theFunction aims at a function. Its variables are not emulated.
func theFunction(x *exchange) (aim, bool) {
	f := x.theFunction()
	if f == nil {
		return aim{}, false
	}
	return aim{compartment: f.principal.Compartment}, true
}

func theRule(x *exchange) (aim, bool) {
	r := find(x.e.state.rules, func(r *rule) bool { return r.id == x.params["ruleId"] && r.region == x.call.Region })
	if r == nil {
		return aim{}, false
	}
	return aim{compartment: r.compartment}, true
}
