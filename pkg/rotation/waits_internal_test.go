package rotation

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/fault"
	"github.com/keyturn/keyturn/pkg/vault"
)

// slept gives the run a fake clock, and returns the times of the vault's calls.
func slept(r *run, v *fakeVault) (times *[]time.Duration) {
	times = new([]time.Duration)
	clock, fails := r.Clock.(*fakeClock), v.fails
	v.fails = func(call string) error {
		*times = append(*times, clock.now.Sub(noon))
		if fails != nil {
			return fails(call)
		}
		return nil
	}
	return times
}

// doubling returns the times of n calls, with pauses that double from 10 ms to a second.
func doubling(n int) (times []time.Duration) {
	at, pause := time.Duration(0), 10*time.Millisecond
	for range n {
		times = append(times, at)
		at += pause
		pause = min(2*pause, time.Second)
	}
	return times
}

func TestASecretIsWaitedForWhileItIsUpdatingAndForAMinuteAtMost(t *testing.T) {
	for what, c := range map[string]struct {
		state string
		until int // the call that finds it ACTIVE
		calls int
		want  fault.Class
	}{
		"ACTIVE":            {vault.Active, 0, 1, ""},
		"in another state":  {"PENDING_DELETION", 0, 1, ""},
		"UPDATING":          {vault.Updating, 5, 5, ""},
		"UPDATING for long": {vault.Updating, 60, 60, ""},
		"UPDATING for good": {vault.Updating, 0, 66, fault.Busy},
	} {
		s := newFixture(credential.AuthToken, plain(credential.RoleToken))
		v := newFakeVault(s)
		v.is["secret-1"].State = c.state
		v.fails = func(string) error {
			if len(v.calls) == c.until {
				v.is["secret-1"].State = vault.Active
			}
			return nil
		}
		r := s.on(v)
		times := slept(r, v)
		got, err := r.readSettled(t.Context(), "secret-1")
		if (err == nil) != (c.want == "") || err != nil && fault.Of(err) != c.want || got.ID != "secret-1" {
			t.Errorf("%s: %v", what, err)
		}
		if !slices.Equal(*times, doubling(c.calls)) {
			t.Errorf("%s: it was read %d times, want %d: %v", what, len(*times), c.calls, *times)
		}
	}
}

func TestAVersionIsReadBackUntilItIsThereAndForSecondsAtMost(t *testing.T) {
	m := credential.Material{Kind: credential.AuthToken, ID: "new", Value: credential.NewValue([]byte("value"))}
	for what, c := range map[string]struct {
		fails func(n int) error
		other bool
		calls int
		want  fault.Class
	}{
		"at once": {nil, false, 1, ""},
		"in a moment": {func(n int) error {
			return map[bool]error{true: fault.New(fault.Absent, "",
				"")}[n < 4]
		}, false, 4, ""},
		"never":       {func(int) error { return fault.New(fault.Absent, "", "") }, false, 8, fault.Absent},
		"not allowed": {func(int) error { return fault.New(fault.Denied, "", "") }, false, 1, fault.Denied},
		"no answer":   {func(int) error { return fault.New(fault.Unclear, "", "") }, false, 1, fault.Unclear},
		"another one": {nil, true, 1, fault.Invalid},
		"another one later": {func(n int) error {
			return map[bool]error{true: fault.New(fault.Absent, "",
				"")}[n < 2]
		}, true, 2, fault.Invalid},
	} {
		s := newFixture(credential.AuthToken, at(newFixture(credential.AuthToken).name(1), "pending"))
		v := newFakeVault(s)
		v.contents["secret-12"] = m.Value
		if c.other {
			v.contents["secret-12"] = credential.NewValue([]byte("other"))
		}
		if c.fails != nil {
			v.fails = func(string) error {
				if err := c.fails(len(v.calls)); err != nil {
					return err
				}
				return nil
			}
		}
		r := s.on(v)
		times := slept(r, v)
		number, err := r.verify(t.Context(), Case{Version: s.name(1), Material: &m}, *s.one())
		if (err == nil) != (c.want == "") || err != nil && fault.Of(err) != c.want || (number == 2) != (err == nil) {
			t.Errorf("%s: version %d, %v", what, number, err)
		}
		if !slices.Equal(*times, doubling(c.calls)) {
			t.Errorf("%s: it was read %d times, want %d: %v", what, len(*times), c.calls, *times)
		}
	}
}

