package rotation

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/keyturn/keyturn/pkg/background"
	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/fault"
	"github.com/keyturn/keyturn/pkg/secret"
)

// home is one secret of the rotation, as it was last seen.
type home struct {
	Target
	secret.Secret
	versions []secret.Version
	journal  Journal
	foreign  error // why the metadata can't take the journal
	touched  bool  // this run has changed the secret since it last looked
	verified bool  // this run has read the version of this attempt back and found the value in it
}

func (h *home) version(name string) *secret.Version {
	i := slices.IndexFunc(h.versions, func(v secret.Version) bool { return v.Name == name })
	if i < 0 {
		return nil
	}
	return &h.versions[i]
}

// observation is OCI as it was last seen, kept up to date with what this run has done since.
type observation struct {
	credentials []credential.Issued
	at          time.Time // server's clock
	local       time.Time // our clock at that moment
	homes       []*home   // in the order of Kind.Roles
}

func (o *observation) credential(id string) *credential.Issued {
	i := slices.IndexFunc(o.credentials, func(c credential.Issued) bool { return c.ID == id })
	if id == "" || i < 0 {
		return nil
	}
	return &o.credentials[i]
}

// observe reads the user's credentials and the secrets side by side, then the versions of those secrets that need it,
// and then the contents that the decision needs. Reads side by side can be torn: another delivery may have acted
// between them. Where the picture is one that a tear would give, the half that may be the older is read again.
func (r *run) observe(ctx context.Context) error {
	r.obs = &observation{homes: make([]*home, len(r.job.Targets))}
	for i, t := range r.job.Targets {
		r.obs.homes[i] = &home{Target: t}
	}
	if err := side(func() error { return r.list(ctx) }, func() error { return r.describe(ctx) }); err != nil {
		return err
	}
	if err := r.read(ctx, r.looks > 1 || !r.oldAlive() || len(r.marked()) > 0); err != nil {
		return err
	}
	torn := r.job.Ref.Kind != credential.Password && len(r.obs.homes) > 0 && !r.oldAlive() && !r.finished()
	if torn {
		if err := r.describe(ctx); err != nil {
			return err
		}
	}
	// A secret that seems to hold somebody else's credential may hold ours, if its journal was wiped.
	if room, _ := r.room(); torn || room == RoomTaken || room == RoomUnknown {
		return r.read(ctx, true)
	}
	return nil
}

// read reads the versions and contents that the decision needs. Without all, secrets that this rotation has not come to
// yet, as far as they tell themselves, are not asked for their versions.
func (r *run) read(ctx context.Context, all bool) error {
	if err := r.listVersions(ctx, all); err != nil {
		return err
	}
	r.findAttempt()
	if err := r.load(ctx); err != nil {
		return err
	}
	return r.contents(ctx)
}

// side runs the functions in parallel and returns the first error. A panic of one becomes a panic of the caller, without
// its value.
func side(fs ...func() error) error {
	var group background.Group
	for _, f := range fs {
		group.Go(f)
	}
	group.Join()
	return group.First()
}

// list reads the user's credentials.
func (r *run) list(ctx context.Context) error {
	listing, err := r.Issuer.List(ctx, r.job.Ref.User)
	if err != nil {
		return err
	}
	r.obs.credentials, r.obs.at, r.obs.local = listing.Credentials, listing.At, r.Clock.Now()
	for _, c := range listing.Credentials {
		if r.result.OldMade.IsZero() && (c.ID == r.job.Ref.ID || r.job.Ref.Kind == credential.Password) {
			r.result.OldMade = c.Created // a user has one password, and this is the first look at it
		}
	}
	r.overlay()
	return nil
}

// describe reads the secrets.
func (r *run) describe(ctx context.Context) error {
	var reads []func() error
	for _, h := range r.obs.homes {
		reads = append(reads, func() (err error) {
			h.Secret, err = r.settled(ctx, h.SecretID)
			h.journal, h.foreign = ReadJournal(h.Metadata)
			return err
		})
	}
	return side(reads...)
}

// listVersions lists the versions of the secrets: of all, or of those that may hold one of this rotation.
func (r *run) listVersions(ctx context.Context, all bool) error {
	var reads []func() error
	for _, h := range r.obs.homes {
		if !all && h.fresh(r.id, r.job.Ref.ID) {
			continue
		}
		reads = append(reads, func() (err error) {
			h.versions, err = r.Vault.Versions(ctx, h.SecretID)
			return err
		})
	}
	return side(reads...)
}

// fresh: as far as the secret itself tells, this rotation has not come to it yet: nothing of it is staged, and CURRENT
// holds the old credential, or one that was there before Keyturn. The journal could have been wiped;
// then Vault refuses the name of the version, which is taken, and the second look lists the versions. A secret with
// many versions is listed, since OCI keeps no more than MaxVersions.
func (h *home) fresh(id credential.RotationID, old string) bool {
	s, c := h.journal.Staged, h.journal.Current
	if s != nil {
		if theirs, _, ok := credential.ParseVersionName(s.Version); !ok || theirs == id {
			return false
		}
	}
	return h.Current > 0 && h.Current < 2*secret.MaxVersions/3 && (c == nil || c.Version == h.Current && c.Credential == old)
}

