package ociemu_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/oracle/oci-go-sdk/v65/common"
	"github.com/oracle/oci-go-sdk/v65/identity"

	"github.com/keyturn/keyturn/test/ociemu"
)

// control makes a control request and returns the status and decoded answer.
func control(t testing.TB, e *ociemu.Emulator, method, path, body string) (int, any) {
	t.Helper()
	req := must[*http.Request](t)(http.NewRequestWithContext(t.Context(), method, e.URL()+"/_emulator/"+path,
		strings.NewReader(body)))
	resp := must[*http.Response](t)(http.DefaultClient.Do(req))
	defer resp.Body.Close()
	var answer any
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		t.Fatalf("%s %s: the answer is no JSON: %v", method, path, err)
	}
	return resp.StatusCode, answer
}

func TestARotationCanBeSeededAndObservedWithoutGo(t *testing.T) {
	e := ociemu.New(t, ociemu.Calm())
	text := func(v any, field string) string {
		t.Helper()
		s, _ := at(v, field).(string)
		if s == "" {
			t.Fatalf("%s is missing in %v", field, v)
		}
		return s
	}
	make := func(path, body string) any {
		t.Helper()
		status, answer := control(t, e, "POST", path, body)
		if status != 200 {
			t.Fatalf("POST %s is answered %d %v", path, status, answer)
		}
		return answer
	}
	var delivered []byte
	function := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var b bytes.Buffer
		if _, err := b.ReadFrom(r.Body); err != nil {
			t.Error(err)
		}
		delivered = b.Bytes()
	}))
	defer function.Close()

	user := text(make("users", `{"name":"jane"}`), "id")
	print := text(make("users/"+user+"/apiKeys", ""), "fingerprint")
	text(make("users/"+user+"/authTokens", `{"description":"x"}`), "token")
	text(make("users/"+user+"/customerSecretKeys", `{"displayName":"x"}`), "key")
	text(make("users/"+user+"/uiPassword", ""), "password")
	secret := text(make("secrets", `{"name":"one","content":"hidden","freeformTags":{"a":"b"}}`), "id")
	topic := text(make("topics", `{"name":"secops"}`), "id")
	fn := make("functions", `{"name":"rotate","url":"`+function.URL+`"}`)
	make("rules", `{"condition":`+remediated+`,"target":"`+text(fn, "id")+`"}`)
	make("rules", `{"condition":`+remediated+`,"target":"`+topic+`"}`)
	problem := text(make("problems", `{"Rule":"API_KEY_TOO_OLD","User":"`+user+`","ResourceID":"`+print+`"}`), "id")
	make("problems/"+problem+"/close", `{"comment":"hello","actor":"ada"}`)
	e.Deliver()
	if !strings.Contains(string(delivered), `"comments": "hello"`) {
		t.Errorf("the function got %s", delivered)
	}
	if _, got := control(t, e, "GET", "mails", ""); len(got.([]any)) != 1 {
		t.Errorf("got mails %v", got)
	}
	if _, got := control(t, e, "GET", "problems/"+problem, ""); at(got, "status") != "RESOLVED" {
		t.Errorf("got problem %v", got)
	}
	if _, got := control(t, e, "GET", "users/"+user, ""); at(got, "name") != "jane" || at(got, "hasPassword") != true {
		t.Errorf("got user %v", got)
	}
	_, got := control(t, e, "GET", "secrets/"+secret, "")
	if raw := must[[]byte](t)(json.Marshal(got)); at(got, "freeformTags", "a") != "b" ||
		strings.Contains(string(raw), "hidden") {
		t.Errorf("got secret %s", raw)
	}
	if _, got := control(t, e, "POST", "events", `{"eventType":"com.oraclecloud.cloudguard.problemremediated"}`); at(
		got, "started") != 2.0 {
		t.Errorf("the event started %v", got)
	}
	e.Deliver()
	if _, got := control(t, e, "GET", "failures", ""); len(got.([]any)) != 0 {
		t.Errorf("got failures %v", got)
	}
}

