package operate

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/keyturn/keyturn/pkg/background"
	"github.com/keyturn/keyturn/pkg/cloudguard"
	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/fault"
	"github.com/keyturn/keyturn/pkg/guard"
	"github.com/keyturn/keyturn/pkg/rotation"
	"github.com/keyturn/keyturn/pkg/vault"
)

// Problems reads and closes Cloud Guard's problems. Errors carry a fault.Class.
type Problems interface {
	OpenProblems(ctx context.Context, since time.Time, page string) (ids []string, next string, err error)
	Problem(ctx context.Context, id string) (cloudguard.Problem, error)
	// Afresh is Problem, but the history is at least as new as the etag.
	Afresh(ctx context.Context, id string) (cloudguard.Problem, error)
	// Resolve closes a problem with a comment, unless it has changed since it was read: fault.Conflict.
	Resolve(ctx context.Context, p cloudguard.Problem, comment string) error
	// CredentialID returns the id under which the lists of a user's credentials show the credential.
	CredentialID(ctx context.Context, ref credential.Ref) (id string, living []string, err error)
}

// Wish says which rotation an operator wants.
type Wish struct {
	User    User
	Kind    credential.Kind
	Problem string // OCID of the problem; "" if there is only one
	ID      string // id of the credential; "" if there is only one
	Grace   string // as in a closure comment; "" leaves it to the functions' configuration
	Replace bool
	DryRun  bool
}

// Order is a rotation that an operator can start. It can be printed.
type Order struct {
	Kind     credential.Kind     `json:"kind"`
	User     string              `json:"user"`
	UserName string              `json:"userName"`
	Old      string              `json:"credential,omitempty"`
	Problem  string              `json:"problem"`
	Comment  string              `json:"comment"`
	DryRun   bool                `json:"dryRun,omitempty"`
	Secrets  []credential.Target `json:"-"`

	problem cloudguard.Problem
	grace   bool // the comment gives a grace period
}

// OpenProblem is an open problem with its record.
type OpenProblem struct {
	cloudguard.Problem
	Kind credential.Kind
	User string // OCID; "" if the record names none
	ID   string // of the credential; "" for a password, or if the record names none
}

// Open reads all open problems that were detected since. The error says how many could not be read; the others are
// returned all the same.
func Open(ctx context.Context, p Problems, since time.Time) (all []OpenProblem, err error) {
	var ids []string
	for page, more := "", true; more; more = page != "" {
		var some []string
		some, page, err = p.OpenProblems(ctx, since, page)
		if err != nil {
			return nil, fmt.Errorf("listing the open problems: %w", err)
		}
		ids = append(ids, some...)
	}
	slices.Sort(ids)
	var mu sync.Mutex
	var failed []error
	group := background.Group{Limit: atOnce}
	for _, id := range slices.Compact(ids) {
		group.Go(func() error {
			read, err := p.Problem(ctx, id)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				failed = append(failed, fmt.Errorf("problem %s: %w", id, err))
				return nil
			}
			all = append(all, openProblem(read))
			return nil
		})
	}
	err = group.First()
	slices.SortFunc(all, func(a, b OpenProblem) int { return strings.Compare(a.Problem.ID, b.Problem.ID) })
	if err == nil && len(failed) > 0 {
		err = fmt.Errorf("%d of %d open problems could not be read, such as %w", len(failed), len(ids), failed[0])
	}
	return all, err
}

func openProblem(p cloudguard.Problem) OpenProblem {
	s := p.Subject()
	o := OpenProblem{Problem: p, Kind: s.Rule.Kind()}
	if len(s.Users) == 1 {
		o.User = s.Users[0]
	}
	o.ID, _ = s.ID()
	return o
}

// Choose returns the problem that the wish is about. The error says what is missing, and which command to write.
func Choose(all []OpenProblem, w Wish) (OpenProblem, error) {
	var found []OpenProblem
	for _, p := range all {
		mine := p.Kind == w.Kind && strings.EqualFold(p.User, w.User.ID)
		other := w.Problem != "" && !strings.EqualFold(p.Problem.ID, w.Problem) ||
			w.ID != "" && !strings.EqualFold(p.ID, w.ID)
		if mine && !other {
			found = append(found, p)
		}
	}
	command := "keyturn rotate " + w.User.ID + " " + string(w.Kind)
	switch {
	case len(found) == 1:
		return found[0], nil
	case len(found) > 1:
		text := fmt.Sprintf("%d problems of %s are open. Choose one:", len(found), w.User.Name)
		for _, p := range found {
			text += fmt.Sprintf("\n  %s --problem %s   # %s %s, detected %s", command, p.Problem.ID, w.Kind.IDNoun(),
				cmp.Or(p.ID, "not known"), moment(p.FirstDetected))
		}
		return OpenProblem{}, errors.New(text)
	case w.Problem != "" || w.ID != "":
		return OpenProblem{}, fmt.Errorf("no open problem of %s fits --problem or --credential. See those that there "+
			"are:\n  %s", w.User.Name, command)
	}
	return OpenProblem{}, fmt.Errorf("there is no open problem about %s of %s in Cloud Guard. The functions rotate "+
		"only what Cloud Guard has a problem for: one whose rule (%s) is on, and whose credential is older than "+
		"the rule allows. "+
		"Wait for the next scan, or lower the rule's age in Cloud Guard's configuration detector recipe. If its "+
		"problem is closed or dismissed, open it again there", w.Kind.One(), w.User.Name, cloudguard.RuleOf(w.Kind))
}

