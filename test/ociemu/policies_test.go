package ociemu_test

import (
	"testing"

	"github.com/oracle/oci-go-sdk/v65/common"
	"github.com/oracle/oci-go-sdk/v65/identity"
	"github.com/oracle/oci-go-sdk/v65/objectstorage"
	"github.com/oracle/oci-go-sdk/v65/ons"
	"github.com/oracle/oci-go-sdk/v65/secrets"
	"github.com/oracle/oci-go-sdk/v65/vault"

	"github.com/keyturn/keyturn/test/ociemu"
	"github.com/keyturn/keyturn/test/ocipolicy"
)

// policies reads statements for the dynamic group fn, which matches only the function.
func policies(t testing.TB, function ociemu.Principal, statements ...string) *ociemu.Policies {
	t.Helper()
	rule, err := ocipolicy.ParseRule("ALL {resource.type = 'fnfunc', resource.id = '" + function.FunctionID + "'}")
	if err != nil {
		t.Fatal(err)
	}
	p := &ociemu.Policies{Set: ocipolicy.Set{DynamicGroups: []ocipolicy.DynamicGroup{{Name: "fn", Rule: rule}}}}
	for _, text := range statements {
		st, err := ocipolicy.Parse(text)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		p.Statements = append(p.Statements, st)
	}
	return p
}

// policyEnv is an emulator with two functions of one compartment.
type policyEnv struct {
	*ociemu.Emulator
	fn           ociemu.Principal
	one, another *clients
}

func newPolicyEnv(t *testing.T, answers ociemu.Answers) policyEnv {
	t.Helper()
	o := ociemu.Calm()
	answers.BundleLag = -1
	o.Answers = answers
	e := ociemu.New(t, o)
	apps := e.AddCompartment("apps", "")
	fn, other := e.NewFunction("one", apps), e.NewFunction("another", apps)
	return policyEnv{e, fn, newClients(t, e, provider{fn}), newClients(t, e, provider{other})}
}

// allowed reports whether a call is allowed, and checks that a denial is a 404.
func allowed(t *testing.T, what string, err error, want bool) {
	t.Helper()
	switch {
	case want && err != nil:
		t.Errorf("%s: %v, want it allowed", what, err)
	case !want && err == nil:
		t.Errorf("%s is allowed", what)
	case !want:
		refused(t, err, 404, "NotAuthorizedOrNotFound")
	}
}

func TestWithPoliciesAFunctionMayDoWhatAStatementAllows(t *testing.T) {
	e := newPolicyEnv(t, ociemu.Answers{})
	user, excluded := e.AddUser("jane"), e.AddUser("root")
	get := func(c *clients, id string) error {
		_, err := c.identity.GetUser(t.Context(), identity.GetUserRequest{UserId: &id})
		return err
	}
	list := func(c *clients) error {
		tenancy := e.Tenancy()
		_, err := c.identity.ListUsers(t.Context(), identity.ListUsersRequest{CompartmentId: &tenancy})
		return err
	}
	allowed(t, "anything without policies", get(e.another, excluded), true)
	e.SetPolicies(policies(t, e.fn, "allow dynamic-group fn to inspect users in tenancy where target.user.name "+
		"!= 'ROOT'"))
	allowed(t, "reading a user", get(e.one, user), true)
	allowed(t, "reading the excluded user", get(e.one, excluded), false)
	allowed(t, "listing under a condition on a user", list(e.one), false)
	allowed(t, "reading a user as another function", get(e.another, user), false)
	e.SetPolicies(policies(t, e.fn, "allow dynamic-group fn to inspect users in tenancy"))
	allowed(t, "listing", list(e.one), true)
	e.SetPolicies(nil)
	allowed(t, "anything without policies", list(e.another), true)
}

