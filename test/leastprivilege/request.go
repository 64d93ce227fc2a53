package main

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/oracle/oci-go-sdk/v65/common"

	"github.com/keyturn/keyturn/test/ociemu"
	"github.com/keyturn/keyturn/test/ocipolicy"
)

// request is a call that a function could make, on existing resources. The path of a call to an identity domain begins
// with the domain's address.
type request struct {
	operation, method, path string
	body                    any
}

// provider signs as a function.
type provider struct{ ociemu.Principal }

// AuthType implements common.ConfigurationProvider.
func (provider) AuthType() (common.AuthConfig, error) {
	return common.AuthConfig{AuthType: common.UnknownAuthenticationType}, nil
}

// decide makes the call as the function, and returns the policies' decision. A denial must be a 404, in a domain a 401.
func (s *environment) decide(p ociemu.Principal, r request) (ocipolicy.Decision, error) {
	none := ocipolicy.Decision{}
	var body []byte
	if r.body != nil {
		var err error
		body, err = json.Marshal(r.body)
		if err != nil {
			return none, fmt.Errorf("encoding the body of %s: %w", r.operation, err)
		}
	}
	address, denied := s.URL()+r.path, http.StatusNotFound
	if strings.HasPrefix(r.path, "https://") {
		address, denied = r.path, http.StatusUnauthorized
	}
	req, err := http.NewRequestWithContext(s.ctx, r.method, address, bytes.NewReader(body))
	if err != nil {
		return none, fmt.Errorf("making the request of %s: %w", r.operation, err)
	}
	req.Header.Set("Date", s.clock.Now().UTC().Format(http.TimeFormat))
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Content-Length", strconv.Itoa(len(body)))
	if err := common.DefaultRequestSigner(provider{p}).Sign(req); err != nil {
		return none, fmt.Errorf("signing %s: %w", r.operation, err)
	}
	client := s.Client()
	defer client.CloseIdleConnections()
	resp, err := client.Do(req)
	if err != nil {
		return none, fmt.Errorf("calling %s: %w", r.operation, err)
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return none, fmt.Errorf("reading the answer of %s: %w", r.operation, err)
	}
	calls := s.Calls()
	last := calls[len(calls)-1]
	switch {
	case last.Operation != r.operation || last.Decision == nil:
		return none, fmt.Errorf("%s %s is the operation %q without a decision; want %s", r.method, r.path,
			last.Operation, r.operation)
	case !last.Decision.Allowed && resp.StatusCode != denied:
		return none, fmt.Errorf("%s is denied with %d, want %d", r.operation, resp.StatusCode, denied)
	}
	return *last.Decision, nil
}

// user is a user of the tenancy with a credential of each kind.
type user struct{ id, fingerprint, token, secretKey string }

func (s *environment) user(name string) user {
	u := user{id: s.AddUser(name)}
	u.fingerprint, _ = s.AddAPIKey(u.id)
	u.token, _ = s.AddAuthToken(u.id, "a token")
	u.secretKey, _ = s.AddCustomerSecretKey(u.id, "a key")
	s.SetPassword(u.id)
	return u
}

// changes are the calls with which a rotation changes a user's credentials.
func (u user) changes() []request {
	base := "/20160918/users/" + u.id
	return []request{
		{"UploadApiKey", "POST", base + "/apiKeys", map[string]string{"key": newPublicKey()}},
		{"DeleteApiKey", "DELETE", base + "/apiKeys/" + u.fingerprint, nil},
		{"CreateAuthToken", "POST", base + "/authTokens", map[string]string{"description": "another"}},
		{"DeleteAuthToken", "DELETE", base + "/authTokens/" + u.token, nil},
		{"CreateCustomerSecretKey", "POST", base + "/customerSecretKeys", map[string]string{"displayName": "another"}},
		{"DeleteCustomerSecretKey", "DELETE", base + "/customerSecretKeys/" + u.secretKey, nil},
		{"CreateOrResetUIPassword", "POST", base + "/uiPassword", map[string]string{}},
	}
}

