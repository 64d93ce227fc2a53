package operate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/fault"
	"github.com/keyturn/keyturn/pkg/guard"
	"github.com/keyturn/keyturn/pkg/rotation"
	"github.com/keyturn/keyturn/pkg/vault"
)

// UndoVault is what an undo needs of secrets. Errors carry a fault.Class.
type UndoVault interface {
	Secret(ctx context.Context, id string) (vault.Secret, error)
	Versions(ctx context.Context, id string) ([]vault.Version, error)
	// ReadNumber returns the content of a version.
	ReadNumber(ctx context.Context, id string, number int64) (credential.Value, error)
	// Update changes the secret if its etag is still the given one.
	Update(ctx context.Context, id, etag string, u vault.Update) (vault.Secret, error)
}

// Undo makes the version before a rotation CURRENT again, while its credential lives. Set all fields before use.
//
// It relies on two rules of the functions, which test/command proves. A rotation whose version was CURRENT and isn't
// any more is refused, and its old credential stays. And before a function deletes an old credential, it records that
// in each of the secrets, under their etags. So an undo that was written under an etag without such a record comes
// before every deletion. Where these rules don't apply, Plan refuses.
type Undo struct {
	Vault       UndoVault
	Credentials func(ctx context.Context, k credential.Kind, user string) (credential.Listing, error)
	Directory   guard.Directory
	Prover      rotation.Prover
	Clock       rotation.Clock
}

// UndoPlan says what an undo changes. It can be printed.
type UndoPlan struct {
	Kind     credential.Kind `json:"kind"`
	User     string          `json:"user"`
	UserName string          `json:"userName"`
	Old      string          `json:"old"` // id of the credential that consumers read afterwards
	OldMade  time.Time       `json:"oldMade"`
	New      string          `json:"new"` // id of the one that they read now; it stays
	Problem  string          `json:"problem,omitempty"`
	// Goes is when the old credential would be deleted without the undo.
	Goes    time.Time  `json:"goes"`
	Secrets []UndoStep `json:"secrets"` // in the order in which they are changed
}

// UndoStep is the change of one secret.
type UndoStep struct {
	ID     string          `json:"id"`
	Name   string          `json:"name"`
	Region string          `json:"region,omitempty"`
	Role   credential.Role `json:"role"`
	From   int64           `json:"from"` // number of the version that the rotation made CURRENT
	To     int64           `json:"to"`   // number of the version before
	Done   bool            `json:"done"` // To is CURRENT already

	etag string
}

// Undone reports whether there is nothing left to do.
func (p UndoPlan) Undone() bool {
	return !slices.ContainsFunc(p.Secrets, func(s UndoStep) bool { return !s.Done })
}

// held is one secret of the rotation, as it was read.
type held struct {
	vault.Secret
	role     credential.Role
	journal  rotation.Journal
	versions []vault.Version
}

func (h held) String() string { return fmt.Sprintf("secret %s (%s)", h.Name, h.ID) }

func (h held) version(is func(vault.Version) bool) (vault.Version, bool) {
	i := slices.IndexFunc(h.versions, is)
	if i < 0 {
		return vault.Version{}, false
	}
	return h.versions[i], true
}

// refuse makes a refusal with a remedy.
func refuse(remedy, format string, args ...any) error {
	return &guard.Refusal{Problem: fmt.Sprintf(format, args...), Remedy: remedy}
}

