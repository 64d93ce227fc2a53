package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

const (
	module         = "github.com/keyturn/keyturn/"
	rotatePackage  = "functions/rotate"
	sweepPackage   = "functions/sweep"
	nothingPackage = "test/bench/nothing"
	sweeperPackage = "test/bench/sweeper"
)

// build compiles a package as the functions are deployed: static and stripped.
func build(ctx context.Context, dir, pkg string) (string, error) {
	binary := filepath.Join(dir, filepath.Base(pkg))
	_, err := goCommand(ctx, "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-o", binary, module+pkg)
	return binary, err
}

// goCommand runs the go command without cgo and returns what it prints.
func goCommand(ctx context.Context, args ...string) (string, error) {
	c := exec.CommandContext(ctx, "go", args...)
	c.Env = append(os.Environ(), "CGO_ENABLED=0")
	var stderr bytes.Buffer
	c.Stderr = &stderr
	out, err := c.Output()
	if err != nil {
		err = fmt.Errorf("go %s: %w\n%s", strings.Join(args, " "), err, stderr.Bytes())
	}
	return string(out), err
}

// weight is the size of a program.
type weight struct{ binary, packed, packages float64 } // 10^6 bytes, 10^6 bytes, number

// weigh measures a binary. Its image has one layer, the binary as `gzip -9` compresses it.
func weigh(ctx context.Context, binary, pkg string) (weight, error) {
	content, err := os.ReadFile(binary)
	if err != nil {
		return weight{}, fmt.Errorf("reading the binary: %w", err)
	}
	var packed bytes.Buffer
	z, err := gzip.NewWriterLevel(&packed, gzip.BestCompression)
	if err == nil {
		_, err = z.Write(content)
	}
	if err == nil {
		err = z.Close()
	}
	if err != nil {
		return weight{}, fmt.Errorf("compressing: %w", err)
	}
	packages, err := goCommand(ctx, "list", "-deps", module+pkg)
	return weight{float64(len(content)) / 1e6, float64(packed.Len()) / 1e6, float64(len(strings.Fields(packages)))}, err
}

// measureSizes compares the functions with the one that does nothing.
func measureSizes(ctx context.Context, b *bench) error {
	b.progress("sizes")
	floor, err := weigh(ctx, b.nothing, nothingPackage)
	if err != nil {
		return err
	}
	for _, f := range []struct{ binary, pkg string }{{b.rotate, rotatePackage}, {b.sweep, sweepPackage}} {
		w, err := weigh(ctx, f.binary, f.pkg)
		if err != nil {
			return err
		}
		b.add(f.pkg+": binary", "10^6 B", w.binary).over(floor.binary)
		b.add(f.pkg+": compressed image (gzip -9)", "10^6 B", w.packed).over(floor.packed)
		b.add(f.pkg+": packages linked", "packages", w.packages).over(floor.packages)
	}
	return nil
}
