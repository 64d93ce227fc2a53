package e2e

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/keyturn/keyturn/test/ociemu"
	"github.com/keyturn/keyturn/test/tenancy"
)

// channels are the topics besides that of SecOps.
type channels struct{ team, foreign, records string }

// newChannels sets up a tenancy in which the functions may send mails to the topics of one compartment, and records to
// another topic.
func newChannels(t *testing.T, o tenancy.Options) (*tenancy.Deployment, *channels) {
	t.Helper()
	c := &channels{}
	o.Places = func(e *ociemu.Emulator) tenancy.Places {
		teams := e.AddCompartment("teams", "")
		c.team, c.foreign, c.records = e.AddTopicIn(teams, "web-team"), e.AddTopic("foreign"), e.AddTopic("records")
		return tenancy.Places{Config: []string{"owner_topics=" + teams, "records_topic=" + c.records}}
	}
	return newTenancy(t, o), c
}

// tag makes a secret of the case ask for a topic.
func tag(t *testing.T, s *tenancy.Deployment, c *tenancy.Case, topic string) {
	t.Helper()
	for _, id := range c.Secrets {
		if err := s.Tag(t.Context(), id, map[string]string{"keyturn-topic": topic}); err != nil {
			t.Fatal(err)
		}
	}
}

// to returns the messages to a topic.
func to(s *tenancy.Deployment, topic string) (out []ociemu.Mail) {
	for _, m := range s.Mails() {
		if m.Topic == topic {
			out = append(out, m)
		}
	}
	return out
}

// wantRecord checks that a message is a valid record of a function with this outcome.
func wantRecord(t *testing.T, m ociemu.Mail, function, outcome string) {
	t.Helper()
	schema, err := recordSchema()
	if err != nil {
		t.Fatal(err)
	}
	document, err := jsonschema.UnmarshalJSON(strings.NewReader(m.Body))
	if err != nil {
		t.Fatal(err)
	}
	if err := schema.Validate(document); err != nil {
		t.Errorf("a record is not what docs/record.schema.json says: %v\n%s", err, m.Body)
	}
	var r struct {
		Function string
		Record   struct{ Outcome string }
	}
	if err := json.Unmarshal([]byte(m.Body), &r); err != nil || m.Title != outcome || r.Record.Outcome != outcome ||
		r.Function != function {
		t.Errorf("the message %q is %s, want %s of %s", m.Title, m.Body, outcome, function)
	}
}

func TestEachOutcomeGoesToTheOwnersTopicAndToTheProgramsOnce(t *testing.T) {
	each(t, func(t *testing.T, w tenancy.Want) {
		s, topics := newChannels(t, tenancy.Options{Emulator: ociemu.Calm()})
		c := s.Add(w)
		tag(t, s, c, topics.team)
		for i, comment := range []string{c.Comment("dry_run:yes"), c.Comment()} {
			want := []string{"dry_run", "rotated"}[i]
			if a := closeProblem(t, s, c, comment); a.Outcome != want {
				t.Fatalf("the answer is %+v", a)
			}
			mails, copies, records := to(s, s.Topic), to(s, topics.team), to(s, topics.records)
			owned := min(i+1, (i+1)*len(c.Secrets)) // no secret asks for a password without one
			if len(mails) != i+1 || len(copies) != owned || len(records) != i+1 || len(s.Mails()) != 2*(i+1)+owned {
				t.Fatalf("%d mails, %d copies, %d records, want %d of each", len(mails), len(copies), len(records), i+1)
			}
			wantRecord(t, records[i], "rotate", want)
			if owned > 0 && (copies[i].Title != mails[i].Title ||
				!strings.Contains(mails[i].Body, "also sent to:\n  "+topics.team)) {
				t.Errorf("the owners got %q, SecOps %q:\n%s", copies[i].Title, mails[i].Title, mails[i].Body)
			}
		}
		rotated(t, s, c)
	})
}

func TestATagCannotSendMailsElsewhere(t *testing.T) {
	t.Parallel()
	s, topics := newChannels(t, tenancy.Options{Emulator: ociemu.Calm()})
	for name, topic := range map[string]string{"another compartment's": topics.foreign, "no OCID": "web-team",
		"the programs'": topics.records, "another realm's": strings.Replace(topics.team, ".oc1.", ".oc2.", 1),
		"an unknown one": topics.team + "x"} {
		c := s.Add(tenancy.Want{Kind: tenancy.AuthToken})
		tag(t, s, c, topic)
		before := len(s.Mails())
		if a := closeProblem(t, s, c, c.Comment()); a.Outcome != "rotated" {
			t.Fatalf("%s: the answer is %+v", name, a)
		}
		rotated(t, s, c)
		mails := to(s, s.Topic)
		if body := mails[len(mails)-1].Body; !strings.Contains(body, "This mail was not sent to the topic of secret") {
			t.Errorf("%s: SecOps' mail doesn't say it:\n%s", name, body)
		}
		if n := len(s.Mails()) - before; n != 2 {
			t.Errorf("%s: %d messages, want SecOps' mail and the record", name, n)
		}
	}
}

