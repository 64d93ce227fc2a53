package ociemu

import "net/http"

// refusal is an error answer of a service.
type refusal struct {
	status  int
	code    string
	message string
}

// The refusals of all OCI services, with codes of
// https://docs.oracle.com/en-us/iaas/Content/API/References/apierrors.htm. Only the message varies.
var (
	errCannotParse = refusal{http.StatusBadRequest, "CannotParseRequest", "The request body could not be parsed."}
	errInvalid     = refusal{http.StatusBadRequest, "InvalidParameter", "A parameter is invalid or incorrectly " +
		"formatted."}
	errMissing      = refusal{http.StatusBadRequest, "MissingParameter", "A required parameter is missing."}
	errLimit        = refusal{http.StatusBadRequest, "LimitExceeded", "The request exceeds a service limit."}
	errNotAuthentic = refusal{http.StatusUnauthorized, "NotAuthenticated", "The required information to " +
		"complete authentication was not provided or was incorrect."}
	errNotAllowed = refusal{http.StatusForbidden, "NotAllowed", "The operation is not allowed here."}
	errNotFound   = refusal{http.StatusNotFound, "NotAuthorizedOrNotFound", "Authorization failed or " +
		"requested resource not found."}
	errConflict = refusal{http.StatusConflict, "Conflict", "The request conflicts with the state of the " +
		"resource."}
	errState = refusal{http.StatusConflict, "IncorrectState", "The resource is in a state that does not " +
		"allow the operation."}
	errRetryToken = refusal{http.StatusConflict, "InvalidatedRetryToken", "The retry token was used before " +
		"and is no longer valid."}
	errEtag = refusal{http.StatusPreconditionFailed, "NoEtagMatch", "The etag of the resource does " +
		"not match."}
	errTooLarge = refusal{http.StatusRequestEntityTooLarge, "RequestEntityTooLarge",
		"The request body is too large."}
	messagesOfInjected = map[string]string{
		"TooManyRequests":     "Too many requests for the user.",
		"InternalServerError": "An internal error occurred.",
		"ServiceUnavailable":  "The service is unavailable.",
	}
)

// because returns the refusal with another message.
func (r refusal) because(message string) refusal {
	r.message = message
	return r
}

// as returns the refusal with another status and code, for [Answers].
func (r refusal) as(status int, code string) refusal {
	r.status, r.code = status, code
	return r
}

func (r refusal) reply() reply {
	return reply{status: r.status, body: map[string]string{"code": r.code, "message": r.message}}
}

// injected is the answer of an injected fault.
func injected(status int, code string) refusal {
	message, ok := messagesOfInjected[code]
	switch {
	case code == domainCode && status == http.StatusUnauthorized:
		message = domainUnauthorizedMessage
	case !ok:
		message = "This answer was injected into the emulator."
	}
	return refusal{status, code, message}
}
