package command

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/keyturn/keyturn/test/ociemu"
	"github.com/keyturn/keyturn/test/tenancy"
)

// withOverlap adds a case, and rotates it with an overlap of two days.
func withOverlap(t *testing.T, s *tenancy.Deployment, w tenancy.Want) *tenancy.Case {
	t.Helper()
	c := s.Add(w)
	if err := s.Close(t.Context(), c.Problem, c.Comment("grace:48h")); err != nil {
		t.Fatal(err)
	}
	if stored, err := c.Stored(); err != nil || stored.Value == c.Old.Value || len(c.IDs()) != 2 {
		t.Fatalf("the rotation failed: %v, the user has %v", err, c.IDs())
	}
	return c
}

func anySecret(c *tenancy.Case) string {
	for _, id := range c.Secrets {
		return id
	}
	return ""
}

// current returns the numbers of the CURRENT versions.
func current(s *tenancy.Deployment, c *tenancy.Case) string {
	var all []string
	for key, id := range c.Secrets {
		all = append(all, fmt.Sprint(key, s.Secret(id).CurrentVersion))
	}
	slices.Sort(all)
	return strings.Join(all, " ")
}

// noValues checks that an output has no secret value of the case.
func noValues(t *testing.T, r tenancy.Ran, values ...string) {
	t.Helper()
	for _, v := range values {
		if v != "" && (strings.Contains(r.Stdout, v) || strings.Contains(r.Stderr, v)) {
			t.Errorf("a secret value was printed by a command with the exit code %d", r.Code)
		}
	}
}

// undoable are the kinds and forms whose rotation has an overlap.
var undoable = []tenancy.Want{{Kind: tenancy.APIKey}, {Kind: tenancy.APIKey, Bundle: true}, {Kind: tenancy.AuthToken},
	{Kind: tenancy.CustomerSecretKey}, {Kind: tenancy.CustomerSecretKey, Bundle: true},
	{Kind: tenancy.AuthToken, Domain: tenancy.Partners}, {Kind: tenancy.CustomerSecretKey, Domain: tenancy.Partners}}

// seedBundle gives the secret of a bundle the old credential as a bundle, as an earlier rotation would have.
func seedBundle(t *testing.T, s *tenancy.Deployment, c *tenancy.Case) {
	t.Helper()
	if !c.Bundle {
		return
	}
	names := map[tenancy.Kind][2]string{tenancy.APIKey: {"fingerprint", "private_key"},
		tenancy.CustomerSecretKey: {"access_key", "secret_key"}}[c.Kind]
	text := fmt.Sprintf(`{"kind":%q,"user":%q,%q:%q,%q:%q}`, c.Kind, c.User, names[0], c.OldID, names[1], c.Old.Value)
	if err := s.PutSecret(t.Context(), anySecret(c), []byte(text)); err != nil {
		t.Fatal(err)
	}
}

// After an undo nothing works against it: no event, no closure and no sweep, before and after the end of the overlap.
func TestTheFunctionsLeaveAnUndoneRotationAlone(t *testing.T) {
	t.Parallel()
	s := newTenancy(t, tenancy.Options{Emulator: ociemu.Calm()}.WithDomains())
	sh := shell(t, s.Emulator, s.Operator)
	type undone struct {
		*tenancy.Case
		current string
		ids     []string
	}
	var all []undone
	for _, w := range undoable {
		c := s.Add(w)
		seedBundle(t, s, c)
		if err := s.Close(t.Context(), c.Problem, c.Comment("grace:48h")); err != nil {
			t.Fatal(err)
		}
		fresh, err := c.Stored()
		if err != nil || fresh.Value == c.Old.Value {
			t.Fatalf("%s: the rotation failed (%v)", w.Kind, err)
		}
		r := run(t, sh, 0, "", "undo", anySecret(c), "--yes")
		noValues(t, r, c.Old.Value, fresh.Value)
		old, err := c.Stored()
		if err != nil || old.Value != c.Old.Value || c.Try(old) != 200 {
			t.Fatalf("%s: CURRENT isn't the old credential again (%v)\n%s", w.Kind, err, r.Stdout)
		}
		all = append(all, undone{c, current(s, c), c.IDs()})
	}
	check := func(when string) {
		t.Helper()
		for _, c := range all {
			if now := current(s, c.Case); now != c.current {
				t.Errorf("%s %s: CURRENT was %s, and is %s", c.Kind, when, c.current, now)
			}
			if ids := c.IDs(); !slices.Contains(ids, c.OldID) || !slices.Equal(ids, c.ids) {
				t.Errorf("%s %s: the user had %v, and has %v", c.Kind, when, c.ids, ids)
			}
			if old, err := c.Stored(); err != nil || c.Try(old) != 200 {
				t.Errorf("%s %s: CURRENT doesn't work (%v)", c.Kind, when, err)
			}
		}
	}
	again := func(when string) {
		t.Helper()
		for _, e := range s.Events() {
			if _, err := s.Invoke(t.Context(), e); err != nil {
				t.Fatal(err)
			}
		}
		check("after repeated events " + when)
		if _, err := s.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		check("after a sweep " + when)
	}
	again("at once")
	for _, c := range all {
		if p := s.Problem(c.Problem); p.Status != "OPEN" {
			t.Errorf("%s: the problem is %s", c.Kind, p.Status)
		}
	}
	for _, more := range []string{"grace:48h", "grace:0", "replace:yes"} {
		for _, c := range all {
			if err := s.Close(t.Context(), c.Problem, c.Comment(more)); err != nil {
				t.Fatal(err)
			}
		}
		check("after a closure with " + more)
	}
	s.Forward(49 * time.Hour)
	again("after the overlap")
	s.Forward(30 * 24 * time.Hour)
	again("a month later")
	for _, c := range all {
		if r := run(t, sh, 0, "", "undo", anySecret(c.Case), "--yes"); !strings.Contains(r.Stdout, "undone already") {
			t.Errorf("%s: the second undo prints %s", c.Kind, r.Stdout)
		}
	}
	check("after a second undo")
}

