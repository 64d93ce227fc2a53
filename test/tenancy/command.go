package tenancy

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/keyturn/keyturn/test/ociemu"
)

// BuildCommand builds the operator's command in the folder, and returns its path.
func BuildCommand(ctx context.Context, dir string) (string, error) {
	return buildProgram(ctx, dir, "deploy/keyturn")
}

// Command is an operator's shell, in which the command reaches the emulator by its environment alone.
type Command struct {
	Binary   string
	Home     string // a folder, which gets the file .oci/config of the operator
	Emulator *ociemu.Emulator
	Env      []string // more variables, each NAME=value
}

// Ran is what a command printed, and its exit code.
type Ran struct {
	Stdout, Stderr string
	Code           int
}

// NewCommand returns a shell of the operator. The home folder must exist.
func NewCommand(binary, home string, e *ociemu.Emulator, o ociemu.Operator) (*Command, error) {
	_ = DependOn("deploy") // as in New
	file := filepath.Join(home, ".oci", "config")
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return nil, err
	}
	return &Command{Binary: binary, Home: home, Emulator: e}, os.WriteFile(file, []byte(e.Config(o)), 0o600)
}

// Environment returns the variables with which a program reaches the emulator, each NAME=value.
func (c *Command) Environment() []string {
	return append([]string{"HTTPS_PROXY=" + c.Emulator.URL(), "SSL_CERT_FILE=" + c.Emulator.CAFile(),
		"HOME=" + c.Home, "PATH=" + os.Getenv("PATH")}, c.Env...)
}

// Run runs the command with the input, and returns when it has ended. An error means that it didn't run.
func (c *Command) Run(ctx context.Context, in io.Reader, args ...string) (Ran, error) {
	cmd := exec.CommandContext(ctx, c.Binary, args...)
	cmd.Dir = c.Home
	cmd.Env = c.Environment()
	var stdout, stderr bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = in, &stdout, &stderr
	err := cmd.Run()
	if _, ended := errors.AsType[*exec.ExitError](err); err != nil && !ended {
		return Ran{}, fmt.Errorf("running keyturn: %w", err)
	}
	return Ran{stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()}, nil
}
