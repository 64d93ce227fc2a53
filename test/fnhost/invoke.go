package fnhost

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"
)

// Reply is the platform's reply to the caller of a function.
type Reply struct {
	// Status is 200 for success, 502 for a failed function, and 504 for a timeout. For calls with the intent
	// "httprequest" it is the function's status.
	Status int
	// Body is the function's answer if it succeeded, otherwise {"message":"..."} with a message of the open-source
	// platform.
	Body []byte
	// CallID is the id that the function got.
	CallID string
	// Started says that this was the first call of its process, a cold start.
	Started bool
	// Took is the time from the request to the complete answer, without the wait for a process and its start.
	Took time.Duration
}

// The messages of failed calls, as in fnproject/fn (api/models/error.go).
const (
	msgFailed   = "function failed"
	msgTimedOut = "Timed out"
	msgBroken   = "error receiving function response"
	msgInvalid  = "invalid function response"
)

// maxBody is the longest answer that OCI Functions passes on (6 MB).
const maxBody = 6 << 20

// Invoke sends one call and returns the platform's reply. A failed function, or a process that doesn't listen, is a
// reply and no error. An error means that the call was not made, or that ctx ended first; in the latter case the
// process is killed.
func (h *Host) Invoke(ctx context.Context, body []byte) (Reply, error) {
	reply := Reply{CallID: rand.Text()}
	c, err := h.acquire(ctx)
	switch {
	case errors.Is(err, ErrStart):
		reply.Started = true
		reply.fail(http.StatusBadGateway, err.Error())
		return reply, nil
	case err != nil:
		return reply, err
	}
	defer func() { <-h.slots }()

	reply.Started = c.calls == 0
	c.calls++
	began := time.Now()
	keep := h.call(ctx, c, body, &reply)
	reply.Took = time.Since(began)
	if keep {
		h.release(c)
	} else {
		h.drop(c)
	}
	if ctx.Err() != nil && !keep {
		return reply, fmt.Errorf("invoking the function: %w", context.Cause(ctx))
	}
	return reply, nil
}

// call makes the call and fills the reply. It reports whether the process may be
// used again.
func (h *Host) call(ctx context.Context, c *container, body []byte, reply *Reply) (keep bool) {
	h.mu.Lock()
	timeout := h.timeout
	h.mu.Unlock()
	deadline := time.Now().Add(timeout)
	ctx, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()

	req, err := h.request(ctx, body, reply.CallID, deadline)
	if err != nil {
		reply.fail(http.StatusBadGateway, err.Error())
		return false
	}
	resp, err := c.client.Do(req)
	if err != nil {
		return reply.broken(ctx)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxBody+1))
	if err != nil {
		return reply.broken(ctx)
	}
	switch {
	case resp.StatusCode == http.StatusBadGateway:
		reply.fail(http.StatusBadGateway, msgFailed)
	case resp.StatusCode == http.StatusGatewayTimeout:
		reply.fail(http.StatusGatewayTimeout, msgTimedOut)
	case resp.StatusCode != http.StatusOK || len(answer) > maxBody:
		reply.fail(http.StatusBadGateway, msgInvalid)
		return false
	default:
		reply.Status, reply.Body = http.StatusOK, answer
		if status, err := strconv.Atoi(resp.Header.Get("Fn-Http-Status")); err == nil {
			reply.Status = status
		}
	}
	return true
}

// request makes the HTTP request of one call.
func (h *Host) request(ctx context.Context, body []byte, callID string, deadline time.Time) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://localhost/call", bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("making the call: %w", err)
	}
	req.GetBody = nil // prevents net/http from repeating the call
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Fn-Call-Id", callID)
	req.Header.Set("Fn-Deadline", deadline.UTC().Format(time.RFC3339))
	req.Header.Set("Fn-Invoke-Type", "sync")
	if h.options.Intent != "" {
		req.Header.Set("Fn-Intent", h.options.Intent)
	}
	for key, values := range h.options.Header {
		req.Header.Del(key)
		for _, v := range values {
			req.Header.Add(key, v)
		}
	}
	return req, nil
}

// broken fills the reply of a call without an answer.
func (r *Reply) broken(ctx context.Context) (keep bool) {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		r.fail(http.StatusGatewayTimeout, msgTimedOut)
	} else {
		r.fail(http.StatusBadGateway, msgBroken)
	}
	return false
}

func (r *Reply) fail(status int, message string) {
	r.Status = status
	// A string always has a JSON form.
	r.Body, _ = json.Marshal(map[string]string{"message": message})
}
