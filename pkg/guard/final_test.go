package guard_test

import (
	"errors"
	"testing"

	"github.com/keyturn/keyturn/pkg/fault"
	"github.com/keyturn/keyturn/pkg/guard"
)

func TestARefusalIsFinalAndAFailedCallKeepsItsClass(t *testing.T) {
	refusal := &guard.Refusal{Problem: "it is spared"}
	err := guard.Final(refusal)
	if got, ok := errors.AsType[*guard.Refusal](err); fault.Of(err) != fault.Invalid || !ok || got != refusal {
		t.Errorf("a refusal becomes %v", err)
	}
	if call := fault.New(fault.Throttled, "GetUser", ""); guard.Final(call) != error(call) {
		t.Errorf("a failed call becomes %v", guard.Final(call))
	}
	if guard.Final(nil) != nil {
		t.Error("no error becomes one")
	}
}
