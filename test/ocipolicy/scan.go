package ocipolicy

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// SyntaxError is the first error in a statement or rule.
type SyntaxError struct {
	Text string // the whole statement
	At   int    // offset in bytes
	Want string // what is expected there
}

// Error implements error.
func (e *SyntaxError) Error() string {
	got := "the end"
	if e.At < len(e.Text) {
		got = fmt.Sprintf("%.20q", e.Text[e.At:])
	}
	return fmt.Sprintf("at %d: want %s, not %s", e.At, e.Want, got)
}

// scanner reads a statement from left to right. After the first error it reads nothing more.
type scanner struct {
	text string
	at   int
	err  *SyntaxError
}

func (s *scanner) fail(want string) {
	if s.err == nil {
		s.err = &SyntaxError{s.text, s.at, want}
	}
}

func (s *scanner) failAt(at int, want string) {
	if s.err == nil {
		s.err = &SyntaxError{s.text, at, want}
	}
}

func (s *scanner) space() {
	for s.at < len(s.text) {
		r, size := utf8.DecodeRuneInString(s.text[s.at:])
		if !unicode.IsSpace(r) {
			return
		}
		s.at += size
	}
}

// next is the next byte that is not a space; 0 at the end and after an error.
func (s *scanner) next() byte {
	s.space()
	if s.err != nil || s.at == len(s.text) {
		return 0
	}
	return s.text[s.at]
}

// mark reads a punctuation mark if it is next.
func (s *scanner) mark(mark string) bool {
	s.space()
	if s.err != nil || !strings.HasPrefix(s.text[s.at:], mark) {
		return false
	}
	s.at += len(mark)
	return true
}

func (s *scanner) needMark(mark string) {
	if !s.mark(mark) {
		s.fail("'" + mark + "'")
	}
}

// wordEnd is the end of the word at this offset.
func (s *scanner) wordEnd() int {
	s.space()
	end := s.at
	for end < len(s.text) && isWord(s.text[end]) {
		end++
	}
	return end
}

func isWord(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("-_.:+@", c) >= 0
}

// peek returns the next word in lower case, without reading it.
func (s *scanner) peek() string {
	if s.err != nil {
		return ""
	}
	end := s.wordEnd()
	return strings.ToLower(s.text[s.at:end])
}

// word reads a word.
func (s *scanner) word(want string) string {
	end := s.wordEnd()
	if s.err != nil || end == s.at {
		s.fail(want)
		return ""
	}
	w := s.text[s.at:end]
	s.at = end
	return w
}

// keyword reads the given word, in any case, if it is next.
func (s *scanner) keyword(word string) bool {
	if s.peek() != word {
		return false
	}
	s.at = s.wordEnd()
	return true
}

func (s *scanner) needKeyword(word string) {
	if !s.keyword(word) {
		s.fail(word)
	}
}

// quoted reads text in single quotes. It can't contain a quote.
func (s *scanner) quoted() string { return s.between('\'', "a closing single quote") }

func (s *scanner) between(mark byte, want string) string {
	if s.next() != mark {
		s.fail(want)
		return ""
	}
	end := strings.IndexByte(s.text[s.at+1:], mark)
	if end < 0 {
		s.failAt(len(s.text), want)
		return ""
	}
	v := s.text[s.at+1 : s.at+1+end]
	s.at += end + 2
	return v
}

// name reads a plain or quoted name.
func (s *scanner) name(want string) string {
	if s.next() == '\'' {
		at := s.at
		v := s.quoted()
		if strings.TrimSpace(v) == "" {
			s.failAt(at, want)
		}
		return v
	}
	return s.word(want)
}

// finish checks that no text remains.
func (s *scanner) finish() error {
	if s.next() != 0 {
		s.fail("the end")
	}
	if s.err != nil { // a nil *SyntaxError must not become an error
		return s.err
	}
	return nil
}
