package e2e

import (
	"net/http"
	"testing"
	"time"

	"github.com/keyturn/keyturn/test/ociemu"
	"github.com/keyturn/keyturn/test/tenancy"
)

// lagging is a tenancy whose lists of credentials are half a minute old.
func lagging() tenancy.Options {
	o := ociemu.Calm()
	o.ListLag = 30 * time.Second
	return tenancy.Options{Emulator: o}
}

// countCreated counts the credentials of the kind that the functions created.
func countCreated(s *tenancy.Deployment, kind tenancy.Kind) (n int) {
	for _, call := range s.Calls() {
		if call.Operation == creates[kind] && call.Effect == http.StatusOK && !call.Caller.Operator {
			n++
		}
	}
	return n
}

// onceRotated checks that one credential was created and has replaced the old one.
func onceRotated(t *testing.T, s *tenancy.Deployment, c *tenancy.Case) {
	t.Helper()
	if n := countCreated(s, c.Kind); n != 1 {
		t.Errorf("%d credentials were made, want one", n)
	}
	successor(t, s, c)
}

// successor checks that one new credential has replaced the old one, and that the problem stayed closed.
func successor(t *testing.T, s *tenancy.Deployment, c *tenancy.Case) {
	t.Helper()
	successorOnly(t, c)
	closedAllAlong(t, s, c)
}

// closedAllAlong checks that the problem was never opened again.
func closedAllAlong(t *testing.T, s *tenancy.Deployment, c *tenancy.Case) {
	t.Helper()
	history := s.Problem(c.Problem).History
	for i, item := range history {
		if i > 0 && item.Status == "OPEN" {
			t.Errorf("the problem was opened again: %q", item.Comment)
		}
	}
}

func TestARotationSucceedsWithLaggingLists(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w tenancy.Want) {
		s := newTenancy(t, lagging())
		c := s.Add(w)
		judgeCases(t, s, c)
		if a := closeProblem(t, s, c, c.Comment()); a.Outcome != "rotated" {
			t.Fatalf("the answer is %+v", a)
		}
		onceRotated(t, s, c)
	})
}

func TestADeliveryWithAnOldListCreatesAndReopensNothing(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w tenancy.Want) {
		s := newTenancy(t, lagging())
		c := s.Add(w)
		judgeCases(t, s, c)
		closeProblem(t, s, c, c.Comment())
		for range 3 { // each reports that the rotation is done, or fails and is repeated
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

func TestFiveDeliveriesWithOldListsAreOneRotation(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w tenancy.Want) {
		o := lagging()
		o.Emulator.Deliveries, o.Emulator.ParallelDeliveries = 5, true
		s := newTenancy(t, o)
		c := s.Add(w)
		judgeCases(t, s, c)
		if err := s.Close(t.Context(), c.Problem, c.Comment()); err != nil {
			t.Fatal(err)
		}
		closedAllAlong(t, s, c)
		s.Forward(10 * time.Minute)
		finish(t, s)
		successor(t, s, c)
		if w.Kind == tenancy.APIKey && countCreated(s, w.Kind) != 1 {
			t.Errorf("%d keys were made", countCreated(s, w.Kind))
		}
	})
}

// The second of two processes starts when the first one has done a part, and sees the list from before that part.
func TestADuplicateDeliveryWithAnOldListDisturbsNothing(t *testing.T) {
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
				s := newTenancy(t, lagging())
				c := s.Add(w)
				judgeCases(t, s, c)
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
				if n := countCreated(s, w.Kind); n > 2 || w.Kind == tenancy.APIKey && n > 1 {
					t.Errorf("%d credentials were made", n)
				}
			})
		})
	}
}

// A process that is killed right after the create leaves a credential that no list shows yet.
func TestACredentialOfAKilledProcessIsFoundWithLaggingLists(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w tenancy.Want) {
		s := newTenancy(t, lagging())
		c := s.Add(w)
		judgeCases(t, s, c)
		s.KillAt(creates[w.Kind], 0)
		if err := s.Close(t.Context(), c.Problem, c.Comment()); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Invoke(t.Context(), s.Events()[0]); err != nil { // its list doesn't show the new credential
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

// In each run one of the rotation's lists is five minutes old.
func TestOneOldListEndsInOneRotation(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w tenancy.Want) {
		for skip := range 4 {
			s := newTenancy(t, calm)
			c := s.Add(w)
			judgeCases(t, s, c)
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

func TestAPasswordIsResetOnceThoughItsAgeLags(t *testing.T) {
	t.Parallel()
	for name, w := range map[string]tenancy.Want{"kept": {Kind: tenancy.Password}, "not kept": {Kind: tenancy.Password,
		NoSecret: true}} {
		for _, parallel := range []bool{false, true} {
			t.Run(name+map[bool]string{true: ", at once", false: ", one after the other"}[parallel],
				func(t *testing.T) {
					t.Parallel()
					o := lagging()
					o.Emulator.Deliveries, o.Emulator.ParallelDeliveries = 3, parallel
					s := newTenancy(t, o)
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

// works reports whether the value is the user's credential.
func works(s *tenancy.Deployment, c *tenancy.Case, value ...string) (ok bool) {
	s.Look(func(v ociemu.View) { ok = v.Works(string(c.Kind), c.User, value...) })
	return ok
}

func TestTheSweepChangesNothingWhileListsLag(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w tenancy.Want) {
		s := newTenancy(t, lagging())
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

func TestAGraceEndsOnceWithLaggingLists(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w tenancy.Want) {
		s := newTenancy(t, lagging())
		c := s.Add(w)
		judgeCases(t, s, c)
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

// A deletion that no list shows yet may have freed a slot or not. replace:yes must lose nothing in both cases.
func TestReplaceRotatesThoughTheListStillShowsTheDeletedOne(t *testing.T) {
	t.Parallel()
	for kind, others := range map[tenancy.Kind]int{tenancy.APIKey: 2, tenancy.AuthToken: 1,
		tenancy.CustomerSecretKey: 1} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			s := newTenancy(t, lagging())
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

func TestTheSweepAndFiveDeliveriesWithOldListsAreOneRotation(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w tenancy.Want) {
		o := lagging()
		o.Emulator.Deliveries, o.Emulator.ParallelDeliveries = 5, true
		s := newTenancy(t, o)
		c := s.Add(w)
		judgeCases(t, s, c)
		s.CloseProblem(c.Problem, c.Comment(), s.Operator.Name)
		sweepAtOnce(t, s, 2)
		s.Deliver()
		closedAllAlong(t, s, c)
		s.Forward(10 * time.Minute)
		finish(t, s)
		successor(t, s, c)
	})
}

// The function is killed, and the next delivery sees the list from before. One form of each kind is enough, because the
// fault matrix runs all forms with lagging lists.
func TestTheNextDeliveryFinishesAfterAKillWithLaggingLists(t *testing.T) {
	t.Parallel()
	for i, f := range forms {
		if i%2 == 0 {
			continue
		}
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			killed(t, lagging(), f.want, oneIn(t, 3)*3, func(s *tenancy.Deployment, c *tenancy.Case) {
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
