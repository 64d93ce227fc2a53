package ociemu

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
)

// In a tenancy with identity domains, the classic IAM API forwards calls about users and their credentials to the
// Default domain, and returns its refusals with the code IdcsConversionError. The domain's own API is in scim.go.

const domainCode = "IdcsConversionError"

// DomainUnauthorized is an occasional refusal by the domain of a classic call that it allows at other times: 401
// IdcsConversionError "Client is unauthorized. null". One public program that sets up tenancies reports it for
// DeleteApiKey and ListApiKeys, others for CreateCustomerSecretKey. See also Options.DomainRefusals.
var DomainUnauthorized = Answer(http.StatusUnauthorized, domainCode)

const domainUnauthorizedMessage = "Client is unauthorized. null"

// byDomain is a refusal by the domain.
func (x *exchange) byDomain(status int, messageID, detail string) refusal {
	message := detail
	if x.e.opts.Answers.DomainMessage == DomainMessageEmbedded {
		const errorSchema = "urn:ietf:params:scim:api:oracle:idcs:extension:messages:Error"
		scim, err := json.Marshal(map[string]any{
			"schemas": []string{"urn:ietf:params:scim:api:messages:2.0:Error", errorSchema},
			"detail":  detail, "status": fmt.Sprint(status), errorSchema: map[string]string{"messageId": messageID},
		})
		if err != nil {
			panic("ociemu: internal error: encoding a SCIM error: " + err.Error())
		}
		message = "Post request failed" + string(scim)
	}
	return refusal{status, domainCode, message}
}

// The domain's names of the kinds of credentials.
const (
	domainAPIKey    = "ApiKey"
	domainAuthToken = "AuthToken"
	domainSecretKey = "CustomerSecretKey"
)

// full is the refusal of a credential beyond the user's maximum.
func (x *exchange) full(kind string, most int) reply {
	answer := x.e.opts.Answers.FullSlot
	switch {
	case answer == FullSlotMixed && kind == domainSecretKey:
		answer = FullSlotLimitExceeded
	case answer == FullSlotMixed, answer == FullSlotAPIKeyLimit && kind != domainAPIKey:
		answer = FullSlotDomain
	}
	detail := fmt.Sprintf("You can not create %s as maximum quota limit of %d has been reached.", kind, most)
	if answer == FullSlotDomain {
		return x.byDomain(http.StatusBadRequest, "error.common.quota.limit.exceeded", detail).reply()
	}
	status, code := statusAndCode(string(answer))
	return errLimit.as(status, code).because(fmt.Sprintf("The user has reached the limit of %d credentials of the "+
		"kind %s.", most, kind)).reply()
}

// domainRefusals counts the calls that go through the domain, for Options.DomainRefusals.
type domainRefusals struct {
	mu    sync.Mutex
	calls map[string]int // by service, domain and operation
}

// arm reports whether the domain refuses this call, and whether before or after its effect. It refuses every nth call
// of each operation, alternately before and after.
func (d *domainRefusals) arm(c Call, nth int) (refused bool, when When) {
	inDomain := c.Service == scimService && c.Operation != operationToken ||
		c.Service == "identity" && strings.Contains(c.Path, "/users")
	if nth <= 0 || !inDomain {
		return false, Before
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.calls == nil {
		d.calls = map[string]int{}
	}
	d.calls[c.Service+c.Domain+c.Operation]++
	n := d.calls[c.Service+c.Domain+c.Operation]
	if n%nth != 0 {
		return false, Before
	}
	if (n/nth)%2 == 0 {
		return true, After
	}
	return true, Before
}
