package e2e

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/keyturn/keyturn/test/ociemu"
	"github.com/keyturn/keyturn/test/tenancy"
)

// theirs is the case of a password of a user of the domain Partners, who has an e-mail address.
func theirs() tenancy.Want {
	return tenancy.Want{Kind: tenancy.Password, Domain: "Partners",
		Person: ociemu.UserSeed{Email: "web@example.com"}}
}

// neverLost checks at each change that the user's password is the old one, or can be read in a secret.
func neverLost(t *testing.T, s *tenancy.Deployment, c *tenancy.Case) {
	t.Helper()
	lost := false
	s.OnChange(func(v ociemu.View) {
		readable := v.Works("password", c.User, c.Old.Value)
		for _, id := range c.AllSecrets() {
			for _, version := range v.Secret(id).Versions {
				for _, value := range tenancy.SecretValues(v, version.Content) {
					readable = readable || v.Works("password", c.User, value)
				}
			}
		}
		lost = lost || !readable
	})
	t.Cleanup(func() {
		if lost {
			t.Error("the user had a password that no secret has")
		}
	})
}

// chosen checks that the user's password is a new one that the secrets have as CURRENT.
func chosen(t *testing.T, s *tenancy.Deployment, c *tenancy.Case) {
	t.Helper()
	stored, err := c.Stored()
	if err != nil || !works(s, c, stored.Value) || stored.Value == c.Old.Value {
		t.Errorf("the CURRENT value is not the user's new password (%v)", err)
	}
}

// sets counts the requests that changed the password.
func sets(s *tenancy.Deployment) (n int) {
	for _, call := range s.Calls() {
		if strings.HasPrefix(call.Operation, "PutUserPassword") && call.Effect == http.StatusOK {
			n++
		}
	}
	return n
}

func TestAPasswordOfADomainUserIsStoredBeforeItIsSet(t *testing.T) {
	for _, domain := range []string{"Partners", "Plant"} {
		for _, bundle := range []bool{false, true} {
			t.Run(fmt.Sprint(domain, ", bundle ", bundle), func(t *testing.T) {
				t.Parallel()
				s := withDomains(t, ociemu.Options{})
				w := theirs()
				w.Domain, w.Bundle = domain, bundle
				c := s.Add(w)
				neverLost(t, s, c)
				a := closeProblem(t, s, c, c.Comment())
				if a.Outcome != "rotated" || a.NewID == "" {
					t.Fatalf("the answer is %+v", a)
				}
				chosen(t, s, c)
				for _, id := range c.Secrets {
					if n := len(s.Secret(id).Versions); n != 2 {
						t.Errorf("the secret has %d versions, want 2", n)
					}
				}
				mails := s.Mails()
				if len(mails) != 1 || !strings.Contains(mails[0].Body, domain+"/"+c.UserName) ||
					!strings.Contains(mails[0].Body, "is the user's new password") ||
					strings.Contains(mails[0].Body, "one-time") {
					t.Errorf("the mails are %+v", mails)
				}
				if told := s.DomainMails(); len(told) != 1 || told[0].Kind != "changed" || sets(s) != 1 {
					t.Errorf("the user was told %+v, after %d requests", told, sets(s))
				}
				if _, err := s.Invoke(t.Context(), s.Events()[0]); err != nil {
					t.Fatal(err)
				}
				if a := lastAnswer(t, s); a.Outcome != "already" || sets(s) != 1 {
					t.Errorf("the second delivery is answered %+v after %d requests", a, sets(s))
				}
				chosen(t, s, c)
			})
		}
	}
}

