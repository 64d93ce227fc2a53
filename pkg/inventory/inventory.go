// Package inventory reads what a tenancy has: identity domains, users with their credentials, secrets, and Cloud
// Guard's problems.
//
// Use Reader.Read. It reads page by page and passes each page's entries to a Visitor, so that its memory doesn't grow
// with the tenancy. What it can't read becomes a Gap, and everything else is still read: a part without an answer is
// "not asked", never "none". It changes nothing. The sweep, the report, the preflight and the operator's command use
// it.
package inventory

import (
	"context"
	"time"

	"github.com/keyturn/keyturn/pkg/cloudguard"
	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/vault"
)

// Source answers the questions of a reading. pkg/oci implements it. An empty page token asks for the first page; an
// empty next ends the list.
type Source interface {
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
	Domain credential.Domain
	Kind   credential.Kind
	credential.Held
	At time.Time // the server's time of the answer
}

// Visitor gets what a reading finds. A nil function skips that part of the reading. A reading calls the functions from
// several goroutines, but each of them from one at a time.
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
	Domain credential.Domain // zero if it isn't about a domain
	Region string            // identifier; "" if it isn't about a region
	Kinds  []credential.Kind // the kinds of credential that may be missing; nil if it isn't about credentials
	Thing  string            // the OCID of the user, compartment or problem; "" if the gap is about all of them
	Err    error
}