func TestAContentMatchesIfItsSecretsPartIsTheCredentials(t *testing.T) {
	m := credential.Material{Kind: credential.CustomerSecretKey, ID: "new",
		Value: credential.NewValue([]byte("value"))}
	for text, roles := range map[string][]credential.Role{
		"value": {credential.RoleSecretKey},
		"new":   {credential.RoleAccessKey},
		"other": nil, "": nil,
		`{"kind":"customer-secret-key","access_key":"new","secret_key":"value"}`:   {credential.RoleBundle},
		`{"kind":"customer-secret-key","access_key":"other","secret_key":"value"}`: nil,
		`{"kind":"customer-secret-key","access_key":"new","secret_key":"other"}`:   nil,
	} {
		for _, role := range m.Kind.Roles() {
			if got := matches(m, role, credential.NewValue([]byte(text))); got != slices.Contains(roles, role) {
				t.Errorf("%s for %s: %v", text, role, got)
			}
		}
	}
}

func TestOnlyWhatIsStagedAndNotReadYetIsReadBack(t *testing.T) {
	v, r, c := stagedPair(t)
	for what, want := range map[string]struct {
		change  func(*Seen)
		numbers []int64
	}{
		"staged":           {func(*Seen) {}, []int64{3, 3}},
		"read before":      {func(s *Seen) { s.Verified = true }, []int64{0, 3}},
		"CURRENT":          {func(s *Seen) { s.Versions[2].Current = true }, []int64{0, 3}},
		"without it":       {func(s *Seen) { s.Versions = s.Versions[:2] }, []int64{0, 3}},
		"under other name": {func(s *Seen) { s.Versions[2].Name = "x" }, []int64{0, 3}},
	} {
		one := r.snap.Secrets[0]
		one.Versions = slices.Clone(one.Versions)
		want.change(&one)
		again := *r
		again.snap = r.snap.with(0, one)
		numbers, err := again.readBack(t.Context(), c)
		if err != nil || !slices.Equal(numbers, want.numbers) {
			t.Errorf("%s: %v, %v", what, numbers, err)
		}
		again.markVerified(c, numbers)
		for i, number := range numbers {
			got := again.snap.Secrets[i]
			if got.Verified != (number != 0 || what == "read before") || number != 0 &&
				got.version(c.Version).Number != number {
				t.Errorf("%s: secret %d is %+v, verified %v", what, i+1, got.Versions, got.Verified)
			}
		}
	}
	v.fails = func(call string) error {
		if strings.Contains(call, "secret-2") {
			return fault.New(fault.Denied, "GetSecretBundle", "no")
		}
		return nil
	}
	if _, err := r.readBack(t.Context(), c); fault.Of(err) != fault.Denied || !strings.Contains(err.Error(),
		"secret-2") {
		t.Errorf("one that may not be read: %v", err)
	}
}

func TestALookAfterAFailureWaitsTheLongerTheMoreThereWere(t *testing.T) {
	for looks := range 5 {
		for failed := range 5 {
			s := newFixture(credential.AuthToken, plain(credential.RoleToken))
			v := newFakeVault(s)
			r := s.on(v)
			r.Issuer = listIssuer{listing: credential.Listing{At: noon, Credentials: s.snap.Issued}}
			r.job.Authorize = func(context.Context, []vault.Secret) (credential.Authorized,
				error) {
				return credential.Authorized{}, nil
			}
			r.mem.Looks, r.mem.Tries = looks, map[Action]int{Look: failed}
			if err := r.look(t.Context()); err != nil || !r.Clock.Now().Equal(noon) {
				t.Errorf("without a failure: %v, after %v", err, r.Clock.Now().Sub(noon))
			}
			r.mem.Looks, r.mem.Failure = looks, &Failure{Stage, errTest, false}
			times := slept(r, v)
			want := 50 * time.Millisecond
			for range min(looks+failed, 6) {
				want *= 2
			}
			if err := r.look(t.Context()); err != nil || (*times)[0] != want {
				t.Errorf("after %d looks and %d that failed: %v, after %v, want %v", looks, failed, err, *times, want)
			}
		}
	}
}

