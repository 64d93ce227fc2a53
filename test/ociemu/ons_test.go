package ociemu_test

import (
	"strings"
	"testing"

	"github.com/oracle/oci-go-sdk/v65/common"
	"github.com/oracle/oci-go-sdk/v65/ons"

	"github.com/keyturn/keyturn/test/ociemu"
)

func TestAPublishedMessageIsMailed(t *testing.T) {
	for answer, want := range map[int]int{0: 200, 200: 200, 202: 202} {
		opts := ociemu.Calm()
		opts.Answers.PublishStatus = answer
		e := ociemu.New(t, opts)
		c, topic := asFunction(t, e), e.AddTopic("secops")
		got := must[ons.PublishMessageResponse](t)(c.ons.PublishMessage(t.Context(), ons.PublishMessageRequest{
			TopicId: &topic, MessageDetails: ons.MessageDetails{Title: common.String("title"),
				Body: common.String("body")},
		}))
		if got.RawResponse.StatusCode != want || *got.MessageId == "" {
			t.Errorf("the publish is answered %d, want %d", got.RawResponse.StatusCode, want)
		}
		mails := e.Mails()
		if len(mails) != 1 || mails[0].Topic != topic || mails[0].Title != "title" || mails[0].Body != "body" ||
			mails[0].At.IsZero() {
			t.Errorf("got mails %v", mails)
		}
		if call := e.Calls()[0]; call.Region != "us-ashburn-1" ||
			e.Connections()["notification.us-ashburn-1.oraclecloud.com"] != 1 {
			t.Errorf("published over %v", e.Connections())
		}
	}
}

func TestAMessageIsRefusedWithoutBodyOverTheLimitOrForATopicOfAnotherRegion(t *testing.T) {
	e := ociemu.New(t, ociemu.Calm())
	c, topic := asFunction(t, e), e.AddTopic("secops")
	publish := func(topic, body string) error {
		_, err := c.ons.PublishMessage(t.Context(), ons.PublishMessageRequest{TopicId: &topic,
			MessageDetails: ons.MessageDetails{Body: &body}})
		return err
	}
	refused(t, publish(topic, ""), 400, "MissingParameter")
	refused(t, publish(topic, strings.Repeat("x", 64<<10)), 413, "RequestEntityTooLarge")
	refused(t, publish(topic+"x", "body"), 404, "NotAuthorizedOrNotFound")
	c.ons.SetRegion("us-phoenix-1")
	refused(t, publish(topic, "body"), 404, "NotAuthorizedOrNotFound")
	if n := len(e.Mails()); n != 0 {
		t.Errorf("refused messages made %d mails", n)
	}
	if err := func() error {
		c.ons.SetRegion("us-ashburn-1")
		return publish(topic, strings.Repeat("x", 60<<10))
	}(); err != nil {
		t.Errorf("a message under the limit: %v", err)
	}
	got := must[ons.GetTopicResponse](t)(c.topics.GetTopic(t.Context(), ons.GetTopicRequest{TopicId: &topic}))
	if *got.Name != "secops" {
		t.Errorf("the topic is called %s", *got.Name)
	}
}
