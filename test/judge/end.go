package judge

import (
	"fmt"
	"net/http"
	"slices"

	"github.com/keyturn/keyturn/pkg/credential"

	"github.com/keyturn/keyturn/test/tenancy"
)

// end is what a rotation has left.
type end struct {
	ids        []string // of the user's credentials of the kind
	stored     tenancy.Credential
	err        error // of reading stored
	storedUse  int   // HTTP status of a use of the stored credential; 0 if it isn't new
	oldUse     int   // HTTP status of a use of the old credential
	kind       tenancy.Kind
	old        tenancy.Credential
	bystanders []string
}

// Replaced checks that one new credential has replaced the case's old one, and returns what is wrong. The user has one
// new credential and all bystanders, the CURRENT versions of the secrets hold the new one, and it works. OCI refuses
// the old one; during a grace it must still work. It is not for passwords.
func Replaced(c *tenancy.Case, inGrace bool) (faults []string) {
	e := end{ids: c.IDs(), oldUse: c.Try(c.Old), kind: c.Kind, old: tenancy.Credential{ID: c.OldID, Value: c.Old.Value},
		bystanders: c.Bystander}
	e.stored, e.err = c.Stored()
	if e.err == nil && e.isNew() {
		e.storedUse = c.Try(e.stored)
	}
	return e.faults(inGrace)
}

func (e end) isNew() bool { return e.stored.Value != "" && e.stored.Value != e.old.Value }

func (e end) faults(inGrace bool) (faults []string) {
	fault := func(format string, args ...any) { faults = append(faults, fmt.Sprintf(format, args...)) }
	created := 0
	for _, id := range e.ids {
		if id != e.old.ID && !slices.Contains(e.bystanders, id) {
			created++
		}
	}
	if created != 1 {
		fault("the user has %d new credentials, want 1: %v", created, e.ids)
	}
	if exists := slices.Contains(e.ids, e.old.ID); exists != inGrace {
		fault("the old credential exists: %t, want %t", exists, inGrace)
	}
	for _, id := range e.bystanders {
		if !slices.Contains(e.ids, id) {
			fault("the user's other credential %s is gone", id)
		}
	}
	switch {
	case e.err != nil:
		fault("reading the secrets: %v", e.err)
	case !e.isNew():
		fault("CURRENT is not a new value")
	case e.storedUse != http.StatusOK:
		fault("the CURRENT credential is answered %d", e.storedUse)
	}
	refused := e.oldUse == http.StatusUnauthorized
	if e.kind.Record().Endpoint == credential.AtS3 { // which answers either
		refused = refused || e.oldUse == http.StatusForbidden
	}
	switch {
	case inGrace && e.oldUse != http.StatusOK:
		fault("the old credential is in its grace and is answered %d", e.oldUse)
	case !inGrace && !refused:
		fault("the old credential is answered %d, want a refusal", e.oldUse)
	}
	return faults
}