// Plan says what would be done to undo the rotation that wrote the secret, and to all secrets of that rotation. It uses
// the old credential once, to see that it works. An error that is a *guard.Refusal says why it can't be undone, and
// what to do instead.
func (u Undo) Plan(ctx context.Context, id string) (UndoPlan, error) {
	named, err := u.read(ctx, id)
	if err != nil {
		return UndoPlan{}, err
	}
	kind, user, ok := guard.BoundTo(named.Secret)
	if !ok {
		return UndoPlan{}, refuse("Bind it first: keyturn bind USER KIND.", "%s is not bound to a user and a kind",
			named)
	}
	if kind.Origin() == credential.Reset {
		return UndoPlan{}, refuse("Reset the password again: keyturn rotate "+user+" "+string(kind)+".",
			"a rotation of a password can't be undone: the password before it is no longer valid")
	}
	listing, err := u.Credentials(ctx, kind, user)
	if err != nil {
		return UndoPlan{}, fmt.Errorf("listing the user's %ss: %w", kind.Noun(), err)
	}
	entry, err := overlapOf(named, kind, user, listing.Credentials)
	if err != nil {
		return UndoPlan{}, err
	}
	all := []held{}
	for _, t := range credential.Targets(kind, entry.Secrets) {
		h := named
		if t.SecretID != named.ID {
			h, err = u.read(ctx, t.SecretID)
			if err != nil {
				return UndoPlan{}, err
			}
		}
		h.role = t.Role
		all = append(all, h)
	}
	p, err := planUndo(named.ID, all, entry, kind, user, listing.Credentials)
	if err != nil || p.Undone() {
		return p, err
	}
	return u.prove(ctx, p)
}

func (u Undo) read(ctx context.Context, id string) (held, error) {
	s, err := u.settled(ctx, id)
	if err != nil {
		return held{}, err
	}
	h := held{Secret: s}
	h.journal, err = rotation.ReadJournal(s.Metadata)
	if err != nil {
		return held{}, refuse("Look at the secret's metadata.", "%s has no journal that can be read: %v", h, err)
	}
	h.versions, err = u.Vault.Versions(ctx, id)
	if err != nil {
		return held{}, fmt.Errorf("listing the versions of %s: %w", h, err)
	}
	return h, nil
}

// settled reads a secret, and waits while a change is settling.
func (u Undo) settled(ctx context.Context, id string) (vault.Secret, error) {
	for try := 1; ; try++ {
		s, err := u.Vault.Secret(ctx, id)
		switch {
		case err != nil:
			return s, fmt.Errorf("reading secret %s: %w", id, err)
		case s.State != vault.Updating:
			return s, nil
		case try == maxTries:
			return s, refuse("Run the command again in a few minutes.", "secret %s (%s) is being changed: it is in "+
				"the state %s", s.Name, s.ID, s.State)
		}
		if err := u.Clock.Sleep(ctx, time.Duration(try)*time.Second); err != nil {
			return s, fmt.Errorf("waiting for secret %s: %w", id, err)
		}
	}
}

// overlapOf returns the journal's entry of the only old credential that still lives.
func overlapOf(h held, k credential.Kind, user string, living []credential.Issued) (rotation.Retired, error) {
	again := fmt.Sprintf("If the new %s is wrong, rotate it: keyturn rotate %s %s.", k.Noun(), user, k)
	if h.journal.Staged != nil {
		return rotation.Retired{}, refuse("Wait until it is finished or undone: keyturn status.",
			"a rotation is half-way in %s (version %s)", h, h.journal.Staged.Version)
	}
	var alive []rotation.Retired
	for _, r := range h.journal.Retire {
		if slices.ContainsFunc(living, func(c credential.Issued) bool { return c.ID == r.Credential }) {
			alive = append(alive, r)
		}
	}
	switch {
	case len(h.journal.Retire) == 0:
		return rotation.Retired{}, refuse(again, "no overlap is running in %s: its journal names no old %s that "+
			"still exists", h, k.Noun())
	case len(alive) == 0:
		return rotation.Retired{}, refuse(again, "the old %s %s of %s is deleted", k.Noun(),
			h.journal.Retire[len(h.journal.Retire)-1].Credential, h)
	case len(alive) > 1:
		return rotation.Retired{}, refuse("Wait until the oldest one is deleted: keyturn status.",
			"%s has %d old %ss that still exist, of several rotations", h, len(alive), k.Noun())
	case len(alive[0].Secrets) == 0:
		return rotation.Retired{}, refuse("Make the versions CURRENT again in the Console, in all secrets of the "+
			"rotation.", "the journal of %s, written by an older version of Keyturn, doesn't name the rotation's "+
			"secrets", h)
	}
	return alive[0], nil
}

