package operate

import (
	"cmp"
	"context"
	"fmt"
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

// Status says what is half-way, due and held. It can be printed.
type Status struct {
	At       time.Time `json:"at"`
	Bound    int       `json:"boundSecrets"`
	Items    []Item    `json:"items"`    // of the bound secrets; those without unfinished work have none
	Reopened []Item    `json:"reopened"` // problems that the functions opened again
	NotAsked []string  `json:"notAsked"` // what could not be asked, so that items may be missing
}

// Item is unfinished work in one secret, or a problem that was opened again.
type Item struct {
	State      string          `json:"state"` // see the constants
	Kind       credential.Kind `json:"kind"`
	User       string          `json:"user"`
	UserName   string          `json:"userName,omitempty"`
	Secret     string          `json:"secret,omitempty"`
	SecretName string          `json:"secretName,omitempty"`
	Region     string          `json:"region,omitempty"`
	Since      *time.Time      `json:"since,omitempty"` // nil if it isn't known
	Old        string          `json:"old,omitempty"`   // ids of the credentials
	New        string          `json:"new,omitempty"`
	Next       string          `json:"next"`           // what happens next, or why nothing does
	When       *time.Time      `json:"when,omitempty"` // when, if it is known
	Problem    string          `json:"problem,omitempty"`
	Needs      bool            `json:"needsYou"` // a person has to do something
}

// The states of items. HalfWay and Overlap go on without a person.
const (
	HalfWay     = "half-way"     // a version is staged and not promoted, or an action is announced
	Overlap     = "overlap"      // the old credential still works, until When
	Deleting    = "deleting"     // the deletion of the old credential has begun
	Held        = "held"         // nothing goes on, for the reason in Next
	OpenedAgain = "opened again" // a problem that the functions opened again, for the reason in Next
)

// Read is what Status reads of one bound secret.
type Read struct {
	Secret vault.Secret
	Living []string // ids of the user's credentials; nil if they weren't asked for
}

// StatusOf reads bound secrets and problems. Set all fields before use.
type StatusOf struct {
	Secret      func(ctx context.Context, id string) (vault.Secret, error)
	Credentials func(ctx context.Context, k credential.Kind, user string) (credential.Listing, error)
	Problems    Problems
	Name        func(ctx context.Context, user string) (string, error)
}

// Run returns the status. bound are the secrets of the tenancy as they were listed. progress is called after each
// secret.
func (s StatusOf) Run(ctx context.Context, bound []vault.Secret, now time.Time, progress func(int)) Status {
	out := Status{NotAsked: []string{}}
	var mu sync.Mutex
	skip := func(format string, args ...any) {
		mu.Lock()
		defer mu.Unlock()
		out.NotAsked = append(out.NotAsked, fmt.Sprintf(format, args...))
	}
	open, err := Open(ctx, s.Problems, now.AddDate(-1, 0, 0))
	if err != nil {
		skip("%v", err)
	}
	names := s.names(ctx)
	out.At, out.Items, out.Reopened = now, []Item{}, []Item{}
	for _, p := range open {
		if i, ok := itemOf(p); ok {
			i.UserName = names(i.User)
			out.Reopened = append(out.Reopened, i)
		}
	}
	group := background.Group{Limit: atOnce}
	for _, listed := range bound {
		if _, _, ok := guard.BoundTo(listed); !ok {
			continue
		}
		out.Bound++
		group.Do(func() {
			defer progress(1)
			items, err := s.itemsOf(ctx, listed, now)
			if err != nil {
				skip("secret %s (%s): %v", listed.Name, listed.ID, err)
			}
			for i := range items {
				items[i].UserName = names(items[i].User)
			}
			mu.Lock()
			defer mu.Unlock()
			out.Items = append(out.Items, items...)
		})
	}
	group.Join()
	slices.SortFunc(out.Items, func(a, b Item) int {
		return cmp.Or(cmp.Compare(a.UserName, b.UserName), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Secret, b.Secret),
			cmp.Compare(a.Old, b.Old))
	})
	slices.Sort(out.NotAsked)
	return out
}

// names returns a function that looks up users' names, each once. A name that can't be read is "".
func (s StatusOf) names(ctx context.Context) func(string) string {
	var mu sync.Mutex
	known := map[string]string{}
	return func(user string) string {
		mu.Lock()
		name, ok := known[user]
		mu.Unlock()
		if ok || user == "" {
			return name
		}
		name, _ = s.Name(ctx, user)
		mu.Lock()
		defer mu.Unlock()
		known[user] = name
		return name
	}
}

// itemOf returns the item of a problem, if the functions opened it again.
func itemOf(p OpenProblem) (Item, bool) {
	reason, ours := strings.CutPrefix(strings.TrimSpace(p.Comment), cloudguard.ReopenMark)
	if !ours {
		return Item{}, false
	}
	i := Item{State: OpenedAgain, Kind: p.Kind, User: p.User, Old: p.ID, Problem: p.Problem.ID, Needs: true,
		Next: strings.TrimSpace(strings.TrimPrefix(reason, ":"))}
	for _, h := range p.History {
		if strings.TrimSpace(h.Comment) == strings.TrimSpace(p.Comment) && (i.Since == nil || h.At.After(*i.Since)) {
			i.Since = &h.At
		}
	}
	return i, true
}

