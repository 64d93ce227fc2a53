package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/inventory"
	"github.com/keyturn/keyturn/pkg/phrase"
	"github.com/keyturn/keyturn/pkg/rotation"
)

// The values of Row.State.
const (
	StateOK       = "ok"
	StateSoon     = "soon" // too old in SoonBefore or less
	StateOld      = "old"
	StateNotKnown = "not known" // OCI doesn't say when it was made
)

// The values of Row.Administrator. NotKnownText is also that of Row.UserState.
const (
	Yes          = "yes"
	No           = "no"
	NotKnownText = "not known"
)

// SoonBefore is how long before its limit a credential counts as soon too old.
const SoonBefore = 14 * 24 * time.Hour

// Secret is a secret that is bound to the user and the kind of a credential.
type Secret struct {
	Name, ID string
	Role     credential.Role
	Journal  rotation.Journal
}

// Facts are what is known about a credential besides its entry in a list.
type Facts struct {
	Now           time.Time
	Limit         time.Duration // the age at which it is too old
	UserState     string        // lifecycle state; "" if it isn't known
	Administrator string        // Yes, No, or NotKnownText
	MayNot        bool          // the user may not have credentials of the kind
	NoConsole     bool          // the user may not have a console password
	Exemptions    []Exemption   // of the user
	Secrets       []Secret
	Problem       string // OCID of the open problem about it
}

// Judge returns the row of a credential. It is a pure function.
func Judge(e inventory.Entry, f Facts) Row {
	r := Row{Kind: e.Kind, ID: e.ID, Domain: domainName(e.Domain), User: e.User, UserName: cmp.Or(e.UserName, e.User),
		UserState:     cmp.Or(f.UserState, NotKnownText),
		Administrator: cmp.Or(f.Administrator, NotKnownText), Description: e.Description, AgeDays: -1,
		Problem: f.Problem, State: StateNotKnown}
	if !e.Expires.IsZero() {
		r.Expires = new(e.Expires.UTC())
	}
	if !e.Created.IsZero() {
		created, due := e.Created.UTC(), e.Created.UTC().Add(f.Limit)
		r.Created, r.Due = &created, &due
		r.AgeDays = max(0, int(f.Now.Sub(created)/(24*time.Hour)))
		switch {
		case !f.Now.Before(due):
			r.State = StateOld
		case due.Sub(f.Now) <= SoonBefore:
			r.State = StateSoon
		default:
			r.State = StateOK
		}
	}
	for _, s := range f.Secrets {
		r.Secrets = append(r.Secrets, s.Name)
	}
	slices.Sort(r.Secrets)
	r.Rotation = progress(e, f.Secrets)
	exempt, flaw := exemptionOf(f.Exemptions, e.Kind)
	if exempt != nil {
		r.Exempt = exempt.String()
	}
	r.ExemptFlaw = flaw
	r.Advice = advise(e, f, r)
	return r
}

// domainName is the name of a domain in a row.
func domainName(d credential.Domain) string {
	if d.Default || d.ID == "" && d.Name == "" {
		return "Default"
	}
	return cmp.Or(d.Name, d.ID)
}

// progress says what the journals of the bound secrets say about the credential: "" if nothing.
func progress(e inventory.Entry, secrets []Secret) string {
	for _, s := range secrets {
		j := s.Journal
		if held := j.Retire.Of(e.ID); held != nil {
			if held.Begun != nil {
				return "being deleted since " + day(*held.Begun)
			}
			return "old credential until " + day(held.After)
		}
		staged := j.Staged
		if staged == nil || staged.Phase == rotation.PhaseUndone {
			continue
		}
		switch {
		case staged.Credential == e.ID && e.ID != "":
			return "new credential of a rotation that is half-way"
		case staged.Old == e.ID, e.Kind.Origin() == credential.Reset:
			return "half-way: " + string(staged.Phase) + since(staged.At)
		}
	}
	return ""
}

func since(t *time.Time) string {
	if t == nil {
		return ""
	}
	return " since " + day(*t)
}

func day(t time.Time) string { return t.UTC().Format(time.DateOnly) }

// advise returns what to do, the most important first.
func advise(e inventory.Entry, f Facts, r Row) string {
	text := adviseBare(e, f, r)
	if r.ExemptFlaw != "" && r.State != StateOK {
		text = strings.TrimSpace(text + " Its exemption doesn't count: " + r.ExemptFlaw + ".")
	}
	return text
}

