package e2e

import (
	"strings"
	"testing"
	"time"

	"github.com/keyturn/keyturn/test/ociemu"
	"github.com/keyturn/keyturn/test/tenancy"
)

// sweeps runs the sweep this many times, and returns the number of mails.
func sweeps(t *testing.T, s *tenancy.Deployment, times int) int {
	t.Helper()
	before := len(s.Mails())
	for range times {
		if _, err := s.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	return len(s.Mails()) - before
}

// An operator has written to the secret during the grace period, and must decide which value is right.
func TestARefusalOfTheSweepIsMailedOnce(t *testing.T) {
	t.Parallel()
	clock := &tenancy.Clock{}
	s := newTenancy(t, tenancy.Options{Emulator: ociemu.Options{Now: clock.Now, Visibility: -1, VisibilityRejects: -1,
		Settle: -1}})
	c := s.Add(tenancy.Want{Kind: tenancy.APIKey})
	closeProblem(t, s, c, c.Comment("grace:1m"))
	if err := s.PutSecret(t.Context(), c.Secrets["api_secret_ocid"], []byte("by operator")); err != nil {
		t.Fatal(err)
	}
	clock.Add(2 * time.Minute)
	if n := sweeps(t, s, 6); n != 1 {
		t.Fatalf("six sweeps sent %d mails, want one", n)
	}
	if mails := s.Mails(); !strings.Contains(mails[len(mails)-1].Title, "1 need you") {
		t.Errorf("the mail is %q", mails[len(mails)-1].Title)
	}
	if c.Try(c.Old) != 200 {
		t.Error("the old one was retired")
	}
}

func TestAForbiddenListIsMailedOnceThoughEverySweepFails(t *testing.T) {
	t.Parallel()
	s := newTenancy(t, tenancy.Options{})
	s.Add(tenancy.Want{Kind: tenancy.AuthToken})
	s.Inject(ociemu.Fault{Operation: "ListUsers", Times: -1, Do: ociemu.Answer(404, "NotAuthorizedOrNotFound")})
	if n := sweeps(t, s, 5); n != 1 {
		t.Fatalf("five sweeps sent %d mails, want one", n)
	}
	for _, reply := range s.Swept() {
		if reply.Status == 200 {
			t.Error("a sweep that could not finish counts as good")
		}
	}
	mail := s.Mails()[0]
	if !strings.Contains(mail.Body, "The sweep could not list the users: OCI says that it does not exist") ||
		strings.Contains(mail.Body, "NotAuthorized") {
		t.Errorf("the mail is %s", mail.Body)
	}
	s.Inject(ociemu.Fault{Operation: "ListProblems", Times: -1, Do: ociemu.Answer(404, "NotAuthorizedOrNotFound")})
	if n := sweeps(t, s, 5); n != 1 {
		t.Errorf("%d mails came when more went wrong, want one", n)
	}
}

func TestRepeatedSweepsMailARefusedCredentialOnce(t *testing.T) {
	t.Parallel()
	s := newTenancy(t, tenancy.Options{Timeout: 12 * time.Second, Emulator: ociemu.Options{Visibility: -1,
		VisibilityRejects: -1, Settle: -1}})
	s.SetSpread(ociemu.RealSpread())
	c := s.Add(tenancy.Want{Kind: tenancy.APIKey})
	if err := s.Close(t.Context(), c.Problem, c.Comment()); err != nil {
		t.Fatal(err)
	}
	if mails := s.Mails(); len(mails) != 1 || !strings.Contains(mails[0].Title, "NOT FINISHED") {
		t.Fatalf("the mails after the closure are %+v", mails)
	}
	s.Forward(11 * time.Minute) // longer than the process that created it can live; OCI still refuses it
	if n := sweeps(t, s, 3); n != 0 {
		t.Errorf("three sweeps sent %d mails about what the first one said", n)
	}
	s.Forward(6 * time.Minute)
	if n := sweeps(t, s, 2); n != 1 || !strings.Contains(s.Mails()[1].Title, "1 rotated") {
		t.Errorf("%d mails came when OCI had accepted it: %+v", n, s.Mails())
	}
	rotated(t, s, c)
}
