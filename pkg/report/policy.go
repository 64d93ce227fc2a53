package report

// PolicyStatement is one statement of a policy.
type PolicyStatement struct {
	Text    string
	Purpose string   // what the report reads with it
	Calls   []string // the operations that it is for
}

// ReadPolicy returns the statements of a policy of the root compartment that let a group read all that a report needs.
// The group is written as in a statement: Auditors, 'Domain'/'Auditors', or id ocid1.group....
//
// They allow no change, and no reading of a secret's contents. Without one of them, the report says what it could not
// ask. Statements about problems of Cloud Guard need a verb: their permissions have no documented names.
//
// The lists of an identity domain need the same permissions as those of the classic IAM API, according to the Policy
// Reference of IAM with identity domains. No source says whether a domain accepts them instead of a role: if it answers
// 401, give the group a role of the domain that reads its users, such as Audit Administrator.
func ReadPolicy(group string) []PolicyStatement {
	allow := func(what, purpose string, calls ...string) PolicyStatement {
		return PolicyStatement{"Allow group " + group + " to " + what + " in tenancy", purpose, calls}
	}
	return []PolicyStatement{
		allow("{TENANCY_INSPECT, COMPARTMENT_INSPECT}", "the tenancy, its regions and its compartments",
			"GetTenancy", "ListRegionSubscriptions", "ListCompartments"),
		allow("{DOMAIN_INSPECT, DOMAIN_READ}", "the identity domains", "ListDomains", "GetDomain"),
		allow("{USER_INSPECT, USER_READ, CREDENTIAL_INSPECT}",
			"the users with their credentials, never a credential's value", "ListUsers", "GetUser", "ListApiKeys",
			"ListAuthTokens", "ListCustomerSecretKeys", "GetUserUIPasswordInformation", "ListDbCredentials",
			"ListOAuthClientCredentials", "ListSmtpCredentials"),
		allow("{GROUP_INSPECT, POLICY_READ}", "who may manage all resources", "ListGroups",
			"ListUserGroupMemberships", "ListPolicies"),
		allow("{SECRET_INSPECT, SECRET_READ}", "the secrets that are bound to credentials, and the state of their "+
			"rotations, without any content", "ListSecrets", "GetSecret"),
		allow("read cloud-guard-problems", "Cloud Guard's problems about credentials", "ListProblems", "GetProblem",
			"ListProblemHistories"),
	}
}