func TestFaultsAndHistoryAreControlledWithoutGo(t *testing.T) {
	e := ociemu.New(t, ociemu.Calm())
	user, fn := e.AddUser("jane"), e.NewFunction("rotate", "")
	get := message{method: "GET", url: e.URL() + "/20160918/users/" + user, signer: fn}
	for _, order := range []string{
		`{"operation":"GetUser","do":"answer","status":429,"code":"TooManyRequests"}`,
		`{"operation":"GetUser","when":"after","do":"delay","delay":"1ms","times":-1}`,
	} {
		if status, answer := control(t, e, "POST", "faults", order); status != 200 {
			t.Errorf("%s is answered %v", order, answer)
		}
	}
	if status, _ := get.send(t, e); status != 429 {
		t.Errorf("the fault did not happen: %d", status)
	}
	_, calls := control(t, e, "GET", "calls", "")
	if list := calls.([]any); len(list) != 1 || at(list[0], "operation") != "GetUser" ||
		at(list[0], "status") != 429.0 {
		t.Errorf("got calls %v", calls)
	}
	fingerprint, _ := e.AddAPIKey(user)
	must[struct{}](t)(struct{}{}, asFunction(t, e).deleteKey(t, user, fingerprint))
	control(t, e, "POST", "faults", `{"operation":"ListApiKeys","do":"stale","delay":"1m"}`)
	list := message{method: "GET", url: e.URL() + "/20160918/users/" + user + "/apiKeys", signer: fn}
	for _, want := range []bool{true, false} {
		if answer := list.do(t, e); strings.Contains(string(answer.body), fingerprint) != want {
			t.Errorf("the list is %s; that it shows what was deleted: want %v", answer.body, want)
		}
	}
	control(t, e, "DELETE", "calls", "")
	if _, calls := control(t, e, "GET", "calls", ""); len(calls.([]any)) != 0 {
		t.Errorf("after the reset: %v", calls)
	}
	control(t, e, "POST", "faults", `{"do":"answer","status":500,"code":"InternalServerError"}`)
	control(t, e, "DELETE", "faults", "")
	if status, _ := get.send(t, e); status != 200 {
		t.Errorf("a cleared fault answered %d", status)
	}
	if _, got := control(t, e, "POST", "late/release", ""); at(got, "released") != 0.0 {
		t.Errorf("released %v", got)
	}
	if _, got := control(t, e, "GET", "connections", ""); len(got.(map[string]any)) != 0 {
		t.Errorf("got connections %v", got)
	}
}

func TestAnInvalidControlRequestIsRefusedWithAReason(t *testing.T) {
	e := ociemu.New(t, ociemu.Calm())
	for _, row := range [][2]string{
		{"users", `{}`}, {"users", `{"name":"jane","nmae":"jane"}`}, {"users", `{`}, {"users/none/apiKeys", ""},
		{"secrets", `{"name":"x","region":"nowhere"}`},
		{"faults", `{"do":"explode"}`}, {"faults", `{"do":"answer"}`}, {"faults", `{"do":"delay","delay":"soon"}`},
		{"faults", `{"do":"stale"}`}, {"faults", `{"do":"stale","when":"after","delay":"1m"}`},
		{"faults", `{"do":"cut","region":"mars-1"}`}, {"faults", `{"do":"cut","domain":"Nowhere"}`},
		{"faults", `{"do":"cut","when":"never"}`}, {"problems/none/close", `{}`},
		{"rules", `{"condition":[],"target":"x"}`},
	} {
		status, answer := control(t, e, "POST", row[0], row[1])
		if status != 400 || at(answer, "error") == nil {
			t.Errorf("POST %s %s is answered %d %v", row[0], row[1], status, answer)
		}
	}
}

func TestTheControlRoutesAreNotReachableThroughTheProxy(t *testing.T) {
	e := ociemu.New(t, ociemu.Calm())
	m := message{method: "GET", url: "https://identity.us-ashburn-1.oci.oraclecloud.com/_emulator/calls",
		signer: e.NewFunction("rotate", "")}
	if status, _ := m.send(t, e); status != 404 {
		t.Errorf("got %d, want 404", status)
	}
}

func TestAnOperatorsConfigurationFileWorksWithTheSDK(t *testing.T) {
	e := ociemu.New(t, ociemu.Calm())
	_, answer := control(t, e, "POST", "operators", `{"name":"ada"}`)
	file := t.TempDir() + "/config"
	if err := os.WriteFile(file, []byte(at(answer, "config").(string)), 0o600); err != nil {
		t.Fatal(err)
	}
	p := must[common.ConfigurationProvider](t)(common.ConfigurationProviderFromFile(file, ""))
	c := newClients(t, e, p)
	users := must[identity.ListUsersResponse](t)(c.identity.ListUsers(t.Context(),
		identity.ListUsersRequest{CompartmentId: common.String(e.Tenancy())}))
	if !slices.ContainsFunc(users.Items, func(u identity.User) bool { return *u.Name == "ada" }) {
		t.Errorf("got users %v", users.Items)
	}
}

func TestAFaultOfOneRegionOrDomainHitsNoOther(t *testing.T) {
	o := ociemu.Calm()
	o.Domains = []ociemu.DomainSeed{{Name: "Partners"}}
	e := ociemu.New(t, o)
	for _, place := range []string{`"region":"eu-frankfurt-1"`, `"domain":"Partners"`} {
		order := `{"do":"answer","status":503,"code":"ServiceUnavailable","times":-1,` + place + `}`
		if status, answer := control(t, e, "POST", "faults", order); status != 200 {
			t.Fatalf("%s is answered %d %v", order, status, answer)
		}
	}
	fn := provider{e.NewFunction("rotate", "")}
	for region, want := range map[string]int{"eu-frankfurt-1": 503, "us-ashburn-1": 200} {
		url := "https://vaults." + region + ".oci.oraclecloud.com/20180608/secrets?compartmentId=" + e.Tenancy()
		if got := (message{method: "GET", url: url, signer: fn}).do(t, e); got.status != want {
			t.Errorf("%s is answered %d, want %d", region, got.status, want)
		}
	}
	for domain, want := range map[string]int{"Partners": 503, "Default": 200} {
		if got := scimAs(e, fn, domain).get(t, "/Users"); got.status != want {
			t.Errorf("%s is answered %d, want %d", domain, got.status, want)
		}
	}
}
