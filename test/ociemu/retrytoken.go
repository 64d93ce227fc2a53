package ociemu

import (
	"crypto/sha256"
	"maps"
	"time"
)

// retryTokenLife is how long a service remembers an opc-retry-token.
const retryTokenLife = 24 * time.Hour

// retried is an answered create with a retry token.
type retried struct {
	at     time.Time
	body   [32]byte
	answer reply
	alive  func() bool // whether the created resource still exists
}

// once runs a create, or repeats its answer if the call repeats an opc-retry-token, according to Answers.RetryToken. It
// does not remember refusals: a repetition is a new attempt.
func (x *exchange) once(create func() (answer reply, alive func() bool)) reply {
	return x.onceAs(x.e.opts.Answers.RetryToken, create)
}

// onceAs is once with a policy.
func (x *exchange) onceAs(policy RetryTokenAnswer, create func() (answer reply, alive func() bool)) reply {
	token := x.header("opc-retry-token")
	if token == "" || policy == RetryTokenIgnored {
		answer, _ := create()
		return answer
	}
	if len(token) > 64 {
		return x.formed(errInvalid.because("The opc-retry-token is longer than 64 characters."))
	}
	key := x.call.Caller.ID + " " + x.call.Operation + " " + x.call.Domain + x.call.Path + " " + token
	sum := sha256.Sum256(x.body)
	earlier := x.e.state.retries[key]
	if earlier == nil || x.now.Sub(earlier.at) > retryTokenLife {
		answer, alive := create()
		if answer.status < 300 {
			x.e.state.retries[key] = &retried{at: x.now, body: sum, answer: answer, alive: alive}
		}
		return answer
	}
	if policy == RetryTokenConflict || earlier.body != sum || !earlier.alive() {
		return x.formed(errRetryToken)
	}
	if policy == RetryTokenNoValue {
		return withoutValue(earlier.answer)
	}
	return earlier.answer
}

// withoutValue clears the fields with a secret value.
func withoutValue(r reply) reply {
	body, isObject := r.body.(map[string]any)
	if !isObject {
		return r
	}
	body = maps.Clone(body)
	_, isAPIKey := body["fingerprint"] // its key is public
	for _, field := range []string{"token", "key", "password", "secretKey", "secret", "clientSecret"} {
		if _, has := body[field]; has && !isAPIKey {
			body[field] = nil
		}
	}
	r.body = body
	return r
}
