package rotation

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/vault"
)

// journalKey is the key of the secret's metadata under which Keyturn keeps its journal: one JSON text.
const journalKey = "keyturn"

// Journal is what a secret knows of the rotations that wrote to it. OCI changes it together with the content or the
// stage, in one request, and under the same if-match: it never says more than what happened. It holds no values.
//
// It can be wiped (Terraform, by hand) without harm: a staged version that nothing identifies is never promoted.
type Journal struct {
	Role    credential.Role `json:"role,omitempty"`  // what the secret holds
	Owner   string          `json:"owner,omitempty"` // whose credential it is: the kind and the user's OCID
	Staged  *Staged         `json:"staged,omitempty"`
	Current *Holder         `json:"current,omitempty"`
	Retire  Overlaps        `json:"retire,omitempty"`
}

// Staged is the attempt that is under way.
type Staged struct {
	Version    string `json:"version"` // name of the secret version
	Phase      Phase  `json:"phase"`
	Old        string `json:"old"`                  // id of the credential that is too old
	Credential string `json:"credential,omitempty"` // id of the new credential
	GivenUp    bool   `json:"given_up,omitempty"`   // the old one is deleted before the new one is in place
	Problem    string `json:"problem,omitempty"`    // OCID of the Cloud Guard problem whose closure ordered it
	// number of the CURRENT version that the maker has found in the secret
	Over    int64      `json:"over,omitempty"`
	Maker   string     `json:"maker"`
	At      *time.Time `json:"at,omitempty"` // server's clock
	Secrets Secrets    `json:"secrets,omitempty"`
}

// Secrets are the OCIDs of all the secrets of a rotation, by what they hold. Each of them knows all: a rotation that is
// resumed with some of its secrets alone would leave halves that don't belong together.
type Secrets map[credential.Role]string

// Phase is how far the attempt came.
type Phase string

// The phases of an attempt.
const (
	PhaseIntent Phase = "intent" // something that can't be undone is about to be done
	PhaseStaged Phase = "staged" // the version is PENDING
	PhaseUndone Phase = "undone" // taken back: the version must never be promoted
)

// Holder says which credential the CURRENT version holds, as long as its number is the one given.
type Holder struct {
	Version    int64  `json:"version"`
	Credential string `json:"credential"`
}

// Retired is an old credential whose overlap with the new one is running, or that is being deleted.
type Retired struct {
	Credential string    `json:"credential"`
	After      time.Time `json:"after"`
	// Set is when that was written. A closure since then that gives a grace period again gives another one.
	Set     *time.Time `json:"set,omitempty"`
	Problem string     `json:"problem,omitempty"` // OCID of the Cloud Guard problem whose closure ordered it
	Secrets Secrets    `json:"secrets,omitempty"`
	Begun   *time.Time `json:"begun,omitempty"` // when a delivery was about to delete it
	Maker   string     `json:"maker,omitempty"` // that delivery
}

// Overlaps are the old credentials that a secret knows of, one an entry: a rotation may begin while the overlap of the
// one before it still runs.
type Overlaps []Retired

// UnmarshalJSON also takes the single object that an older Keyturn wrote.
func (o *Overlaps) UnmarshalJSON(text []byte) error {
	var one Retired
	if err := json.Unmarshal(text, &one); err == nil {
		if *o = (Overlaps{one}); one.Credential == "" {
			*o = nil
		}
		return nil
	}
	return json.Unmarshal(text, (*[]Retired)(o))
}

// Of returns the entry of an old credential; nil if there is none.
func (o Overlaps) Of(id string) *Retired {
	if i := slices.IndexFunc(o, func(r Retired) bool { return r.Credential == id }); i >= 0 {
		return &o[i]
	}
	return nil
}

// With returns the entries with this one in place of that of the same credential.
func (o Overlaps) With(r Retired) Overlaps { return append(o.Without(r.Credential), r) }

// Without returns the entries without that of a credential.
func (o Overlaps) Without(id string) Overlaps {
	return slices.DeleteFunc(slices.Clone(o), func(r Retired) bool { return r.Credential == id })
}

// Duty is something that a journal says is left to do. It is a hint, as everything in a secret is: who may write to the
// secret may have written it. The problem's own record says whether it was ordered, and what.
type Duty struct {
	Old     string // id of the credential that is too old
	Problem string // OCID of its problem; empty in a journal of an older Keyturn
}