func TestWithoutASecretADomainUserGetsOneLinkByMail(t *testing.T) {
	for _, parallel := range []bool{false, true} {
		t.Run(fmt.Sprint("at once ", parallel), func(t *testing.T) {
			t.Parallel()
			s := withDomains(t, ociemu.Options{Deliveries: 5, ParallelDeliveries: parallel})
			w := theirs()
			w.NoSecret = true
			c := s.Add(w)
			if err := s.Close(t.Context(), c.Problem, c.Comment()); err != nil {
				t.Fatal(err)
			}
			mails := s.DomainMails()
			if len(mails) != 1 || mails[0].Kind != "reset" || mails[0].User != c.User || works(s, c, c.Old.Value) {
				t.Errorf("the user got %+v", mails)
			}
			done := 0
			for _, r := range s.Replies() {
				if strings.Contains(string(r.Body), `"outcome":"rotated"`) {
					done++
				}
			}
			if done != 1 || len(s.Replies()) != 5 {
				t.Errorf("%d of %d deliveries rotated, want 1 of 5", done, len(s.Replies()))
			}
			told := 0
			for _, m := range s.Mails() {
				if strings.Contains(m.Body, "follows the link in the mail") {
					told++
				}
			}
			if told != 1 {
				t.Errorf("%d of %d mails to SecOps speak of the link, want 1", told, len(s.Mails()))
			}
			closedAllAlong(t, s, c)
		})
	}
}

func TestADomainUserWhoCanNotGetAPasswordKeepsTheOldOne(t *testing.T) {
	for name, c := range map[string]struct {
		person   ociemu.UserSeed
		noSecret bool
		want     string
	}{
		"federated":                   {ociemu.UserSeed{Federated: true}, false, "another identity provider"},
		"federated, without a secret": {ociemu.UserSeed{Federated: true}, true, "another identity provider"},
		"not allowed": {ociemu.UserSeed{Without: []string{"canUseConsolePassword"}}, false,
			"canUseConsolePassword"},
		"without an address and a secret": {ociemu.UserSeed{}, true, "no primary e-mail address"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := withDomains(t, ociemu.Options{})
			w := theirs()
			w.Person, w.NoSecret = c.person, c.noSecret
			with := s.Add(w)
			a := closeProblem(t, s, with, with.Comment())
			if a.Outcome != "refused" || !a.Reopened || a.Changed || !strings.Contains(a.Reason, c.want) ||
				!works(s, with, with.Old.Value) {
				t.Errorf("the answer is %+v", a)
			}
			for _, id := range with.Secrets {
				if n := len(s.Secret(id).Versions); n != 1 {
					t.Errorf("the secret has %d versions, want 1", n)
				}
			}
		})
	}
	t.Run("without an address, with a secret", func(t *testing.T) {
		s := withDomains(t, ociemu.Options{})
		w := theirs()
		w.Person = ociemu.UserSeed{}
		c := s.Add(w)
		if a := closeProblem(t, s, c, c.Comment()); a.Outcome != "rotated" {
			t.Errorf("the answer is %+v", a)
		}
		chosen(t, s, c)
	})
}

func TestARefusalByADomainsPasswordPolicyIsShownAndTheOldPasswordStays(t *testing.T) {
	s := withDomains(t, ociemu.Options{})
	c := s.Add(theirs())
	neverLost(t, s, c)
	const why = "error.identity.user.weakPassword" // that no row of Keyturn names
	refuses := s.Inject(ociemu.Fault{Operation: "PutUserPasswordChanger", Times: -1, Do: ociemu.Answer(400, why)})
	a := closeProblem(t, s, c, c.Comment())
	if a.Outcome != "refused" || !a.Reopened || !strings.Contains(a.Reason, why) || !works(s, c, c.Old.Value) {
		t.Errorf("the answer is %+v", a)
	}
	if mails := s.Mails(); len(mails) != 1 || !strings.Contains(mails[0].Body, why) ||
		!strings.Contains(mails[0].Body, "still valid") {
		t.Errorf("the mails are %+v", mails)
	}
	refuses.Remove()
	s.Forward(11 * time.Minute)
	if a := closeProblem(t, s, c, c.Comment()); a.Outcome != "rotated" {
		t.Errorf("when the policy allows it, the answer is %+v", a)
	}
	chosen(t, s, c)
}

