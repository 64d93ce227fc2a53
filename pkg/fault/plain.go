package fault

import (
	"context"
	"errors"
)

// plain has a clause for each class, for readers who don't know the services' codes.
var plain = map[Class]string{
	Unclear:   "OCI gave no clear answer",
	Absent:    "OCI says that it does not exist, or that the function may not see it",
	Denied:    "OCI says that the function may not do it",
	Invalid:   "OCI does not accept the request",
	Conflict:  "something else changed it first",
	Busy:      "OCI is changing it at the moment",
	Throttled: "OCI answers that there were too many requests",
	Full:      "a limit of OCI is reached",
}

// Plain returns a clause that says why a call failed: "OCI says that the function may not do it (ListUsers)". It has no
// text of the service, no ids and no times, so the same cause gives the same clause.
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
