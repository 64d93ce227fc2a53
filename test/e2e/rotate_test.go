package e2e

import (
	"strings"
	"testing"
	"time"

	"github.com/keyturn/keyturn/test/need"
	"github.com/keyturn/keyturn/test/ociemu"
	"github.com/keyturn/keyturn/test/tenancy"
)

// form is a kind with a form of its secrets.
type form struct {
	name string
	want tenancy.Want
}

// forms lists all forms except passwords, which the tests can't use over HTTP.
var forms = []form{
	{"api-key", tenancy.Want{Kind: tenancy.APIKey}},
	{"api-key-bundle", tenancy.Want{Kind: tenancy.APIKey, Bundle: true}},
	{"auth-token", tenancy.Want{Kind: tenancy.AuthToken}},
	{"auth-token-bundle", tenancy.Want{Kind: tenancy.AuthToken, Bundle: true}},
	{"customer-secret-key-pair", tenancy.Want{Kind: tenancy.CustomerSecretKey}},
	{"customer-secret-key-bundle", tenancy.Want{Kind: tenancy.CustomerSecretKey, Bundle: true}},
}

// formsOf returns the forms for the n-th combination of a test: all of them in the suite combinations, otherwise one of
// each kind. It alternates with n and the kind, so that every form is in some test.
func formsOf(t *testing.T, n int) []form {
	t.Helper()
	if need.Chosen(t, need.Combinations) {
		return forms
	}
	var some []form
	for kind := range len(forms) / 2 {
		some = append(some, forms[2*kind+(kind+n)%2])
	}
	return some
}

// formOf returns one form for the n-th combination of a test, or all of them in the suite combinations.
func formOf(t *testing.T, n int) []form {
	t.Helper()
	if need.Chosen(t, need.Combinations) {
		return forms
	}
	return []form{forms[n%len(forms)]}
}

// each runs a test for every kind in parallel, and in the suite combinations for every form.
func each(t *testing.T, f func(t *testing.T, w tenancy.Want)) {
	t.Helper()
	for _, form := range formsOf(t, len(t.Name())) {
		t.Run(form.name, func(t *testing.T) {
			t.Parallel()
			f(t, form.want)
		})
	}
}

func TestAClosedProblemRotatesTheCredentialAndNothingElse(t *testing.T) {
	each(t, func(t *testing.T, w tenancy.Want) {
		s := newTenancy(t, tenancy.Options{})
		c := s.Add(w)
		a := closeProblem(t, s, c, c.Comment("ticket CHG-1234"))
		if a.Outcome != "rotated" || a.NewID == "" || !a.Changed {
			t.Fatalf("the answer is %+v", a)
		}
		rotated(t, s, c)
		mails := s.Mails()
		if len(mails) != 1 {
			t.Fatalf("%d mails, want 1", len(mails))
		}
		for _, want := range []string{c.OldID, a.NewID, c.User, c.UserName, c.Problem, s.Tenancy(), s.Operator.Name,
			"CHG-1234", "version 2 is CURRENT"} {
			if !strings.Contains(mails[0].Body, want) {
				t.Errorf("the mail doesn't say %s", want)
			}
		}
		if p := s.Problem(c.Problem); p.Status != "RESOLVED" {
			t.Errorf("the problem is %s", p.Status)
		}
	})
}

func TestAnotherCredentialOfTheUserIsNotTouched(t *testing.T) {
	s := newTenancy(t, tenancy.Options{})
	c := s.Add(tenancy.Want{Kind: tenancy.APIKey, Bystander: 1})
	if a := closeProblem(t, s, c, c.Comment()); a.Outcome != "rotated" {
		t.Fatalf("the answer is %+v", a)
	}
	rotated(t, s, c)
}

func TestAPasswordIsResetOnceAndItsOneTimeValueStored(t *testing.T) {
	for name, w := range map[string]tenancy.Want{"kept": {Kind: tenancy.Password},
		"bundle":   {Kind: tenancy.Password, Bundle: true},
		"not kept": {Kind: tenancy.Password, NoSecret: true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newTenancy(t, tenancy.Options{})
			c := s.Add(w)
			made := c.IDs()[0]
			a := closeProblem(t, s, c, c.Comment("please"))
			if a.Outcome != "rotated" || c.IDs()[0] == made {
				t.Fatalf("the answer is %+v", a)
			}
			if w.NoSecret {
				return
			}
			stored, err := c.Stored()
			if err != nil || stored.Value == "" || stored.Value == c.Old.Value {
				t.Fatalf("the secret doesn't hold the one-time password (%v)", err)
			}
			for _, id := range c.Secrets {
				if n := len(s.Secret(id).Versions); n != 2 {
					t.Errorf("the secret has %d versions, want 2", n)
				}
			}
		})
	}
}

