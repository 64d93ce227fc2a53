package oci_test

import (
	"errors"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/oracle/oci-go-sdk/v65/common"

	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/fault"
	"github.com/keyturn/keyturn/pkg/oci"
	"github.com/keyturn/keyturn/pkg/vault"
	"github.com/keyturn/keyturn/test/ociemu"
)

// principal is an SDK configuration provider for the emulator's function.
type principal struct{ ociemu.Principal }

func (principal) AuthType() (common.AuthConfig, error) {
	return common.AuthConfig{AuthType: common.UnknownAuthenticationType}, nil
}

// emulated starts an emulator, and returns a Cloud that signs in as a function of it.
func emulated(t *testing.T, o ociemu.Options) (*oci.Cloud, *ociemu.Emulator) {
	t.Helper()
	e := ociemu.New(t, o)
	return at(e, oci.NewWith(principal{e.NewFunction("rotate", "")})), e
}

func at(e *ociemu.Emulator, c *oci.Cloud) *oci.Cloud {
	c.Through(e.Client().Transport.(*http.Transport))
	return c
}

// called returns the calls of an operation.
func called(e *ociemu.Emulator, operation string) []ociemu.Call {
	return slices.DeleteFunc(e.Calls(), func(c ociemu.Call) bool { return c.Operation != operation })
}

