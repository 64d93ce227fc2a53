// Command soak runs thousands of rotations for hundreds of users of three identity domains. Meanwhile calls fail or
// hang, connections are cut, processes are killed, events come several times, IAM's lists lag, operators edit secrets
// and delete credentials, and the sweep runs.
//
// Start with
//
//	go run ./test/soak -rotations 500
//
// from within the module. The seed decides the users, their order, the number of deliveries, and the faults of a user's
// calls. It does not decide how the calls of different processes interleave, nor which call gets a fault if the call
// belongs to no user, such as the one that publishes a mail, or names the user only in its body, such as the one that
// creates a credential in an identity domain.
//
// At every moment each user must have a working credential, or one must be readable in Vault. An epoch ends with a
// recovery phase without faults; after it each user must have exactly the new credential. The last line of the output
// has the figures. The exit code is 1 if there were violations.
//
// To see the effect of one fault at one call, use test/matrix.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/keyturn/keyturn/test/tenancy"
)

// settings are the flags.
type settings struct {
	seed       uint64
	rotations  int
	userCount  int
	parallel   int           // rotations in parallel
	limit      time.Duration // no new epoch begins after it; 0: no limit
	faults     float64       // the probability that a call has a fault
	epoch      int           // rotations in an epoch
	edits      float64       // the probability of an operator's edit during a rotation
	lag        time.Duration // how old IAM's lists are during the faults of every other epoch
	binary     string
	sweeper    string
	breakFirst bool // cause a violation on purpose, to test that it is reported
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := realMain(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

func readFlags(args []string, stderr io.Writer) (settings, error) {
	s := settings{epoch: 200}
	flags := flag.NewFlagSet("soak", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Uint64Var(&s.seed, "seed", 1, "decides the users, faults and edits")
	flags.IntVar(&s.rotations, "rotations", 2000, "how many `rotations`")
	flags.IntVar(&s.userCount, "users", 200, "how many `users`, with all kinds and forms in turn, in drawn domains")
	flags.IntVar(&s.parallel, "parallel", 4, "how many rotations run in `parallel`; a kill ends them all")
	flags.DurationVar(&s.limit, "for", 0, "start no rotation after this `time`, such as 5m")
	flags.Float64Var(&s.faults, "faults", 0.03, "`probability` that a call has a fault")
	flags.Float64Var(&s.edits, "edits", 0.2, "`probability` that an operator edits the secret or the credential "+
		"during a rotation")
	flags.DurationVar(&s.lag, "lag", 2*time.Second, "how old IAM's lists are in every other epoch")
	flags.StringVar(&s.binary, "binary", "", "the path of functions/rotate; empty: build both functions")
	flags.StringVar(&s.sweeper, "sweeper", "", "the path of functions/sweep")
	if err := flags.Parse(args); err != nil {
		return s, err
	}
	var err error
	switch {
	case flags.NArg() > 0:
		err = fmt.Errorf("unexpected argument %q", flags.Arg(0))
	case s.rotations < 1 || s.userCount < 1 || s.parallel < 1:
		err = errors.New("-rotations, -users and -parallel must be at least 1")
	case s.faults < 0 || s.faults > 0.5:
		err = errors.New("-faults must be between 0 and 0.5")
	case s.edits < 0 || s.edits > 1 || s.lag < 0 || s.lag > time.Minute:
		err = errors.New("-edits must be between 0 and 1, and -lag between 0 and 1m")
	}
	if err != nil {
		fmt.Fprintln(stderr, "soak:", err)
	}
	return s, err
}

// realMain is the whole command; it returns the exit code.
func realMain(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	s, err := readFlags(args, stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		return 2
	}
	sum, err := buildAndSoak(ctx, s, stdout)
	if err != nil {
		fmt.Fprintln(stderr, "soak:", err)
		return 2
	}
	fmt.Fprintln(stdout, sum)
	if sum.violations > 0 {
		return 1
	}
	return 0
}

// buildAndSoak builds the functions, unless they are given.
func buildAndSoak(ctx context.Context, s settings, stdout io.Writer) (tally, error) {
	if s.binary != "" {
		return soak(ctx, s, s.binary, s.sweeper, stdout)
	}
	dir, err := os.MkdirTemp("", "soak")
	if err != nil {
		return tally{}, fmt.Errorf("making a folder: %w", err)
	}
	defer os.RemoveAll(dir)
	rotate, err := tenancy.Build(ctx, dir)
	if err != nil {
		return tally{}, err
	}
	sweep, err := tenancy.BuildSweep(ctx, dir)
	if err != nil {
		return tally{}, err
	}
	return soak(ctx, s, rotate, sweep, stdout)
}
