package oci_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
)

// allRequests are the requests of operations, one per line: method, path and query, body. The name of an id follows a
// colon.
const allRequests = `
GET /20160918/users/:user/apiKeys
GET /20160918/users/:user/authTokens
GET /20160918/users/:user/customerSecretKeys
GET /20160918/users/:user/uiPassword
POST /20160918/users/:user/apiKeys {"key":"a key"}
POST /20160918/users/:user/authTokens {"description":"a mark"}
POST /20160918/users/:user/customerSecretKeys {"displayName":"a mark"}
POST /20160918/users/:user/uiPassword
DELETE /20160918/users/:user/apiKeys/an-id
DELETE /20160918/users/:user/authTokens/an-id
DELETE /20160918/users/:user/customerSecretKeys/an-id
GET /20160918/users/:user
GET /20160918/users/:user
GET /20160918/users?compartmentId=:tenancy&limit=250
GET /n
GET /20180608/secrets/:secret
GET /20180608/secrets/:secret/versions?limit=100
GET /20190301/secretbundles/:secret?stage=CURRENT
GET /20180608/secrets?compartmentId=:tenancy&limit=100
GET /20180608/secrets?compartmentId=:tenancy&limit=100
POST /20180608/secrets/:secret/version/1/actions/scheduleDeletion {}
GET /20200131/problems?accessLevel=ACCESSIBLE&compartmentId=:tenancy&compartmentIdInSubtree=true&detectorRuleIdList=API_KEY_TOO_OLD&detectorRuleIdList=AUTH_TOKEN_TOO_OLD&detectorRuleIdList=SECRET_KEY_TOO_OLD&detectorRuleIdList=PASSWORD_TOO_OLD&lifecycleDetail=RESOLVED&lifecycleState=ACTIVE&limit=250&timeLastDetectedGreaterThanOrEqualTo=0001-01-01T00:00:00Z
GET /20200131/problems?accessLevel=ACCESSIBLE&compartmentId=:tenancy&compartmentIdInSubtree=true&limit=1
GET /20200131/problems/:problem
GET /20200131/problems/:problem/histories?compartmentId=:tenancy&limit=100
GET /20200131/problems/:problem
POST /20200131/problems/:problem/actions/updateStatus {"comment":"why","status":"OPEN"}
GET /20200131/configuration?compartmentId=:tenancy
GET /20181201/topics/:topic
POST /20181201/topics/:topic/messages {"body":"body","title":"title"}
POST /20180401/metrics {"metricData":[{"compartmentId":":tenancy","datapoints":[{"timestamp":"0001-01-01T00:00:00Z","value":1}],"dimensions":{"result":"done"},"name":"Sweeps","namespace":"keyturn"}]}
GET /20180419/docker/token?service=ocir.us-ashburn-1.oci.oraclecloud.com
GET /20180419/docker/token?service=ocir.us-ashburn-1.oci.oraclecloud.com
`

func TestEachCallSendsWhatItIsMeantToAndNothingElse(t *testing.T) {
	names := strings.NewReplacer(tenancy, ":tenancy", user, ":user", secretID, ":secret", problem, ":problem", topic,
		":topic")
	var got []string
	for _, o := range operations() {
		if o.name == "UpdateSecret" { // see TestAnUpdateSendsOnlyWhatIsToChange
			continue
		}
		cloud, s := offline(t, always(400, refusal("InvalidParameter", "")))
		synctest.Test(t, func(t *testing.T) { _ = o.run(t.Context(), cloud) }) // what matters is what was asked
		for _, r := range s.asked {
			query, err := url.QueryUnescape(r.query)
			if err != nil {
				t.Fatal(err)
			}
			line := r.method + " " + r.path
			if query != "" {
				line += "?" + query
			}
			if r.body != "" {
				line += " " + r.body
			}
			got = append(got, names.Replace(line))
		}
	}
	want := strings.Split(strings.TrimSpace(allRequests), "\n")
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("the requests are\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestEachRequestSaysHowLongItsBodyIs(t *testing.T) {
	for _, o := range operations() {
		length := map[int]int64{}
		cloud, s := offline(t, nil)
		var mu sync.Mutex
		s.answer = func(r *http.Request, n int) (*http.Response, error) {
			mu.Lock()
			defer mu.Unlock()
			length[n] = r.ContentLength
			return reply(r, 400, refusal("InvalidParameter", ""))
		}
		synctest.Test(t, func(t *testing.T) { _ = o.run(t.Context(), cloud) }) // what matters is what was asked
		for i, r := range s.asked {
			if length[i+1] != int64(len(r.body)) {
				t.Errorf("%s says %d bytes and sends %d", o.name, length[i+1], len(r.body))
			}
		}
	}
}

func TestAVersionIsReadByItsNameOrElseByItsStage(t *testing.T) {
	for name, query := range map[string]string{"": "stage=CURRENT", "keyturn-x-1": "secretVersionName=keyturn-x-1"} {
		cloud, s := offline(t, always(400, refusal("InvalidParameter", "")))
		if _, _, err := cloud.Vault().Read(t.Context(), secretID, name); err == nil || len(s.asked) != 1 ||
			s.asked[0].query != query {
			t.Errorf("%q: %v (%v), want %s", name, s.asked, err, query)
		}
	}
}
