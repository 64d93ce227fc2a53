package oci

import (
	"net/http"
	"slices"
	"time"

	"github.com/keyturn/keyturn/pkg/fault"
)

// Through leads a Cloud's connections through another transport's proxy, which each test may have its own of: the proxy
// of the environment is read once a process.
func (c *Cloud) Through(t *http.Transport) {
	c.network.transport.Proxy, c.network.transport.TLSClientConfig = t.Proxy, t.TLSClientConfig
}

// AnsweredBy puts a transport in the place of the network.
func (c *Cloud) AnsweredBy(t http.RoundTripper) { c.http.Transport = limited{t} }

// Idle makes it that long since the last call ended.
func (c *Cloud) Idle(d time.Duration) { c.last = time.Now().Add(-d) }

// Refused is what an answer means for the caller of an operation whose refusals may be quoted, or may not.
func Refused(status int, header http.Header, body string, quote bool) *fault.Error {
	return readFailure(status, header, []byte(body)).fault("Operation", quote)
}

// Rows is the number of rows of the table of refusals, and RowOf the row that an answer meets.
var Rows = len(refusals)

// RowOf is the number of the row that decides on an answer; -1 if it is none of OCI's.
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

// Unsourced are the rows of both tables that name no source.
func Unsourced() (n int) {
	for _, r := range refusals {
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
