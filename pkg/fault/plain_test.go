package fault_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/keyturn/keyturn/pkg/fault"
)

func TestEveryClassHasAPlainClauseWithoutTheServicesText(t *testing.T) {
	seen := map[string]bool{}
	for _, class := range classes {
		err := fmt.Errorf("listing users: %w", &fault.Error{Class: class, Operation: "ListUsers", Status: 404,
			Code: "NotAuthorizedOrNotFound", Message: "Authorization failed", RequestID: "5F3A/91"})
		got := fault.Plain(err)
		if seen[got] || !strings.HasSuffix(got, " (ListUsers)") || len(got) < 25 {
			t.Errorf("the clause of %q is %q", class, got)
		}
		for _, technical := range []string{"404", "NotAuthorized", "Authorization failed", "5F3A", "listing users"} {
			if strings.Contains(got, technical) {
				t.Errorf("the clause of %q has %q: %q", class, technical, got)
			}
		}
		seen[got] = true
	}
}

func TestAnErrorThatIsNoFaultIsNotQuoted(t *testing.T) {
	for text, err := range map[string]error{
		"the time ran out":                         fmt.Errorf("x: %w", context.DeadlineExceeded),
		"an unexpected error, which the log shows": errors.New("runtime error: index out of range [3]"),
	} {
		if got := fault.Plain(err); got != text {
			t.Errorf("%v: %q, want %q", err, got, text)
		}
	}
}