// reads are the calls with which a rotation reads a user.
func (u user) reads() []request {
	base := "/20160918/users/" + u.id
	return []request{
		{"GetUser", "GET", base, nil}, {"ListApiKeys", "GET", base + "/apiKeys", nil},
		{"ListAuthTokens", "GET", base + "/authTokens", nil},
		{"ListCustomerSecretKeys", "GET", base + "/customerSecretKeys", nil}, {"GetUserUIPasswordInformation", "GET",
			base + "/uiPassword", nil},
	}
}

// renames are changes of a user's credentials that rotations don't make.
func (u user) renames() []request {
	base := "/20160918/users/" + u.id
	return []request{
		{"UpdateAuthToken", "PUT", base + "/authTokens/" + u.token, map[string]string{"description": "renamed"}},
		{"UpdateCustomerSecretKey", "PUT", base + "/customerSecretKeys/" + u.secretKey,
			map[string]string{"displayName": "renamed"}},
	}
}

// ofSecret are a rotation's calls for a secret.
func ofSecret(id string) []request {
	base := "/20180608/secrets/" + id
	return []request{
		{"GetSecret", "GET", base, nil}, {"ListSecretVersions", "GET", base + "/versions", nil},
		{"GetSecretBundle", "GET", "/20190301/secretbundles/" + id, nil},
		{"UpdateSecret", "PUT", base, map[string]any{"metadata": map[string]string{"a": "b"}}},
	}
}

func prune(id string) request {
	return request{"ScheduleSecretVersionDeletion", "POST", "/20180608/secrets/" + id +
		"/version/1/actions/scheduleDeletion", map[string]string{}}
}

func listSecrets(compartment string) request {
	return request{"ListSecrets", "GET", "/20180608/secrets?compartmentId=" + compartment, nil}
}

func publish(topic string) request {
	return request{"PublishMessage", "POST", "/20181201/topics/" + topic + "/messages",
		map[string]string{"title": "a", "body": "b"}}
}

func (s *environment) object(operation, method, bucket, name string) request {
	return request{operation, method, "/n/" + s.Namespace() + "/b/" + bucket + "/o/" + name, map[string]string{}}
}

func topicOf(id string) request { return request{"GetTopic", "GET", "/20181201/topics/" + id, nil} }

func figures(namespace, compartment string) request {
	return request{"PostMetricData", "POST", "/20180401/metrics",
		map[string]any{"metricData": []map[string]any{{"namespace": namespace, "compartmentId": compartment,
			"name": "Forged", "dimensions": map[string]string{"a": "b"},
			"datapoints": []map[string]any{{"timestamp": "2026-01-01T00:00:00Z", "value": 1}}}}}}
}

// ofTenancy are both functions' calls for the tenancy.
func (s *environment) ofTenancy() []request {
	root := s.Tenancy()
	return []request{
		{"GetTenancy", "GET", "/20160918/tenancies/" + root, nil},
		{"ListRegionSubscriptions", "GET", "/20160918/tenancies/" + root + "/regionSubscriptions", nil},
		{"ListUsers", "GET", "/20160918/users?compartmentId=" + root, nil},
		{"ListProblems", "GET", "/20200131/problems?compartmentId=" + root, nil},
		{"GetConfiguration", "GET", "/20200131/configuration?compartmentId=" + root, nil},
	}
}

func ofProblem(s *environment, id string) []request {
	base := "/20200131/problems/" + id
	return []request{
		{"GetProblem", "GET", base, nil}, {"ListProblemHistories", "GET", base + "/histories?compartmentId=" +
			s.Tenancy(), nil},
		{"UpdateProblemStatus", "POST", base + "/actions/updateStatus", map[string]string{"status": "OPEN"}},
	}
}

func newPublicKey() string {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic("leastprivilege: making a key: " + err.Error())
	}
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		panic("leastprivilege: encoding a key: " + err.Error())
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}
