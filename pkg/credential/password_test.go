package credential_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/keyturn/keyturn/pkg/credential"
)

func TestAChosenPasswordMeetsThePoliciesThatADomainCanHave(t *testing.T) {
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.FixedZone("", 3600))
	seen := map[string]bool{}
	for _, user := range []string{"", "web@example.com", "Partners/web@example.com", "Partners/bcd", "b", "x/B",
		"B-c.d"} {
		bare := strings.ToLower(user[strings.Index(user, "/")+1:])
		for range 200 {
			m, err := credential.ChoosePassword(at, user)
			if err != nil {
				t.Fatal(err)
			}
			text := string(m.Value.Reveal())
			has := func(class string) bool { return strings.ContainsAny(text, class) }
			letters := []byte(text)
			slices.Sort(letters)
			if m.Kind != credential.Password || m.ID != "2026-03-01T11:00:00.000Z" || m.ID == credential.TimeID(at) ||
				len(text) != 20 || len(slices.Compact(letters)) != 20 || seen[text] ||
				!has("bcdfghjkmnpqrstvwxz") || !has("BCDFGHJKLMNPQRSTVWXZ") || !has("23456789") || !has("-_.") ||
				has("aeiouyAEIOUYl01") || strings.ContainsAny(text[:1], "23456789-_.") ||
				bare != "" && strings.Contains(strings.ToLower(text), bare) {
				t.Fatalf("for the user %q, a password breaks a rule (id %s)", user, m.ID)
			}
			seen[text] = true
		}
	}
	if _, err := credential.ChoosePassword(at, "-"); err != nil {
		t.Errorf("a name that most passwords contain: %v", err)
	}
}

// Each character comes about equally often in each place but the first.
func TestTheCharactersOfAChosenPasswordAreDrawnEvenly(t *testing.T) {
	counts, n := map[byte]int{}, 4000
	for range n {
		m, err := credential.ChoosePassword(time.Now(), "")
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range m.Value.Reveal() {
			counts[c]++
		}
	}
	if len(counts) != 50 {
		t.Errorf("%d characters are in use, want 50", len(counts))
	}
	for c, got := range counts {
		// 20 of 50 are drawn. A password without a special is drawn again, so that these are more frequent.
		if mean := n * 20 / 50; got < mean*8/10 || got > mean*14/10 {
			t.Errorf("%q is in %d of %d passwords, want about %d", c, got, n, mean)
		}
	}
}
