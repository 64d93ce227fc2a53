package e2e

import (
	"strings"
	"testing"
	"time"

	"github.com/keyturn/keyturn/test/ociemu"
	"github.com/keyturn/keyturn/test/tenancy"
)

// No source says how Cloud Guard names the credentials of users outside the Default domain: see the emulator's switch
// ProblemIDs.
func TestACredentialOfADomainUserIsRotatedHoweverCloudGuardNamesIt(t *testing.T) {
	for _, ids := range []ociemu.ProblemIDsAnswer{ociemu.ProblemIDsOCID, ociemu.ProblemIDsPath, ociemu.ProblemIDsSCIM} {
		t.Run(string(ids), func(t *testing.T) {
			t.Parallel()
			s := withDomains(t, ociemu.Options{DomainAnswers: ociemu.DomainAnswers{ProblemIDs: ids,
				ProblemDomains: true}})
			var cases []*tenancy.Case
			for _, kind := range []tenancy.Kind{tenancy.APIKey, tenancy.AuthToken, tenancy.CustomerSecretKey} {
				c := s.Add(tenancy.Want{Kind: kind, Domain: "Plant"})
				cases = append(cases, c)
				if a := closeProblem(t, s, c, c.Comment()); a.Outcome != "rotated" {
					t.Fatalf("%s, of the problem %q: the answer is %+v", kind, s.Problem(c.Problem).ResourceID, a)
				}
				rotated(t, s, c)
			}
			// The domain doesn't know the deleted credentials' ids any more.
			if d := sweep(t, s); len(d.Outcomes) != 0 || len(d.Unfinished) != 0 || d.Looked < 3 {
				t.Errorf("the digest is %+v", d)
			}
			for _, c := range cases {
				if p := s.Problem(c.Problem); p.Status != "RESOLVED" {
					t.Errorf("the problem of the %s is %s", c.Kind, p.Status)
				}
				rotated(t, s, c)
			}
		})
	}
}

// After the old credential was deleted, only the journal has the id that belongs to the problem's SCIM id.
func TestARotationThatDeletedFirstIsFinishedAlthoughTheDomainKnowsTheIDNoMore(t *testing.T) {
	s := withDomains(t, ociemu.Options{DomainAnswers: ociemu.DomainAnswers{ProblemIDs: ociemu.ProblemIDsSCIM}})
	c := s.Add(tenancy.Want{Kind: tenancy.AuthToken, Domain: "Plant", Bystander: 1})
	s.Inject(ociemu.Fault{Operation: "CreateAuthToken", Times: -1, Do: ociemu.Answer(503, "ServiceUnavailable")})
	if err := s.Close(t.Context(), c.Problem, c.Comment("replace:yes")); err != nil {
		t.Fatal(err)
	}
	if ids := c.IDs(); len(ids) != 1 || ids[0] == c.OldID {
		t.Fatalf("the user has %q, want the bystander alone", ids)
	}
	s.ClearFaults()
	s.Forward(10 * time.Minute) // the first delivery can't be at work any more
	if d := sweep(t, s); len(d.Outcomes) != 1 || d.Outcomes[0].Outcome != "rotated" {
		t.Fatalf("the digest is %+v", d)
	}
	rotatedBy(t, s, c, 2)
}

// The classic API doesn't list SCIM ids.
func TestASCIMIDOfAUserOfNoKnownDomainIsRefused(t *testing.T) {
	s := newTenancy(t, tenancy.Options{})
	c := s.Add(tenancy.Want{Kind: tenancy.AuthToken})
	scimID, _ := s.SCIMID(c.User, c.OldID)
	c.Problem = s.AddProblem(ociemu.ProblemSeed{Rule: c.Kind.Rule(), User: c.User, ResourceID: scimID})
	a := closeProblem(t, s, c, c.Comment())
	if a.Outcome != "refused" || !a.Reopened || !strings.Contains(a.Reason, "is not written as OCI lists") {
		t.Errorf("the answer is %+v", a)
	}
	untouched(t, s, c)
}

func TestWithoutProblemsAboutDomainUsersNothingIsRotated(t *testing.T) {
	s := withDomains(t, ociemu.Options{DomainAnswers: ociemu.DomainAnswers{ProblemIDs: ociemu.ProblemIDsNone}},
		"maximum_age=0")
	c := s.Add(tenancy.Want{Kind: tenancy.AuthToken, Domain: "Plant"})
	if d := sweep(t, s); c.Problem != "" || len(d.Outcomes) != 0 {
		t.Errorf("the problem is %q, the digest %+v", c.Problem, d)
	}
	untouched(t, s, c)
}

// Published answers of the classic API have OCIDs as the ids of customer secret keys. Its documentation says that the
// ids are access keys.
func TestACustomerSecretKeyIsRotatedWhicheverIDTheClassicAPIShows(t *testing.T) {
	for _, form := range []tenancy.Want{{Kind: tenancy.CustomerSecretKey},
		{Kind: tenancy.CustomerSecretKey, Bundle: true}} {
		s := newTenancy(t, tenancy.Options{Emulator: ociemu.Options{Answers: ociemu.Answers{
			SecretKeyID: ociemu.SecretKeyIDOCID}}})
		c := s.Add(form)
		if a := closeProblem(t, s, c, c.Comment()); a.Outcome != "rotated" || !strings.HasPrefix(a.NewID, "ocid1.") {
			t.Fatalf("the answer is %+v", a)
		}
		rotated(t, s, c)
	}
}
