package ociemu_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/oracle/oci-go-sdk/v65/common"
	"github.com/oracle/oci-go-sdk/v65/identity"

	"github.com/keyturn/keyturn/test/ociemu"
)

func (c *clients) domains(t testing.TB, compartment string) ([]identity.DomainSummary, error) {
	t.Helper()
	var all []identity.DomainSummary
	for page := (*string)(nil); ; {
		got, err := c.identity.ListDomains(t.Context(), identity.ListDomainsRequest{CompartmentId: &compartment,
			Page: page})
		if err != nil {
			return nil, err
		}
		all = append(all, got.Items...)
		page = got.OpcNextPage
		if page == nil {
			return all, nil
		}
	}
}

func TestDomainsAreListedByCompartmentPageByPage(t *testing.T) {
	e := ociemu.New(t, ociemu.Options{Domains: []ociemu.DomainSeed{{Name: "One"}, {Name: "Two", State: "INACTIVE"}}})
	compartment := e.AddCompartment("apps", "")
	id := e.AddDomain(ociemu.DomainSeed{Name: "Three", Compartment: compartment, HomeRegion: "eu-paris-1"})
	c := asFunction(t, e)
	var names []string
	for _, d := range must[[]identity.DomainSummary](t)(c.domains(t, e.Tenancy())) {
		names = append(names, *d.DisplayName+" "+string(d.Type)+" "+string(d.LifecycleState))
	}
	if want := []string{"Default DEFAULT ACTIVE", "One SECONDARY ACTIVE", "Two SECONDARY INACTIVE"}; !slices.Equal(
		names,
		want) {
		t.Errorf("got %q, want %q", names, want)
	}
	apart := must[[]identity.DomainSummary](t)(c.domains(t, compartment))
	if len(apart) != 1 || *apart[0].Id != id || *apart[0].HomeRegion != "eu-paris-1" ||
		!strings.HasPrefix(*apart[0].Url, "https://idcs-") ||
		!strings.HasSuffix(*apart[0].Url, ".oraclecloud.com:443") {
		t.Errorf("got %v", apart)
	}
	one := must[identity.GetDomainResponse](t)(c.identity.GetDomain(t.Context(),
		identity.GetDomainRequest{DomainId: &id}))
	if *one.Url != *apart[0].Url || *one.Url != e.Domain("Three").URL {
		t.Errorf("got %v", one.Domain)
	}
	named := must[identity.ListDomainsResponse](t)(c.identity.ListDomains(t.Context(), identity.ListDomainsRequest{
		CompartmentId: common.String(e.Tenancy()), LifecycleState: identity.DomainLifecycleStateInactive}))
	if len(named.Items) != 1 || *named.Items[0].DisplayName != "Two" {
		t.Errorf("the filter returns %v", named.Items)
	}
	asDomainFunction(e, "Two").get(t, "/Users").refused(t, 403, "")
}

func TestATenancyWithoutDomainsHasNoneAndWorksAsBefore(t *testing.T) {
	opts := ociemu.Calm()
	opts.WithoutDomains = true
	e := ociemu.New(t, opts)
	c, user := asFunction(t, e), e.AddUser("jane")
	_, err := c.domains(t, e.Tenancy())
	refused(t, err, 404, "NotAuthorizedOrNotFound")
	_, err = c.identity.GetDomain(t.Context(), identity.GetDomainRequest{DomainId: common.String("ocid1.domain.x")})
	refused(t, err, 404, "NotAuthorizedOrNotFound")
	made := must[identity.CreateAuthTokenResponse](t)(c.createToken(t.Context(), user, "x"))
	if got := e.TryAuthToken(user, *made.Token); got != 200 || len(e.Domains()) != 0 {
		t.Errorf("the token is answered %d", got)
	}
	resp := must[*http.Response](t)(e.Client().Get(e.URL() + "/admin/v1/Users"))
	resp.Body.Close()
	if resp.StatusCode != 401 {
		t.Errorf("SCIM is answered %d", resp.StatusCode)
	}
}

func TestUsersOfOtherDomainsAreUnknownToTheClassicAPI(t *testing.T) {
	for sees, status := range map[bool]int{false: 404, true: 200} {
		e, user := twoDomains(t, func(o *ociemu.Options) { o.DomainAnswers.ClassicSeesAll = sees })
		c, twin := asFunction(t, e), e.AddUser("jane")
		_, err := c.identity.ListApiKeys(t.Context(), identity.ListApiKeysRequest{UserId: &user})
		_, write := c.createToken(t.Context(), user, "x")
		list := must[identity.ListUsersResponse](t)(c.identity.ListUsers(t.Context(),
			identity.ListUsersRequest{CompartmentId: common.String(e.Tenancy())}))
		if status == 404 {
			refused(t, err, 404, "NotAuthorizedOrNotFound")
			refused(t, write, 404, "NotAuthorizedOrNotFound")
			if len(list.Items) != 1 || *list.Items[0].Id != twin {
				t.Errorf("listed: %v", list.Items)
			}
		} else if err != nil || write != nil || len(list.Items) != 2 {
			t.Errorf("got %v, %v, %v", err, write, list.Items)
		}
	}
}

