package rotation

import (
	"context"
	"time"

	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/vault"
)

// Issuer makes, lists and deletes the credentials of one kind. Errors carry a fault.Class.
type Issuer interface {
	List(ctx context.Context, user string) (credential.Listing, error)
	Create(ctx context.Context, user string, d credential.Draft) (credential.Created, error)
	Delete(ctx context.Context, user, id string) error
}

// Prover uses a credential once.
type Prover interface {
	// Prove reports whether the credential was accepted. An error means that it could not be found out.
	Prove(ctx context.Context, m credential.Material, o credential.Owner) (accepted bool, err error)
}

// Vault reads and writes secrets. Errors carry a fault.Class: Conflict where the etag is stale or the version name is
// taken, Busy while an earlier change is settling.
type Vault interface {
	Secret(ctx context.Context, id string) (vault.Secret, error)
	Versions(ctx context.Context, id string) ([]vault.Version, error)
	// Read returns a version's number and content: by name, or CURRENT if the name is empty.
	Read(ctx context.Context, id, name string) (int64, credential.Value, error)
	// Update changes the secret if its etag is still the given one, and returns it as the answer shows it.
	Update(ctx context.Context, id, etag string, u vault.Update) (vault.Secret, error)
}

// Clock is the time. Sleep returns early with the context's error.
type Clock interface {
	Now() time.Time
	Sleep(ctx context.Context, d time.Duration) error
}
