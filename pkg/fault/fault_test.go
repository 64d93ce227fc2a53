package fault_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/keyturn/keyturn/pkg/fault"
)

// classes are all classes. Their texts are in mails.
var classes = []fault.Class{fault.Unclear, fault.Absent, fault.Denied, fault.Invalid, fault.Conflict, fault.Busy,
	fault.Throttled, fault.Full}

func TestTheClassIsFoundHoweverDeeplyTheErrorIsWrapped(t *testing.T) {
	for _, class := range classes {
		base := &fault.Error{Class: class, Operation: "GetUser"}
		for name, err := range map[string]error{
			"itself":        base,
			"wrapped":       fmt.Errorf("looking up the user: %w", base),
			"wrapped twice": fmt.Errorf("rotating: %w", fmt.Errorf("looking up the user: %w", base)),
			"joined":        errors.Join(errors.New("another"), base),
			"made by New":   fault.New(class, "GetUser", "not there"),
			"around others": &fault.Error{Class: class, Err: &fault.Error{Class: fault.Invalid}},
		} {
			if got := fault.Of(err); got != class {
				t.Errorf("%s: the class is %q, want %q", name, got, class)
			}
		}
	}
}

func TestAnErrorWithoutAClassIsUnclear(t *testing.T) {
	for _, err := range []error{errors.New("something"), fmt.Errorf("with %w", errors.New("something"))} {
		if got := fault.Of(err); got != fault.Unclear {
			t.Errorf("the class of %v is %q", err, got)
		}
	}
}

func TestTheClassesHaveDifferentTextsAndNoneIsEmpty(t *testing.T) {
	seen := map[fault.Class]bool{}
	for _, class := range classes {
		if class == "" || seen[class] {
			t.Errorf("the class %q is empty or there twice", class)
		}
		seen[class] = true
	}
}

func TestAnErrorIsOneLineAndNeverPrintsItsCause(t *testing.T) {
	cause := errors.New("GET https://identity.us-ashburn-1.oci.oraclecloud.com/users/x\nbody")
	for _, c := range []struct {
		err  fault.Error
		want string
	}{
		{fault.Error{Class: fault.Absent, Operation: "GetUser"}, "GetUser: absent or not allowed"},
		{fault.Error{Class: fault.Unclear, Operation: "UpdateSecret", Message: "no answer in time"},
			"UpdateSecret: unclear: no answer in time"},
		{fault.Error{Class: fault.Full, Operation: "CreateAuthToken", Status: 400, Code: "LimitExceeded",
			Message: "too many", RequestID: "r-1"},
			"CreateAuthToken: limit reached (400 LimitExceeded): too many [opc-request-id r-1]"},
	} {
		c.err.Err = cause
		for _, verb := range []string{"%v", "%s", "%+v"} {
			if got := fmt.Sprintf(verb, &c.err); got != c.want {
				t.Errorf("%s: %q, want %q", verb, got, c.want)
			}
		}
		if text := c.err.Error(); strings.ContainsAny(text, "\r\n") || strings.Contains(text, "http") {
			t.Errorf("the error is %q", text)
		}
		if !errors.Is(&c.err, cause) {
			t.Error("the cause can't be found")
		}
	}
}
