package sweep

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"time"

	"github.com/keyturn/keyturn/pkg/outcome"
	"github.com/keyturn/keyturn/pkg/vault"
)

// notesKey is the key of a secret's metadata under which the sweep keeps its notes: one JSON text.
const notesKey = "keyturn-reported"

// again is after how many days a finding that has not changed is reported once more.
const again = 7

// notes is what sweeps have mailed, by what it was about. They are kept in the metadata of the bound secrets, where the
// sweep reads them anyway: a note about a credential in the secret that is bound to its user and kind, any other in the
// notebook, the secret with the smallest OCID. Notes can be wiped without harm: the finding is mailed once more.
type notes map[string]note

// note says when a finding was mailed, and in which state.
type note struct {
	On    string `json:"on"`    // the day, such as 2026-01-31
	State string `json:"state"` // a hash
	// Lasting findings need a person, and are gone once a sweep doesn't find them any more. Others may come and go.
	Lasting bool `json:"lasting,omitempty"`
}

// item is one finding as the notes know it.
type item struct {
	about string // a hash
	note  note
	kind  string // whose credential it is about: the kind and the user; both empty for anything else
	user  string
}

// hashOf shortens a text to a hash.
func hashOf(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:6])
}

func itemOf(o outcome.Outcome, on time.Time) item {
	return item{about: hashOf(o.About()), kind: o.Kind, user: o.UserID,
		note: note{On: day(on), State: hashOf(o.State()), Lasting: o.Status == outcome.Refused}}
}

func itemOfFinding(f outcome.Finding, on time.Time) item {
	return item{about: hashOf(f.About), note: note{On: day(on), State: hashOf(f.State)}}
}

func day(t time.Time) string { return t.UTC().Format(time.DateOnly) }

// old reports whether a note is from so long ago, or so unreadable, that its finding is due again.
func (n note) old(now time.Time) bool {
	on, err := time.Parse(time.DateOnly, n.On)
	today, _ := time.Parse(time.DateOnly, day(now))
	return err != nil || on.After(today) || today.Sub(on) >= again*24*time.Hour
}

// reported tells whether a finding has been mailed in this state within the last days.
func (n notes) reported(i item, now time.Time) bool {
	was, ok := n[i.about]
	return ok && was.State == i.note.State && !was.old(now)
}

// notesOf reads the notes out of a secret's metadata. What can't be read counts as none: its finding is mailed again.
func notesOf(m vault.Metadata) notes {
	text, err := m.Text(notesKey)
	var n notes
	if err != nil || json.Unmarshal([]byte(text), &n) != nil {
		return nil
	}
	return n
}

// into returns the metadata with the notes in it, an empty text where there are none; every other byte stays.
func (n notes) into(m vault.Metadata) (vault.Metadata, error) {
	text := ""
	if len(n) > 0 {
		encoded, err := json.Marshal(n)
		if err != nil { // strings always encode
			panic("sweep: encoding the notes: " + err.Error())
		}
		text = string(encoded)
	}
	return m.With(notesKey, text)
}

// after returns the notes with the items that were mailed, and without those that are old; if the sweep has looked at
// everything, without the lasting ones that it didn't find.
func (n notes) after(mailed []item, found map[string]bool, whole bool, now time.Time) notes {
	out := notes{}
	for about, was := range n {
		if !was.old(now) && (found[about] || !whole || !was.Lasting) {
			out[about] = was
		}
	}
	for _, i := range mailed {
		out[i.about] = i.note
	}
	return out
}
