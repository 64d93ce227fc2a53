package oci

import (
	"errors"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/keyturn/keyturn/pkg/fault"
)

// plainRequests are the calls that send a body in which there is never a secret value. Only of these, and of calls
// that change nothing, is the text of a refusal passed on. Any other call, also one that is added later, may have
// sent a value, and a service may quote it in ways that nobody can list: encoded, cut, spaced, in part. Of these a
// refusal is described by the table's words alone.
var plainRequests = map[string]bool{
	"UploadApiKey": true, "CreateAuthToken": true, "CreateCustomerSecretKey": true, "CreateOrResetUIPassword": true,
	"DeleteApiKey": true, "DeleteAuthToken": true, "DeleteCustomerSecretKey": true,
	"ScheduleSecretVersionDeletion": true, "UpdateProblemStatus": true,
}

// leftOut is in the place of a text that isn't passed on.
const leftOut = "the service's text is left out, since it might quote the value that was sent"

// refusal holds the last answer of a call that was no success. A call makes its requests one after the other.
type refusal struct{ last failure }

// note reads an answer that is no success.
func (r *refusal) note(response *http.Response) {
	if !succeeded(response) {
		r.last = readResponse(response)
	}
}

// fault turns an error of the SDK into a fault.
func (r *refusal) fault(operation string, err error, quote bool) error {
	if !errors.Is(err, errRefused) {
		return classify(operation, err)
	}
	return r.last.fault(operation, quote)
}

// fault is what the answer means for the caller of an operation.
func (a failure) fault(operation string, quote bool) *fault.Error {
	row := rowOf(a)
	f := &fault.Error{Class: row.class, Operation: operation, Status: a.http, RequestID: a.requestID,
		Message: row.says}
	if (quote || knownCode(a.code)) && len(a.code) <= 80 && plainCode.MatchString(a.code) {
		f.Code = a.code
	}
	text := oneLine(a.message)
	switch {
	case !a.genuine(), text == "", !quote && row.says != "": // the table's words, if it has any
	case !quote:
		f.Message = leftOut
	case row.says == "":
		f.Message = text
	default:
		f.Message = row.says + ": " + text
	}
	return f
}

// oneLine makes a service's message fit for a log line and a mail.
func oneLine(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if len(s) > 300 {
		s = strings.ToValidUTF8(s[:300], "") + "..."
	}
	return s
}

var plainCode = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9._]*$`)

// documented are the codes of OCI's "API Errors" and those of the table, in lower case.
var documented = strings.Fields(`
	cannotparserequest invalidparameter missingparameter limitexceeded quotaexceeded
	relatedresourcenotauthorizedornotfound insufficientservicepermissions resourcedisabled notauthenticated
	notallowed notauthorized signuprequired notfound notauthorizedornotfound methodnotallowed conflict
	incorrectstate lockconflict invalidatedretrytoken resourcealreadyexists
	notauthorizedorresourcealreadyexists noetagmatch requestentitytoolarge toomanyrequests
	internalservererror methodnotimplemented serviceunavailable apikeylimitexceeded idcsconversionerror`)

func knownCode(code string) bool { return slices.Contains(documented, strings.ToLower(code)) }
