package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"

	"github.com/keyturn/keyturn/test/tenancy"
)

// runEvent sends a raw event to the function as the platform does, and shows the answer.
func runEvent(ctx context.Context, out *screen, s *tenancy.Deployment, event []byte) error {
	out.rule("Raw event", fmt.Sprintf(" of %d bytes", len(event)))
	reply, err := s.Invoke(ctx, event)
	if err != nil {
		return fmt.Errorf("calling the function: %w", err)
	}
	var body bytes.Buffer
	if json.Indent(&body, reply.Body, "", "  ") != nil {
		body.Reset()
		body.Write(reply.Body)
	}
	outcome := ""
	var a answer
	if json.Unmarshal(reply.Body, &a) == nil && a.Outcome != "" {
		outcome = " and the outcome " + out.paint(bold, a.Outcome)
	}
	out.line(fmt.Sprintf("  The platform answers with status %d%s.", reply.Status, outcome), "")
	out.box("answer", "", body.String())
	showMails(out, s.Mails())
	if reply.Status != 200 {
		return fmt.Errorf("the invocation failed with status %d; -verbose shows the function's log", reply.Status)
	}
	return nil
}
