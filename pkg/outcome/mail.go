package outcome

import (
	"cmp"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/keyturn/keyturn/pkg/phrase"
)

// How the subject's bytes are shared: what came of it always fits, and the reason has what the others leave.
const (
	maxThing   = 42
	maxTenancy = 14
)

// Title is the mail's subject: one line of less than 100 bytes. It says what came of it, for whom, why, and in which
// tenancy.
func (o Outcome) Title() string {
	head := "Keyturn | " + o.verdict() + ": "
	thing := cmp.Or(o.Noun, "credential")
	if name := cmp.Or(oneLine(o.UserName), oneLine(o.UserID)); name != "" {
		thing += " of " + name
	}
	thing, tail := oneLine(thing), ""
	if name := oneLine(o.TenancyName); name != "" {
		tail = " | " + phrase.Clip(name, maxTenancy)
	}
	why := ""
	if o.Status != Rotated && o.Status != DryRun {
		why = cmp.Or(o.Brief, o.Reason)
	}
	if why = short(why, maxTitle-len(head)-len(tail)-len(" ()")-min(len(thing), maxThing)); why != "" {
		tail = " (" + why + ")" + tail
	}
	return head + phrase.Clip(thing, maxTitle-len(head)-len(tail)) + tail
}

// verdict is the subject's first word. docs/runbooks has a page for each.
func (o Outcome) verdict() string {
	switch o.Status {
	case Rotated:
		return "Rotated"
	case Already:
		return "Nothing to do"
	case DryRun:
		return "Dry run"
	case Unfinished:
		return "NOT FINISHED"
	}
	if o.Status == Refused && o.inPlace() {
		return "NOT COMPLETE"
	}
	return "NOT ROTATED"
}

// Body is the mail's text: what came of it, why, what to do, and then the facts. It is plain text, since Notifications
// renders nothing else, in short lines. What is to be copied is never broken.
func (o Outcome) Body() string {
	var m mail
	m.line(o.headline())
	if o.Reason != "" && o.Status != Rotated {
		m.line("Why: " + sentence(phrase.Clip(oneLine(o.Reason), maxReason)))
	}
	switch {
	case o.Reopened:
		m.line("The problem is open again in Cloud Guard.")
	case o.StillClosed:
		m.line("The problem is still closed: it could not be re-opened in Cloud Guard.")
	}
	m.head("What to do")
	o.steps(&m)
	if len(o.Plan) > 0 {
		m.head("What would be done")
		m.list(o.Plan)
	}
	o.credential(&m)
	o.secrets(&m)
	if len(o.Slots) > 0 {
		m.head("The user's " + o.Noun + "s")
		m.list(o.Slots)
	}
	if len(o.Notes) > 0 {
		m.head("Please note")
		m.list(o.Notes)
	}
	o.problem(&m)
	o.reference(&m)
	return phrase.Clip(m.String(), maxBody)
}

// steps says what to do next. There is always something to say, be it that nothing has to be done.
func (o Outcome) steps(m *mail) {
	var remedy []string
	for l := range strings.Lines(phrase.Clip(strings.TrimSpace(o.Remedy), maxReason)) {
		remedy = append(remedy, printable(strings.TrimRight(l, "\r\n")))
	}
	if len(remedy) > 0 {
		m.line(strings.Join(remedy, "\n"))
	}
	m.tasks(o.Todo)
	if len(remedy) == 0 && len(o.Todo) == 0 {
		m.line(o.otherwise())
	}
}

// otherwise is what to do where nothing more exact is known.
func (o Outcome) otherwise() string {
	switch o.Status {
	case Rotated, Already:
		return "Nothing."
	case DryRun:
		return "Close the problem again, without a dry run, to rotate the credential."
	case Unfinished:
		return "Nothing, unless no further mail comes within two hours. Then read the log lines."
	}
	return "Read the log lines. Fix the cause, then close the problem again with the same comment."
}

func (o Outcome) headline() string {
	thing := "The " + cmp.Or(o.Noun, "credential")
	if name := oneLine(o.UserName); name != "" {
		thing += " of " + phrase.Clip(name, maxText)
	}
	switch o.Status {
	case Rotated:
		return thing + " was rotated."
	case Already:
		return thing + " was not changed: there was nothing left to do."
	case DryRun:
		return "Dry run: " + lowerFirst(thing) + " would be rotated. Nothing was changed."
	case Unfinished:
		return thing + " is not rotated yet.\nNothing is lost: another delivery, or the sweep, continues from here."
	}
	switch {
	case o.inPlace():
		return "A new " + strings.TrimPrefix(thing, "The ") + " is CURRENT in Vault, but the rotation is not complete."
	case o.Changed:
		return thing + " was not rotated."
	}
	return thing + " was not rotated. Nothing was changed."
}

