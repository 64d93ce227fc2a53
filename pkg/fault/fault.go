// Package fault sorts what can go wrong with a call into the few classes that a decision can be made on.
//
// Adapters (pkg/oci) make an Error once, where they see the service's answer; everybody else asks Of(err). Nothing
// above the adapters looks at status codes.
package fault

import (
	"errors"
	"fmt"
	"strings"
)

// Class is what a failed call means for the caller.
type Class string

// The classes. The zero value is not a class: Of gives Unclear for errors that carry none.
const (
	// Unclear: whether the call took effect is not known (connection lost, deadline, 5xx, an answer that is none of
	// OCI's, an identity domain that refuses for the moment). Look before you act again.
	Unclear Class = "unclear"
	// Absent: the thing isn't there, or the caller may not see it. OCI answers 404 to both on purpose.
	Absent Class = "absent or not allowed"
	// Denied: the caller is not allowed, or not who it says.
	Denied Class = "denied"
	// Invalid: the request is wrong and will stay so.
	Invalid Class = "invalid"
	// Conflict: somebody else changed the thing first (if-match, a name already taken).
	Conflict Class = "conflict"
	// Busy: the thing is being changed just now; the same request will work in a moment. It had no effect.
	Busy Class = "busy"
	// Throttled: too many requests. It had no effect.
	Throttled Class = "throttled"
	// Full: a limit is reached; no more of these fit. It had no effect.
	Full Class = "limit reached"
)

// Error is a failed call.
type Error struct {
	Class     Class
	Operation string // as OCI calls it, e.g. UpdateSecret
	Status    int    // HTTP status; 0 if there was no answer
	Code      string // the service's error code; empty if the answer has none
	Message   string // the service's message, one line; empty if it might quote the request
	RequestID string // opc-request-id, for Oracle's support
	Err       error  // the cause, for errors.Is and errors.As; never printed
}

// Error is one line without addresses, fit for a mail.
func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s", e.Operation, e.Class)
	if e.Status != 0 {
		b.WriteString(" (" + strings.TrimSpace(fmt.Sprintf("%d %s", e.Status, e.Code)) + ")")
	}
	if e.Message != "" {
		fmt.Fprintf(&b, ": %s", e.Message)
	}
	if e.RequestID != "" {
		fmt.Fprintf(&b, " [opc-request-id %s]", e.RequestID)
	}
	return b.String()
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// Of finds the class of an error, however deeply it is wrapped.
func Of(err error) Class {
	var e *Error
	if errors.As(err, &e) {
		return e.Class
	}
	return Unclear
}

// New makes an error of a class for something that was found out here, without a service's answer.
func New(class Class, operation, message string) error {
	return &Error{Class: class, Operation: operation, Message: message}
}
