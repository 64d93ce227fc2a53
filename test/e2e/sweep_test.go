package e2e

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/keyturn/keyturn/test/ociemu"
	"github.com/keyturn/keyturn/test/tenancy"
)

// digest is the JSON reply of the sweep.
type digest struct {
	Outcomes   []answer `json:"outcomes"`
	Found      []string `json:"found"`
	Unfinished []string `json:"unfinished"`
	Looked     int      `json:"looked"`
}

// sweep runs the sweep once.
func sweep(t *testing.T, s *tenancy.Deployment) digest {
	t.Helper()
	reply, err := s.Sweep(t.Context())
	var d digest
	if err == nil && reply.Status == 200 {
		err = json.Unmarshal(reply.Body, &d)
	}
	if err != nil || reply.Status != 200 {
		t.Fatalf("the sweep answered %d %s (%v)", reply.Status, reply.Body, err)
	}
	return d
}

// dropEvents makes the function miss every event.
func dropEvents(s *tenancy.Deployment) {
	s.HandleFunction(s.Function.FunctionID, func(context.Context, []byte) error { return nil })
}

func TestTheSweepRotatesAfterALostEvent(t *testing.T) {
	each(t, func(t *testing.T, w tenancy.Want) {
		s := newTenancy(t, tenancy.Options{})
		c := s.Add(w)
		dropEvents(s)
		if err := s.Close(t.Context(), c.Problem, c.Comment()); err != nil {
			t.Fatal(err)
		}
		d := sweep(t, s)
		if len(d.Outcomes) != 1 || d.Outcomes[0].Outcome != "rotated" {
			t.Fatalf("the digest is %+v", d)
		}
		rotated(t, s, c)
		if mails := s.Mails(); len(mails) != 1 || !strings.Contains(mails[0].Title, "1 rotated") {
			t.Errorf("%d mails, want one digest", len(mails))
		}
		if d := sweep(t, s); len(d.Outcomes)+len(d.Found) != 0 || len(s.Mails()) != 1 {
			t.Errorf("the second sweep found %+v and sent %d mails", d, len(s.Mails())-1)
		}
	})
}

func TestTheSweepIsSilentWhenThereIsNothingToDo(t *testing.T) {
	t.Parallel()
	s := newTenancy(t, tenancy.Options{})
	for _, f := range forms {
		c := s.Add(f.want)
		closeProblem(t, s, c, c.Comment())
		s.Add(f.want) // a problem that is still open
	}
	before := len(s.Mails())
	if d := sweep(t, s); len(d.Outcomes)+len(d.Found)+len(d.Unfinished) != 0 || len(s.Mails()) != before {
		t.Errorf("the digest is %+v, with %d mails", d, len(s.Mails())-before)
	}
}

func TestTheSweepFinishesAfterAKillAtAnyCall(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w tenancy.Want) {
		killed(t, calm, w, oneIn(t, 4), func(s *tenancy.Deployment, c *tenancy.Case) {
			s.Forward(11 * time.Minute) // longer than a process lives or a list of IAM lags
			sweep(t, s)
			rotatedBy(t, s, c, 2)
			if len(s.Mails()) == 0 && s.Replies()[0].Status == 200 {
				t.Error("there was no mail, and the platform counts no failure")
			}
		})
	})
}

func TestTheSweepDeletesTheOldCredentialAfterItsGrace(t *testing.T) {
	each(t, func(t *testing.T, w tenancy.Want) {
		clock := &tenancy.Clock{}
		s := newTenancy(t, tenancy.Options{Emulator: ociemu.Options{Now: clock.Now, Visibility: -1,
			VisibilityRejects: -1,
			Settle:            -1}})
		c := s.Add(w)
		closeProblem(t, s, c, c.Comment("grace:1m"))
		if d := sweep(t, s); len(d.Outcomes) != 0 || c.Try(c.Old) != 200 {
			t.Fatalf("the digest is %+v, the old one is answered %d", d, c.Try(c.Old))
		}
		clock.Add(2 * time.Minute)
		d := sweep(t, s)
		if len(d.Outcomes) != 1 || d.Outcomes[0].Outcome != "rotated" {
			t.Fatalf("the digest is %+v", d)
		}
		rotated(t, s, c)
		if d := sweep(t, s); len(d.Outcomes) != 0 {
			t.Errorf("the next sweep found %+v", d)
		}
	})
}

func TestAfterTheGraceTheOldCredentialIsKeptIfTheNewOneFails(t *testing.T) {
	t.Parallel()
	clock := &tenancy.Clock{}
	s := newTenancy(t, tenancy.Options{Emulator: ociemu.Options{Now: clock.Now, Visibility: -1, VisibilityRejects: -1,
		Settle: -1}})
	c := s.Add(tenancy.Want{Kind: tenancy.AuthToken})
	s.SetCreatedOffset(-10 * time.Minute)
	closeProblem(t, s, c, c.Comment("grace:1m"))
	clock.Add(2 * time.Minute)
	refusing := s.Inject(ociemu.Fault{Operation: "DockerToken", Times: -1, Do: ociemu.Answer(401, "NotAuthenticated")})
	d := sweep(t, s)
	if len(d.Outcomes) == 0 || d.Outcomes[0].Outcome != "unfinished" ||
		!strings.Contains(d.Outcomes[0].Reason, "not accepted yet: refused since") {
		t.Errorf("the digest is %+v", d)
	}
	if ids := c.IDs(); len(ids) != 2 || !slices.Contains(ids, c.OldID) {
		t.Errorf("the user has %v", ids)
	}
	refusing.Remove() // pkg/rotation's tests have half an hour of refusals
	sweep(t, s)
	rotated(t, s, c)
}

