package responder_test

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"github.com/keyturn/keyturn/pkg/cloudguard"
	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/fault"
	"github.com/keyturn/keyturn/pkg/outcome"
	"github.com/keyturn/keyturn/pkg/responder"
	"github.com/keyturn/keyturn/pkg/rotation"
)

// tenancyOf is a directory of which a test changes some answers.
type tenancyOf struct {
	*tenancy
	tenancyErr, hostsErr, compartmentErr error
	asked                                chan struct{} // closed by the first question for the tenancy, unless nil
	named                                chan struct{} // the same for the namespace
}

func (d *tenancyOf) Tenancy(ctx context.Context) (credential.Tenancy, error) {
	if d.asked != nil {
		once(d.asked)
	}
	if d.tenancyErr != nil {
		return credential.Tenancy{}, d.tenancyErr
	}
	return d.tenancy.Tenancy(ctx)
}

func (d *tenancyOf) Namespace(ctx context.Context) (string, error) {
	if d.named != nil {
		once(d.named)
	}
	return d.tenancy.Namespace(ctx)
}

func (d *tenancyOf) Hosts(region, namespace string) (credential.Hosts, error) {
	if d.hostsErr != nil {
		return credential.Hosts{}, d.hostsErr
	}
	return d.tenancy.Hosts(region, namespace)
}

func (d *tenancyOf) Compartment(ctx context.Context) (string, error) {
	if d.compartmentErr != nil {
		return "", d.compartmentErr
	}
	return d.tenancy.Compartment(ctx)
}

// once closes a channel that may be closed already.
func once(c chan struct{}) {
	select {
	case <-c:
	default:
		close(c)
	}
}

func TestWhatTheOwnerNeedsThatCannotBeFoundKeepsTheOrder(t *testing.T) {
	for name, c := range map[string]struct {
		directory tenancyOf
		reason    string
	}{
		"the tenancy": {tenancyOf{tenancyErr: errors.New("cut off")}, "looking up the owner: unclear: looking up " +
			"the tenancy: cut off"},
		"the hosts": {tenancyOf{hostsErr: errors.New("no such realm")}, "looking up the owner: unclear: " +
			"finding the hosts at which the credential is used: no such realm"},
		"hosts refused": {tenancyOf{hostsErr: fault.New(fault.Throttled, "hosts", "")}, "finding the hosts"},
	} {
		s := withEngine(newTenancy())
		c.directory.tenancy = s
		r := s.responder()
		r.Directory = &c.directory
		o, err := r.Respond(t.Context(), "call-1", s.event.json(t))
		if o.Status != outcome.Unfinished || !errors.Is(err, responder.ErrUnfinished) ||
			!strings.Contains(o.Reason, c.reason) || s.saw("Update") || s.saw("Create") {
			t.Errorf("%s: %s (%s), %v", name, o.Status, o.Reason, err)
		}
	}
}

func TestTheOwnerHasTheHomeRegion(t *testing.T) {
	s := newTenancy()
	s.run = func(ctx context.Context, job rotation.Job) rotation.Result {
		a, err := job.Authorize(ctx, s.secrets)
		owner := a.Owner
		if err != nil || owner.Region != "us-ashburn-1" || owner.Tenancy != tenancyID || owner.User != userID ||
			owner.Namespace != "acmens" {
			t.Errorf("the owner is %+v (%v)", owner, err)
		}
		return rotated(job)
	}
	if _, err := s.respond(t); err != nil {
		t.Error(err)
	}
}

func TestNamesThatARotationHasLookedUpAreNotLookedUpAgain(t *testing.T) {
	s := newTenancy()
	o, err := s.respond(t)
	expect(t, s, o, err, outcome.Rotated)
	users := 0
	for _, name := range s.calls() {
		if name == "GetUser" {
			users++
		}
	}
	if users != 1 || o.UserName != "web@example.com" || o.TenancyName != "acme" {
		t.Errorf("the user was asked for %d times: %q of %q", users, o.UserName, o.TenancyName)
	}
}

