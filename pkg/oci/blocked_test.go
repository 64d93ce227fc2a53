package oci_test

import (
	"context"
	"sync"
	"testing"

	"github.com/keyturn/keyturn/pkg/fault"
	"github.com/keyturn/keyturn/test/ociemu"
)

func TestABlockedCallEndsWithItsContext(t *testing.T) {
	cloud, e := emulated(t, ociemu.Calm())
	id := e.AddTopic("secops")
	release := make(chan struct{})
	defer close(release)
	e.Inject(ociemu.Fault{Operation: "PublishMessage", Do: ociemu.Hold(release)})
	ctx, cancel := context.WithCancel(t.Context())
	var wait sync.WaitGroup
	wait.Go(func() {
		if err := cloud.Publish(ctx, id, "title", "body"); fault.Of(err) != fault.Unclear || err == nil {
			t.Errorf("the error is %v", err)
		}
	})
	for len(called(e, "PublishMessage")) == 0 {
		if t.Context().Err() != nil {
			t.Fatal("the call never came")
		}
	}
	cancel()
	wait.Wait()
}
