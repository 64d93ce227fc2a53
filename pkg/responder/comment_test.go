package responder_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/keyturn/keyturn/pkg/rotation"
)

func TestALongReasonIsCutAtACharacterInTheReopenedProblemsComment(t *testing.T) {
	for pad := range 3 {
		s := newTenancy()
		s.run = ended(s, rotation.Result{End: rotation.Refuse, Reason: rotation.SecretTaken,
			Detail: strings.Repeat("x", pad) + strings.Repeat("网", 400)})
		if _, err := s.respond(t); err != nil {
			t.Fatal(err)
		}
		if !utf8.ValidString(s.reopened[0]) {
			t.Errorf("the comment is cut within a character: %q", s.reopened[0][880:])
		}
	}
}
