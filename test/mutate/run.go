package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	quickTest   = 200 * time.Millisecond // tests that take less time run together
	buildSize   = 150                    // mutants in one build
	memoryLimit = "8000000"              // in kilobytes of address space, for mutants that allocate forever
)

// command runs a test binary with mutant n, in its package's folder as go test does.
func command(ctx context.Context, t *pkg, binary string, n int, args ...string) *exec.Cmd {
	c := exec.CommandContext(ctx, "/bin/sh",
		append([]string{"-c", "ulimit -v " + memoryLimit + ` 2>/dev/null; exec "$@"`,
			"sh", binary}, args...)...)
	c.Dir = t.Dir
	c.Env = append(os.Environ(), variable+"="+strconv.Itoa(n))
	c.WaitDelay = time.Second
	return c
}

// forEach calls do for every element, in parallel, and returns the errors.
func forEach[T any](parallel int, list []T, do func(i int, one T) error) error {
	var (
		wait sync.WaitGroup
		lock sync.Mutex
		next int
		errs []error
	)
	for range max(1, parallel) {
		wait.Go(func() {
			for {
				lock.Lock()
				i := next
				next++
				stop := i >= len(list) || len(errs) > 0
				lock.Unlock()
				if stop {
					return
				}
				if err := do(i, list[i]); err != nil {
					lock.Lock()
					errs = append(errs, err)
					lock.Unlock()
				}
			}
		})
	}
	wait.Wait()
	return errors.Join(errs...)
}

// group is a set of tests of one package that run in one process.
type group struct {
	pkg   *pkg
	tests []string
	took  time.Duration
}

// groups joins the quick tests of each package. The slow ones follow alone, the quickest first.
func groups(tests []*test) []*group {
	var first, rest []*group
	for _, t := range tests {
		if t.took > quickTest {
			rest = append(rest, &group{t.pkg, []string{t.name}, t.took})
			continue
		}
		i := slices.IndexFunc(first, func(g *group) bool { return g.pkg == t.pkg })
		if i < 0 {
			i = len(first)
			first = append(first, &group{pkg: t.pkg})
		}
		first[i].tests = append(first[i].tests, t.name)
		first[i].took += t.took
	}
	slices.SortStableFunc(rest, func(a, b *group) int { return cmp.Compare(a.took, b.took) })
	return append(first, rest...)
}

// passes reports whether tests pass with mutant n. It is false if they hang.
func (b *build) passes(ctx context.Context, n int, g *group) (bool, string, error) {
	binary, err := b.binary(ctx, g.pkg)
	if err != nil {
		return false, "", err
	}
	limit := 5*time.Second + 10*g.took
	running, cancel := context.WithTimeout(ctx, limit+5*time.Second)
	defer cancel()
	names := make([]string, len(g.tests))
	for i, name := range g.tests {
		names[i] = regexp.QuoteMeta(name)
	}
	c := command(running, g.pkg, binary, n, "-test.failfast", "-test.timeout="+limit.String(), "-test.run=^("+
		strings.Join(names, "|")+")$")
	out, err := c.CombinedOutput()
	if ctx.Err() != nil {
		return false, "", ctx.Err()
	}
	if err == nil {
		return true, "", nil
	}
	if _, failed := errors.AsType[*exec.ExitError](err); failed || running.Err() != nil {
		return false, string(out), nil
	}
	return false, "", fmt.Errorf("running the tests of %s: %w", g.pkg.ImportPath, err)
}

// survivors runs the tests of a build's mutants, and returns the survivors.
func (b *build) survivors(ctx context.Context, c *coverage, parallel int) ([]survivor, error) {
	if len(b.mutants) > 1 {
		for _, g := range groups(c.tests) {
			if len(g.tests) == 1 {
				continue
			}
			if ok, out, err := b.passes(ctx, 0, g); err != nil || !ok {
				return nil, fmt.Errorf("the tests of %s fail without a mutant: %w\n%s", g.pkg.ImportPath, err, out)
			}
		}
	}
	found := make([]*survivor, len(b.mutants))
	err := forEach(parallel, b.mutants, func(i int, m *mutant) error {
		if m == nil {
			return nil
		}
		tests := c.testsFor(m)
		for _, g := range groups(tests) {
			if ok, _, err := b.passes(ctx, i+1, g); err != nil || !ok {
				return err
			}
		}
		found[i] = &survivor{mutant: *m, Uncovered: len(tests) == 0}
		return nil
	})
	var out []survivor
	for _, s := range found {
		if s != nil {
			out = append(out, *s)
		}
	}
	return out, err
}

// score is the result of a package's mutants.
type score struct {
	Package   string     `json:"package"`
	Mutants   int        `json:"mutants"`
	Noticed   int        `json:"noticed"`
	Survivors []survivor `json:"survivors"`
}

// survivor is a mutant that no test notices.
type survivor struct {
	mutant
	Uncovered bool   `json:"uncovered"` // no test runs it
	Reason    string `json:"reason,omitempty"`
}

func (s score) percent() float64 {
	if s.Mutants == 0 {
		return 100
	}
	return 100 * float64(s.Noticed) / float64(s.Mutants)
}

// measure tests mutants of a package until want of them are counted. Mutants that don't compile aren't counted.
func (m *module) measure(ctx context.Context, p *pkg, testers []*pkg, mutants []*mutant, want, parallel int,
	progress func(score)) (score, error) {
	s := score{Package: m.folder(p), Survivors: []survivor{}}
	c, err := m.cover(ctx, p, testers, parallel)
	if err != nil {
		return s, err
	}
	var lock sync.Mutex
	test := func(batch []*mutant, parallel int) error {
		b, err := m.build(ctx, p, batch)
		if err != nil {
			return err
		}
		survivors, err := b.survivors(ctx, c, parallel)
		if err != nil {
			return err
		}
		lock.Lock()
		defer lock.Unlock()
		for _, one := range b.mutants {
			if one != nil {
				s.Mutants++
			}
		}
		s.Survivors = append(s.Survivors, survivors...)
		s.Noticed = s.Mutants - len(s.Survivors)
		progress(s)
		return os.RemoveAll(b.dir)
	}
	for len(mutants) > 0 && s.Mutants < want {
		next := mutants[:min(len(mutants), buildSize, want-s.Mutants)]
		mutants = mutants[len(next):]
		shared, lone := split(next)
		if len(shared) > 0 {
			if err := test(shared, parallel); err != nil {
				return s, err
			}
		}
		if err := forEach(parallel, lone, func(_ int, one *mutant) error {
			return test([]*mutant{one}, 1)
		}); err != nil {
			return s, err
		}
	}
	slices.SortStableFunc(s.Survivors, func(a, b survivor) int {
		return cmp.Or(strings.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.column, b.column))
	})
	return s, nil
}

// split separates the mutants that can share a build from those that can't.
func split(mutants []*mutant) (shared, lone []*mutant) {
	for _, m := range mutants {
		if m.site != nil {
			shared = append(shared, m)
		} else {
			lone = append(lone, m)
		}
	}
	return shared, lone
}
