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

// journalKey is the key of the journal in the secret's metadata. Its value is a JSON text.
const journalKey = "keyturn"

// Journal records, in a secret's metadata, the rotations that wrote to the secret. The request that changes the content
// or the stage also writes the journal, under the same if-match, so that the two always agree. It holds no values.
//
// Losing the journal (to Terraform or a manual edit) is harmless: a staged version that nothing identifies is never
// promoted.
type Journal struct {
	Role    credential.Role `json:"role,omitempty"`  // the part of the credential that the secret holds
	Owner   string          `json:"owner,omitempty"` // kind and user; see OwnerOf
	Staged  *Staged         `json:"staged,omitempty"`
	Current *Holder         `json:"current,omitempty"`
	Retire  Overlaps        `json:"retire,omitempty"`
}

// Staged is the current attempt of a rotation.
type Staged struct {
	Version    string     `json:"version"` // name of the secret version
	Phase      Phase      `json:"phase"`
	Old        string     `json:"old"`                  // id of the credential that is too old
	Credential string     `json:"credential,omitempty"` // id of the new credential
	GivenUp    bool       `json:"given_up,omitempty"`   // the old one is deleted before the new one is CURRENT
	Problem    string     `json:"problem,omitempty"`    // OCID of the Cloud Guard problem whose closure ordered it
	Over       int64      `json:"over,omitempty"`       // number of the CURRENT version that the maker first saw
	Maker      string     `json:"maker"`
	At         *time.Time `json:"at,omitempty"` // server's clock
	Secrets    Secrets    `json:"secrets,omitempty"`
}

// Secrets are the OCIDs of all secrets of a rotation. Each journal lists all of them: a rotation that is resumed with
// only some of its secrets would leave parts of different credentials.
type Secrets map[credential.Role]string

// Phase is the progress of an attempt.
type Phase string

// The phases of an attempt.
const (
	PhaseIntent Phase = "intent" // an action that can't be undone is announced
	PhaseStaged Phase = "staged" // the version is PENDING
	PhaseUndone Phase = "undone" // fenced: the version must never be promoted
)

// Holder says which credential the version holds. It is outdated if another version is CURRENT.
type Holder struct {
	Version    int64  `json:"version"`
	Credential string `json:"credential"`
}

// Retired is an old credential that still exists alongside the new one, or that is being deleted.
type Retired struct {
	Credential string    `json:"credential"`
	After      time.Time `json:"after"`
	// Set is when After was written. A later closure that gives a grace period replaces it.
	Set     *time.Time `json:"set,omitempty"`
	Problem string     `json:"problem,omitempty"` // OCID of the Cloud Guard problem whose closure ordered it
	Secrets Secrets    `json:"secrets,omitempty"`
	Begun   *time.Time `json:"begun,omitempty"` // when a delivery claimed the deletion
	Maker   string     `json:"maker,omitempty"` // that delivery
}

// Overlaps has one entry for each old credential: a rotation may begin during the overlap of the previous one.
type Overlaps []Retired

// UnmarshalJSON also accepts the single object that older versions of Keyturn wrote.
func (o *Overlaps) UnmarshalJSON(text []byte) error {
	var one Retired
	if err := json.Unmarshal(text, &one); err == nil {
		*o = nil
		if one.Credential != "" {
			*o = Overlaps{one}
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

// With returns the entries with r in place of the entry of the same credential.
func (o Overlaps) With(r Retired) Overlaps { return append(o.Without(r.Credential), r) }

// Without returns the entries without the one of the credential.
func (o Overlaps) Without(id string) Overlaps {
	return slices.DeleteFunc(slices.Clone(o), func(r Retired) bool { return r.Credential == id })
}

// Duty is work that a journal says is left to do. It is only a hint, since other users may write to the secret. The
// problem's record says whether it was ordered.
type Duty struct {
	Old     string // id of the credential that is too old
	Problem string // OCID of its problem; empty in a journal of an older version
}

// Due lists the work that is left: an unfinished attempt whose maker can't be running any more, and each overlap that
// is over.
func (j Journal) Due(now time.Time) (due []Duty) {
	s := j.Staged
	if s != nil && s.Old != "" && s.Phase != PhaseUndone && (s.At == nil || now.Sub(*s.At) >= MakerLife) {
		due = append(due, Duty{s.Old, s.Problem})
	}
	for _, r := range j.Retire {
		if !now.Before(r.After) && (r.Begun == nil || now.Sub(*r.Begun) >= MakerLife) {
			due = append(due, Duty{r.Credential, r.Problem})
		}
	}
	return due
}

// OwnerOf is the journal's name for the kind and the user of a credential.
func OwnerOf(r credential.Ref) string { return string(r.Kind) + " " + r.User }

// Credentials returns the ids of the credentials that the journal mentions, each once.
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

// JournalOf reads the journal from a secret's metadata, as ReadJournal does. It returns an empty one on an error.
func JournalOf(metadata vault.Metadata) Journal {
	j, err := ReadJournal(metadata)
	if err != nil {
		return Journal{}
	}
	return j
}

// ReadJournal reads the journal from a secret's metadata. A missing journal is an empty one. The error says that
// something else is under its key, which must not be overwritten.
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

// Write returns the metadata with the journal. Everything else stays, byte for byte. It returns an error if that is not
// possible, or if other data is under the journal's key.
func (j Journal) Write(metadata vault.Metadata) (vault.Metadata, error) {
	if _, err := ReadJournal(metadata); err != nil {
		return nil, err
	}
	return metadata.With(journalKey, j.text())
}

// stagedEntry returns the journal entry of secret i for the attempt.
func (r *run) stagedEntry(c Case, i int, p Phase) *Staged {
	at := c.serverNow.UTC().Truncate(time.Second)
	e := &Staged{Version: c.Version, Phase: p, Old: r.job.Ref.ID, Problem: r.job.Problem, Over: r.mem.Found[i],
		Maker: r.mem.Maker, At: &at, Secrets: r.allSecrets()}
	if c.Material != nil {
		e.Credential = c.Material.ID
	}
	if before := r.view(r.snap).announced(); before != nil {
		e.GivenUp = before.GivenUp // the old one needs a successor, even if this attempt fails
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
