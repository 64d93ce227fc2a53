package ociemu

import (
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/keyturn/keyturn/test/ocipolicy"
)

// Caller is who made a call.
type Caller struct {
	// Kind is "function", "user", or empty if the call was not authenticated.
	Kind string `json:"kind"`
	// ID is the OCID of the function or user.
	ID string `json:"id"`
	// Name is the function's or user's name.
	Name string `json:"name"`
	// Compartment is the function's compartment.
	Compartment string `json:"compartment,omitempty"`
	// Operator says that AddOperator made the user.
	Operator bool `json:"operator,omitempty"`
}

// Call is one request that reached a service.
type Call struct {
	// Seq counts the calls in the order of their arrival, from 1.
	Seq int `json:"seq"`
	// Service is identity, vault, secrets, ons, cloudguard, events, objectstorage, registry, s3 or
	// identitydomains.
	Service string `json:"service"`
	// Operation is the SDK's name of the operation, such as UploadApiKey; empty if the path has none.
	Operation string `json:"operation"`
	Method    string `json:"method"`
	Path      string `json:"path"`
	Query     string `json:"query,omitempty"`
	Region    string `json:"region"`
	// Domain is the display name of the identity domain that got a SCIM call.
	Domain string `json:"domain,omitempty"`
	Caller Caller `json:"caller"`
	// Status is the status in the answer; 0: not (yet) answered.
	Status int `json:"status"`
	// Effect is the status with which the operation ended; 0: it never ran. A fault makes it differ from Status.
	Effect    int       `json:"effect"`
	RequestID string    `json:"requestId"`
	At        time.Time `json:"at"`
	// Began is when the request arrived, and Answered when its answer was about to be sent, after the added round trip;
	// zero: not (yet) answered. Both use the machine's clock, with its monotonic reading. A call can depend on another
	// one only if it began after the other's Answered.
	Began    time.Time `json:"began"`
	Answered time.Time `json:"answered,omitzero"`
	// Decision is the policies' decision; nil: not evaluated.
	Decision *ocipolicy.Decision `json:"decision,omitempty"`
}

// history is the log of calls and connections.
type history struct {
	mu          sync.Mutex
	seq         int
	calls       []*Call
	connections map[string]int
	setUps      []SetUp
}

// begin records a call and sets its number.
func (h *history) begin(c *Call) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.seq++
	c.Seq = h.seq
	logged := *c
	h.calls = append(h.calls, &logged)
}

func (h *history) amend(seq int, change func(*Call)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	i, found := slices.BinarySearchFunc(h.calls, seq, func(c *Call, seq int) int { return c.Seq - seq })
	if found { // otherwise ResetCalls removed it during the call
		change(h.calls[i])
	}
}

func (h *history) connected(s SetUp) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.connections == nil {
		h.connections = map[string]int{}
	}
	h.connections[s.Host]++
	h.setUps = append(h.setUps, s)
}

// Calls returns the calls since the start or the last ResetCalls, in the order of arrival.
func (e *Emulator) Calls() []Call {
	h := &e.history
	h.mu.Lock()
	defer h.mu.Unlock()
	calls := make([]Call, len(h.calls))
	for i, c := range h.calls {
		calls[i] = *c
	}
	return calls
}

// ResetCalls deletes the log of calls and connections.
func (e *Emulator) ResetCalls() {
	h := &e.history
	h.mu.Lock()
	defer h.mu.Unlock()
	h.calls, h.connections, h.setUps = nil, nil, nil
}

// Connections returns the number of TLS handshakes by host name.
func (e *Emulator) Connections() map[string]int {
	h := &e.history
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.connections == nil {
		return map[string]int{}
	}
	return maps.Clone(h.connections)
}
