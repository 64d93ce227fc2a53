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

	"github.com/keyturn/keyturn/pkg/background"
)

func main() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	a := newApp(os.Stdin, os.Stdout, os.Stderr, os.Environ())
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	background.Go(ctx, "waiting for a signal", func() {
		<-signals
		a.interrupted()
		cancel()
		<-signals
		a.abandoned()
		os.Exit(exitInterrupted)
	})
	os.Exit(a.run(ctx, os.Args[1:]))
}
