package e2e

import (
	"slices"
	"strings"
	"testing"

	"github.com/keyturn/keyturn/test/ociemu"
	"github.com/keyturn/keyturn/test/tenancy"
)

func TestAWrongConfigurationIsRefusedAtStartWithAllItsFaults(t *testing.T) {
	s := newTenancy(t, tenancy.Options{Emulator: ociemu.Calm(),
		Config: []string{"ons_topic=", "grace_periode=72h", "prove=perhaps", "rsa_bits=1024", "OCI_GO_SDK_DEBUG=info"}})
	s.Host.Kill() // now its output is complete
	for _, want := range []string{"ons_topic", "grace_period", "prove", "rsa_bits", "OCI_GO_SDK_DEBUG"} {
		if printed := s.Printed.String(); !strings.Contains(printed, want) ||
			!strings.Contains(printed, `"level":"fatal"`) {
			t.Errorf("the log doesn't name %s: %s", want, printed)
		}
	}
}

func TestWithoutTheEventCheckTheEventsOwnCommentCounts(t *testing.T) {
	each(t, func(t *testing.T, w tenancy.Want) {
		s := newTenancy(t, tenancy.Options{Emulator: ociemu.Calm(), Config: []string{"event_check=off"}})
		c := s.Add(w)
		if a := closeProblem(t, s, c, c.Comment()); a.Outcome != "rotated" {
			t.Fatalf("the answer is %+v", a)
		}
		rotated(t, s, c)
		if calls := functionCalls(s); slices.Contains(calls, "GetProblem") ||
			slices.Contains(calls, "ListProblemHistories") {
			t.Errorf("the function called %v", calls)
		}
	})
}

func TestAnUnboundSecretIsAcceptedWithAWarning(t *testing.T) {
	each(t, func(t *testing.T, w tenancy.Want) {
		s := newTenancy(t, tenancy.Options{Emulator: ociemu.Calm(), Config: []string{"secret_binding=warn"}})
		w.Unbound = true
		c := s.Add(w)
		if a := closeProblem(t, s, c, c.Comment()); a.Outcome != "rotated" {
			t.Fatalf("the answer is %+v", a)
		}
		rotated(t, s, c)
		if mails := s.Mails(); len(mails) != 1 || !strings.Contains(mails[0].Body, "is not bound") {
			t.Errorf("the mail doesn't say that the secret is not bound")
		}
	})
}

func TestDuringItsGraceTheOldCredentialWorks(t *testing.T) {
	each(t, func(t *testing.T, w tenancy.Want) {
		s := newTenancy(t, tenancy.Options{Emulator: ociemu.Calm(), Config: []string{"grace_period=24h"}})
		c := s.Add(w)
		a := closeProblem(t, s, c, c.Comment("grace:72h"))
		if a.Outcome != "rotated" || a.did("retire") {
			t.Fatalf("the answer is %+v", a)
		}
		stored, err := c.Stored()
		if err != nil || c.Try(stored) != 200 || c.Try(c.Old) != 200 {
			t.Errorf("new %d, old %d (%v); want both to work", c.Try(stored), c.Try(c.Old), err)
		}
		if mails := s.Mails(); len(mails) != 1 || !strings.Contains(mails[0].Body, "works until") {
			t.Error("the mail doesn't say until when the old one works")
		}
		for _, id := range c.Secrets {
			if text, _ := s.Secret(id).Metadata["keyturn"].(string); !strings.Contains(text, c.OldID) {
				t.Errorf("the secret doesn't know what is due: %s", text)
			}
		}
		for _, more := range []string{"replace:yes", "grace:48h", "the web team asked for it"} {
			if a := closeProblem(t, s, c, c.Comment(more)); c.Try(c.Old) != 200 || a.did("retire") {
				t.Errorf("%s: the old one went before its time", more)
			}
		}
		a = closeProblem(t, s, c, c.Comment("grace:0")) // an operator ends the grace
		if stored, err := c.Stored(); a.Outcome != "rotated" || err != nil || c.Try(stored) != 200 ||
			c.Try(c.Old) == 200 {
			t.Errorf("grace:0 ended %s: %s; the old one answers %d", a.Outcome, a.Reason, c.Try(c.Old))
		}
	})
}

func TestAFailedMailFailsTheInvocation(t *testing.T) {
	s := newTenancy(t, calm)
	c := s.Add(tenancy.Want{Kind: tenancy.APIKey})
	s.Inject(ociemu.Fault{Operation: "PublishMessage", Times: -1, Do: ociemu.Answer(500, "InternalServerError")})
	if err := s.Close(t.Context(), c.Problem, c.Comment()); err != nil {
		t.Fatal(err)
	}
	if r := s.Replies(); len(r) != 1 || r[0].Status != 502 {
		t.Errorf("answered %d, want a failure that the platform counts", r[0].Status)
	}
	s.ClearFaults()
	if _, err := s.Invoke(t.Context(), s.Events()[0]); err != nil {
		t.Fatal(err)
	}
	rotated(t, s, c)
	if len(s.Mails()) != 1 {
		t.Errorf("%d mails after the next delivery, want 1", len(s.Mails()))
	}
}
