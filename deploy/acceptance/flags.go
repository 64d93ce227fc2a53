package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"net/mail"

	"github.com/keyturn/keyturn/pkg/cloudguard"
)

// options are the flags.
type options struct {
	config, profile              string
	function, sweep              string
	vault, key, compartment      string
	domain, mail                 string
	freeform, switchCheck        bool
	state, json, cleanUp         string
	functionRegion, secretRegion string // as in the OCIDs
}

const usage = `Tests a deployed Keyturn with throw-away users and secrets, and removes them.

  go run ./deploy/acceptance -function OCID -vault OCID -key OCID [-sweep OCID] [-domain OCID] [flags]
  go run ./deploy/acceptance -clean-up FILE

The OCIDs are Terraform's outputs function_ids, vault_id and key_id. Use a staging stack if you have one:

  Cloud Guard takes days to find a credential too old, so the run sends its own events to the function. Cloud Guard has
  no record of them, and the function accepts them only with event_check=off. While it is off, anyone who may invoke the
  function or write events decides what is rotated. If event_check is on, the run refuses to start. With
  -switch-event-check it turns the check off, and on again at the end. dry_run must be no.

The run sends about 15 mails to the function's topic. The secrets are scheduled for deletion, which takes a day.

`

// readFlags reads and checks the flags. If ok is false, the command ends with the code.
func readFlags(args []string, stdout, stderr io.Writer) (o options, code int, ok bool) {
	f := flag.NewFlagSet("acceptance", flag.ContinueOnError)
	f.SetOutput(io.Discard)
	f.StringVar(&o.config, "config", "~/.oci/config", "the OCI configuration `file` of an administrator")
	f.StringVar(&o.profile, "profile", "DEFAULT", "the `profile` in it")
	f.StringVar(&o.function, "function", "", "`OCID` of the function rotate")
	f.StringVar(&o.sweep, "sweep", "", "`OCID` of the function sweep, to test it too")
	f.StringVar(&o.vault, "vault", "", "`OCID` of the vault for the secrets")
	f.StringVar(&o.key, "key", "", "`OCID` of the key that encrypts them")
	f.StringVar(&o.compartment, "compartment", "", "`OCID` of the compartment of the secrets (default: the first "+
		"of the function's secret_compartments, or its own)")
	f.StringVar(&o.domain, "domain", "", "`OCID` of an identity domain other than Default, to test its users too; "+
		"the function's identity_domains must include it")
	f.StringVar(&o.mail, "mail", "", "your e-mail `address`, to which -domain sends one mail with a link to set a "+
		"password, when the run resets the password of a throw-away user (default: it resets none by mail)")
	f.BoolVar(&o.freeform, "freeform-tags", false, "bind secrets by freeform tags, for a stack with secret_policy "+
		"= compartment")
	f.BoolVar(&o.switchCheck, "switch-event-check", false, "turn the function's event_check off for the run, and "+
		"on again at the end")
	f.StringVar(&o.state, "state", "", "state `file`, which lists what was created (default: "+
		"keyturn-acceptance-<run>.json here)")
	f.StringVar(&o.json, "json", "", "also write the report to this `file`, as JSON")
	f.StringVar(&o.cleanUp, "clean-up", "", "remove what the run of this state `file` left, and end")
	err := f.Parse(args)
	if errors.Is(err, flag.ErrHelp) {
		fmt.Fprint(stdout, usage)
		f.SetOutput(stdout)
		f.PrintDefaults()
		return o, exitFine, false
	}
	if err == nil {
		err = o.check(f.Args())
	}
	if err != nil {
		fmt.Fprintf(stderr, "acceptance: %v\nacceptance: -h shows the flags\n", err)
		return o, exitUsage, false
	}
	return o, exitFine, true
}

// check checks all flags, and reports all faults at once.
func (o *options) check(rest []string) error {
	if len(rest) > 0 {
		return fmt.Errorf("%q is no flag", rest[0])
	}
	if o.cleanUp != "" {
		return nil
	}
	var faults []error
	ocid := func(name, kind, output string, value *string, must bool) string {
		if *value == "" && !must {
			return ""
		}
		id, err := cloudguard.ParseOCID(*value, kind)
		switch {
		case *value == "":
			faults = append(faults, fmt.Errorf("-%s is missing: the OCID %s", name, output))
		case err != nil:
			faults = append(faults, fmt.Errorf("-%s: %w (want the OCID %s)", name, err, output))
		default:
			*value = string(id)
		}
		return id.Region()
	}
	o.functionRegion = ocid("function", "fnfunc", "of Terraform's output function_ids, rotate", &o.function, true)
	sweep := ocid("sweep", "fnfunc", "of Terraform's output function_ids, sweep", &o.sweep, false)
	o.secretRegion = ocid("vault", "vault", "of Terraform's output vault_id", &o.vault, true)
	key := ocid("key", "key", "of Terraform's output key_id", &o.key, true)
	if id, err := cloudguard.ParseOCID(o.compartment, "compartment", "tenancy"); o.compartment != "" && err != nil {
		faults = append(faults, fmt.Errorf("-compartment: %w", err))
	} else {
		o.compartment = string(id)
	}
	if id, err := cloudguard.ParseOCID(o.domain, "domain"); o.domain != "" && err != nil {
		faults = append(faults, fmt.Errorf("-domain: %w", err))
	} else {
		o.domain = string(id)
	}
	if at, err := mail.ParseAddress(o.mail); o.mail != "" && (err != nil || at.Address != o.mail) {
		faults = append(faults, errors.New("-mail is not an e-mail address like ada@example.com"))
	}
	switch {
	case len(faults) > 0:
	case o.mail != "" && o.domain == "":
		faults = append(faults, errors.New("-mail is only for a run with -domain: add it, or omit -mail"))
	case key != o.secretRegion:
		faults = append(faults, fmt.Errorf("-key is in region %s, -vault in %s: a key lives in its vault", key,
			o.secretRegion))
	case o.sweep == o.function:
		faults = append(faults, errors.New("-sweep is the same as -function: give the OCID of the other function"))
	case sweep != "" && sweep != o.functionRegion:
		faults = append(faults, fmt.Errorf("-sweep is in region %s, -function in %s", sweep, o.functionRegion))
	}
	return errors.Join(faults...)
}