func TestAWriteNeedsAllItsPermissions(t *testing.T) {
	for answer, permission := range map[ociemu.PasswordPermissionAnswer]string{"": "USER_UIPASS_RESET",
		ociemu.PasswordNeedsSet: "USER_UIPASS_SET"} {
		e := newPolicyEnv(t, ociemu.Answers{PasswordPermission: answer})
		user := e.AddUser("jane")
		for statement, want := range map[string]bool{"{USER_UPDATE}": false, "{" + permission + "}": false,
			"{USER_UPDATE, " + permission + "}": true,
			"{USER_UPDATE, USER_AUTHTOKEN_SET}": false, "use users": false, "manage users": true} {
			e.SetPolicies(policies(t, e.fn, "allow dynamic-group fn to "+statement+" in tenancy"))
			_, err := e.one.identity.CreateOrResetUIPassword(t.Context(), identity.CreateOrResetUIPasswordRequest{
				UserId: &user})
			allowed(t, statement, err, want)
		}
	}
}

func TestPoliciesSelectASecretByCompartmentAndTags(t *testing.T) {
	e := newPolicyEnv(t, ociemu.Answers{})
	vaults := e.AddCompartment("vaults", "")
	inner := e.AddCompartment("inner", vaults)
	tags := map[string]map[string]any{"Keyturn": {"Kind": "api-key"}}
	bound := e.AddSecret(ociemu.SecretSeed{Name: "bound", Compartment: inner, DefinedTags: tags})
	free := e.AddSecret(ociemu.SecretSeed{Name: "free", Compartment: inner,
		FreeformTags: map[string]string{"Keyturn.Kind": "api-key"}})
	elsewhere := e.AddSecret(ociemu.SecretSeed{Name: "elsewhere", DefinedTags: tags})
	e.SetPolicies(policies(t, e.fn,
		"allow dynamic-group fn to {SECRET_BUNDLE_READ, SECRET_INSPECT} in compartment vaults where "+
			"target.resource.tag.keyturn.kind = 'API-KEY'",
		"allow dynamic-group fn to {SECRET_INSPECT} in compartment vaults:inner"))
	for id, want := range map[string]bool{bound: true, free: false, elsewhere: false} {
		_, err := e.one.secrets.GetSecretBundle(t.Context(), secrets.GetSecretBundleRequest{SecretId: &id})
		allowed(t, id, err, want)
		_, err = e.one.vault.GetSecret(t.Context(), vault.GetSecretRequest{SecretId: &id})
		allowed(t, "SECRET_READ of "+id, err, false)
	}
	for id, want := range map[string]bool{inner: true, vaults: false, e.Tenancy(): false} {
		_, err := e.one.vault.ListSecrets(t.Context(), vault.ListSecretsRequest{CompartmentId: &id})
		allowed(t, "listing "+id, err, want)
	}
}

func TestPoliciesSelectATopicByCompartment(t *testing.T) {
	e := newPolicyEnv(t, ociemu.Answers{})
	alerts := e.AddCompartment("alerts", "")
	ours, theirs := e.AddTopicIn(alerts, "ours"), e.AddTopic("theirs")
	e.SetPolicies(policies(t, e.fn, "allow dynamic-group fn to {ONS_TOPIC_PUBLISH} in compartment id "+alerts))
	for id, want := range map[string]bool{ours: true, theirs: false} {
		_, err := e.one.ons.PublishMessage(t.Context(), ons.PublishMessageRequest{TopicId: &id,
			MessageDetails: ons.MessageDetails{Body: common.String("hello")}})
		allowed(t, "publishing to "+id, err, want)
	}
	if n := len(e.Mails()); n != 1 {
		t.Errorf("%d mails, want 1", n)
	}
}

