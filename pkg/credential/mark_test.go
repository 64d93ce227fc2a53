package credential_test

import (
	"strings"
	"testing"

	"github.com/keyturn/keyturn/pkg/credential"
)

func TestAMarkCombinedFromTwoIsNotRead(t *testing.T) {
	m, other, third := mark("a"), mark("b"), mark("c")
	inner, outer := other.Describe(""), third.Describe("")
	old := "[keyturn " + inner + strings.TrimPrefix(outer, "[keyturn") // removing the inner one forms another
	got := m.Describe(old)
	if back, ok := credential.ParseMark(got); !ok || back != m {
		t.Errorf("%q reads back as %+v", got, back)
	}
}

func TestADescriptionHasRoomForTheLongestMakerThatIsRead(t *testing.T) {
	m := mark("a")
	m.Maker = strings.Repeat("m", 32)
	got := m.Describe(strings.Repeat("x", 300))
	if back, ok := credential.ParseMark(got); !ok || back != m || len(got) > 200 {
		t.Errorf("%d bytes, reads back as %+v", len(got), back)
	}
}
