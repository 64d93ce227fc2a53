package main

import (
	"strings"

	"github.com/spf13/cobra"
)

// The groups of commands in the help.
const (
	groupSee    = "see"    // reads, changes nothing
	groupChange = "change" // changes the tenancy, after a question
	groupDeploy = "deploy" // the functions themselves
	groupOther  = "other"
)

// helpWidth is the width of the help in columns.
const helpWidth = "80"

const rootText = `Keyturn replaces Oracle Cloud credentials that have grown too old: API keys,
auth tokens, customer secret keys and console passwords. Two functions do that
in your tenancy. This command is for the people who operate them.

It signs as the OCI CLI does, with your own rights: by ~/.oci/config, a session
token (oci session authenticate), an instance or resource principal, or Cloud
Shell's login. It never prints the value of a credential.

Commands that change something show a plan and ask first. Each command has its
own help with examples: keyturn COMMAND --help. The exit codes are
  0  fine
  1  it failed, or it found something that a person has to do
  2  wrong flags, arguments or login; nothing was done
  3  a part of the tenancy could not be asked: the answer is not complete
  4  you said no, or nobody could be asked (see --yes); nothing was done
  130  interrupted`

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "keyturn",
		Short: "See, bind and rotate the credentials of an Oracle Cloud tenancy",
		Long:  rootText,
		Example: `  keyturn version
  keyturn version --json
  keyturn COMMAND --help`,
		// Errors are printed once, by run, and not with the usage.
		SilenceErrors: true, SilenceUsage: true,
	}
	root.SetIn(a.in)
	root.SetOut(a.out)
	root.SetErr(a.err)
	root.SetUsageTemplate(strings.ReplaceAll(root.UsageTemplate(), "Flags.FlagUsages ",
		"Flags.FlagUsagesWrapped "+helpWidth+" "))
	root.SetHelpCommandGroupID(groupOther)
	root.SetCompletionCommandGroupID(groupOther)
	f := root.PersistentFlags()
	f.BoolVar(&a.json, "json", false, "print the result as one JSON document")
	f.BoolVar(&a.yes, "yes", false, "make the changes of the plan without asking")
	a.loginFlags(root)
	used := map[string]bool{groupOther: true}
	for _, make := range commands {
		c := make(a)
		used[c.GroupID] = true
		root.AddCommand(c)
	}
	for _, g := range []*cobra.Group{{ID: groupSee, Title: "See:"}, {ID: groupChange, Title: "Change:"},
		{ID: groupDeploy, Title: "Deploy:"}, {ID: groupOther, Title: "Others:"}} {
		if used[g.ID] {
			root.AddGroup(g)
		}
	}
	a.note(root)
	return root
}

// note makes each command record that it has begun.
func (a *app) note(c *cobra.Command) {
	if run := c.RunE; run != nil {
		c.RunE = func(c *cobra.Command, args []string) error {
			a.began = true
			return run(c, args)
		}
	}
	for _, sub := range c.Commands() {
		a.note(sub)
	}
}
