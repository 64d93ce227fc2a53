package acceptance

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/oracle/oci-go-sdk/v65/common"

	"github.com/keyturn/keyturn/pkg/credential"
)

// This file speaks the API of identity domains (SCIM) independently of pkg/oci, so that it reveals mistakes there.

const (
	scimSchemas = "urn:ietf:params:scim:schemas:oracle:idcs:"
	scimUser    = "urn:ietf:params:scim:schemas:core:2.0:User"
	scimPatch   = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
	scimState   = scimSchemas + "extension:passwordState:User"
)

// scimRequest is a request to a domain.
type scimRequest struct {
	method, path string // the path follows /admin/v1/
	query        url.Values
	body         map[string]any
	header       map[string]string
}

// scimThing is whatever a domain answers: a resource, a list, or a refusal.
type scimThing struct {
	ID, OCID, UserName, Fingerprint, AccessKey, DisplayName, Description, ExpiresOn string

	Token, SecretKey, OneTimePassword secretText

	Schemas []string

	User struct{ Value, OCID, Name string }
	Meta struct {
		Created time.Time
		Version string
	}
	Password struct {
		LastSuccessfulSetDate time.Time
		MustChange            *bool
	} `json:"urn:ietf:params:scim:schemas:oracle:idcs:extension:passwordState:User"`

	TotalResults, ItemsPerPage *int
	Resources                  []scimThing

	Detail   string
	Messages struct{ MessageID string } `json:"urn:ietf:params:scim:api:oracle:idcs:extension:messages:Error"`

	status int
	header http.Header
}

// secretText is a secret value in an answer.
type secretText struct{ credential.Value }

// UnmarshalJSON implements json.Unmarshaler.
func (s *secretText) UnmarshalJSON(from []byte) error {
	var plain *string
	if json.Unmarshal(from, &plain) != nil {
		return errors.New("a value that is not a string") // the error must not quote it
	}
	s.Value = credential.NewValue([]byte(text(plain)))
	return nil
}

// scimRefusal is a refusal of a domain. It is a common.ServiceError whose code is the messageId; empty if the domain
// sends none.
type scimRefusal struct {
	status               int
	code, detail, opcRef string
}

func (e *scimRefusal) Error() string {
	return fmt.Sprintf("the identity domain answers %s: %s", strings.TrimSpace(fmt.Sprint(e.status, " ", e.code)),
		e.detail)
}

// GetHTTPStatusCode implements common.ServiceError.
func (e *scimRefusal) GetHTTPStatusCode() int { return e.status }

// GetMessage implements common.ServiceError.
func (e *scimRefusal) GetMessage() string { return e.detail }

// GetCode implements common.ServiceError.
func (e *scimRefusal) GetCode() string { return e.code }

// GetOpcRequestID implements common.ServiceError.
func (e *scimRefusal) GetOpcRequestID() string { return e.opcRef }

// byDomain reports whether a domain has refused a request.
func byDomain(err error) bool {
	var e *scimRefusal
	return errors.As(err, &e)
}

// scimAt makes one request to the address of a domain.
func (a *admin) scimAt(ctx context.Context, base string, q scimRequest) (scimThing, error) {
	var body []byte
	if q.body != nil {
		var err error
		body, err = json.Marshal(q.body)
		if err != nil {
			return scimThing{}, errors.New("the request can't be encoded") // the error could quote a value
		}
	}
	target := base + "/admin/v1/" + q.path
	if len(q.query) > 0 {
		target += "?" + q.query.Encode()
	}
	r, err := http.NewRequestWithContext(context.WithoutCancel(ctx), q.method, target, bytes.NewReader(body))
	if err != nil {
		return scimThing{}, err
	}
	r.Header.Set("Date", time.Now().UTC().Format(http.TimeFormat))
	r.Header.Set("Accept", "application/scim+json, application/json")
	if q.body != nil {
		r.Header.Set("Content-Type", "application/scim+json")
		r.Header.Set("Content-Length", strconv.Itoa(len(body)))
	}
	for name, v := range q.header {
		r.Header.Set(name, v)
	}
	if err := common.DefaultRequestSigner(a.provider).Sign(r); err != nil {
		return scimThing{}, fmt.Errorf("signing a request: %w", err)
	}
	response, err := a.web.Do(r)
	if err != nil {
		return scimThing{}, fmt.Errorf("no answer from %s: %w", r.URL.Host, err)
	}
	defer response.Body.Close()
	return a.readSCIM(response, q)
}

func (a *admin) readSCIM(response *http.Response, q scimRequest) (t scimThing, err error) {
	body, err := io.ReadAll(io.LimitReader(response.Body, 16<<20))
	if err != nil {
		return t, fmt.Errorf("reading the identity domain's answer: %w", err)
	}
	broken := len(body) > 0 && json.Unmarshal(body, &t) != nil
	t.status, t.header = response.StatusCode, response.Header
	switch {
	case t.status >= 300:
		if t.status == http.StatusUnauthorized {
			resource, _, _ := strings.Cut(q.path, "/")
			a.unauthorized[q.method+" "+resource]++
		}
		return t, &scimRefusal{t.status, t.Messages.MessageID, strings.Join(strings.Fields(t.Detail), " "),
			t.header.Get("Opc-Request-Id")}
	case broken:
		return scimThing{}, fmt.Errorf("the identity domain's answer to %s %s can't be read", q.method, q.path)
	}
	return t, nil
}

// scim makes a request patiently: it must be safe to repeat.
func (a *admin) scim(ctx context.Context, d *identityDomain, q scimRequest) (scimThing, error) {
	return patiently(ctx, func(ctx context.Context) (scimThing, error) { return a.scimAt(ctx, d.URL, q) })
}

// scimOnce makes a request that is not safe to repeat.
func (a *admin) scimOnce(ctx context.Context, d *identityDomain, q scimRequest) (scimThing, error) {
	return once(ctx, func(ctx context.Context) (scimThing, error) { return a.scimAt(ctx, d.URL, q) })
}

// scimList reads a whole list. more adds to the query.
func (a *admin) scimList(ctx context.Context, d *identityDomain, resource string, more url.Values) (all []scimThing,
	err error) {
	query := url.Values{"count": {"500"}}
	for name, v := range more {
		query[name] = v
	}
	for {
		query.Set("startIndex", strconv.Itoa(len(all)+1))
		page, err := a.scim(ctx, d, scimRequest{method: http.MethodGet, path: resource, query: query})
		switch {
		case err != nil:
			return nil, err
		case page.TotalResults == nil:
			return nil, fmt.Errorf("the identity domain's list of %s has no totalResults", resource)
		}
		all = append(all, page.Resources...)
		if len(page.Resources) == 0 || len(all) >= *page.TotalResults {
			return all, nil
		}
	}
}