// overlay adds what this run knows for sure and a list that lags behind may not show yet.
func (r *run) overlay() {
	if r.created != nil && r.obs.credential(r.created.ID) == nil && !r.deleted[r.created.ID] {
		r.obs.credentials = append(r.obs.credentials, *r.created)
	}
	r.obs.credentials = slices.DeleteFunc(r.obs.credentials, func(c credential.Issued) bool { return r.deleted[c.ID] })
}

// settled reads a secret, waiting while an earlier change is still being carried out.
func (r *run) settled(ctx context.Context, id string) (secret.Secret, error) {
	began := r.Clock.Now()
	for pause := firstPause; ; pause = min(2*pause, time.Second) {
		s, err := r.Vault.Secret(ctx, id)
		if err != nil || s.State != secret.Updating {
			return s, err
		}
		if r.Clock.Sleep(ctx, pause) != nil || r.Clock.Now().Sub(began) > settleTime {
			return s, fault.New(fault.Busy, "GetSecret", "the secret stays UPDATING")
		}
	}
}

// load reads the staged value of this attempt back where the rest of the rotation needs it. What this process made and
// nobody has stored yet survives a second look.
func (r *run) load(ctx context.Context) error {
	name := r.id.VersionName(r.attempt)
	h := r.obs.holding(name)
	switch {
	case slices.ContainsFunc(r.obs.homes, r.misnamed): // what is in there is read for something else
		return nil
	case h == nil && r.stagedName != "":
		r.forget()
		return nil
	case h == nil || r.stagedName == name:
		return nil
	case r.finished() && !r.oldAlive(): // nothing needs the value any more
		r.forget()
		r.final = h.credentialOf(name, h.version(name).Number)
		return nil
	}
	number, content, err := r.Vault.Read(ctx, h.SecretID, name)
	if err != nil {
		return fmt.Errorf("reading the staged version back: %w", err)
	}
	m, err := credential.Decode(r.job.Ref.Kind, h.Role, h.credentialOf(name, number), content)
	if err != nil {
		return fault.New(fault.Invalid, "GetSecretBundle", fmt.Sprintf("secret %s, version %s: %v", h.SecretID, name, err))
	}
	if m.ID == "" {
		if m.ID, err = r.identify(h.version(name)); err != nil {
			return err
		}
	}
	r.material, r.stagedName, h.verified = &m, name, true
	if !r.dead() {
		return nil
	}
	if err := r.list(ctx); err != nil {
		return err
	}
	if r.dead() {
		r.attempt++
		r.forget()
	}
	return nil
}

// identify says which credential a version of this rotation holds when neither the journal nor the content does: the
// journal was wiped. If a single living credential has this rotation's mark it is that one, provided that a proof will
// show it. Else a staged version counts as dead (""), but one that consumers read already is for a person to look at.
func (r *run) identify(v *secret.Version) (string, error) {
	marked := r.marked()
	switch {
	case len(marked) == 1 && r.Engine.Prove != ProveOff:
		return marked[0].ID, nil
	case v.Current:
		return "", fault.New(fault.Invalid, "GetSecret", "the secret's metadata was wiped: nobody can tell which credential its CURRENT version holds")
	}
	return "", nil
}

// holding finds a secret that has the version and can tell the value from it.
func (o *observation) holding(name string) *home {
	for _, h := range o.homes {
		if h.Role != credential.RoleAccessKey && h.version(name) != nil {
			return h
		}
	}
	return nil
}

// credentialOf is the id of the credential that a version holds, as the journal knows it.
func (h *home) credentialOf(name string, number int64) string {
	if s := h.journal.Staged; s != nil && s.Version == name {
		return s.Credential
	}
	if c := h.journal.Current; c != nil && c.Version == number {
		return c.Credential
	}
	return ""
}

// dead tells of an attempt whose value is staged, but whose credential is gone (undone, deleted by hand, or made by
// somebody who came too late). It is over: it must never be promoted, and the next attempt has the next number. An
// API key is written ahead: until it is promoted, one without its credential is just not uploaded yet.
func (r *run) dead() bool {
	ahead := r.job.Ref.Kind == credential.APIKey && !r.finished() && r.stored() != StoredPromotedIn
	return !ahead && r.obs.credential(r.material.ID) == nil
}

// forget drops the value that this run has in hand.
func (r *run) forget() { r.material, r.stagedName = nil, "" }

// findAttempt sets the number of the attempt to go on with: the newest one that is known, or the one after it if
// that was undone.
func (r *run) findAttempt() {
	newest, undone := 0, ""
	see := func(name string) bool {
		id, n, ok := credential.ParseVersionName(name)
		if ok = ok && id == r.id && n >= newest; ok && n > newest {
			newest, undone = n, ""
		}
		return ok
	}
	for _, h := range r.obs.homes {
		for _, v := range h.versions {
			see(v.Name)
		}
		if s := h.journal.Staged; s != nil && see(s.Version) && s.Phase == PhaseUndone {
			undone = s.Credential
		}
	}
	if r.undone = undone; undone != "" {
		newest++
	}
	r.attempt = max(newest, 1)
}
