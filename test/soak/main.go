// Command soak rotates for a long time: thousands of rotations over hundreds of users on one stage, while calls fail,
// hang and are cut, processes are killed, events come several times, IAM's lists are behind, people edit secrets and
// delete credentials, and the sweep runs in between.
//
// Start with
//
//	go run ./test/soak -rotations 500
//
// from within the module. What is chosen (whom, in which order, how many deliveries, which call for whom is disturbed,
// and how) depends on the seed alone; how calls of different processes fall together does not, and so neither does
// which of them gets a fault that falls on a call for nobody in particular, such as the one that publishes a mail. All
// along it is checked that every user has a credential that works in hand or in Vault; after every epoch, when faults
// have ended and time has passed, that each has exactly the new one. The last line of the output has the figures; the
// exit code is 1 if anything was violated.
//
// It is not for finding out which fault at which call does what: test/matrix plays those one by one.
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

// settings say how long and how rough it is.
type settings struct {
	seed      uint64
	rotations int
	users     int
	side      int           // rotations side by side
	limit     time.Duration // no new epoch begins after it; 0: none
	faults    float64       // the probability that a call is disturbed
	epoch     int           // rotations between two times of peace
	edits     float64       // the probability that somebody edits what a rotation is at
	lag       time.Duration // how far IAM's lists are behind in every other time of trouble
	binary    string
	sweeper   string
	plant     bool // break the first user on purpose, so that a violation is there to be seen
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
	flags.Uint64Var(&s.seed, "seed", 1, "draws whom, what and when")
	flags.IntVar(&s.rotations, "rotations", 2000, "how many `rotations`")
	flags.IntVar(&s.users, "users", 200, "how many `users`, of all kinds and forms in turn")
	flags.IntVar(&s.side, "side", 4, "how many rotations go `side` by side; a kill ends them all")
	flags.DurationVar(&s.limit, "for", 0, "begin nothing new after this `time`, such as 5m")
	flags.Float64Var(&s.faults, "faults", 0.03, "`probability` that a call is disturbed")
	flags.Float64Var(&s.edits, "edits", 0.2, "`probability` that somebody edits the secret or the credential "+
		"during a rotation")
	flags.DurationVar(&s.lag, "lag", 2*time.Second, "how far IAM's lists are behind in every other time of trouble")
	flags.StringVar(&s.binary, "binary", "", "the function; both are built if empty")
	flags.StringVar(&s.sweeper, "sweeper", "", "the sweep that belongs to it")
	if err := flags.Parse(args); err != nil {
		return s, err
	}
	var err error
	switch {
	case flags.NArg() > 0:
		err = fmt.Errorf("unexpected argument %q", flags.Arg(0))
	case s.rotations < 1 || s.users < 1 || s.side < 1:
		err = errors.New("-rotations, -users and -side must be 1 at least")
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
