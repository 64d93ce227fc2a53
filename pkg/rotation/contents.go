package rotation

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/fault"
)

// current is the content of a secret's CURRENT version.
type current struct {
	number  int64
	content credential.Value
	why     string // why it can't be read; empty if it was
}

// contents reads the CURRENT versions that something is about to be written over, side by side.
func (r *run) contents(ctx context.Context) error {
	found := make([]current, len(r.obs.homes))
	var reads []func() error
	for i, h := range r.obs.homes {
		if c, ok := r.currents[h.SecretID]; !r.asks(h) || ok && c.number == h.Current {
			continue
		}
		reads = append(reads, func() (err error) {
			found[i], err = r.current(ctx, h)
			return err
		})
	}
	if err := side(reads...); err != nil {
		return err
	}
	for i, c := range found {
		if c.number != 0 {
			r.currents[r.obs.homes[i].SecretID] = c
		}
	}
	return nil
}

// asks tells whether the decision needs what the secret holds now: before this attempt has written to it. The journal of
// a plain secret says it without a look; a bundle may have been added to.
func (r *run) asks(h *home) bool {
	begun := r.stored() != StoredNone && r.stored() != StoredNotAsked
	if h.Current == 0 || h.version(r.id.VersionName(r.attempt)) != nil || r.finished() || !r.oldAlive() && !begun {
		return false
	}
	return h.Role == credential.RoleBundle || !h.tells()
}

// tells: the journal knows which credential the CURRENT version holds.
func (h *home) tells() bool { c := h.journal.Current; return c != nil && c.Version == h.Current }

// current reads one. What can't be read for good is not a reason to stop: perhaps nothing needs it. What may be readable
// in a moment is waited for, but not for ever.
func (r *run) current(ctx context.Context, h *home) (current, error) {
	number, content, err := r.Vault.Read(ctx, h.SecretID, "")
	class := fault.Of(err)
	switch {
	case err != nil && (class == fault.Unclear || class == fault.Throttled) && !r.overdue():
		return current{}, fmt.Errorf("reading the CURRENT version: %w", err)
	case err != nil:
		return current{number: h.Current, why: fmt.Sprintf("its CURRENT version can't be read: %v", err)}, nil
	case number != h.Current:
		return current{}, fault.New(fault.Conflict, "GetSecretBundle", "another version has become CURRENT meanwhile")
	}
	return current{number: number, content: content}, nil
}

// holding is what the secret holds, as far as it can be told.
func (r *run) holding(h *home) credential.Holding {
	var known credential.Holding
	c, read := r.currents[h.SecretID]
	switch {
	case !r.asks(h) && !h.tells():
		return known
	case read && c.number == h.Current && c.why != "":
		known.Unknown = c.why
	case read && c.number == h.Current:
		known = credential.Inspect(r.job.Ref, h.Role, c.content, r.living())
	}
	if h.tells() {
		known.IDs, known.Unknown = []string{h.journal.Current.Credential}, ""
	}
	return known
}

// living are the ids that a content of the kind may name: those of the user's credentials, and the old one's.
func (r *run) living() []string {
	ids := []string{r.job.Ref.ID}
	for _, c := range r.obs.credentials {
		if c.ID != r.job.Ref.ID {
			ids = append(ids, c.ID)
		}
	}
	return ids
}

// holds tells what stands against writing to the secret, because of what is in there.
func (r *run) holds(h *home) (Room, string) {
	noun, name := r.job.Ref.Kind.IDNoun(), fmt.Sprintf("secret %s (%s)", h.Name, h.SecretID)
	known := r.holding(h)
	needed := slices.IndexFunc(known.IDs, r.needed)
	switch {
	case h.foreign != nil:
		return RoomForeign, fmt.Sprintf("%s: %v", name, h.foreign)
	case r.misnamed(h):
		return RoomWrong, fmt.Sprintf("%s is named for the part %q; Keyturn has written the part %q to it", name, h.Role, h.journal.Role)
	case !known.Fits(r.job.Ref.Kind, h.Role):
		return RoomWrong, fmt.Sprintf("%s is named for the part %q; it holds %s", name, h.Role, known.Sort)
	case known.User != "":
		return RoomWrong, fmt.Sprintf("%s holds a credential of another user, %s", name, known.User)
	case needed >= 0:
		return RoomTaken, fmt.Sprintf("%s holds %s %s", name, noun, known.IDs[needed])
	case known.Unknown != "" && len(r.others()) > 0:
		return RoomUnknown, fmt.Sprintf("%s: %s. The user's other %ss: %s", name, known.Unknown, r.job.Ref.Kind.Noun(), strings.Join(r.others(), ", "))
	}
	return RoomFree, ""
}

// others are the living credentials that something else than this rotation needs.
func (r *run) others() []string {
	var ids []string
	for _, c := range r.obs.credentials {
		m, ours := credential.ParseMark(c.Description)
		if r.needed(c.ID) && c.ID != r.undone && !(ours && m.Rotation == r.id) {
			ids = append(ids, c.ID)
		}
	}
	return ids
}

// misnamed: Keyturn has written another part of a credential of this user and kind to the secret.
func (r *run) misnamed(h *home) bool {
	j := h.journal
	return j.Role != "" && j.Role != h.Role && (j.Owner == "" || j.Owner == OwnerOf(r.job.Ref))
}

// swapped tells of the two secrets of a pair that each holds the other's half, by their journals or by what is in them. One
// of the two is enough, if the other doesn't hold the same.
func (r *run) swapped() string {
	halves := map[credential.Role]*home{}
	for _, h := range r.obs.homes {
		halves[h.Role] = h
	}
	key, id := halves[credential.RoleSecretKey], halves[credential.RoleAccessKey]
	if key == nil || id == nil {
		return ""
	}
	inKey, inID := r.holding(key).Sort, r.holding(id).Sort
	if r.misnamed(key) || r.misnamed(id) {
		inKey, inID = written[key.journal.Role], written[id.journal.Role]
	}
	if inKey == credential.SortAccessKey && inID != credential.SortAccessKey {
		return fmt.Sprintf("secret %s (%s) is named for the secret key, and holds an access key", key.Name, key.SecretID)
	}
	if inID == credential.SortSecretKey && inKey != credential.SortSecretKey {
		return fmt.Sprintf("secret %s (%s) is named for the access key, and holds a secret key", id.Name, id.SecretID)
	}
	return ""
}

// written is what Keyturn has put into a secret of the role.
var written = map[credential.Role]credential.Sort{credential.RoleAccessKey: credential.SortAccessKey, credential.RoleSecretKey: credential.SortSecretKey}

// blocker says what is known of a secret that takes no change.
func (r *run) blocker() string {
	for _, h := range r.obs.homes {
		for _, v := range h.versions {
			if id, _, ok := credential.ParseVersionName(v.Name); v.Pending && (!ok || id != r.id) {
				return fmt.Sprintf("secret %s (%s) has the PENDING version %d, made %s, which is not this rotation's",
					h.Name, h.SecretID, v.Number, v.Created.UTC().Format("2006-01-02 15:04 UTC"))
			}
		}
	}
	return ""
}
