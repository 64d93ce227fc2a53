package responder_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/keyturn/keyturn/pkg/cloudguard"
	"github.com/keyturn/keyturn/pkg/fault"
	"github.com/keyturn/keyturn/pkg/outcome"
	"github.com/keyturn/keyturn/pkg/rotation"
)

// anew is the record after somebody has closed the problem once more, with another comment.
func (s *tenancy) anew(comment string) cloudguard.Problem {
	p := s.closed("an earlier comment")
	p.History = append(p.History, cloudguard.Change{At: closedAt.Add(time.Minute), Actor: "ops@example.com",
		ActorKind: "USER", Detail: "RESOLVED", Comment: comment})
	p.Comment, p.ETag = comment, "etag-2"
	return p
}

func TestARecordWhoseHistoryIsBehindItsCommentIsReadAgain(t *testing.T) {
	s := newTenancy()
	s.problem = func(reads int) (cloudguard.Problem, error) {
		if reads == 1 { // the problem was read after the second closure, its history before
			p := s.closed("auth_secret_ocid:ocid1.vaultsecret.oc1.iad.amaaaaaaearlier")
			p.Comment = comment
			return p, nil
		}
		return s.anew(comment), nil
	}
	o, err := s.respond(t)
	expect(t, s, o, err, outcome.Rotated)
	if s.reads != 2 || o.Comment != comment || o.ClosedBy != "ops@example.com" {
		t.Errorf("read %d times, ordered by %s with %q", s.reads, o.ClosedBy, o.Comment)
	}
}

func TestTwoCommentsThatStayTwoBothCount(t *testing.T) {
	for name, c := range map[string]struct {
		own  string
		want outcome.Status
	}{
		"both can be obeyed":       {"grace:1h", outcome.Rotated},
		"they contradict":          {"auth_secret_ocid:ocid1.vaultsecret.oc1.iad.amaaaaaaother", outcome.Refused},
		"one of them is no order":  {"auth_secret_ocd:x", outcome.Refused},
		"they say the same, twice": {comment + " ", outcome.Rotated},
	} {
		t.Run(name, func(t *testing.T) {
			s := newTenancy()
			s.problem = func(int) (cloudguard.Problem, error) {
				p := s.closed(comment)
				p.Comment = c.own
				return p, nil
			}
			o, err := s.respond(t)
			expect(t, s, o, err, c.want)
			if o.Reopened != (c.want == outcome.Refused) {
				t.Errorf("re-opened: %v", o.Reopened)
			}
		})
	}
}

func TestARefusalEndsOnlyItsOwnClosure(t *testing.T) {
	scanned := func(s *tenancy) cloudguard.Problem {
		p := s.closed(comment)
		p.History = append(p.History, cloudguard.Change{At: closedAt.Add(time.Minute), ActorKind: "CLOUD_GUARD_SERVICE",
			Detail: "RESOLVED"})
		p.ETag = "etag-2"
		return p
	}
	behind := func(s *tenancy) cloudguard.Problem {
		p := s.closed(comment)
		p.Comment, p.ETag = "grace:1h", "etag-2"
		return p
	}
	for name, c := range map[string]struct {
		since    func(*tenancy) cloudguard.Problem // what Cloud Guard has once the rotation is refused
		failed   error                             // of reading that
		reopened bool
		closed   bool // it stays closed, and the mail says so
	}{
		"nobody has changed it": {since: func(s *tenancy) cloudguard.Problem {
			p := s.closed(comment)
			p.ETag = "etag-1"
			return p
		}, reopened: true},
		"Cloud Guard's scan has": {since: scanned, reopened: true},
		"somebody has closed it again": {since: func(s *tenancy) cloudguard.Problem {
			return s.anew("grace:1h")
		}},
		"again, and the history is behind": {since: behind},
		"again, with the same words": {since: func(s *tenancy) cloudguard.Problem {
			return s.anew(comment)
		}},
		"somebody has opened it": {since: func(s *tenancy) cloudguard.Problem {
			p := s.open()
			p.ETag = "etag-2"
			return p
		}},
		"somebody has, and it can't be read again": {since: scanned, failed: fault.New(fault.Unclear, "GetProblem",
			"no answer"), closed: true},
		"somebody has, and may not be read any more": {since: scanned, failed: errors.New("no"), closed: true},
	} {
		t.Run(name, func(t *testing.T) {
			s := newTenancy()
			now := func() (cloudguard.Problem, error) { p := s.closed(comment); p.ETag = "etag-1"; return p, nil }
			again := now
			s.problem = func(int) (cloudguard.Problem, error) { return again() }
			s.afreshErr = c.failed
			refuse := ended(s, rotation.Result{End: rotation.Refuse, Reason: rotation.SecretTaken})
			s.run = func(ctx context.Context, job rotation.Job) rotation.Result {
				again = func() (cloudguard.Problem, error) {
					return c.since(s), nil
				}
				return refuse(ctx, job)
			}
			o, err := s.respond(t)
			expect(t, s, o, err, outcome.Refused)
			if o.Reopened != c.reopened || o.StillClosed != c.closed || len(s.reopened) > 0 != c.reopened {
				t.Errorf("re-opened %v, still closed %v, notes %q", o.Reopened, o.StillClosed, o.Notes)
			}
			if !c.reopened && len(o.Notes) == 0 {
				t.Error("the mail doesn't say what became of the problem")
			}
		})
	}
}

func TestAProblemThatChangesAllTheTimeIsLeftClosedAndTheMailSaysSo(t *testing.T) {
	s := newTenancy()
	n := 0
	s.problem = func(int) (cloudguard.Problem, error) {
		n++
		p := s.closed(comment)
		p.ETag = string(rune('a' + n))
		return p, nil
	}
	s.run = ended(s, rotation.Result{End: rotation.Refuse, Reason: rotation.SecretTaken})
	o, err := s.respond(t)
	expect(t, s, o, err, outcome.Refused)
	others := func(name string) bool { return name != "UpdateProblemStatus" }
	if tries := len(slices.DeleteFunc(s.calls(), others)); tries != 3 || o.Reopened || !o.StillClosed {
		t.Errorf("tried %d times, re-opened %v, still closed %v", tries, o.Reopened, o.StillClosed)
	}
}