// draft is the input for a credential of the kind.
func draft(t *testing.T, kind credential.Kind, token string) credential.Draft {
	t.Helper()
	d := credential.Draft{Description: "made by a test", RetryToken: token}
	if kind != credential.APIKey {
		return d
	}
	m, err := credential.GenerateAPIKey(2048)
	if err == nil {
		d.PublicKey, err = m.PublicPEM()
	}
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestAFunctionInAnotherRegionChangesCredentialsInTheHomeRegion(t *testing.T) {
	o := ociemu.Calm()
	o.Region, o.HomeRegion = "eu-frankfurt-1", "us-phoenix-1"
	cloud, e := emulated(t, o)
	u := e.AddUser("web@example.com")
	for _, kind := range credential.Kinds() {
		made, err := cloud.Issuer(kind).Create(t.Context(), u, draft(t, kind, "token-"+string(kind)))
		if err != nil {
			t.Fatalf("%s: %v", kind, err)
		}
		if kind == credential.Password {
			continue
		}
		if err := cloud.Issuer(kind).Delete(t.Context(), u, made.ID); err != nil {
			t.Errorf("%s: %v", kind, err)
		}
	}
	if name, err := cloud.UserName(t.Context(), u); err != nil || name != "web@example.com" {
		t.Errorf("the user's name is %q (%v)", name, err)
	}
	if n := len(called(e, "GetTenancy")); n != 1 {
		t.Errorf("the home region was asked for %d times, want once", n)
	}
	for _, c := range e.Calls() {
		if want := map[bool]string{true: "eu-frankfurt-1",
			false: "us-phoenix-1"}[c.Operation == "GetTenancy"]; c.Region != want {
			t.Errorf("%s went to %s, want %s", c.Operation, c.Region, want)
		}
	}
}

func TestACreatedCredentialIsListedUntilItIsDeleted(t *testing.T) {
	cloud, e := emulated(t, ociemu.Calm())
	u := e.AddUser("web@example.com")
	for _, kind := range credential.Kinds() {
		issuer := cloud.Issuer(kind)
		made, err := issuer.Create(t.Context(), u, draft(t, kind, "t"))
		if err != nil {
			t.Fatalf("%s: %v", kind, err)
		}
		if made.Value.Empty() != (kind == credential.APIKey) {
			t.Errorf("%s: has a value: %v", kind, !made.Value.Empty())
		}
		l, err := issuer.List(t.Context(), u)
		if err != nil || len(l.Credentials) != 1 || l.Credentials[0] != made.Issued ||
			time.Since(l.At).Abs() > time.Minute {
			t.Errorf("%s: the list is %+v (%v), want %+v", kind, l, err, made.Issued)
		}
		if marked := kind == credential.AuthToken ||
			kind == credential.CustomerSecretKey; marked != (made.Description == "made by a test") {
			t.Errorf("%s: the description is %q", kind, made.Description)
		}
		if kind == credential.Password {
			continue
		}
		if err := issuer.Delete(t.Context(), u, made.ID); err != nil {
			t.Errorf("%s: %v", kind, err)
		}
		if l, err := issuer.List(t.Context(), u); err != nil || len(l.Credentials) != 0 {
			t.Errorf("%s: after the deletion the list is %+v (%v)", kind, l, err)
		}
		if err := issuer.Delete(t.Context(), u, made.ID); fault.Of(err) != fault.Absent {
			t.Errorf("%s: deleting it again gives %v", kind, err)
		}
	}
}

func TestARepeatedCreateHandlesEveryAnswer(t *testing.T) {
	for answer, want := range map[ociemu.RetryTokenAnswer]struct {
		class fault.Class // empty for no error
		value bool
		made  int
	}{
		ociemu.RetryTokenValue:    {"", true, 1},
		ociemu.RetryTokenNoValue:  {"", false, 1},
		ociemu.RetryTokenConflict: {fault.Conflict, false, 1},
		ociemu.RetryTokenIgnored:  {"", true, 2},
	} {
		for _, kind := range []credential.Kind{credential.AuthToken, credential.CustomerSecretKey} {
			t.Run(string(answer)+" "+string(kind), func(t *testing.T) {
				o := ociemu.Calm()
				o.Answers.RetryToken = answer
				cloud, e := emulated(t, o)
				u := e.AddUser("web@example.com")
				operation := map[credential.Kind]string{credential.AuthToken: "CreateAuthToken",
					credential.CustomerSecretKey: "CreateCustomerSecretKey"}[kind]
				lost := e.Inject(ociemu.Fault{Operation: operation, When: ociemu.After, Do: ociemu.Cut})
				made, err := cloud.Issuer(kind).Create(t.Context(), u, draft(t, kind, "t"))
				if lost.Hits() != 1 || len(called(e, operation)) != 2 {
					t.Fatalf("%d calls, %d of them cut off", len(called(e, operation)), lost.Hits())
				}
				if want.class == "" && err != nil || want.class != "" && (err == nil || fault.Of(err) != want.class) {
					t.Errorf("the error is %v, want %q", err, want.class)
				}
				if made.Value.Empty() == want.value {
					t.Errorf("has a value: %v, want %v", !made.Value.Empty(), want.value)
				}
				if n := len(e.User(u).AuthTokens) + len(e.User(u).CustomerSecretKeys); n != want.made {
					t.Errorf("the user has %d, want %d", n, want.made)
				}
			})
		}
	}
}

func TestADeletionOrUpdateWhoseAnswerWasLostIsNotRepeated(t *testing.T) {
	cloud, e := emulated(t, ociemu.Calm())
	u := e.AddUser("web@example.com")
	id, _ := e.AddAuthToken(u, "old")
	vaulted := e.AddSecret(ociemu.SecretSeed{Name: "s"})
	s, err := cloud.Vault().Secret(t.Context(), vaulted)
	if err != nil {
		t.Fatal(err)
	}
	for _, do := range []ociemu.Action{ociemu.Cut, ociemu.Answer(503, "ServiceUnavailable")} {
		for _, operation := range []string{"DeleteAuthToken", "UpdateSecret"} {
			e.ResetCalls()
			e.Inject(ociemu.Fault{Operation: operation, When: ociemu.Before, Do: do})
			if operation == "UpdateSecret" {
				_, err = cloud.Vault().Update(t.Context(), vaulted, s.ETag,
					vault.Update{Metadata: vault.Metadata(`{"a":"b"}`)})
			} else {
				err = cloud.Issuer(credential.AuthToken).Delete(t.Context(), u, id)
			}
			if fault.Of(err) != fault.Unclear || err == nil || len(called(e, operation)) != 1 {
				t.Errorf("%s: %v after %d calls, want an unclear one after 1", operation, err,
					len(called(e, operation)))
			}
		}
	}
	if len(e.User(u).AuthTokens) != 1 || e.Secret(vaulted).Etag != s.ETag {
		t.Error("a call that was made once took effect")
	}
}

func TestThrottlingThatEndsIsWaitedFor(t *testing.T) {
	cloud, e := emulated(t, ociemu.Calm())
	vaulted := e.AddSecret(ociemu.SecretSeed{Name: "s"})
	s, err := cloud.Vault().Secret(t.Context(), vaulted)
	if err != nil {
		t.Fatal(err)
	}
	e.Inject(ociemu.Fault{Operation: "UpdateSecret", Times: 2, Do: ociemu.Answer(429, "TooManyRequests")})
	if _, err := cloud.Vault().Update(t.Context(), vaulted, s.ETag, someUpdate()); err != nil {
		t.Error(err)
	}
	if n := len(called(e, "UpdateSecret")); n != 3 {
		t.Errorf("%d calls, want 3", n)
	}
}

func TestA401IsAnsweredAtOnceToARealResourcePrincipalToo(t *testing.T) {
	e := ociemu.New(t, ociemu.Calm())
	for _, kv := range e.Env(e.NewFunction("rotate", "")) {
		if key, value, _ := strings.Cut(kv, "="); strings.HasPrefix(key, "OCI_") {
			t.Setenv(key, value)
		}
	}
	cloud := at(e, oci.New())
	if got, err := cloud.Tenancy(t.Context()); err != nil || got.ID != e.Tenancy() || got.Name == "" ||
		got.Home != "us-ashburn-1" {
		t.Fatalf("the tenancy is %+v (%v)", got, err)
	}
	if id, err := cloud.Compartment(t.Context()); err != nil || id != e.Tenancy() {
		t.Errorf("the function's compartment is %s (%v), want the root", id, err)
	}
	u := e.AddUser("web@example.com")
	e.Inject(ociemu.Fault{Operation: "ListApiKeys", Times: -1, Do: ociemu.Answer(401, "NotAuthenticated")})
	if _, err := cloud.Issuer(credential.APIKey).List(t.Context(), u); fault.Of(err) != fault.Denied {
		t.Errorf("the error is %v", err)
	}
	if n := len(called(e, "ListApiKeys")); n != 1 {
		t.Errorf("%d calls, want 1: the SDK asks a resource principal's service three times, a second apart", n)
	}
}

func TestAMissingPrincipalIsAFaultOfTheFirstCallAndNotAPanic(t *testing.T) {
	for _, key := range []string{"OCI_RESOURCE_PRINCIPAL_VERSION", "OCI_RESOURCE_PRINCIPAL_RPST",
		"OCI_RESOURCE_PRINCIPAL_PRIVATE_PEM"} {
		t.Setenv(key, "")
		if err := os.Unsetenv(key); err != nil {
			t.Fatal(err)
		}
	}
	cloud := oci.New()
	if _, err := cloud.Tenancy(t.Context()); !isFault(err) {
		t.Errorf("the tenancy gives %v", err)
	}
	if _, err := cloud.Problem(t.Context(), problem); !isFault(err) {
		t.Errorf("a problem gives %v", err)
	}
	if _, err := cloud.Vault().Secret(t.Context(), secretID); !isFault(err) {
		t.Errorf("a secret gives %v", err)
	}
}

func isFault(err error) bool {
	_, ok := errors.AsType[*fault.Error](err)
	return ok
}

func TestAPlain404AfterACreateIsA404AtOnce(t *testing.T) {
	cloud, e := emulated(t, ociemu.Calm())
	u := e.AddUser("web@example.com")
	if _, err := cloud.Issuer(credential.AuthToken).Create(t.Context(), u,
		draft(t, credential.AuthToken, "t")); err != nil {
		t.Fatal(err)
	}
	e.ResetCalls()
	if _, err := cloud.UserName(t.Context(), "ocid1.user.oc1..aaaaaaaanobody"); fault.Of(err) != fault.Absent {
		t.Errorf("the error is %v", err)
	}
	if n := len(called(e, "GetUser")); n != 1 {
		t.Errorf("%d calls, want 1: the SDK would go on asking for four minutes", n)
	}
}

func TestAFullUserIsALimitReachedOrAConflict(t *testing.T) {
	for answer, want := range map[ociemu.FullSlotAnswer]fault.Class{
		ociemu.FullSlotDomain: fault.Full, ociemu.FullSlotLimitExceeded: fault.Full,
		ociemu.FullSlotQuotaExceeded: fault.Full, ociemu.FullSlotConflict: fault.Conflict,
	} {
		o := ociemu.Calm()
		o.Answers.FullSlot = answer
		cloud, e := emulated(t, o)
		u := e.AddUser("web@example.com")
		for range credential.AuthToken.Limit() {
			e.AddAuthToken(u, "in use")
		}
		if _, err := cloud.Issuer(credential.AuthToken).Create(t.Context(), u,
			draft(t, credential.AuthToken, "t")); fault.Of(err) != want {
			t.Errorf("%s is taken for %v, want %s", answer, err, want)
		}
	}
}
