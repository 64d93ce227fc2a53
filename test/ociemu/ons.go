package ociemu

import (
	"fmt"
	"net/http"
	"slices"
	"time"
)

// ONS: publishing to topics, base path 20181201/topics (oci-go-sdk ons/ons_notificationdataplane_client.go).

// maxMessage is the maximum size of a publish request, in bytes.
const maxMessage = 64 << 10

type topic struct {
	id, name, compartment, region string
	created                       time.Time
	etag                          string
}

// Mail is a message to the subscribers of a topic.
type Mail struct {
	Topic string    `json:"topic"`
	Title string    `json:"title"`
	Body  string    `json:"body"`
	At    time.Time `json:"at"`
}

func onsService() service {
	return service{name: "ons", base: "20181201", signed: true, routes: []route{
		{operation: "GetTopic", method: http.MethodGet, path: "/topics/{topicId}", handle: ofTopic(getTopic)},
		{operation: "PublishMessage", method: http.MethodPost, path: "/topics/{topicId}/messages",
			handle: ofTopic(publishMessage)},
	}}
}

func ofTopic(handle func(*exchange, *topic) reply) func(*exchange) reply {
	return func(x *exchange) reply {
		t := x.theTopic()
		if t == nil {
			return errNotFound.reply()
		}
		return handle(x, t)
	}
}

// theTopic returns the topic named in the path, or nil.
func (x *exchange) theTopic() *topic {
	return find(x.e.state.topics, func(t *topic) bool {
		return t.id == x.params["topicId"] && t.region == x.call.Region
	})
}

func getTopic(x *exchange, t *topic) reply {
	return ok(map[string]any{
		"topicId": t.id, "name": t.name, "compartmentId": t.compartment, "lifecycleState": "ACTIVE",
		"timeCreated": timestamp(t.created),
		"apiEndpoint": fmt.Sprintf("https://notification.%s.oraclecloud.com", t.region), "description": "",
		"etag":         t.etag,
		"freeformTags": map[string]string{}, "definedTags": map[string]any{},
	}).with("etag", t.etag)
}

func publishMessage(x *exchange, t *topic) reply {
	if len(x.body) > maxMessage {
		return errTooLarge.because("A message may have at most 64 KB.").reply()
	}
	if kind := x.header("messageType"); kind != "" && kind != "RAW_TEXT" && kind != "JSON" {
		return errInvalid.because("The messageType must be RAW_TEXT or JSON.").reply()
	}
	var message struct{ Title, Body string }
	if refused := x.read(&message); refused != nil {
		return refused.reply()
	}
	if message.Body == "" {
		return errMissing.because("The body is missing.").reply()
	}
	x.e.state.mails = append(x.e.state.mails, Mail{Topic: t.id, Title: message.Title, Body: message.Body, At: x.now})
	x.changed = true
	return reply{
		status: x.e.opts.Answers.PublishStatus,
		body:   map[string]any{"messageId": x.e.state.ids.uuid(), "timeStamp": timestamp(x.now)},
	}
}

// Mails returns the published messages, including those of Events rules, in the order of arrival.
func (e *Emulator) Mails() []Mail {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.state.mails)
}
