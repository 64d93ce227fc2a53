package e2e

import (
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/keyturn/keyturn/test/ociemu"
	"github.com/keyturn/keyturn/test/tenancy"
)

// lagging is a tenancy whose lists of credentials are half a minute old, or as long as that is the clock stands.
func lagging() tenancy.Options {
	o := ociemu.Calm()
	o.ListLag = 30 * time.Second
	return tenancy.Options{Emulator: o}
}

// made counts the credentials of the kind that were made.
func made(s *tenancy.Deployment, kind tenancy.Kind) (n int) {
	for _, call := range s.Calls() {
		if call.Operation == creates[kind] && call.Effect == http.StatusOK && !call.Caller.Operator {
			n++
		}
	}
	return n
}

// onceRotated checks that one credential was made, and took the old one's place.
func onceRotated(t *testing.T, s *tenancy.Deployment, c *tenancy.Case) {
	t.Helper()
	if n := made(s, c.Kind); n != 1 {
		t.Errorf("%d credentials were made, want one", n)
	}
	successor(t, s, c)
}

// successor checks that there is one new credential in place of the old one, that CURRENT holds it, and that the
// problem stayed closed.
func successor(t *testing.T, s *tenancy.Deployment, c *tenancy.Case) {
	t.Helper()
	ids := c.IDs()
	stored, err := c.Stored()
	if err != nil || len(ids) != 1+len(c.Bystander) || slices.Contains(ids, c.OldID) || c.Try(stored) != 200 {
		t.Errorf("the user has %v, CURRENT is answered %d (%v)", ids, c.Try(stored), err)
	}
	closedAllAlong(t, s, c)
}

// closedAllAlong checks that nobody opened the problem again.
func closedAllAlong(t *testing.T, s *tenancy.Deployment, c *tenancy.Case) {
	t.Helper()
	history := s.Problem(c.Problem).History
	for i, item := range history {
		if i > 0 && item.Status == "OPEN" {
			t.Errorf("the problem was opened again: %q", item.Comment)
		}
	}
}

func TestARotationDoesNotNeedAListThatIsUpToDate(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w tenancy.Want) {
		s := play(t, lagging())
		c := s.Add(w)
		neverLost(t, s, c)
		if a := closeProblem(t, s, c, c.Comment()); a.Outcome != "rotated" {
			t.Fatalf("the answer is %+v", a)
		}
		onceRotated(t, s, c)
	})
}

func TestADeliveryThatSeesTheListOfBeforeMakesNothingAndOpensNothing(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w tenancy.Want) {
		s := play(t, lagging())
		c := s.Add(w)
		neverLost(t, s, c)
		closeProblem(t, s, c, c.Comment())
		for range 3 { // each is answered that it is done, or fails, to come again
			if _, err := s.Invoke(t.Context(), s.Events()[0]); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := s.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		onceRotated(t, s, c)
		s.Forward(10 * time.Minute)
		finish(t, s)
		onceRotated(t, s, c)
		if a := lastAnswer(t, s); a.Outcome != "already" && a.Outcome != "rotated" {
			t.Errorf("when the lists are up to date the answer is %+v", a)
		}
	})
}

func TestFiveDeliveriesAtOnceThatSeeOldListsAreOneRotation(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w tenancy.Want) {
		o := lagging()
		o.Emulator.Deliveries, o.Emulator.ParallelDeliveries = 5, true
		s := play(t, o)
		c := s.Add(w)
		neverLost(t, s, c)
		if err := s.Close(t.Context(), c.Problem, c.Comment()); err != nil {
			t.Fatal(err)
		}
		closedAllAlong(t, s, c)
		s.Forward(10 * time.Minute)
		finish(t, s)
		successor(t, s, c)
		if w.Kind == tenancy.APIKey && made(s, w.Kind) != 1 {
			t.Errorf("%d keys were made", made(s, w.Kind))
		}
	})
}