func TestAfterTheGraceTheOldCredentialIsKeptIfTheSecretChanged(t *testing.T) {
	clock := &tenancy.Clock{}
	s := newTenancy(t, tenancy.Options{Emulator: ociemu.Options{Now: clock.Now, Visibility: -1, VisibilityRejects: -1,
		Settle: -1}})
	c := s.Add(tenancy.Want{Kind: tenancy.APIKey})
	closeProblem(t, s, c, c.Comment("grace:1m"))
	clock.Add(2 * time.Minute)
	if err := s.PutSecret(t.Context(), c.Secrets["api_secret_ocid"], []byte("by operator")); err != nil {
		t.Fatal(err)
	}
	d := sweep(t, s)
	if len(d.Outcomes) == 0 || d.Outcomes[0].Outcome != "refused" {
		t.Errorf("the digest is %+v", d)
	}
	if c.Try(c.Old) != 200 {
		t.Error("the old one was retired")
	}
}

func TestTheSweepDeletesACredentialWithoutAStoredValue(t *testing.T) {
	for _, kind := range []tenancy.Kind{tenancy.AuthToken, tenancy.CustomerSecretKey} {
		t.Run(string(kind), func(t *testing.T) {
			s := newTenancy(t, calm)
			c := s.Add(tenancy.Want{Kind: kind, Bundle: true})
			s.SetCreatedOffset(-10 * time.Minute)
			s.KillAt(creates[kind], 0)
			if err := s.Close(t.Context(), c.Problem, c.Comment()); err != nil {
				t.Fatal(err)
			}
			s.SetCreatedOffset(0)
			if err := s.Dismiss(t.Context(), c.Problem); err != nil { // the rotation is no longer ordered
				t.Fatal(err)
			}
			if ids := c.IDs(); len(ids) != 2 {
				t.Fatalf("the user has %v, want an orphan too", ids)
			}
			d := sweep(t, s)
			if ids := c.IDs(); !slices.Equal(ids, []string{c.OldID}) || len(d.Found) != 1 {
				t.Errorf("the user has %v, the digest is %+v", ids, d)
			}
		})
	}
}

func TestTheSweepRemovesOldVersionsOfAFullSecret(t *testing.T) {
	s := newTenancy(t, calm)
	c := s.Add(tenancy.Want{Kind: tenancy.APIKey})
	id := s.AddSecret(ociemu.SecretSeed{Name: "crowded", Versions: 26, Content: []byte(c.Old.Value),
		FreeformTags: map[string]string{"keyturn-user": c.User, "keyturn-kind": string(c.Kind)}})
	before := s.Secret(id)
	d := sweep(t, s)
	if len(d.Found) != 1 {
		t.Fatalf("the digest is %+v", d)
	}
	left := 0
	for _, v := range s.Secret(id).Versions {
		if v.Deletion.IsZero() {
			left++
		} else if slices.Contains(v.Stages, "CURRENT") || slices.Contains(v.Stages, "PENDING") ||
			slices.Contains(v.Stages, "PREVIOUS") {
			t.Errorf("version %d (%v) goes", v.Number, v.Stages)
		}
	}
	if left != 10 || s.Secret(id).CurrentVersion != before.CurrentVersion {
		t.Errorf("%d versions are left, want 10", left)
	}
	if d := sweep(t, s); len(d.Found) != 0 {
		t.Errorf("the next sweep found %+v", d)
	}
}

func TestTheSweepAndAnEventAtOnceAreOneRotation(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w tenancy.Want) {
		for range 3 {
			s := newTenancy(t, tenancy.Options{})
			c := s.Add(w)
			done := make(chan error, 1)
			s.Inject(ociemu.Fault{Operation: "GetProblem", Do: ociemu.Delay(0), Match: func(ociemu.Call) bool {
				go func() {
					_, err := s.Sweep(context.WithoutCancel(t.Context()))
					done <- err
				}()
				return true
			}})
			if err := s.Close(t.Context(), c.Problem, c.Comment()); err != nil {
				t.Fatal(err)
			}
			if err := <-done; err != nil {
				t.Fatal(err)
			}
			rotated(t, s, c)
		}
	})
}

// The sweep's request reaches IAM when the event's rotation is done, and creates one credential too many.
func TestTheSweepTakesBackACredentialThatItCreatesTooLate(t *testing.T) {
	t.Parallel()
	for _, kind := range []tenancy.Kind{tenancy.AuthToken, tenancy.CustomerSecretKey} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			s := newTenancy(t, tenancy.Options{})
			c := s.Add(tenancy.Want{Kind: kind})
			reached, release := make(chan struct{}), make(chan struct{})
			s.Inject(ociemu.Fault{Operation: creates[kind], Do: ociemu.Hold(release), Match: func(ociemu.Call) bool {
				close(reached)
				return true
			}})
			s.CloseProblem(c.Problem, c.Comment(), s.Operator.Name)
			swept := make(chan error, 1)
			go func() {
				_, err := s.Sweep(context.WithoutCancel(t.Context()))
				swept <- err
			}()
			<-reached
			s.Deliver()
			between := len(c.IDs())
			close(release)
			if err := <-swept; err != nil {
				t.Fatal(err)
			}
			made := 0
			for _, call := range s.Calls() {
				if call.Operation == creates[kind] && call.Effect == http.StatusOK {
					made++
				}
			}
			if between != 1 || made != 2 {
				t.Fatalf("the setup failed: %d credentials after the event, %d made in all", between, made)
			}
			rotated(t, s, c)
		})
	}
}

// swept runs the sweep once, and returns its digest, also of an incomplete sweep.
func swept(t *testing.T, s *tenancy.Deployment) (d digest) {
	t.Helper()
	reply, err := s.Sweep(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	_ = json.Unmarshal(reply.Body, &d) // a failed sweep may have none
	return d
}
