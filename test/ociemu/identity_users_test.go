package ociemu_test

import (
	"net/http"
	"testing"

	"github.com/oracle/oci-go-sdk/v65/common"
	"github.com/oracle/oci-go-sdk/v65/identity"

	"github.com/keyturn/keyturn/test/ociemu"
)

func (c *clients) createUser(t *testing.T, tenancy, name, email string) (identity.CreateUserResponse, error) {
	t.Helper()
	details := identity.CreateUserDetails{CompartmentId: &tenancy, Name: &name, Description: common.String("")}
	if email != "" {
		details.Email = &email
	}
	return c.identity.CreateUser(t.Context(), identity.CreateUserRequest{CreateUserDetails: details,
		OpcRetryToken: common.String("token-" + name)})
}

func TestANewUserHasNoCredentialsAndAUniqueNameAndEmail(t *testing.T) {
	e := ociemu.New(t, ociemu.Calm())
	c := asOperator(t, e)
	made := must[identity.CreateUserResponse](t)(c.createUser(t, e.Tenancy(), "jane", "jane@example.com"))
	if snap := e.User(*made.Id); snap.Name != "jane" || snap.HasPassword || len(snap.APIKeys) > 0 ||
		*made.Email != "jane@example.com" || made.Etag == nil {
		t.Errorf("got %+v for %+v", snap, made)
	}
	again := must[identity.CreateUserResponse](t)(c.createUser(t, e.Tenancy(), "jane", "jane@example.com"))
	if *again.Id != *made.Id {
		t.Error("the retry token made a second user")
	}
	for name, email := range map[string]string{"JANE": "other@example.com", "joe": "JANE@example.com"} {
		_, err := c.createUser(t, e.Tenancy(), name, email)
		refused(t, err, 409, "Conflict")
	}
	_, err := c.createUser(t, e.Tenancy(), "joe", "")
	refused(t, err, 400, "IdcsConversionError")
	_, err = c.createUser(t, "ocid1.compartment.oc1..aaaa", "joe", "joe@example.com")
	refused(t, err, 400, "InvalidParameter")
	c.identity.SetRegion("us-phoenix-1")
	_, err = c.createUser(t, e.Tenancy(), "joe", "joe@example.com")
	refused(t, err, 403, "NotAllowed")
}

func TestAUserIsDeletedAfterItsCredentials(t *testing.T) {
	e := ociemu.New(t, ociemu.Calm())
	c := asOperator(t, e)
	user := e.AddUser("jane")
	fingerprint, key := e.AddAPIKey(user)
	e.SetPassword(user)
	remove := func(ifMatch *string) error {
		_, err := c.identity.DeleteUser(t.Context(), identity.DeleteUserRequest{UserId: &user, IfMatch: ifMatch})
		return err
	}
	refused(t, remove(nil), 409, "Conflict")
	must[identity.DeleteApiKeyResponse](t)(c.identity.DeleteApiKey(t.Context(),
		identity.DeleteApiKeyRequest{UserId: &user, Fingerprint: &fingerprint}))
	refused(t, remove(common.String("stale")), 412, "NoEtagMatch")
	if err := remove(nil); err != nil {
		t.Fatal(err)
	}
	refused(t, remove(nil), 404, "NotAuthorizedOrNotFound")
	if snap := e.User(user); snap.ID != "" {
		t.Errorf("the user is still there: %+v", snap)
	}
	if status := e.TryAPIKey(user, key); status != 401 {
		t.Errorf("the deleted key is answered %d, want 401", status)
	}
}

func TestCreatingAndDeletingUsersNeedsAPolicy(t *testing.T) {
	e := newPolicyEnv(t, ociemu.Answers{})
	e.SetPolicies(policies(t, e.fn, "allow dynamic-group fn to {USER_CREATE} in tenancy"))
	made, err := e.one.createUser(t, e.Tenancy(), "jane", "jane@example.com")
	allowed(t, "making a user", err, true)
	_, err = e.one.identity.DeleteUser(t.Context(), identity.DeleteUserRequest{UserId: made.Id})
	allowed(t, "deleting a user", err, false)
	_, err = e.another.createUser(t, e.Tenancy(), "joe", "joe@example.com")
	allowed(t, "making a user as another function", err, false)
}

func TestARenamedUsersTokenSignsInUnderTheNewNameOnly(t *testing.T) {
	e := ociemu.New(t, ociemu.Calm())
	user := e.AddUser("jane")
	_, token := e.AddAuthToken(user, "x")
	e.RenameUser(user, "jane.doe")
	if status := e.TryAuthToken(user, token); e.User(user).Name != "jane.doe" || status != 200 {
		t.Errorf("%s is answered %d", e.User(user).Name, status)
	}
	m := message{method: "GET", url: "https://iad.ocir.io/20180419/docker/token"}
	m.spoil = func(r *http.Request) { r.SetBasicAuth(e.Namespace()+"/jane", token) }
	if got := m.do(t, e).status; got != 401 {
		t.Errorf("under the old name the token is answered %d", got)
	}
}
