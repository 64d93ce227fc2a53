package oci

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/fault"
)

// A client of the SCIM API of identity domains. It uses the SDK's signer, but not the SDK's client of identity domains,
// which drops the body of every error (common/errors.go of v65.129). Source of paths, parameters and attributes:
// oci-go-sdk, identitydomains.

// scimID identifies a resource in the paths of a domain's API. It is neither the resource's OCID nor the identifier
// that other services know, such as a fingerprint.
type scimID string

// credentialOCID is the OCID that a domain has for a credential. Only an auth token is known by it outside of the
// domain.
type credentialOCID string

// scimSchemas begins the names of the schemas of a domain's resources.
const scimSchemas = "urn:ietf:params:scim:schemas:oracle:idcs:"

// scimList is the schema of a list (RFC 7644).
const scimList = "urn:ietf:params:scim:api:messages:2.0:ListResponse"

const (
	scimPage = 1000     // page size; the maximum of the API
	scimMost = 16 << 20 // bytes that are read of an answer; a page of 1,000 has about 1 MB
)

// scimRequest is a request to an identity domain.
type scimRequest struct {
	operation    string // its name in logs and errors
	repeat       repeat
	method, path string // the path follows /admin/v1/
	query        url.Values
	body         any              // as JSON; nil for none
	ifMatch      string           // etag; "" for none
	retryToken   string           // "" for none
	hides        credential.Value // the secret value in the body: an error quotes a text only if it has nothing of it
	decided      bool             // a refusal of the domain with status 400 means that nothing was changed
}

// scimAnswer is an answer that is a success.
type scimAnswer struct {
	status int
	etag   string
	at     time.Time // the server's time
	body   []byte
}

// askDomain sends a request to a domain, with the limits and repetitions of call. read reads the answer. Its error says
// what is wrong with the answer, and must not quote it.
func askDomain[T any](ctx context.Context, c *Cloud, d credential.Domain, q scimRequest,
	read func(scimAnswer) (T, error)) (T, error) {
	return call(ctx, c, q.operation, q.repeat, func(ctx context.Context) (v T, err error) {
		r, err := c.domainRequest(ctx, d, q)
		if err != nil {
			return v, err
		}
		response, err := c.http.Do(r)
		if err != nil {
			return v, err
		}
		defer response.Body.Close()
		if !succeeded(response) {
			return v, domainFault(q, response)
		}
		body, err := io.ReadAll(io.LimitReader(response.Body, scimMost))
		if err != nil {
			return v, err
		}
		v, err = read(scimAnswer{response.StatusCode, response.Header.Get("Etag"), serverTime(response), body})
		if err != nil {
			return v, &fault.Error{Class: fault.Unclear, Operation: q.operation, Status: response.StatusCode,
				Message: err.Error()}
		}
		return v, nil
	})
}

// domainRequest makes a signed request. It refuses an address that is not an identity domain's before it signs.
func (c *Cloud) domainRequest(ctx context.Context, d credential.Domain, q scimRequest) (*http.Request, error) {
	p, err := c.provider()
	if err != nil {
		return nil, classify("ResourcePrincipal", err)
	}
	base, err := c.domainURL(d)
	if err != nil {
		return nil, err
	}
	var body []byte
	if q.body != nil {
		body, err = json.Marshal(q.body)
		if err != nil {
			return nil, fault.New(fault.Invalid, q.operation, "the request can't be encoded")
		}
	}
	base.Path, base.RawQuery = "/admin/v1/"+q.path, q.query.Encode()
	r, err := http.NewRequestWithContext(ctx, q.method, base.String(), bytes.NewReader(body))
	if err != nil {
		return nil, fault.New(fault.Invalid, q.operation, "the address is malformed")
	}
	r.Header.Set("Date", time.Now().UTC().Format(http.TimeFormat))
	r.Header.Set("Accept", "application/scim+json, application/json")
	if q.body != nil {
		r.Header.Set("Content-Type", "application/scim+json")
		r.Header.Set("Content-Length", strconv.Itoa(len(body))) // is signed
	}
	for name, v := range map[string]string{"If-Match": q.ifMatch, "Opc-Retry-Token": q.retryToken} {
		if v != "" {
			r.Header.Set(name, v)
		}
	}
	if err := p.sign(r); err != nil { // the error may quote the key's file
		return nil, fault.New(fault.Unclear, q.operation, "the request can't be signed")
	}
	return r, nil
}

// domainURL returns a domain's address with the port as OCI returned it, since the port is a part of the signed host.
// The address must be one of identity domains in the function's realm, https://idcs-<id>.identity.<realm domain>:443:
// a signature must not reach any other host.
func (c *Cloud) domainURL(d credential.Domain) (*url.URL, error) {
	own, err := c.ownRegion()
	if err != nil {
		return nil, err
	}
	realm, err := domainOf(own, own)
	if err != nil {
		return nil, err
	}
	u, err := url.Parse(strings.TrimSuffix(d.URL, "/"))
	if err != nil || u.Scheme != "https" || u.User != nil || u.Path != "" || u.RawQuery != "" || u.Fragment != "" ||
		u.Port() != "" && u.Port() != "443" || !isDomainHost(u.Hostname(), realm) {
		return nil, noHost("the address of the identity domain %q isn't https://idcs-....identity.%s:443: nothing is "+
			"sent to it", d.Name, realm)
	}
	return u, nil
}

// isDomainHost reports whether a host is of the form idcs-<id>[.<cell>].identity[.<region>].<realm domain>.
func isDomainHost(host, realm string) bool {
	name, in := strings.CutSuffix(host, "."+realm)
	plain := strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789.-") == ""
	return in && plain && strings.HasPrefix(name, "idcs-") && strings.Contains(name+".", ".identity.")
}

// scimEq is the filter for resources with an attribute of the value. The value must be an OCID, a name or another
// word without quotes.
func scimEq(attribute, value string) (string, error) {
	if value == "" || strings.ContainsAny(value, "\"\\\r\n") {
		return "", fault.New(fault.Invalid, "filter", fmt.Sprintf("the %s has characters that can't be searched for",
			attribute))
	}
	return attribute + ` eq "` + value + `"`, nil
}