// planUndo decides on the secrets of a rotation, as they were read. It is a pure function.
func planUndo(named string, all []held, entry rotation.Retired, k credential.Kind, user string,
	living []credential.Issued) (UndoPlan, error) {
	p := UndoPlan{Kind: k, User: user, Old: entry.Credential, Problem: entry.Problem}
	i := slices.IndexFunc(living, func(c credential.Issued) bool { return c.ID == entry.Credential })
	p.OldMade = living[i].Created
	if living[i].Inactive {
		return p, refuse("Make it active first.", "the old %s %s is inactive", k.Noun(), p.Old)
	}
	if len(all) != len(entry.Secrets) || !slices.ContainsFunc(all, func(h held) bool { return h.ID == named }) {
		return p, refuse("Look at the secret's metadata.", "the journal of secret %s names secrets that don't fit %s",
			named, k.One())
	}
	for _, h := range all {
		r := h.journal.Retire.Of(p.Old)
		if err := sameRotation(h, r, entry, k, user); err != nil {
			return p, err
		}
		if p.New != "" && p.New != h.journal.Current.Credential {
			return p, refuse("Find out which one is right, and make its versions CURRENT in the Console.",
				"the journals of the rotation's secrets name different new %ss", k.Noun())
		}
		p.New = h.journal.Current.Credential
		if r.After.After(p.Goes) {
			p.Goes = r.After
		}
		step, err := stepOf(h, credential.Ref{Kind: k, User: user, ID: p.Old}.RotationID())
		if err != nil {
			return p, err
		}
		p.Secrets = append(p.Secrets, step)
	}
	return p, nil
}

// sameRotation refuses a secret whose state the functions could work against, or that doesn't belong to the rotation.
func sameRotation(h held, r *rotation.Retired, entry rotation.Retired, k credential.Kind, user string) error {
	if err := guard.Writable(h.Secret); err != nil {
		return err
	}
	const wait = "Wait until it is finished: keyturn status."
	kind, of, ok := guard.BoundTo(h.Secret)
	switch {
	case !ok || kind != k || of != user:
		return refuse("Bind it again: keyturn bind USER KIND.", "%s is a part of the rotation, and isn't bound to the "+
			"same user and kind", h)
	case h.journal.Owner != "" && h.journal.Owner != rotation.OwnerOf(credential.Ref{Kind: k, User: user}):
		return refuse("Look at the secret's metadata.", "the journal of %s names another owner than its tags", h)
	case h.journal.Staged != nil:
		return refuse(wait, "a rotation is half-way in %s (version %s)", h, h.journal.Staged.Version)
	case r == nil:
		return refuse(wait, "%s is a part of the rotation, and its journal doesn't name the old %s", h, k.Noun())
	case r.Begun != nil:
		return refuse("If the new "+k.Noun()+" is wrong, wait until the old one is deleted, and rotate it: keyturn "+
			"rotate "+user+" "+string(k)+".", "the deletion of the old %s began at %s", k.Noun(),
			r.Begun.UTC().Format(time.RFC3339))
	case !mapsEqual(r.Secrets, entry.Secrets):
		return refuse("Look at the metadata of the secrets.", "the journals of the rotation's secrets contradict each "+
			"other")
	case h.journal.Current == nil || h.journal.Current.Credential == "" || h.journal.Current.Credential == r.Credential:
		return refuse(wait, "the journal of %s doesn't name the new %s", h, k.Noun())
	}
	return nil
}

func mapsEqual(a, b rotation.Secrets) bool {
	if len(a) != len(b) {
		return false
	}
	for role, id := range a {
		if b[role] != id {
			return false
		}
	}
	return true
}

