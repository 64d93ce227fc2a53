package responder_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/keyturn/keyturn/pkg/cloudguard"
	"github.com/keyturn/keyturn/pkg/config"
	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/fault"
	"github.com/keyturn/keyturn/pkg/outcome"
	"github.com/keyturn/keyturn/pkg/responder"
	"github.com/keyturn/keyturn/pkg/rotation"
	"github.com/keyturn/keyturn/pkg/vault"
)

const (
	problemID   = "ocid1.cloudguardproblem.oc1.iad.amaaaaaaproblem"
	userID      = "ocid1.user.oc1..aaaaaaaaowner"
	tenancyID   = "ocid1.tenancy.oc1..aaaaaaaatenancy"
	compartment = "ocid1.compartment.oc1..aaaaaaaavaults"
	secretID    = "ocid1.vaultsecret.oc1.iad.amaaaaaasecret"
	topicID     = "ocid1.onstopic.oc1.iad.amaaaaaatopic"
	tokenID     = "ocid1.credential.oc1..aaaaaaaaoldtoken"
	comment     = "auth_secret_ocid:" + secretID
)

// closedAt is when the person closed the problem; the event follows.
var closedAt = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// tenancy is a tenancy in which an auth token is too old and its problem was closed: everything that the responder
// talks to. Tests change its fields before they call respond.
type tenancy struct {
	config config.Config
	event  event

	problem   func(reads int) (cloudguard.Problem, error) // reads counts from 1
	afreshErr error
	reopenErr error
	secrets   []vault.Secret
	listErr   error
	userName  string
	nameErr   error
	userErr   func(n int) error // of the nth question for the user
	spaceErr  error
	mailErr   func(mails int) error // mails counts from 1
	facts     responder.Facts       // nil: none
	// domain translates the id of a credential; nil: no domain knows the user
	domain func(credential.Ref) (id string, living []string, err error)
	run    func(context.Context, rotation.Job) rotation.Result
	clock  rotation.Clock

	mu       sync.Mutex
	names    []string
	reads    int
	reopened []string
	mails    []mail
	jobs     []rotation.Job
	fetched  []fetch
	first    *rotation.Prefetch
	slept    time.Duration
	mailLeft time.Duration // that the last mail was given
}

// fetch is what was read in advance.
type fetch struct {
	ref     credential.Ref
	secrets []string
}

type mail struct{ topic, title, body string }

func newTenancy() *tenancy {
	s := &tenancy{
		config: config.Config{Topic: topicID, EventCheck: true, SecretBinding: config.BindingRequire,
			Prove: config.ProveRequire},
		event: event{kind: "com.oraclecloud.cloudguard.problemremediated", rule: "AUTH_TOKEN_TOO_OLD",
			problem: problemID, user: userID, resource: tokenID, comment: comment},
		secrets: []vault.Secret{{ID: secretID, Name: "token-of-web", Compartment: compartment, State: vault.Active,
			Freeform: map[string]string{"keyturn-user": userID, "keyturn-kind": "auth-token"}}},
		userName: "web@example.com",
	}
	s.problem = func(int) (cloudguard.Problem, error) { return s.closed(comment), nil }
	s.run = func(ctx context.Context, job rotation.Job) rotation.Result { return permitted(ctx, s, job, rotated) }
	s.clock = stepClock{s}
	return s
}

// closed is Cloud Guard's record of the problem after a person closed it.
func (s *tenancy) closed(comment string) cloudguard.Problem {
	return cloudguard.Problem{ID: problemID, CompartmentID: tenancyID, Rule: cloudguard.Rule(s.event.rule),
		Detail: "RESOLVED", ResourceID: s.event.resource,
		Details: map[string]string{"User OCID": userID}, LastDetected: closedAt.Add(-time.Hour),
		History: []cloudguard.Change{{At: closedAt, Actor: "secops@example.com", ActorKind: "USER", Detail: "RESOLVED",
			Comment: comment}}}
}

// open is the record while the problem is, or still seems, open.
func (s *tenancy) open() cloudguard.Problem {
	p := s.closed("")
	p.Detail, p.History = "OPEN", nil
	return p
}

// with makes Cloud Guard's record and the event hold this closure comment.
func (s *tenancy) with(comment string) *tenancy {
	s.event.comment = comment
	s.problem = func(int) (cloudguard.Problem, error) { return s.closed(comment), nil }
	return s
}

// about makes the tenancy one of another rule.
func (s *tenancy) about(rule cloudguard.Rule, resource, comment string) *tenancy {
	s.event.rule, s.event.resource = string(rule), resource
	return s.with(comment)
}

func (s *tenancy) respond(t *testing.T) (outcome.Outcome, error) {
	t.Helper()
	return s.respondTo(t.Context(), s.event.json(t))
}