// PlanRotation makes the order for a problem. bound are all secrets that can be seen. It is a pure function.
func PlanRotation(p OpenProblem, w Wish, bound []vault.Secret) (Order, error) {
	o := Order{Kind: w.Kind, User: w.User.ID, UserName: w.User.Name, Old: p.ID, Problem: p.Problem.ID, DryRun: w.DryRun,
		problem: p.Problem}
	yes := true
	c := cloudguard.Comment{Replace: w.Replace, DryRun: w.DryRun, Secrets: map[credential.Role]cloudguard.OCID{}}
	mine := slices.DeleteFunc(slices.Clone(bound), func(s vault.Secret) bool {
		k, user, ok := guard.BoundTo(s)
		return !ok || k != w.Kind || !strings.EqualFold(user, w.User.ID)
	})
	switch targets, err := guard.Find(mine, w.Kind, w.User.ID); {
	case len(mine) == 0 && w.Kind.Origin() == credential.Reset:
		c.Rotate = &yes // OCI mails the user a link
	case len(mine) == 0:
		return o, fmt.Errorf("no secret is bound to the %s of %s. Bind one first:\n  keyturn bind %s %s", w.Kind.Noun(),
			w.User.Name, w.User.ID, w.Kind)
	case err != nil:
		return o, fmt.Errorf("finding the bound secrets: %w", err)
	default:
		o.Secrets = targets
		for _, t := range targets {
			c.Secrets[t.Role] = cloudguard.OCID(t.SecretID)
		}
	}
	rule := cloudguard.RuleOf(w.Kind)
	if w.Grace != "" {
		g, err := cloudguard.ParseComment(rule, "grace:"+w.Grace)
		if err != nil {
			return o, fmt.Errorf("--grace %s: it isn't a time such as 72h, 3d or 0, of at most 90 days", w.Grace)
		}
		c.Grace, o.grace = g.Grace, true
	}
	o.Comment = c.String()
	again, err := cloudguard.ParseComment(rule, o.Comment)
	if err == nil {
		err = again.Ordered(rule, false)
	}
	if err != nil {
		return o, fmt.Errorf("the functions would not accept the closure comment %q: %w", o.Comment, err)
	}
	if again.String() != o.Comment || !maps.Equal(again.Secrets, c.Secrets) {
		return o, fmt.Errorf("the functions would read the closure comment %q as %q", o.Comment, again)
	}
	return o, nil
}

// Rotate starts rotations and follows them. Set all fields before use.
type Rotate struct {
	Problems    Problems
	Secret      func(ctx context.Context, id string) (vault.Secret, error)
	Versions    func(ctx context.Context, id string) ([]vault.Version, error)
	Credentials func(ctx context.Context, k credential.Kind, user string) (credential.Listing, error)
	Clock       rotation.Clock
}

// Prepare reads what Start and Follow compare with: the problem once more, and the secrets.
func (r Rotate) Prepare(ctx context.Context, o Order) (Order, error) {
	p, err := r.Problems.Afresh(ctx, o.Problem)
	if err != nil {
		return o, fmt.Errorf("reading the problem: %w", err)
	}
	if p.State() != "OPEN" && p.State() != "" {
		return o, fmt.Errorf("problem %s is %s, not OPEN", o.Problem, p.State())
	}
	o.problem = p
	for _, t := range o.Secrets {
		s, err := r.Secret(ctx, t.SecretID)
		if err != nil {
			return o, fmt.Errorf("reading secret %s: %w", t.SecretID, err)
		}
		if err := guard.Writable(s); err != nil {
			return o, err
		}
	}
	if o.Kind.Origin() == credential.Reset {
		return o, nil
	}
	id, living, err := r.Problems.CredentialID(ctx, credential.Ref{Kind: o.Kind, User: o.User, ID: o.Old})
	switch {
	case err != nil:
		return o, fmt.Errorf("looking up the credential: %w", err)
	case id == "":
		return o, fmt.Errorf("the user has no %s %s, which the problem is about, but %s", o.Kind.Noun(), o.Old,
			strings.Join(living, ", "))
	}
	o.Old = id
	return o, nil
}

// Start closes the problem of a prepared order.
func (r Rotate) Start(ctx context.Context, o Order) error {
	err := r.Problems.Resolve(ctx, o.problem, o.Comment)
	if fault.Of(err) == fault.Conflict {
		return errors.New("the problem was changed meanwhile: nothing was done. Run the command again")
	}
	if err != nil {
		return fmt.Errorf("closing the problem: %w", err)
	}
	return nil
}
