package main

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/oci"
)

// loginFlags adds the flags about the login to the command and its subcommands.
func (a *app) loginFlags(root *cobra.Command) {
	var ways []string
	for _, w := range oci.Auths() {
		ways = append(ways, string(w))
	}
	f := root.PersistentFlags()
	f.StringVar(&a.login.File, "config-file", "", "the OCI CLI's configuration `file` (default ~/.oci/config)")
	f.StringVar(&a.login.Profile, "profile", "", "the `profile` in it (default DEFAULT)")
	f.StringVar(&a.login.Region, "region", "", "the `region` to use instead of the profile's")
	f.StringVar((*string)(&a.login.Auth), "auth", "", "the `way` to sign in: "+strings.Join(ways, ", ")+
		" (default: what the profile is for)")
	must(root.RegisterFlagCompletionFunc("auth", cobra.FixedCompletions(ways, cobra.ShellCompDirectiveNoFileComp)))
	must(root.RegisterFlagCompletionFunc("profile", cobra.NoFileCompletions))
	must(root.RegisterFlagCompletionFunc("region", cobra.NoFileCompletions))
}

// must panics on an error that only a mistake in this program can cause.
func must(err error) {
	if err != nil {
		panic("keyturn: internal error: " + err.Error())
	}
}

// cloud returns the connections to OCI, signed as the operator. A flag is stronger than its variable, which is the OCI
// CLI's.
func (a *app) cloud() (*oci.Cloud, error) {
	l := a.login
	l.File = cmp.Or(l.File, a.env["OCI_CLI_CONFIG_FILE"])
	l.Profile = cmp.Or(l.Profile, a.env["OCI_CLI_PROFILE"])
	l.Region = cmp.Or(l.Region, a.env["OCI_CLI_REGION"])
	l.Auth = cmp.Or(l.Auth, oci.Auth(a.env["OCI_CLI_AUTH"]))
	l.DelegationToken = a.env["OCI_CLI_DELEGATION_TOKEN_FILE"]
	l.Passphrase = credential.NewValue([]byte(a.env["OCI_CLI_PASSPHRASE"]))
	l.Home = cmp.Or(a.env["HOME"], a.env["USERPROFILE"])
	l.Warn = func(text string) { fmt.Fprintln(a.err, "keyturn: warning:", text) }
	c, err := oci.NewAs(l)
	if err != nil {
		return nil, exit{exitUsage, fmt.Errorf("signing in: %w", err)}
	}
	return c, nil
}
