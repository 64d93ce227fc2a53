package outcome

import (
	"bytes"
	"encoding/json"
	"time"

	"github.com/keyturn/keyturn/pkg/phrase"
)

// maxMessage is the largest request of a message in bytes. Notifications accepts 64 KB. The request is JSON with the
// record as a string, so each quotation mark of the record takes two bytes.
const maxMessage = 60 << 10

// line is the record line as docs/record.schema.json describes it.
type line struct {
	Level    string    `json:"level"`
	Function string    `json:"function"`
	Time     time.Time `json:"time"`
	CallID   string    `json:"call_id"`
	Schema   string    `json:"schema"`
	Record   Outcome   `json:"record"`
	Message  string    `json:"message"`
}

// Message returns the outcome's record for programs: the title is the outcome, and the body the record line of the log,
// valid JSON by docs/record.schema.json. A record that is too large for Notifications loses its steps first, then its
// lists, and then the ends of its texts. Function is rotate or sweep.
func (o Outcome) Message(function string, at time.Time) (title, body string) {
	title = string(o.Status)
	l := line{Level: o.level().String(), Function: function, Time: at.UTC().Truncate(time.Second), CallID: o.CallID,
		Schema: Schema, Record: o, Message: "outcome"}
	for _, shorten := range shortenings {
		body = l.text()
		if fits(title, body) {
			return title, body
		}
		l.Record.Shortened = true
		shorten(&l.Record)
	}
	return title, l.text()
}

// shortenings make a record smaller, one after the other. After the last one it fits.
var shortenings = []func(*Outcome){
	func(o *Outcome) { o.Steps = nil },
	func(o *Outcome) { o.Slots, o.Plan = nil, nil },
	func(o *Outcome) { o.Notes = nil },
	func(o *Outcome) { o.Todo = nil },
	func(o *Outcome) {
		o.Remedy, o.Reason = phrase.Clip(o.Remedy, maxReason), phrase.Clip(o.Reason, maxReason)
		o.Comment, o.OldFate = phrase.Clip(o.Comment, maxText), phrase.Clip(o.OldFate, maxText)
	},
	func(o *Outcome) {
		*o = Outcome{Status: o.Status, Reason: phrase.Clip(o.Reason, maxText), Changed: o.Changed, Kind: o.Kind,
			Rotation: o.Rotation, Attempt: o.Attempt, ProblemID: phrase.Clip(o.ProblemID, maxText), Began: o.Began,
			TookMS: o.TookMS, CallID: o.CallID, Version: o.Version, Shortened: true}
	},
}

// text is the line as JSON.
func (l line) text() string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(l); err != nil { // every field can be encoded
		panic("outcome: encoding a record: " + err.Error())
	}
	return string(bytes.TrimSuffix(b.Bytes(), []byte("\n")))
}

// fits reports whether Notifications accepts a message.
func fits(title, body string) bool {
	request, err := json.Marshal(map[string]string{"title": title, "body": body})
	return err == nil && len(request) <= maxMessage
}
