package judge

import (
	"fmt"
	"net/http"
	"slices"

	"github.com/keyturn/keyturn/test/tenancy"
)

// Replaced checks that one new credential has replaced the case's old one, and returns what is wrong. The user has one
// new credential, the CURRENT versions of the secrets hold it, and it works. OCI refuses the old one; during a grace it
// must still work. It is not for passwords.
func Replaced(c *tenancy.Case, inGrace bool) (faults []string) {
	fault := func(format string, args ...any) { faults = append(faults, fmt.Sprintf(format, args...)) }
	ids, want := c.IDs(), 1+len(c.Bystander)
	if inGrace {
		want++
	}
	if len(ids) != want || slices.Contains(ids, c.OldID) != inGrace {
		fault("the user has the credentials %v, want %d, with the old one %s: %v", ids, want, c.OldID, inGrace)
	}
	stored, err := c.Stored()
	switch {
	case err != nil:
		fault("reading the secrets: %v", err)
	case stored.Value == "" || stored.Value == c.Old.Value:
		fault("CURRENT is not a new value")
	default:
		if status := c.Try(stored); status != http.StatusOK {
			fault("the CURRENT credential is answered %d", status)
		}
	}
	switch status := c.Try(c.Old); {
	case inGrace && status != http.StatusOK:
		fault("the old credential is in its grace and is answered %d", status)
	case !inGrace && status != http.StatusUnauthorized && status != http.StatusForbidden:
		fault("the old credential is answered %d, want a refusal", status)
	}
	return faults
}