func TestALookAsksTheGuardAboutTheSecretsThatCanBeRead(t *testing.T) {
	passing, refusal := fault.New(fault.Unclear, "GetTags", "no"), errors.New("not tagged")
	for _, guard := range []error{nil, passing, refusal} {
		for _, unread := range []string{"", "secret-1", "secret-2"} {
			s := newFixture(credential.CustomerSecretKey, plain(credential.RoleSecretKey),
				plain(credential.RoleAccessKey))
			v := newFakeVault(s)
			v.fails = func(call string) error {
				if call == "Secret "+unread {
					return fault.New(fault.Denied, "GetSecret", "no")
				}
				return nil
			}
			r := s.on(v)
			r.mem.Looks, r.snap = 0, Snapshot{}
			r.Issuer = listIssuer{listing: credential.Listing{At: noon, Credentials: s.snap.Issued}}
			var asked []string
			r.job.Authorize = func(_ context.Context, secrets []vault.Secret) (credential.Authorized, error) {
				for _, one := range secrets {
					asked = append(asked, one.ID)
				}
				return credential.Authorized{Owner: credential.Owner{User: "u"}}, guard
			}
			err := r.look(t.Context())
			want := slices.DeleteFunc([]string{"secret-1", "secret-2"}, func(id string) bool { return id == unread })
			what := fmt.Sprintf("%v, %q can't be read", guard, unread)
			if !slices.Equal(asked, want) {
				t.Errorf("%s: it was asked about %v", what, asked)
			}
			if guard == error(passing) {
				if !errors.Is(err, guard) || r.snap.Seen || r.mem.Looks != 0 {
					t.Errorf("%s: %v, seen %v", what, err, r.snap.Seen)
				}
				continue
			}
			if err != nil || r.snap.Refusal != guard || r.snap.Owner.User != "u" || r.mem.Looks != 1 || !r.mem.Fresh {
				t.Errorf("%s: %v, refused %v, %+v", what, err, r.snap.Refusal, r.mem)
			}
		}
	}
}

func TestWhatTheFirstLookFoundIsKept(t *testing.T) {
	s := newFixture(credential.CustomerSecretKey, plain(credential.RoleSecretKey), plain(credential.RoleAccessKey))
	then := noon.Add(-100 * time.Hour)
	s.snap.Issued[0].Created = then
	v := newFakeVault(s)
	v.is["secret-2"].Current = 5
	r := s.on(v)
	r.mem.Looks = 0
	r.job.Authorize = func(context.Context, []vault.Secret) (credential.Authorized, error) {
		return credential.Authorized{}, nil
	}
	for n := range 3 {
		r.Issuer = listIssuer{listing: credential.Listing{At: noon, Credentials: s.snap.Issued}}
		if err := r.look(t.Context()); err != nil || !slices.Equal(r.mem.Found, []int64{1, 5}) ||
			!r.result.OldMade.Equal(then) {
			t.Errorf("look %d: %v, found %v; the old one was made %v", n+1, err, r.mem.Found, r.result.OldMade)
		}
		v.is["secret-1"].Current++
		s.snap.Issued = []credential.Issued{{ID: "old", Created: noon}}
	}
}

// failingDelete is an issuer whose Delete fails.
type failingDelete struct {
	listIssuer
	err error
}

func (s failingDelete) Delete(context.Context, string, string) error { return s.err }

func TestAStepThatFailsIsNotedWithItsErrorAndWhetherItsTimeWasUp(t *testing.T) {
	for _, class := range append(classes, "") {
		for _, up := range []bool{false, true} {
			var failure error
			if class != "" {
				failure = fault.New(class, "DeleteAuthToken", "no")
			}
			s := newFixture(credential.AuthToken, plain(credential.RoleToken))
			r := s.on(newFakeVault(s))
			r.Issuer = failingDelete{err: failure}
			var steps []Step
			r.job.OnStep = func(s Step) { steps = append(steps, s) }
			ctx, cancel := context.WithCancel(t.Context())
			if up {
				cancel()
			}
			r.act(ctx, ctx, Case{Lost: "lost"}, Decision{Action: Discard, Because: "so"})
			cancel()
			if len(steps) != 1 || steps[0].Action != Discard || steps[0].Because != "so" || !errors.Is(steps[0].Err,
				failure) || !steps[0].Began.Equal(noon) ||
				len(r.result.Steps) != 1 {
				t.Errorf("%s: the step is %+v", class, steps)
			}
			if class == "" {
				if r.mem.Failure != nil || !slices.Equal(r.mem.Deleted, []string{"lost"}) || !r.result.Acted {
					t.Errorf("done: %+v, acted %v", r.mem, r.result.Acted)
				}
				continue
			}
			f := r.mem.Failure
			if f == nil || f.Action != Discard || f.TimeUp != up || fault.Of(f.Err) != class ||
				!strings.Contains(f.Err.Error(), "token OCID lost") {
				t.Errorf("%s, time up %v: %+v", class, up, f)
			}
			if len(r.mem.Deleted) > 0 || r.result.Acted != (class == fault.Unclear) {
				t.Errorf("%s: deleted %v, acted %v", class, r.mem.Deleted, r.result.Acted)
			}
		}
	}
}
