package rotation

import (
	"context"
	"testing"
	"time"

	"github.com/keyturn/keyturn/pkg/clock"
	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/fault"
	"github.com/keyturn/keyturn/pkg/vault"
)

// listing is an issuer with n credentials.
type listing struct {
	Issuer
	n   int
	err error
}

func (l listing) List(context.Context, string) (credential.Listing, error) {
	return credential.Listing{Credentials: make([]credential.Issued, l.n)}, l.err
}

func TestNothingIsDeletedFirstUnlessTheListIsFullAndAnotherOneIsLeft(t *testing.T) {
	unclear := fault.New(fault.Unclear, "ListApiKeys", "no answer")
	for what, c := range map[string]struct {
		kind credential.Kind
		list listing
		want fault.Class
	}{
		"three keys":           {credential.APIKey, listing{n: 3}, ""},
		"two keys":             {credential.APIKey, listing{n: 2}, fault.Conflict},
		"two tokens":           {credential.AuthToken, listing{n: 2}, ""},
		"one token":            {credential.AuthToken, listing{n: 1}, fault.Conflict},
		"none":                 {credential.AuthToken, listing{}, fault.Conflict},
		"what can't be listed": {credential.AuthToken, listing{n: 2, err: unclear}, fault.Unclear},
	} {
		r := &run{Issuer: c.list, job: Job{
			Request: credential.Request{Ref: credential.Ref{Kind: c.kind, User: "u", ID: "old"}}}}
		err := r.stillFull(t.Context())
		if (err != nil) != (c.want != "") || err != nil && fault.Of(err) != c.want {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestWhenTheOldOneWasMadeIsWhatTheListSaysOfIt(t *testing.T) {
	then := noon.Add(-90 * 24 * time.Hour)
	for what, c := range map[string]struct {
		kind credential.Kind
		list []credential.Issued
		want time.Time
	}{
		"listed": {credential.AuthToken, []credential.Issued{{ID: "other", Created: noon},
			{ID: "old", Created: then}}, then},
		"not listed": {credential.AuthToken, []credential.Issued{{ID: "other", Created: noon}},
			time.Time{}},
		"a password, without ids": {credential.Password, []credential.Issued{{ID: "", Created: then}}, then},
	} {
		s := newFixture(c.kind)
		s.snap.Issued = c.list
		if got := s.view().oldMade(); !got.Equal(c.want) {
			t.Errorf("%s: %v, want %v", what, got, c.want)
		}
	}
}

func TestACredentialThatIsNotListedMayLagOnlyWhileItsVersionIsYoung(t *testing.T) {
	for what, c := range map[string]struct {
		kind   credential.Kind
		id     string
		age    time.Duration
		listed bool
		want   bool
	}{
		"young":          {credential.AuthToken, "x", UnseenTime - time.Second, true, true},
		"old":            {credential.AuthToken, "x", UnseenTime, true, false},
		"of unknown age": {credential.AuthToken, "x", UnseenTime, false, true},
		"the old one":    {credential.AuthToken, "old", 0, true, false},
		"a password":     {credential.Password, "x", 0, true, false},
	} {
		s := newFixture(c.kind, plain(c.kind.Roles()[0]))
		s.one().Listed, s.one().Versions[0].Created = c.listed, noon.Add(-c.age)
		if got := s.view().mayBeUnlisted(*s.one(), c.id); got != c.want {
			t.Errorf("%s: %v", what, got)
		}
	}
}

// stubVault is a Vault of one secret, whose first updates fail.
type stubVault struct {
	Vault
	is      vault.Secret
	fails   []error
	updates *int
}

func (v stubVault) Secret(_ context.Context, id string) (vault.Secret, error) {
	if id != v.is.ID {
		return vault.Secret{}, fault.New(fault.Absent, "GetSecret", "")
	}
	return v.is, nil
}

func (v stubVault) Versions(context.Context, string) ([]vault.Version, error) {
	return []vault.Version{{Number: 1}}, nil
}

func (v stubVault) Update(context.Context, string, string, vault.Update) (vault.Secret, error) {
	*v.updates++
	if *v.updates <= len(v.fails) {
		return vault.Secret{}, v.fails[*v.updates-1]
	}
	return v.is, nil
}

func TestAnUpdateIsRepeatedOnceAndOnlyWhereOurOwnIsStillSettling(t *testing.T) {
	busy, conflict := fault.New(fault.Busy, "UpdateSecret", ""), fault.New(fault.Conflict, "UpdateSecret", "")
	for what, c := range map[string]struct {
		fails   []error
		touched bool
		changed bool // something else has changed the secret
		updates int
		want    fault.Class
	}{
		"at once":                           {nil, false, false, 1, ""},
		"while one settles":                 {[]error{busy}, false, false, 2, ""},
		"while one settles for long":        {[]error{busy, busy}, false, false, 2, fault.Busy},
		"with the etag of before our own":   {[]error{conflict}, true, false, 2, ""},
		"with an etag that isn't ours":      {[]error{conflict}, false, false, 1, fault.Conflict},
		"though something else has changed": {[]error{busy}, false, true, 1, fault.Conflict},
		"with an answer that says nothing": {[]error{fault.New(fault.Unclear, "UpdateSecret", "")}, true, false, 1,
			fault.Unclear},
		"where it is refused once and for all": {[]error{fault.New(fault.Denied, "UpdateSecret", "")}, true, false, 1,
			fault.Denied},
	} {
		s := newFixture(credential.AuthToken, plain(credential.RoleToken))
		s.one().Touched = c.touched
		updates := 0
		v := stubVault{is: s.one().Secret, fails: c.fails, updates: &updates}
		if c.changed {
			v.is.Current++
		}
		r := &run{Engine: &Engine{Clock: clock.System{}, Vault: v}, job: s.job, snap: s.snap, mem: s.mem}
		err := r.update(t.Context(), 0, vault.Update{}, Journal{})
		if updates != c.updates || (err != nil) != (c.want != "") || err != nil && fault.Of(err) != c.want {
			t.Errorf("%s: %d updates, %v", what, updates, err)
		}
	}
}

func TestAnEarlierSecretIsReadAsFarAsItCanBe(t *testing.T) {
	updates := 0
	v := stubVault{is: vault.Secret{ID: "there", Name: "web"}, updates: &updates}
	r := &run{Engine: &Engine{Vault: v}, job: Job{Earlier: []string{"gone", "there"}}}
	got := r.readEarlier(t.Context())
	if len(got) != 1 || got[0].SecretID != "there" || got[0].Name != "web" || !got[0].Listed ||
		len(got[0].Versions) != 1 {
		t.Errorf("seen: %+v", got)
	}
}
