package ociemu_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/oracle/oci-go-sdk/v65/identity"

	"github.com/keyturn/keyturn/test/ociemu"
)

func answered(set func(*ociemu.DomainAnswers)) func(*ociemu.Options) {
	return func(o *ociemu.Options) { set(&o.DomainAnswers) }
}

func TestADomainRefusesACredentialBeyondTheMaximum(t *testing.T) {
	for answer, want := range map[ociemu.QuotaAnswer]struct {
		status int
		text   string
	}{
		"": {400, "maximum quota limit of 3"}, ociemu.QuotaConflict: {409, "maximum quota limit of 3"},
		ociemu.QuotaOther: {400, "too many"},
	} {
		e, user := twoDomains(t, answered(func(a *ociemu.DomainAnswers) { a.Quota = answer }))
		for range 3 {
			e.AddAPIKey(user)
		}
		public, _ := newKeyPair(t, 0)
		got := asDomainFunction(e, "Partners").do(t, "POST", "/ApiKeys", newToken(user, "schemas",
			[]string{idcs + "apikey"}, "key", public))
		got.refused(t, want.status, "")
		if !strings.Contains(got.text("detail"), want.text) {
			t.Errorf("%s: the refusal says %q", answer, got.text("detail"))
		}
	}
}

func TestARepeatedSCIMCreateIsAnsweredAsChosen(t *testing.T) {
	for answer, want := range map[ociemu.RetryTokenAnswer]struct {
		tokens, status int
		value          bool
	}{
		"": {1, 201, true}, ociemu.RetryTokenNoValue: {1, 201, false}, ociemu.RetryTokenConflict: {1, 409, false},
		ociemu.RetryTokenIgnored: {2, 201, true},
	} {
		e, user := twoDomains(t, answered(func(a *ociemu.DomainAnswers) { a.RetryToken = answer }))
		c := asDomainFunction(e, "Partners")
		c.header["Opc-Retry-Token"] = "once"
		first := c.do(t, "POST", "/AuthTokens", newToken(user))
		second := c.do(t, "POST", "/AuthTokens", newToken(user))
		if second.status != want.status || (second.text("token") != "") != want.value ||
			len(e.User(user).AuthTokens) != want.tokens {
			t.Errorf("%s: got %d %v", answer, second.status, second.body)
		}
		if replayed := second.text("token") == first.text("token"); replayed != (answer == "") {
			t.Errorf("%s: the same value: %v", answer, replayed)
		}
		if answer == ociemu.RetryTokenConflict {
			second.refused(t, 409, "")
		}
	}
}

func TestAnInactiveCredentialKeepsOrFreesItsSlot(t *testing.T) {
	for answer, status := range map[ociemu.InactiveSlotAnswer]int{"": 400, ociemu.InactiveFreesSlot: 201} {
		e, user := twoDomains(t, answered(func(a *ociemu.DomainAnswers) { a.InactiveSlot = answer }))
		c := asDomainFunction(e, "Partners")
		e.AddAuthToken(user, "one")
		id, _ := e.AddAuthToken(user, "two")
		path, _ := e.SCIMID(user, id)
		if got := c.do(t, "PATCH", "/AuthTokens/"+path, patchOf("status", "INACTIVE")); got.status != 200 {
			t.Fatalf("got %d %v", got.status, got.body)
		}
		if got := c.do(t, "POST", "/AuthTokens", newToken(user)); got.status != status {
			t.Errorf("%s: the third is answered %d %v", answer, got.status, got.body)
		}
		got := c.do(t, "PATCH", "/AuthTokens/"+path, patchOf("status", "ACTIVE"))
		if (got.status == 200) != (answer == "") {
			t.Errorf("%s: active again: %d %v", answer, got.status, got.body)
		}
	}
}

