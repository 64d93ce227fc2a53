// Command registry pushes the image layouts of both functions to a container registry, without a container engine:
//
//	go run ./deploy/registry -to fra.ocir.io/<namespace>/keyturn -tag 1.0.0
//
// Use it through deploy/push. deploy/image writes the layouts, FROM/rotate and FROM/sweep. Each gets the same tag in
// the repository with its name. Standard output has one line per image, registry/namespace/repository:tag@digest, for
// deploy/sign and deploy/fill-in. Everything else goes to standard error.
//
// It checks both layouts and both tags before it sends anything. It skips a tag that already has the same digest, and
// refuses one with another digest unless -force is given. It reads back what it pushed. It signs in with the
// credentials of `docker login`, or with -user and -token-file; a token is never an argument.
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
)

// functions are the names of the layouts and of the repositories.
var functions = []string{"rotate", "sweep"}

// options are the command line.
type options struct {
	from      string // folder with a layout for each function
	to        string // beginning of the repositories' names: registry/namespace/prefix
	tag       string
	user      string // signs in with tokenFile; empty: the credentials of `docker login`
	tokenFile string // "-" is standard input
	force     bool   // move a tag that has another digest
	dryRun    bool   // check and report, send nothing
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run is the command. It returns 0 for success, 1 for a failure, 2 for a wrong command line.
func run(ctx context.Context, args []string, in io.Reader, out, log io.Writer) int {
	o, err := parse(args, log)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		return 2
	}
	if err := push(ctx, o, in, out, log); err != nil {
		fmt.Fprintf(log, "deploy/push: %v\n", err)
		return 1
	}
	return 0
}

func parse(args []string, log io.Writer) (options, error) {
	var o options
	f := flag.NewFlagSet("registry", flag.ContinueOnError)
	f.SetOutput(log)
	f.StringVar(&o.from, "from", "dist", "`folder` with the layouts rotate and sweep")
	f.StringVar(&o.to, "to", "", "beginning of the `repositories`: fra.ocir.io/<namespace>/keyturn")
	f.StringVar(&o.tag, "tag", "", "the images' `tag`: their version")
	f.StringVar(&o.user, "user", "", "`user` to sign in as, with -token-file: <namespace>/<user>")
	f.StringVar(&o.tokenFile, "token-file", "", "`file` with the user's auth token; - is standard input")
	f.BoolVar(&o.force, "force", false, "move a tag that has another digest")
	f.BoolVar(&o.dryRun, "n", false, "check and report, send nothing")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	if f.NArg() > 0 {
		err := fmt.Errorf("%q is one argument too many", f.Arg(0))
		fmt.Fprintln(log, err)
		return o, err
	}
	return o, nil
}
