package oci_test

import (
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/fault"
)

// flow is a body that counts the bytes read from it, and may fail at its end. Parallel answers may share it.
type flow struct {
	mu         sync.Mutex
	left, read int
	err        error
	closed     bool
}

func (f *flow) Read(p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.left == 0 {
		return 0, f.err
	}
	n := min(len(p), f.left)
	f.left, f.read = f.left-n, f.read+n
	return n, nil
}

func (f *flow) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = true
	return nil
}

// gives is a network that answers with a body.
func gives(status int, f *flow) func(*http.Request, int) (*http.Response, error) {
	return func(r *http.Request, _ int) (*http.Response, error) {
		answer, err := reply(r, status, "")
		answer.Body, answer.ContentLength = f, -1
		return answer, err
	}
}

const knocked = "https://ocir.us-ashburn-1.oci.oraclecloud.com/v2/"

func TestAKnocksAnswerIsReadInPartAndClosed(t *testing.T) {
	for size, most := range map[int]int{0: 0, 10: 10, 64 << 10: 64 << 10, 1 << 20: 64 << 10} {
		f := &flow{left: size, err: io.EOF}
		cloud, _ := offline(t, gives(200, f))
		if status, _, err := cloud.Knock(t.Context(), knocked); status != 200 || err != nil || f.read != most ||
			!f.closed {
			t.Errorf("%d bytes: %d (%v), %d were read, want %d; closed %v", size, status, err, f.read, most, f.closed)
		}
	}
	synctest.Test(t, func(t *testing.T) {
		cloud, _ := offline(t, gives(200, &flow{left: 10, err: errors.New("cut")}))
		if status, _, err := cloud.Knock(t.Context(), knocked); status != 0 || fault.Of(err) != fault.Unclear ||
			err == nil {
			t.Errorf("an answer that breaks off is %d (%v)", status, err)
		}
	})
	cloud, s := offline(t, always(200, ""))
	if _, _, err := cloud.Knock(t.Context(), "https://%zz"); fault.Of(err) != fault.Invalid || err == nil ||
		len(s.asked) > 0 {
		t.Errorf("a malformed address is %v after %d requests", err, len(s.asked))
	}
}

func TestAProofsAnswerIsReadInPartAndClosed(t *testing.T) {
	for _, kind := range provable {
		f := &flow{left: 1 << 20, err: io.EOF}
		if got, _ := proves(t, kind, owner, func(r *http.Request, n int) (*http.Response, error) {
			if f.closed {
				f = &flow{left: 1 << 20, err: io.EOF}
			}
			return gives(200, f)(r, n)
		}); got != isUnclear || f.read != 64<<10 || !f.closed {
			t.Errorf("%s: %s, %d bytes were read, closed %v", kind, got, f.read, f.closed)
		}
		whole := map[credential.Kind]string{credential.APIKey: `{"id":"` + user + `"}`,
			credential.AuthToken: `{"token":"x"}`, credential.CustomerSecretKey: `<ListAllMyBucketsResult/>`}[kind]
		for err, want := range map[error]string{io.EOF: isAccepted, errReset: isUnclear} {
			if got, _ := proves(t, kind, owner, tears(whole, err)); got != want {
				t.Errorf("%s: a success that ends with %v is %s, want %s", kind, err, got, want)
			}
		}
		if got, _ := proves(t, kind, owner, gives(401, &flow{left: 10, err: errors.New("cut")})); got != isUnclear {
			t.Errorf("%s: an answer that breaks off is %s", kind, got)
		}
	}
}

func TestASuccessThatBreaksOffIsNoAnswer(t *testing.T) {
	for _, o := range operations() {
		if o.name == "PostMetricData" || o.name == "PublishMessage" || strings.HasPrefix(o.name, "Delete") ||
			o.name == "UpdateProblemStatus" ||
			o.name == "ScheduleSecretVersionDeletion" || strings.HasPrefix(o.name, "prove") {
			continue // the body is not read, or see above
		}
		synctest.Test(t, func(t *testing.T) {
			cloud, _ := offline(t, gives(200, &flow{left: 10, err: errors.New("cut")}))
			if err := o.run(t.Context(), cloud); fault.Of(err) != fault.Unclear || err == nil {
				t.Errorf("%s: %v", o.name, err)
			}
		})
	}
}

func TestAUserMayHaveWhatIsNotForbidden(t *testing.T) {
	for capabilities, want := range map[string][]credential.Kind{
		`null`: nil, `{}`: nil, `{"canUseApiKeys":true}`: nil,
		`{"canUseApiKeys":false}`: {credential.APIKey}, `{"canUseAuthTokens":false}`: {credential.AuthToken},
		`{"canUseCustomerSecretKeys":false}`: {credential.CustomerSecretKey}, `{"canUseConsolePassword":false}`: {
			credential.Password},
	} {
		cloud, _ := offline(t, always(200, `{"id":"`+user+`","name":"web","lifecycleState":"ACTIVE","capabilities":`+
			capabilities+`}`))
		name, state, mayNot, err := cloud.User(t.Context(), user)
		if err != nil || name != "web" || state != "ACTIVE" || !slices.Equal(mayNot, want) {
			t.Errorf("%s: %s is %s and may not have %v (%v), want %v", capabilities, name, state, mayNot, err, want)
		}
	}
}

// The SDK's circuit breaker would stop calls to a service that fails often.
func TestAFailingServiceIsAskedEachTime(t *testing.T) {
	cloud, s := offline(t, always(503, refusal("ServiceUnavailable", "")))
	for range 60 {
		_ = cloud.Publish(t.Context(), topic, "title", "body")
	}
	if len(s.asked) != 60 {
		t.Errorf("60 calls made %d requests", len(s.asked))
	}
}