// Of two processes the second comes when the first is done with a part, and sees the list of before that part.
func TestADuplicateThatComesInTheMiddleAndSeesAnOldListLeavesTheRotationAlone(t *testing.T) {
	t.Parallel()
	for name, at := range map[string]func(*tenancy.Deployment, *tenancy.Case) func(ociemu.Call) bool{
		"while it is staged": beforeStage.fits,
		"while it is proven": duringProof.fits,
		"while the old one is going": func(_ *tenancy.Deployment, c *tenancy.Case) func(ociemu.Call) bool {
			return func(k ociemu.Call) bool { return k.Operation == deletes[c.Kind] }
		},
	} {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, w tenancy.Want) {
				s := play(t, lagging())
				c := s.Add(w)
				neverLost(t, s, c)
				wait := duplicate(t, s, at(s, c))
				if err := s.Close(t.Context(), c.Problem, c.Comment()); err != nil {
					t.Fatal(err)
				}
				if !wait() {
					t.Fatal("the moment never came")
				}
				closedAllAlong(t, s, c)
				s.Forward(10 * time.Minute)
				finish(t, s)
				successor(t, s, c)
				if n := made(s, w.Kind); n > 2 || w.Kind == tenancy.APIKey && n > 1 {
					t.Errorf("%d credentials were made", n)
				}
			})
		})
	}
}

// Who dies right after the create leaves a credential that no list shows yet.
func TestWhatADeadProcessHasJustMadeIsFoundThoughTheListsLag(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w tenancy.Want) {
		s := play(t, lagging())
		c := s.Add(w)
		neverLost(t, s, c)
		s.KillAt(creates[w.Kind], 0)
		if err := s.Close(t.Context(), c.Problem, c.Comment()); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Invoke(t.Context(), s.Events()[0]); err != nil { // it sees neither the new one nor its maker
			t.Fatal(err)
		}
		if _, err := s.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		closedAllAlong(t, s, c)
		eventually(t, s)
		successor(t, s, c)
	})
}

// At each of a rotation's looks the list is five minutes old, once.
func TestOneListThatIsOldEndsInOneRotation(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w tenancy.Want) {
		for skip := range 4 {
			s := play(t, calm)
			c := s.Add(w)
			neverLost(t, s, c)
			s.Inject(ociemu.Fault{Operation: lists[w.Kind], Skip: skip, Do: ociemu.StaleList(5 * time.Minute)})
			if err := s.Close(t.Context(), c.Problem, c.Comment()); err != nil {
				t.Fatal(err)
			}
			closedAllAlong(t, s, c)
			s.Forward(10 * time.Minute)
			finish(t, s)
			onceRotated(t, s, c)
		}
	})
}

func TestAPasswordIsResetOnceThoughItsAgeIsShownLate(t *testing.T) {
	t.Parallel()
	for name, w := range map[string]tenancy.Want{"kept": {Kind: tenancy.Password}, "not kept": {Kind: tenancy.Password,
		NoSecret: true}} {
		for _, parallel := range []bool{false, true} {
			t.Run(name+map[bool]string{true: ", at once", false: ", one after the other"}[parallel],
				func(t *testing.T) {
					t.Parallel()
					o := lagging()
					o.Emulator.Deliveries, o.Emulator.ParallelDeliveries = 3, parallel
					s := play(t, o)
					c := s.Add(w)
					before, resets := s.User(c.User).PasswordCreated, map[time.Time]bool{}
					s.OnChange(func(v ociemu.View) {
						if made := v.User(c.User).PasswordCreated; made != before {
							resets[made] = true
						}
					})
					if err := s.Close(t.Context(), c.Problem, c.Comment()); err != nil {
						t.Fatal(err)
					}
					if _, err := s.Sweep(t.Context()); err != nil {
						t.Fatal(err)
					}
					s.Forward(10 * time.Minute)
					finish(t, s)
					if len(resets) != 1 {
						t.Errorf("%d resets, want one", len(resets))
					}
					closedAllAlong(t, s, c)
					if stored, err := c.Stored(); !w.NoSecret && (err != nil || !works(s, c, stored.Value)) {
						t.Errorf("what is stored is not the password (%v)", err)
					}
				})
		}
	}
}

