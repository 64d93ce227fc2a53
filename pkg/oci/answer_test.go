package oci_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oracle/oci-go-sdk/v65/common"
	"github.com/oracle/oci-go-sdk/v65/common/auth"

	"github.com/keyturn/keyturn/pkg/cloudguard"
	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/fault"
	"github.com/keyturn/keyturn/pkg/oci"
	"github.com/keyturn/keyturn/pkg/vault"
)

func contains(s, part string) bool { return strings.Contains(s, part) }

func TestAVersionsStagesAndItsScheduledDeletionAreSeen(t *testing.T) {
	cloud, _ := offline(t, always(200,
		`[{"versionNumber":3,"name":"keyturn-x-1","stages":["PENDING","LATEST"]},{"versionNumber":2,"name":null,"stages":["CURRENT"]},
		{"versionNumber":4,"stages":["PREVIOUS"]},{"versionNumber":1,"stages":["DEPRECATED"],"timeCreated":"2026-02-01T12:00:00.000Z","timeOfDeletion":"2026-03-01T12:00:00.000Z"}]`))
	got, err := cloud.Vault().Versions(t.Context(), secretID)
	want := []vault.Version{{Number: 3, Name: "keyturn-x-1", Pending: true}, {Number: 2, Current: true},
		{Number: 4, Previous: true}, {Number: 1, Stale: true, Leaving: true,
			Created: time.Date(2026, 2, 1, 12, 0, 0, 0, time.UTC)}}
	if err != nil || !slices.EqualFunc(got, want, func(a, b vault.Version) bool {
		same := a.Created.Equal(b.Created)
		a.Created, b.Created = time.Time{}, time.Time{}
		return same && a == b
	}) {
		t.Errorf("the versions are %+v (%v), want %+v", got, err, want)
	}
}

func TestASecretIsDescribedWithItsTagsItsEtagAndTheServersTime(t *testing.T) {
	cloud, _ := offline(t, func(r *http.Request, _ int) (*http.Response, error) {
		answer, err := reply(r, 200, `{"id":"`+secretID+
			`","secretName":"token-of-web","compartmentId":"c","vaultId":"v","lifecycleState":"ACTIVE","isReplica":true,
			"currentVersionNumber":7,"metadata":{"keyturn":"{}"},"freeformTags":{"a":"b"},"definedTags":{"keyturn":{"user":"u"}}}`)
		answer.Header.Set("Etag", "etag-7")
		answer.Header.Set("Date", "Sun, 01 Mar 2026 12:00:00 GMT")
		return answer, err
	})
	s, err := cloud.Vault().Secret(t.Context(), secretID)
	if err != nil {
		t.Fatal(err)
	}
	if s.ID != secretID || s.Name != "token-of-web" || s.Compartment != "c" || s.ETag != "etag-7" || s.Vault != "v" ||
		s.Region != "us-ashburn-1" || s.State != vault.Active || !s.Replica || s.Current != 7 {
		t.Errorf("the secret is %+v", s)
	}
	if string(s.Metadata) != `{"keyturn":"{}"}` || s.Freeform["a"] != "b" || s.Defined["keyturn"]["user"] != "u" {
		t.Errorf("the secret's tags are %+v", s)
	}
	if want := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC); !s.At.Equal(want) {
		t.Errorf("the server's time is %s, want %s", s.At, want)
	}
}

func TestAListingHasTheServersTime(t *testing.T) {
	cloud, _ := offline(t, func(r *http.Request, _ int) (*http.Response, error) {
		answer, err := reply(r, 200, `[]`)
		if contains(r.URL.Path, "uiPassword") {
			answer, err = reply(r, 200, `{}`)
		}
		answer.Header.Set("Date", "Sun, 01 Mar 2026 12:00:00 GMT")
		return answer, err
	})
	for _, kind := range credential.Kinds() {
		l, err := cloud.Issuer(kind).List(t.Context(), user)
		if err != nil || len(l.Credentials) != 0 || !l.At.Equal(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)) {
			t.Errorf("%s: %+v (%v)", kind, l, err)
		}
	}
}