// The secret is bound to another user, so the rotation is refused, and its owner learns nothing of this one.
func TestASecretOfAnotherUserSendsItsOwnerNothing(t *testing.T) {
	t.Parallel()
	s, topics := newChannels(t, tenancy.Options{Emulator: ociemu.Calm()})
	c, other := s.Add(tenancy.Want{Kind: tenancy.APIKey}), s.Add(tenancy.Want{Kind: tenancy.APIKey})
	tag(t, s, other, topics.team)
	if a := closeProblem(t, s, c, other.Comment()); a.Outcome != "refused" {
		t.Fatalf("the answer is %+v", a)
	}
	if got := to(s, topics.team); len(got) != 0 {
		t.Errorf("the owner of another user's secret got %+v", got)
	}
	wantRecord(t, to(s, topics.records)[0], "rotate", "refused")
}

func TestTopicsThatFailOrHangDontChangeTheRotation(t *testing.T) {
	t.Parallel()
	for name, do := range map[string]ociemu.Action{"refused": ociemu.Answer(404, "NotAuthorizedOrNotFound"),
		"failing": ociemu.Answer(500, "InternalServerError"), "silent": ociemu.Delay(time.Minute)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, topics := newChannels(t, tenancy.Options{Emulator: ociemu.Calm(), Timeout: 20 * time.Second})
			c := s.Add(tenancy.Want{Kind: tenancy.APIKey})
			tag(t, s, c, topics.team)
			s.Inject(ociemu.Fault{Operation: "PublishMessage", Times: -1, Do: do, Match: func(call ociemu.Call) bool {
				return strings.Contains(call.Path, topics.team) || strings.Contains(call.Path, topics.records)
			}})
			if a := closeProblem(t, s, c, c.Comment()); a.Outcome != "rotated" {
				t.Fatalf("the answer is %+v", a)
			}
			rotated(t, s, c)
			mails := s.Mails()
			if len(mails) != 1 || mails[0].Topic != s.Topic ||
				!strings.Contains(mails[0].Body, "This mail was not sent to the topic of secret") {
				t.Errorf("the mails are %+v, want SecOps' that says it", mails)
			}
			if !strings.Contains(s.Printed.String(), "records_topic") {
				t.Error("the log doesn't say that the record was not sent")
			}
		})
	}
}

// The sweep finds what an event did not finish, and finds the same refusal again and again.
func TestTheSweepSendsEachFindingToItsOwnerAndToTheProgramsOnce(t *testing.T) {
	t.Parallel()
	clock := &tenancy.Clock{}
	s, topics := newChannels(t, tenancy.Options{Emulator: ociemu.Options{Now: clock.Now, Visibility: -1,
		VisibilityRejects: -1, Settle: -1}})
	c := s.Add(tenancy.Want{Kind: tenancy.APIKey})
	tag(t, s, c, topics.team)
	closeProblem(t, s, c, c.Comment("grace:1m"))
	if err := s.PutSecret(t.Context(), c.Secrets["api_secret_ocid"], []byte("by operator")); err != nil {
		t.Fatal(err)
	}
	clock.Add(2 * time.Minute)
	copies, records := len(to(s, topics.team)), len(to(s, topics.records))
	if n := sweeps(t, s, 4); n != 3 {
		t.Fatalf("four sweeps sent %d messages, want one to each topic", n)
	}
	if len(to(s, topics.team)) != copies+1 || len(to(s, topics.records)) != records+1 {
		t.Fatalf("the messages are %+v", s.Mails())
	}
	wantRecord(t, to(s, topics.records)[records], "sweep", "refused")
	if got := to(s, topics.team)[copies].Title; strings.Contains(got, "Sweep") || !strings.Contains(got, c.UserName) {
		t.Errorf("the owner's mail is %q", got)
	}
	// Another credential is news; the refusal is not.
	other := s.Add(tenancy.Want{Kind: tenancy.AuthToken})
	s.HandleFunction(s.Function.FunctionID, func(context.Context, []byte) error { return nil })
	if err := s.Close(t.Context(), other.Problem, other.Comment()); err != nil {
		t.Fatal(err)
	}
	if n := sweeps(t, s, 2); n != 2 || len(to(s, topics.team)) != copies+1 {
		t.Fatalf("%d messages about another credential, %d to the owner of the first", n,
			len(to(s, topics.team))-copies-1)
	}
	wantRecord(t, to(s, topics.records)[records+1], "sweep", "rotated")
}
