package cloudguard_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/keyturn/keyturn/pkg/cloudguard"
	"github.com/keyturn/keyturn/pkg/credential"
)

// whole is an OCID like those of OCI: 60 characters after the last dot.
const whole = "ocid1.vaultsecret.oc1.iad.amaaaaaaq6kbnxjbtfqxkwovompzom7wbbr6qmw4wxfogo6mvn6a6wfhym6l"

func refusedComment(t *testing.T, text string) *cloudguard.CommentError {
	t.Helper()
	_, err := cloudguard.ParseComment(token, text)
	refused, ok := errors.AsType[*cloudguard.CommentError](err)
	if !ok {
		t.Errorf("%q: %v, want a refusal", text, err)
		return &cloudguard.CommentError{}
	}
	checkRefused(t, token, refused)
	return refused
}

func TestAnOCIDThatIsCutShortIsRefused(t *testing.T) {
	var cut []string
	for n := range len(whole) - 6 {
		n = n + 1
		if n < 47 || n > 52 { // what is left with a digit, or of the part that all have
			cut = append(cut, whole[:len(whole)-n])
		}
	}
	cut = append(cut, whole[:40]+"...", whole[:40]+"\u2026", whole[:50]+" ...", "..."+whole[80:], "\u2026"+whole[80:],
		whole[:30]+"..."+whole[80:],
		whole[:30]+"\u2026"+whole[80:], whole+"q7", "OCID1.VAULTSECRET.OC1.IAD.AMAAA...", one+"...")
	for _, value := range cut {
		for _, text := range []string{"auth_secret_ocid:" + value, "auth_secret_ocid: \"" + value + "\",CHG-1"} {
			refused := refusedComment(t, text)
			if !strings.Contains(refused.Reason(), "cut short") || !strings.Contains(refused.Corrected, ask(token)) {
				t.Errorf("%q: %v", text, refused)
			}
		}
	}
}

func TestTheCorrectedCommentJoinsAnOCIDThatALineBreakCut(t *testing.T) {
	for _, n := range []int{40, 50, 60, 70, 80} {
		refused := refusedComment(t, "auth_secret_ocid:"+whole[:n]+"\n"+whole[n:])
		if !strings.HasPrefix(refused.Corrected, "auth_secret_ocid:"+whole) {
			t.Errorf("cut at %d: %v", n, refused)
		}
	}
}

func TestAnUnusualOCIDIsLeftToOCI(t *testing.T) {
	for _, id := range []string{whole, one, two, three, "ocid1.vaultsecret.oc1.iad.example",
		"ocid1.vaultsecret.oc19.eu-frankfurt-2." + whole[26:],
		"ocid1.vaultsecret.oc1.iad.future.use",
		"ocid1.vaultsecret.oc2.us-luke-1.bbbbbbbb4yalk3rotsz2d5enoxul4q5mldkbz562dcehkqjpdqe4apvlcx"} {
		c, err := cloudguard.ParseComment(token, "auth_secret_ocid:"+id)
		if err != nil || string(c.Secrets[credential.RoleToken]) != id {
			t.Errorf("%s: %q, %v", id, c, err)
		}
	}
}

func TestAnOCIDOfAnotherTypeIsNamedByItsType(t *testing.T) {
	for kind, want := range map[string]string{"user": "a user", "vault": "a vault", "key": "an encryption key",
		"compartment": "a compartment",
		"tenancy":     "a tenancy", "credential": "another credential", "vaultsecretversion": "a version of a secret",
		"secretbundle":      "a secret bundle",
		"cloudguardproblem": "a problem", "something": "something"} {
		refused := refusedComment(t, "auth_secret_ocid:ocid1."+kind+".oc1.iad."+whole[26:])
		if reason := refused.Reason(); !strings.Contains(reason, want) || !strings.Contains(reason, "vaultsecret") ||
			strings.Contains(reason, "cut short") {
			t.Errorf("%s: %s", kind, reason)
		}
	}
}

func TestAFullStopAfterAnOCIDIsNotACut(t *testing.T) {
	refused := refusedComment(t, "auth_secret_ocid:"+whole+".")
	if strings.Contains(refused.Reason(), "cut short") || refused.Corrected != "auth_secret_ocid:"+whole {
		t.Error(refused)
	}
}

func TestManyDotsAreRefusedLikeThree(t *testing.T) {
	few := refusedComment(t, "auth_secret_ocid:...")
	many := refusedComment(t, "auth_secret_ocid:"+strings.Repeat(".", cloudguard.MaxComment-100))
	if few.Reason() != many.Reason() || few.Corrected != many.Corrected {
		t.Errorf("three: %v; many: %v", few, many)
	}
}
