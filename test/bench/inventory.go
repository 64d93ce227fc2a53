package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/keyturn/keyturn/test/fnhost"
	"github.com/keyturn/keyturn/test/tenancy"
)

const (
	targetReportCalls  = 1000
	targetReportMemory = 200 // MB, in a shell with little memory, such as Cloud Shell
)

// measureReports runs the operator's report over users of an identity domain with three credentials each. It writes
// each of the report's forms.
func measureReports(ctx context.Context, b *bench) (err error) {
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return fmt.Errorf("making a folder: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	binary, err := tenancy.BuildCommand(ctx, dir)
	if err != nil {
		return err
	}
	for _, size := range b.domains {
		b.progress("reporting on %d users", size.users)
		figures, err := reportOn(ctx, b, binary, size)
		if err != nil {
			return fmt.Errorf("a report on %d users: %w", size.users, err)
		}
		for i, f := range append(domainFigures, struct{ what, unit string }{"HTML", "MB"}) {
			row := b.add(fmt.Sprintf("report: %d users: %s", size.users, f.what), f.unit, figures[i]...)
			switch {
			case size != b.domains[len(b.domains)-1]:
			case f.what == "calls":
				row.below(targetReportCalls)
			case f.what == "peak memory":
				row.below(targetReportMemory)
			}
		}
	}
	return nil
}

// reportOn makes one tenancy and reports on it. It returns the values of domainFigures, and the size of the HTML file.
func reportOn(ctx context.Context, b *bench, binary string, size sweepSize) (all [4][]float64, err error) {
	emulator, err := domainTenancy(b.settings, domainName, size.users)
	if err != nil {
		return all, err
	}
	defer func() { err = errors.Join(err, emulator.Close()) }()
	home, err := os.MkdirTemp("", "bench")
	if err != nil {
		return all, fmt.Errorf("making a folder: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(home)) }()
	shell, err := tenancy.NewCommand(binary, home, emulator, emulator.AddOperator("ann@example.com"))
	if err != nil {
		return all, err
	}
	page := filepath.Join(home, "report.html")
	for range size.times {
		emulator.ResetCalls()
		c := exec.CommandContext(ctx, binary, "report", "--html", page, "--csv", filepath.Join(home, "report.csv"))
		c.Env, c.Dir = shell.Environment(), home
		began := time.Now()
		peak, err := peakOf(c)
		if err != nil {
			return all, err
		}
		took := time.Since(began)
		written, err := os.Stat(page)
		if err != nil {
			return all, fmt.Errorf("the report: %w", err)
		}
		for i, v := range []float64{float64(len(emulator.Calls())), took.Seconds(), peak,
			float64(written.Size()) / (1 << 20)} {
			all[i] = append(all[i], v)
		}
	}
	return all, nil
}

// peakOf runs a program and returns the peak of its memory in MB. It asks Linux while the program runs: the usage that
// a parent gets afterwards includes the parent's own peak.
func peakOf(c *exec.Cmd) (peak float64, err error) {
	var stderr strings.Builder
	c.Stderr = &stderr
	if err := c.Start(); err != nil {
		return 0, err
	}
	ended := make(chan error, 1)
	go func() { ended <- c.Wait() }()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case err := <-ended:
			if err != nil {
				err = fmt.Errorf("%s: %w\n%s", c, err, stderr.String())
			}
			return peak, err
		case <-tick.C:
			kib, _, _ := fnhost.ResidentKB(c.Process.Pid) // an error: it has just ended
			peak = max(peak, megabytes(kib))
		}
	}
}
