package oci_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/keyturn/keyturn/pkg/cloudguard"
	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/fault"
)

func TestAServicesAnswerBecomesAFault(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		body   string
		want   fault.Error
	}{
		"an error of the service": {404, refusal("NotAuthorizedOrNotFound", "Authorization failed\n or\tnot found."),
			fault.Error{Class: fault.Absent, Status: 404, Code: "NotAuthorizedOrNotFound",
				Message: "Authorization failed or not found.", RequestID: "request-1"}},
		"a page of a gateway": {502, "<html>Bad Gateway</html>", fault.Error{Class: fault.Unclear, Status: 502,
			RequestID: "request-1"}},
		"nothing at all": {500, "", fault.Error{Class: fault.Unclear, Status: 500, RequestID: "request-1"}},
	} {
		t.Run(name, func(t *testing.T) {
			var err error
			synctest.Test(t, func(t *testing.T) {
				cloud, _ := offline(t, always(c.status, c.body))
				_, err = cloud.Vault().Secret(t.Context(), secretID)
			})
			got, ok := errors.AsType[*fault.Error](err)
			if !ok {
				t.Fatalf("the error is no fault: %v", err)
			}
			if got.Class != c.want.Class || got.Status != c.want.Status || got.Code != c.want.Code ||
				got.RequestID != c.want.RequestID || got.Operation != "GetSecret" {
				t.Errorf("the fault is %+v, want %+v", *got, c.want)
			}
			if c.want.Message != "" && got.Message != c.want.Message {
				t.Errorf("the message is %q, want %q", got.Message, c.want.Message)
			}
		})
	}
}

func TestALongMessageOfAServiceIsCutAtACharacter(t *testing.T) {
	cloud, _ := offline(t, always(400, refusal("InvalidParameter", "x"+strings.Repeat("网", 500))))
	_, err := cloud.Vault().Secret(t.Context(), secretID)
	if text := err.Error(); len(text) > 450 || strings.ContainsRune(text, '\uFFFD') || !strings.Contains(text, "...") {
		t.Errorf("the error has %d bytes: %s", len(text), text)
	}
}

var errReset = errors.New("read: connection reset by peer")

// trouble has the faults of a call, and how often the call is then made.
var trouble = map[string]struct {
	answer func(*http.Request, int) (*http.Response, error)
	times  func(operation) int
	class  fault.Class
}{
	"500": {always(500, refusal("InternalServerError", "")), func(o operation) int {
		return int(o.repeats)
	}, fault.Unclear},
	"503": {always(503, refusal("ServiceUnavailable", "")), func(o operation) int {
		return int(o.repeats)
	}, fault.Unclear},
	"connection": {func(*http.Request, int) (*http.Response, error) { return nil, errReset }, func(o operation) int {
		return int(o.repeats)
	}, fault.Unclear},
	"429":      {always(429, refusal("TooManyRequests", "")), func(operation) int { return 6 }, fault.Throttled},
	"404":      {always(404, refusal("NotAuthorizedOrNotFound", "")), func(operation) int { return 1 }, fault.Absent},
	"401":      {always(401, refusal("NotAuthenticated", "")), func(operation) int { return 1 }, fault.Denied},
	"409 busy": {always(409, refusal("IncorrectState", "")), func(operation) int { return 1 }, fault.Busy},
	"412":      {always(412, refusal("NoEtagMatch", "")), func(operation) int { return 1 }, fault.Conflict},
}

func TestACallIsRepeatedOnlyWhereThatDoesNoHarm(t *testing.T) {
	all := operations()
	if len(all) < 25 {
		t.Fatalf("%d operations, want 25 or more", len(all))
	}
	for name, c := range trouble {
		for _, o := range all {
			if strings.HasPrefix(o.name, "prove") && c.class != fault.Unclear && c.class != fault.Throttled {
				continue // an answer like that is a verdict on the credential
			}
			t.Run(name+" "+o.name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					cloud, s := offline(t, c.answer)
					err := o.run(t.Context(), cloud)
					if got := fault.Of(err); err == nil || got != c.class {
						t.Errorf("the error is of the class %q (%v), want %q", got, err, c.class)
					}
					asked := s.of(o.path)
					if o.name == "GetProblem" { // its history is read in parallel
						asked = without(asked, "/histories")
					}
					if len(asked) != c.times(o) {
						t.Errorf("the call was made %d times, want %d", len(asked), c.times(o))
					}
				})
			})
		}
	}
}

func without(all []request, text string) []request {
	var out []request
	for _, r := range all {
		if !strings.Contains(r.path, text) {
			out = append(out, r)
		}
	}
	return out
}

func TestARepeatedCreateCarriesTheSameRetryToken(t *testing.T) {
	for _, o := range operations() {
		if o.repeats != twice {
			continue
		}
		synctest.Test(t, func(t *testing.T) {
			cloud, s := offline(t, func(r *http.Request, n int) (*http.Response, error) {
				if n == 1 {
					return nil, errReset
				}
				return reply(r, 200, `{"id":"x","timeCreated":"2026-03-01T12:00:00.000Z"}`)
			})
			if err := o.run(t.Context(), cloud); err != nil {
				t.Errorf("%s: %v", o.name, err)
			}
			asked := s.of(o.path)
			if len(asked) != 2 || asked[0].retryToken == "" || asked[0] != asked[1] {
				t.Errorf("%s: the requests were %q, want the same one twice", o.name, asked)
			}
			if o.name != "UpdateProblemStatus" && asked[0].retryToken != "token-1" {
				t.Errorf("%s: the retry token is %q, want the draft's", o.name, asked[0].retryToken)
			}
		})
	}
}

