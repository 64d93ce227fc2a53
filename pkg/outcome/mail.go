package outcome

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/keyturn/keyturn/pkg/phrase"
)

// Limits of the subject's parts in bytes. The reason gets the bytes that the other parts leave.
const (
	maxThing   = 42
	maxTenancy = 14
)

// Title is the mail's subject: one line of less than 100 bytes. It has the verdict, the credential and its user, the
// reason, and the tenancy.
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
	why = short(why, maxTitle-len(head)-len(tail)-len(" ()")-min(len(thing), maxThing))
	if why != "" {
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

// Body is the mail's text: the result, the reason, what to do, and then the facts. Notifications sends plain text only.
// Lines are short, except those that the reader copies.
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

// steps writes what to do next; at least that there is nothing to do.
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
		m.line(o.defaultSteps())
	}
}

// defaultSteps is what to do if the outcome has neither a remedy nor tasks.
func (o Outcome) defaultSteps() string {
	switch o.Status {
	case Rotated, Already:
		return "Nothing."
	case DryRun:
		return "Close the problem again, without a dry run, to rotate the credential."
	case Unfinished:
		return "Nothing for now. If no further mail comes within two hours, read the log lines."
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
		return thing + " is not rotated yet.\nNothing is lost: another delivery or the sweep continues from here."
	}
	switch {
	case o.inPlace():
		return "A new " + strings.TrimPrefix(thing, "The ") + " is CURRENT in Vault, but the rotation is not complete."
	case o.Changed:
		return thing + " was not rotated."
	}
	return thing + " was not rotated. Nothing was changed."
}

// inPlace reports whether consumers already read the new value.
func (o Outcome) inPlace() bool {
	waits := slices.ContainsFunc(o.Secrets, func(s Secret) bool { return !s.Current })
	return !waits && len(o.Secrets) > 0 && o.NewID != ""
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
		} else { // the stage is not wrapped
			m.line("- " + s.name() + ":")
			m.line("  " + s.stage())
		}
		m.line("  " + s.ID)
		if owner := oneLine(s.Owner); owner != "" {
			m.line("  Owner: " + phrase.Clip(owner, maxText))
		}
		if s.Topic != "" {
			m.line("  This mail was also sent to:")
			m.line("  " + s.Topic)
		}
	}
}

// state is the secret's name and stage.
func (s Secret) state() string { return s.name() + ": " + s.stage() }

func (s Secret) name() string {
	return fmt.Sprintf("%s (%s)", phrase.Clip(cmp.Or(oneLine(s.Name), "secret"), maxText), s.Holds)
}

// stage describes the rotation's version by Vault's stage.
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
		state = version + " has the new value but is not CURRENT"
	}
	return state
}

// problem writes all that the tutorial's mail has, each fact once.
func (o Outcome) problem(m *mail) {
	m.head("Problem")
	m.pair("Name", o.ProblemName)
	m.pair("Rule", o.Rule)
	m.pair("Risk", o.Risk)
	m.pair("Event", stamp(o.EventTime))
	m.pair("Closed by", o.ClosedBy)
	m.pair("Closed at", stamp(o.ClosedAt))
	m.long("Comment", o.Comment)
	m.pairOnce("User", o.UserName)
	m.pairOnce("User OCID", o.UserID)
	m.pairOnce("Resource", o.ResourceName)
	m.pairOnce("Resource id", o.ResourceID)
	m.pairOnce("Tenancy", o.TenancyName)
	m.pairOnce("Tenancy OCID", o.TenancyID)
	m.pairOnce("Problem OCID", o.ProblemID)
}

// reference writes the links to the Console, the runbook and the log.
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
	m.copied("Log lines", cmp.Or(o.Search, o.manualSearch()))
	m.pair("Rotation", o.Rotation)
	m.pair("Call", o.CallID)
	m.pair("Version", o.Version)
}

// manualSearch says what to search for if the log's location is not known.
func (o Outcome) manualSearch() string {
	if o.CallID == "" {
		return ""
	}
	return "search the function's log for " + oneLine(o.CallID)
}

// Runbooks is the address of docs/runbooks. The stack's alarms have the same.
const Runbooks = "https://github.com/keyturn/keyturn/blob/main/docs/runbooks/"

// Runbook is the file name of the runbook about this outcome.
func (o Outcome) Runbook() string {
	return "mail-" + strings.ToLower(strings.ReplaceAll(o.verdict(), " ", "-")) + ".md"
}