func TestTheSameEventFiveTimesIsOneRotation(t *testing.T) {
	each(t, func(t *testing.T, w tenancy.Want) {
		s := newTenancy(t, tenancy.Options{Emulator: ociemu.Options{Deliveries: 5}})
		c := s.Add(w)
		if err := s.Close(t.Context(), c.Problem, c.Comment()); err != nil {
			t.Fatal(err)
		}
		rotated(t, s, c)
		done := 0
		for _, r := range s.Replies() {
			if r.Status != 200 {
				t.Errorf("a delivery was answered %d", r.Status)
			}
			if strings.Contains(string(r.Body), `"outcome":"rotated"`) {
				done++
			}
		}
		if len(s.Replies()) != 5 || done != 1 {
			t.Errorf("%d of %d deliveries rotated, want 1 of 5", done, len(s.Replies()))
		}
	})
}

func TestTheSameEventFiveTimesAtOnceIsOneRotation(t *testing.T) {
	each(t, func(t *testing.T, w tenancy.Want) {
		s := newTenancy(t, tenancy.Options{Emulator: ociemu.Options{Deliveries: 5, ParallelDeliveries: true}})
		c := s.Add(w)
		if err := s.Close(t.Context(), c.Problem, c.Comment()); err != nil {
			t.Fatal(err)
		}
		rotated(t, s, c)
		if len(s.Replies()) != 5 {
			t.Errorf("%d deliveries, want 5", len(s.Replies()))
		}
	})
}

func TestARepeatedEventResetsAPasswordOnce(t *testing.T) {
	t.Parallel()
	for _, parallel := range []bool{false, true} {
		for _, none := range []bool{false, true} {
			s := newTenancy(t, tenancy.Options{Emulator: ociemu.Options{Deliveries: 5, ParallelDeliveries: parallel}})
			c := s.Add(tenancy.Want{Kind: tenancy.Password, NoSecret: none})
			before := s.User(c.User).PasswordCreated
			resets := map[time.Time]bool{} // written under the emulator's lock, and read afterwards
			s.OnChange(func(v ociemu.View) { resets[v.User(c.User).PasswordCreated] = true })
			if err := s.Close(t.Context(), c.Problem, c.Comment()); err != nil {
				t.Fatal(err)
			}
			delete(resets, before)
			// Without a secret there is no lock. The retry token makes several requests one reset.
			if len(resets) != 1 {
				t.Errorf("side by side %v, without a secret %v: %d resets, want 1", parallel, none, len(resets))
			}
		}
	}
}

func TestAProblemThatIsClosedTwiceIsOneRotation(t *testing.T) {
	each(t, func(t *testing.T, w tenancy.Want) {
		s := newTenancy(t, tenancy.Options{})
		c := s.Add(w)
		closeProblem(t, s, c, c.Comment())
		s.Rescan(c.Problem, false) // Cloud Guard sees that it is gone, and sends a second event
		s.Deliver()
		if a := lastAnswer(t, s); a.Outcome != "already" {
			t.Errorf("the second event is answered %+v", a)
		}
		rotated(t, s, c)
	})
}

func TestABoundSecretIsFoundWithoutAComment(t *testing.T) {
	for _, w := range []tenancy.Want{{Kind: tenancy.APIKey}, {Kind: tenancy.AuthToken},
		{Kind: tenancy.CustomerSecretKey, Bundle: true}} {
		t.Run(string(w.Kind), func(t *testing.T) {
			t.Parallel()
			s := newTenancy(t, tenancy.Options{})
			c := s.Add(w)
			s.Add(tenancy.Want{Kind: w.Kind}) // another user's
			if a := closeProblem(t, s, c, "rotate:yes"); a.Outcome != "rotated" {
				t.Fatalf("the answer is %+v", a)
			}
			rotated(t, s, c)
		})
	}
}

func TestTheHomeRegionAndTheSecretsRegionAreFound(t *testing.T) {
	each(t, func(t *testing.T, w tenancy.Want) {
		s := newTenancy(t, tenancy.Options{Emulator: ociemu.Options{Region: "eu-frankfurt-1",
			HomeRegion: "us-phoenix-1"}})
		c := s.Add(w)
		for key := range c.Secrets {
			c.Secrets[key] = c.AddSecretIn(key, "uk-london-1")
		}
		if a := closeProblem(t, s, c, c.Comment()); a.Outcome != "rotated" {
			t.Fatalf("the answer is %+v", a)
		}
		ids := c.IDs()
		if len(ids) != 1 || ids[0] == c.OldID {
			t.Errorf("the user has %v", ids)
		}
	})
}
