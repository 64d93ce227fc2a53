package acceptance

import (
	"context"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/oracle/oci-go-sdk/v65/common"

	"github.com/keyturn/keyturn/pkg/credential"
)

// This file uses credentials as their owner would. It is independent of pkg/oci, so that it reveals mistakes there.

// used is a service's answer to a credential.
type used struct {
	status int
	code   string // of the error; empty if there is none
	header http.Header
	size   int // of the body
}

func (u used) String() string { return strings.TrimSpace(fmt.Sprintf("%d %s", u.status, u.code)) }

// accepted reports whether the service recognized the owner, even without rights.
func (u used) accepted() bool {
	switch u.code {
	case "AccessDenied", "NotAuthorizedOrNotFound":
		return true
	}
	return u.status > 0 && u.status < 300
}

// refused reports whether the service rejected the credential.
func (u used) refused() bool {
	return !u.accepted() && (u.status == http.StatusUnauthorized || u.status == http.StatusForbidden)
}

func (a *admin) use(ctx context.Context, m credential.Material, o credential.Owner) (used, error) {
	switch m.Kind {
	case credential.APIKey:
		return a.useAPIKey(ctx, m, o)
	case credential.AuthToken:
		return a.signInAs(ctx, o.RegistryUsers(), m, o)
	case credential.CustomerSecretKey:
		return a.listBuckets(ctx, m, o)
	}
	return used{}, fmt.Errorf("a %s can't be tested", m.Kind.Noun())
}

func (a *admin) useAPIKey(ctx context.Context, m credential.Material, o credential.Owner) (used, error) {
	host := common.StringToRegion(o.Region).EndpointForTemplate("identity",
		"https://identity.{region}.oci.{secondLevelDomain}")
	return a.signed(ctx, host+"/20160918/users/"+o.User, m, o)
}

// signed makes a request that is signed with an API key.
func (a *admin) signed(ctx context.Context, url string, m credential.Material, o credential.Owner) (used, error) {
	return a.get(ctx, url, m.Kind, func(r *http.Request) error {
		r.Header.Set("Date", time.Now().UTC().Format(http.TimeFormat))
		key := common.NewRawConfigurationProvider(o.Tenancy, o.User, o.Region, m.ID, string(m.Value.Reveal()), nil)
		return common.DefaultRequestSigner(key).Sign(r)
	})
}

// signInAs tries the names in order until one is accepted.
func (a *admin) signInAs(ctx context.Context, names []string, m credential.Material, o credential.Owner) (last used,
	err error) {
	for _, name := range names {
		last, err = a.signIn(ctx, name, m, o)
		if err != nil || last.accepted() {
			return last, err
		}
	}
	return last, nil
}

// signIn asks the container registry for a token: the first step of "docker login".
func (a *admin) signIn(ctx context.Context, name string, m credential.Material, o credential.Owner) (used, error) {
	url := "https://" + o.Registry + "/20180419/docker/token?service=" + o.Registry
	return a.get(ctx, url, m.Kind, func(r *http.Request) error {
		r.SetBasicAuth(name, string(m.Value.Reveal()))
		return nil
	})
}

// listBuckets asks the S3-compatible endpoint.
func (a *admin) listBuckets(ctx context.Context, m credential.Material, o credential.Owner) (used, error) {
	const emptySHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	return a.get(ctx, "https://"+o.S3+"/", m.Kind, func(r *http.Request) error {
		r.Header.Set("X-Amz-Content-Sha256", emptySHA256)
		keys := aws.Credentials{AccessKeyID: m.ID, SecretAccessKey: string(m.Value.Reveal())}
		return v4.NewSigner().SignHTTP(ctx, keys, r, emptySHA256, "s3", o.Region, time.Now())
	})
}

// get makes a GET request, with the credential that sign adds.
func (a *admin) get(ctx context.Context, url string, kind credential.Kind, sign func(*http.Request) error) (used,
	error) {
	r, err := http.NewRequestWithContext(context.WithoutCancel(ctx), http.MethodGet, url, nil)
	if err != nil {
		return used{}, err
	}
	if sign(r) != nil { // its error may quote the key
		return used{}, fmt.Errorf("the request can't be signed with the value of the %s", kind.Noun())
	}
	response, err := a.web.Do(r)
	if err != nil {
		return used{}, fmt.Errorf("no answer from %s: %w", r.URL.Host, err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, 64<<10))
	if err != nil {
		return used{}, fmt.Errorf("reading the answer of %s: %w", r.URL.Host, err)
	}
	u := used{status: response.StatusCode, header: response.Header, size: len(body)}
	if u.status >= 400 {
		u.code = codeIn(body)
	}
	return u, nil
}

// codeIn finds the code in an error of OCI (JSON) or of the S3 protocol (XML).
func codeIn(body []byte) string {
	var asXML struct{ Code string }
	if xml.Unmarshal(body, &asXML) == nil && asXML.Code != "" {
		return asXML.Code
	}
	var asJSON struct{ Code string }
	if json.Unmarshal(body, &asJSON) == nil {
		return asJSON.Code
	}
	return ""
}

// wait is a check that a credential will be accepted or refused.
type wait struct {
	check string
	most  time.Duration
	timed string // name in the report's times; empty: the time is not reported
}

// works waits until a credential is accepted.
func (r *run) works(ctx context.Context, m credential.Material, o credential.Owner, w wait) used {
	return r.await(ctx, m, o, w, "spread-time", used.accepted)
}

// ends waits until a credential is refused.
func (r *run) ends(ctx context.Context, m credential.Material, o credential.Owner, w wait) used {
	return r.await(ctx, m, o, w, "end-time", used.refused)
}

// await uses a credential until the answer is as wanted, and reports that as a check.
func (r *run) await(ctx context.Context, m credential.Material, o credential.Owner, w wait, fact string,
	wanted func(used) bool) (last used) {
	took, err := until(ctx, w.most, func() (bool, error) {
		var err error
		last, err = r.use(ctx, m, o)
		return err == nil && wanted(last), err
	})
	detail := "answered " + last.String()
	if err != nil {
		detail = fmt.Sprintf("%v; the last answer was %s", err, last)
	}
	if r.check(err == nil, w.check, "%s", detail) && w.timed != "" {
		r.times[fact] = append(r.times[fact], timing{w.timed, took})
	}
	return last
}
