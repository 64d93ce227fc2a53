package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/keyturn/keyturn/test/ociemu"
	"github.com/keyturn/keyturn/test/tenancy"
)

// Cases are end-to-end runs of both functions.
func Cases() []Case { return append(append(rotateCases(), sweepCases()...), preflightCases()...) }

var (
	apiKey   = tenancy.Want{Kind: tenancy.APIKey}
	token    = tenancy.Want{Kind: tenancy.AuthToken}
	keyPair  = tenancy.Want{Kind: tenancy.CustomerSecretKey}
	password = tenancy.Want{Kind: tenancy.Password}
	unkept   = tenancy.Want{Kind: tenancy.Password, NoSecret: true}

	asksSet  = ociemu.Answers{PasswordPermission: ociemu.PasswordNeedsSet}
	asksRead = ociemu.Answers{NamespacePermission: ociemu.NamespaceReads}
)

// bundled puts everything that a consumer needs into one secret.
func bundled(w tenancy.Want) tenancy.Want {
	w.Bundle = true
	return w
}

func rotateCases() []Case {
	return []Case{
		{Name: "an API key", Run: rotates(apiKey, false)},
		{Name: "an API key, in a bundle of the workload's compartment", Run: rotates(bundled(apiKey), true)},
		{Name: "an auth token", Run: rotates(token, false)},
		{Name: "an auth token, if GetNamespace needs a permission", Answers: asksRead, Run: rotates(token, false)},
		{Name: "a customer secret key, in two secrets", Run: rotates(keyPair, false)},
		{Name: "a customer secret key, in a bundle", Run: rotates(bundled(keyPair), false)},
		{Name: "a password with a secret", Run: rotates(password, false)},
		{Name: "a password without a secret", Run: rotates(unkept, false)},
		{Name: "a password, if the service asks for USER_UIPASS_SET", Answers: asksSet, Run: rotates(unkept, false)},
		{Name: "the metrics of a rotation arrive", Run: measures},
		{Name: "a secret that is found by its tags", Run: findsByTags},
		{Name: "the owners of a secret get the mail, too", Run: copies(false)},
		{Name: "the same event comes twice", Run: twice},
		{Name: "an interrupted rotation is finished by the next delivery", Run: recovers},
		{Name: "a new token that is refused is deleted again", Run: undoes},
		{Name: "a dry run opens the problem again",
			Run: reopens("dry_run", "", func(s *environment) (*tenancy.Case, string) {
				c := s.Add(token)
				return c, c.Comment("dry_run:yes")
			})},
		{Name: "a secret of another user is refused", Run: reopens("refused", "bound to another user",
			func(s *environment) (*tenancy.Case, string) {
				c, other := s.Add(apiKey), s.Add(apiKey)
				return c, other.Comment()
			})},
		{Name: "an excluded user's credential stays", Run: reopens("refused", "protected",
			func(s *environment) (*tenancy.Case, string) {
				w := apiKey
				w.UserName = excluded
				c := s.Add(w)
				return c, c.Comment()
			})},
	}
}

// excluded is a user whom the stack excludes.
const excluded = "breakglass@example.com"

func sweepCases() []Case {
	return []Case{
		{Name: "the sweep rotates an API key whose event was lost", Run: sweeps(apiKey, false)},
		{Name: "the sweep rotates a bundle of the workload's compartment", Run: sweeps(bundled(token), true)},
		{Name: "the sweep rotates a token, if GetNamespace needs a permission", Answers: asksRead,
			Run: sweeps(token, false)},
		{Name: "the sweep rotates a customer secret key", Run: sweeps(keyPair, false)},
		{Name: "the sweep resets a password", Run: sweeps(password, false)},
		{Name: "the sweep resets a password, if the service asks for USER_UIPASS_SET", Answers: asksSet,
			Run: sweeps(password, false)},
		{Name: "the sweep retires the old one after the grace period", Run: retires},
		{Name: "the sweep makes room in crowded secrets", Run: prunes(nil)},
		{Name: "the sweep makes no room in a dry run", Config: []string{"dry_run=yes"}, Run: prunes([]int{26, 26})},
		{Name: "the sweep deletes a token whose value is lost",
			Run: orphaned(tenancy.AuthToken, "CreateAuthToken")},
		{Name: "the sweep deletes a customer secret key whose value is lost",
			Run: orphaned(tenancy.CustomerSecretKey, "CreateCustomerSecretKey")},
		{Name: "the sweep opens a problem again that it can't rotate", Run: sweepReopens},
		{Name: "the sweep sends the mail to the owners of a secret, too", Run: copies(true)},
		{Name: "the sweep writes its report to the bucket", Report: true, Run: reports},
		{Name: "the sweep has nothing to do", Run: doesNothing},
	}
}

