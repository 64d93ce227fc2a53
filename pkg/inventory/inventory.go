// Package inventory reads what a tenancy has: identity domains, users with their credentials, secrets, and Cloud
// Guard's problems. It changes nothing.
//
// Use Reader.Read for a whole tenancy. It reads page by page and passes each page's entries to a Visitor, so that its
// memory doesn't grow with the tenancy. What it can't read becomes a Gap, and everything else is still read: a part
// without an answer is "not asked", never "none".
//
// UserReader reads only the users and their credentials, for a caller with its own time limit. UserReader.Start and
// Ring make repeated readings that a deadline cuts off cover everything in the end.
package inventory

import (
	"context"
	"errors"
	"time"

	"github.com/keyturn/keyturn/pkg/cloudguard"
	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/vault"
)

// Clock is the time. Sleep returns early with the context's error.
type Clock interface {
	Now() time.Time
	Sleep(ctx context.Context, d time.Duration) error
}

// UserSource lists users and their credentials. An empty page token asks for the first page; an empty next ends the
// list.
type UserSource interface {
	// AllDomains returns the configured identity domains, ACTIVE or not.
	AllDomains(ctx context.Context) ([]credential.Domain, error)
	// Users lists the users of the classic IAM API: those of the Default domain.
	Users(ctx context.Context, page string) (users []credential.User, next string, err error)
	// DomainUsers and DomainCredentials return at most that many entries of the list of a whole domain, from the given
	// one on; the first is 1.
	DomainUsers(ctx context.Context, d credential.Domain, start, most int) (credential.Page, error)
	DomainCredentials(ctx context.Context, d credential.Domain, k credential.Kind, start, most int) (credential.Page,
		error)
	// CredentialsOf lists the credentials of a user of the domain, of Default by the classic IAM API.
	CredentialsOf(ctx context.Context, d credential.Domain, k credential.Kind, user string) (credential.Listing, error)
}

// Source answers the questions of a reading. pkg/oci implements it. Page tokens are those of UserSource.
type Source interface {
	UserSource
	// Administrators returns the OCIDs of the users who may manage all resources in the tenancy, and the names of the
	// groups that allow it. An error means that not all are known.
	Administrators(ctx context.Context) (users map[string]bool, groups []string, err error)
	// Regions returns the identifiers of the regions that the tenancy is subscribed to.
	Regions(ctx context.Context) ([]string, error)
	// Compartments returns the OCIDs of the tenancy and of all its ACTIVE compartments.
	Compartments(ctx context.Context) ([]string, error)
	// SecretsIn lists the secrets of a compartment in a region.
	SecretsIn(ctx context.Context, region, compartment, page string) (some []vault.Secret, next string, err error)
	// OpenProblems and ClosedProblems list the ids of Cloud Guard's problems of the rules that credential.Kinds have,
	// which were detected since the given time.
	OpenProblems(ctx context.Context, since time.Time, page string) (ids []string, next string, err error)
	ClosedProblems(ctx context.Context, since time.Time, page string) (ids []string, next string, err error)
	Problem(ctx context.Context, id string) (cloudguard.Problem, error)
}

// Entry is a credential, with its user and where it was found.
type Entry struct {
	Domain credential.Domain // Classic if the classic IAM API listed it
	Kind   credential.Kind
	credential.Held
	At time.Time // the server's time of the answer
}

// Visitor gets what a reading finds. A nil function skips that part of the reading. A reading calls the functions from
// several goroutines, but each of them from one at a time. A panic of a function is a Gap, too.
//
// The domains, secrets and problems come before the first user, and a user before the user's credentials.
type Visitor struct {
	Domain     func(credential.Domain)
	User       func(credential.Domain, credential.User)
	Credential func(Entry)
	Secret     func(region string, s vault.Secret)
	Problem    func(cloudguard.Problem)
}

// Gap is a part of the tenancy that wasn't read, or not completely.
type Gap struct {
	Doing  string            // what failed: "list the users"
	Domain credential.Domain // zero if it isn't about one domain; Classic for users that only the classic API lists
	Region string            // identifier; "" if it isn't about a region
	Users  bool              // users may be missing
	Kinds  []credential.Kind // the kinds of credential that may be missing; nil if it isn't about credentials
	Thing  string            // the OCID of the user, compartment or problem; "" if the gap is about all of them
	More   int               // how many further things have the same gap, without being named
	Err    error             // errors.Is(Err, ErrNotActive) if the domain isn't ACTIVE
}

// ErrNotActive is the error of a Gap about an identity domain that isn't ACTIVE. Its users can't sign in.
var ErrNotActive = errors.New("the identity domain is not ACTIVE")

// DoingDomains is Gap.Doing if the identity domains can't be listed: it isn't known whether there are further domains,
// with further users.
const DoingDomains = "list the identity domains"
