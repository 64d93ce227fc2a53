package oci_test

import (
	"testing"

	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/fault"
)

// unproven is the error of an undecided proof.
func unproven(t *testing.T, kind credential.Kind, who credential.Owner, status int, body string) error {
	t.Helper()
	ok, _, err := prove(t, kind, who, always(status, body))
	if ok || err == nil {
		t.Fatalf("%s, %d %s: accepted %v (%v)", kind, status, body, ok, err)
	}
	return err
}

func TestAnUndecidedProofSaysWhy(t *testing.T) {
	for _, c := range []struct {
		kind   credential.Kind
		status int
		body   string
		want   string
	}{
		{credential.APIKey, 200, `{}`, "prove api-key: unclear (200): the answer isn't the service's"},
		{credential.AuthToken, 204, ``, "prove auth-token: unclear (204): the answer isn't the service's"},
		{credential.APIKey, 400, refusal("InvalidParameter", "anything"), "prove api-key: unclear (400 " +
			"InvalidParameter): an answer that says nothing about the credential [opc-request-id request-1]"},
		{credential.CustomerSecretKey, 400, s3Error("SomethingNew"), ": an answer that says nothing about the " +
			"credential ["},
		{credential.APIKey, 400, registryError("UNKNOWN"), ": an answer that says nothing about the credential ["},
		{credential.APIKey, 403, "<html></html>", "a web page"},
		{credential.APIKey, 403, "", "an empty body"},
		{credential.APIKey, 403, "anything", "in no form of OCI's"},
		{credential.Password, 200, "", "prove password: invalid: there is no way to prove a credential of this kind"},
	} {
		if err := unproven(t, c.kind, owner, c.status, c.body); !contains(err.Error(), c.want) {
			t.Errorf("%s, %d %s: %v, want %q", c.kind, c.status, c.body, err, c.want)
		}
	}
}

func TestAProofThatIsImpossibleSaysWhy(t *testing.T) {
	for _, c := range []struct {
		kind   credential.Kind
		change func(*credential.Owner)
		want   string
	}{
		{credential.AuthToken, func(o *credential.Owner) { o.Registry = "" }, "the registry's host isn't known"},
		{credential.AuthToken, func(o *credential.Owner) { o.UserName = "a:b" }, "rename the user"},
		{credential.AuthToken, func(o *credential.Owner) {
			o.Registry = "a b"
		}, "the request can't be made from the credential"},
		{credential.CustomerSecretKey, func(o *credential.Owner) {
			o.S3 = ""
		}, "the host of the S3-compatible endpoint isn't known"},
		{credential.CustomerSecretKey, func(o *credential.Owner) {
			o.S3 = "a b"
		}, "the request can't be made from the credential"},
		{credential.APIKey, func(o *credential.Owner) {
			o.User = "a\nb"
		}, "the request can't be made from the credential"},
		{credential.APIKey, func(o *credential.Owner) { o.Region = "us-langley-1" }, "a tenancy has one realm"},
	} {
		who := owner
		c.change(&who)
		if err := unproven(t, c.kind, who, 200, `{}`); fault.Of(err) != fault.Invalid ||
			!contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.kind, err, c.want)
		}
	}
}
