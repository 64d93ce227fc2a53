package e2e

import (
	"testing"

	"github.com/keyturn/keyturn/test/tenancy"
)

// The emulator's certificates are signed by an authority that it has made up: without the variable that makes it a root
// of trust, it is somebody who has got between the function and Oracle.
func TestAServiceWithAFalseCertificateIsToldNothing(t *testing.T) {
	t.Parallel()
	s := play(t, tenancy.Options{Config: []string{"SSL_CERT_FILE=/nonexistent", "SSL_CERT_DIR=/nonexistent"}})
	c := s.Add(tenancy.Want{Kind: tenancy.APIKey})
	if err := s.Close(t.Context(), c.Problem, c.Comment()); err != nil {
		t.Fatal(err)
	}
	for _, call := range s.Calls() {
		if !call.Caller.Operator {
			t.Errorf("the function sent %s", call.Operation)
		}
	}
	replies := s.Replies()
	if len(replies) != 1 || replies[0].Status == 200 {
		t.Errorf("the answers are %+v, want one failed invocation", replies)
	}
	untouched(t, s, c)
}
