package tenancy

import (
	"context"
	"net/http"

	"github.com/keyturn/keyturn/test/fnhost"
	"github.com/keyturn/keyturn/test/ociemu"
)

// DeployFunctions adds the functions to the Functions service, so that callers can invoke them: rotate, and sweep if
// Options.Sweeper is set. A change of their configuration there doesn't reach the running processes.
func (s *Deployment) DeployFunctions() {
	config := map[string]string{"ons_topic": s.Topic}
	s.Deploy(s.Function, ociemu.Deployment{Config: config, Invoke: answering(s.Invoke)})
	if s.options.Sweeper != "" {
		s.Deploy(s.SweepFunction(), ociemu.Deployment{Config: config, Invoke: answering(s.InvokeSweep)})
	}
}

// answering answers calls of InvokeFunction with a function's answer.
func answering(invoke func(context.Context, []byte) (fnhost.Reply, error)) func(context.Context, map[string]string,
	[]byte) (int, []byte, string) {
	return func(ctx context.Context, _ map[string]string, body []byte) (int, []byte, string) {
		reply, err := invoke(ctx, body)
		if err != nil {
			return http.StatusBadGateway, nil, reply.CallID
		}
		return reply.Status, reply.Body, reply.CallID
	}
}
