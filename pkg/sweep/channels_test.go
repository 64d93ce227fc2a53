package sweep

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/keyturn/keyturn/pkg/config"
	"github.com/keyturn/keyturn/pkg/outcome"
)

// fakeChannels records the reasons of the outcomes that it gets, in the order of arrival.
type fakeChannels struct {
	owners, records []string
	mails           func() int // how many mails SecOps has got
	early           bool       // an owner's mail came after that of SecOps
}

func (f *fakeChannels) Owners(_ context.Context, o *outcome.Outcome) {
	f.early = f.early || f.mails() > 0
	f.owners = append(f.owners, o.Reason)
	o.Notes = append(o.Notes, "This mail was not sent to the topic.")
}

func (f *fakeChannels) Records(_ context.Context, outcomes ...outcome.Outcome) (wait func()) {
	for _, o := range outcomes {
		f.records = append(f.records, o.Reason)
	}
	return func() {}
}

func TestOwnersAndProgramsGetWhatIsNewsBeforeTheDigest(t *testing.T) {
	v := newNotesTenancy()
	v.outcomes = []outcome.Outcome{refusal("ocid1.user.oc1..ofa", "the secret is full")}
	f := &fakeChannels{}
	sweep := func() (mails []string) {
		t.Helper()
		v.mails = nil
		f.mails = func() int { return len(v.mails) }
		s := &Sweeper{Config: config.Config{}, Inventory: v, Vault: v, Responder: v, Notifier: v, Directory: v,
			Keeper: v, Channels: f, Clock: v}
		if _, err := s.Run(t.Context(), "call"); err != nil {
			t.Fatal(err)
		}
		return v.mails
	}
	mails := sweep()
	if len(mails) != 1 || !strings.Contains(mails[0], "- This mail was not sent to the topic.") || f.early {
		t.Errorf("the digest doesn't say what the owner didn't get: %q", mails)
	}
	v.outcomes = append(v.outcomes, refusal("ocid1.user.oc1..ofb", "another reason"))
	sweep()
	sweep()
	want := []string{"the secret is full", "another reason"}
	if !slices.Equal(f.owners, want) || !slices.Equal(f.records, want) {
		t.Errorf("the owners got %q, programs %q, want %q each", f.owners, f.records, want)
	}
}
