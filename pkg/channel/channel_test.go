package channel_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/keyturn/keyturn/pkg/channel"
	"github.com/keyturn/keyturn/pkg/config"
	"github.com/keyturn/keyturn/pkg/outcome"
)

const (
	secOps      = "ocid1.onstopic.oc1.iad.secops"
	team        = "ocid1.onstopic.oc1.iad.team"
	other       = "ocid1.onstopic.oc1.phx.other"
	records     = "ocid1.onstopic.oc1.iad.records"
	compartment = "ocid1.compartment.oc1..teams"
)

var errBroken = errors.New("broken")

// topics are the topics of a tenancy, by OCID: their compartments.
type topics struct {
	mu     sync.Mutex
	in     map[string]string
	state  string
	fails  map[string]int // how many messages to a topic fail
	hangs  string         // a topic that doesn't answer
	asked  int
	titles map[string][]string
	bodies []string
	points []outcome.Point
}

func newTopics() *topics {
	return &topics{in: map[string]string{team: compartment, other: "ocid1.compartment.oc1..else"}, state: "ACTIVE",
		fails: map[string]int{}, titles: map[string][]string{}}
}

func (s *topics) Publish(ctx context.Context, topic, title, body string) error {
	if topic == s.hangs {
		<-ctx.Done()
		return ctx.Err()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fails[topic] > 0 {
		s.fails[topic]--
		return errBroken
	}
	s.titles[topic] = append(s.titles[topic], title)
	s.bodies = append(s.bodies, body)
	return nil
}

func (s *topics) Topic(_ context.Context, id string) (name, state, compartment string, err error) {
	s.asked++
	if s.in[id] == "" {
		return "", "", "", errBroken
	}
	return "a topic", s.state, s.in[id], nil
}

func (s *topics) Post(_ context.Context, points []outcome.Point) error {
	s.points = append(s.points, points...)
	return nil
}

func (s *topics) Now() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) }

func (s *topics) sender(allowed ...string) *channel.Sender {
	return &channel.Sender{Config: config.Config{Topic: secOps, OwnerTopics: allowed, RecordsTopic: records},
		Function: "rotate", Topics: s, Meter: s, Clock: s}
}

// about is an outcome with a secret for each tag.
func about(tags ...string) outcome.Outcome {
	o := outcome.Outcome{Status: outcome.Rotated, Reason: "rotated", Noun: "API key", UserName: "web"}
	for _, tag := range tags {
		o.Secrets = append(o.Secrets, outcome.Secret{Name: "key-of-web", ID: "ocid1.vaultsecret.oc1.iad.s",
			AskedTopic: tag})
	}
	return o
}

func TestATopicThatOwnerTopicsAllowsGetsTheMailOnce(t *testing.T) {
	for name, allowed := range map[string][]string{"by its OCID": {team}, "by its compartment": {other, compartment}} {
		s := newTopics()
		o := about(team, strings.ToUpper(team), "")
		s.sender(allowed...).Owners(t.Context(), &o)
		if got := s.titles[team]; len(got) != 1 || got[0] != o.Title() || len(s.titles) != 1 {
			t.Errorf("%s: the mails are %v", name, s.titles)
		}
		if o.Secrets[0].Topic != team || o.Secrets[1].Topic != team || o.Secrets[2].Topic != "" || len(o.Notes) > 0 {
			t.Errorf("%s: the outcome is %+v", name, o)
		}
		if strings.Contains(s.bodies[0], "also sent") || !strings.Contains(o.Body(), "also sent to:\n  "+team) {
			t.Errorf("%s: SecOps' mail doesn't name the topic:\n%s", name, o.Body())
		}
	}
}

