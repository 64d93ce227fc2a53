package responder_test

import (
	"context"
	"slices"
	"testing"

	"github.com/keyturn/keyturn/pkg/cloudguard"
	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/responder"
)

// begun notes what is begun ahead of Cloud Guard's answer.
type begun struct {
	prepared []credential.Kind
	read     []credential.Ref
	secrets  []string
}

type handedOn struct{}

func (b *begun) Prepare(_ context.Context, kind credential.Kind, secrets []string) {
	b.prepared, b.secrets = append(b.prepared, kind), secrets
}

func (b *begun) Ahead(ctx context.Context, ref credential.Ref, _ []string) context.Context {
	b.read = append(b.read, ref)
	return context.WithValue(ctx, handedOn{}, true)
}

// ahead is a responder of the scene with somebody who begins things ahead.
func (s *scene) ahead(b *begun) *responder.Responder {
	r := s.responder()
	r.Reads = b
	return r
}

func TestWhatAnEventHintsAtIsReadWhileCloudGuardIsAsked(t *testing.T) {
	s, b := newScene(), &begun{}
	s.problem = func(int) (cloudguard.Problem, error) {
		if len(b.prepared) != 1 || len(b.read) != 1 {
			t.Error("Cloud Guard was asked before anything else was begun")
		}
		return s.closed(comment), nil
	}
	if _, err := s.ahead(b).Respond(t.Context(), "call-1", s.event.json(t)); err != nil {
		t.Fatal(err)
	}
	if want := (credential.Ref{Kind: credential.AuthToken, User: userID, ID: tokenID}); !slices.Equal(b.read, []credential.Ref{want}) {
		t.Errorf("read ahead was %v, want %v", b.read, want)
	}
	if !slices.Equal(b.prepared, []credential.Kind{credential.AuthToken}) || !slices.Equal(b.secrets, []string{secretID}) {
		t.Errorf("prepared was %v with %v", b.prepared, b.secrets)
	}
	if !s.saw("GetNamespace") {
		t.Error("the namespace was not asked for")
	}
}

func TestNothingIsBegunForAnEventThatIsNotOursOrCannotBeRead(t *testing.T) {
	for name, change := range map[string]func(*scene){
		"another rule":  func(s *scene) { s.event.rule = "BUCKET_IS_PUBLIC" },
		"no user":       func(s *scene) { s.event.user = "joe" },
		"a bad comment": func(s *scene) { s.event.comment = "auth_secret_ocid:nonsense" },
	} {
		s, b := newScene(), &begun{}
		change(s)
		_, _ = s.ahead(b).Respond(t.Context(), "call-1", s.event.json(t)) // what comes of it is tested elsewhere
		if len(b.prepared)+len(b.read) != 0 {
			t.Errorf("%s: prepared %v, read %v", name, b.prepared, b.read)
		}
	}
}

// With no secret to keep two resets apart, the look at a password has to be as fresh as can be.
func TestAPasswordIsNotReadAhead(t *testing.T) {
	s, b := newScene().about("PASSWORD_TOO_OLD", userID, "password_secret_ocid:"+secretID), &begun{}
	_, _ = s.ahead(b).Respond(t.Context(), "call-1", s.event.json(t))
	if len(b.prepared) != 1 || len(b.read) != 0 {
		t.Errorf("prepared %v, read %v", b.prepared, b.read)
	}
}

func TestWithoutTheQuestionToCloudGuardThereIsNothingToReadAheadOf(t *testing.T) {
	s, b := newScene(), &begun{}
	s.config.EventCheck = false
	_, _ = s.ahead(b).Respond(t.Context(), "call-1", s.event.json(t))
	if len(b.prepared) != 1 || len(b.read) != 0 {
		t.Errorf("prepared %v, read %v", b.prepared, b.read)
	}
}

func TestAReviewOpensNoConnectionsForAMailThatItDoesNotSend(t *testing.T) {
	s, b := newScene(), &begun{}
	s.ahead(b).Review(t.Context(), "call-1", s.closed(comment))
	if len(b.prepared) != 0 || len(b.read) != 1 {
		t.Errorf("prepared %v, read %v", b.prepared, b.read)
	}
}