func TestBothAPIsShowTheSameCredentialsOfDefaultWithOneQuota(t *testing.T) {
	e, _ := twoDomains(t, nil)
	user := e.AddUser("ada")
	classic, c := asFunction(t, e), asDomainFunction(e, "Default")
	bySCIM := c.do(t, "POST", "/AuthTokens", newToken(user, "description", "scim"))
	made := must[identity.CreateAuthTokenResponse](t)(classic.createToken(t.Context(), user, "classic"))
	full := c.do(t, "POST", "/AuthTokens", newToken(user))
	full.refused(t, 400, "")
	if got := full.text("detail"); got != "You can not create AuthToken as maximum quota limit of 2 has been reached." {
		t.Errorf("the refusal says %q", got)
	}
	_, err := classic.createToken(t.Context(), user, "x")
	refused(t, err, 400, "IdcsConversionError")
	ids := map[any]bool{}
	for _, one := range c.get(t, "/AuthTokens?filter="+escape(`user.ocid eq "`+user+`"`)).resources(t) {
		ids[one["ocid"]] = true
	}
	listed := must[identity.ListAuthTokensResponse](t)(classic.identity.ListAuthTokens(t.Context(),
		identity.ListAuthTokensRequest{UserId: &user}))
	if len(ids) != 2 || len(listed.Items) != 2 || !ids[*listed.Items[0].Id] || !ids[*made.Id] {
		t.Errorf("SCIM lists %v, the classic API %v", ids, listed.Items)
	}
	must[identity.DeleteAuthTokenResponse](t)(classic.identity.DeleteAuthToken(t.Context(),
		identity.DeleteAuthTokenRequest{UserId: &user, AuthTokenId: common.String(bySCIM.text("ocid"))}))
	c.get(t, "/AuthTokens/"+bySCIM.text("id")).refused(t, 404, "")
}

func TestTwoUsersOfOneNameInTwoDomainsNeverMeet(t *testing.T) {
	e, partner := twoDomains(t, nil)
	own := e.AddUser("jane")
	_, token := e.AddAuthToken(partner, "x")
	_, ownToken := e.AddAuthToken(own, "x")
	if a, b := e.TryAuthToken(partner, token), e.TryAuthToken(own, ownToken); a != 200 || b != 200 {
		t.Errorf("the tokens are answered %d and %d", a, b)
	}
	if a, b := e.TryAuthToken(partner, ownToken), e.TryAuthToken(own, token); a != 401 || b != 401 {
		t.Errorf("the tokens of the other are answered %d and %d", a, b)
	}
	for domain, want := range map[string]string{"Default": own, "Partners": partner} {
		list := asDomainFunction(e, domain).get(t, "/Users?filter="+escape(`userName eq "jane"`)).resources(t)
		if len(list) != 1 || list[0]["ocid"] != want || list[0]["domainOcid"] != e.Domain(domain).ID {
			t.Errorf("%s: got %v", domain, list)
		}
	}
}

func TestEachDomainHasAHostWhosePortIsSigned(t *testing.T) {
	e, _ := twoDomains(t, nil)
	c := asDomainFunction(e, "Partners")
	if got := c.get(t, "/Users"); got.status != 200 {
		t.Fatalf("got %d %v", got.status, got.body)
	}
	host := strings.TrimPrefix(c.url, "https://")
	c.header["Host"] = strings.TrimSuffix(host, ":443") // signed with the port
	c.get(t, "/Users").refused(t, 401, "")
	delete(c.header, "Host")
	c.url = strings.TrimSuffix(c.url, ":443") // signed and sent without the port
	c.get(t, "/Users").refused(t, 401, "")
	other, _ := twoDomains(t, func(o *ociemu.Options) { o.DomainAnswers.HostPort = ociemu.HostPortOptional })
	c = asDomainFunction(other, "Partners")
	c.url = strings.TrimSuffix(c.url, ":443")
	if got := c.get(t, "/Users"); got.status != 200 {
		t.Errorf("got %d %v", got.status, got.body)
	}
	c = asDomainFunction(e, "Partners")
	c.url = e.Domain("Partners").HomeRegionURL
	if got := c.get(t, "/Users"); got.status != 200 {
		t.Errorf("the home region's host: got %d %v", got.status, got.body)
	}
	unknown := strings.Replace(c.url, "idcs-", "idcs-0", 1)
	if _, err := e.Client().Get(unknown + "/admin/v1/Users"); err == nil {
		t.Errorf("%s is a host", unknown)
	}
}

