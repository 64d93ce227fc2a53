package responder_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/keyturn/keyturn/pkg/cloudguard"
	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/outcome"
)

func TestWhatAnEventNamesIsReadWhileCloudGuardIsAsked(t *testing.T) {
	s := newTenancy()
	s.problem = func(int) (cloudguard.Problem, error) {
		if len(s.fetched) != 1 {
			t.Error("Cloud Guard was asked before anything else was begun")
		}
		return s.closed(comment), nil
	}
	if _, err := s.respond(t); err != nil {
		t.Fatal(err)
	}
	want := fetch{credential.Ref{Kind: credential.AuthToken, User: userID}, []string{secretID}}
	if len(s.fetched) != 1 || s.fetched[0].ref != want.ref || !slices.Equal(s.fetched[0].secrets, want.secrets) {
		t.Errorf("read in advance was %v, want %v", s.fetched, want)
	}
	if len(s.jobs) != 1 || s.jobs[0].Prefetch != s.first {
		t.Error("the rotation doesn't get what was read in advance")
	}
	if !s.saw("GetNamespace") {
		t.Error("the namespace was not asked for")
	}
}

func TestNothingIsReadInAdvance(t *testing.T) {
	for name, change := range map[string]func(*tenancy){
		"for another rule":  func(s *tenancy) { s.event.rule = "BUCKET_IS_PUBLIC" },
		"without a user":    func(s *tenancy) { s.event.user = "joe" },
		"for a bad comment": func(s *tenancy) { s.event.comment = "auth_secret_ocid:nonsense" },
		"if nothing waits":  func(s *tenancy) { s.config.EventCheck = false },
		"of a password, late": func(s *tenancy) {
			s.about("PASSWORD_TOO_OLD", userID, "password_secret_ocid:"+secretID)
		},
	} {
		s := newTenancy()
		change(s)
		_, _ = s.respond(t) // what comes of it is tested elsewhere
		if len(s.fetched) != 0 {
			t.Errorf("%s: read in advance was %v", name, s.fetched)
		}
	}
}

func TestTheOwnerIsLookedUpOnceUnlessTheAnswerIsOldOrFailed(t *testing.T) {
	for name, c := range map[string]struct {
		late  time.Duration
		fails int
		asked int
	}{
		"once":        {0, 0, 1},
		"old":         {3 * time.Second, 0, 2},
		"failed once": {0, 1, 2},
	} {
		s := newTenancy()
		begun := make(chan bool)
		s.problem = func(int) (cloudguard.Problem, error) {
			<-begun // before that the lookup may not have been made
			s.slept += c.late
			return s.closed(comment), nil
		}
		s.userErr = func(n int) error {
			if n == 1 {
				close(begun)
			}
			if n <= c.fails {
				return errors.New("no answer")
			}
			return nil
		}
		o, err := s.respond(t)
		expect(t, s, o, err, outcome.Rotated)
		if n := s.count("GetUser"); n != c.asked {
			t.Errorf("%s: the user was looked up %d times, want %d", name, n, c.asked)
		}
	}
}
