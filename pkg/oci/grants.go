package oci

import (
	"errors"
	"slices"
	"strings"
)

// grant is what one statement of a policy of the root compartment says about who may manage all resources in the
// tenancy.
type grant struct {
	groups   []groupName
	everyone bool // any user of the tenancy
}

// groupName names a group in a statement: by its OCID, or by its name and that of its domain.
type groupName struct {
	id     string
	domain string // "" means the Default domain
	name   string
}

func (g groupName) String() string {
	switch {
	case g.id != "":
		return g.id
	case g.domain != "":
		return g.domain + "/" + g.name
	}
	return g.name
}

// errStatement is the error of a statement that may make users administrators and can't be understood.
var errStatement = errors.New("the statement can't be understood")

// grantOf reads a statement. A group that has the grant under a condition counts like one that has it without one: a
// condition may let nearly everything pass. The grant is empty if the statement makes no user of the tenancy an
// administrator. root is the tenancy's OCID.
//
// Sources: "Policy Syntax" of OCI's IAM, and "Cross-Tenancy Access Policies" for define, endorse, and admit.
func grantOf(statement, root string) (grant, error) {
	words, err := policyWords(statement)
	if err != nil {
		return grant{}, err
	}
	if !slices.ContainsFunc(words, isWord("all-resources")) {
		return grant{}, nil
	}
	switch {
	case len(words) == 0 || slices.ContainsFunc([]string{"define", "endorse", "admit", "deny"}, func(w string) bool {
		return isWord(w)(words[0])
	}): // they are about other tenancies, or take rights away
		return grant{}, nil
	case !isWord("allow")(words[0]):
		return grant{}, errStatement
	}
	to := slices.IndexFunc(words, isWord("to"))
	if to < 2 {
		return grant{}, errStatement
	}
	whole, err := managesAll(words[to+1:], root)
	if err != nil || !whole {
		return grant{}, err
	}
	return subjectOf(words[1:to], words[to+1:])
}

// managesAll reports whether the part of a statement after "to" is to manage all resources in the tenancy.
func managesAll(words []policyWord, root string) (bool, error) {
	is := func(i int, texts ...string) bool {
		return i < len(words) && slices.ContainsFunc(texts, func(text string) bool { return isWord(text)(words[i]) })
	}
	switch {
	case is(0, "inspect", "read", "use") && is(1, "all-resources"):
		return false, nil
	case !is(0, "manage") || !is(1, "all-resources") || !is(2, "in"):
		return false, errStatement
	}
	switch {
	case is(3, "tenancy") && (len(words) == 4 || is(4, "where")):
		return true, nil
	case is(3, "compartment") && is(4, "id") && len(words) > 5:
		return is(5, root), nil
	case is(3, "compartment") && len(words) > 4: // the name of one below the root
		return false, nil
	}
	return false, errStatement
}

// subjectOf reads the subject of a statement that grants everything. The rest has the condition.
func subjectOf(subject, rest []policyWord) (grant, error) {
	switch kind := subject[0]; {
	case isWord("any-user")(kind) && len(subject) == 1:
		return anyUser(rest)
	case isWord("any-group")(kind) && len(subject) == 1:
		return grant{everyone: true}, nil
	case isWord("dynamic-group")(kind), isWord("service")(kind), isWord("resource")(kind):
		return grant{}, nil
	case !isWord("group")(kind):
		return grant{}, errStatement
	}
	var g grant
	for rest := subject[1:]; ; {
		name, n, err := groupNameOf(rest)
		if err != nil {
			return grant{}, err
		}
		g.groups, rest = append(g.groups, name), rest[n:]
		switch {
		case len(rest) == 0:
			return g, nil
		case !rest[0].mark(","):
			return grant{}, errStatement
		}
		rest = rest[1:]
		if len(rest) > 0 && isWord("group")(rest[0]) { // "group A, group B"
			rest = rest[1:]
		}
	}
}

// anyUser reads the condition of a grant to any-user, which includes resources. It is about no user if it requires a
// principal of another type: request.principal.type = 'cluster', alone or in all {...}.
func anyUser(words []policyWord) (grant, error) {
	where := slices.IndexFunc(words, isWord("where"))
	if where < 0 {
		return grant{everyone: true}, nil
	}
	condition := words[where+1:]
	if slices.ContainsFunc(condition, isWord("any")) || slices.ContainsFunc(condition, isWord("none")) {
		return grant{}, errStatement
	}
	for i := range len(condition) - 2 {
		if isWord("request.principal.type")(condition[i]) && condition[i+1].mark("=") &&
			!strings.EqualFold(condition[i+2].text, "user") && plainValue(condition[i+2].text) {
			return grant{}, nil
		}
	}
	return grant{}, errStatement
}

func plainValue(text string) bool { return text != "" && !strings.ContainsAny(text, "*/") }

// groupNameOf reads a group and returns how many words it has: A, 'A', Domain/A, 'Domain'/'A', id ocid1.group...
func groupNameOf(words []policyWord) (g groupName, n int, err error) {
	is := func(i int) bool { return i < len(words) && words[i].text != "" && !words[i].isMark }
	switch {
	case !is(0):
		return g, 0, errStatement
	case isWord("id")(words[0]) && is(1):
		return groupName{id: words[1].text}, 2, nil
	case len(words) > 1 && words[1].mark("/"):
		if !is(2) {
			return g, 0, errStatement
		}
		return groupName{domain: words[0].text, name: words[2].text}, 3, nil
	}
	return groupName{name: words[0].text}, 1, nil
}

// policyWord is a word of a statement, a text in quotes, or a mark: one of , / = ! { } ( ).
type policyWord struct {
	text           string
	isMark, quoted bool
}

func (w policyWord) mark(text string) bool { return w.isMark && w.text == text }

// isWord returns a function that reports whether a word is the keyword, in any case.
func isWord(text string) func(policyWord) bool {
	return func(w policyWord) bool { return !w.isMark && !w.quoted && strings.EqualFold(w.text, text) }
}

// policyWords splits a statement.
func policyWords(statement string) (words []policyWord, err error) {
	for rest := strings.TrimSpace(statement); rest != ""; rest = strings.TrimSpace(rest) {
		switch first := rest[0]; {
		case strings.IndexByte(",/={}()!<>", first) >= 0:
			words, rest = append(words, policyWord{text: rest[:1], isMark: true}), rest[1:]
		case first == '\'' || first == '"':
			text, after, closed := strings.Cut(rest[1:], rest[:1])
			if !closed {
				return nil, errStatement
			}
			words, rest = append(words, policyWord{text: text, quoted: true}), after
		default:
			n := strings.IndexAny(rest, " \t\r\n,/={}()!<>'\"")
			if n < 0 {
				n = len(rest)
			}
			words, rest = append(words, policyWord{text: rest[:n]}), rest[n:]
		}
	}
	return words, nil
}
