package responder_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/keyturn/keyturn/pkg/cloudguard"
	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/fault"
	"github.com/keyturn/keyturn/pkg/outcome"
	"github.com/keyturn/keyturn/pkg/rotation"
	"github.com/keyturn/keyturn/pkg/vault"
)

const scimID = "3f5b8a0c1d2e4f60718293a4b5c6d7e8"

// CredentialID fits responder.Directory.
func (s *tenancy) CredentialID(_ context.Context, ref credential.Ref) (string, []string, error) {
	s.called("CredentialID")
	if s.domain == nil {
		return ref.ID, nil, nil
	}
	return s.domain(ref)
}

// named is a tenancy whose problem names the token by its SCIM id. The user's domain answers as given.
func named(domain func(credential.Ref) (string, []string, error)) *tenancy {
	s := newTenancy().about(cloudguard.AuthTokenTooOld, scimID, comment)
	s.domain = domain
	return s
}

func nothing(credential.Ref) (string, []string, error) { return "", []string{"another"}, nil }

func TestACredentialThatOnlyItsDomainKnowsByThisIDIsRotatedUnderItsOwn(t *testing.T) {
	s := named(func(ref credential.Ref) (string, []string, error) {
		if ref.ID != scimID || ref.User != userID || ref.Kind != credential.AuthToken {
			t.Errorf("the domain is asked for %+v", ref)
		}
		return tokenID, []string{tokenID}, nil
	})
	o, err := s.respond(t)
	expect(t, s, o, err, outcome.Rotated)
	want := credential.Ref{Kind: credential.AuthToken, User: userID, ID: tokenID}
	if s.jobs[0].Ref != want || o.OldID != tokenID || o.Rotation != string(want.RotationID()) {
		t.Errorf("rotated %+v, the outcome names %s", s.jobs[0].Ref, o.OldID)
	}
}

func TestTheOwnIDOfACredentialNeedsNoDomain(t *testing.T) {
	s := newTenancy()
	o, err := s.respond(t)
	expect(t, s, o, err, outcome.Rotated)
	if s.saw("CredentialID") {
		t.Error("the domain was asked")
	}
}

func TestADomainThatDoesNotAnswerLeavesTheCredentialToLater(t *testing.T) {
	for class, want := range map[fault.Class]outcome.Status{fault.Unclear: outcome.Unfinished,
		fault.Throttled: outcome.Unfinished, fault.Denied: outcome.Refused} {
		s := withEngine(named(func(credential.Ref) (string, []string, error) {
			return "", nil, fault.New(class, "SCIM ListAuthTokens", "")
		}))
		o, err := s.respond(t)
		expect(t, s, o, err, want)
		if s.saw("Create") || s.saw("Update") || !strings.Contains(o.Reason, "identity domain") {
			t.Errorf("%s: %s, called %v", class, o.Reason, s.calls())
		}
	}
}

func TestACredentialThatItsDomainDoesNotHaveIsGone(t *testing.T) {
	for _, hinted := range []bool{false, true} {
		s := named(nothing)
		if hinted {
			s.problem = func(int) (cloudguard.Problem, error) {
				p := s.closed(comment)
				p.Details = nil
				return p, nil
			}
		}
		s.run = func(ctx context.Context, job rotation.Job) rotation.Result {
			return missing(ctx, s, job, []credential.Issued{{ID: tokenID}})
		}
		o, err := s.respond(t)
		expect(t, s, o, err, map[bool]outcome.Status{false: outcome.Already, true: outcome.Refused}[hinted])
	}
}

// An earlier delivery may have deleted the old credential. Its domain doesn't know the id any more, and the journal
// does.
func TestADeliveryGoesOnUnderTheIDThatAnEarlierOneRecorded(t *testing.T) {
	owner := "auth-token " + userID
	staged := fmt.Sprintf(`{"owner":%q,"staged":{"version":"x","phase":"intent","old":%q,"problem":%q}}`, owner,
		tokenID, problemID)
	retired := fmt.Sprintf(`{"owner":%q,"retire":[{"credential":%q,"problem":%q}]}`, owner, tokenID, problemID)
	for name, c := range map[string]struct{ journal, living, want string }{
		"an attempt":                  {staged, "another", tokenID},
		"an overlap":                  {retired, "another", tokenID},
		"of a living credential":      {staged, tokenID, scimID},
		"of another problem":          {strings.ReplaceAll(staged, problemID, problemID+"x"), "another", scimID},
		"of another user":             {strings.ReplaceAll(staged, userID, userID+"x"), "another", scimID},
		"none":                        {`{}`, "another", scimID},
		"an overlap of a living one":  {retired, tokenID, scimID},
		"an overlap, another problem": {strings.ReplaceAll(retired, problemID, "x"), "another", scimID},
	} {
		s := named(func(credential.Ref) (string, []string, error) { return "", []string{c.living}, nil })
		metadata, err := vault.Metadata(`{}`).With("keyturn", c.journal)
		if err != nil {
			t.Fatal(err)
		}
		s.secrets[0].Metadata = metadata
		if _, err := s.respond(t); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if got := s.jobs[0].Ref.ID; got != c.want {
			t.Errorf("%s: goes on with %s, want %s", name, got, c.want)
		}
	}
}
