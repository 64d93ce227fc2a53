package rotation

import (
	"context"
	"encoding/json"
	"slices"
	"testing"

	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/fault"
	"github.com/keyturn/keyturn/pkg/trace"
)

// tracedIssuer is an issuer whose deletion takes two calls.
type tracedIssuer struct {
	listIssuer
	err error
}

func (u tracedIssuer) Delete(ctx context.Context, _, _ string) error {
	for _, id := range []string{"request-1", "request-2"} {
		call, span := trace.Start(ctx, "DELETE", trace.Client)
		trace.Tag(call, trace.RequestID, id)
		span.End()
	}
	return u.err
}

func TestAStepHasTheRequestsOfItsCallsAndASpanWithWhatFailed(t *testing.T) {
	for _, class := range append(classes, "") {
		s := newFixture(credential.AuthToken, plain(credential.RoleToken))
		r, u := s.on(newFakeVault(s)), tracedIssuer{}
		if class != "" {
			u.err = fault.New(class, "DeleteAuthToken", "no")
		}
		r.Issuer = u
		ctx, all, _ := trace.New(t.Context(), "", "", "a run")
		r.act(ctx, ctx, Case{Lost: "lost"}, Decision{Action: Discard, Because: "so"})
		if got := r.result.Steps[0].Requests; !slices.Equal(got, []string{"request-1", "request-2"}) {
			t.Errorf("%s: the requests are %v", class, got)
		}
		text, err := all.Zipkin("keyturn")
		if err != nil {
			t.Fatal(err)
		}
		var spans []struct {
			Name     string
			Duration int64
			Tags     map[string]string
		}
		if err := json.Unmarshal(text, &spans); err != nil {
			t.Fatal(err)
		}
		found := 0
		for _, span := range spans {
			if span.Name != string(Discard) {
				continue
			}
			found++
			if span.Tags[trace.Failed] != string(class) || span.Duration == 0 {
				t.Errorf("%s: the span says %v, and took %d", class, span.Tags, span.Duration)
			}
		}
		if found != 1 {
			t.Errorf("%s: %d spans of the step in %s", class, found, text)
		}
	}
}
