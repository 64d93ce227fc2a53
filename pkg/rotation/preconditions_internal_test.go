package rotation

import (
	"testing"
	"time"

	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/fault"
	"github.com/keyturn/keyturn/pkg/fn"
)

// Each time derives from a limit of the platform or of IAM.
func TestEachTimeThatIsWaitedIsTheOneThatItsReasonGives(t *testing.T) {
	for what, c := range map[string]struct{ have, want time.Duration }{
		"an invocation may be at work for its longest life and a minute": {MakerLife, fn.MaxLife +
			time.Minute},
		"IAM is given the 240 seconds that OCI's own SDKs give it":                {SpreadTime, 240 * time.Second},
		"a refusal counts after twice the 15 minutes that users have seen":        {ProofTime, 2 * 15 * time.Minute},
		"a list shows what was made when its maker is gone and IAM has spread it": {UnseenTime, 10 * time.Minute},
		"a service may be silent for a day":                                       {SilentTime, 24 * time.Hour},
		"a secret may take no change for half an hour":                            {BlockedTime, 30 * time.Minute},
		"an answer that was asked for in advance is used for two seconds":         {PrefetchLife, 2 * time.Second},
	} {
		if c.have != c.want {
			t.Errorf("%s: %v, want %v", what, c.have, c.want)
		}
	}
}

func TestAnActionWithoutWhatItNeedsIsRefusedBeforeOCIIsAsked(t *testing.T) {
	for _, kind := range credential.Kinds() {
		for _, a := range []Action{Create, Stage, Prove, Promote, Fence, Discard, Look, Done, ""} {
			if a == Create && kind != credential.APIKey || a == Stage && kind == credential.APIKey {
				continue // OCI makes the value, or this run does
			}
			// a call to OCI would panic
			r := &run{Engine: &Engine{}, job: Job{
				Request: credential.Request{Ref: credential.Ref{Kind: kind, User: "u", ID: "old"}}}}
			c := Case{State: State{Origin: kind.Origin()}}
			if err := r.do(t.Context(), c, a); err == nil || fault.Of(err) != fault.Invalid {
				t.Errorf("%s, %q: %v", kind, a, err)
			}
			if r.result.Acted || r.mem.Undone != "" || len(r.mem.Deleted) > 0 {
				t.Errorf("%s, %q: it is taken for done", kind, a)
			}
		}
	}
}
