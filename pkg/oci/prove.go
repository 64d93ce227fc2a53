package oci

import (
	"context"
	"encoding/xml"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/oracle/oci-go-sdk/v65/common"

	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/fault"
)

// Prover uses a credential once, as its owner would. See rotation.Prover.
type Prover struct{ cloud *Cloud }

// Prover returns the prover.
func (c *Cloud) Prover() *Prover { return &Prover{c} }

// Prove makes one request in the owner's home region: an API key asks for its own user, an auth token asks the
// container registry for a token, a customer secret key lists buckets. What counts is whether the owner was
// recognized; that he may not do the thing is proof enough that he was.
func (p *Prover) Prove(ctx context.Context, m credential.Material, o credential.Owner) (accepted bool, err error) {
	request, verdict := p.apiKey, authenticated
	switch m.Kind {
	case credential.AuthToken:
		request, verdict = p.authToken, signedIn
	case credential.CustomerSecretKey:
		request, verdict = p.customerSecretKey, s3Verdict
	}
	name := "prove " + string(m.Kind)
	return call(ctx, p.cloud, name, once, func(ctx context.Context) (bool, error) {
		r, err := request(ctx, m, o)
		if err != nil {
			return false, fault.New(fault.Invalid, name, "the request can't be made from the credential")
		}
		answer, err := p.cloud.http.Do(r)
		if err != nil {
			return false, err
		}
		defer answer.Body.Close()
		body, err := io.ReadAll(io.LimitReader(answer.Body, 64<<10)) // read to the end, so that the connection is kept
		if err != nil {
			return false, err
		}
		switch accepted, known := verdict(answer.StatusCode, body); {
		case known:
			return accepted, nil
		default:
			return false, &fault.Error{Class: unclearOrThrottled(answer.StatusCode), Operation: name, Status: answer.StatusCode}
		}
	})
}

func unclearOrThrottled(status int) fault.Class {
	if status == http.StatusTooManyRequests {
		return fault.Throttled
	}
	return fault.Unclear
}

func (p *Prover) apiKey(ctx context.Context, m credential.Material, o credential.Owner) (*http.Request, error) {
	host := common.StringToRegion(o.Region).EndpointForTemplate("identity", "https://identity.{region}.oci.{secondLevelDomain}")
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, host+"/20160918/users/"+o.User, nil)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Date", time.Now().UTC().Format(http.TimeFormat))
	key := common.NewRawConfigurationProvider(o.Tenancy, o.User, o.Region, m.ID, string(m.Value.Reveal()), nil)
	return r, common.DefaultRequestSigner(key).Sign(r)
}

// authenticated: OCI answers 401 to whom it doesn't recognize, and only to those.
func authenticated(status int, _ []byte) (accepted, known bool) {
	switch {
	case status == http.StatusUnauthorized:
		return false, true
	case status == http.StatusForbidden, status == http.StatusNotFound, status < 300:
		return true, true
	}
	return false, false
}

// authToken signs in to the container registry: the first step of "docker login". The address is the realm that the
// registry gives in its WWW-Authenticate header.
func (p *Prover) authToken(ctx context.Context, m credential.Material, o credential.Owner) (*http.Request, error) {
	host := credential.RegistryHost(o.Region)
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+host+"/20180419/docker/token?service="+host, nil)
	if err != nil {
		return nil, err
	}
	r.SetBasicAuth(o.RegistryUser(), string(m.Value.Reveal()))
	return r, nil
}

func signedIn(status int, _ []byte) (accepted, known bool) {
	switch {
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		return false, true
	case status < 300:
		return true, true
	}
	return false, false
}

// emptySHA256 is the digest of the empty body.
const emptySHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

func (p *Prover) customerSecretKey(ctx context.Context, m credential.Material, o credential.Owner) (*http.Request, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+o.S3Host()+"/", nil)
	if err != nil {
		return nil, err
	}
	r.Header.Set("X-Amz-Content-Sha256", emptySHA256)
	keys := aws.Credentials{AccessKeyID: m.ID, SecretAccessKey: string(m.Value.Reveal())}
	return r, v4.NewSigner().SignHTTP(ctx, keys, r, emptySHA256, "s3", o.Region, time.Now())
}

// s3Verdict reads the error code of the S3 protocol: a 403 is an answer both to an unknown key and to a known one
// that may not list.
func s3Verdict(status int, body []byte) (accepted, known bool) {
	var e struct{ Code string }
	if status >= 400 {
		_ = xml.Unmarshal(body, &e) // without a code the status decides
	}
	switch {
	case status < 300:
		return true, true
	case status == http.StatusUnauthorized, e.Code == "InvalidAccessKeyId", e.Code == "SignatureDoesNotMatch":
		return false, true
	case status == http.StatusForbidden && strings.HasPrefix(e.Code, "AccessDenied"), e.Code == "NotAuthorizedOrNotFound":
		return true, true
	case status == http.StatusForbidden:
		return false, true
	}
	return false, false
}
