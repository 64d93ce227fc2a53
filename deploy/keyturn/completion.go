package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

const completionText = `Prints a script with which your shell completes keyturn's commands and flags
when you press Tab. Load it in each new shell as the examples show, or write it
into the folder from which your shell loads such scripts. keyturn must be in
your PATH under that name.

The script is the output; --json has no effect.`

func completionCommand(*app) *cobra.Command {
	return &cobra.Command{Use: "completion bash|zsh|fish|powershell", Short: "Print a script for completion by Tab",
		Args: cobra.MatchAll(cobra.ExactArgs(1), cobra.OnlyValidArgs), GroupID: groupOther,
		ValidArgs: []string{"bash", "zsh", "fish", "powershell"}, Long: completionText,
		Example: `  source <(keyturn completion bash)       # in ~/.bashrc
  source <(keyturn completion zsh)        # in ~/.zshrc, after compinit
  keyturn completion fish | source        # in ~/.config/fish/config.fish
  keyturn completion bash >/etc/bash_completion.d/keyturn`,
		RunE: func(c *cobra.Command, args []string) error {
			root, out := c.Root(), c.OutOrStdout()
			switch args[0] {
			case "bash":
				return root.GenBashCompletionV2(out, true)
			case "zsh":
				return root.GenZshCompletion(out)
			case "fish":
				return root.GenFishCompletion(out, true)
			case "powershell":
				return root.GenPowerShellCompletionWithDesc(out)
			}
			return fmt.Errorf("there is no script for %s", args[0]) // ValidArgs has refused it before
		}}
}
