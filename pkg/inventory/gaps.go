package inventory

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/fault"
)

// maxNamed is how many things with the same gap are named.
const maxNamed = 20

// gaps collects the gaps of a reading. A missing permission may cause one for each user of the tenancy, so things that
// failed for the same cause are one group.
type gaps struct {
	mu       sync.Mutex
	whole    []Gap // those that aren't about one thing
	of       map[string]*sameGap
	answered map[string]bool // the domains and kinds of which a user's own list was read
}

// sameGap has gaps that only differ in their things.
type sameGap struct {
	named []Gap // sorted by their things
	more  int
}

func (g *gaps) add(one Gap) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if one.Thing == "" {
		g.whole = append(g.whole, one)
		return
	}
	key := fmt.Sprint(one.Doing, one.Domain.ID, one.Domain.Name, one.Region, one.Kinds, fault.Plain(one.Err))
	same := g.of[key]
	if same == nil {
		same = &sameGap{}
		g.of[key] = same
	}
	at, _ := slices.BinarySearchFunc(same.named, one, byPlace)
	same.named = slices.Insert(same.named, at, one)
	if len(same.named) > maxNamed {
		same.named = same.named[:maxNamed]
		same.more++
	}
}

// all returns all gaps, sorted. If no user's own list of a kind was read in a domain, though several were asked for,
// the domain refuses that kind entirely: that is one gap without a user.
func (g *gaps) all() []Gap {
	g.mu.Lock()
	defer g.mu.Unlock()
	groups := slices.SortedFunc(maps.Values(g.of), func(a, b *sameGap) int {
		return cmp.Or(cmp.Compare(len(b.named)+b.more, len(a.named)+a.more), byPlace(a.named[0], b.named[0]))
	})
	out, entirely := slices.Clone(g.whole), map[string]bool{}
	for _, same := range groups {
		first := same.named[0]
		covered := func(k credential.Kind) bool { return entirely[answerOf(first.Domain, k)] }
		kinds := slices.DeleteFunc(slices.Clone(first.Kinds), covered)
		if len(kinds) == 0 && len(first.Kinds) > 0 {
			continue
		}
		answered := func(k credential.Kind) bool { return g.answered[answerOf(first.Domain, k)] }
		if len(same.named) > 1 && len(kinds) > 0 && !slices.ContainsFunc(kinds, answered) {
			for _, k := range kinds {
				entirely[answerOf(first.Domain, k)] = true
			}
			first.Thing, first.Kinds = "", kinds
			out = append(out, first)
			continue
		}
		same.named[len(same.named)-1].More = same.more
		for _, one := range same.named {
			one.Kinds = kinds
			out = append(out, one)
		}
	}
	slices.SortStableFunc(out, byPlace)
	return out
}

func answerOf(d credential.Domain, k credential.Kind) string { return d.ID + " " + string(k) }

// counted is a source that records in gaps of which domains and kinds a user's own list was read.
type counted struct {
	UserSource
	gaps *gaps
}

func (c counted) CredentialsOf(ctx context.Context, d credential.Domain, k credential.Kind,
	user string) (credential.Listing, error) {
	l, err := c.UserSource.CredentialsOf(ctx, d, k, user)
	if err == nil {
		c.gaps.mu.Lock()
		c.gaps.answered[answerOf(d, k)] = true
		c.gaps.mu.Unlock()
	}
	return l, err
}
