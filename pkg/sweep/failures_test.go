package sweep

import (
	"errors"
	"fmt"
	"reflect"
	"testing"

	"github.com/keyturn/keyturn/pkg/fault"
	"github.com/keyturn/keyturn/pkg/outcome"
)

var (
	denied    = fault.New(fault.Denied, "ListUsers", "")
	throttled = fault.New(fault.Throttled, "ListUsers", "")
)

func TestAFailureNamesThreeThingsAtMostInOrderAndOtherwiseTheirNumber(t *testing.T) {
	cause := fault.Plain(denied)
	for _, c := range []struct {
		things      []string
		text, state string
	}{
		{[]string{""}, "", ""},
		{[]string{"c"}, " (c)", " c"},
		{[]string{"", "c"}, " (c)", " c"},
		{[]string{"c", "a", "b"}, " (a, b, c)", " a, b, c"},
		{[]string{"d", "c", "a", "b"}, " (4 of them, such as a, c, d)", ""},
	} {
		var all failures
		for _, thing := range c.things {
			all.add("read users", thing, denied)
		}
		want := []outcome.Finding{{About: "read users", State: cause + c.state, Text: "The sweep could not read users" +
			c.text + ": " + cause + "."}}
		if got := all.findings(); !reflect.DeepEqual(got, want) {
			t.Errorf("%q are reported as\n%+v, want\n%+v", c.things, got, want)
		}
	}
}

func TestFailuresOfOneSortWithOneCauseAreOneAndAllOthersAreSeparate(t *testing.T) {
	var all failures
	all.add("read users", "a", denied)
	all.add("read secrets", "b", denied)
	all.add("read users", "c", throttled)
	all.add("read secrets", "d", denied)
	all.add("read users", "e", fmt.Errorf("once more: %w", denied))
	no, slow := fault.Plain(denied), fault.Plain(throttled)
	want := []outcome.Finding{
		{About: "read users", State: no + " a, e", Text: "The sweep could not read users (a, e): " + no + "."},
		{About: "read secrets", State: no + " b, d", Text: "The sweep could not read secrets (b, d): " + no + "."},
		{About: "read users", State: slow + " c", Text: "The sweep could not read users (c): " + slow + "."},
	}
	if got := all.findings(); !reflect.DeepEqual(got, want) {
		t.Errorf("the findings are\n%+v, want\n%+v", got, want)
	}
}

func TestTheErrorIsTheFirstFailureWithTheNumberOfTheOthers(t *testing.T) {
	var all failures
	if err := all.err(); err != nil || !all.none() {
		t.Errorf("without troubles the error is %v", err)
	}
	all.add("read users", "a", denied)
	for _, step := range []struct{ doing, want string }{
		{"read users", denied.Error()},
		{"read secrets", denied.Error() + " (and 1 more)"},
		{"read problems", denied.Error() + " (and 2 more)"},
	} {
		all.add(step.doing, "b", fmt.Errorf("a later one: %w", denied))
		if err := all.err(); !errors.Is(err, denied) || err.Error() != step.want || all.none() {
			t.Errorf("could not %s: the error is %v, want %s", step.doing, err, step.want)
		}
	}
}