func TestTheDataPlaneKnowsTheUsersOfDomains(t *testing.T) {
	const short, own, other = "ada", "Default/ada", "Partners/jane"
	for names, want := range map[ociemu.RegistryNamesAnswer][]string{
		"": {short, other}, ociemu.RegistryNamesBoth: {short, own, other, "jane"},
		ociemu.RegistryNamesDomain: {own, other},
	} {
		e, user := twoDomains(t, func(o *ociemu.Options) { o.DomainAnswers.RegistryNames = names })
		ada := e.AddUser("ada")
		_, first := e.AddAuthToken(ada, "x")
		_, second := e.AddAuthToken(user, "x")
		for name, token := range map[string]string{short: first, own: first, other: second, "jane": second} {
			req := must[*http.Request](t)(http.NewRequestWithContext(t.Context(), "GET",
				e.URL()+"/20180419/docker/token", nil))
			req.SetBasicAuth(e.Namespace()+"/"+name, token)
			resp := must[*http.Response](t)(e.Client().Do(req))
			resp.Body.Close()
			if (resp.StatusCode == 200) != slices.Contains(want, name) {
				t.Errorf("%s: %s is answered %d", names, name, resp.StatusCode)
			}
		}
		id, key := e.AddCustomerSecretKey(user, "x")
		_, private := e.AddAPIKey(user)
		if a, b := e.TryCustomerSecretKey(id, key), e.TryAPIKey(user, private); a != 200 || b != 200 {
			t.Errorf("the other credentials are answered %d and %d", a, b)
		}
	}
}

func TestADeactivatedUserCannotUseItsCredentials(t *testing.T) {
	e, _ := twoDomains(t, nil)
	user := e.AddDomainUser("Partners", ociemu.UserSeed{Name: "gone", Deactivated: true, Without: []string{
		"canUseApiKeys"}})
	_, private := e.AddAPIKey(user)
	_, token := e.AddAuthToken(user, "x")
	id, key := e.AddCustomerSecretKey(user, "x")
	if a, b, c := e.TryAPIKey(user, private), e.TryAuthToken(user, token), e.TryCustomerSecretKey(id, key); a != 401 ||
		b != 401 || c != 403 {
		t.Errorf("the credentials are answered %d, %d and %d", a, b, c)
	}
	c := asDomainFunction(e, "Partners")
	public, _ := newKeyPair(t, 0)
	c.do(t, "POST", "/ApiKeys", newToken(user, "schemas", []string{idcs + "apikey"}, "key", public)).refused(t, 400, "")
	one := c.get(t, "/Users?filter="+escape(`ocid eq "`+user+`"`)).resources(t)[0]
	capable, _ := one[idcs+"extension:capabilities:User"].(map[string]any)
	if one["active"] != false || capable["canUseApiKeys"] != false {
		t.Errorf("the user is %v", one)
	}
}

func TestDomainsAreSeededWithoutGo(t *testing.T) {
	e := ociemu.New(t, ociemu.Calm())
	status, made := control(t, e, "POST", "domains", `{"name":"Partners","homeRegion":"eu-paris-1"}`)
	if status != 200 || at(made, "url") != e.Domain("Partners").URL {
		t.Fatalf("got %d %v", status, made)
	}
	status, user := control(t, e, "POST", "users", `{"name":"jane","domain":"Partners","email":"jane@example.com"}`)
	id, _ := at(user, "id").(string)
	if status != 200 || e.User(id).Domain != "Partners" {
		t.Errorf("got %d %v", status, user)
	}
	for body, path := range map[string]string{`{"name":"Partners"}`: "domains", `{"name":""}`: "domains",
		`{"name":"x","homeRegion":"moon"}`: "domains", `{"name":"x","type":"DEFAULT"}`: "domains",
		`{"name":"jane","domain":"Partners"}`: "users", `{"name":"jane","domain":"None"}`: "users"} {
		if status, answer := control(t, e, "POST", path, body); status != 400 {
			t.Errorf("%s: got %d %v", body, status, answer)
		}
	}
	_, app := control(t, e, "POST", "apps", `{"name":"shop","domain":"Partners"}`)
	appID, _ := at(app, "app", "id").(string)
	secret, _ := at(app, "clientSecret").(string)
	if got := e.TryApp(appID, secret); got != 200 {
		t.Errorf("the app %v is answered %d", app, got)
	}
	if _, list := control(t, e, "GET", "domains", ""); len(list.([]any)) != 2 {
		t.Errorf("got %v", list)
	}
	if _, mails := control(t, e, "GET", "domainMails", ""); len(mails.([]any)) != 0 {
		t.Errorf("got %v", mails)
	}
}

func TestImpossibleDomainsAreRefused(t *testing.T) {
	for name, opts := range map[string]ociemu.Options{
		"two of a name":    {Domains: []ociemu.DomainSeed{{Name: "x"}, {Name: "x"}}},
		"a second Default": {Domains: []ociemu.DomainSeed{{Name: ociemu.DefaultDomain}}},
		"no name":          {Domains: []ociemu.DomainSeed{{}}},
		"without domains":  {Domains: []ociemu.DomainSeed{{Name: "x"}}, WithoutDomains: true},
		"a wrong answer":   {DomainAnswers: ociemu.DomainAnswers{Quota: "none"}},
	} {
		if e, err := ociemu.Start(opts); err == nil {
			t.Errorf("%s: started", name)
			if err := e.Close(); err != nil {
				t.Error(err)
			}
		}
	}
}
