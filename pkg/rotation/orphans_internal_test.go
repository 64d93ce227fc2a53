package rotation

import (
	"testing"

	"github.com/keyturn/keyturn/pkg/credential"
)

func TestARotationIsOrderedUnlessAMarkIsAllThatIsKnownOfIt(t *testing.T) {
	for _, kind := range credential.Kinds() {
		for _, orphan := range []string{"", "lost"} {
			s := newScene(kind, plain(kind.Roles()[0]))
			s.job.orphan, s.job.marked = orphan, theirs
			order, id := OrderGiven, s.job.Ref.RotationID()
			if orphan != "" {
				order, id = OrderNone, theirs
			}
			c := Reduce(s.job, s.snap, s.mem)
			if c.Order != order || c.Version != id.VersionName(1) {
				t.Errorf("%s, orphan %q: %s, %s", kind, orphan, c.Order, c.Version)
			}
		}
	}
}
