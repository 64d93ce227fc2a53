package sweep

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/rs/zerolog"

	"github.com/keyturn/keyturn/pkg/outcome"
	"github.com/keyturn/keyturn/pkg/vault"
)

// news is the digest without what an earlier sweep has mailed. What the sweep did is always news.
func (r *run) news(ctx context.Context) outcome.Digest {
	known := r.known(ctx)
	now := r.Clock.Now()
	d := r.digest
	d.Outcomes = slices.DeleteFunc(slices.Clone(d.Outcomes), func(o outcome.Outcome) bool {
		return waits(o) || repeats(o) && known.reported(itemOf(o, now), now)
	})
	d.Unfinished = slices.DeleteFunc(slices.Clone(d.Unfinished), func(f outcome.Finding) bool {
		return known.reported(itemOfFinding(f, now), now)
	})
	d.Repeated = len(r.digest.Outcomes) - len(d.Outcomes) + len(r.digest.Unfinished) - len(d.Unfinished)
	if !d.Empty() {
		if t, err := r.Directory.Tenancy(ctx); err == nil {
			d.Tenancy = t.Name
		}
	}
	return d
}

// waits reports whether a rotation waits for OCI to accept the new credential, as the mail of the delivery that made it
// says. It ends within half an hour: accepted or refused, that is news.
func waits(o outcome.Outcome) bool { return o.Pending && !o.Changed }

// repeats reports whether the next sweep may find the same. What was rotated is over, and so is a dry run that a
// comment asked for: its problem is open again.
func repeats(o outcome.Outcome) bool {
	return o.Status == outcome.Refused || o.Status == outcome.Unfinished
}

// known is what earlier sweeps have mailed, from all secrets that this one has read, and from the notebook.
func (r *run) known(ctx context.Context) notes {
	if _, read := r.noted[r.notebook]; !read && r.notebook != "" && len(r.digest.Outcomes)+
		len(r.digest.Unfinished) > 0 {
		if s, err := r.Vault.Secret(ctx, r.notebook); err == nil {
			r.noted[r.notebook] = notesOf(s.Metadata)
		}
	}
	all := notes{}
	for _, n := range r.noted {
		for about, note := range n {
			if all[about].On < note.On { // one without a day counts for nothing
				all[about] = note
			}
		}
	}
	return all
}

// home is the secret that keeps the notes about an item; "" if there is none.
func (r *run) home(i item) string {
	for _, key := range slices.Sorted(maps.Keys(r.homes)) {
		if h := r.homes[key]; string(h.kind) == i.kind && strings.EqualFold(h.user, i.user) {
			return h.id
		}
	}
	return r.notebook
}

// remember writes down what was mailed, and takes off what is over. A note that can't be written costs a mail that
// comes twice, and nothing else: it is logged. A dry run changes nothing, and so keeps no notes.
func (r *run) remember(ctx context.Context, news outcome.Digest) {
	if r.Config.DryRun || r.Keeper == nil {
		return
	}
	now := r.Clock.Now()
	mailed, found := map[string][]item{}, map[string]bool{}
	note := func(i item) {
		if home := r.home(i); home != "" {
			mailed[home] = append(mailed[home], i)
		}
	}
	for _, o := range news.Outcomes {
		if repeats(o) {
			note(itemOf(o, now))
		}
	}
	for _, f := range news.Unfinished {
		note(itemOfFinding(f, now))
	}
	for _, o := range r.digest.Outcomes { // no note about anything else is lasting
		found[hashOf(o.About())] = true
	}
	for id, had := range r.noted {
		if len(mailed[id]) == 0 && maps.Equal(had, had.after(nil, found, r.troubles.none(), now)) {
			continue // nothing to write
		}
		if _, ok := mailed[id]; !ok {
			mailed[id] = nil
		}
	}
	for _, id := range slices.Sorted(maps.Keys(mailed)) {
		if err := r.note(ctx, id, mailed[id], found); err != nil {
			zerolog.Ctx(ctx).Warn().Err(err).Str("secret", id).Msg("keeping what was mailed")
		}
	}
}

// note changes the notes of one secret, on condition that nobody has changed the secret since it was read.
func (r *run) note(ctx context.Context, id string, mailed []item, found map[string]bool) error {
	s, err := r.Vault.Secret(ctx, id)
	if err != nil || s.State != vault.Active {
		return err
	}
	n := notesOf(s.Metadata).after(mailed, found, r.troubles.none(), r.Clock.Now())
	metadata, err := n.into(s.Metadata)
	if err == nil {
		_, err = r.Keeper.Update(ctx, id, s.ETag, vault.Update{Metadata: metadata})
	}
	return err
}
