package oci

import (
	"context"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/fault"
)

// Through sends a Cloud's requests through another transport's proxy. Tests can't set the proxy of the environment,
// which is read once per process.
func (c *Cloud) Through(t *http.Transport) {
	c.network.transport.Proxy, c.network.transport.TLSClientConfig = t.Proxy, t.TLSClientConfig
}

// AnsweredBy replaces the network with a transport.
func (c *Cloud) AnsweredBy(t http.RoundTripper) { c.http.Transport = limited{t} }

// DomainOf is the membership of a user. The error is of the class Absent if no domain has the user.
func (c *Cloud) DomainOf(ctx context.Context, user string) (Member, error) {
	m, err := c.member(ctx, user)
	if err == nil && m == nil {
		err = fault.New(fault.Absent, operationUser, "none of the identity domains has the user")
	}
	if err != nil {
		return Member{}, err
	}
	return *m, nil
}

// Idle sets how long ago the last call ended.
func (c *Cloud) Idle(d time.Duration) { c.last = time.Now().Add(-d) }

// Refused is the fault for an answer. quote says whether it may contain the service's text.
func Refused(status int, header http.Header, body string, quote bool) *fault.Error {
	return readFailure(status, header, []byte(body)).fault("Operation", quote)
}

// Rows is the number of rows of the table of refusals.
var Rows = len(refusals)

// RowOf is the number of the row for an answer; -1 if the answer is not from OCI.
func RowOf(status int, header http.Header, body string) int {
	row := rowOf(readFailure(status, header, []byte(body)))
	for i, r := range refusals {
		if r.class == row.class && r.codes == row.codes && r.message == row.message && r.says == row.says &&
			slices.Equal(r.statuses, row.statuses) {
			return i
		}
	}
	return -1
}

// Unsourced are the rows of all tables without a source.
func Unsourced() (n int) {
	for _, r := range slices.Concat(refusals, domainRefusals) {
		if r.source == "" {
			n++
		}
	}
	for _, p := range kinds {
		for _, r := range p.proof.rows {
			if r.source == "" {
				n++
			}
		}
	}
	return n
}

// DomainRefused is the fault for an identity domain's answer to a request that sent the value.
func DomainRefused(status int, header http.Header, body string, value credential.Value) *fault.Error {
	return domainFault(scimRequest{operation: "Operation", hides: value}, answered(status, header, body))
}

func answered(status int, header http.Header, body string) *http.Response {
	return &http.Response{StatusCode: status, Header: header, Body: io.NopCloser(strings.NewReader(body))}
}

// DomainRows is the number of rows of the table of refusals by identity domains.
var DomainRows = len(domainRefusals)

// DomainRowOf is the number of the row for an identity domain's answer; -1 if the answer is not from a domain.
func DomainRowOf(status int, header http.Header, body string) int {
	a := readResponse(answered(status, header, body))
	found := domainRow(a, fromDomain(a, header))
	return slices.IndexFunc(domainRefusals, func(r row) bool {
		return r.source == found.source && r.class == found.class && r.codes == found.codes &&
			r.message == found.message && slices.Equal(r.statuses, found.statuses)
	})
}

// ForgetDomains drops the domains that a Cloud keeps.
func (c *Cloud) ForgetDomains() { c.directory = directory{} }

// WithEndpoint is the function at another address.
func WithEndpoint(f Function, endpoint string) Function {
	f.endpoint = endpoint
	return f
}
