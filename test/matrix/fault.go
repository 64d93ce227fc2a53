package main

import (
	"fmt"

	"github.com/keyturn/keyturn/test/ociemu"
)

// disturbance is what happens to one call.
type disturbance struct {
	name   string
	status int // answer
	code   string
	when   ociemu.When
	cut    bool
	kill   bool // SIGKILL to the function's process
	late   bool // the call takes effect later: see lateAt
	stays  bool // every later call of the operation in the same delivery is hit as well
	lateAt moment
	act    *act // what a person does meanwhile
}

// moment is when a late call takes effect: at a write of the delivery after the one that made it. The zero moment is
// as soon as that delivery has been answered.
type moment struct {
	write int         // the n-th write of the next delivery, from 1
	when  ociemu.When // before its effect, or between its effect and its answer
}

// singles are the columns of the matrix.
func singles() []disturbance {
	before, after := ociemu.Before, ociemu.After
	ds := []disturbance{
		{name: "400", status: 400, code: "InvalidParameter"},
		{name: "401", status: 401, code: "NotAuthenticated"},
		{name: "404", status: 404, code: "NotAuthorizedOrNotFound"},
		{name: "409 Conflict", status: 409, code: "Conflict"},
		{name: "409 IncorrectState", status: 409, code: "IncorrectState"},
		{name: "412", status: 412, code: "NoEtagMatch"},
		{name: "429", status: 429, code: "TooManyRequests"},
		{name: "500", status: 500, code: "InternalServerError"},
		{name: "503", status: 503, code: "ServiceUnavailable"},
		{name: "404 for good", status: 404, code: "NotAuthorizedOrNotFound", stays: true},
		{name: "500 for good", status: 500, code: "InternalServerError", stays: true},
		{name: "409 for good", status: 409, code: "IncorrectState", stays: true},
		{name: "429 for good", status: 429, code: "TooManyRequests", stays: true},
		{name: "effect, then cut", when: after, cut: true},
		{name: "effect, then 500", when: after, status: 500, code: "InternalServerError"},
		{name: "effect, then 500 for good", when: after, status: 500, code: "InternalServerError", stays: true},
		{name: "effect, no answer", when: after, late: true},
		{name: "no answer, effect after the reply", when: before, late: true},
		{name: "killed before", when: before, kill: true, cut: true},
		{name: "killed after", when: after, kill: true, cut: true},
	}
	for write := 1; write <= 3; write++ {
		ds = append(ds,
			disturbance{name: "late, before write " + digit(write), kill: true, late: true,
				lateAt: moment{write, before}},
			disturbance{name: "late, after write " + digit(write), kill: true, late: true,
				lateAt: moment{write, after}})
	}
	return ds
}

func digit(n int) string { return string(rune('0' + n)) }

// slow says that the delivery runs into its deadline: most of the cell's time is waiting.
func (d disturbance) slow() bool { return d.late && !d.kill || d.stays }

// fits says whether the disturbance makes a difference for the call.
func (d disturbance) fits(operation string) bool { return d.lateAt.write == 0 || writes[operation] }

// site is one call of a rotation: the n-th of its operation.
type site struct {
	operation string
	n         int
}

// The sites of a second disturbance right after the first one: no operation, and a number to tell them apart.
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

// is says whether a call is one that the site counts.
func (s site) is(operation string) bool {
	return s.operation == operation || s == nextCall || s == nextWrite && writes[operation]
}

// nth is the place of the site's call among those that it counts.
func (s site) nth() int {
	if s.operation == "" {
		return 1
	}
	return s.n
}
