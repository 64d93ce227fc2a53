package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/keyturn/keyturn/test/fnhost"
	"github.com/keyturn/keyturn/test/ociemu"
	"github.com/keyturn/keyturn/test/tenancy"
)

// Case is an end-to-end run of one of the functions. Together the cases use every permission.
type Case struct {
	Name    string
	Answers ociemu.Answers
	Domain  string                     // the identity domain that the functions are configured with; empty: none
	Reading ociemu.AuthorizationAnswer // what a domain's API asks for
	Config  []string                   // further configuration of the functions
	Report  bool                       // the sweep writes its report to the stack's bucket
	Run     func(*environment) error
}

// workload puts the secrets into the workload's compartment.
func workload(s *environment, w tenancy.Want) tenancy.Want {
	w.Compartment = s.workload
	return w
}

// reply is the answer of functions/rotate.
type reply struct {
	Outcome  string `json:"outcome"`
	Reason   string `json:"reason"`
	Reopened bool   `json:"reopened"`
}

// close closes the case's problem and returns the function's answer. The function must send one mail.
func (s *environment) close(c *tenancy.Case, comment string) (reply, error) {
	var r reply
	before := len(s.Mails())
	if err := s.Close(s.ctx, c.Problem, comment); err != nil {
		return r, err
	}
	replies := s.Replies()
	if len(replies) == 0 {
		return r, errors.New("the function was not called")
	}
	r, err := read(replies[len(replies)-1])
	if err != nil {
		return r, err
	}
	if n := len(s.Mails()) - before; n != 1 {
		return r, fmt.Errorf("%d mails, want 1", n)
	}
	return r, nil
}

// again delivers the first event again.
func (s *environment) again() (reply, error) {
	events := s.Events()
	if len(events) == 0 {
		return reply{}, errors.New("there was no event")
	}
	answer, err := s.Invoke(s.ctx, events[0])
	if err != nil {
		return reply{}, err
	}
	return read(answer)
}

// read decodes the answer of an invocation.
func read(answer fnhost.Reply) (r reply, err error) {
	if err := json.Unmarshal(answer.Body, &r); err != nil || answer.Status != 200 {
		return r, fmt.Errorf("the invocation failed with %d", answer.Status)
	}
	return r, nil
}

// want checks the outcome.
func (r reply) want(outcome string) error {
	if r.Outcome != outcome {
		return fmt.Errorf("the outcome is %s, not %s: %s", r.Outcome, outcome, r.Reason)
	}
	return nil
}

// rotates closes a problem, and checks that its credential is rotated.
func rotates(w tenancy.Want, elsewhere bool, more ...string) func(*environment) error {
	return func(s *environment) error {
		if elsewhere {
			w = workload(s, w)
		}
		c := s.Add(w)
		old := c.IDs()
		r, err := s.close(c, c.Comment(more...))
		if err == nil {
			err = r.want("rotated")
		}
		return errors.Join(err, s.rotated(c, old))
	}
}

// rotated checks that one new credential replaced the old one and is stored.
func (s *environment) rotated(c *tenancy.Case, old []string) error {
	ids := c.IDs()
	if len(ids) != 1 || slices.Equal(ids, old) {
		return fmt.Errorf("the user has %d credentials of the kind, want one new one", len(ids))
	}
	if len(c.Secrets) == 0 {
		return nil
	}
	stored, err := c.Stored()
	if err != nil {
		return err
	}
	if stored.Value == "" || stored.Value == c.Old.Value {
		return errors.New("the secret doesn't hold a new value")
	}
	if status := c.Try(stored); !c.Kind.Resets() && status != 200 {
		return fmt.Errorf("using the stored credential is answered %d", status)
	}
	return nil
}

