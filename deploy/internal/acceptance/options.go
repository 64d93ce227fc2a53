package acceptance

import (
	"errors"
	"fmt"
	"net/mail"

	"github.com/keyturn/keyturn/pkg/cloudguard"
)

// Options say what a run tests. Their names are those of the command's flags.
type Options struct {
	Function, Sweep         string // OCIDs of the functions; Sweep may be empty: not tested
	Vault, Key, Compartment string // OCIDs for the secrets; Compartment may be empty: the function's
	Domain                  string // OCID of an identity domain other than Default; empty: not tested
	Mail                    string // the address for one mail of the domain; empty: none
	FreeformTags            bool   // bind secrets by freeform tags
	SwitchEventCheck        bool   // turn the function's event_check off for the run
	State                   string // path of the state file; empty: one in the working folder

	functionRegion, secretRegion string // as in the OCIDs
}

// check checks all options, and reports all faults at once.
func (o *Options) check() error {
	var faults []error
	ocid := func(name, kind, output string, value *string, must bool) string {
		if *value == "" && !must {
			return ""
		}
		id, err := cloudguard.ParseOCID(*value, kind)
		switch {
		case *value == "":
			faults = append(faults, fmt.Errorf("--%s is missing: the OCID %s", name, output))
		case err != nil:
			faults = append(faults, fmt.Errorf("--%s: %w (want the OCID %s)", name, err, output))
		default:
			*value = string(id)
		}
		return id.Region()
	}
	o.functionRegion = ocid("function", "fnfunc", "of Terraform's output function_ids, rotate", &o.Function, true)
	sweep := ocid("sweep", "fnfunc", "of Terraform's output function_ids, sweep", &o.Sweep, false)
	o.secretRegion = ocid("vault", "vault", "of Terraform's output vault_id", &o.Vault, true)
	key := ocid("key", "key", "of Terraform's output key_id", &o.Key, true)
	if id, err := cloudguard.ParseOCID(o.Compartment, "compartment", "tenancy"); o.Compartment != "" && err != nil {
		faults = append(faults, fmt.Errorf("--compartment: %w", err))
	} else {
		o.Compartment = string(id)
	}
	if id, err := cloudguard.ParseOCID(o.Domain, "domain"); o.Domain != "" && err != nil {
		faults = append(faults, fmt.Errorf("--domain: %w", err))
	} else {
		o.Domain = string(id)
	}
	if at, err := mail.ParseAddress(o.Mail); o.Mail != "" && (err != nil || at.Address != o.Mail) {
		faults = append(faults, errors.New("--mail is not an e-mail address like ada@example.com"))
	}
	switch {
	case len(faults) > 0:
	case o.Mail != "" && o.Domain == "":
		faults = append(faults, errors.New("--mail is only for a run with --domain: add it, or omit --mail"))
	case key != o.secretRegion:
		faults = append(faults, fmt.Errorf("--key is in region %s, --vault in %s: a key lives in its vault", key,
			o.secretRegion))
	case o.Sweep == o.Function:
		faults = append(faults, errors.New("--sweep is the same as --function: give the OCID of the other function"))
	case sweep != "" && sweep != o.functionRegion:
		faults = append(faults, fmt.Errorf("--sweep is in region %s, --function in %s", sweep, o.functionRegion))
	}
	return errors.Join(faults...)
}