func TestTheUseOfAnInactiveCredentialIsAnsweredAsChosen(t *testing.T) {
	for answer, want := range map[ociemu.InactiveUseAnswer][2]int{
		"": {401, 401}, ociemu.InactiveUseLags: {200, 401}, ociemu.InactiveUseWorks: {200, 200},
	} {
		e, _ := twoDomains(t, answered(func(a *ociemu.DomainAnswers) {
			a.InactiveUse, a.ClassicInactive = answer, answer == ""
		}))
		user := e.AddUser("ada")
		id, token := e.AddAuthToken(user, "x")
		c, classic := asDomainFunction(e, "Default"), asFunction(t, e)
		path, _ := e.SCIMID(user, id)
		c.do(t, "PATCH", "/AuthTokens/"+path, patchOf("status", "INACTIVE"))
		listed := must[identity.ListAuthTokensResponse](t)(classic.identity.ListAuthTokens(t.Context(),
			identity.ListAuthTokensRequest{UserId: &user}))
		if got := listed.Items[0].LifecycleState; (got == identity.AuthTokenLifecycleStateInactive) != (answer == "") {
			t.Errorf("%s: the classic API says %s", answer, got)
		}
		first := e.TryAuthToken(user, token)
		e.Forward(2 * time.Minute)
		if second := e.TryAuthToken(user, token); first != want[0] || second != want[1] {
			t.Errorf("%s: the uses are answered %d and %d, want %v", answer, first, second, want)
		}
		c.do(t, "PATCH", "/AuthTokens/"+path, patchOf("status", "ACTIVE"))
		if got := e.TryAuthToken(user, token); got != 200 {
			t.Errorf("%s: active again: %d", answer, got)
		}
	}
}

func TestACredentialWorksUntilItExpires(t *testing.T) {
	e, _ := twoDomains(t, nil)
	user := e.AddUser("ada")
	c := asDomainFunction(e, "Default")
	end := time.Now().Add(time.Hour).UTC().Truncate(time.Second)
	made := c.do(t, "POST", "/AuthTokens", newToken(user, "expiresOn", end.Format(time.RFC3339)))
	want := end.Format("2006-01-02T15:04:05.000Z")
	list := c.get(t, "/AuthTokens").resources(t)
	if made.text("expiresOn") != want || list[0]["expiresOn"] != want {
		t.Errorf("got %v and %v, want %s", made.body, list, want)
	}
	classic := must[identity.ListAuthTokensResponse](t)(asFunction(t, e).identity.ListAuthTokens(t.Context(),
		identity.ListAuthTokensRequest{UserId: &user}))
	if got := classic.Items[0].TimeExpires; got == nil || !got.Equal(end) {
		t.Errorf("the classic API says %v", got)
	}
	before := e.TryAuthToken(user, made.text("token"))
	e.Forward(2 * time.Hour)
	if after := e.TryAuthToken(user, made.text("token")); before != 200 || after != 401 {
		t.Errorf("the uses are answered %d and %d", before, after)
	}
	print, _ := e.AddAPIKey(user)
	e.DescribeCredential(user, print, "seeded", time.Time{})
	if got := e.User(user).APIKeys[0].Description; got != "seeded" {
		t.Errorf("the description is %q", got)
	}
}

func TestValuesAreOnlyInTheAnswerToACreate(t *testing.T) {
	for listed := range map[bool]int{false: 0, true: 1} {
		e, user := twoDomains(t, answered(func(a *ociemu.DomainAnswers) { a.ListedSecrets = listed }))
		c := asDomainFunction(e, "Partners")
		made := c.do(t, "POST", "/CustomerSecretKeys", newToken(user, "schemas", []string{idcs + "customerSecretKey"},
			"displayName", "mark"))
		secret := made.text("secretKey")
		if got := e.TryCustomerSecretKey(made.text("accessKey"), secret); got != 200 || made.status != 201 {
			t.Errorf("got %d for %v", got, made.body)
		}
		if got := c.get(t, "/CustomerSecretKeys").resources(t)[0]; (got["secretKey"] == secret) != listed {
			t.Errorf("%v: the list has %v", listed, got)
		}
		narrow := c.get(t, "/CustomerSecretKeys?attributes=accessKey,displayName").resources(t)[0]
		if narrow["secretKey"] != nil || narrow["displayName"] != "mark" {
			t.Errorf("%v: the narrow list has %v", listed, narrow)
		}
		blind := c.do(t, "POST", "/AuthTokens?attributes=ocid", newToken(user))
		if blind.status != 201 || blind.body["token"] != nil {
			t.Errorf("a create that doesn't ask for the value: %d %v", blind.status, blind.body)
		}
	}
}