// reopens closes a problem that can't be rotated, and checks that it is open again.
func reopens(outcome, because string, add func(*environment) (*tenancy.Case, string)) func(*environment) error {
	return func(s *environment) error {
		c, comment := add(s)
		r, err := s.close(c, comment)
		if err != nil {
			return err
		}
		if !strings.Contains(r.Reason, because) {
			err = fmt.Errorf("the reason is %q, want something about %q", r.Reason, because)
		}
		return errors.Join(r.want(outcome), err, s.open(c))
	}
}

// open checks that the case's problem is open.
func (s *environment) open(c *tenancy.Case) error {
	if status := s.Problem(c.Problem).Status; status != "OPEN" {
		return fmt.Errorf("the problem is %s, not open again", status)
	}
	return nil
}

// digest is the answer of functions/sweep.
type digest struct {
	Outcomes   []reply  `json:"outcomes"`
	Found      []string `json:"found"`
	Unfinished []string `json:"unfinished"`
}

// sweep runs the sweep. It must finish, and send a mail if it has something to report.
func (s *environment) sweep() (digest, error) {
	var d digest
	before := len(s.Mails())
	r, err := s.Sweep(s.ctx)
	if err != nil {
		return d, err
	}
	if err := json.Unmarshal(r.Body, &d); err != nil || r.Status != 200 {
		return d, fmt.Errorf("the sweep failed with %d", r.Status)
	}
	mails := min(1, len(d.Outcomes)+len(d.Found)+len(d.Unfinished))
	if n := len(s.Mails()) - before; n != mails {
		return d, fmt.Errorf("%d mails, want %d", n, mails)
	}
	return d, nil
}

// one checks that the sweep has exactly this outcome.
func (d digest) one(outcome string) error {
	if len(d.Outcomes) != 1 {
		return fmt.Errorf("%d outcomes, want 1 that is %s", len(d.Outcomes), outcome)
	}
	return d.Outcomes[0].want(outcome)
}

// dropEvents drops the next events.
func (s *environment) dropEvents() {
	s.HandleFunction(s.Function.FunctionID, func(context.Context, []byte) error { return nil })
}

// lost closes a problem, loses its event, and runs the sweep.
func (s *environment) lost(w tenancy.Want, more ...string) (*tenancy.Case, []string, digest, error) {
	c := s.Add(w)
	old := c.IDs()
	s.dropEvents()
	if err := s.Close(s.ctx, c.Problem, c.Comment(more...)); err != nil {
		return c, old, digest{}, err
	}
	d, err := s.sweep()
	return c, old, d, err
}

// sweeps checks that the sweep rotates a credential whose event was lost.
func sweeps(w tenancy.Want, elsewhere bool) func(*environment) error {
	return func(s *environment) error {
		if elsewhere {
			w = workload(s, w)
		}
		c, old, d, err := s.lost(w)
		if err == nil {
			err = d.one("rotated")
		}
		return errors.Join(err, s.rotated(c, old))
	}
}

// orphaned kills the function before it stores a new credential, and checks that the sweep deletes that credential.
func orphaned(kind tenancy.Kind, create string) func(*environment) error {
	return func(s *environment) error {
		c := s.Add(tenancy.Want{Kind: kind, Bundle: true})
		s.SetCreatedOffset(-10 * time.Minute)
		s.KillAt(create, 0)
		err := s.Close(s.ctx, c.Problem, c.Comment())
		s.SetCreatedOffset(0)
		if err == nil {
			err = s.Dismiss(s.ctx, c.Problem) // the rotation is no longer wanted
		}
		if err != nil {
			return err
		}
		if n := len(c.IDs()); n != 2 {
			return fmt.Errorf("the user has %d credentials, want an orphan too", n)
		}
		d, err := s.sweep()
		switch ids := c.IDs(); {
		case err != nil:
			return err
		case !slices.Equal(ids, []string{c.OldID}) || len(d.Found) != 1:
			return fmt.Errorf("the user has %d credentials and the sweep reports %d findings, want 1 and 1", len(ids),
				len(d.Found))
		}
		return nil
	}
}
