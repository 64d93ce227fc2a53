package responder_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/keyturn/keyturn/pkg/cloudguard"
	"github.com/keyturn/keyturn/pkg/config"
	"github.com/keyturn/keyturn/pkg/outcome"
	"github.com/keyturn/keyturn/pkg/rotation"
)

const (
	leave = "To leave the credential as it is, dismiss the problem in Cloud Guard."
	again = "Close the problem again with this comment:\n"
)

func TestAClosureThatOrdersNothingRotatesNothingAndIsAnswered(t *testing.T) {
	for text, want := range map[string]string{
		"":                         "rotate:yes",
		"CHG-1234 approved by Ann": "rotate:yes,CHG-1234 approved by Ann",
		"please rotate":            "rotate:yes,please rotate",
		"dry_run:no,replace:no":    "rotate:yes",
		"rotate:no":                "rotate:yes",
		"rotate:no," + comment:     comment,
		"false positive":           "rotate:yes",
		"closed by mistake":        "rotate:yes",
		"accepted risk until 2027": "rotate:yes",
		comment + ",exception granted until 2027": comment,
		comment + ",do not rotate":                comment + ",rotate:no",
	} {
		t.Run(text, func(t *testing.T) {
			s := newTenancy().with(text)
			o, err := s.respond(t)
			expect(t, s, o, err, outcome.Refused)
			if s.saw("Run") || !o.Reopened {
				t.Errorf("reopened %v, called %v", o.Reopened, s.calls())
			}
			if !strings.HasPrefix(o.Remedy, leave) || !strings.HasSuffix(o.Remedy, again+want) {
				t.Errorf("the remedy is %q, want it to end with %q", o.Remedy, want)
			}
		})
	}
}

func TestABareClosureRotatesIntoTheBoundSecretWhereTheConfigurationSaysSo(t *testing.T) {
	for text, want := range map[string]outcome.Status{
		"": outcome.Rotated, "CHG-1234 approved by Ann": outcome.Rotated, "rotated per policy": outcome.Rotated,
		"do not rotate": outcome.Refused, "false positive": outcome.Refused, "rotate:no": outcome.Refused,
		"accepted, risk": outcome.Refused,
		"no":             outcome.Refused, "grace_period:72h": outcome.Refused,
		"keep the old key for 72 hours": outcome.Refused,
	} {
		t.Run(text, func(t *testing.T) {
			s := newTenancy().with(text)
			s.config.BareClosure = config.BareRotate
			o, err := s.respond(t)
			expect(t, s, o, err, want)
			if s.saw("Run") != (want == outcome.Rotated) {
				t.Errorf("called %v", s.calls())
			}
		})
	}
}

func TestAPasswordIsResetWithoutAnInstructionUnlessTheTextSaysNo(t *testing.T) {
	for text, want := range map[string]outcome.Status{
		"": outcome.Rotated, "asked by phone": outcome.Rotated, "rotate:yes": outcome.Rotated,
		"do not reset": outcome.Refused, "false positive": outcome.Refused, "rotate:no": outcome.Refused,
		"already reset":      outcome.Refused,
		"Ausnahme genehmigt": outcome.Refused, "不要重置": outcome.Refused,
	} {
		t.Run(text, func(t *testing.T) {
			s := newTenancy().about(cloudguard.PasswordTooOld, userID, text)
			o, err := s.respond(t)
			expect(t, s, o, err, want)
			if s.saw("Run") != (want == outcome.Rotated) {
				t.Errorf("called %v", s.calls())
			}
		})
	}
}

func TestACommentWithOnlyAnOptionOrdersARotationIntoTheBoundSecret(t *testing.T) {
	for _, text := range []string{"rotate:yes", "dry_run:yes", "grace:72h", "grace:0", "replace:yes"} {
		s := newTenancy().with(text)
		o, err := s.respond(t)
		expect(t, s, o, err, outcome.Rotated)
		if len(s.jobs) != 1 || s.jobs[0].DryRun != (text == "dry_run:yes") {
			t.Errorf("%s: %+v", text, s.jobs)
		}
	}
}

func TestARestrictionInTheProblemsOwnCommentCountsAsInItsHistory(t *testing.T) {
	closed := func(s *tenancy, history, own string) *tenancy {
		s.problem = func(int) (cloudguard.Problem, error) {
			p := s.closed(history)
			p.Comment = own
			return p, nil
		}
		return s
	}
	for name, c := range map[string]struct {
		history, own string
		want         outcome.Status
		dry          bool
	}{
		"only in the problem":    {"", comment + ",dry_run:yes", outcome.Rotated, true},
		"in both":                {comment + ",dry_run:yes", comment + ",dry_run:yes", outcome.Rotated, true},
		"in one of two":          {comment, "dry_run:yes", outcome.Rotated, true},
		"contradicting":          {comment + ",grace:1h", comment + ",grace:2h", outcome.Refused, false},
		"a no only there":        {comment, "do not rotate", outcome.Refused, false},
		"left of our re-opening": {comment, cloudguard.ReopenMark + ": something", outcome.Rotated, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := closed(newTenancy(), c.history, c.own)
			o, err := s.respond(t)
			expect(t, s, o, err, c.want)
			if dry := slices.ContainsFunc(s.jobs, func(j rotation.Job) bool { return j.DryRun }); dry != c.dry {
				t.Errorf("dry run %v, want %v", dry, c.dry)
			}
		})
	}
}
