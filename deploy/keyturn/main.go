// Command keyturn is the operator's command: it shows every credential of a tenancy, binds secrets, rotates, undoes a
// rotation, and deploys the functions. It has no rights of its own: it signs as the OCI CLI would.
//
//	go run ./deploy/keyturn --help
//
// docs/command.md describes the commands and the exit codes.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	a := &app{in: os.Stdin, out: os.Stdout, err: os.Stderr}
	code := a.run(ctx, os.Args[1:])
	stop()
	os.Exit(code)
}
