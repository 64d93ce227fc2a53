package oci_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/oracle/oci-go-sdk/v65/common"

	"github.com/keyturn/keyturn/pkg/cloudguard"
	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/oci"
	"github.com/keyturn/keyturn/pkg/outcome"
	"github.com/keyturn/keyturn/pkg/vault"
)

const (
	tenancy  = "ocid1.tenancy.oc1..aaaaaaaatenancy"
	user     = "ocid1.user.oc1..aaaaaaaaowner"
	problem  = "ocid1.cloudguardproblem.oc1.iad.amaaaaaaproblem"
	topic    = "ocid1.onstopic.oc1.phx.amaaaaaatopic"
	secretID = "ocid1.vaultsecret.oc1.iad.amaaaaaasecret"
)

// newKey is an RSA key in PEM, made once. No test checks its signatures.
var newKey = sync.OnceValue(func() string {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}))
})

// stub is a network that gives one answer to every request but the one for the home region. It records the requests.
type stub struct {
	answer func(r *http.Request, n int) (*http.Response, error) // n counts from 1

	mu    sync.Mutex
	asked []request
}

type request struct{ method, host, path, query, retryToken, body string }

// RoundTrip implements http.RoundTripper.
func (s *stub) RoundTrip(r *http.Request) (*http.Response, error) {
	if strings.HasPrefix(r.URL.Path, "/20160918/tenancies/") && !strings.HasSuffix(r.URL.Path, "Subscriptions") {
		return reply(r, http.StatusOK, `{"id":"`+tenancy+`","name":"acme","homeRegionKey":"IAD"}`)
	}
	var body []byte
	if r.Body != nil {
		body, _ = io.ReadAll(r.Body)
	}
	s.mu.Lock()
	s.asked = append(s.asked, request{r.Method, r.URL.Host, r.URL.Path, r.URL.RawQuery, r.Header.Get("opc-retry-token"),
		string(body)})
	n := len(s.asked)
	s.mu.Unlock()
	return s.answer(r, n)
}

// of returns the requests whose path contains the text.
func (s *stub) of(text string) []request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(s.asked), func(r request) bool { return !strings.Contains(r.path, text) })
}

func reply(r *http.Request, status int, body string) (*http.Response, error) {
	return &http.Response{StatusCode: status, Status: fmt.Sprint(status), Proto: "HTTP/1.1", ProtoMajor: 1,
		ProtoMinor: 1, Request: r,
		Header:        http.Header{"Content-Type": {"application/json"}, "Opc-Request-Id": {"request-1"}},
		ContentLength: int64(len(body)),
		Body:          io.NopCloser(strings.NewReader(body))}, nil
}

// always is a network that always gives the same answer.
func always(status int, body string) func(*http.Request, int) (*http.Response, error) {
	return func(r *http.Request, _ int) (*http.Response, error) { return reply(r, status, body) }
}

func refusal(code, message string) string {
	return fmt.Sprintf(`{"code":%q,"message":%q}`, code, message)
}

// plainPrincipal is a function in Frankfurt.
func plainPrincipal() common.ConfigurationProvider {
	return claims{common.NewRawConfigurationProvider(tenancy, user, "eu-frankfurt-1", "aa:bb", newKey(), nil), tenancy}
}

// offline is a Cloud with a stub.
func offline(t *testing.T, answer func(r *http.Request, n int) (*http.Response, error)) (*oci.Cloud, *stub) {
	t.Helper()
	cloud := oci.NewWith(plainPrincipal())
	s := &stub{answer: answer}
	cloud.AnsweredBy(s)
	return cloud, s
}

// repeats says how often a call with unclear answers is made.
type repeats int

const (
	once, twice, thrice repeats = 1, 2, 3
)

// operation is one call of the package.
type operation struct {
	name    string
	path    string // a part of its request's path
	repeats repeats
	run     func(context.Context, *oci.Cloud) error
}

// confidential is in every request that has a value.
var confidential = rand.Text()

