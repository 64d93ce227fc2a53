package main

import (
	"fmt"

	"github.com/keyturn/keyturn/test/ociemu"
)

// fault is what goes wrong with one call.
type fault struct {
	name    string
	status  int // the answer's; 0: no answer is faked
	code    string
	when    ociemu.When // before or after the call's effect
	cut     bool        // the connection is cut
	kill    bool        // the function's process, or the sweep's, is killed (SIGKILL)
	late    bool        // the call takes effect later; see lateAt
	repeats bool        // it also hits every later call of the operation in the same delivery
	lateAt  moment
	action  *action // what an operator does while the call waits
}

// moment is when a late call takes effect: at a write of the next delivery. The zero value means as soon as the
// delivery that made the call has been answered.
type moment struct {
	write int         // the n-th write of the next delivery, from 1
	when  ociemu.When // before that write's effect, or between its effect and its answer
}

// allFaults lists the faults of the matrix, without the actions of an operator.
func allFaults() []fault {
	before, after := ociemu.Before, ociemu.After
	faults := []fault{
		{name: "400", status: 400, code: "InvalidParameter"},
		{name: "401", status: 401, code: "NotAuthenticated"},
		{name: "404", status: 404, code: "NotAuthorizedOrNotFound"},
		{name: "409 Conflict", status: 409, code: "Conflict"},
		{name: "409 IncorrectState", status: 409, code: "IncorrectState"},
		{name: "412", status: 412, code: "NoEtagMatch"},
		{name: "429", status: 429, code: "TooManyRequests"},
		{name: "500", status: 500, code: "InternalServerError"},
		{name: "503", status: 503, code: "ServiceUnavailable"},
		{name: "404 for good", status: 404, code: "NotAuthorizedOrNotFound", repeats: true},
		{name: "500 for good", status: 500, code: "InternalServerError", repeats: true},
		{name: "409 for good", status: 409, code: "IncorrectState", repeats: true},
		{name: "429 for good", status: 429, code: "TooManyRequests", repeats: true},
		{name: "effect, then cut", when: after, cut: true},
		{name: "effect, then 500", when: after, status: 500, code: "InternalServerError"},
		{name: "effect, then 500 for good", when: after, status: 500, code: "InternalServerError", repeats: true},
		{name: "effect, no answer", when: after, late: true},
		{name: "no answer, effect after the reply", when: before, late: true},
		{name: "killed before", when: before, kill: true, cut: true},
		{name: "killed after", when: after, kill: true, cut: true},
	}
	for write := 1; write <= 3; write++ {
		faults = append(faults,
			fault{name: "late, before write " + digit(write), kill: true, late: true,
				lateAt: moment{write, before}},
			fault{name: "late, after write " + digit(write), kill: true, late: true,
				lateAt: moment{write, after}})
	}
	return faults
}

func digit(n int) string { return string(rune('0' + n)) }

// slow reports whether the fault makes the delivery run into its deadline.
func (f fault) slow() bool { return f.late && !f.kill || f.repeats }

// appliesTo reports whether the fault makes a difference for a call of the operation.
func (f fault) appliesTo(operation string) bool { return f.lateAt.write == 0 || writes[operation] }

// site is one call of a rotation: the n-th of its operation.
type site struct {
	operation string
	n         int
}

// The sites of a second fault right after the first one. They have no operation; n tells them apart.
var (
	nextCall  = site{n: 1}
	nextWrite = site{n: 2}
)

func (s site) String() string {
	switch s {
	case nextCall:
		return "next call"
	case nextWrite:
		return "next write"
	}
	return fmt.Sprintf("%s %d", s.operation, s.n)
}

// matches reports whether the site counts calls of the operation.
func (s site) matches(operation string) bool {
	return s.operation == operation || s == nextCall || s == nextWrite && writes[operation]
}

// number is the position of the site's call among those that it counts, from 1.
func (s site) number() int {
	if s.operation == "" {
		return 1
	}
	return s.n
}
