package command

import (
	"context"
	"fmt"
	"os"
	"sync"
	"testing"

	"github.com/keyturn/keyturn/test/tenancy"
)

// shared is one tenancy, with both functions deployed, for tests that don't change it.
var shared struct {
	once sync.Once
	s    *tenancy.Deployment
	err  error
}

func sharedTenancy(t *testing.T) (*tenancy.Deployment, *tenancy.Command) {
	t.Helper()
	shared.once.Do(func() {
		shared.s, shared.err = tenancy.New(context.Background(), tenancy.Options{Binary: rotateBinary,
			Sweeper: sweepBinary})
		if shared.err == nil {
			shared.s.DeployFunctions()
		}
	})
	if shared.err != nil {
		t.Fatal(shared.err)
	}
	return shared.s, shell(t, shared.s.Emulator, shared.s.Operator)
}

// endShared stops the shared tenancy, if a test has used it.
func endShared() {
	if shared.s == nil {
		return
	}
	if err := shared.s.End(); err != nil {
		fmt.Fprintln(os.Stderr, "ending the shared tenancy:", err)
	}
}
