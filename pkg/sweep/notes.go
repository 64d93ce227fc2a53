package sweep

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"time"

	"github.com/keyturn/keyturn/pkg/outcome"
	"github.com/keyturn/keyturn/pkg/vault"
)

// notesKey is the key of the sweep's notes in a secret's metadata. Its value is a JSON text.
const notesKey = "keyturn-reported"

// repeatDays is after how many days an unchanged finding is mailed again.
const repeatDays = 7

// notes are the findings that sweeps have mailed, by item.about. They are stored in the metadata of the bound secrets,
// which the sweep reads anyway: a note about a credential in the secret bound to its user and kind, any other in the
// notebook, the secret with the smallest OCID. If notes are lost, their findings are mailed again.
type notes map[string]note

// note says when a finding was mailed, and in what state.
type note struct {
	On    string `json:"on"`    // the day, such as 2026-01-31
	State string `json:"state"` // a hash
	// Lasting findings need a person, and are over once a sweep doesn't find them. Others may come and go.
	Lasting bool `json:"lasting,omitempty"`
}

// item is a finding as the notes record it.
type item struct {
	about string // a hash
	note  note
	kind  string // kind and user of the credential; both empty if the finding is about something else
	user  string
}

// hashOf returns a short hash of a text.
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

// expired reports whether a note is so old that its finding is mailed again. A note with an invalid day is expired.
func (n note) expired(now time.Time) bool {
	on, err := time.Parse(time.DateOnly, n.On)
	today, _ := time.Parse(time.DateOnly, day(now))
	return err != nil || on.After(today) || today.Sub(on) >= repeatDays*24*time.Hour
}

// reported reports whether the finding was mailed in this state within repeatDays.
func (n notes) reported(i item, now time.Time) bool {
	was, ok := n[i.about]
	return ok && was.State == i.note.State && !was.expired(now)
}

// notesOf reads the notes from a secret's metadata. Unreadable notes count as none.
func notesOf(m vault.Metadata) notes {
	text, err := m.Text(notesKey)
	var n notes
	if err != nil || json.Unmarshal([]byte(text), &n) != nil {
		return nil
	}
	return n
}

// into returns the metadata with the notes, or with an empty text if there are none. Every other byte stays.
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

// after returns the notes with the mailed items, and without the expired ones. If the sweep was complete, it also drops
// the lasting ones that it didn't find.
func (n notes) after(mailed []item, found map[string]bool, complete bool, now time.Time) notes {
	out := notes{}
	for about, was := range n {
		if !was.expired(now) && (found[about] || !complete || !was.Lasting) {
			out[about] = was
		}
	}
	for _, i := range mailed {
		out[i.about] = i.note
	}
	return out
}