// An undo whose problem is still closed at the end of the overlap: the sweep is the first to see it.
func TestASweepAfterTheOverlapDoesNotDeleteWhatWasUndone(t *testing.T) {
	t.Parallel()
	s := newTenancy(t, tenancy.Options{Emulator: ociemu.Calm()})
	sh := shell(t, s.Emulator, s.Operator)
	for _, w := range []tenancy.Want{{Kind: tenancy.APIKey}, {Kind: tenancy.CustomerSecretKey}} {
		for _, late := range []bool{false, true} {
			c := withOverlap(t, s, w)
			if late {
				s.Forward(49 * time.Hour) // the overlap is over, and no sweep has run
			}
			run(t, sh, 0, "", "undo", anySecret(c), "--yes")
			s.Forward(49 * time.Hour)
			for range 2 {
				if _, err := s.Sweep(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			if old, err := c.Stored(); err != nil || old.Value != c.Old.Value || c.Try(old) != 200 {
				t.Errorf("%s, late %v: CURRENT is not the living old credential (%v)", w.Kind, late, err)
			}
		}
	}
}

// Both ways on from an undo lead to a working rotation: to delete the new credential and rotate again, or to keep it.
func TestAfterAnUndoEachWayOnEndsWithOneWorkingCredential(t *testing.T) {
	t.Parallel()
	s := newTenancy(t, tenancy.Options{}) // with the emulator's own delays and refusals
	sh := shell(t, s.Emulator, s.Operator)
	for _, w := range []tenancy.Want{{Kind: tenancy.APIKey}, {Kind: tenancy.AuthToken}} {
		for _, keep := range []bool{false, true} {
			c := withOverlap(t, s, w)
			fresh := newest(c)
			run(t, sh, 0, "", "undo", anySecret(c), "--yes")
			if _, err := s.Sweep(t.Context()); err != nil {
				t.Fatal(err)
			}
			s.Forward(time.Minute) // what the sweep noted in the secret has settled
			if keep {
				must(t, s.Promote(t.Context(), anySecret(c), 2))
			} else {
				must(t, c.Delete(t.Context(), fresh))
			}
			s.Forward(15 * time.Minute) // IAM's list shows by now that the new one is gone
			r := run(t, sh, 0, "", "rotate", c.UserName, string(w.Kind), "--yes", "--grace", "0")
			stored, err := c.Stored()
			if ids := c.IDs(); err != nil || len(ids) != 1 || ids[0] == c.OldID || (ids[0] == fresh) != keep ||
				c.Try(stored) != 200 {
				t.Errorf("%s, the new one is kept %v: the user has %v (%v)\n%s", w.Kind, keep, ids, err, r.Stdout)
			}
		}
	}
}

// An undo while a sweep is at each of the calls that delete the old credential either comes first, and then the old one
// stays, or it is refused.
func TestAnUndoDuringADeletionComesFirstOrIsRefused(t *testing.T) {
	t.Parallel()
	s := newTenancy(t, tenancy.Options{Emulator: ociemu.Calm()})
	sh := shell(t, s.Emulator, s.Operator)
	first, refused := 0, 0
	for _, at := range []struct {
		operation string
		n         int
	}{{"UpdateSecret", 1}, {"UpdateSecret", 2}, {"DeleteCustomerSecretKey", 1}} {
		c := withOverlap(t, s, tenancy.Want{Kind: tenancy.CustomerSecretKey})
		s.Forward(49 * time.Hour)
		reached, release := make(chan struct{}), make(chan struct{})
		n := 0
		f := s.Inject(ociemu.Fault{When: ociemu.Before, Do: ociemu.Hold(release), Match: func(k ociemu.Call) bool {
			if k.Caller.Operator || k.Operation != at.operation {
				return false
			}
			n++
			if n == at.n {
				close(reached)
			}
			return n == at.n
		}})
		swept := make(chan error, 1)
		go func() {
			_, err := s.Sweep(t.Context())
			swept <- err
		}()
		<-reached
		r, err := sh.Run(t.Context(), strings.NewReader(""), "undo", anySecret(c), "--yes")
		must(t, err)
		close(release)
		must(t, <-swept)
		f.Remove()
		_, err = s.Sweep(t.Context())
		must(t, err)
		stored, err := c.Stored()
		must(t, err)
		if r.Code == 0 {
			first++
		} else {
			refused++
		}
		if undone := stored.Value == c.Old.Value; undone != (r.Code == 0) {
			t.Errorf("%+v: the undo ended with exit code %d, and CURRENT is the old one: %v\n%s", at, r.Code, undone,
				r.Stderr)
		}
		if c.Try(stored) != 200 {
			t.Errorf("%+v: exit code %d, and CURRENT doesn't work", at, r.Code)
		}
	}
	if first != 1 || refused != 2 {
		t.Errorf("%d undos came first, and %d were refused", first, refused)
	}
}

// Without a word of the operator nothing is changed.
func TestAnUndoThatNobodyAgreesToChangesNothing(t *testing.T) {
	t.Parallel()
	s := newTenancy(t, tenancy.Options{Emulator: ociemu.Calm()})
	sh := shell(t, s.Emulator, s.Operator)
	c := withOverlap(t, s, tenancy.Want{Kind: tenancy.CustomerSecretKey})
	before := current(s, c)
	r := run(t, sh, 4, "", "undo", anySecret(c))
	for _, id := range c.Secrets {
		if !strings.Contains(r.Stdout, id) {
			t.Errorf("the plan lacks secret %s:\n%s", id, r.Stdout)
		}
	}
	if after := current(s, c); after != before {
		t.Errorf("CURRENT was %s, and is %s", before, after)
	}
}

// An undo that ended between the two halves of a pair is finished by the same command.
func TestAnUndoOfHalfAPairIsFinishedByTheSameCommand(t *testing.T) {
	t.Parallel()
	s := newTenancy(t, tenancy.Options{Emulator: ociemu.Calm()})
	sh := shell(t, s.Emulator, s.Operator)
	c := withOverlap(t, s, tenancy.Want{Kind: tenancy.CustomerSecretKey})
	n := 0
	f := s.Inject(ociemu.Fault{Operation: "UpdateSecret", Times: -1, Do: ociemu.Answer(403, "NotAuthorized"),
		Match: func(k ociemu.Call) bool { n++; return n > 1 }})
	r := run(t, sh, 1, "", "undo", anySecret(c), "--yes")
	if !strings.Contains(r.Stderr, "was made CURRENT") || !strings.Contains(r.Stderr, "not changed") {
		t.Errorf("it doesn't say what was done:\n%s", r.Stderr)
	}
	if _, err := s.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	f.Remove()
	run(t, sh, 0, "", "undo", anySecret(c), "--yes")
	if old, err := c.Stored(); err != nil || old.Value != c.Old.Value || c.Try(old) != 200 {
		t.Errorf("CURRENT is not the old pair (%v)", err)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func closeWith(t *testing.T, s *tenancy.Deployment, c *tenancy.Case, more ...string) {
	t.Helper()
	must(t, s.Close(t.Context(), c.Problem, c.Comment(more...)))
}

// newest returns the id of the user's credential that isn't the old one.
func newest(c *tenancy.Case) string {
	i := slices.IndexFunc(c.IDs(), func(id string) bool { return id != c.OldID })
	return c.IDs()[i]
}
