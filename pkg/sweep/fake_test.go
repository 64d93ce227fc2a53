package sweep

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/keyturn/keyturn/pkg/cloudguard"
	"github.com/keyturn/keyturn/pkg/config"
	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/outcome"
	"github.com/keyturn/keyturn/pkg/rotation"
	"github.com/keyturn/keyturn/pkg/vault"
)

const (
	owner   = "ocid1.user.oc1..u"
	token   = "ocid1.credential.oc1..old"
	drawer  = "ocid1.vaultsecret.oc1.iad.s"
	problem = "ocid1.cloudguardproblem.oc1.iad.p"
)

var noon = time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)

// fakeTenancy is a tenancy with one bound secret, and whatever else a test sets.
type fakeTenancy struct {
	silent
	config   config.Config
	now      time.Time
	secret   vault.Secret
	versions []vault.Version
	closed   []string // the closed problems
	records  map[string]cloudguard.Problem
	absent   error // what any other problem is answered with
	tokens   []credential.Issued
	name     string // of the user
	nameErr  error
	result   rotation.Result // of the collector
	review   func(context.Context, cloudguard.Problem) outcome.Outcome
	keeps    bool             // notes
	fails    map[string]error // what a call is answered with, by its name
	hiccups  int              // how many mails can't be sent

	mu       sync.Mutex
	read     []string // the problems that were read
	reviewed []string
	orphans  []rotation.Orphan
	owners   []credential.Owner // as passed to the collector
	leaving  []int64
	mails    []string
	tries    int       // to send a mail
	listed   int       // how often versions were listed
	opened   int       // how often the secret was read
	written  int       // how often the secret was changed
	since    time.Time // when the closed problems begin
	call     string    // of the last review
}

func newFakeTenancy() *fakeTenancy {
	s := &fakeTenancy{now: noon, secret: bound(drawer), records: map[string]cloudguard.Problem{},
		name:  "web@example.com",
		fails: map[string]error{}}
	s.config.SecretCompartments = []string{"a"}
	s.secret.Name, s.secret.At = "token-of-web", noon
	return s
}

// record is Cloud Guard's record of the problem of the old token, closed by a person.
func record() cloudguard.Problem {
	return cloudguard.Problem{ID: problem, Rule: cloudguard.AuthTokenTooOld, Detail: "RESOLVED", ResourceID: token,
		Details: map[string]string{"User OCID": owner}}
}

// holds sets the secret's journal.
func (s *fakeTenancy) holds(j rotation.Journal) *fakeTenancy {
	s.secret.Metadata, _ = j.Write(nil)
	return s
}

// overdue returns the journal of a grace period that is over.
func overdue(problem string) rotation.Journal {
	return rotation.Journal{Retire: rotation.Overlaps{{Credential: token, After: noon.Add(-time.Hour),
		Problem: problem}}}
}

func (s *fakeTenancy) Now() time.Time                             { return s.now }
func (s *fakeTenancy) Sleep(context.Context, time.Duration) error { return nil }
func (s *fakeTenancy) ClosedProblems(_ context.Context, since time.Time, _ string) ([]string, string, error) {
	s.since = since
	return s.closed, "", nil
}
func (s *fakeTenancy) Problem(_ context.Context, id string) (cloudguard.Problem, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.read = append(s.read, id)
	if p, ok := s.records[id]; ok {
		return p, nil
	}
	return cloudguard.Problem{ID: id}, s.absent
}
func (s *fakeTenancy) Review(ctx context.Context, call string, p cloudguard.Problem) outcome.Outcome {
	s.mu.Lock()
	s.call = call
	s.reviewed = append(s.reviewed, p.ID)
	s.mu.Unlock()
	if s.review != nil {
		return s.review(ctx, p)
	}
	return outcome.Outcome{Status: outcome.Already}
}
func (s *fakeTenancy) Users(context.Context, string) ([]credential.User, string, error) {
	return []credential.User{{ID: strings.ToUpper(owner)}}, "", nil
}
func (s *fakeTenancy) UserName(context.Context, string) (string, error) { return s.name, s.nameErr }
func (s *fakeTenancy) CredentialsOf(_ context.Context, _ credential.Domain, kind credential.Kind,
	_ string) (credential.Listing, error) {
	if kind != credential.AuthToken {
		return credential.Listing{}, s.fails["CredentialsOf"]
	}
	return credential.Listing{Credentials: s.tokens, At: noon}, nil
}
func (s *fakeTenancy) Collect(ctx context.Context, o rotation.Orphan) rotation.Result {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.orphans = append(s.orphans, o)
	a, err := o.Authorize(ctx, []vault.Secret{s.secret})
	s.owners = append(s.owners, a.Owner)
	if err != nil {
		return rotation.Result{End: rotation.Refuse, Reason: rotation.Failed, Cause: err}
	}
	return s.result
}
func (s *fakeTenancy) Secrets(context.Context, string, string) ([]vault.Secret, string, error) {
	return []vault.Secret{s.secret}, "", nil
}
func (s *fakeTenancy) Secret(context.Context, string) (vault.Secret, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.opened++
	if err := s.fails["Secret"]; err != nil {
		return vault.Secret{}, err
	}
	return s.secret, nil
}
func (s *fakeTenancy) Versions(context.Context, string) ([]vault.Version, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.listed++
	return s.versions, s.fails["Versions"]
}
func (s *fakeTenancy) ScheduleDeletion(_ context.Context, id string, number int64) error {
	if id != drawer {
		return fmt.Errorf("another secret: %s", id)
	}
	if err := s.fails["ScheduleDeletion"]; err != nil {
		return err
	}
	s.leaving = append(s.leaving, number)
	return nil
}
func (s *fakeTenancy) Update(_ context.Context, _, _ string, u vault.Update) (vault.Secret, error) {
	if err := s.fails["Update"]; err != nil {
		return vault.Secret{}, err
	}
	s.written++
	s.secret.Metadata = u.Metadata
	return s.secret, nil
}
func (s *fakeTenancy) Compartment(context.Context) (string, error) {
	return "own", s.fails["Compartment"]
}
func (s *fakeTenancy) Tenancy(context.Context) (credential.Tenancy, error) {
	return credential.Tenancy{Name: "acme"}, s.fails["Tenancy"]
}
func (s *fakeTenancy) Publish(_ context.Context, _, title, body string) error {
	s.tries++
	if s.tries <= s.hiccups {
		return errBroken
	}
	s.mails = append(s.mails, title+"\n"+body)
	return nil
}

func (s *fakeTenancy) sweeper() *Sweeper {
	w := &Sweeper{Config: s.config, Inventory: s, Vault: s, Responder: s, Collector: s, Notifier: s, Directory: s,
		Clock: s}
	if s.keeps {
		w.Keeper = s
	}
	return w
}

// sweep sweeps once. The digest and the fake show what it did.
func (s *fakeTenancy) sweep(t *testing.T) outcome.Digest {
	t.Helper()
	d, err := s.sweeper().Run(t.Context(), "call")
	if err != nil {
		t.Error(err)
	}
	slices.Sort(s.reviewed)
	return d
}
