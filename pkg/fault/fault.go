// Package fault classifies failed calls. Decisions depend on the class.
//
// Package oci makes an Error where it reads a service's answer. All other packages call Of and don't look at status
// codes.
package fault

import (
	"errors"
	"fmt"
	"strings"
)

// Class is what a failed call means for the caller.
type Class string

// The classes. The zero value is not a class.
const (
	// Unclear: it is not known whether the call took effect (connection lost, deadline, 5xx, an answer that is not from
	// OCI, a temporary refusal of an identity domain). Check before you repeat it.
	Unclear Class = "unclear"
	// Absent: the object doesn't exist, or the caller may not see it. OCI answers both with 404 on purpose.
	Absent Class = "absent or not allowed"
	// Denied: the caller is not allowed to do it, or not authenticated.
	Denied Class = "denied"
	// Invalid: the request is wrong. A repetition fails again.
	Invalid Class = "invalid"
	// Conflict: another caller changed the object first (if-match, a name already taken).
	Conflict Class = "conflict"
	// Busy: the object is being changed. The call had no effect, and will work in a moment.
	Busy Class = "busy"
	// Throttled: too many requests. The call had no effect.
	Throttled Class = "throttled"
	// Full: a limit is reached. The call had no effect.
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

// Error returns one line without addresses, fit for a mail.
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

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Of returns the class of the first Error in err's chain, or Unclear if there is none.
func Of(err error) Class {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Class
	}
	return Unclear
}

// New makes an error of a class without a service's answer.
func New(class Class, operation, message string) error {
	return &Error{Class: class, Operation: operation, Message: message}
}