// operations are all calls, by the effect of a repetition.
func operations() []operation {
	list := func(k credential.Kind) func(context.Context, *oci.Cloud) error {
		return func(ctx context.Context, c *oci.Cloud) error { _, err := c.Issuer(k).List(ctx, user); return err }
	}
	create := func(k credential.Kind) func(context.Context, *oci.Cloud) error {
		return func(ctx context.Context, c *oci.Cloud) error {
			_, err := c.Issuer(k).Create(ctx, user, credential.Draft{PublicKey: "a key", Description: "a mark",
				RetryToken: "token-1"})
			return err
		}
	}
	remove := func(k credential.Kind) func(context.Context, *oci.Cloud) error {
		return func(ctx context.Context, c *oci.Cloud) error { return c.Issuer(k).Delete(ctx, user, "an-id") }
	}
	return []operation{
		{"ListApiKeys", "/apiKeys", thrice, list(credential.APIKey)},
		{"ListAuthTokens", "/authTokens", thrice, list(credential.AuthToken)},
		{"ListCustomerSecretKeys", "/customerSecretKeys", thrice, list(credential.CustomerSecretKey)},
		{"GetUserUIPasswordInformation", "/uiPassword", thrice, list(credential.Password)},
		{"UploadApiKey", "/apiKeys", twice, create(credential.APIKey)},
		{"CreateAuthToken", "/authTokens", twice, create(credential.AuthToken)},
		{"CreateCustomerSecretKey", "/customerSecretKeys", twice, create(credential.CustomerSecretKey)},
		{"CreateOrResetUIPassword", "/uiPassword", twice, create(credential.Password)},
		{"DeleteApiKey", "/apiKeys/an-id", once, remove(credential.APIKey)},
		{"DeleteAuthToken", "/authTokens/an-id", once, remove(credential.AuthToken)},
		{"DeleteCustomerSecretKey", "/customerSecretKeys/an-id", once, remove(credential.CustomerSecretKey)},
		{"GetUser", "/users/", thrice, func(ctx context.Context, c *oci.Cloud) error {
			_, err := c.UserName(ctx, user)
			return err
		}},
		{"GetNamespace", "/n", thrice, func(ctx context.Context, c *oci.Cloud) error {
			_, err := c.Namespace(ctx)
			return err
		}},
		{"GetSecret", "/secrets/", thrice, func(ctx context.Context, c *oci.Cloud) error {
			_, err := c.Vault().Secret(ctx, secretID)
			return err
		}},
		{"ListSecretVersions", "/versions", thrice, func(ctx context.Context, c *oci.Cloud) error {
			_, err := c.Vault().Versions(ctx, secretID)
			return err
		}},
		{"GetSecretBundle", "/secretbundles/", thrice, func(ctx context.Context, c *oci.Cloud) error {
			_, _, err := c.Vault().Read(ctx, secretID, "")
			return err
		}},
		{"ListSecrets", "/secrets", thrice, func(ctx context.Context, c *oci.Cloud) error {
			_, err := c.Vault().List(ctx, tenancy)
			return err
		}},
		{"ListProblems", "/problems", thrice, func(ctx context.Context, c *oci.Cloud) error {
			_, _, err := c.ClosedProblems(ctx, time.Time{}, "")
			return err
		}},
		{"ListUsers", "/users", thrice, func(ctx context.Context, c *oci.Cloud) error {
			_, _, err := c.Users(ctx, "")
			return err
		}},
		{"ScheduleSecretVersionDeletion", "/actions/scheduleDeletion", once,
			func(ctx context.Context, c *oci.Cloud) error { return c.Vault().ScheduleDeletion(ctx, secretID, 1) }},
		{"UpdateSecret", "/secrets/", once, func(ctx context.Context, c *oci.Cloud) error {
			_, err := c.Vault().Update(ctx, secretID, "etag-1",
				vault.Update{Name: "keyturn-x-1", Content: credential.NewValue([]byte(confidential))})
			return err
		}},
		{"GetProblem", "/problems/" + problem, thrice, func(ctx context.Context, c *oci.Cloud) error {
			_, err := c.Problem(ctx, problem)
			return err
		}},
		{"GetProblem", "/problems/" + problem, thrice, func(ctx context.Context, c *oci.Cloud) error {
			_, err := c.Afresh(ctx, problem)
			return err
		}},
		{"UpdateProblemStatus", "/actions/updateStatus", twice, func(ctx context.Context, c *oci.Cloud) error {
			return c.Reopen(ctx, cloudguard.Problem{ID: problem}, "why")
		}},
		{"PublishMessage", "/messages", once, func(ctx context.Context, c *oci.Cloud) error {
			return c.Publish(ctx, topic, "title", "body")
		}},
		{"PostMetricData", "/metrics", once, func(ctx context.Context, c *oci.Cloud) error {
			return c.Post(ctx, []outcome.Point{
				{Name: outcome.MetricSweeps, Dimensions: map[string]string{"result": "done"},
					Value: 1}})
		}},
		{"GetUser", "/users/", thrice, func(ctx context.Context, c *oci.Cloud) error {
			_, _, _, err := c.User(ctx, user)
			return err
		}},
		{"ListProblems", "/problems", thrice, func(ctx context.Context, c *oci.Cloud) error {
			_, err := c.AnyProblem(ctx, tenancy)
			return err
		}},
		{"GetConfiguration", "/configuration", thrice, func(ctx context.Context, c *oci.Cloud) error {
			_, _, err := c.GuardConfiguration(ctx, tenancy)
			return err
		}},
		{"GetTopic", "/topics/", thrice, func(ctx context.Context, c *oci.Cloud) error {
			_, _, _, err := c.Topic(ctx, topic)
			return err
		}},
		{"ListSecrets", "/secrets", thrice, func(ctx context.Context, c *oci.Cloud) error {
			_, _, err := c.Vault().Summary(ctx, secretID, []string{tenancy})
			return err
		}},
		{"prove auth-token", "/docker/token", once, func(ctx context.Context, c *oci.Cloud) error {
			_, err := c.Prover().Prove(ctx, credential.Material{Kind: credential.AuthToken, ID: "x",
				Value: credential.NewValue([]byte(confidential))}, owner)
			return err
		}},
	}
}

var owner = credential.Owner{Tenancy: tenancy, User: user, UserName: "web@example.com", Region: "us-ashburn-1",
	Namespace: "acmens",
	Hosts: credential.Hosts{Registry: "ocir.us-ashburn-1.oci.oraclecloud.com",
		S3: "acmens.compat.objectstorage.us-ashburn-1.oraclecloud.com"}}

func someUpdate() vault.Update {
	return vault.Update{Name: "keyturn-x-1", Content: credential.NewValue([]byte(confidential))}
}
