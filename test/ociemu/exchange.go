package ociemu

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// maxBody is the limit for request bodies, in bytes; it is more than any service accepts. The registry takes layers.
const (
	maxBody  = 1 << 20
	maxLayer = 64 << 20
)

// exchange is one running call.
type exchange struct {
	e       *Emulator
	call    Call
	to      target
	http    *http.Request
	service *service
	route   *route
	params  map[string]string // of the path
	query   url.Values
	body    []byte
	now     time.Time     // set when the operation takes effect
	probe   bool          // one of the emulator's own checks
	stale   time.Duration // age of the state that a list shows; see StaleList

	domain  *domain // of a SCIM call
	self    *user   // the caller, of a call about its own credentials
	changed bool    // the operation changed the state
}

// reply is the answer of an operation.
type reply struct {
	status int
	body   any // encoded as JSON; nil: none; []byte is sent unchanged
	header map[string]string
	then   func() reply // if set, makes the answer after the lock of the state is released
}

func ok(body any) reply { return reply{status: http.StatusOK, body: body} }

func (r reply) with(header, value string) reply {
	h := map[string]string{header: value}
	for k, v := range r.header {
		h[k] = v
	}
	r.header = h
	return r
}

// serve handles one request.
func (e *Emulator) serve(w http.ResponseWriter, r *http.Request, to target) {
	began := time.Now()
	e.serving.begin(1)
	defer e.serving.end()
	x := &exchange{e: e, to: to, http: r, query: r.URL.Query()}
	x.call = Call{
		Method: r.Method, Path: r.URL.Path, Query: r.URL.RawQuery, Region: to.region,
		RequestID: requestID(r.Header.Get("opc-request-id")), At: e.now(), Began: began,
	}
	most := maxBody
	switch {
	case to.service == "registry":
		most = maxLayer
	case r.Method == http.MethodPut && strings.HasPrefix(r.URL.Path, "/n/"):
		most = maxObject
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, int64(most)+1))
	if err != nil {
		e.opts.Log.Debug("client went away", "path", r.URL.Path)
		cutConnection(w)
		return
	}
	x.body = body
	x.enterDomain()
	x.route, x.params = e.findRoute(r, to)
	if x.route != nil && x.route.service == scimService && x.domain == nil {
		x.route = nil // a tenancy without domains
	}
	x.service = e.findService(r, to, x.route)
	x.call.Service = orDefault(x.service.name, to.service)
	if x.route != nil {
		x.call.Operation = x.route.operation
	}
	caller, refused := x.authenticate()
	x.call.Caller = caller
	x.probe = r.Header.Get(probeHeader) != ""
	if !x.probe {
		e.history.begin(&x.call)
	}
	busy := x.unavailable()
	switch {
	case len(body) > most:
		x.finish(w, x.formed(errTooLarge), 0)
	case busy != nil: // whatever the request is
		x.finish(w, x.formed(*busy), 0)
	case refused != nil:
		x.finish(w, x.formed(*refused), 0)
	case x.route == nil:
		x.finish(w, x.unknown(), 0)
	case x.probe:
		x.finish(w, x.effect(), 0)
	default:
		x.underFaults(w)
	}
}

// underFaults runs the operation with its injected faults.
func (x *exchange) underFaults(w http.ResponseWriter) {
	before, after := x.e.faults.arm(x.call)
	switch refused, when := x.e.domain.arm(x.call, x.e.opts.DomainRefusals); {
	case refused && when == After:
		after = append(after, DomainUnauthorized)
	case refused:
		before = append(before, DomainUnauthorized)
	}
	for _, a := range before {
		switch a.kind {
		case actionAnswer:
			x.finish(w, x.wordInjected(a), 0)
			return
		case actionLate:
			x.e.faults.putOff(func() { x.amendEffect(x.effect().status) })
			cutConnection(w)
			return
		case actionCut:
			cutConnection(w)
			return
		case actionStale:
			x.stale = max(x.stale, a.delay)
		}
		if !x.wait(a) {
			cutConnection(w)
			return
		}
	}
	answer := x.effect()
	x.amendEffect(answer.status)
	effect := answer.status
	for _, a := range after {
		switch a.kind {
		case actionAnswer:
			answer = x.wordInjected(a)
		case actionCut, actionLate:
			cutConnection(w)
			return
		default:
			if !x.wait(a) {
				cutConnection(w)
				return
			}
		}
	}
	x.finish(w, answer, effect)
}

