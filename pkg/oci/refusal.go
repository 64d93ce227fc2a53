package oci

import (
	"errors"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/keyturn/keyturn/pkg/fault"
	"github.com/keyturn/keyturn/pkg/phrase"
)

// plainRequests are the calls that never send a secret value. An error of one of these, or of a call that changes
// nothing, contains the service's text. Any other call, even one that is added later, may have sent a value, and the
// service may quote it in ways that no filter recognizes: encoded, cut, spaced, in part. An error of such a call has
// only the text of the table.
var plainRequests = map[string]bool{
	"UploadApiKey": true, "CreateAuthToken": true, "CreateCustomerSecretKey": true, "CreateOrResetUIPassword": true,
	"DeleteApiKey": true, "DeleteAuthToken": true, "DeleteCustomerSecretKey": true,
	"ScheduleSecretVersionDeletion": true, "UpdateProblemStatus": true, "CreateContainerImageSignature": true,
}

// leftOut replaces a text that is not passed on.
const leftOut = "the service's text is left out, since it might quote the value that was sent"

// refusal holds the last answer of a call that was not a success. A call makes its requests one after the other.
type refusal struct{ last failure }

// note keeps an answer that is not a success.
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

// fault classifies the answer.
func (a failure) fault(operation string, quote bool) *fault.Error {
	return a.faultOf(rowOf(a), a.genuine(), operation, quote)
}

// faultOf is the fault of an answer with the row. genuine says whether the answer is from the service.
func (a failure) faultOf(row row, genuine bool, operation string, quote bool) *fault.Error {
	f := &fault.Error{Class: row.class, Operation: operation, Status: a.http, RequestID: a.requestID,
		Message: row.says}
	if (quote || knownCode(a.code)) && len(a.code) <= 80 && plainCode.MatchString(a.code) {
		f.Code = a.code
	}
	text := oneLine(a.message)
	switch {
	case !genuine, text == "", !quote && row.says != "": // only the table's text, if it has any
	case !quote:
		f.Message = leftOut
	case row.says == "":
		f.Message = text
	default:
		f.Message = row.says + ": " + text
	}
	return f
}

// maxMessage is how many bytes of a service's message are kept.
const maxMessage = 300

// oneLine makes a service's message fit for a log line and a mail.
func oneLine(s string) string { return phrase.Clip(strings.Join(strings.Fields(s), " "), maxMessage) }

var plainCode = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9._]*$`)

// documented has the codes of OCI's "API Errors" and those of the table, in lower case.
var documented = strings.Fields(`
	cannotparserequest invalidparameter missingparameter limitexceeded quotaexceeded
	relatedresourcenotauthorizedornotfound insufficientservicepermissions resourcedisabled notauthenticated
	notallowed notauthorized signuprequired notfound notauthorizedornotfound methodnotallowed conflict
	incorrectstate lockconflict invalidatedretrytoken resourcealreadyexists
	notauthorizedorresourcealreadyexists noetagmatch requestentitytoolarge toomanyrequests
	internalservererror methodnotimplemented serviceunavailable apikeylimitexceeded idcsconversionerror`)

func knownCode(code string) bool { return slices.Contains(documented, strings.ToLower(code)) }