func TestTheTenancyAndTheNamespaceAreLookedUpWhileCloudGuardIsAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newTenancy()
		d := &tenancyOf{tenancy: s, asked: make(chan struct{}), named: make(chan struct{})}
		s.problem = func(int) (cloudguard.Problem, error) {
			for _, c := range []chan struct{}{d.asked, d.named} {
				select {
				case <-c:
				case <-time.After(time.Minute):
					t.Error("it is not asked for before Cloud Guard answers")
				}
			}
			return s.closed(comment), nil
		}
		r := s.responder()
		r.Directory = d
		if o, err := r.Respond(t.Context(), "call-1", s.event.json(t)); o.Status != outcome.Rotated || err != nil {
			t.Errorf("%s, %v", o.Status, err)
		}
	})
}

func TestTheNamespaceIsLookedUpOnlyForKindsThatAreUsedWithIt(t *testing.T) {
	for kind, want := range map[credential.Kind]bool{credential.APIKey: false, credential.AuthToken: true,
		credential.CustomerSecretKey: true, credential.Password: false} {
		synctest.Test(t, func(t *testing.T) {
			s := bundle(kind)
			if kind == credential.AuthToken {
				s = newTenancy()
			}
			if _, err := s.respond(t); err != nil {
				t.Error(err)
			}
			synctest.Wait() // for what runs in the background
			if s.saw("GetNamespace") != want {
				t.Errorf("%s: called %v", kind, s.calls())
			}
		})
	}
}

func TestABoundSecretIsLookedForInTheConfiguredCompartmentOrTheFunctionsOwn(t *testing.T) {
	s := newTenancy().with("rotate:yes")
	s.config.SecretCompartments = []string{compartment}
	r := s.responder()
	r.Directory = &tenancyOf{tenancy: s, compartmentErr: errors.New("not to be asked for")}
	if o, err := r.Respond(t.Context(), "call-1", s.event.json(t)); o.Status != outcome.Rotated || err != nil {
		t.Errorf("%s (%s), %v", o.Status, o.Reason, err)
	}
	s = newTenancy().with("rotate:yes")
	r = s.responder()
	r.Directory = &tenancyOf{tenancy: s, compartmentErr: fault.New(fault.Unclear, "GetCompartment", "no answer")}
	if o, _ := r.Respond(t.Context(), "call-1", s.event.json(t)); o.Status != outcome.Unfinished ||
		!strings.HasPrefix(o.Reason, "looking for a bound secret: ") {
		t.Errorf("%s (%s)", o.Status, o.Reason)
	}
}

func TestASecretIsNotExplainedWithoutTheCompartmentsToLookIn(t *testing.T) {
	s := newTenancy()
	facts := factsOf(func(*seen) {})
	s.run = ended(s, rotation.Result{End: rotation.Refuse, Reason: rotation.Failed, Cause: refusal("GetSecret")})
	r := s.responder()
	r.Facts, r.Directory = facts, &tenancyOf{tenancy: s, compartmentErr: errors.New("cut off")}
	o, _ := r.Respond(t.Context(), "call-1", s.event.json(t))
	if o.Status != outcome.Refused || strings.Contains(o.Reason, "is not where") ||
		slices.Contains(facts.asked, "ListSecrets") {
		t.Errorf("%s (%s), asked %v", o.Status, o.Reason, facts.asked)
	}
}

// timed notes how long each call may take, at the least.
type timed struct {
	*tenancy
	mu   sync.Mutex
	left map[string]time.Duration
	over bool
}

func (d *timed) note(ctx context.Context, name string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if deadline, ok := ctx.Deadline(); ok {
		if left, known := d.left[name]; !known || deadline.Sub(d.clock.Now()) < left {
			d.left[name] = deadline.Sub(d.clock.Now())
		}
	}
	d.over = d.over || ctx.Err() != nil
}