func adviseBare(e inventory.Entry, f Facts, r Row) string {
	useless := useless(e, f)
	switch {
	case r.Exempt != "":
		return "Exempt: " + r.Exempt + "."
	case r.Rotation != "":
		return "Keyturn is rotating it. See keyturn status."
	case useless != "":
		return "Delete it: " + useless + "."
	case e.Kind == signingKey && f.Administrator == Yes:
		return "Remove it: CIS 1.12 wants no API key of an administrator. Use oci session authenticate instead."
	}
	if signal := machine(e, f); signal != "" {
		return "Use an instance or workload principal instead, then delete it: " + signal + "."
	}
	switch {
	case r.State == StateNotKnown:
		return "Check its age in the Console: OCI doesn't say when it was made."
	case r.State == StateOK:
		return ""
	case !e.Kind.Rotates():
		return byHand(e.Kind)
	case len(f.Secrets) > 0 && f.Problem != "":
		return fmt.Sprintf("Run keyturn rotate %s %s, or close its problem with the comment %s.", shell(r.UserName),
			e.Kind, comment(e.Kind, f.Secrets))
	case len(f.Secrets) > 0 && r.State == StateOld:
		return "Bound. Cloud Guard has no open problem for it: rotate it manually, or wait for the problem."
	case len(f.Secrets) > 0:
		return ""
	case e.Kind.Origin() == credential.Reset && f.Problem != "":
		return fmt.Sprintf("Run keyturn rotate %s %s, or close its problem with the comment rotate:yes.",
			shell(r.UserName), e.Kind)
	case e.Kind.Origin() == credential.Reset:
		return "Ask the user to change it."
	}
	return fmt.Sprintf("Bind its secret: keyturn bind %s %s.", shell(r.UserName), e.Kind)
}

// useless says why nobody can use the credential; "" if someone may. That OCI has no trace of a use is no reason: OCI
// doesn't record every use.
func useless(e inventory.Entry, f Facts) string {
	switch {
	case f.UserState == "INACTIVE" || f.UserState == "DELETED" || f.UserState == "DELETING":
		return "its user is " + f.UserState
	case f.MayNot:
		return "its user may not have " + e.Kind.One()
	case !e.Expires.IsZero() && f.Now.After(e.Expires):
		return "it expired on " + day(e.Expires)
	case e.Inactive:
		return "it is INACTIVE"
	}
	return ""
}

// machines are words in the names of users that run on OCI, where a principal needs no key.
var machines = []string{"instance", "instances", "compute", "oke", "node", "nodepool", "vm", "functions", "kubelet"}

// machine says by which signal an API key is that of a machine on OCI; "" if that isn't clear. Both have to fit: a word
// in the user's name, and that the user may not have a console password.
func machine(e inventory.Entry, f Facts) string {
	if e.Kind != signingKey || !f.NoConsole {
		return ""
	}
	_, name, found := strings.Cut(e.UserName, "/")
	if !found {
		name = e.UserName
	}
	name, _, _ = strings.Cut(name, "@")
	for word := range strings.FieldsFuncSeq(strings.ToLower(name), func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9')
	}) {
		if slices.Contains(machines, word) {
			return fmt.Sprintf("the name of its user has the word %q, and the user may not sign in", word)
		}
	}
	return ""
}

// byHand is how to replace a credential that Keyturn doesn't rotate.
func byHand(k credential.Kind) string {
	switch k {
	case credential.DatabasePassword:
		return "Keyturn doesn't rotate it. The user sets a new one: Console, My profile, Database passwords."
	case credential.SMTPCredential:
		return "Keyturn doesn't rotate it. Make a second one, change the mail clients, delete this one."
	}
	return "Keyturn doesn't rotate it. Make a new " + k.Noun() + ", change its consumers, delete this one."
}

// comment is the closure comment that names the secrets.
func comment(k credential.Kind, secrets []Secret) string {
	var items []string
	for _, s := range secrets {
		if key := cmp.Or(s.Role, k.DefaultRole()).Key(); key != "" {
			items = append(items, key+":"+s.ID)
		}
	}
	slices.Sort(items)
	return strings.Join(items, ",")
}

// shell quotes a name for a shell, if it needs that.
func shell(name string) string {
	if name != "" && strings.Trim(strings.ToLower(name), "abcdefghijklmnopqrstuvwxyz0123456789@%+=:,./_-") == "" {
		return phrase.Clip(name, 200)
	}
	return "'" + strings.ReplaceAll(phrase.Clip(name, 200), "'", `'\''`) + "'"
}
