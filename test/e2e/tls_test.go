package e2e

import (
	"testing"

	"github.com/keyturn/keyturn/test/tenancy"
)

// The emulator's certificates have their own authority. Without the variable that makes it a trusted root, the emulator
// is an attacker between the function and Oracle.
func TestAServiceWithAFalseCertificateGetsNoRequest(t *testing.T) {
	t.Parallel()
	s := newTenancy(t, tenancy.Options{Config: []string{"SSL_CERT_FILE=/nonexistent", "SSL_CERT_DIR=/nonexistent"}})
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
