package ociemu_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/oracle/oci-go-sdk/v65/common"

	"github.com/keyturn/keyturn/test/ociemu"
)

const idcs = "urn:ietf:params:scim:schemas:oracle:idcs:"

// scimClient sends signed requests to a domain's own API, without any library that hides what is sent.
type scimClient struct {
	e      *ociemu.Emulator
	signer common.HTTPRequestSigner
	url    string
	header map[string]string // of every request
}

// scimAnswer is an answer with its decoded body.
type scimAnswer struct {
	status int
	header http.Header
	body   map[string]any
}

func scimAs(e *ociemu.Emulator, p common.KeyProvider, domain string) *scimClient {
	return &scimClient{e: e, signer: common.DefaultRequestSigner(p), url: e.Domain(domain).URL,
		header: map[string]string{}}
}

// asDomainFunction is a new function that calls a domain.
func asDomainFunction(e *ociemu.Emulator, domain string) *scimClient {
	return scimAs(e, e.NewFunction("rotate", ""), domain)
}

func (c *scimClient) do(t testing.TB, method, path string, body any) scimAnswer {
	t.Helper()
	var content []byte
	switch body := body.(type) {
	case nil:
	case string:
		content = []byte(body)
	default:
		content = must[[]byte](t)(json.Marshal(body))
	}
	req := must[*http.Request](t)(http.NewRequestWithContext(t.Context(), method, c.url+"/admin/v1"+path,
		bytes.NewReader(content)))
	req.Header.Set("Date", time.Now().UTC().Format(http.TimeFormat))
	if body != nil {
		req.Header.Set("Content-Type", "application/scim+json")
	}
	if err := c.signer.Sign(req); err != nil {
		t.Fatal(err)
	}
	for name, value := range c.header {
		if name == "Host" {
			req.Host = value
		}
		req.Header.Set(name, value)
	}
	web := c.e.Client()
	defer web.CloseIdleConnections()
	resp := must[*http.Response](t)(web.Do(req))
	defer resp.Body.Close()
	got := scimAnswer{status: resp.StatusCode, header: resp.Header}
	raw := must[[]byte](t)(io.ReadAll(resp.Body))
	if len(raw) > 0 {
		if err := json.Unmarshal(raw, &got.body); err != nil {
			t.Fatalf("%s %s is answered %d %s", method, path, resp.StatusCode, raw)
		}
		if got := resp.Header.Get("Content-Type"); got != "application/scim+json" {
			t.Errorf("%s %s: the content type is %q", method, path, got)
		}
	}
	return got
}

func (c *scimClient) get(t testing.TB, path string) scimAnswer {
	t.Helper()
	return c.do(t, "GET", path, nil)
}

func (a scimAnswer) text(name string) string {
	text, _ := a.body[name].(string)
	return text
}

func (a scimAnswer) resources(t testing.TB) []map[string]any {
	t.Helper()
	if a.status != 200 {
		t.Fatalf("the list is answered %d %v", a.status, a.body)
	}
	var list []map[string]any
	for _, one := range a.body["Resources"].([]any) {
		list = append(list, one.(map[string]any))
	}
	return list
}

// messageID is the messageId of a refusal in the form of SCIM.
func (a scimAnswer) messageID() string {
	inner, _ := a.body["urn:ietf:params:scim:api:oracle:idcs:extension:messages:Error"].(map[string]any)
	text, _ := inner["messageId"].(string)
	return text
}

// refused checks a refusal and its form.
func (a scimAnswer) refused(t testing.TB, status int, messageID string) {
	t.Helper()
	if a.status != status || a.text("status") != fmt.Sprint(status) || a.messageID() != messageID ||
		a.text("detail") == "" || a.header.Get("X-Oracle-Dms-Ecid") == "" {
		t.Errorf("got %d %v, want %d with messageId %q", a.status, a.body, status, messageID)
	}
	for _, classic := range []string{"code", "message"} {
		if a.body[classic] != nil {
			t.Errorf("the refusal has a %s: %v", classic, a.body)
		}
	}
}

// newToken is the body that creates an auth token.
func newToken(user string, more ...any) map[string]any {
	body := map[string]any{"schemas": []string{idcs + "authToken"}, "user": map[string]string{"ocid": user}}
	for i := 0; i < len(more); i += 2 {
		body[more[i].(string)] = more[i+1]
	}
	return body
}

func patchOf(path string, value any) map[string]any {
	return map[string]any{"schemas": []string{"urn:ietf:params:scim:api:messages:2.0:PatchOp"},
		"Operations": []map[string]any{{"op": "replace", "path": path, "value": value}}}
}

// twoDomains is an emulator without delays that has a second domain, with a user.
func twoDomains(t testing.TB, change func(*ociemu.Options)) (e *ociemu.Emulator, user string) {
	t.Helper()
	opts := ociemu.Calm()
	opts.Domains = []ociemu.DomainSeed{{Name: "Partners"}}
	if change != nil {
		change(&opts)
	}
	e = ociemu.New(t, opts)
	return e, e.AddDomainUser("Partners", ociemu.UserSeed{Name: "jane", Email: "jane@example.com"})
}

