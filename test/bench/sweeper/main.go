// Command sweeper sweeps once, as functions/sweep does, but without the time limit of an invocation: test/bench
// measures with it how a sweep grows beyond that limit. The tenancy has no problem and no orphan, so nothing rotates.
// It prints the peak of its resident memory in KiB. The usage that the parent gets isn't of use: it includes the
// parent's own peak (setmax_mm_hiwater_rss in Linux's exec_mmap).
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"

	"github.com/keyturn/keyturn/pkg/clock"
	"github.com/keyturn/keyturn/pkg/config"
	"github.com/keyturn/keyturn/pkg/oci"
	"github.com/keyturn/keyturn/pkg/sweep"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "sweeper:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	cfg, err := config.Read(os.Environ())
	if err != nil {
		return err
	}
	cloud := oci.New()
	cloud.IdentityDomains = cfg.IdentityDomains
	s := &sweep.Sweeper{Config: cfg, Inventory: cloud, Vault: cloud.Vault(), Notifier: cloud, Directory: cloud,
		Clock: clock.System{}}
	digest, err := s.Run(ctx, "bench")
	if err == nil && !digest.Empty() {
		err = fmt.Errorf("the sweep found something: %+v", digest)
	}
	if err != nil {
		return err
	}
	return printPeak()
}

func printPeak() error {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return fmt.Errorf("reading the memory: %w", err)
	}
	for line := range strings.Lines(string(status)) {
		if kib, found := strings.CutPrefix(line, "VmHWM:"); found {
			fmt.Println(strings.TrimSuffix(strings.TrimSpace(kib), " kB"))
			return nil
		}
	}
	return errors.New("/proc/self/status has no VmHWM")
}
