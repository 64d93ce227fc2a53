package fault

import (
	"context"
	"errors"
)

// plain says each class in a clause for people who don't know the services' codes.
var plain = map[Class]string{
	Unclear:   "OCI gave no clear answer",
	Absent:    "OCI says that it is not there, or that the function may not see it",
	Denied:    "OCI says that the function may not do it",
	Invalid:   "OCI does not accept the request",
	Conflict:  "something else changed it first",
	Busy:      "OCI is changing it at the moment",
	Throttled: "OCI answers that there were too many requests",
	Full:      "a limit of OCI is reached",
}

// Plain says in a clause why a call failed: "OCI says that the function may not do it (ListUsers)". It has nothing of
// the service's own text, no ids and no times, so that the same cause gives the same clause.
func Plain(err error) string {
	f, ok := errors.AsType[*Error](err)
	switch {
	case errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled):
		return "the time ran out"
	case !ok:
		return "an unexpected error, which the log shows"
	}
	return plain[f.Class] + " (" + f.Operation + ")"
}
