package ociemu_test

import (
	"os"
	"testing"
	"time"

	"github.com/oracle/oci-go-sdk/v65/common"

	"github.com/keyturn/keyturn/test/ociemu"
)

func TestASessionIsItsUserUntilItExpires(t *testing.T) {
	e := ociemu.New(t, ociemu.Options{})
	ada := e.AddOperator("ada")
	live, other := e.NewSession(ada, time.Hour), e.NewSession(ada, time.Hour)
	status := func(token, key ociemu.Session) int {
		text := must[[]byte](t)(os.ReadFile(token.TokenFile))
		pem := must[[]byte](t)(os.ReadFile(key.KeyFile))
		private, err := common.PrivateKeyFromBytes(pem, nil)
		if err != nil {
			t.Fatal(err)
		}
		m := message{method: "GET",
			url:    "https://identity.us-ashburn-1.oci.oraclecloud.com/20160918/users/" + ada.UserID,
			signer: keyID{private, "ST$" + string(text)}}
		code, _ := m.send(t, e)
		return code
	}
	if code := status(live, live); code != 200 {
		t.Errorf("a session is answered %d", code)
	}
	calls := e.Calls()
	if c := calls[len(calls)-1].Caller; c.Kind != "user" || c.ID != ada.UserID {
		t.Errorf("the caller is %+v", c)
	}
	if code := status(live, other); code != 401 {
		t.Errorf("a token with another session's key is answered %d", code)
	}
	if code := status(e.NewSession(ada, -time.Second), live); code != 401 {
		t.Errorf("an expired token is answered %d", code)
	}
	nobody := ada
	nobody.UserID = "ocid1.user.oc1..aaaaaaaanobody"
	gone := e.NewSession(nobody, time.Hour)
	if code := status(gone, gone); code != 401 {
		t.Errorf("a token of a user who doesn't exist is answered %d", code)
	}
}
