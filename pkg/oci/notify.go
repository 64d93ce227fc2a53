package oci

import (
	"context"

	"github.com/oracle/oci-go-sdk/v65/common"
	"github.com/oracle/oci-go-sdk/v65/ons"
)

// Publish sends a message to a Notifications topic, in the topic's region. Notifications has no retry tokens. After a
// lost answer Publish does not send the message again, since it may have arrived.
func (c *Cloud) Publish(ctx context.Context, topic, title, body string) error {
	cl, err := c.notifications(topic)
	if err != nil {
		return classify("PublishMessage", err)
	}
	_, err = call(ctx, c, "PublishMessage", once, func(ctx context.Context) (struct{}, error) {
		_, err := cl.PublishMessage(ctx, ons.PublishMessageRequest{TopicId: &topic,
			MessageDetails: ons.MessageDetails{Title: &title, Body: &body}})
		return struct{}{}, err
	})
	return err
}

func (c *Cloud) notifications(topic string) (*ons.NotificationDataPlaneClient, error) {
	return client(c, "ons", regionOf(topic), ons.NewNotificationDataPlaneClientWithConfigurationProvider,
		func(cl *ons.NotificationDataPlaneClient) *common.BaseClient { return &cl.BaseClient })
}