func TestACredentialOfADomainIsCreatedListedChangedAndDeleted(t *testing.T) {
	e, user := twoDomains(t, nil)
	c := asDomainFunction(e, "Partners")
	made := c.do(t, "POST", "/AuthTokens", newToken(user, "description", "mark", "token", "mine", "id", nil))
	id, token := made.text("id"), made.text("token")
	if made.status != 201 || len(id) != 32 || token == "mine" || e.TryAuthToken(user, token) != 200 {
		t.Fatalf("created: %d %v", made.status, made.body)
	}
	list := c.get(t, `/AuthTokens?filter=`+escape(`user.ocid eq "`+user+`"`)).resources(t)
	if len(list) != 1 || list[0]["id"] != id || list[0]["description"] != "mark" || list[0]["token"] != nil ||
		list[0]["status"] != nil {
		t.Errorf("listed: %v", list)
	}
	changed := c.do(t, "PATCH", "/AuthTokens/"+id, patchOf("description", "other"))
	if changed.status != 200 || changed.text("description") != "other" ||
		changed.header.Get("Etag") == made.header.Get("Etag") {
		t.Errorf("changed: %d %v", changed.status, changed.body)
	}
	c.header["If-Match"] = made.header.Get("Etag")
	c.do(t, "DELETE", "/AuthTokens/"+id, nil).refused(t, 412, "")
	c.do(t, "PATCH", "/AuthTokens/"+id, patchOf("description", "x")).refused(t, 412, "")
	c.header["If-Match"] = changed.header.Get("Etag")
	if got := c.do(t, "DELETE", "/AuthTokens/"+id, nil); got.status != 204 || e.TryAuthToken(user, token) != 401 {
		t.Errorf("deleted: %d %v", got.status, got.body)
	}
	c.get(t, "/AuthTokens/"+id).refused(t, 404, "")
}

func escape(text string) string {
	return strings.ReplaceAll(strings.ReplaceAll(text, " ", "%20"), `"`, "%22")
}

func TestOnlyTheSCIMIDIsAPath(t *testing.T) {
	e, user := twoDomains(t, nil)
	c := asDomainFunction(e, "Partners")
	print, private := e.AddAPIKey(user)
	id, ocid := e.SCIMID(user, print)
	userID, _ := e.SCIMID(user, "")
	got := c.get(t, "/ApiKeys/"+id)
	if got.status != 200 || got.text("fingerprint") != print || got.text("ocid") != ocid || ocid == user ||
		e.TryAPIKey(user, private) != 200 {
		t.Errorf("got %d %v", got.status, got.body)
	}
	for _, path := range []string{"/ApiKeys/" + ocid, "/ApiKeys/" + print, "/AuthTokens/" + id, "/Users/" + user,
		"/Users/" + id, "/Nothing"} {
		c.get(t, path).refused(t, 404, "")
	}
	asDomainFunction(e, "Default").get(t, "/ApiKeys/"+id).refused(t, 404, "")
	if got := c.get(t, "/Users/"+userID); got.status != 200 || got.text("ocid") != user {
		t.Errorf("the user is %d %v", got.status, got.body)
	}
}

func TestAListReturnsTheAttributesThatTheCallWants(t *testing.T) {
	e, user := twoDomains(t, nil)
	c := asDomainFunction(e, "Partners")
	e.SetPassword(user)
	print, _ := e.AddAPIKey(user)
	one := func(query string) map[string]any {
		t.Helper()
		list := c.get(t, "/ApiKeys?"+query).resources(t)
		if len(list) != 1 {
			t.Fatalf("%s: got %v", query, list)
		}
		return list[0]
	}
	narrow := one("attributes=fingerprint,meta.created," + idcs + "apikey:ocid")
	meta, _ := narrow["meta"].(map[string]any)
	owner, _ := narrow["user"].(map[string]any)
	if len(narrow) != 5 || narrow["fingerprint"] != print || len(meta) != 1 || len(owner) != 2 ||
		owner["ocid"] != user || narrow["ocid"] == nil || narrow["id"] == nil {
		t.Errorf("chosen attributes: %v", narrow)
	}
	if always := one("attributeSets=always"); len(always) != 2 || always["id"] == nil {
		t.Errorf("always: %v", always)
	}
	if both := one("attributeSets=always&attributes=key"); len(both) != 3 || both["key"] == nil {
		t.Errorf("always and key: %v", both)
	}
	if all := one("attributeSets=ALL"); all["key"] == nil || all["meta"] == nil {
		t.Errorf("all: %v", all)
	}
	c.get(t, "/ApiKeys?attributeSets=some").refused(t, 400, "")
	id, _ := e.SCIMID(user, "")
	const password, credentials = idcs + "extension:passwordState:User", idcs + "extension:userCredentials:User"
	plain := c.get(t, "/Users/"+id).body
	capable, _ := plain[idcs+"extension:capabilities:User"].(map[string]any)
	if plain[password] != nil || plain[credentials] != nil || capable["canUseApiKeys"] != true {
		t.Errorf("a user by default: %v", plain)
	}
	asked := c.get(t, "/Users/"+id+"?attributes="+password+":lastSuccessfulSetDate,"+credentials).body
	state, _ := asked[password].(map[string]any)
	held, _ := asked[credentials].(map[string]any)
	if len(state) != 1 || state["lastSuccessfulSetDate"] == nil || held["apiKeys"] == nil || asked["active"] != nil {
		t.Errorf("a user on request: %v", asked)
	}
}