// Due lists what is left to do: an attempt that was left half-way by somebody who can't be at work any more, and each
// overlap that is over.
func (j Journal) Due(now time.Time) (due []Duty) {
	if s := j.Staged; s != nil && s.Old != "" && s.Phase != PhaseUndone &&
		(s.At == nil || now.Sub(*s.At) >= MakerLife) {
		due = append(due, Duty{s.Old, s.Problem})
	}
	for _, r := range j.Retire {
		if !now.Before(r.After) && (r.Begun == nil || now.Sub(*r.Begun) >= MakerLife) {
			due = append(due, Duty{r.Credential, r.Problem})
		}
	}
	return due
}

// OwnerOf is how a journal names whose credential a secret holds.
func OwnerOf(r credential.Ref) string { return string(r.Kind) + " " + r.User }

// Credentials are the ids of the credentials that the journal mentions, each once.
func (j Journal) Credentials() []string {
	var ids []string
	if j.Staged != nil {
		ids = append(ids, j.Staged.Credential, j.Staged.Old)
	}
	if j.Current != nil {
		ids = append(ids, j.Current.Credential)
	}
	for _, r := range j.Retire {
		ids = append(ids, r.Credential)
	}
	slices.Sort(ids)
	return slices.DeleteFunc(slices.Compact(ids), func(id string) bool { return id == "" })
}

// OtherOwner returns the owner that the journal in a secret's metadata names, if that is not the owner of the
// credential; else "".
func OtherOwner(metadata vault.Metadata, ref credential.Ref) string {
	if other := JournalOf(metadata).Owner; other != OwnerOf(ref) {
		return other
	}
	return ""
}

// JournalOf reads the journal out of a secret's metadata. Something that isn't one counts as none; see ReadJournal.
func JournalOf(metadata vault.Metadata) Journal {
	j, err := ReadJournal(metadata)
	if err != nil {
		return Journal{}
	}
	return j
}

// ReadJournal reads the journal out of a secret's metadata. Where nothing is in its place there is none. The error says
// that something is there that is no journal: it belongs to somebody else, and must not be written over.
func ReadJournal(metadata vault.Metadata) (Journal, error) {
	text, err := metadata.Text(journalKey)
	if err != nil || strings.TrimSpace(text) == "" {
		return Journal{}, err
	}
	var j Journal
	if json.Unmarshal([]byte(text), &j) != nil {
		return Journal{}, fmt.Errorf("the member %q of the metadata is not a journal of Keyturn", journalKey)
	}
	return j, nil
}

func (j Journal) text() string {
	text, err := json.Marshal(j)
	if err != nil { // strings, numbers and times always encode
		panic("rotation: encoding the journal: " + err.Error())
	}
	return string(text)
}

// Into returns the metadata with the journal in it, and everything else as it was; none, where Write refuses them.
func (j Journal) Into(metadata vault.Metadata) vault.Metadata {
	out, err := j.Write(metadata)
	if err != nil {
		return nil
	}
	return out
}

// Write puts the journal into the metadata. Everything else stays, byte for byte; metadata that can't be kept so, or
// with somebody else's data in the journal's place, are refused.
func (j Journal) Write(metadata vault.Metadata) (vault.Metadata, error) {
	if _, err := ReadJournal(metadata); err != nil {
		return nil, err
	}
	return metadata.With(journalKey, j.text())
}

// entry is what the journal of each secret says of an attempt in a phase.
func (r *run) entry(c Case, i int, p Phase) *Staged {
	at := c.serverNow.UTC().Truncate(time.Second)
	e := &Staged{Version: c.Version, Phase: p, Old: r.job.Ref.ID, Problem: r.job.Problem, Over: r.mem.Found[i],
		Maker: r.mem.Maker, At: &at, Secrets: r.allSecrets()}
	if c.Material != nil {
		e.Credential = c.Material.ID
	}
	if before := r.view(r.snap).announced(); before != nil {
		e.GivenUp = before.GivenUp // whatever becomes of this attempt, the old one needs a successor
	}
	return e
}

func (r *run) allSecrets() Secrets {
	all := Secrets{}
	for _, t := range r.job.Secrets {
		all[t.Role] = t.SecretID
	}
	return all
}
