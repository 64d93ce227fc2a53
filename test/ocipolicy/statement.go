package ocipolicy

import (
	"fmt"
	"slices"
	"strings"
)

// SubjectKind is the kind of a subject.
type SubjectKind string

// The kinds of subjects.
const (
	AnyUser          SubjectKind = "any-user"
	GroupSubject     SubjectKind = "group"
	DynamicSubject   SubjectKind = "dynamic-group"
	ServiceSubject   SubjectKind = "service"
	defaultDomain                = "Default"
	anyUserGroupWord             = "any-group"
)

// Subject is one of those to whom a statement grants something, by name in an identity domain, or by OCID.
type Subject struct {
	Kind   SubjectKind
	Domain string // empty: Default
	Name   string
	ID     string
}

// Verb is a verb of a statement.
type Verb string

// The verbs, the weakest first.
const (
	Inspect Verb = "inspect"
	Read    Verb = "read"
	Use     Verb = "use"
	Manage  Verb = "manage"
)

var verbs = []Verb{Inspect, Read, Use, Manage}

// Location is where a statement applies: the tenancy if it is empty, otherwise a compartment and all below it, by OCID
// or by its path of names from the root ("A" or "A:B").
type Location struct{ ID, Path string }

// Statement is one policy statement of the root compartment.
type Statement struct {
	// Name is the caller's name for it. It is not part of the text.
	Name     string
	Subjects []Subject
	// Either a verb and a resource type, or single permissions in capitals.
	Verb        Verb
	Type        string
	Permissions []string
	Location    Location
	Where       *Condition // nil: always
}

// Parse reads an allow statement. Its errors are *SyntaxError.
func Parse(text string) (Statement, error) {
	s := &scanner{text: text}
	s.needKeyword("allow")
	var st Statement
	st.Subjects = s.subjects()
	s.needKeyword("to")
	if s.next() == '{' {
		st.Permissions = s.permissions()
	} else {
		st.Verb, st.Type = s.verb(), strings.ToLower(s.word("a resource type"))
	}
	s.needKeyword("in")
	st.Location = s.location()
	if s.keyword("where") {
		st.Where = s.condition(statementVariable)
	}
	return st, s.finish()
}

func (s *scanner) subjects() []Subject {
	if s.keyword(string(AnyUser)) || s.keyword(anyUserGroupWord) {
		return []Subject{{Kind: AnyUser}}
	}
	kind := SubjectKind(s.peek())
	if !slices.Contains([]SubjectKind{GroupSubject, DynamicSubject, ServiceSubject}, kind) {
		s.fail("any-user, group, dynamic-group or service")
		return nil
	}
	s.word("")
	var out []Subject
	for {
		out = append(out, s.subject(kind))
		if s.err != nil || !s.mark(",") {
			return out
		}
		s.keyword(string(kind)) // may be repeated: "group A, group B"
	}
}

func (s *scanner) subject(kind SubjectKind) Subject {
	if s.peek() == "id" {
		s.word("")
		return Subject{Kind: kind, ID: s.name("an OCID")}
	}
	sub := Subject{Kind: kind, Name: s.name("a name")}
	if kind != ServiceSubject && s.mark("/") {
		sub.Domain, sub.Name = sub.Name, s.name("a name")
	}
	return sub
}

func (s *scanner) permissions() []string {
	s.needMark("{")
	var out []string
	for {
		s.space()
		at := s.at
		p := strings.ToUpper(s.word("a permission"))
		if strings.ContainsAny(p, "-.:+@") {
			s.failAt(at, "a permission")
		}
		out = append(out, p)
		if s.err != nil || !s.mark(",") {
			break
		}
	}
	s.needMark("}")
	return out
}

func (s *scanner) verb() Verb {
	v := Verb(s.peek())
	if !slices.Contains(verbs, v) {
		s.fail("inspect, read, use, manage or permissions in braces")
		return ""
	}
	s.word("")
	return v
}

func (s *scanner) location() Location {
	if s.keyword("tenancy") {
		return Location{}
	}
	if !s.keyword("compartment") {
		s.fail("tenancy or compartment")
	}
	if s.peek() == "id" {
		s.word("")
		return Location{ID: s.name("an OCID")}
	}
	return Location{Path: s.name("the name of a compartment")}
}

// Grants reports whether the statement contains the permission, for any subject and location.
func (s Statement) Grants(permission string) bool {
	if s.Verb == "" {
		return slices.Contains(s.Permissions, permission)
	}
	return slices.Contains(Permissions(s.Verb, s.Type), permission)
}

// String formats the statement so that Parse can read it.
func (s Statement) String() string {
	var b strings.Builder
	b.WriteString("allow ")
	for i, sub := range s.Subjects {
		switch {
		case i == 0 && sub.Kind != AnyUser:
			b.WriteString(string(sub.Kind) + " ")
		case i > 0:
			b.WriteString(", ")
		}
		b.WriteString(sub.String())
	}
	if s.Verb == "" {
		fmt.Fprintf(&b, " to {%s}", strings.Join(s.Permissions, ", "))
	} else {
		fmt.Fprintf(&b, " to %s %s", s.Verb, s.Type)
	}
	switch {
	case s.Location.ID != "":
		b.WriteString(" in compartment id " + plainOrQuoted(s.Location.ID))
	case s.Location.Path != "":
		b.WriteString(" in compartment " + plainOrQuoted(s.Location.Path))
	default:
		b.WriteString(" in tenancy")
	}
	if s.Where != nil {
		b.WriteString(" where " + s.Where.String())
	}
	return b.String()
}

// String formats the subject without its kind.
func (s Subject) String() string {
	switch {
	case s.Kind == AnyUser:
		return string(AnyUser)
	case s.ID != "":
		return "id " + plainOrQuoted(s.ID)
	case s.Domain != "":
		return "'" + s.Domain + "'/'" + s.Name + "'"
	}
	return plainOrQuoted(s.Name)
}

// plainOrQuoted quotes a name if Parse needs quotes, or if it is "id".
func plainOrQuoted(name string) string {
	plain := name != "" && !strings.EqualFold(name, "id")
	for i := range len(name) {
		plain = plain && isWord(name[i])
	}
	if plain {
		return name
	}
	return "'" + name + "'"
}
