// Package channel sends outcomes to other topics than that of SecOps: each outcome's mail to the topics of its secrets'
// owners, and its record to the topic for programs.
//
// Use [Sender.Owners] before the mail to SecOps, so that the mail can say what was not sent, and [Sender.Records]
// alongside it. Both are best effort: a failure changes no outcome and fails no invocation. Who may tag a secret
// chooses where mails about it go, so a tag counts only if the configuration's owner_topics allows its topic.
package channel

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"github.com/keyturn/keyturn/pkg/background"
	"github.com/keyturn/keyturn/pkg/config"
	"github.com/keyturn/keyturn/pkg/outcome"
	"github.com/keyturn/keyturn/pkg/phrase"
)

// Topics reads topics and sends messages to them.
type Topics interface {
	Publish(ctx context.Context, topic, title, body string) error
	// Topic returns a topic's name, lifecycle state and compartment.
	Topic(ctx context.Context, id string) (name, state, compartment string, err error)
}

// Sender sends outcomes. Set its fields before use; it may be used by many goroutines. A nil Sender sends nothing.
type Sender struct {
	Config   config.Config
	Function string // rotate or sweep
	Topics   Topics
	Meter    outcome.Meter // nil: nothing is measured
	Clock    interface{ Now() time.Time }
}

// Limits of the time for messages that are not SecOps' mail.
const (
	// RecordsTimeout is how long the function that Records returns waits.
	RecordsTimeout = 5 * time.Second
	// workers is how many records are sent at the same time.
	workers = 4
)

// Owners sends the outcome's mail to the topics that the tags of its secrets ask for, each topic once. It completes the
// outcome: Secret.Topic is the topic that got the mail, and a note says why a topic did not. Bound the context, so that
// the mail to SecOps keeps its time.
func (s *Sender) Owners(ctx context.Context, o *outcome.Outcome) {
	if s == nil || !o.Mailed() {
		return
	}
	title, body := o.Title(), o.Body()
	secrets := slices.Clone(o.Secrets)
	sent := map[string]error{} // by topic
	lost := 0
	for i, secret := range secrets {
		if strings.TrimSpace(secret.AskedTopic) == "" {
			continue
		}
		topic, err := s.allowed(ctx, secret.AskedTopic)
		if err == nil && topic == s.Config.Topic {
			continue // SecOps' own topic gets the mail anyway
		}
		if err == nil {
			if _, known := sent[topic]; !known {
				sent[topic] = s.publish(ctx, topic, title, body)
				if sent[topic] != nil {
					lost++
				}
			}
			err = sent[topic]
		}
		if err != nil {
			zerolog.Ctx(ctx).Warn().Err(err).Str("secret", secret.ID).Msg("no mail was sent to the owner's topic")
			o.Notes = append(slices.Clone(o.Notes), fmt.Sprintf("This mail was not sent to the topic of secret %s "+
				"(%s), from its tag topic: %v.", secret.Name, secret.ID, err))
			continue
		}
		secrets[i].Topic = topic
	}
	o.Secrets = secrets
	s.count(ctx, "owner", lost)
}

// allowed returns the OCID of the topic that a tag asks for, or why it gets no mails. The realm is compared because OCI
// has one tenancy per realm; that the topic is of this tenancy follows from its compartment, or from the configuration.
func (s *Sender) allowed(ctx context.Context, tag string) (string, error) {
	topic, problem := config.Topic(tag)
	allowed := s.Config.OwnerTopics
	switch {
	case problem != "":
		return "", fmt.Errorf("it is %s", problem)
	case topic == s.Config.Topic:
		return topic, nil
	case realm(topic) != realm(s.Config.Topic):
		return "", fmt.Errorf("%s is in the realm %s and ons_topic in %s", topic, realm(topic), realm(s.Config.Topic))
	case topic == s.Config.RecordsTopic:
		return "", fmt.Errorf("%s is records_topic, which gets no mails", topic)
	case len(allowed) == 0:
		return "", errors.New("owner_topics is not set, so no secret may name a topic")
	case slices.Contains(allowed, topic):
		return topic, nil
	case !slices.ContainsFunc(allowed, isCompartment):
		return "", fmt.Errorf("owner_topics doesn't allow %s", topic)
	}
	_, state, compartment, err := s.Topics.Topic(ctx, topic)
	switch {
	case err != nil:
		return "", fmt.Errorf("whether owner_topics allows %s is not known: %w", topic, err)
	case !slices.Contains(allowed, strings.ToLower(compartment)):
		return "", fmt.Errorf("owner_topics allows neither %s nor its compartment %s", topic,
			phrase.Clip(compartment, 100))
	case state != "ACTIVE":
		return "", fmt.Errorf("%s is %s", topic, phrase.Excerpt(state))
	}
	return topic, nil
}

// realm is the realm in an OCID.
func realm(ocid string) string {
	parts := strings.SplitN(ocid, ".", 4)
	if len(parts) < 4 {
		return ""
	}
	return parts[2]
}

func isCompartment(item string) bool { return strings.HasPrefix(item, "ocid1.compartment.") }

// publish sends a message. It tries twice at most: a message that comes twice is better than none.
func (s *Sender) publish(ctx context.Context, topic, title, body string) error {
	err := s.Topics.Publish(ctx, topic, title, body)
	if err == nil || ctx.Err() != nil {
		return err
	}
	zerolog.Ctx(ctx).Warn().Err(err).Str("topic", topic).Msg("sending a message again")
	return s.Topics.Publish(ctx, topic, title, body)
}

// Records begins to send the records of the outcomes that a mail reports to the configuration's records_topic, one
// message for each. The function that it returns waits until they are sent, but no longer than RecordsTimeout or the
// context allows. A failure is logged and counted.
func (s *Sender) Records(ctx context.Context, outcomes ...outcome.Outcome) (wait func()) {
	if s == nil || s.Config.RecordsTopic == "" {
		return func() {}
	}
	parent := ctx
	ctx, cancel := context.WithCancel(ctx)
	sent := background.Start(func() (struct{}, error) {
		group := background.Group{Limit: workers}
		for _, o := range outcomes {
			if o.Mailed() {
				group.Go(func() error { return s.record(ctx, o) })
			}
		}
		lost := 0
		for _, err := range group.Wait() {
			if err != nil {
				zerolog.Ctx(ctx).Warn().Err(err).Msg("a record was not sent to records_topic")
				lost++
			}
		}
		s.count(parent, "records", lost)
		return struct{}{}, nil
	})
	return func() {
		defer cancel()
		limited, end := context.WithTimeout(ctx, RecordsTimeout)
		defer end()
		if _, err := sent.Wait(limited); err != nil {
			zerolog.Ctx(ctx).Warn().Err(err).Msg("some records may not have been sent to records_topic")
		}
	}
}

func (s *Sender) record(ctx context.Context, o outcome.Outcome) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	title, body := o.Message(s.Function, s.Clock.Now())
	return s.publish(ctx, s.Config.RecordsTopic, title, body)
}

// count sends the number of messages that were lost, if there are any.
func (s *Sender) count(ctx context.Context, channel string, lost int) {
	if lost > 0 {
		outcome.SendMetrics(ctx, s.Meter, []outcome.Point{outcome.LostMessages(channel, lost, s.Clock.Now())})()
	}
}