// itemsOf reads one secret, and what its journal names.
func (s StatusOf) itemsOf(ctx context.Context, listed vault.Secret, now time.Time) ([]Item, error) {
	full, err := s.Secret(ctx, listed.ID)
	if err != nil {
		return nil, fmt.Errorf("it can't be read: %w", err)
	}
	kind, user, ok := guard.BoundTo(full)
	if !ok {
		return nil, nil
	}
	journal, err := rotation.ReadJournal(full.Metadata)
	base := Item{Kind: kind, User: user, Secret: full.ID, SecretName: full.Name, Region: full.Region}
	if err != nil {
		base.State, base.Next, base.Needs = Held, "its journal can't be read: "+err.Error(), true
		return []Item{base}, nil
	}
	if journal.Staged == nil && len(journal.Retire) == 0 {
		return nil, nil
	}
	var living []string
	if listing, err := s.Credentials(ctx, kind, user); err == nil {
		living = []string{}
		for _, c := range listing.Credentials {
			living = append(living, c.ID)
		}
	}
	problems := map[string]problemState{}
	for _, id := range problemsOf(journal) {
		problems[id] = s.problem(ctx, id)
	}
	if !full.At.IsZero() {
		now = full.At
	}
	return secretItems(base, Read{full, living}, journal, problems, now), nil
}

// problemState is the state of a problem that a journal names.
type problemState struct {
	state  string // as cloudguard.Problem.State; "" if it isn't known
	reason string // of Keyturn, for opening it again; or why it isn't known
}

func problemsOf(j rotation.Journal) (ids []string) {
	if j.Staged != nil {
		ids = append(ids, j.Staged.Problem)
	}
	for _, r := range j.Retire {
		ids = append(ids, r.Problem)
	}
	slices.Sort(ids)
	return slices.DeleteFunc(slices.Compact(ids), func(id string) bool { return id == "" })
}

func (s StatusOf) problem(ctx context.Context, text string) problemState {
	id, err := cloudguard.ParseOCID(text, cloudguard.TypeProblem)
	if err != nil {
		return problemState{reason: "its journal names no problem's OCID"}
	}
	p, err := s.Problems.Problem(ctx, string(id))
	if err != nil {
		return problemState{reason: fault.Plain(err)}
	}
	state := problemState{state: p.State()}
	if reason, ours := strings.CutPrefix(strings.TrimSpace(p.Comment), cloudguard.ReopenMark); ours {
		state.reason = strings.TrimSpace(strings.TrimPrefix(reason, ":"))
	}
	return state
}

// secretItems returns the items of one secret. It is a pure function.
func secretItems(base Item, read Read, j rotation.Journal, problems map[string]problemState, now time.Time) []Item {
	var items []Item
	if st := j.Staged; st != nil && st.Phase != rotation.PhaseUndone {
		i := base
		i.State, i.Old, i.New, i.Since, i.Problem = HalfWay, st.Old, st.Credential, st.At, st.Problem
		i = onHold(i, read.Secret, problems[st.Problem])
		if i.State == HalfWay {
			i.Next = "the next sweep goes on with it"
			if st.At != nil && now.Sub(*st.At) < rotation.MakerLife {
				i.Next = "an invocation may be at work; a sweep goes on with it from then on"
				when := st.At.Add(rotation.MakerLife)
				i.When = &when
			}
		}
		items = append(items, i)
	}
	for _, r := range j.Retire {
		if read.Living != nil && !slices.Contains(read.Living, r.Credential) {
			continue // it is deleted; the next sweep removes the entry
		}
		i := base
		i.State, i.Old, i.Since, i.Problem = Overlap, r.Credential, r.Set, r.Problem
		if j.Current != nil {
			i.New = j.Current.Credential
		}
		switch at := r.After; {
		case r.Begun != nil:
			i.State, i.Since, i.Next = Deleting, r.Begun, "the next sweep makes sure that it is deleted"
		case now.Before(at):
			i.When, i.Next = &at, "the first sweep from then on deletes the old one"
		default:
			i.When, i.Next = &at, "the overlap is over; the next sweep deletes the old one"
		}
		i = onHold(i, read.Secret, problems[r.Problem])
		if j.Current != nil && j.Current.Version != read.Secret.Current && i.State != Deleting {
			i.State, i.When, i.Needs = Held, nil, true
			i.Next = fmt.Sprintf("version %d is CURRENT, not version %d, which the rotation wrote: the functions "+
				"delete "+
				"neither credential. To go on, make version %d CURRENT and close the problem again; else delete what "+
				"isn't used", read.Secret.Current, j.Current.Version, j.Current.Version)
		}
		items = append(items, i)
	}
	return items
}

// onHold returns the item as held if its problem or its secret keeps the functions from going on.
func onHold(i Item, s vault.Secret, p problemState) Item {
	err := guard.Writable(s)
	switch {
	case err != nil && s.State != vault.Updating:
		i.Next = err.Error()
	case p.state == "RESOLVED":
		return i
	case i.Problem == "":
		i.Next = "its journal, of an older version of Keyturn, names no problem: close the problem again"
	case p.state == "":
		i.Next = "its problem can't be read, so that it isn't known whether it goes on: " + cmp.Or(p.reason, "not "+
			"asked")
	case p.reason != "":
		i.Next = "the functions opened the problem again: " + p.reason
	default:
		i.Next = "its problem is " + p.state + ": it goes on once the problem is closed again"
	}
	i.State, i.When, i.Needs = Held, nil, true
	return i
}

// Needs reports whether a person has to do something.
func (s Status) Needs() bool {
	return slices.ContainsFunc(slices.Concat(s.Items, s.Reopened), func(i Item) bool { return i.Needs })
}
