package image

import (
	"bytes"
	"cmp"
	"context"
	"debug/buildinfo"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

const module = "github.com/keyturn/keyturn"

// Source is the module that the functions and the command are compiled from.
type Source struct {
	Path      string
	Dir       string
	GoVersion string
}

// FindSource finds the module of a folder. The Go version must be go.mod's: another one gives another binary and
// another compression.
func FindSource(ctx context.Context, folder string) (Source, error) {
	var s Source
	if _, err := exec.LookPath("go"); err != nil {
		return s, errors.New("the program go is missing, which compiles the functions: see " +
			"https://go.dev/doc/install, or use the images of a release with --built")
	}
	c := exec.CommandContext(ctx, "go", "list", "-m", "-json")
	c.Dir = folder
	out, err := output(c)
	if err != nil {
		return s, err
	}
	if err := json.Unmarshal(out, &s); err != nil {
		return s, fmt.Errorf("reading the output of go list: %w", err)
	}
	if s.Path != module {
		return s, fmt.Errorf("the folder belongs to %s: name a folder within %s with --source", s.Path, module)
	}
	if version := "go" + s.GoVersion; runtime.Version() != version {
		return s, fmt.Errorf("this command was compiled by %s, and go.mod has %s; another version gives another "+
			"image: GOTOOLCHAIN=%s go run ./deploy/keyturn deploy", runtime.Version(), version, version)
	}
	return s, nil
}

// label sets the version and the revision if the flags don't.
func (s Source) label(ctx context.Context, o *Options, log io.Writer) error {
	ask := func(value *string, args ...string) {
		if *value != "" {
			return
		}
		c := exec.CommandContext(ctx, "git", args...)
		c.Dir = s.Dir
		out, err := output(c)
		*value = strings.TrimSpace(string(out))
		if err != nil || *value == "" {
			*value = "unknown"
			fmt.Fprintf(log, "the label is %q, because git failed: %v\n", *value, err)
		}
	}
	ask(&o.Version, "describe", "--tags", "--always", "--dirty")
	ask(&o.Revision, "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*")
	return ctx.Err()
}

// stamp is the variable with the version of a binary; see package version.
const stamp = "github.com/keyturn/keyturn/pkg/version.stamped"

// Target is a program for a system.
type Target struct{ Package, OS, Arch string }

// Compile returns the binary of a program and its build information. The flags are the Dockerfile's.
func (s Source) Compile(ctx context.Context, t Target, version string) ([]byte, *buildinfo.BuildInfo, error) {
	dir, err := os.MkdirTemp("", "keyturn-build")
	if err != nil {
		return nil, nil, fmt.Errorf("making a folder: %w", err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "binary")
	c := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w -buildid= -X "+stamp+
		"="+version, "-o", path, t.Package)
	c.Dir = s.Dir
	c.Env = append(c.Environ(), "CGO_ENABLED=0", "GOOS="+t.OS, "GOARCH="+t.Arch, "GOAMD64=v1", "GOARM64=v8.0",
		"GOFLAGS=", "GOEXPERIMENT=", "GODEBUG=", "GOWORK=off", "GOTOOLCHAIN=go"+s.GoVersion)
	if _, err := output(c); err != nil {
		return nil, nil, err
	}
	binary, err := os.ReadFile(path)
	if err != nil {
		return nil, nil, fmt.Errorf("reading the binary: %w", err)
	}
	info, err := buildinfo.Read(bytes.NewReader(binary))
	if err != nil {
		return nil, nil, fmt.Errorf("reading the binary's build information: %w", err)
	}
	if info.GoVersion != "go"+s.GoVersion {
		return nil, nil, fmt.Errorf("the binary was compiled by %s, and go.mod has go%s", info.GoVersion, s.GoVersion)
	}
	return binary, info, nil
}

// output runs a command. The error includes what it prints to standard error.
func output(c *exec.Cmd) ([]byte, error) {
	var stderr bytes.Buffer
	c.Stderr = &stderr
	out, err := c.Output()
	if err != nil {
		why := cmp.Or(strings.TrimSpace(stderr.String()), "it printed nothing")
		return out, errors.Join(fmt.Errorf("running %s: %w", strings.Join(c.Args[:min(2, len(c.Args))], " "), err),
			errors.New(why))
	}
	return out, nil
}