func TestTwoReopeningsHaveDifferentRetryTokens(t *testing.T) {
	cloud, s := offline(t, always(200, `{}`))
	for range 2 {
		if err := cloud.Reopen(t.Context(), cloudguard.Problem{ID: problem}, "why"); err != nil {
			t.Fatal(err)
		}
	}
	if asked := s.of("updateStatus"); asked[0].retryToken == asked[1].retryToken {
		t.Error("the second re-opening would be answered like the first and have no effect")
	}
}

// hang is a service that never answers. Its connection ends with the call, after all other goroutines have continued:
// the SDK gives up a call without waiting for its goroutine, and reads what that may still write (Retry in oci-go-sdk's
// retry.go), which the race detector would report.
func hang() func(*http.Request, int) (*http.Response, error) {
	turn := make(chan struct{}, 1)
	return func(r *http.Request, _ int) (*http.Response, error) {
		<-r.Context().Done()
		turn <- struct{}{}
		synctest.Wait()
		<-turn
		return nil, r.Context().Err()
	}
}

func TestEveryCallTimesOutWhenAServiceHangs(t *testing.T) {
	for _, o := range operations() {
		t.Run(o.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				cloud, _ := offline(t, hang())
				began := time.Now()
				err := o.run(t.Context(), cloud)
				if fault.Of(err) != fault.Unclear || err == nil {
					t.Errorf("the error is %v", err)
				}
				if took, most := time.Since(began), time.Duration(o.repeats)*10*time.Second+2*time.Second; took > most {
					t.Errorf("it took %s, want %s at most", took, most)
				}
			})
		})
	}
}

func TestEveryCallEndsWithItsContext(t *testing.T) {
	for _, o := range operations() {
		t.Run(o.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				cloud, _ := offline(t, hang())
				ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
				defer cancel()
				began := time.Now()
				if err := o.run(ctx, cloud); fault.Of(err) != fault.Unclear || err == nil {
					t.Errorf("the error is %v", err)
				}
				if took := time.Since(began); took > 3*time.Second {
					t.Errorf("it took %s, want 3 s", took)
				}
			})
		})
	}
}

func TestThrottledCallsWaitLongerEachTimeButNotBeyondTheirContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var at []time.Time
		cloud, _ := offline(t, func(r *http.Request, _ int) (*http.Response, error) {
			at = append(at, time.Now())
			return reply(r, 429, refusal("TooManyRequests", ""))
		})
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		began := time.Now()
		err := cloud.Publish(ctx, topic, "title", "body")
		if fault.Of(err) != fault.Throttled || ctx.Err() != nil {
			t.Errorf("the error is %v, the context's %v; want the throttling before the time is up", err, ctx.Err())
		}
		if time.Since(began) > 2*time.Second || len(at) < 3 {
			t.Errorf("%d calls in %s", len(at), time.Since(began))
		}
		for i := 2; i < len(at); i++ {
			if at[i].Sub(at[i-1]) <= at[i-1].Sub(at[i-2]) {
				t.Errorf("pause %d was %s, the one before %s", i, at[i].Sub(at[i-1]), at[i-1].Sub(at[i-2]))
			}
		}
	})
}

func TestAnErrorHoldsNeitherAnAddressNorASecretValue(t *testing.T) {
	encoded := base64.StdEncoding.EncodeToString([]byte(confidential))
	for name, c := range trouble {
		for _, o := range operations() {
			synctest.Test(t, func(t *testing.T) {
				cloud, _ := offline(t, c.answer)
				err := o.run(t.Context(), cloud)
				if err == nil {
					return // a verdict of the prover
				}
				for _, verb := range []string{"%v", "%+v", "%s", "%q"} {
					text := fmt.Sprintf(verb, err)
					for _, bad := range []string{"http", "oraclecloud", user, secretID, tenancy, topic, confidential,
						encoded, "\n"} {
						if strings.Contains(text, bad) {
							t.Errorf("%s, %s: the error holds %q: %s", o.name, name, bad, text)
						}
					}
				}
				if text := fmt.Sprintf("%#v", err); strings.Contains(text, confidential) ||
					strings.Contains(text, encoded) {
					t.Errorf("%s, %s: the error's Go syntax holds the value", o.name, name)
				}
			})
		}
	}
}

func TestAPasswordCannotBeDeletedAndNothingIsAsked(t *testing.T) {
	cloud, s := offline(t, always(204, ""))
	if err := cloud.Issuer(credential.Password).Delete(t.Context(), user, "x"); fault.Of(err) != fault.Invalid ||
		err == nil {
		t.Errorf("the error is %v", err)
	}
	if n := len(s.of("uiPassword")); n != 0 {
		t.Errorf("%d requests were made", n)
	}
}