func TestAnUpdateSendsOnlyWhatIsToChange(t *testing.T) {
	for name, c := range map[string]struct {
		update vault.Update
		want   string
	}{
		"stage": {vault.Update{Name: "keyturn-x-1", Content: credential.NewValue([]byte("not secret")),
			Metadata: vault.Metadata(`{"k":"v"}`)},
			`{"metadata":{"k":"v"},"secretContent":{"content":"` + base64.StdEncoding.EncodeToString(
				[]byte("not secret")) + `","contentType":"BASE64","name":"keyturn-x-1","stage":"PENDING"}}`},
		"promote the first":   {vault.Update{Promote: 1}, `{"currentVersionNumber":1}`},
		"promote the twelfth": {vault.Update{Promote: 12}, `{"currentVersionNumber":12}`},
		"stage without a note": {vault.Update{Name: "n", Content: credential.NewValue([]byte("A"))},
			`{"secretContent":{"content":"QQ==","contentType":"BASE64","name":"n","stage":"PENDING"}}`},
		"promote": {vault.Update{Promote: 3, Metadata: vault.Metadata(`{"k":"v"}`)},
			`{"currentVersionNumber":3,"metadata":{"k":"v"}}`},
		"announce": {vault.Update{Metadata: vault.Metadata(`{"k":"v"}`)}, `{"metadata":{"k":"v"}}`},
	} {
		t.Run(name, func(t *testing.T) {
			cloud, s := offline(t, always(200, `{"id":"`+secretID+`"}`))
			if _, err := cloud.Vault().Update(t.Context(), secretID, "etag", c.update); err != nil {
				t.Fatal(err)
			}
			var got, want map[string]any
			if json.Unmarshal([]byte(s.asked[0].body), &got) != nil || json.Unmarshal([]byte(c.want), &want) != nil {
				t.Fatalf("the request is no JSON")
			}
			for _, m := range []map[string]any{got, want} {
				for k, v := range m {
					if v == nil {
						delete(m, k)
					}
				}
			}
			a, _ := json.Marshal(got)
			b, _ := json.Marshal(want)
			if string(a) != string(b) {
				t.Errorf("the request has the keys of %d bytes, want %d", len(a), len(b))
			}
		})
	}
}

