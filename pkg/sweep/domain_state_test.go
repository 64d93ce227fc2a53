package sweep

import (
	"slices"
	"strings"
	"testing"

	"github.com/keyturn/keyturn/pkg/credential"
)

func TestADomainThatIsNotActiveIsReportedAndNotRead(t *testing.T) {
	idle := partners
	idle.State = "INACTIVE"
	d := newFakeDomains(idle, plant)
	w := d.sweeper()
	w.Inventory, w.Clock = d, d
	digest, err := w.Run(t.Context(), "call")
	if err != nil || len(digest.Unfinished) != 1 || !digest.Unfinished[0].Needs ||
		!strings.Contains(digest.Unfinished[0].Text, "domain Partners is INACTIVE") {
		t.Errorf("the sweep reports %+v (%v)", digest.Unfinished, err)
	}
	if d.calls["Partners auth-token"] != 0 || d.calls["Plant auth-token"] != 1 {
		t.Errorf("the calls are %v", d.calls)
	}
}

func TestWithSCIMForDefaultTheClassicAPIIsNotReadInItsPlace(t *testing.T) {
	d := newFakeDomains(plant)
	d.config.DefaultBySCIM = true
	if failed := d.run(t); d.calls["classic users"] != 0 ||
		!slices.Equal(failed, []string{"read the credentials of domain Default"}) {
		t.Errorf("failed: %q, the calls are %v", failed, d.calls)
	}
}

func TestACandidateOfDefaultThatTheClassicAPIDoesNotListIsAFailure(t *testing.T) {
	d := newFakeDomains(main)
	d.held["Default auth-token"] = []credential.Held{of("web", marked("of the domain"))}
	d.refused["classic auth-token of "+owner] = refusal401
	if failed := d.run(t); len(failed) != 1 || len(d.orphans) != 0 {
		t.Errorf("handed over were %+v, failed: %q", d.orphans, failed)
	}
}

func TestADomainThatIsThrottledForLongIsAFailureAfterTwentyTries(t *testing.T) {
	d := newFakeDomains(plant)
	d.refused["Plant auth-token"] = throttled
	failed := d.run(t)
	if n := d.calls["Plant auth-token"]; n != 20 || len(d.slept) != 19 || len(failed) != 1 {
		t.Errorf("it was asked %d times with %d pauses, failed: %q", n, len(d.slept), failed)
	}
}