func TestAnyOtherTopicGetsNothingAndTheNoteSaysWhy(t *testing.T) {
	for _, c := range []struct {
		tag, want string
		allowed   []string
		prepare   func(*topics)
	}{
		{team, "owner_topics is not set", nil, nil},
		{team, "doesn't allow", []string{other}, nil},
		{other, "neither", []string{compartment}, nil},
		{"ocid1.onstopic.oc1.iad.unknown", "is not known: broken", []string{compartment}, nil},
		{team, "is DELETING", []string{compartment}, func(s *topics) { s.state = "DELETING" }},
		{"ocid1.onstopic.oc2.iad.team", "realm oc2", []string{compartment, "ocid1.onstopic.oc2.iad.team"}, nil},
		{"secops@example.com", `"secops@example.com", which is not an OCID`, []string{compartment}, nil},
		{"ocid1.compartment.oc1..teams", `of type "compartment"`, []string{compartment}, nil},
		{records, "records_topic", []string{records}, nil},
		{team + "/../x", "which is not an OCID", []string{compartment}, nil},
		{team, "broken", []string{team}, func(s *topics) { s.fails[team] = 2 }},
	} {
		s := newTopics()
		if c.prepare != nil {
			c.prepare(s)
		}
		o := about(c.tag)
		s.sender(c.allowed...).Owners(t.Context(), &o)
		if len(s.titles) != 0 || o.Secrets[0].Topic != "" {
			t.Errorf("%s: mails were sent: %v", c.tag, s.titles)
		}
		if len(o.Notes) != 1 || !strings.Contains(o.Notes[0], c.want) || !strings.Contains(o.Notes[0], "key-of-web") {
			t.Errorf("%s: the notes are %q, want one with %q", c.tag, o.Notes, c.want)
		}
		if o.Status != outcome.Rotated || o.Reason != "rotated" {
			t.Errorf("%s: the outcome is %+v", c.tag, o)
		}
	}
}

func TestSecOpsOwnTopicGetsNoSecondMail(t *testing.T) {
	s := newTopics()
	o := about(secOps)
	s.sender().Owners(t.Context(), &o)
	if len(s.titles)+len(o.Notes)+s.asked != 0 {
		t.Errorf("mails %v, notes %q", s.titles, o.Notes)
	}
}

func TestAMessageThatFailsOnceIsSentAgainAndALostOneIsCounted(t *testing.T) {
	for _, failures := range []int{1, 2} {
		s := newTopics()
		s.fails[team], s.fails[records] = failures, failures
		o := about(team)
		sender := s.sender(team)
		sender.Owners(t.Context(), &o)
		sender.Records(t.Context(), o)()
		sent, lost := len(s.titles[team])+len(s.titles[records]), len(s.points)
		if failures == 1 && (sent != 2 || lost != 0) || failures == 2 && (sent != 0 || lost != 2) {
			t.Errorf("%d failures each: %d messages were sent, and %d values count lost ones", failures, sent, lost)
		}
		for i, channel := range []string{"owner", "records"} {
			if lost > 0 && (s.points[i].Dimensions["channel"] != channel || s.points[i].Value != 1) {
				t.Errorf("a value is %+v", s.points[i])
			}
		}
	}
}

func TestEachOutcomeThatAMailReportsIsOneRecord(t *testing.T) {
	s := newTopics()
	refused := about()
	refused.Status = outcome.Refused
	s.sender().Records(t.Context(), about(), refused, outcome.Outcome{Status: outcome.Ignored},
		outcome.Outcome{Status: outcome.InProgress})()
	if got := s.titles[records]; len(got) != 2 || len(s.titles) != 1 {
		t.Errorf("the messages are %v, want two to the records' topic", s.titles)
	}
	none := s.sender()
	none.Config.RecordsTopic = ""
	none.Records(t.Context(), about())()
	if got := s.titles[""]; len(got) != 0 {
		t.Errorf("without records_topic, %v were sent", got)
	}
}

func TestATopicThatHangsDelaysTheAnswerByFiveSecondsAtMost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newTopics()
		s.hangs = records
		began := time.Now()
		s.sender().Records(t.Context(), about())()
		if took := time.Since(began); took != channel.RecordsTimeout {
			t.Errorf("it took %s", took)
		}
		synctest.Wait()
	})
}

func TestANilSenderSendsNothing(t *testing.T) {
	var none *channel.Sender
	o := about(team)
	none.Owners(t.Context(), &o)
	none.Records(t.Context(), o)()
	if o.Secrets[0].Topic != "" {
		t.Errorf("the outcome is %+v", o)
	}
}
