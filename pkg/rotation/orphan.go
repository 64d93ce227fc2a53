package rotation

import (
	"context"

	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/secret"
)

// Orphan is a credential that carries the mark of a rotation, so that its value may be nowhere.
type Orphan struct {
	Kind   credential.Kind
	User   string // OCID
	Issued credential.Issued
	Home   Target // the secret that it was made for
	DryRun bool
	// Permit is asked before it is deleted, as that of a Job.
	Permit func(context.Context, []secret.Secret) (credential.Owner, error)
}

// Collect deletes the orphan if its value is certainly nowhere.
func (e *Engine) Collect(context.Context, Orphan) Result { return Result{End: Wait, Reason: InProgress} }
