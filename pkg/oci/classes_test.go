package oci_test

import (
	"slices"
	"testing"

	"github.com/keyturn/keyturn/pkg/fault"
	"github.com/keyturn/keyturn/pkg/oci"
)

// classOf is the class of a status with an unknown code.
func classOf(status int) fault.Class {
	switch status {
	case 429:
		return fault.Throttled
	case 401, 403:
		return fault.Denied
	case 409, 412:
		return fault.Conflict
	case 400, 402, 405, 406, 410, 411, 413, 414, 415, 416, 417, 422, 428, 431, 451:
		return fault.Invalid
	}
	return fault.Unclear
}

// eachStatus compares the class of an answer with every status.
func eachStatus(t *testing.T, code, message string, want func(status int) fault.Class) {
	t.Helper()
	for status := 300; status < 600; status++ {
		if got := oci.Refused(status, byOCI, refusal(code, message), true); got.Class != want(status) {
			t.Errorf("%d %s %q is %s, want %s", status, code, message, got.Class, want(status))
		}
	}
}

func TestTheStatusDecidesTheClassOfAnUnknownCode(t *testing.T) {
	eachStatus(t, "SomethingNew", "", classOf)
}

func TestAReasonCountsOnlyWhereTheRequestItselfIsRefused(t *testing.T) {
	for _, c := range []struct {
		code, message string
		want          fault.Class
	}{
		{"LimitExceeded", "", fault.Full},
		{"SomethingNew", "The maximum quota has been reached.", fault.Full},
		{"SomethingNew", "Limit exceeded: 2 auth tokens", fault.Full},
		{"SomethingNew", "Invalid public key header or footer.", fault.Invalid},
		{"SomethingNew", "The primary email must be specified.", fault.Invalid},
	} {
		eachStatus(t, c.code, c.message, func(status int) fault.Class {
			if slices.Contains([]int{400, 403, 409, 413, 422}, status) {
				return c.want
			}
			return classOf(status)
		})
	}
	eachStatus(t, "SomethingNew", "The name already exists.", func(status int) fault.Class {
		if status == 400 {
			return fault.Conflict
		}
		return classOf(status)
	})
}

func TestTheEffectOfACallDecidesBeforeItsMessage(t *testing.T) {
	eachStatus(t, "RelatedResourceNotAuthorizedOrNotFound", "", func(status int) fault.Class {
		switch status {
		case 429:
			return fault.Throttled
		case 408, 500, 501, 502, 503, 504:
			return fault.Unclear
		}
		return fault.Absent
	})
	eachStatus(t, "IncorrectState", "", func(status int) fault.Class {
		if status == 409 {
			return fault.Busy
		}
		return classOf(status)
	})
	eachStatus(t, "NotAllowed", "Please go to your home region.", classOf)
	eachStatus(t, "TooManyRequests", "", func(int) fault.Class { return fault.Throttled })
}

func TestACodeAndAMessageThatMeanSomethingTogetherMeanNothingSeparately(t *testing.T) {
	eachStatus(t, "SomethingNew", "Client is unauthorized. null", classOf)
	if got := oci.Refused(400, byOCI, refusal(idcs, "Something new"), true); got.Class != fault.Invalid {
		t.Errorf("the code alone is %s", got.Class)
	}
	for _, c := range [][2]string{
		{"SomethingNew", "Please go to your home region IAD."},
		{"NotAllowed", "Something new"},
	} {
		if got := oci.Refused(403, byOCI, refusal(c[0], c[1]), true); got.Message != c[1] {
			t.Errorf("%s %q says %q", c[0], c[1], got.Message)
		}
	}
}

func TestARefusalSaysWhatToDo(t *testing.T) {
	for _, c := range []struct {
		status              int
		code, message, says string
	}{
		{401, idcs, "", "the identity domain refused the request for now"},
		{400, idcs, "Client is unauthorized. null", "the identity domain refused the request for now"},
		{400, idcs, "Invalid public key header or footer.", "OCI takes RSA public keys in PEM only"},
		{400, idcs, "The primary email must be specified.", "lacks a valid primary email address: add one"},
		{403, "NotAllowed", "Please go to your home region IAD.", "IAM accepts changes only in the home region"},
		{400, "InvalidParameter", "name already exists", "the name is taken already"},
	} {
		for _, quote := range []bool{true, false} {
			if got := oci.Refused(c.status, byOCI, refusal(c.code, c.message), quote); !contains(got.Message, c.says) {
				t.Errorf("%d %s %q says %q, want %q", c.status, c.code, c.message, got.Message, c.says)
			}
		}
	}
}
