package ociemu_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/oracle/oci-go-sdk/v65/identity"

	"github.com/keyturn/keyturn/test/ociemu"
)

func TestAListOfAllUsersMayBeRefusedWhileThatOfOneIsAllowed(t *testing.T) {
	for answer, want := range map[ociemu.WholeListsAnswer]int{"": 200, ociemu.WholeListsUnauthorized: 401,
		ociemu.WholeListsForbidden: 403} {
		e, user := twoDomains(t, answered(func(a *ociemu.DomainAnswers) { a.WholeLists = answer }))
		c := asDomainFunction(e, "Partners")
		id, _ := e.AddAuthToken(user, "x")
		scimID, ocid := e.SCIMID(user, id)
		userID, _ := e.SCIMID(user, "")
		for _, query := range []string{"", "?filter=" + escape(`ocid eq "`+ocid+`"`)} {
			if got := c.get(t, "/AuthTokens"+query); got.status != want {
				t.Errorf("%s: the list %s is answered %d %v", answer, query, got.status, got.body)
			}
		}
		for _, path := range []string{"/AuthTokens?filter=" + escape(`user.ocid eq "`+user+`"`), "/Users",
			"/AuthTokens?filter=" + escape(`user.value eq "`+userID+`"`), "/AuthTokens/" + scimID} {
			if got := c.get(t, path); got.status != 200 {
				t.Errorf("%s: %s is answered %d %v", answer, path, got.status, got.body)
			}
		}
	}
}

func TestAListMayIgnoreSortBy(t *testing.T) {
	for _, ignored := range []bool{false, true} {
		e, _ := twoDomains(t, answered(func(a *ociemu.DomainAnswers) { a.IgnoresSortBy = ignored }))
		e.AddUsers("Partners", "u", 20, ociemu.Bulk{})
		c := asDomainFunction(e, "Partners")
		for _, order := range []string{"ascending", "descending"} {
			var ids, ocids []string
			for _, u := range c.get(t, "/Users?sortBy=ocid&sortOrder="+order).resources(t) {
				ids, ocids = append(ids, u["id"].(string)), append(ocids, u["ocid"].(string))
			}
			if order == "descending" && !ignored {
				slices.Reverse(ocids)
			}
			if slices.IsSorted(ocids) == ignored || slices.IsSorted(ids) != ignored || len(ids) != 21 {
				t.Errorf("ignored %v, %s: the order is %q", ignored, order, ocids)
			}
		}
		c.get(t, "/Users?sortBy=nothing").refused(t, 400, "")
	}
}

func TestTheTimeOfAPasswordIsReturnedOnRequestOrNever(t *testing.T) {
	const extension = idcs + "extension:passwordState:User"
	for _, never := range []bool{false, true} {
		e, user := twoDomains(t, answered(func(a *ociemu.DomainAnswers) { a.NoPasswordDate = never }))
		e.SetPassword(user)
		one := asDomainFunction(e, "Partners").get(t, "/Users?attributes=emails,"+extension+":lastSuccessfulSetDate,"+
			extension+":mustChange").resources(t)[0]
		state, _ := one[extension].(map[string]any)
		if (state["lastSuccessfulSetDate"] == nil) != never || state["mustChange"] != false {
			t.Errorf("never %v: the password's state is %v", never, state)
		}
		mail := one["emails"].([]any)[0].(map[string]any)
		if mail["primary"] != true || mail["value"] != "jane@example.com" {
			t.Errorf("the addresses are %v", one["emails"])
		}
	}
}

// resources are the resource ids of problems about each kind of a user's credentials.
func resources(e *ociemu.Emulator, user string) map[string]string {
	print, _ := e.AddAPIKey(user)
	token, _ := e.AddAuthToken(user, "x")
	access, _ := e.AddCustomerSecretKey(user, "x")
	e.SetPassword(user)
	return map[string]string{"API_KEY_TOO_OLD": e.Tenancy() + "/" + user + "/" + print, "AUTH_TOKEN_TOO_OLD": token,
		"SECRET_KEY_TOO_OLD": access, "PASSWORD_TOO_OLD": ""}
}

func TestProblemsAboutUsersOfOtherDomainsNameThemAsChosen(t *testing.T) {
	for _, answer := range []ociemu.ProblemIDsAnswer{"", ociemu.ProblemIDsOCID, ociemu.ProblemIDsPath,
		ociemu.ProblemIDsSCIM, ociemu.ProblemIDsNone} {
		e, user := twoDomains(t, answered(func(a *ociemu.DomainAnswers) {
			a.ProblemIDs, a.ProblemDomains = answer, answer != ""
		}))
		own := e.AddUser("ada")
		for rule, seeded := range resources(e, own) {
			got := e.Problem(e.AddProblem(ociemu.ProblemSeed{Rule: rule, User: own, ResourceID: seeded}))
			if got.ResourceID != seeded && seeded != "" {
				t.Errorf("%s: %s of a user of Default has the resource %s", answer, rule, got.ResourceID)
			}
		}
		for rule, seeded := range resources(e, user) {
			id := e.AddProblem(ociemu.ProblemSeed{Rule: rule, User: user, ResourceID: seeded})
			if answer == ociemu.ProblemIDsNone {
				if id != "" {
					t.Errorf("there is a problem %s", id)
				}
				continue
			}
			ownID := seeded[strings.LastIndex(seeded, "/")+1:]
			scimID, ocid := e.SCIMID(user, ownID)
			path := e.Tenancy() + "/" + user + "/" + ownID
			if seeded == "" {
				seeded, path = user, user
			}
			want := map[ociemu.ProblemIDsAnswer]string{"": seeded, ociemu.ProblemIDsOCID: ocid,
				ociemu.ProblemIDsPath: path, ociemu.ProblemIDsSCIM: scimID}[answer]
			p := e.Problem(id)
			if name := map[bool]string{true: "jane", false: "Partners/jane"}[answer == ""]; p.ResourceID != want ||
				p.ResourceName != name {
				t.Errorf("%s: %s has the resource %s %q, want %s %q", answer, rule, p.ResourceID, p.ResourceName, want,
					name)
			}
		}
	}
}

