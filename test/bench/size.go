package main

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"debug/elf"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

const sizes = "size"

const module = "github.com/keyturn/keyturn/"

// build compiles a package as the functions are deployed, static and stripped unless the flags say otherwise.
func build(ctx context.Context, dir, pkg string, flags ...string) (string, error) {
	binary := filepath.Join(dir, strings.ReplaceAll(pkg, "/", "-")+fmt.Sprint(len(flags)))
	args := append([]string{"build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w"}, flags...)
	c := exec.CommandContext(ctx, "go", append(args, "-o", binary, module+pkg)...)
	c.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := c.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building %s: %w\n%s", pkg, err, out)
	}
	return binary, nil
}

// weight is how large a program is.
type weight struct {
	binary, packed float64 // 10^6 bytes
	packages       []string
}

// weigh looks at a binary. Its image is one layer with the binary alone, compressed as `gzip -9` does.
func weigh(ctx context.Context, binary, pkg string) (weight, error) {
	var w weight
	content, err := os.ReadFile(binary)
	if err != nil {
		return w, fmt.Errorf("reading the binary: %w", err)
	}
	var packed bytes.Buffer
	z, err := gzip.NewWriterLevel(&packed, gzip.BestCompression)
	if err != nil {
		return w, fmt.Errorf("compressing: %w", err)
	}
	if _, err = z.Write(content); err == nil {
		err = z.Close()
	}
	if err != nil {
		return w, fmt.Errorf("compressing: %w", err)
	}
	list := exec.CommandContext(ctx, "go", "list", "-deps", module+pkg)
	list.Env = append(os.Environ(), "CGO_ENABLED=0")
	out, err := list.Output()
	if err != nil {
		return w, fmt.Errorf("listing what %s links: %w", pkg, err)
	}
	return weight{float64(len(content)) / 1e6, float64(packed.Len()) / 1e6, strings.Fields(string(out))}, nil
}

// measureSizes weighs the functions against the one that does nothing.
func measureSizes(ctx context.Context, b *bench) error {
	b.progress("sizes")
	floor, err := weigh(ctx, b.nothing, "test/bench/nothing")
	if err != nil {
		return err
	}
	for _, f := range []struct{ binary, pkg string }{{b.rotate, "functions/rotate"}, {b.sweep, "functions/sweep"}} {
		w, err := weigh(ctx, f.binary, f.pkg)
		if err != nil {
			return err
		}
		row := func(what, unit string, value func(weight) float64) Row {
			return Row{Section: sizes, What: f.pkg + ": " + what, Unit: unit, Build: figure(value(w))}.over(
				figure(value(floor)))
		}
		b.report.add(row("binary", "10^6 B", func(w weight) float64 { return w.binary }),
			row("compressed image (gzip -9)", "10^6 B", func(w weight) float64 { return w.packed }),
			row("packages linked", "packages", func(w weight) float64 { return float64(len(w.packages)) }))
		if b.profiles == "" {
			continue
		}
		text, err := byPackage(ctx, b.dir, f.pkg)
		if err != nil {
			return err
		}
		if err := b.profile("size-"+filepath.Base(f.pkg)+".txt", []byte(text)); err != nil {
			return err
		}
	}
	return nil
}

// byPackage tells how many bytes of a binary's symbols are of which package. What has no symbol, as the tables of the
// runtime, isn't in it, nor is what takes memory alone.
func byPackage(ctx context.Context, dir, pkg string) (string, error) {
	binary, err := build(ctx, dir, pkg, "-ldflags=-w") // with symbols
	if err != nil {
		return "", err
	}
	f, err := elf.Open(binary)
	if err != nil {
		return "", fmt.Errorf("reading %s: %w", binary, err)
	}
	defer f.Close()
	all, err := f.Symbols()
	if err != nil {
		return "", fmt.Errorf("reading the symbols of %s: %w", pkg, err)
	}
	bytes := map[string]uint64{}
	for _, s := range all {
		if int(s.Section) < len(f.Sections) && f.Sections[s.Section].Type == elf.SHT_PROGBITS {
			bytes[packageOf(s.Name)] += s.Size
		}
	}
	return bySize(bytes), nil
}

// bySize lists names with their sizes, the largest first.
func bySize(bytes map[string]uint64) string {
	var b strings.Builder
	names := slices.SortedFunc(maps.Keys(bytes), func(a, b string) int {
		return cmp.Or(cmp.Compare(bytes[b], bytes[a]), cmp.Compare(a, b))
	})
	for _, name := range names {
		fmt.Fprintf(&b, "%9d %s\n", bytes[name], name)
	}
	return b.String()
}

// packageOf is the package of a symbol, such as net/http.(*Client).Do: up to the first dot behind the last slash. What
// the compiler makes itself, as type:..., is told by its first word.
func packageOf(symbol string) string {
	if kind, _, ok := strings.Cut(symbol, ":"); ok && !strings.ContainsAny(kind, "./") {
		return kind + ":"
	}
	// A type argument in brackets has slashes of its own.
	plain, _, _ := strings.Cut(symbol, "[")
	slash := strings.LastIndex(plain, "/") + 1
	name, _, ok := strings.Cut(plain[slash:], ".")
	if !ok {
		return "(none)"
	}
	return plain[:slash] + name
}