func measures(s *environment) error {
	return errors.Join(rotates(token, false)(s), s.measured("CredentialAge"))
}

// copies rotates a token by an event, or by the sweep because the event was lost. Its secret asks for a topic of the
// workload's compartment.
func copies(bySweep bool) func(*environment) error {
	return func(s *environment) error {
		c := s.Add(workload(s, token))
		old, topic := c.IDs(), s.AddTopicIn(s.workload, "web-team")
		for _, id := range c.Secrets {
			if err := s.Tag(s.ctx, id, map[string]string{"keyturn-topic": topic}); err != nil {
				return err
			}
		}
		if bySweep {
			s.dropEvents()
		}
		err := s.Close(s.ctx, c.Problem, c.Comment())
		if err == nil && bySweep {
			_, err = s.Sweep(s.ctx)
		}
		if err == nil && !slices.ContainsFunc(s.Mails(), func(m ociemu.Mail) bool { return m.Topic == topic }) {
			err = errors.New("the owners of the secret got no mail")
		}
		return errors.Join(err, s.rotated(c, old))
	}
}

// measured checks that a metric has arrived.
func (s *environment) measured(name string) error {
	if !slices.ContainsFunc(s.Metrics(), func(m ociemu.MetricValue) bool {
		return m.Name == name && m.Compartment == s.keyturn
	}) {
		return fmt.Errorf("no value of %s has arrived in Monitoring", name)
	}
	return nil
}

// findsByTags closes a problem with a comment that names no secret.
func findsByTags(s *environment) error {
	c := s.Add(workload(s, token))
	s.Add(token) // another user's, in the other compartment
	old := c.IDs()
	r, err := s.close(c, "rotate:yes")
	if err == nil {
		err = r.want("rotated")
	}
	return errors.Join(err, s.rotated(c, old))
}

// twice delivers an event twice.
func twice(s *environment) error {
	c := s.Add(apiKey)
	if r, err := s.close(c, c.Comment()); err != nil || r.Outcome != "rotated" {
		return errors.Join(err, r.want("rotated"))
	}
	ids := c.IDs()
	r, err := s.again()
	if err == nil {
		err = r.want("already")
	}
	if !slices.Equal(ids, c.IDs()) {
		err = errors.Join(err, errors.New("the user's keys have changed"))
	}
	return err
}

// recovers kills the function after it staged the new key, and delivers the event again when the interrupted rotation
// counts as abandoned.
func recovers(s *environment) error {
	c := s.Add(workload(s, apiKey))
	old := c.IDs()
	s.KillAt("UpdateSecret", 0)
	if err := s.Close(s.ctx, c.Problem, c.Comment()); err != nil {
		return err
	}
	s.Forward(11 * time.Minute)
	r, err := s.again()
	if err == nil {
		err = r.want("rotated")
	}
	return errors.Join(err, s.rotated(c, old))
}