func TestTheNamespaceIsFreeUnlessTheAnswerSaysOtherwise(t *testing.T) {
	for answer, want := range map[ociemu.NamespacePermissionAnswer]bool{"": true, ociemu.NamespaceReads: false} {
		e := newPolicyEnv(t, ociemu.Answers{NamespacePermission: answer})
		e.SetPolicies(policies(t, e.fn))
		c, err := objectstorage.NewObjectStorageClientWithConfigurationProvider(provider{e.fn})
		if err != nil {
			t.Fatal(err)
		}
		// the SDK retries a 404 for minutes
		never := common.NoRetryPolicy()
		c.HTTPClient, c.Configuration.RetryPolicy = e.Client(), &never
		_, err = c.GetNamespace(t.Context(), objectstorage.GetNamespaceRequest{})
		allowed(t, "the namespace", err, want)
		tenancy := e.Tenancy()
		_, err = c.GetNamespace(t.Context(), objectstorage.GetNamespaceRequest{CompartmentId: &tenancy})
		allowed(t, "the namespace of a tenancy", err, false)
	}
}

func TestACallRecordsTheStatementThatAllowedIt(t *testing.T) {
	e := newPolicyEnv(t, ociemu.Answers{})
	user := e.AddUser("jane")
	e.SetPolicies(policies(t, e.fn, "allow dynamic-group fn to {USER_AUTHTOKEN_SET} in tenancy",
		"allow dynamic-group fn to use users in tenancy"))
	for _, ask := range []func() error{
		func() error {
			_, err := e.one.identity.CreateAuthToken(t.Context(), identity.CreateAuthTokenRequest{UserId: &user,
				CreateAuthTokenDetails: identity.CreateAuthTokenDetails{Description: common.String("x")}})
			return err
		},
		func() error {
			_, err := e.one.identity.DeleteAuthToken(t.Context(), identity.DeleteAuthTokenRequest{UserId: &user,
				AuthTokenId: common.String("x")})
			return err
		},
	} {
		_ = ask() // the log of calls shows the result
	}
	calls := e.Calls()
	first, second := calls[0].Decision, calls[1].Decision
	if first == nil || !first.Allowed || len(first.Grants) != 2 ||
		first.Grants[0] != (ocipolicy.Grant{Permission: "USER_UPDATE", Statement: 1}) ||
		first.Grants[1] != (ocipolicy.Grant{Permission: "USER_AUTHTOKEN_SET", Statement: 0}) {
		t.Errorf("the first decision is %+v", first)
	}
	if second == nil || second.Allowed || len(second.Missing) != 1 || second.Missing[0] != "USER_AUTHTOKEN_REMOVE" {
		t.Errorf("the second decision is %+v", second)
	}
}

func TestWithPoliciesUsersHaveTheirGroupsPermissionsAndMayReadThemselves(t *testing.T) {
	e := newPolicyEnv(t, ociemu.Answers{})
	ada := e.AddUser("ada")
	fingerprint, key := e.AddAPIKey(ada)
	c := newClients(t, e.Emulator, common.NewRawConfigurationProvider(e.Tenancy(), ada, e.Region(), fingerprint,
		string(key), nil))
	other, compartment := e.AddUser("jane"), e.Tenancy()
	p := policies(t, e.fn, "allow group Vaults to inspect secrets in tenancy")
	for _, member := range []bool{false, true} {
		if member {
			p.Groups = map[string][]ocipolicy.Group{ada: {{Name: "vaults"}}}
		}
		e.SetPolicies(p)
		_, err := c.identity.GetUser(t.Context(), identity.GetUserRequest{UserId: &ada})
		allowed(t, "reading oneself", err, true)
		_, err = c.identity.GetUser(t.Context(), identity.GetUserRequest{UserId: &other})
		allowed(t, "reading another user", err, false)
		_, err = c.vault.ListSecrets(t.Context(), vault.ListSecretsRequest{CompartmentId: &compartment})
		allowed(t, "what the group may do", err, member)
	}
	if _, err := asOperator(t, e.Emulator).identity.GetUser(t.Context(),
		identity.GetUserRequest{UserId: &other}); err != nil {
		t.Errorf("an operator may do everything: %v", err)
	}
}