func (d *timed) Reopen(ctx context.Context, p cloudguard.Problem, comment string) error {
	d.note(ctx, "re-opening")
	return d.tenancy.Reopen(ctx, p, comment)
}

func (d *timed) UserName(ctx context.Context, id string) (string, error) {
	d.note(ctx, "names")
	return d.tenancy.UserName(ctx, id)
}

func TestWhatComesBetweenTheRotationAndTheMailMayTakeAPartOfTheTimeThatIsLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newTenancy().with("auth_secret_ocd:" + secretID)
		d := &timed{tenancy: s, left: map[string]time.Duration{}}
		r := s.responder()
		r.Problems, r.Directory = d, d
		ctx, cancel := context.WithDeadline(t.Context(), s.clock.Now().Add(80*time.Second))
		defer cancel()
		if _, err := r.Respond(ctx, "call-1", s.event.json(t)); err != nil {
			t.Error(err)
		}
		d.mu.Lock()
		defer d.mu.Unlock()
		if d.left["re-opening"] != 40*time.Second || d.left["names"] != 20*time.Second {
			t.Errorf("they may take %v, want a half and a quarter of 80 s", d.left)
		}
	})
}

func TestWithoutADeadlineNothingIsCutOff(t *testing.T) {
	s := newTenancy().with("auth_secret_ocd:" + secretID)
	d := &timed{tenancy: s, left: map[string]time.Duration{}}
	r := s.responder()
	r.Problems, r.Directory = d, d
	o, err := r.Respond(t.Context(), "call-1", s.event.json(t))
	d.mu.Lock() // the owner may still be looked up
	defer d.mu.Unlock()
	if !o.Reopened || err != nil || d.over || len(d.left) != 0 {
		t.Errorf("re-opened %v (%v), time left %v", o.Reopened, err, d.left)
	}
}

func TestAMailThatIsCutOffByTheEndOfTheTimeFailsTheInvocation(t *testing.T) {
	s := newTenancy()
	ctx, cancel := context.WithCancel(t.Context())
	s.mailErr = func(int) error { cancel(); return errNetwork }
	if _, err := s.respondTo(ctx, s.event.json(t)); !errors.Is(err, errNetwork) || len(s.mails) != 1 {
		t.Errorf("%v after %d mails", err, len(s.mails))
	}
}

func TestWhatGoesWrongAfterTheRotationIsLogged(t *testing.T) {
	var log bytes.Buffer
	logger := zerolog.New(&log)
	s := newTenancy()
	s.run = ended(s, rotation.Result{End: rotation.Refuse, Reason: rotation.SecretTaken})
	s.reopenErr, s.mailErr = errNetwork, func(int) error { return errNetwork }
	_, _ = s.respondTo(logger.WithContext(t.Context()), s.event.json(t))
	for _, want := range []string{"re-opening the problem", "sending the mail again"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log has no %q:\n%s", want, log.String())
		}
	}
}

func TestTheCommentOfAReopeningIsNoLongerThanCloudGuardTakes(t *testing.T) {
	for _, n := range []int{100, 901 - len("Keyturn did not rotate: the secret holds another living credential: "),
		5000} {
		s := newTenancy()
		s.run = ended(s, rotation.Result{End: rotation.Refuse, Reason: rotation.SecretTaken,
			Detail: strings.Repeat("x", n)})
		if _, err := s.respond(t); err != nil {
			t.Error(err)
		}
		if got := len(s.reopened[0]); got > 900 || n == 5000 && got != 900 {
			t.Errorf("the comment has %d bytes", got)
		}
	}
}

func TestTheOutcomeHasTheTimeThatItTook(t *testing.T) {
	s := newTenancy()
	s.problem = func(reads int) (cloudguard.Problem, error) {
		if reads == 1 {
			return s.open(), nil
		}
		return s.closed(comment), nil
	}
	if o, err := s.respond(t); o.TookMS != 250 || err != nil {
		t.Errorf("it took %d ms (%v), want the 250 for which it waited", o.TookMS, err)
	}
}
