package main

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/keyturn/keyturn/test/fnhost"
	"github.com/keyturn/keyturn/test/ociemu"
	"github.com/keyturn/keyturn/test/tenancy"
)

//go:embed testdata/profiled.go
var profiled []byte

// profile writes one file beside the table, if that is wanted.
func (b *bench) profile(name string, content []byte) error {
	if b.profiles == "" {
		return nil
	}
	if err := os.MkdirAll(b.profiles, 0o755); err != nil {
		return fmt.Errorf("making the folder of the profiles: %w", err)
	}
	if err := os.WriteFile(filepath.Join(b.profiles, name), content, 0o644); err != nil {
		return fmt.Errorf("writing a profile: %w", err)
	}
	return nil
}

// buildProfiled compiles a function with one more file, by the go command's overlay: its own sources are unchanged, and
// so is the binary that the figures are of.
func buildProfiled(ctx context.Context, dir, pkg string) (string, error) {
	root, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}").Output()
	if err != nil {
		return "", fmt.Errorf("looking for the module: %w", err)
	}
	source, overlay := filepath.Join(dir, "profiled.go"), filepath.Join(dir, "overlay.json")
	text, err := json.Marshal(map[string]any{"Replace": map[string]string{
		filepath.Join(strings.TrimSpace(string(root)), filepath.FromSlash(pkg), "profiled.go"): source}})
	if err == nil {
		err = errors.Join(os.WriteFile(source, profiled, 0o644), os.WriteFile(overlay, text, 0o644))
	}
	if err != nil {
		return "", fmt.Errorf("writing the overlay: %w", err)
	}
	return build(ctx, dir, pkg, "-overlay="+overlay)
}

// profileHost ends the processes of a profiled function and writes their profiles, merged, and the lists of the
// functions that take most.
func (b *bench) profileHost(ctx context.Context, host *fnhost.Host, name, folder string) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	if err := host.Stop(ctx, syscall.SIGTERM); err != nil {
		return err
	}
	for _, p := range []struct{ name, sample, ending string }{{"cpu", "cpu", "cpu"}, {"heap", "inuse_space", "heap"},
		{"alloc", "alloc_space", "heap"}} {
		parts, err := filepath.Glob(filepath.Join(folder, "*."+p.ending))
		if err != nil || len(parts) == 0 {
			return errors.Join(errors.New("the function has left no profile in "+folder), err)
		}
		for ending, args := range map[string][]string{".pprof": {"-proto"}, ".txt": {"-top", "-cum", "-nodecount=80"}} {
			args = append([]string{"tool", "pprof", "-sample_index=" + p.sample}, append(args, parts...)...)
			out, err := exec.CommandContext(ctx, "go", args...).Output()
			if err != nil {
				return fmt.Errorf("reading the profile: %w", err)
			}
			if err := b.profile(name+"."+p.name+ending, out); err != nil {
				return err
			}
		}
	}
	return nil
}

// profileRotations profiles rotations of all kinds in turn, in one process.
func profileRotations(ctx context.Context, b *bench) (err error) {
	if b.profiles == "" {
		return nil
	}
	b.progress("profiling %d rotations", b.serial/4)
	binary, err := buildProfiled(ctx, b.dir, "functions/rotate")
	if err != nil {
		return err
	}
	folder, err := os.MkdirTemp(b.dir, "rotate")
	if err != nil {
		return fmt.Errorf("making a folder: %w", err)
	}
	r, err := newRig(ctx, b.settings, binary, "bench_profiles="+folder)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.End()) }()
	for i := range max(1, b.serial/4) {
		if _, err := r.rotate(r.Add(tenancy.Want{Kind: kinds()[i%len(kinds())]}), false); err != nil {
			return fmt.Errorf("rotation %d: %w", i+1, err)
		}
	}
	return b.profileHost(ctx, r.Host, "burst", folder)
}

// profileSweep profiles the sweep of one tenancy.
func profileSweep(ctx context.Context, b *bench, users int, emulator *ociemu.Emulator, env []string) (err error) {
	b.progress("profiling the sweep of %d users", users)
	binary, err := buildProfiled(ctx, b.dir, "functions/sweep")
	if err != nil {
		return err
	}
	folder, err := os.MkdirTemp(b.dir, "sweep")
	if err != nil {
		return fmt.Errorf("making a folder: %w", err)
	}
	host, err := fnhost.Start(ctx, fnhost.Options{Binary: binary, Timeout: sweepTimeout, MaxContainers: 1,
		Env: append(env, "bench_profiles="+folder)})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, host.Close()) }()
	if _, err := host.Invoke(ctx, []byte("{}")); err != nil {
		return err
	}
	return b.profileHost(ctx, host, fmt.Sprintf("sweep-%d", users), folder)
}
