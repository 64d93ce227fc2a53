package sweep

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/rs/zerolog"

	"github.com/keyturn/keyturn/pkg/inventory"
	"github.com/keyturn/keyturn/pkg/outcome"
	"github.com/keyturn/keyturn/pkg/vault"
)

// news returns the digest without the findings that an earlier sweep mailed. What the sweep did is always news.
func (r *run) news(ctx context.Context) outcome.Digest {
	known := r.earlierNotes(ctx)
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

// waits reports whether a rotation is waiting for OCI to accept the new credential. The delivery that made it has
// mailed that. It ends within half an hour, and then the result is news.
func waits(o outcome.Outcome) bool { return o.Pending && !o.Changed }

// repeats reports whether the next sweep may find the same. A rotation is over, and so is a dry run that a comment
// asked for, whose problem is open again.
func repeats(o outcome.Outcome) bool {
	return o.Status == outcome.Refused || o.Status == outcome.Unfinished
}

// readNotebook reads the notebook's notes, unless this sweep has read them. If it can't be read, it has none.
func (r *run) readNotebook(ctx context.Context) {
	if _, read := r.noted[r.notebook]; read || r.notebook == "" {
		return
	}
	if s, err := r.Vault.Secret(ctx, r.notebook); err == nil {
		r.noted[r.notebook] = notesOf(s.Metadata)
	}
}

// earlierNotes merges the notes of all secrets that this sweep has read, and of the notebook.
func (r *run) earlierNotes(ctx context.Context) notes {
	if len(r.digest.Outcomes)+len(r.digest.Unfinished) > 0 {
		r.readNotebook(ctx)
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

// notesSecret returns the OCID of the secret for the notes about an item; "" if there is none.
func (r *run) notesSecret(i item) string {
	for _, key := range slices.Sorted(maps.Keys(r.boundSecrets)) {
		if h := r.boundSecrets[key]; string(h.kind) == i.kind && strings.EqualFold(h.user, i.user) {
			return h.id
		}
	}
	return r.notebook
}

// remember writes notes about what was mailed, and removes those that are over. Failures are only logged, since they
// just lead to a repeated mail. A dry run writes no notes.
func (r *run) remember(ctx context.Context, news outcome.Digest) {
	if r.Config.DryRun || r.Keeper == nil {
		return
	}
	now := r.Clock.Now()
	mailed, found := map[string][]item{}, map[string]bool{}
	add := func(i item) {
		if home := r.notesSecret(i); home != "" {
			mailed[home] = append(mailed[home], i)
		}
	}
	for _, o := range news.Outcomes {
		if repeats(o) {
			add(itemOf(o, now))
		}
	}
	for _, f := range news.Unfinished {
		add(itemOfFinding(f, now))
	}
	if r.reported {
		add(item{about: reportNote, note: note{On: day(now)}})
	}
	for _, o := range r.digest.Outcomes { // only notes about outcomes are lasting
		found[hashOf(o.About())] = true
	}
	for id, had := range r.noted {
		if len(mailed[id]) == 0 && maps.Equal(had, had.after(nil, found, r.failures.none(), now)) {
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

// note updates the notes of one secret, unless the secret has changed since it was read.
func (r *run) note(ctx context.Context, id string, mailed []item, found map[string]bool) error {
	s, err := r.Vault.Secret(ctx, id)
	if err != nil || s.State != vault.Active {
		return err
	}
	n := notesOf(s.Metadata).after(mailed, found, r.failures.none(), r.Clock.Now())
	metadata, err := n.into(s.Metadata)
	if err == nil {
		_, err = r.Keeper.Update(ctx, id, s.ETag, vault.Update{Metadata: metadata})
	}
	return err
}

// owners sends the outcomes that are news to the topics of their secrets' owners, and notes in them what was not sent.
// Two thirds of the time are left for the digest.
func (r *run) owners(ctx context.Context, news []outcome.Outcome) {
	if r.Channels == nil {
		return
	}
	ctx, cancel := inventory.Share(ctx, r.Clock.Now(), 3)
	defer cancel()
	for i := range news {
		r.Channels.Owners(ctx, &news[i])
	}
}

// records begins to send the records of the outcomes that are news.
func (r *run) records(ctx context.Context, news []outcome.Outcome) (wait func()) {
	if r.Channels == nil {
		return func() {}
	}
	return r.Channels.Records(ctx, news...)
}
