package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/keyturn/keyturn/test/tenancy"
)

// options are the flags, checked.
type options struct {
	kinds      []tenancy.Kind
	comment    string
	hasComment bool
	event      string
	serve      bool
	verbose    bool
	svg        string
}

const usage = `Usage: go run ./test/demo [flags]
       go run ./test/demo keyturn ARGS...   runs the operator's command in a populated tenancy

Rotates one credential of each kind in an emulated tenancy on this machine, and shows the results.

  -kind KIND[,KIND...]  only these: api-key, auth-token, customer-secret-key, password
  -comment TEXT         close the problem with this comment instead of a good one, and show what the
                        function answers, even if it refuses. Without -kind the kind is api-key.
                        In TEXT these become the OCIDs of secrets:
                          {secret}            the secret of an API key, auth token or password
                          {access_secret}     the secret of a customer secret key's access key
                          {secretkey_secret}  the secret of its secret key
                          {bundle}            one secret for everything that a consumer needs
                        An empty TEXT closes it without a comment.
  -event FILE           send the raw event in FILE to the function, through the Fn contract, and show the
                        answer and the mail
  -serve                set up the tenancy and keep running: close the problems yourself; Ctrl-C ends it
  -svg FILE             write the output before the mail to FILE as a picture, 80 columns wide
  -verbose              show the function's log, without the fields that are the same on every line
  -h                    this help

There are no colours if the output is no terminal, or NO_COLOR is set.

Examples:
  go run ./test/demo -kind password
  go run ./test/demo -comment 'api_secret_ocd:{secret}'
  go run ./test/demo -comment 'api_secret_ocid:{secret},grace:72h'
  go run ./test/demo -kind customer-secret-key -comment 'bundle_secret_ocid:{bundle}'
  go run ./test/demo -event pkg/cloudguard/testdata/detected_api_key.json
`

// readFlags reads the flags. If ok is false the command ends with the exit code.
func readFlags(args []string, stdout, stderr io.Writer) (o options, code int, ok bool) {
	flags := flag.NewFlagSet("demo", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	kinds := flags.String("kind", "", "")
	flags.StringVar(&o.comment, "comment", "", "")
	flags.StringVar(&o.event, "event", "", "")
	flags.BoolVar(&o.serve, "serve", false, "")
	flags.StringVar(&o.svg, "svg", "", "")
	flags.BoolVar(&o.verbose, "verbose", false, "")
	err := flags.Parse(args)
	if errors.Is(err, flag.ErrHelp) {
		fmt.Fprint(stdout, usage)
		return o, exitFine, false
	}
	given := map[string]bool{}
	flags.Visit(func(f *flag.Flag) { given[f.Name] = true })
	o.hasComment = given["comment"]
	switch {
	case err != nil:
	case flags.NArg() > 0:
		err = fmt.Errorf("unexpected argument %q", flags.Arg(0))
	case given["event"] && o.event == "":
		err = errors.New("-event needs the name of a file")
	case given["svg"] && o.svg == "":
		err = errors.New("-svg needs the name of a file")
	default:
		err = o.conflict(given)
	}
	if err == nil {
		o.kinds, err = parseKinds(*kinds, given["kind"])
	}
	if err == nil && o.hasComment {
		err = o.checkComment(given["kind"])
	}
	if err != nil {
		fmt.Fprintf(stderr, "demo: %v\nHelp: go run ./test/demo -h\n", err)
		return o, exitUsage, false
	}
	return o, exitFine, true
}

// conflict returns an error for flags that can't be combined.
func (o options) conflict(given map[string]bool) error {
	for _, pair := range [][2]string{{"event", "comment"}, {"event", "serve"}, {"event", "kind"}, {"serve", "comment"},
		{"svg", "serve"}, {"svg", "verbose"}, {"svg", "event"}} {
		if given[pair[0]] && given[pair[1]] {
			return fmt.Errorf("-%s and -%s can't be combined", pair[0], pair[1])
		}
	}
	return nil
}

func parseKinds(list string, given bool) ([]tenancy.Kind, error) {
	if !given {
		return tenancy.Kinds(), nil
	}
	var kinds []tenancy.Kind
	for name := range strings.SplitSeq(list, ",") {
		kind := tenancy.Kind(strings.TrimSpace(name))
		if !slices.Contains(tenancy.Kinds(), kind) {
			return nil, fmt.Errorf("unknown kind %q: the kinds are %s", kind, kindNames())
		}
		if !slices.Contains(kinds, kind) {
			kinds = append(kinds, kind)
		}
	}
	return kinds, nil
}

func kindNames() string {
	var names []string
	for _, k := range tenancy.Kinds() {
		names = append(names, string(k))
	}
	return strings.Join(names, ", ")
}

// readEvent reads the file of -event, before anything is built.
func (o options) readEvent() ([]byte, error) {
	if o.event == "" {
		return nil, nil
	}
	event, err := os.ReadFile(o.event)
	if err != nil {
		return nil, fmt.Errorf("reading the event: %w", err)
	}
	return event, nil
}
