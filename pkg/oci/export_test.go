package oci

import (
	"net/http"
	"time"
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

// ClassOf is the table of errors.
var ClassOf = classOf
