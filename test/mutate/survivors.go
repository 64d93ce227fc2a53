package main

import (
	"bufio"
	"bytes"
	"fmt"
	"strings"
)

// key identifies a mutant. It doesn't change when lines move.
type key struct{ file, function, operator, before, after string }

func (m mutant) key() key { return key{m.File, m.Function, m.Operator, m.Before, m.After} }

// parseSurvivors reads the list of accepted survivors. An entry is
//
//	<file> <function> <operator>
//	- <the line before>
//	+ <the line after>
//	<why no test needs to notice it, on one or more lines>
//
// with an empty line after it. Lines that begin with # are comments.
func parseSurvivors(text []byte) (map[key]string, error) {
	out := map[key]string{}
	var entry []string
	n := 0
	add := func() error {
		defer func() { entry = nil }()
		if len(entry) == 0 {
			return nil
		}
		head := strings.Fields(entry[0])
		if len(head) != 3 || len(entry) < 4 || !strings.HasPrefix(entry[1], "- ") ||
			!strings.HasPrefix(entry[2], "+ ") {
			return fmt.Errorf("line %d: an entry is a line of file, function and operator, one with -, one with +, "+
				"and a reason", n-len(entry))
		}
		k := key{head[0], head[1], head[2], entry[1][2:], entry[2][2:]}
		if out[k] != "" {
			return fmt.Errorf("line %d: %s is listed twice", n-len(entry), entry[0])
		}
		out[k] = strings.Join(entry[3:], " ")
		return nil
	}
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		n++
		line := strings.TrimSpace(lines.Text())
		if strings.HasPrefix(line, "#") {
			continue
		}
		if line != "" {
			entry = append(entry, line)
			continue
		}
		if err := add(); err != nil {
			return nil, err
		}
	}
	n++
	return out, add()
}
