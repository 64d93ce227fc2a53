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
	// Kind is "function", "user", or empty when the call was not authenticated.
	Kind string `json:"kind"`
	// ID is the OCID of the function or user.
	ID string `json:"id"`
	// Name is the function's or user's name.
	Name string `json:"name"`
	// Compartment is the function's compartment.
	Compartment string `json:"compartment,omitempty"`
	// Operator says that the user was made by AddOperator.
	Operator bool `json:"operator,omitempty"`
}

// Call is one request that reached a service.
type Call struct {
	// Seq counts the calls in the order of their arrival, from 1.
	Seq int `json:"seq"`
	// Service is identity, vault, secrets, ons, cloudguard, events, objectstorage, registry or s3.
	Service string `json:"service"`
	// Operation is the SDK's name of the operation, such as UploadApiKey; empty when there is none at that path.
	Operation string `json:"operation"`
	Method    string `json:"method"`
	Path      string `json:"path"`
	Query     string `json:"query,omitempty"`
	Region    string `json:"region"`
	Caller    Caller `json:"caller"`
	// Status is what the client was answered; 0 when it was not (yet) answered.
	Status int `json:"status"`
	// Effect is the status with which the operation ended; it differs from Status under a fault, and is 0 when it never
	// ran.
	Effect    int       `json:"effect"`
	RequestID string    `json:"requestId"`
	At        time.Time `json:"at"`
	// Began and Answered are of the machine's clock, in this process with its monotonic reading: when the request
	// arrived, and when its answer, held back by the round trip, was about to be sent. Answered is zero when it was not
	// (yet) answered. A call that began after another one's Answered may have needed it; one that began before can't
	// have.
	Began    time.Time `json:"began"`
	Answered time.Time `json:"answered,omitzero"`
	// Decision is what the policies said; nil when they were not asked.
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

// begin enters a call and gives its number.
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
	if found { // else forgotten by reset while the call was under way
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

// Calls gives the calls since the start or the last ResetCalls, in the order of their arrival.
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

// ResetCalls forgets the calls and connections so far.
func (e *Emulator) ResetCalls() {
	h := &e.history
	h.mu.Lock()
	defer h.mu.Unlock()
	h.calls, h.connections, h.setUps = nil, nil, nil
}

// Connections gives the number of TLS handshakes by host name.
func (e *Emulator) Connections() map[string]int {
	h := &e.history
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.connections == nil {
		return map[string]int{}
	}
	return maps.Clone(h.connections)
}
