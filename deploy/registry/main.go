// Command registry pushes the image layouts of both functions to a container registry, without a container engine:
//
//	go run ./deploy/registry -to fra.ocir.io/<namespace>/keyturn -tag 1.0.0
//
// deploy/push calls it; begin there. The layouts are what deploy/image writes: FROM/rotate and FROM/sweep. Each gets
// the same tag in a repository of its name. Standard output is one line an image,
// registry/namespace/repository:tag@digest, which is what deploy/sign and deploy/fill-in take. Everything else goes to
// standard error.
//
// Both layouts and both tags are looked at before anything is sent. A tag that is there with the same digest is left
// alone, one with another digest is refused unless -force is given, and what was pushed is read back. It signs in as
// `docker login` has left it, or with -user and -token-file; no token is ever an argument.
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

// options are what the command line says.
type options struct {
	from      string // folder with a layout for each function
	to        string // what the repositories' names begin with: registry/namespace/prefix
	tag       string
	user      string // with tokenFile: signs in with them. Empty: as `docker login` has left it
	tokenFile string // "-" is standard input
	force     bool   // move a tag that is there with another digest
	dryRun    bool   // look and tell, send nothing
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run is the command: 0 is success, 1 a failure, 2 a command line that can't be understood.
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
	f.StringVar(&o.to, "to", "", "what the `repositories` begin with: fra.ocir.io/<namespace>/keyturn")
	f.StringVar(&o.tag, "tag", "", "the images' `tag`: their version")
	f.StringVar(&o.user, "user", "", "`user` to sign in as, with -token-file: <namespace>/<user>")
	f.StringVar(&o.tokenFile, "token-file", "", "`file` with the user's auth token; - is standard input")
	f.BoolVar(&o.force, "force", false, "move a tag that is there with another digest")
	f.BoolVar(&o.dryRun, "n", false, "look and tell, send nothing")
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