func TestTheClassicAPINamesACustomerSecretKeyAsChosen(t *testing.T) {
	for answer, prefix := range map[ociemu.SecretKeyIDAnswer]string{"": "",
		ociemu.SecretKeyIDOCID: "ocid1.credential."} {
		e, other := twoDomains(t, func(o *ociemu.Options) { o.Answers.SecretKeyID = answer })
		user, c, scim := e.AddUser("ada"), asFunction(t, e), asDomainFunction(e, ociemu.DefaultDomain)
		seeded, seededKey := e.AddCustomerSecretKey(user, "x")
		made := must[identity.CreateCustomerSecretKeyResponse](t)(c.createSecretKey(t.Context(), user, "x"))
		for id, key := range map[string]string{seeded: seededKey, *made.Id: *made.Key} {
			one := scim.get(t, "/CustomerSecretKeys?filter="+escape(`user.ocid eq "`+user+`"`)).resources(t)
			i := slices.IndexFunc(one, func(k map[string]any) bool { return k["ocid"] == id || k["accessKey"] == id })
			if i < 0 || len(one[i]["accessKey"].(string)) != 40 || !strings.HasPrefix(id, prefix) ||
				(one[i]["ocid"] == id) != (prefix != "") {
				t.Fatalf("%s: %s is listed by the domain as %v", answer, id, one)
			}
			if a, b := e.TryCustomerSecretKey(id, key), e.TryCustomerSecretKey(one[i]["accessKey"].(string), key); a !=
				200 || b != 200 {
				t.Errorf("%s: the uses are answered %d and %d", answer, a, b)
			}
			hidden := one[i]["ocid"].(string)
			if prefix != "" {
				hidden = one[i]["accessKey"].(string)
			}
			remove := func(id string) error {
				_, err := c.identity.DeleteCustomerSecretKey(t.Context(), identity.DeleteCustomerSecretKeyRequest{
					UserId: &user, CustomerSecretKeyId: &id})
				return err
			}
			refused(t, remove(hidden), 404, "NotAuthorizedOrNotFound")
			if err := remove(id); err != nil {
				t.Errorf("%s: deleted: %v", answer, err)
			}
		}
		if id, _ := e.AddCustomerSecretKey(other, "x"); len(id) != 40 {
			t.Errorf("%s: a key of another domain has the id %s", answer, id)
		}
	}
}

// A public program reports that the classic API refuses every DeleteApiKey, and that the domain's own API deletes.
func TestTheClassicAPIMayRefuseEveryDeletionThatTheDomainAllows(t *testing.T) {
	for when, left := range map[ociemu.When]int{ociemu.Before: 1, ociemu.After: 0} {
		e := ociemu.New(t, ociemu.Calm())
		user, c := e.AddUser("jane"), asFunction(t, e)
		print, _ := e.AddAPIKey(user)
		e.Inject(ociemu.Fault{Operation: "DeleteApiKey", Times: -1, When: when, Do: ociemu.DomainUnauthorized,
			Match: func(c ociemu.Call) bool { return c.Service == "identity" }})
		id, _ := e.SCIMID(user, print)
		for range 3 {
			refused(t, c.deleteKey(t, user, print), 401, "IdcsConversionError")
		}
		if got := len(e.User(user).APIKeys); got != left {
			t.Errorf("%d keys are left, want %d", got, left)
		}
		status := asDomainFunction(e, ociemu.DefaultDomain).do(t, "DELETE", "/ApiKeys/"+id, nil).status
		if want := map[int]int{1: 204, 0: 404}[left]; status != want {
			t.Errorf("the domain answers %d, want %d", status, want)
		}
	}
}

func TestADomainOfTheTypeFreeAnswers20CallsASecondAnd150AMinute(t *testing.T) {
	now := newClock()
	e, _ := twoDomains(t, func(o *ociemu.Options) { o.Now, o.DomainRate = now.Now, ociemu.FreeDomainRate() })
	c := asDomainFunction(e, "Partners")
	answered := map[int]int{}
	for second := range 9 {
		for range 22 {
			answered[c.get(t, "/Users?count=1").status]++
		}
		if want := min(20*(second+1), 150); answered[200] != want || answered[429] != 22*(second+1)-want {
			t.Fatalf("after second %d: answered %v, want %d", second, answered, want)
		}
		now.Advance(time.Second)
	}
}