func (s *tenancy) respondTo(ctx context.Context, body []byte) (outcome.Outcome, error) {
	r := &responder.Responder{Config: s.config, Problems: s, Directory: s, Secrets: s, Facts: s.facts, Notifier: s,
		Rotator: s, Clock: s.clock}
	return r.Respond(ctx, "call-1", body)
}

func (s *tenancy) called(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.names = append(s.names, name)
}

// calls are the names of the calls so far.
func (s *tenancy) calls() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.names)
}

func (s *tenancy) saw(name string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Contains(s.names, name)
}

// count is how often a call was made.
func (s *tenancy) count(name string) (n int) {
	for _, called := range s.calls() {
		if called == name {
			n++
		}
	}
	return n
}

// Problem, Afresh and Reopen fit responder.Problems.
func (s *tenancy) Problem(_ context.Context, id string) (cloudguard.Problem, error) {
	s.called("GetProblem")
	if id != problemID {
		return cloudguard.Problem{}, errors.New("asked for another problem than the event's")
	}
	s.reads++
	return s.problem(s.reads)
}

func (s *tenancy) Afresh(ctx context.Context, id string) (cloudguard.Problem, error) {
	if s.afreshErr != nil {
		return cloudguard.Problem{}, s.afreshErr
	}
	return s.Problem(ctx, id)
}

func (s *tenancy) Reopen(_ context.Context, p cloudguard.Problem, comment string) error {
	s.called("UpdateProblemStatus")
	if p.ID != problemID {
		return errors.New("another problem than the event's was to be re-opened")
	}
	if now, err := s.problem(s.reads); err == nil && p.ETag != "" && p.ETag != now.ETag {
		return fault.New(fault.Conflict, "UpdateProblemStatus", "the etag is another one")
	}
	if s.reopenErr != nil {
		return s.reopenErr
	}
	s.reopened = append(s.reopened, comment)
	return nil
}

// Tenancy, UserName, Namespace and Compartment fit responder.Directory. They are called side by side.
func (s *tenancy) Tenancy(context.Context) (credential.Tenancy, error) {
	s.called("GetTenancy")
	return credential.Tenancy{ID: tenancyID, Name: "acme", Home: "us-ashburn-1"}, nil
}

func (s *tenancy) UserName(context.Context, string) (string, error) {
	s.called("GetUser")
	if s.userErr != nil {
		return s.userName, s.userErr(s.count("GetUser"))
	}
	return s.userName, s.nameErr
}

func (s *tenancy) Hosts(region, namespace string) (credential.Hosts, error) {
	return credential.Hosts{Registry: "ocir." + region + ".oci.oraclecloud.com", S3: namespace +
		".compat.objectstorage." + region + ".oraclecloud.com"}, nil
}

func (s *tenancy) Namespace(context.Context) (string, error) {
	s.called("GetNamespace")
	return "acmens", s.spaceErr
}

func (s *tenancy) Compartment(context.Context) (string, error) {
	s.called("Compartment")
	return compartment, nil
}

// Secret and List fit responder.Secrets.
func (s *tenancy) Secret(_ context.Context, id string) (vault.Secret, error) {
	s.called("GetSecret")
	for _, found := range s.secrets {
		if found.ID == id {
			return found, nil
		}
	}
	return vault.Secret{}, fault.New(fault.Absent, "GetSecret", "")
}

func (s *tenancy) List(_ context.Context, in string) ([]vault.Secret, error) {
	s.called("ListSecrets " + in)
	var out []vault.Secret
	for _, found := range s.secrets {
		if found.Compartment == in {
			out = append(out, found)
		}
	}
	return out, s.listErr
}

// Publish fits responder.Notifier.
func (s *tenancy) Publish(ctx context.Context, topic, title, body string) error {
	s.called("PublishMessage")
	if err := ctx.Err(); err != nil {
		return err // as a client does
	}
	if deadline, ok := ctx.Deadline(); ok {
		s.mailLeft = time.Until(deadline)
	}
	s.mails = append(s.mails, mail{topic, title, body})
	if s.mailErr != nil {
		return s.mailErr(len(s.mails))
	}
	return nil
}

// Prefetch and Run fit responder.Rotator.
func (s *tenancy) Prefetch(_ context.Context, ref credential.Ref, secrets []string) *rotation.Prefetch {
	s.fetched, s.first = append(s.fetched, fetch{ref, secrets}), &rotation.Prefetch{}
	return s.first
}