func TestOnlyTheFiltersOfTheGrammarAreAccepted(t *testing.T) {
	e, user := twoDomains(t, nil)
	e.AddDomainUser("Partners", ociemu.UserSeed{Name: "bob"})
	c := asDomainFunction(e, "Partners")
	print, _ := e.AddAPIKey(user)
	id, ocid := e.SCIMID(user, print)
	userID, _ := e.SCIMID(user, "")
	for path, want := range map[string]int{
		`/ApiKeys?filter=user.ocid eq "` + user + `"`:     1,
		`/ApiKeys?filter=user.value eq "` + userID + `"`:  1,
		`/ApiKeys?filter=ocid eq "` + ocid + `"`:          1,
		`/ApiKeys?filter=id EQ "` + id + `"`:              1,
		`/ApiKeys?filter=Fingerprint eq "` + print + `"`:  1,
		`/ApiKeys?filter=user.ocid eq "nobody"`:           0,
		`/ApiKeys?filter=fingerprint eq "aa"`:             0,
		`/ApiKeys`:                                        1,
		`/Users?filter=ocid eq "` + user + `"`:            1,
		`/Users?filter=userName eq "JANE"`:                1,
		`/Users?filter=userName eq "nobody"`:              0,
		`/Users`:                                          2,
		`/Users?filter=id eq "` + userID + `"&count=1000`: 1,
	} {
		got := c.get(t, escape(path))
		if list := got.resources(t); len(list) != want || got.body["totalResults"] != float64(want) {
			t.Errorf("%s: got %v, want %d", path, got.body, want)
		}
	}
	for _, path := range []string{
		`/ApiKeys?filter=`, `/ApiKeys?filter=user.ocid`, `/ApiKeys?filter=user.ocid eq ` + user,
		`/ApiKeys?filter=user.ocid sw "x"`, `/ApiKeys?filter=description eq "x"`, `/ApiKeys?filter=ocid pr`,
		`/ApiKeys?filter=ocid eq "a" and id eq "b"`, `/AuthTokens?filter=fingerprint eq "x"`,
		`/CustomerSecretKeys?filter=accessKey eq "x"`, `/CustomerSecretKeys?filter=status eq "ACTIVE"`,
		`/Users?filter=active eq true`, `/Users?filter=emails.value eq "x"`,
		`/ApiKeys?count=1001`, `/ApiKeys?count=-1`, `/ApiKeys?count=many`, `/ApiKeys?startIndex=x`,
		`/ApiKeys?sortBy=description`, `/ApiKeys?sortBy=ocid&sortOrder=up`, `/ApiKeys?limit=10`,
	} {
		c.get(t, escape(path)).refused(t, 400, "")
	}
}

func TestAListIsPagedByStartIndexAndCount(t *testing.T) {
	for size, want := range map[int][]float64{3: {3, 3, 1}, 1000: {5, 2}} {
		e, _ := twoDomains(t, func(o *ociemu.Options) { o.PageSize = size })
		for i := range 6 {
			e.AddDomainUser("Partners", ociemu.UserSeed{Name: fmt.Sprint("user-", i)})
		}
		c := asDomainFunction(e, "Partners")
		var names []string
		var pages []float64
		for start := 1; len(pages) < 9; {
			got := c.get(t, fmt.Sprintf("/Users?sortBy=userName&count=5&startIndex=%d", start))
			for _, u := range got.resources(t) {
				names = append(names, u["userName"].(string))
			}
			items := got.body["itemsPerPage"].(float64)
			pages = append(pages, items)
			start += int(items)
			if got.body["totalResults"] != 7. || start > 7 {
				break
			}
		}
		if fmt.Sprint(pages) != fmt.Sprint(want) || strings.Join(names, " ") !=
			"jane user-0 user-1 user-2 user-3 user-4 user-5" {
			t.Errorf("page size %d: got pages %v of %v", size, pages, names)
		}
		if got := c.get(t, "/Users?count=0"); got.body["totalResults"] != 7. || len(got.resources(t)) != 0 {
			t.Errorf("count 0: %v", got.body)
		}
	}
}