// undoes makes the registry refuse the new token for longer than it may refuse a new one.
func undoes(s *environment) error {
	c := s.Add(token)
	s.SetCreatedOffset(-31 * time.Minute)
	s.Inject(ociemu.Fault{Operation: "DockerToken", Times: -1, Do: ociemu.Answer(401, "NotAuthenticated")})
	r, err := s.close(c, c.Comment())
	if err != nil {
		return err
	}
	if ids := c.IDs(); len(ids) != 1 || ids[0] != c.OldID {
		err = fmt.Errorf("the user has %d tokens, want only the old one", len(ids))
	}
	return errors.Join(r.want("refused"), err, s.open(c))
}

func retires(s *environment) error {
	c := s.Add(apiKey)
	old := c.IDs()
	r, err := s.close(c, c.Comment("grace:1m"))
	if err != nil {
		return err
	}
	if err := r.want("rotated"); err != nil {
		return err
	}
	if n := len(c.IDs()); n != 2 {
		return fmt.Errorf("the user has %d keys in the grace period, want 2", n)
	}
	s.clock.Add(2 * time.Minute)
	d, err := s.sweep()
	if err == nil {
		err = d.one("rotated")
	}
	return errors.Join(err, s.rotated(c, old))
}

// prunes runs the sweep with a secret with many versions in each compartment. left is how many versions stay in each;
// nil: 10.
func prunes(left []int) func(*environment) error {
	return func(s *environment) error {
		c := s.Add(apiKey)
		var ids []string
		for _, compartment := range []string{s.keyturn, s.workload} {
			ids = append(ids, s.AddSecret(ociemu.SecretSeed{Name: "crowded", Versions: 26, Content: []byte(c.Old.Value),
				Compartment: compartment,
				DefinedTags: map[string]map[string]any{"keyturn": {"user": c.User, "kind": string(c.Kind)}}}))
		}
		d, err := s.sweep()
		if err != nil {
			return err
		}
		if len(d.Found) != 2 {
			return fmt.Errorf("the sweep reports %d findings, want both secrets", len(d.Found))
		}
		for i, id := range ids {
			n := 0
			for _, v := range s.Secret(id).Versions {
				if v.Deletion.IsZero() {
					n++
				}
			}
			if want := append(left, 10, 10)[i]; n != want {
				return fmt.Errorf("%d versions are left, want %d", n, want)
			}
		}
		return nil
	}
}

// sweepReopens runs the sweep with a closed problem whose comment names another user's secret.
func sweepReopens(s *environment) error {
	other := s.Add(apiKey)
	c := s.Add(apiKey)
	s.dropEvents()
	if err := s.Close(s.ctx, c.Problem, other.Comment()); err != nil {
		return err
	}
	d, err := s.sweep()
	if err != nil {
		return err
	}
	return errors.Join(d.one("refused"), s.open(c))
}

// reports runs the sweep twice on one day. It must write one report, with the user's token.
func reports(s *environment) error {
	c := s.Add(workload(s, token))
	for range 2 {
		d, err := s.sweep()
		if err != nil {
			return err
		}
		if len(d.Outcomes)+len(d.Found)+len(d.Unfinished) > 0 {
			return fmt.Errorf("the sweep has something to say: %q, %q", d.Found, d.Unfinished)
		}
	}
	texts, err := s.Reports(reportBucket)
	if err != nil {
		return err
	}
	if len(texts) != 1 {
		return fmt.Errorf("there are %d reports, want 1", len(texts))
	}
	var r struct{ Rows []struct{ ID string } }
	if err := json.Unmarshal([]byte(texts[0]), &r); err != nil {
		return fmt.Errorf("reading the report: %w", err)
	}
	if !slices.Contains(r.Rows, struct{ ID string }{c.OldID}) {
		return errors.New("the report lacks the user's token")
	}
	return nil
}

// doesNothing runs the sweep in a tenancy without anything to do, with an excluded user.
func doesNothing(s *environment) error {
	s.Add(token)
	w := keyPair
	w.UserName = excluded
	s.Add(w)
	d, err := s.sweep()
	if err == nil && len(d.Outcomes)+len(d.Found)+len(d.Unfinished) > 0 {
		err = errors.New("the sweep found something")
	}
	return errors.Join(err, s.measured("Sweeps"))
}
