package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"time"
)

// block is a basic block of a coverage profile.
type block struct {
	file                               string
	line, column, lastLine, lastColumn int
}

func (b block) holds(line, column int) bool {
	return (line > b.line || line == b.line && column >= b.column) && (line < b.lastLine || line == b.lastLine &&
		column < b.lastColumn)
}

// test is a test function, with the blocks of the mutated package that it runs.
type test struct {
	pkg  *pkg
	name string
	took time.Duration
	runs map[block]bool
}

// coverage is the coverage of all tests.
type coverage struct {
	tests  []*test
	blocks map[block]bool // all blocks of the package
}

// cover runs each test alone and records which blocks of p it runs and how long it takes.
func (m *module) cover(ctx context.Context, p *pkg, testers []*pkg, parallel int) (*coverage, error) {
	all := &coverage{blocks: map[block]bool{}}
	dir, err := os.MkdirTemp(m.tmp, "cover")
	if err != nil {
		return nil, err
	}
	binaries := map[*pkg]string{}
	for _, t := range testers {
		binary := filepath.Join(dir, t.Name+".test")
		if _, err := m.run(ctx, "test", "-c", "-vet=off", "-cover", "-coverpkg="+p.ImportPath, "-o", binary,
			t.ImportPath); err != nil {
			return nil, err
		}
		if _, err := os.Stat(binary); err != nil {
			continue // it has no tests
		}
		binaries[t] = binary
		c := command(ctx, t, binary, 0, "-test.list=.")
		names, err := c.Output()
		if err != nil {
			return nil, fmt.Errorf("listing the tests of %s: %w", t.ImportPath, err)
		}
		for _, name := range strings.Fields(string(names)) {
			if m.skip != nil && m.skip.MatchString(name) {
				continue
			}
			if strings.HasPrefix(name, "Test") || strings.HasPrefix(name, "Example") ||
				strings.HasPrefix(name, "Fuzz") {
				all.tests = append(all.tests, &test{pkg: t, name: name, runs: map[block]bool{}})
			}
		}
	}
	var lock sync.Mutex
	err = forEach(parallel, all.tests, func(i int, t *test) error {
		profile := filepath.Join(dir, fmt.Sprintf("%d.out", i))
		c := command(ctx, t.pkg, binaries[t.pkg], 0, "-test.run=^"+regexp.QuoteMeta(t.name)+"$", "-test.coverprofile="+
			profile)
		began := time.Now()
		if out, err := c.CombinedOutput(); err != nil {
			return fmt.Errorf("%s of %s fails without a mutant: %w\n%s", t.name, t.pkg.ImportPath, err, out)
		}
		t.took = time.Since(began)
		text, err := os.ReadFile(profile)
		if err != nil {
			return err
		}
		lock.Lock()
		defer lock.Unlock()
		return all.read(m.folder(p), t, text)
	})
	return all, err
}

// read adds a profile as go test writes it: file:line.column,line.column statements count.
func (c *coverage) read(folder string, t *test, profile []byte) error {
	for lines := bufio.NewScanner(bytes.NewReader(profile)); lines.Scan(); {
		file, rest, ok := strings.Cut(lines.Text(), ".go:")
		if !ok {
			continue
		}
		var b block
		var statements, count int
		if _, err := fmt.Sscanf(rest, "%d.%d,%d.%d %d %d", &b.line, &b.column, &b.lastLine, &b.lastColumn, &statements,
			&count); err != nil {
			return fmt.Errorf("a coverage profile has the line %q: %w", lines.Text(), err)
		}
		b.file = path.Join(folder, path.Base(file)+".go")
		c.blocks[b] = true
		if count > 0 {
			t.runs[b] = true
		}
	}
	return nil
}

// testsFor returns the tests that run a mutant. If the mutant is in no block, these are the tests that run its
// function. The value of a variable is set in every test.
func (c *coverage) testsFor(m *mutant) []*test {
	within := func(block) bool { return true }
	if m.first > 0 {
		in := func(b block) bool { return b.file == m.File && b.line >= m.first && b.lastLine <= m.last }
		exact := func(b block) bool { return b.file == m.File && b.holds(m.Line, m.column) }
		within = in
		if m.Operator != "case" {
			for b := range c.blocks {
				if exact(b) {
					within = exact
				}
			}
		}
	}
	var out []*test
	for _, t := range c.tests {
		for b := range t.runs {
			if within(b) {
				out = append(out, t)
				break
			}
		}
	}
	return out
}