// Run fits responder.Rotator. A run that was not permitted touches nothing: it is "Look", and no "Run".
func (s *tenancy) Run(ctx context.Context, job rotation.Job) rotation.Result {
	s.jobs = append(s.jobs, job)
	ask, what := job.Authorize, "Run"
	var last credential.Authorized
	job.Authorize = func(ctx context.Context, secrets []vault.Secret) (_ credential.Authorized, err error) {
		last, err = ask(ctx, secrets)
		if err != nil {
			what = "Look"
		}
		return last, err
	}
	r := s.run(ctx, job)
	r.Authorized = last // as the engine does
	s.called(what)
	return r
}

// permitted does what the engine does before it touches anything: it asks, and ends with a refusal if the answer is no.
func permitted(ctx context.Context, s *tenancy, job rotation.Job,
	then func(rotation.Job) rotation.Result) rotation.Result {
	var seen []vault.Secret
	for _, target := range job.Secrets {
		if i := slices.IndexFunc(s.secrets, func(found vault.Secret) bool {
			return found.ID == target.SecretID
		}); i >= 0 {
			seen = append(seen, s.secrets[i])
		}
	}
	if _, err := job.Authorize(ctx, seen); err != nil {
		return rotation.Result{End: rotation.Refuse, Reason: rotation.Failed, Cause: err,
			Rotation: job.Ref.RotationID(), Attempt: 1}
	}
	return then(job)
}

// rotated is the engine's result when all went well.
func rotated(job rotation.Job) rotation.Result {
	r := rotation.Result{End: rotation.Done, Reason: rotation.Rotated, Rotation: job.Ref.RotationID(), Attempt: 1,
		NewID: "the-new-one", OldGone: true,
		Proven: true, Acted: true, Steps: []rotation.Step{{Action: rotation.Create}, {Action: rotation.Retire}}}
	for _, target := range job.Secrets {
		r.Placed = append(r.Placed, rotation.Placed{Target: target, SecretName: "token-of-web", Version: 2,
			Current: true})
	}
	return r
}

// ended makes a rotator that ends with the given result once it was permitted.
func ended(s *tenancy, with rotation.Result) func(context.Context, rotation.Job) rotation.Result {
	return func(ctx context.Context, job rotation.Job) rotation.Result {
		return permitted(ctx, s, job, func(rotation.Job) rotation.Result {
			with.Rotation, with.Attempt = job.Ref.RotationID(), 1
			return with
		})
	}
}

// stepClock stands still; a sleep moves it.
type stepClock struct{ s *tenancy }

func (c stepClock) Now() time.Time { return closedAt.Add(time.Minute).Add(c.s.slept) }

func (c stepClock) Sleep(ctx context.Context, d time.Duration) error {
	c.s.slept += d
	return ctx.Err()
}

// stillClock stands still, also while somebody sleeps.
type stillClock struct{ at time.Time }

func (c stillClock) Now() time.Time { return c.at }

func (c stillClock) Sleep(ctx context.Context, _ time.Duration) error { return ctx.Err() }

// event is what Cloud Guard's event says.
type event struct {
	kind, version, rule, problem, user, resource, status, comment string
	at                                                            time.Time // zero: just after the closure
}

func (e event) json(t *testing.T) []byte {
	t.Helper()
	status := e.status
	if status == "" {
		status = "RESOLVED"
	}
	version := e.version
	if version == "" {
		version = "2.0"
	}
	at := e.at
	if at.IsZero() {
		at = closedAt.Add(2 * time.Second)
	}
	text, err := json.Marshal(map[string]any{
		"eventType": e.kind, "eventTypeVersion": version, "eventTime": at.Format(time.RFC3339),
		"data": map[string]any{"resourceId": e.problem, "resourceName": "IAM Auth token is too old",
			"compartmentId": tenancyID,
			"additionalDetails": map[string]any{"tenantId": tenancyID, "status": status, "problemName": e.rule,
				"riskLevel":  "MEDIUM",
				"resourceId": e.resource, "resourceName": "deploys the web shop", "resourceType": "User",
				"problemAdditionalDetails": map[string]string{"User OCID": e.user, "comments": e.comment}}}})
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// expect checks the status, and that the error and the mail go with it.
func expect(t *testing.T, s *tenancy, o outcome.Outcome, err error, want outcome.Status) {
	t.Helper()
	if o.Status != want {
		t.Fatalf("the outcome is %q (%s), want %q", o.Status, o.Reason, want)
	}
	failed := want == outcome.Unfinished || want == outcome.InProgress
	if got := errors.Is(err, responder.ErrUnfinished); got != failed {
		t.Errorf("the error is %v; is it ErrUnfinished: %v, want %v", err, got, failed)
	}
	if !failed && err != nil {
		t.Errorf("the invocation failed: %v", err)
	}
	mails := 1
	if want == outcome.Ignored || want == outcome.InProgress {
		mails = 0
	}
	if len(s.mails) != mails {
		t.Errorf("%d mails were sent, want %d", len(s.mails), mails)
	}
}
