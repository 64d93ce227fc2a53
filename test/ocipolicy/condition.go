package ocipolicy

import (
	"slices"
	"strings"
)

// Condition is a comparison, or several of them joined by all or any. Comparisons ignore the case of names and values,
// as in OCI (Conditions, https://docs.oracle.com/en-us/iaas/Content/Identity/policysyntax/conditions.htm).
type Condition struct {
	Join  string // "all", "any", or empty for a comparison
	Terms []Condition

	Variable string // in lower case
	Operator string // "=", "!=", "in", "not in"; empty: a matching rule that only requires a tag
	Values   []Value
}

// Value is the right side of a comparison.
type Value struct {
	Text     string
	Pattern  bool // with * for any characters
	Variable bool // the name of another variable
}

// Inapplicable is the result of a comparison with a variable that the operation doesn't offer.
type Inapplicable int

const (
	// Declined makes it false for each operator. Oracle's documentation says so, with != in its example (Conditions,
	// "Variables Not Applicable to a Request Result in a Declined Request").
	Declined Inapplicable = iota
	// NegationHolds makes != and "not in" true, as a service might do. A permission that is granted in both modes is
	// certain.
	NegationHolds
)

// condition reads a condition; known reports whether a variable is allowed here.
func (s *scanner) condition(known func(string) bool) *Condition {
	c := s.term(known)
	return &c
}

func (s *scanner) term(known func(string) bool) Condition {
	s.space()
	at := s.at
	word := strings.ToLower(s.word("a variable, any or all"))
	if (word == "any" || word == "all") && s.next() == '{' {
		c := Condition{Join: word}
		s.needMark("{")
		for {
			c.Terms = append(c.Terms, s.term(known))
			if s.err != nil || !s.mark(",") {
				break
			}
		}
		s.needMark("}")
		return c
	}
	if s.err == nil && !known(word) {
		s.failAt(at, "a variable, any or all")
	}
	return s.comparison(Condition{Variable: word}, known)
}

func (s *scanner) comparison(c Condition, known func(string) bool) Condition {
	switch {
	case s.mark("!="):
		c.Operator = "!="
	case s.mark("="):
		c.Operator = "="
	case s.keyword("in"):
		c.Operator = "in"
	case s.peek() == "not":
		s.word("")
		s.needKeyword("in")
		c.Operator = "not in"
	case isRuleTag(c.Variable) && known(c.Variable):
		return c // the rule only requires the tag
	default:
		s.fail("=, !=, in or not in")
		return c
	}
	if c.Operator == "=" || c.Operator == "!=" {
		c.Values = []Value{s.value(known)}
		return c
	}
	s.needMark("(")
	for {
		c.Values = append(c.Values, s.value(known))
		if s.err != nil || !s.mark(",") {
			break
		}
	}
	s.needMark(")")
	return c
}

func (s *scanner) value(known func(string) bool) Value {
	switch s.next() {
	case '\'':
		return Value{Text: s.quoted()}
	case '/':
		return Value{Text: s.between('/', "a closing slash"), Pattern: true}
	}
	at := s.at
	word := strings.ToLower(s.word("a value in single quotes, a /pattern/ or a variable"))
	if s.err == nil && !known(word) {
		s.failAt(at, "a value in single quotes, a /pattern/ or a variable")
	}
	return Value{Text: word, Variable: true}
}

// holds evaluates the condition. The names of variables are in lower case.
func (c *Condition) holds(variables map[string]string, mode Inapplicable) bool {
	switch c.Join {
	case "all":
		return !slices.ContainsFunc(c.Terms, func(t Condition) bool { return !t.holds(variables, mode) })
	case "any":
		return slices.ContainsFunc(c.Terms, func(t Condition) bool { return t.holds(variables, mode) })
	}
	negated := c.Operator == "!=" || c.Operator == "not in"
	got, offered := variables[c.Variable]
	if !offered {
		return negated && mode == NegationHolds
	}
	if c.Operator == "" {
		return true
	}
	for _, v := range c.Values {
		want := v.Text
		if v.Variable {
			want, offered = variables[v.Text]
			if !offered {
				return negated && mode == NegationHolds
			}
		}
		if v.Pattern && matches(strings.ToLower(want), strings.ToLower(got)) || !v.Pattern &&
			strings.EqualFold(want, got) {
			return !negated
		}
	}
	return negated
}

// matches matches a pattern, in which * matches any characters, or none.
func matches(pattern, text string) bool {
	first, rest, more := strings.Cut(pattern, "*")
	if !more {
		return pattern == text
	}
	text, ok := strings.CutPrefix(text, first)
	if !ok {
		return false
	}
	parts := strings.Split(rest, "*")
	last := parts[len(parts)-1]
	for _, part := range parts[:len(parts)-1] { // the earliest match leaves most for the other parts
		i := strings.Index(text, part)
		if i < 0 {
			return false
		}
		text = text[i+len(part):]
	}
	return strings.HasSuffix(text, last)
}

// String formats the condition.
func (c *Condition) String() string {
	if c.Join != "" {
		terms := make([]string, len(c.Terms))
		for i := range c.Terms {
			terms[i] = c.Terms[i].String()
		}
		return c.Join + " {" + strings.Join(terms, ", ") + "}"
	}
	values := make([]string, len(c.Values))
	for i, v := range c.Values {
		switch {
		case v.Pattern:
			values[i] = "/" + v.Text + "/"
		case v.Variable:
			values[i] = v.Text
		default:
			values[i] = "'" + v.Text + "'"
		}
	}
	switch c.Operator {
	case "":
		return c.Variable
	case "=", "!=":
		return c.Variable + " " + c.Operator + " " + values[0]
	}
	return c.Variable + " " + c.Operator + " (" + strings.Join(values, ", ") + ")"
}
