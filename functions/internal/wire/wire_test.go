package wire_test

import (
	"testing"

	"github.com/keyturn/keyturn/pkg/fn"
	"github.com/keyturn/keyturn/pkg/rotation"
)

func TestTheTracesOfAnInvocationAreLeftAloneForLongerThanItCanLive(t *testing.T) {
	if rotation.MakerLife <= fn.MaxLife {
		t.Errorf("left alone for %v, but an invocation may live %v", rotation.MakerLife, fn.MaxLife)
	}
}