// inPlace: consumers already read the new value, whatever went wrong afterwards.
func (o Outcome) inPlace() bool {
	for _, s := range o.Secrets {
		if !s.Current {
			return false
		}
	}
	return len(o.Secrets) > 0 && o.NewID != ""
}

func (o Outcome) credential(m *mail) {
	if o.OldID == "" && o.NewID == "" {
		return
	}
	m.head("Credential")
	m.pair("New "+o.IDNoun, o.NewID)
	m.pair("Old "+o.IDNoun, o.OldID)
	m.pair("The old one", o.OldFate)
	m.pair("Proof", o.Proven)
}

func (o Outcome) secrets(m *mail) {
	if len(o.Secrets) == 0 {
		return
	}
	m.head("Secrets in Vault")
	for _, s := range o.Secrets {
		if line := "- " + s.state(); utf8.RuneCountInString(line) <= maxWidth {
			m.line(line)
		} else { // what is in the secret stays in one piece
			m.line("- " + s.name() + ":")
			m.line("  " + s.stage())
		}
		m.line("  " + s.ID)
		if owner := oneLine(s.Owner); owner != "" {
			m.line("  Owner: " + phrase.Clip(owner, maxText))
		}
	}
}

// state says what is in a secret.
func (s Secret) state() string { return s.name() + ": " + s.stage() }

func (s Secret) name() string {
	return fmt.Sprintf("%s (%s)", phrase.Clip(cmp.Or(oneLine(s.Name), "secret"), maxText), s.Holds)
}

// stage is that of the rotation's version, in Vault's word.
func (s Secret) stage() string {
	version := fmt.Sprintf("version %d", s.Version)
	if s.Version == 0 {
		version = "the new version"
	}
	state := "unchanged"
	switch {
	case s.Current:
		state = version + " is CURRENT"
	case s.Stage == "PENDING":
		state = version + " is PENDING (staged; consumers don't read it yet)"
	case s.Stage != "":
		state = version + " is " + s.Stage + ", no longer CURRENT"
	case s.Version != 0:
		state = version + " has the new value, and is not CURRENT"
	}
	return state
}

// problem is all that the tutorial's mail has, and each fact once.
func (o Outcome) problem(m *mail) {
	m.head("Problem")
	m.pair("Name", o.ProblemName)
	m.pair("Rule", o.Rule)
	m.pair("Risk", o.Risk)
	m.pair("Event", stamp(o.EventTime))
	m.pair("Closed by", o.ClosedBy)
	m.pair("Closed at", stamp(o.ClosedAt))
	m.long("Comment", o.Comment)
	m.once("User", o.UserName)
	m.once("User OCID", o.UserID)
	m.once("Resource", o.ResourceName)
	m.once("Resource id", o.ResourceID)
	m.once("Tenancy", o.TenancyName)
	m.once("Tenancy OCID", o.TenancyID)
	m.once("Problem OCID", o.ProblemID)
}

// reference leads to everything else: the Console, the runbook, the log.
func (o Outcome) reference(m *mail) {
	m.head("Reference")
	m.copied("Problem in the Console", o.Link)
	for _, s := range o.Secrets {
		m.copied("Secret "+phrase.Clip(cmp.Or(oneLine(s.Name), s.Holds), maxWidth/2)+" in the Console", s.Link)
	}
	m.copied("Runbook", Runbooks+o.Runbook())
	if o.StillClosed {
		m.copied("Runbook for a problem that is still closed", Runbooks+"mail-still-closed.md")
	}
	m.copied("Log lines", cmp.Or(o.Search, o.searchByHand()))
	m.pair("Rotation", o.Rotation)
	m.pair("Call", o.CallID)
	m.pair("Version", o.Version)
}

// searchByHand says what to search for where the log's place is not known.
func (o Outcome) searchByHand() string {
	if o.CallID == "" {
		return ""
	}
	return "search the function's log for " + oneLine(o.CallID)
}

// Runbooks is where the pages of docs/runbooks are read, as the stack's alarms name them.
const Runbooks = "https://github.com/keyturn/keyturn/blob/main/docs/runbooks/"

// Runbook is the page about this outcome.
func (o Outcome) Runbook() string {
	return "mail-" + strings.ToLower(strings.ReplaceAll(o.verdict(), " ", "-")) + ".md"
}
