package oci_test

import (
	"testing"
	"testing/synctest"

	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/fault"
)

func TestAnAnswerIsAVerdictOnlyIfItSaysWhetherTheOwnerWasRecognized(t *testing.T) {
	const accepted, rejected = "accepted", "rejected"
	xml := func(code string) string {
		return `<?xml version="1.0"?><Error><Code>` + code + `</Code><Message>m</Message></Error>`
	}
	for _, c := range []struct {
		kind   credential.Kind
		status int
		body   string
		want   string // or the fault's class
	}{
		{credential.APIKey, 200, `{}`, accepted},
		{credential.APIKey, 404, refusal("NotAuthorizedOrNotFound", ""), accepted}, // may not, but was recognized
		{credential.APIKey, 403, refusal("NotAuthorized", ""), accepted},
		{credential.APIKey, 401, refusal("NotAuthenticated", ""), rejected},
		{credential.APIKey, 500, "", string(fault.Unclear)},
		{credential.APIKey, 400, "", string(fault.Unclear)},
		{credential.APIKey, 302, "", string(fault.Unclear)},
		{credential.APIKey, 429, "", string(fault.Throttled)},

		{credential.AuthToken, 200, `{"token":"x"}`, accepted},
		{credential.AuthToken, 401, `{}`, rejected},
		{credential.AuthToken, 403, `{}`, rejected},
		{credential.AuthToken, 404, `{}`, string(fault.Unclear)},
		{credential.AuthToken, 503, "", string(fault.Unclear)},
		{credential.AuthToken, 429, "", string(fault.Throttled)},

		{credential.CustomerSecretKey, 200, `<ListAllMyBucketsResult/>`, accepted},
		{credential.CustomerSecretKey, 403, xml("AccessDenied"), accepted},
		{credential.CustomerSecretKey, 404, xml("NotAuthorizedOrNotFound"), accepted},
		{credential.CustomerSecretKey, 403, xml("InvalidAccessKeyId"), rejected},
		{credential.CustomerSecretKey, 403, xml("SignatureDoesNotMatch"), rejected},
		{credential.CustomerSecretKey, 401, xml("InvalidAccessKeyId"), rejected},
		{credential.CustomerSecretKey, 400, xml("SignatureDoesNotMatch"), rejected},
		{credential.CustomerSecretKey, 403, "not XML", rejected},
		{credential.CustomerSecretKey, 404, xml("NoSuchNamespace"), string(fault.Unclear)},
		{credential.CustomerSecretKey, 500, xml("InternalError"), string(fault.Unclear)},
		{credential.CustomerSecretKey, 503, "", string(fault.Unclear)},
		{credential.CustomerSecretKey, 429, xml("SlowDown"), string(fault.Throttled)},
	} {
		synctest.Test(t, func(t *testing.T) {
			m := credential.Material{Kind: c.kind, ID: "x", Value: credential.NewValue([]byte(confidential))}
			if c.kind == credential.APIKey {
				m.Value = credential.NewValue([]byte(newKey()))
			}
			cloud, _ := offline(t, always(c.status, c.body))
			ok, err := cloud.Prover().Prove(t.Context(), m, owner)
			got := string(fault.Of(err))
			if err == nil {
				got = map[bool]string{true: accepted, false: rejected}[ok]
			}
			if got != c.want || err != nil && ok {
				t.Errorf("%s, %d %s: %s (%v), want %s", c.kind, c.status, c.body, got, err, c.want)
			}
		})
	}
}

func TestAValueThatIsNoKeyCannotBeProvenAndNothingIsSent(t *testing.T) {
	cloud, s := offline(t, always(200, `{}`))
	m := credential.Material{Kind: credential.APIKey, ID: "x", Value: credential.NewValue([]byte(confidential))}
	if ok, err := cloud.Prover().Prove(t.Context(), m, owner); ok || fault.Of(err) != fault.Invalid {
		t.Errorf("accepted %v (%v)", ok, err)
	}
	if len(s.asked) != 0 {
		t.Errorf("%d requests were made", len(s.asked))
	}
}

func TestTheProversRequestsAreSignedAndHoldNoValueInTheirAddress(t *testing.T) {
	for _, kind := range []credential.Kind{credential.AuthToken, credential.CustomerSecretKey} {
		cloud, s := offline(t, always(200, `{}`))
		m := credential.Material{Kind: kind, ID: "x", Value: credential.NewValue([]byte(confidential))}
		if _, err := cloud.Prover().Prove(t.Context(), m, owner); err != nil {
			t.Fatal(err)
		}
		if r := s.asked[0]; contains(r.host+r.path+r.query+r.body, confidential) {
			t.Errorf("%s: the value stands in %v", kind, r)
		}
	}
}
