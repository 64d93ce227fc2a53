package rotation

import (
	"context"

	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/fault"
	"github.com/keyturn/keyturn/pkg/vault"
)

// Orphan is a credential that carries the mark of a rotation, and whose value may be nowhere.
type Orphan struct {
	Kind   credential.Kind
	User   string // OCID
	Issued credential.Issued
	Home   credential.Target // the secret that it was made for
	DryRun bool
	// Authorize is called before it is deleted; see Job.Authorize.
	Authorize func(context.Context, []vault.Secret) (credential.Authorized, error)
}

// Collect deletes the orphan if its value is certainly nowhere: the secret that it was made for has no version of its
// rotation, no version that may have been one was deleted, and its maker can't be running any more. A result with Done
// and Acted says that it was deleted.
func (e *Engine) Collect(ctx context.Context, o Orphan) Result {
	mark, ok := credential.ParseMark(o.Issued.Description)
	if !ok || o.Issued.ID == "" {
		return Result{End: Refuse, Reason: NotOurs, Cause: fault.New(fault.Invalid, "rotation",
			"the credential has no mark")}
	}
	return e.Run(ctx, Job{Request: credential.Request{Ref: credential.Ref{Kind: o.Kind, User: o.User},
		Secrets: []credential.Target{o.Home}, Options: credential.Options{DryRun: o.DryRun}},
		Authorize: o.Authorize, orphan: o.Issued.ID, marked: mark.Rotation})
}
