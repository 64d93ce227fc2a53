package ociemu

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"sync"
	"time"
)

// Function handles an event that a FAAS action delivers. It plays the platform's side of a deployed function.
type Function func(ctx context.Context, event []byte) error

// Failure is a delivery that ended with an error.
type Failure struct {
	Function string
	Event    []byte
	Attempt  int // from 1 to Options.Deliveries
	Err      error
	At       time.Time
}

// errNoFunction is the failure of a delivery to a function without HandleFunction.
var errNoFunction = errors.New("no function is registered under this OCID")

// work counts running tasks. Unlike with a sync.WaitGroup, new tasks may start while a caller waits for the end.
type work struct {
	mu      sync.Mutex
	idle    *sync.Cond
	pending int
}

func newWork() *work {
	w := &work{}
	w.idle = sync.NewCond(&w.mu)
	return w
}

func (w *work) begin(n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.pending += n
}

func (w *work) end() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.pending--
	if w.pending == 0 {
		w.idle.Broadcast()
	}
}

func (w *work) wait() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for w.pending > 0 {
		w.idle.Wait()
	}
}

// deliveries are the functions and the running deliveries to them.
type deliveries struct {
	*work
	mu        sync.Mutex
	functions map[string]Function
	failures  []Failure
}

// HandleFunction sets what runs when a rule's FAAS action names the function. The context ends with the emulator.
func (e *Emulator) HandleFunction(functionID string, f Function) {
	e.deliveries.mu.Lock()
	defer e.deliveries.mu.Unlock()
	e.deliveries.functions[functionID] = f
}

// Deliver waits until all deliveries have ended, including those that start while it waits.
func (e *Emulator) Deliver() { e.deliveries.wait() }

// Failures returns the deliveries that ended with an error.
func (e *Emulator) Failures() []Failure {
	e.deliveries.mu.Lock()
	defer e.deliveries.mu.Unlock()
	return slices.Clone(e.deliveries.failures)
}

// Emit sends a raw event to the rules of the reporting region and returns how many actions it started. An event that is
// not a JSON object matches no rule.
func (e *Emulator) Emit(event []byte) int {
	e.mu.Lock()
	defer e.mu.Unlock()
	started := e.emitLocked(event)
	e.notifyLocked()
	return started
}

func (e *Emulator) emitLocked(event []byte) int {
	var fields map[string]any
	if err := json.Unmarshal(event, &fields); err != nil {
		e.opts.Log.Debug("event is no JSON object", "bytes", len(event))
		return 0
	}
	data, _ := fields["data"].(map[string]any)
	compartment, _ := data["compartmentId"].(string)
	started := 0
	for _, r := range e.state.rules {
		inCompartment := r.compartment == e.state.tenancy || r.compartment == compartment
		if !r.enabled || r.region != e.opts.ReportingRegion || !inCompartment || !matches(r.parsed, fields) {
			continue
		}
		for _, a := range r.actions {
			if a.IsEnabled && e.actLocked(a, fields, event) {
				started++
			}
		}
	}
	return started
}

func (e *Emulator) actLocked(a ruleAction, fields map[string]any, event []byte) bool {
	switch a.ActionType {
	case "FAAS":
		e.startDeliveries(a.FunctionID, slices.Clone(event))
		return true
	case "ONS":
		kind, _ := fields["eventType"].(string)
		e.state.mails = append(e.state.mails, Mail{
			Topic: a.TopicID, Title: "OCI Event Notification : " + kind, Body: string(event), At: e.now(),
		})
		return true
	}
	return false // streams are accepted in rules but not emulated
}

func (e *Emulator) startDeliveries(functionID string, event []byte) {
	d := &e.deliveries
	times := e.opts.Deliveries
	d.begin(times)
	if e.opts.ParallelDeliveries {
		for attempt := range times {
			go e.deliver(functionID, event, attempt+1)
		}
		return
	}
	go func() {
		for attempt := range times {
			e.deliver(functionID, event, attempt+1)
		}
	}()
}

func (e *Emulator) deliver(functionID string, event []byte, attempt int) {
	d := &e.deliveries
	defer d.end()
	d.mu.Lock()
	f := d.functions[functionID]
	d.mu.Unlock()
	err := errNoFunction
	if f != nil {
		err = f(e.ctx, slices.Clone(event))
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if err != nil {
		d.failures = append(d.failures, Failure{Function: functionID, Event: event, Attempt: attempt, Err: err,
			At: e.now()})
	}
}