func TestAContentThatIsNotBase64IsRefusedWithoutQuotingIt(t *testing.T) {
	for name, body := range map[string]string{
		"not Base64": `{"versionNumber":1,"secretBundleContent":{"contentType":"BASE64","content":"` + confidential +
			`!"}}`,
		"no content": `{"versionNumber":1,"secretBundleContent":{"contentType":"BASE64"}}`,
		"none":       `{"versionNumber":1}`,
		"a text":     `{"versionNumber":1,"secretBundleContent":{"contentType":"TEXT","content":"QQ=="}}`,
		"no type":    `{"versionNumber":1,"secretBundleContent":{"content":"QQ=="}}`,
		"no number":  `{"secretBundleContent":{"contentType":"BASE64","content":"QQ=="}}`,
	} {
		cloud, _ := offline(t, always(200, body))
		n, v, err := cloud.Vault().Read(t.Context(), secretID, "")
		if fault.Of(err) != fault.Invalid || err == nil || n != 0 || !v.Empty() || contains(err.Error(), confidential) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAProblemIsReadWithItsDetailsAndItsUser(t *testing.T) {
	cloud, _ := offline(t, func(r *http.Request, _ int) (*http.Response, error) {
		if strings.HasSuffix(r.URL.Path, "/histories") {
			return reply(r, 200,
				`{"items":[{"timeCreated":"2026-03-01T12:00:00.000Z","actorName":"secops","actorType":"USER","lifecycleDetail":"RESOLVED","comment":"why"}]}`)
		}
		return reply(r, 200, `{"id":"`+problem+`","compartmentId":"`+tenancy+
			`","detectorRuleId":"API_KEY_TOO_OLD","lifecycleDetail":"RESOLVED","resourceId":"a/b/c",
			"resourceName":"n","riskLevel":"HIGH","comment":"why","additionalDetails":{" user ocid ":"`+user+`"},
			"timeFirstDetected":"2026-02-01T12:00:00.000Z","timeLastDetected":"2026-02-28T12:00:00.000Z"}`)
	})
	p, err := cloud.Problem(t.Context(), problem)
	if err != nil {
		t.Fatal(err)
	}
	if p.ID != problem || p.Rule != cloudguard.APIKeyTooOld || !p.Resolved() || p.ResourceID != "a/b/c" ||
		p.ResourceName != "n" || p.RiskLevel != "HIGH" ||
		!slices.Equal(p.Subject().Users, []string{user}) || p.Comment != "why" || p.LastDetected.Day() != 28 ||
		p.FirstDetected.Month() != time.February {
		t.Errorf("the problem is %+v", p)
	}
	want := []cloudguard.Change{{At: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), Actor: "secops", ActorKind: "USER",
		Detail: "RESOLVED", Comment: "why"}}
	if !slices.EqualFunc(p.History, want, func(a, b cloudguard.Change) bool {
		at := a.At.Equal(b.At)
		a.At = b.At
		return at && a == b
	}) {
		t.Errorf("the history is %+v", p.History)
	}
}

func TestTheHistoryOfAProblemOutsideTheRootIsAskedForThere(t *testing.T) {
	const elsewhere = "ocid1.compartment.oc1..aaaaaaaaelsewhere"
	for name, first := range map[string]struct {
		status int
		body   string
		asked  int
	}{"nothing in the root": {200, `{"items":[]}`, 2}, "one in the root": {200, `{"items":[{"comment":"why"}]}`, 1},
		"the root may not be read": {404, refusal("NotAuthorizedOrNotFound", ""), 2}} {
		cloud, s := offline(t, func(r *http.Request, _ int) (*http.Response, error) {
			switch {
			case !strings.HasSuffix(r.URL.Path, "/histories"):
				return reply(r, 200, `{"id":"`+problem+`","compartmentId":"`+elsewhere+`"}`)
			case r.URL.Query().Get("compartmentId") == elsewhere:
				return reply(r, 200, `{"items":[{"comment":"why","lifecycleDetail":"RESOLVED"}]}`)
			}
			return reply(r, first.status, first.body)
		})
		p, err := cloud.Problem(t.Context(), problem)
		if err != nil || len(p.History) != 1 || p.History[0].Comment != "why" {
			t.Errorf("%s: the history is %+v (%v)", name, p.History, err)
		}
		if n := len(s.of("/histories")); n != first.asked {
			t.Errorf("%s: the history was asked for %d times, want %d", name, n, first.asked)
		}
	}
}

func TestAHistoryThatCannotBeReadIsAnErrorAndNotAnEmptyOne(t *testing.T) {
	cloud, s := offline(t, func(r *http.Request, _ int) (*http.Response, error) {
		if strings.HasSuffix(r.URL.Path, "/histories") {
			return reply(r, 404, refusal("NotAuthorizedOrNotFound", ""))
		}
		return reply(r, 200, `{"id":"`+problem+`","compartmentId":"`+tenancy+`","lifecycleDetail":"RESOLVED"}`)
	})
	if p, err := cloud.Problem(t.Context(), problem); fault.Of(err) != fault.Absent || err == nil {
		t.Errorf("the problem is %+v (%v)", p, err)
	}
	if p, err := cloud.Afresh(t.Context(), problem); fault.Of(err) != fault.Absent || err == nil {
		t.Errorf("Afresh returns %+v (%v)", p, err)
	}
	if n := len(s.of("/histories")); n != 2 {
		t.Errorf("the history was asked for %d times, want once each: the problem is in the root", n)
	}
}

// claims is a principal with the claims of its token.
type claims struct {
	common.ConfigurationProvider
	compartment any
}

func (c claims) GetClaim(key string) (any, error) {
	if key == auth.CompartmentOCIDClaimKey {
		return c.compartment, nil
	}
	return nil, nil
}

func TestTheFunctionsCompartmentIsInItsToken(t *testing.T) {
	plain := common.NewRawConfigurationProvider(tenancy, user, "eu-frankfurt-1", "aa:bb", newKey(), nil)
	for name, c := range map[string]struct {
		principal common.ConfigurationProvider
		want      string
	}{
		"in the token":     {claims{plain, "ocid1.compartment.oc1..x"}, "ocid1.compartment.oc1..x"},
		"not in the token": {claims{plain, nil}, ""},
		"without a token":  {plain, ""},
	} {
		got, err := oci.NewWith(c.principal).Compartment(t.Context())
		if got != c.want || (err == nil) != (c.want != "") {
			t.Errorf("%s: %q (%v)", name, got, err)
		}
		if err != nil && (fault.Of(err) != fault.Invalid || !contains(err.Error(), "secret_compartments")) {
			t.Errorf("%s: the error %v doesn't say what to configure", name, err)
		}
	}
}

func TestARedirectionIsNoSuccessOfAnyCall(t *testing.T) {
	for _, o := range operations() {
		for _, status := range []int{300, 301, 304, 307, 399} {
			cloud, s := offline(t, func(r *http.Request, _ int) (*http.Response, error) {
				answer, err := reply(r, status, `[]`)
				answer.Header.Set("Location", "https://portal.example/login")
				return answer, err
			})
			var err error
			synctest.Test(t, func(t *testing.T) {
				ctx, end := context.WithTimeout(t.Context(), 100*time.Millisecond) // for one call
				defer end()
				err = o.run(ctx, cloud)
			})
			if fault.Of(err) != fault.Unclear || err == nil || !contains(err.Error(), strconv.Itoa(status)) {
				t.Errorf("%s, %d: %v", o.name, status, err)
			}
			for _, r := range s.asked {
				if r.host == "portal.example" {
					t.Errorf("%s, %d: the redirection was followed", o.name, status)
				}
			}
		}
	}
}