// stepOf finds the two versions of a secret. The functions recognize an undo by the name of the version that was
// CURRENT, so that must be the rotation's.
func stepOf(h held, id credential.RotationID) (UndoStep, error) {
	const decide = "Decide which version is right, and make it CURRENT in the Console."
	s := UndoStep{ID: h.ID, Name: h.Name, Region: h.Region, Role: h.role, From: h.journal.Current.Version, etag: h.ETag}
	from, ok := h.version(func(v vault.Version) bool { return v.Number == s.From })
	of, _, named := credential.ParseVersionName(from.Name)
	if !ok || from.Leaving || !named || of != id {
		return s, refuse(decide, "version %d of %s isn't the one that the rotation wrote", s.From, h)
	}
	if v, ok := h.version(func(v vault.Version) bool {
		other, _, ours := credential.ParseVersionName(v.Name)
		return v.Pending && (!ours || other != id)
	}); ok {
		return s, refuse("Find out what it is for. If it isn't needed, make it CURRENT and then the present one again.",
			"%s has a PENDING version, %d, that isn't the rotation's", h, v.Number)
	}
	if h.Current == s.From {
		before, ok := h.version(func(v vault.Version) bool { return v.Previous && !v.Leaving })
		if !ok || before.Number >= s.From {
			return s, refuse(decide, "%s has no version that was CURRENT before the rotation", h)
		}
		s.To = before.Number
		return s, nil
	}
	now, ok := h.version(func(v vault.Version) bool { return v.Number == h.Current })
	if !ok || !from.Previous || now.Number >= s.From {
		return s, refuse(decide, "version %d of %s became CURRENT after the rotation", h.Current, h)
	}
	s.To, s.Done = now.Number, true
	return s, nil
}

// Apply carries out a plan. It returns the plan as far as it was carried out, also with an error. If a secret has
// changed since the plan was made, it plans again, and goes on if the plan is the same.
func (u Undo) Apply(ctx context.Context, p UndoPlan) (UndoPlan, error) {
	for try := 1; ; try++ {
		err := u.promote(ctx, &p)
		if err == nil {
			return p, u.verify(ctx, p)
		}
		class := fault.Of(err)
		if try == maxTries || class != fault.Conflict && class != fault.Busy && class != fault.Unclear {
			return p, err
		}
		if err := u.Clock.Sleep(ctx, time.Duration(try)*time.Second); err != nil {
			return p, fmt.Errorf("waiting: %w", err)
		}
		again, err := u.Plan(ctx, p.Secrets[0].ID)
		if err != nil {
			return p, fmt.Errorf("reading the secrets again: %w", err)
		}
		if !p.same(again) {
			return p, errors.New("the secrets have changed since the plan was made: run the command again")
		}
		p = again
	}
}

const maxTries = 5

// same reports whether two plans change the same secrets to the same versions.
func (p UndoPlan) same(other UndoPlan) bool {
	return p.Old == other.Old && p.New == other.New && slices.EqualFunc(p.Secrets, other.Secrets,
		func(a, b UndoStep) bool { return a.ID == b.ID && a.From == b.From && a.To == b.To })
}

func (u Undo) promote(ctx context.Context, p *UndoPlan) error {
	for i, s := range p.Secrets {
		if s.Done {
			continue
		}
		after, err := u.Vault.Update(ctx, s.ID, s.etag, vault.Update{Promote: s.To})
		if err != nil {
			return fmt.Errorf("making version %d of secret %s CURRENT: %w", s.To, s.ID, err)
		}
		p.Secrets[i].Done, p.Secrets[i].etag = true, after.ETag
	}
	return nil
}

// verify reads the secrets and the list of credentials once more.
func (u Undo) verify(ctx context.Context, p UndoPlan) error {
	for _, s := range p.Secrets {
		now, err := u.Vault.Secret(ctx, s.ID)
		if err != nil {
			return fmt.Errorf("version %d of secret %s was made CURRENT, but it can't be read again: %w", s.To, s.ID,
				err)
		}
		r := rotation.JournalOf(now.Metadata).Retire.Of(p.Old)
		if now.Current != s.To || r == nil || r.Begun != nil {
			return fmt.Errorf("secret %s was changed by something else meanwhile: see keyturn status", s.ID)
		}
	}
	listing, err := u.Credentials(ctx, p.Kind, p.User)
	if err != nil {
		return fmt.Errorf("the versions are CURRENT, but the user's %ss can't be listed: %w", p.Kind.Noun(), err)
	}
	if !slices.ContainsFunc(listing.Credentials, func(c credential.Issued) bool { return c.ID == p.Old }) {
		return fmt.Errorf("the %s %s was deleted meanwhile: the versions that are CURRENT now don't work. Make the "+
			"others CURRENT again", p.Kind.Noun(), p.Old)
	}
	return nil
}