func (x *exchange) wordInjected(a Action) reply { return x.formed(injected(a.status, a.code)) }

// formed writes a refusal as the service does.
func (x *exchange) formed(r refusal) reply {
	if x.service.form != nil {
		return x.service.form(x, r)
	}
	return r.reply()
}

// unknown answers a path that isn't emulated.
func (x *exchange) unknown() reply {
	if x.service.unknown == nil {
		return errNotFound.reply()
	}
	x.e.mu.Lock()
	defer x.e.mu.Unlock()
	x.now = x.e.now()
	return x.service.unknown(x)
}

// wait waits as the action says and reports whether the emulator is still running.
func (x *exchange) wait(a Action) bool {
	if a.began != nil {
		a.began()
	}
	switch a.kind {
	case actionDelay:
		timer := time.NewTimer(a.delay)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-x.e.ctx.Done():
			return false
		}
	case actionHold:
		select {
		case <-a.hold:
		case <-x.e.ctx.Done():
			return false
		}
	}
	return true
}

// effect authorizes the call and runs the operation while it holds the lock of the state.
func (x *exchange) effect() reply {
	if ask := x.e.opts.Authorizer; x.route.signed && ask != nil && !ask(x.call.Caller, x.call) {
		return x.denied()
	}
	answer := x.effectUnderLock()
	if answer.then != nil {
		return answer.then()
	}
	return answer
}

func (x *exchange) effectUnderLock() reply {
	x.e.mu.Lock()
	defer x.e.mu.Unlock()
	if x.route.signed && !x.permittedLocked() {
		return x.denied()
	}
	x.now = x.e.now()
	answer := x.route.handle(x)
	if x.changed {
		x.e.announceLocked(View{x.e, x.call})
	}
	return answer
}

func (x *exchange) amendEffect(status int) {
	x.e.history.amend(x.call.Seq, func(c *Call) { c.Effect = status })
}

// finish delays the answer by the round trip, records it in the history and writes it.
func (x *exchange) finish(w http.ResponseWriter, answer reply, effect int) {
	if !x.probe && !x.e.travel() {
		cutConnection(w)
		return
	}
	answered := time.Now()
	x.e.history.amend(x.call.Seq, func(c *Call) { c.Status, c.Effect, c.Answered = answer.status, effect, answered })
	x.e.opts.Log.Debug("call", "seq", x.call.Seq, "operation", x.call.Operation, "method", x.call.Method, "path",
		x.call.Path,
		"region", x.call.Region, "caller", x.call.Caller.ID, "status", answer.status, "requestId", x.call.RequestID)
	h := w.Header()
	h.Set("Date", x.e.now().UTC().Format(http.TimeFormat))
	h.Set("opc-request-id", x.call.RequestID)
	for k, v := range answer.header {
		h.Set(k, v)
	}
	body, isBytes := answer.body.([]byte)
	if answer.body != nil && !isBytes {
		var err error
		body, err = json.Marshal(answer.body)
		if err != nil {
			panic("ociemu: internal error: encoding an answer: " + err.Error())
		}
		if h.Get("Content-Type") == "" {
			h.Set("Content-Type", "application/json")
		}
	}
	w.WriteHeader(answer.status)
	if _, err := w.Write(body); err != nil && len(body) > 0 {
		x.e.opts.Log.Debug("client did not read the answer", "seq", x.call.Seq)
	}
}

// read decodes the JSON body into v.
func (x *exchange) read(v any) *refusal {
	d := json.NewDecoder(bytes.NewReader(x.body))
	d.UseNumber() // numbers in metadata and tags stay as they were sent
	if err := d.Decode(v); err != nil {
		return &errCannotParse
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return &errCannotParse
	}
	return nil
}

func (x *exchange) header(name string) string { return x.http.Header.Get(name) }

// requestID returns the client's id with the server's part, as the services do.
func requestID(client string) string {
	server := randomHex(32)
	if client == "" {
		return strings.ToUpper(server)
	}
	return client + "/" + strings.ToUpper(server)
}