func TestARefusalMayLackItsMessageIDOrItsBody(t *testing.T) {
	e, user := twoDomains(t, answered(func(a *ociemu.DomainAnswers) {
		a.MessageIDs, a.EmptyUnauthorized = ociemu.MessageIDsAbsent, true
	}))
	c := asDomainFunction(e, "Partners")
	c.do(t, "POST", "/AuthTokens", newToken(user, "user", nil)).refused(t, 400, "")
	e.Inject(ociemu.Fault{Operation: "ListAuthTokens", Match: func(c ociemu.Call) bool {
		return c.Domain == "Partners"
	},
		Do: ociemu.DomainUnauthorized})
	if got := c.get(t, "/AuthTokens"); got.status != 401 || got.body != nil {
		t.Errorf("got %d %v", got.status, got.body)
	}
	if got := c.get(t, "/AuthTokens"); got.status != 200 {
		t.Errorf("the second call is answered %d", got.status)
	}
	e.Inject(ociemu.Fault{Operation: "ListUsers", Do: ociemu.Answer(429, "TooManyRequests")})
	c.get(t, "/Users").refused(t, 429, "")
}

func TestOneDomainIsDownWhileOthersAnswer(t *testing.T) {
	e, _ := twoDomains(t, nil)
	partners, own := asDomainFunction(e, "Partners"), asDomainFunction(e, "Default")
	e.SetDomainDown("Partners", true)
	partners.get(t, "/Users").refused(t, 503, "")
	if got := own.get(t, "/Users"); got.status != 200 {
		t.Errorf("the other domain is answered %d", got.status)
	}
	e.SetDomainDown("Partners", false)
	if got := partners.get(t, "/Users"); got.status != 200 {
		t.Errorf("afterwards: %d", got.status)
	}
}

func TestADomainsListsLagAndItsCredentialsSpread(t *testing.T) {
	e, user := twoDomains(t, func(o *ociemu.Options) {
		o.ListLag, o.Spread = time.Minute, ociemu.Spread{AuthToken: time.Minute}
	})
	c := asDomainFunction(e, "Partners")
	made := c.do(t, "POST", "/AuthTokens", newToken(user))
	count := func() int { return len(c.get(t, "/AuthTokens").resources(t)) }
	if count() != 0 || e.TryAuthToken(user, made.text("token")) != 401 {
		t.Error("a new token is listed or works at once")
	}
	e.Forward(2 * time.Minute)
	if count() != 1 || e.TryAuthToken(user, made.text("token")) != 200 {
		t.Error("the token is not listed or doesn't work after a while")
	}
	c.do(t, "DELETE", "/AuthTokens/"+made.text("id"), nil)
	if count() != 1 || c.get(t, "/AuthTokens/"+made.text("id")).status != 404 {
		t.Error("a deleted token is not listed, or is found by its id")
	}
	e.Forward(2 * time.Minute)
	if count() != 0 {
		t.Error("the deleted token is listed for too long")
	}
}

func TestADomainRefusesEveryNthSCIMCallToo(t *testing.T) {
	e, user := twoDomains(t, func(o *ociemu.Options) { o.DomainRefusals = 2 })
	c := asDomainFunction(e, "Partners")
	var got []int
	for range 4 {
		got = append(got, c.do(t, "POST", "/AuthTokens", newToken(user)).status)
	}
	if got[0] != 201 || got[1] != 401 || got[2] != 201 || got[3] != 401 || len(e.User(user).AuthTokens) != 2 {
		t.Errorf("got %v and %d tokens", got, len(e.User(user).AuthTokens))
	}
}

func TestADomainAnswers429BeyondItsRate(t *testing.T) {
	now := newClock()
	e, _ := twoDomains(t, func(o *ociemu.Options) {
		o.Now, o.DomainRate = now.Now, ociemu.DomainRate{PerSecond: 2, PerMinute: 3}
	})
	c, other := asDomainFunction(e, "Partners"), asDomainFunction(e, "Default")
	var got []int
	for _, wait := range []time.Duration{0, 0, 0, time.Second, 0, time.Minute} {
		now.Advance(wait)
		got = append(got, c.get(t, "/Users").status)
	}
	if want := []int{200, 200, 429, 200, 429, 200}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if got := other.get(t, "/Users").status; got != 200 {
		t.Errorf("the other domain answers %d", got)
	}
}