// works tells whether the value is the user's.
func works(s *tenancy.Deployment, c *tenancy.Case, value ...string) (ok bool) {
	s.Look(func(v ociemu.View) { ok = v.Works(string(c.Kind), c.User, value...) })
	return ok
}

func TestTheSweepSeesNothingToDoInListsThatAreBehindARotation(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w tenancy.Want) {
		s := play(t, lagging())
		c := s.Add(w)
		closeProblem(t, s, c, c.Comment())
		mails := len(s.Mails())
		for range 2 {
			d := swept(t, s)
			for _, o := range d.Outcomes {
				if o.Outcome == "refused" {
					t.Errorf("the sweep refused: %+v", o)
				}
			}
			s.Forward(10 * time.Minute)
		}
		if n := len(s.Mails()) - mails; n != 0 {
			t.Errorf("the sweeps sent %d mails about a rotation that was over: %s", n, s.Mails()[mails].Body)
		}
		onceRotated(t, s, c)
	})
}

func TestAnOverlapEndsOnceThoughTheListsLag(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w tenancy.Want) {
		s := play(t, lagging())
		c := s.Add(w)
		neverLost(t, s, c)
		closeProblem(t, s, c, c.Comment("grace:1h"))
		s.Forward(2 * time.Hour)
		for range 3 {
			swept(t, s)
		}
		onceRotated(t, s, c)
		s.Forward(10 * time.Minute)
		swept(t, s)
		onceRotated(t, s, c)
	})
}

// A deletion that no list shows yet may have made room already, or none: with replace:yes nothing is lost either way.
func TestReplaceYesRotatesThoughTheListStillShowsADeletedOne(t *testing.T) {
	t.Parallel()
	for kind, others := range map[tenancy.Kind]int{tenancy.APIKey: 2, tenancy.AuthToken: 1,
		tenancy.CustomerSecretKey: 1} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			s := play(t, lagging())
			c := s.Add(tenancy.Want{Kind: kind, Bystander: others})
			gone := c.Bystander[0]
			if err := c.Delete(t.Context(), gone); err != nil {
				t.Fatal(err)
			}
			c.Bystander = c.Bystander[1:]
			if err := s.Close(t.Context(), c.Problem, c.Comment("replace:yes")); err != nil {
				t.Fatal(err)
			}
			s.Forward(10 * time.Minute)
			finish(t, s)
			onceRotated(t, s, c)
		})
	}
}

func TestTheSweepAndFiveDeliveriesThatSeeOldListsAreOneRotation(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w tenancy.Want) {
		o := lagging()
		o.Emulator.Deliveries, o.Emulator.ParallelDeliveries = 5, true
		s := play(t, o)
		c := s.Add(w)
		neverLost(t, s, c)
		s.CloseProblem(c.Problem, c.Comment(), s.Operator.Name)
		sweepAtOnce(t, s, 2)
		s.Deliver()
		closedAllAlong(t, s, c)
		s.Forward(10 * time.Minute)
		finish(t, s)
		successor(t, s, c)
	})
}

// The function dies; at once the next delivery comes, and sees the list of before. One form of each kind is enough,
// since the fault matrix plays all forms with lists that lag.
func TestAKillAtAnyCallIsMendedThoughTheListsLag(t *testing.T) {
	t.Parallel()
	for i, f := range forms {
		if i%2 == 0 {
			continue
		}
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			killed(t, lagging(), f.want, share(t, 3)*3, func(s *tenancy.Deployment, c *tenancy.Case) {
				if _, err := s.Invoke(t.Context(), s.Events()[0]); err != nil {
					t.Fatal(err)
				}
				closedAllAlong(t, s, c)
				eventually(t, s)
				successor(t, s, c)
			})
		})
	}
}