func TestASweepFinishesAChosenPasswordAfterAKillAtAnyCall(t *testing.T) {
	t.Parallel()
	options := tenancy.Options{Emulator: ociemu.Calm(), Timeout: time.Minute,
		Config: []string{"identity_domains=all"}}
	options.Emulator.Domains = []ociemu.DomainSeed{{Name: "Partners"}}
	for _, bundle := range []bool{false, true} {
		w := theirs()
		w.Bundle = bundle
		killed(t, options, w, oneIn(t, 2), func(s *tenancy.Deployment, c *tenancy.Case) {
			for range 3 {
				s.Forward(11 * time.Minute) // longer than a process lives or a list lags
				sweep(t, s)
			}
			chosen(t, s, c)
			if n := sets(s); n > 1 {
				t.Errorf("the password was set %d times", n)
			}
		})
	}
}

func TestALostAnswerToAChosenPasswordIsFoundOut(t *testing.T) {
	for name, when := range map[string]ociemu.When{"it was set": ociemu.After, "it was not set": ociemu.Before} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := withDomains(t, ociemu.Calm())
			c := s.Add(theirs())
			neverLost(t, s, c)
			s.Inject(ociemu.Fault{Operation: "PutUserPasswordChanger", When: when, Do: ociemu.Cut})
			if a := closeProblem(t, s, c, c.Comment()); a.Outcome != "rotated" || sets(s) != 1 {
				t.Errorf("the answer is %+v after %d requests", a, sets(s))
			}
			chosen(t, s, c)
		})
	}
}

func TestAPasswordThatADomainUserHasSetSinceStays(t *testing.T) {
	for _, none := range []bool{false, true} {
		s := withDomains(t, ociemu.Calm())
		dropEvents(s)
		w := theirs()
		w.NoSecret = none
		c := s.Add(w)
		if err := s.Close(t.Context(), c.Problem, c.Comment()); err != nil {
			t.Fatal(err)
		}
		own := s.SetPassword(c.User)
		s.Forward(11 * time.Minute)
		sweep(t, s)
		if !works(s, c, own) || sets(s) != 0 {
			t.Errorf("without a secret %v: the user's own password was replaced", none)
		}
		closedAllAlong(t, s, c)
	}
}

func TestADomainUsersPasswordIsSetOnceWhateverTheDomainAnswers(t *testing.T) {
	all := slices.DeleteFunc(slices.Clone(domainPositions), func(p position) bool {
		return p.kind != "" || p.meets == aLostCreate || p.meets == aRole
	})
	all = append(all, position{name: "must change",
		change: func(a *ociemu.DomainAnswers) { a.PasswordMustChange = true }})
	for _, p := range all {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			o := ociemu.Options{Deliveries: 3}
			p.change(&o.DomainAnswers)
			s := withDomains(t, o)
			c := s.Add(theirs())
			neverLost(t, s, c)
			if err := s.Close(t.Context(), c.Problem, c.Comment()); err != nil {
				t.Fatal(err)
			}
			chosen(t, s, c)
			if n := sets(s); n != 1 {
				t.Errorf("the password was set %d times", n)
			}
			closedAllAlong(t, s, c)
		})
	}
}

func TestWithListsThatLagAChosenPasswordIsSetOnce(t *testing.T) {
	t.Parallel()
	o := ociemu.Calm()
	o.ListLag, o.Deliveries = 30*time.Second, 3
	s := withDomains(t, o)
	c := s.Add(theirs())
	neverLost(t, s, c)
	if err := s.Close(t.Context(), c.Problem, c.Comment()); err != nil {
		t.Fatal(err)
	}
	chosen(t, s, c)
	s.Forward(11 * time.Minute)
	sweep(t, s)
	chosen(t, s, c)
	if n := sets(s); n != 1 {
		t.Errorf("the password was set %d times", n)
	}
	closedAllAlong(t, s, c)
}
