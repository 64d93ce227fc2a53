package main

import (
	"bytes"
	"fmt"
	"path"
	"slices"
	"strings"
)

// variable is the environment variable that selects the mutant of a build.
const variable = "KEYTURN_MUTANT"

// switchboard is a file that is added to a mutated package. It knows the selected mutant.
const switchboard = `package %s

import (
	"os"
	"strconv"
)

var mutantOn, _ = strconv.Atoi(os.Getenv(%q))

func mutantOr[T any](original T, n int, mutated T) T {
	if mutantOn == n {
		return mutated
	}
	return original
}
`

// schema returns a file with several mutants, of which the switchboard selects one. Each function begins with its
// mutated copies, and a variable has a choice of values. Mutant i has the number i+1. The compiler reports an error in
// it under the file name "mutant<number>".
func schema(s *source, mutants []*mutant) []byte {
	numbers := map[*site][]int{}
	var sites []*site
	for i, m := range mutants {
		if m == nil || m.File != s.name {
			continue
		}
		if numbers[m.site] == nil {
			sites = append(sites, m.site)
		}
		numbers[m.site] = append(numbers[m.site], i+1)
	}
	slices.SortFunc(sites, func(a, b *site) int { return a.begin - b.begin })
	var out bytes.Buffer
	done := 0
	for _, at := range sites {
		out.Write(s.text[done:at.begin])
		if at.isFunction {
			s.writeCopies(&out, at, numbers[at], mutants)
			done = at.begin
		} else {
			s.writeChoice(&out, at, numbers[at], mutants)
			done = at.end
		}
		line := 1 + bytes.Count(s.text[:done], []byte("\n"))
		column := done - bytes.LastIndexByte(s.text[:done], '\n')
		fmt.Fprintf(&out, "\n//line %s:%d:%d\n", path.Base(s.name), line, column)
	}
	out.Write(s.text[done:])
	return out.Bytes()
}

func (s *source) writeCopies(out *bytes.Buffer, at *site, numbers []int, mutants []*mutant) {
	out.WriteString("\nswitch mutantOn {\n")
	for _, n := range numbers {
		fmt.Fprintf(out, "case %d:\n//line mutant%d:1\n", n, n)
		body := mutated(s.text, at, mutants[n-1])
		if at.results == "" {
			fmt.Fprintf(out, "func() {%s}()\nreturn\n", body)
		} else {
			fmt.Fprintf(out, "return func() %s {%s}()\n", at.results, body)
		}
	}
	out.WriteString("}")
}

func (s *source) writeChoice(out *bytes.Buffer, at *site, numbers []int, mutants []*mutant) {
	of := ""
	if at.varType != "" {
		of = "[" + at.varType + "]"
	}
	out.WriteString(strings.Repeat("mutantOr"+of+"(", len(numbers)))
	out.Write(s.text[at.begin:at.end])
	for _, n := range numbers {
		fmt.Fprintf(out, ", %d,\n//line mutant%d:1\n%s)", n, n, mutated(s.text, at, mutants[n-1]))
	}
}

// mutated is the text of a site with a mutant's change.
func mutated(text []byte, at *site, m *mutant) string {
	return string(text[at.begin:m.begin]) + m.text + string(text[m.end:at.end])
}

// alone is the whole file with a mutant's change.
func alone(s *source, m *mutant) []byte {
	return []byte(string(s.text[:m.begin]) + m.text + string(s.text[m.end:]))
}
