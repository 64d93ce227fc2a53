package ociemu_test

import (
	"slices"
	"testing"
	"time"

	"github.com/oracle/oci-go-sdk/v65/common"
	"github.com/oracle/oci-go-sdk/v65/identity"

	"github.com/keyturn/keyturn/test/ociemu"
)

// made is a credential of one kind that a test creates, lists and deletes.
type made struct {
	name   string
	make   func() string
	list   func() []string
	delete func(id string) error
	full   int // the user's maximum
}

// madeBy returns all kinds of listed credentials, for one user.
func madeBy(t *testing.T, c *clients, user string) []made {
	t.Helper()
	keys := 0
	return []made{
		{"API keys", func() string {
			public, _ := newKeyPair(t, keys)
			keys++
			return *must[identity.UploadApiKeyResponse](t)(c.uploadKey(t.Context(), user, public)).Fingerprint
		}, func() (ids []string) {
			r := must[identity.ListApiKeysResponse](t)(c.identity.ListApiKeys(t.Context(),
				identity.ListApiKeysRequest{UserId: &user}))
			for _, k := range r.Items {
				ids = append(ids, *k.Fingerprint)
			}
			return ids
		}, func(id string) error {
			_, err := c.identity.DeleteApiKey(t.Context(), identity.DeleteApiKeyRequest{UserId: &user,
				Fingerprint: &id})
			return err
		}, 3},
		{"auth tokens", func() string {
			return *must[identity.CreateAuthTokenResponse](t)(c.createToken(t.Context(), user, "x")).Id
		}, func() (ids []string) {
			r := must[identity.ListAuthTokensResponse](t)(c.identity.ListAuthTokens(t.Context(),
				identity.ListAuthTokensRequest{UserId: &user}))
			for _, k := range r.Items {
				ids = append(ids, *k.Id)
			}
			return ids
		}, func(id string) error {
			_, err := c.identity.DeleteAuthToken(t.Context(), identity.DeleteAuthTokenRequest{UserId: &user,
				AuthTokenId: &id})
			return err
		}, 2},
		{"customer secret keys", func() string {
			return *must[identity.CreateCustomerSecretKeyResponse](t)(c.createSecretKey(t.Context(), user, "x")).Id
		}, func() (ids []string) {
			r := must[identity.ListCustomerSecretKeysResponse](t)(c.identity.ListCustomerSecretKeys(t.Context(),
				identity.ListCustomerSecretKeysRequest{UserId: &user}))
			for _, k := range r.Items {
				ids = append(ids, *k.Id)
			}
			return ids
		}, func(id string) error {
			_, err := c.identity.DeleteCustomerSecretKey(t.Context(), identity.DeleteCustomerSecretKeyRequest{
				UserId: &user, CustomerSecretKeyId: &id})
			return err
		}, 2},
	}
}

func same(got []string, want ...string) bool {
	slices.Sort(got)
	slices.Sort(want)
	return slices.Equal(got, want)
}

func TestALaggingListShowsAnEarlierState(t *testing.T) {
	opts := ociemu.Calm()
	opts.ListLag, opts.Now = time.Minute, newClock().Now
	e := ociemu.New(t, opts)
	user := e.AddUser("jane")
	print, _ := e.AddAPIKey(user)
	token, _ := e.AddAuthToken(user, "x")
	access, _ := e.AddCustomerSecretKey(user, "x")
	seeded := map[string]string{"API keys": print, "auth tokens": token, "customer secret keys": access}
	for _, m := range madeBy(t, asFunction(t, e), user) {
		old := seeded[m.name]
		id := m.make()
		if got := m.list(); !same(got, old) {
			t.Errorf("%s: right after one was made the list shows %v, want %s only", m.name, got, old)
		}
		e.Forward(time.Minute - 1)
		if got := m.list(); !same(got, old) {
			t.Errorf("%s: the list shows %v too early", m.name, got)
		}
		e.Forward(1)
		if got := m.list(); !same(got, old, id) {
			t.Errorf("%s: a minute later the list shows %v, want %s and %s", m.name, got, old, id)
		}
		if err := m.delete(old); err != nil {
			t.Fatal(err)
		}
		if got := m.list(); !same(got, old, id) {
			t.Errorf("%s: right after a deletion the list shows %v, want what was deleted as well", m.name, got)
		}
		refused(t, m.delete(old), 404, "NotAuthorizedOrNotFound")
		e.Forward(time.Minute)
		if got := m.list(); !same(got, id) {
			t.Errorf("%s: a minute after the deletion the list shows %v, want %s only", m.name, got, id)
		}
	}
}

func TestLimitsFollowTheCurrentStateAndNotALaggingList(t *testing.T) {
	opts := ociemu.Calm()
	opts.ListLag = time.Hour
	e := ociemu.New(t, opts)
	user := e.AddUser("jane")
	for _, m := range madeBy(t, asFunction(t, e), user) {
		var ids []string
		for range m.full {
			ids = append(ids, m.make())
		}
		if err := m.delete(ids[0]); err != nil { // which no list shows
			t.Fatal(err)
		}
		m.make()
		if got := m.list(); len(got) != 0 {
			t.Errorf("%s: the list shows %v, want nothing yet", m.name, got)
		}
	}
	if u := e.User(user); len(u.APIKeys) != 3 || len(u.AuthTokens) != 2 || len(u.CustomerSecretKeys) != 2 {
		t.Errorf("the user has %+v", u)
	}
}

