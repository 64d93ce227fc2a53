package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// pkg is a package as go list describes it.
type pkg struct {
	ImportPath, Dir, Name              string
	GoFiles, TestGoFiles, XTestGoFiles []string
	Imports, TestImports, XTestImports []string
	Module                             struct{ Dir string }
	sources                            []*source
}

// module is the module whose packages are mutated.
type module struct {
	root string
	all  map[string]*pkg
	tmp  string         // the folder for builds; nothing is written elsewhere
	skip *regexp.Regexp // tests to leave out; nil: none
}

// load describes the packages of the module in dir.
func load(ctx context.Context, dir, tmp string) (*module, error) {
	m := &module{all: map[string]*pkg{}, tmp: tmp, root: dir}
	out, err := m.run(ctx, "list", "-json", "./...")
	if err != nil {
		return nil, err
	}
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		p := new(pkg)
		if err := d.Decode(p); errors.Is(err, io.EOF) {
			return m, nil
		} else if err != nil {
			return nil, fmt.Errorf("reading go list: %w", err)
		}
		m.root = p.Module.Dir
		m.all[p.ImportPath] = p
	}
}

// run runs the go command in the module.
func (m *module) run(ctx context.Context, args ...string) ([]byte, error) {
	c := exec.CommandContext(ctx, "go", args...)
	c.Dir = m.root
	var stderr bytes.Buffer
	c.Stderr = &stderr
	out, err := c.Output()
	if err != nil {
		return nil, fmt.Errorf("go %s: %w\n%s%s", args[0], err, out, stderr.String())
	}
	return out, nil
}

// find returns the packages that patterns of the go command name.
func (m *module) find(ctx context.Context, patterns []string) ([]*pkg, error) {
	out, err := m.run(ctx, append([]string{"list"}, patterns...)...)
	if err != nil {
		return nil, err
	}
	var found []*pkg
	for _, name := range strings.Fields(string(out)) {
		found = append(found, m.all[name])
	}
	return found, nil
}

// testers returns p and those packages among the given ones whose tests may notice a change of p.
func (m *module) testers(p *pkg, among []*pkg) []*pkg {
	out := []*pkg{p}
	for _, t := range among {
		if t != p && len(t.TestGoFiles)+len(t.XTestGoFiles) > 0 && m.reaches(t, p) {
			out = append(out, t)
		}
	}
	return out
}

// reaches reports whether the tests of t are built with p.
func (m *module) reaches(t, p *pkg) bool {
	seen := map[string]bool{}
	queue := slices.Concat(t.Imports, t.TestImports, t.XTestImports)
	for len(queue) > 0 {
		next := queue[0]
		queue = queue[1:]
		if next == p.ImportPath {
			return true
		}
		if known := m.all[next]; known != nil && !seen[next] {
			seen[next] = true
			queue = append(queue, known.Imports...)
		}
	}
	return false
}

// mutants finds all mutants of a package.
func (m *module) mutants(p *pkg) ([]*mutant, error) {
	var out []*mutant
	for _, name := range p.GoFiles {
		file := filepath.Join(p.Dir, name)
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		s, err := parse(path.Join(m.folder(p), name), text)
		if err != nil {
			return nil, err
		}
		p.sources = append(p.sources, s)
		out = append(out, s.mutants()...)
	}
	return out, nil
}

// folder is the path of a package from the root of the module.
func (m *module) folder(p *pkg) string {
	rel, err := filepath.Rel(m.root, p.Dir)
	if err != nil {
		return p.Dir
	}
	return filepath.ToSlash(rel)
}

// build is a set of mutants of a package that share a test binary for each package that tests it.
type build struct {
	mutants []*mutant // number i+1 is at i; nil if it doesn't compile
	dir     string
	module  *module
	pkg     *pkg
	overlay string

	lock     sync.Mutex
	binaries map[*pkg]string
}

var inMutant = regexp.MustCompile(`\bmutant(\d+):\d+`)

// build compiles mutants together, without those that don't compile.
func (m *module) build(ctx context.Context, p *pkg, mutants []*mutant) (*build, error) {
	dir, err := os.MkdirTemp(m.tmp, "build")
	if err != nil {
		return nil, err
	}
	b := &build{mutants: slices.Clone(mutants), binaries: map[*pkg]string{}, dir: dir, module: m, pkg: p}
	for {
		if err := b.writeOverlay(); err != nil {
			return nil, err
		}
		errors, err := b.compile(ctx, p)
		switch {
		case err != nil:
			return nil, err
		case errors == "":
			return b, nil
		case len(mutants) == 1 && mutants[0].site == nil:
			b.mutants[0] = nil
			return b, nil
		case b.leaveOut(errors) == 0:
			return nil, fmt.Errorf("the mutants of %s don't compile:\n%s", p.ImportPath, errors)
		}
	}
}

// leaveOut removes the mutants with compiler errors, and returns how many they are.
func (b *build) leaveOut(errors string) int {
	out := 0
	for _, found := range inMutant.FindAllStringSubmatch(errors, -1) {
		if n, _ := strconv.Atoi(found[1]); n >= 1 && n <= len(b.mutants) && b.mutants[n-1] != nil {
			b.mutants[n-1] = nil
			out++
		}
	}
	return out
}

// binary returns the test binary of t with the mutants, and builds it if necessary.
func (b *build) binary(ctx context.Context, t *pkg) (string, error) {
	b.lock.Lock()
	defer b.lock.Unlock()
	if b.binaries[t] == "" {
		errors, err := b.compile(ctx, t)
		if err == nil && errors != "" {
			err = fmt.Errorf("the tests of %s don't compile:\n%s", t.ImportPath, errors)
		}
		if err != nil {
			return "", err
		}
	}
	return b.binaries[t], nil
}

// writeOverlay writes the mutated files and the go command's overlay file.
func (b *build) writeOverlay() error {
	p := b.pkg
	replace := map[string]string{}
	put := func(name string, text []byte) error {
		file := filepath.Join(b.dir, name)
		replace[filepath.Join(p.Dir, name)] = file
		return os.WriteFile(file, text, 0o600)
	}
	var compiled []*mutant
	for _, one := range b.mutants {
		if one != nil {
			compiled = append(compiled, one)
		}
	}
	for _, s := range p.sources {
		if !slices.ContainsFunc(compiled, func(one *mutant) bool { return one.File == s.name }) {
			continue
		}
		var text []byte
		if compiled[0].site != nil {
			text = schema(s, b.mutants)
		} else {
			text = alone(s, compiled[0])
		}
		if err := put(path.Base(s.name), text); err != nil {
			return err
		}
	}
	if err := put("mutant_switchboard.go", fmt.Appendf(nil, switchboard, p.Name, variable)); err != nil {
		return err
	}
	list, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return err
	}
	b.overlay = filepath.Join(b.dir, "overlay.json")
	return os.WriteFile(b.overlay, list, 0o600)
}

// compile builds the tests of t, and returns the errors of the compiler.
func (b *build) compile(ctx context.Context, t *pkg) (string, error) {
	binary := filepath.Join(b.dir, t.Name+".test")
	c := exec.CommandContext(ctx, "go", "test", "-c", "-vet=off", "-ldflags=-s -w", "-gcflags="+b.pkg.ImportPath+"=-e",
		"-overlay", b.overlay, "-o", binary, t.ImportPath)
	c.Dir = b.module.root
	out, err := c.CombinedOutput()
	if err == nil {
		b.binaries[t] = binary
		return "", nil
	}
	if _, failed := errors.AsType[*exec.ExitError](err); failed && ctx.Err() == nil {
		return string(out), nil
	}
	return "", err
}