func TestAPasswordsAgeLagsToo(t *testing.T) {
	opts := ociemu.Calm()
	opts.ListLag, opts.Now = time.Minute, newClock().Now
	e := ociemu.New(t, opts)
	user, c := e.AddUser("jane"), asFunction(t, e)
	age := func() (time.Time, error) {
		r, err := c.identity.GetUserUIPasswordInformation(t.Context(), identity.GetUserUIPasswordInformationRequest{
			UserId: &user})
		if err != nil {
			return time.Time{}, err
		}
		return r.TimeCreated.Time, nil
	}
	reset := func() time.Time {
		r := must[identity.CreateOrResetUIPasswordResponse](t)(c.identity.CreateOrResetUIPassword(t.Context(),
			identity.CreateOrResetUIPasswordRequest{UserId: &user}))
		return r.TimeCreated.Time
	}
	first := reset()
	_, err := age()
	refused(t, err, 404, "NotAuthorizedOrNotFound")
	e.Forward(time.Minute)
	second := reset()
	if got := must[time.Time](t)(age()); !got.Equal(first) {
		t.Errorf("right after the second reset the password is of %v, want %v", got, first)
	}
	e.Forward(time.Minute)
	if got := must[time.Time](t)(age()); !got.Equal(second) {
		t.Errorf("a minute later the password is of %v, want %v", got, second)
	}
}

func TestAStaleListFaultAffectsOneListAndNoOtherCall(t *testing.T) {
	e := ociemu.New(t, ociemu.Calm())
	user := e.AddUser("jane")
	m := madeBy(t, asFunction(t, e), user)[1]
	id := m.make()
	e.Inject(ociemu.Fault{Operation: "ListAuthTokens", Skip: 1, Do: ociemu.StaleList(time.Hour)})
	e.Inject(ociemu.Fault{Operation: "CreateAuthToken", Do: ociemu.StaleList(time.Hour)})
	for i, want := range [][]string{{id}, nil, {id}} {
		if got := m.list(); !same(got, want...) {
			t.Errorf("list %d shows %v, want %v", i, got, want)
		}
	}
	if next := m.make(); !same(m.list(), id, next) {
		t.Error("a create that meets the fault has another effect")
	}
}

func TestTheLagOfListsCanBeChanged(t *testing.T) {
	e := ociemu.New(t, ociemu.Calm())
	m := madeBy(t, asFunction(t, e), e.AddUser("jane"))[2]
	id := m.make()
	e.SetListLag(time.Hour)
	if got := m.list(); len(got) != 0 {
		t.Errorf("the list shows %v", got)
	}
	e.SetListLag(0)
	if got := m.list(); !same(got, id) {
		t.Errorf("the list shows %v, want %s", got, id)
	}
}

// The number of remembered deletions is bounded, so that long runs don't fill the memory.
func TestOnlyTheNewestDeletionsAreRemembered(t *testing.T) {
	e := ociemu.New(t, ociemu.Calm())
	user := e.AddUser("jane")
	m := madeBy(t, asFunction(t, e), user)[1]
	var last string
	for range 40 {
		last, _ = e.AddAuthToken(user, "seeded: it was always there")
		if err := m.delete(last); err != nil {
			t.Fatal(err)
		}
	}
	e.SetListLag(time.Hour)
	if got := m.list(); len(got) != 16 || !slices.Contains(got, last) {
		t.Errorf("the list shows %d, want the last 16", len(got))
	}
}

func TestCatchUpKeepsEarlierChangesWhenTheClockIsSetBack(t *testing.T) {
	offset := time.Duration(0)
	o := ociemu.Calm()
	o.Now = func() time.Time { return time.Now().Add(offset) }
	e := ociemu.New(t, o)
	user := e.AddUser("jane@example.com")
	owner := e.AddOperator("secops@example.com")
	client, err := identity.NewIdentityClientWithConfigurationProvider(
		common.NewRawConfigurationProvider(owner.TenancyID, owner.UserID, owner.Region, owner.Fingerprint,
			string(owner.PrivatePEM), nil))
	if err != nil {
		t.Fatal(err)
	}
	client.HTTPClient = e.Client()
	count := func() int {
		listed, err := client.ListAuthTokens(t.Context(), identity.ListAuthTokensRequest{UserId: &user})
		if err != nil {
			t.Fatal(err)
		}
		return len(listed.Items)
	}
	e.AddAuthToken(user, "seeded")
	offset = 4 * time.Minute
	if _, err := client.CreateAuthToken(t.Context(), identity.CreateAuthTokenRequest{UserId: &user,
		CreateAuthTokenDetails: identity.CreateAuthTokenDetails{Description: new("made")}}); err != nil {
		t.Fatal(err)
	}
	offset = 0
	if n := count(); n != 1 {
		t.Errorf("with the clock put back the list has %d tokens, want 1", n)
	}
	e.CatchUp()
	if count() != 2 {
		t.Errorf("after catching up the list has %d tokens, want 2", count())
	}
}
