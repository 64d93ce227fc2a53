package outcome_test

import (
	"strings"
	"testing"

	"github.com/keyturn/keyturn/pkg/outcome"
)

// digest is a sweep with an item in every section.
func digest() outcome.Digest {
	all := cases()
	return outcome.Digest{
		Outcomes: []outcome.Outcome{all["refused_unbound"], all["rotated_auth_token"], all["unfinished"]},
		Found: []string{"Secret token-of-web (" + secretID + ") had 26 versions; OCI keeps 30. The deletion " +
			"of 16 deprecated ones is scheduled."},
		Unfinished: []outcome.Finding{{Text: "The sweep could not check the auth tokens and customer secret keys " +
			"of users: the time ran out."},
			{Needs: true, Text: "In domain Plant, 21 credentials are older than 90 days: 21 API keys. Where Cloud " +
				"Guard has a problem, close it with an instruction to rotate. Rotate the others manually. " +
				"The 20 oldest:",
				Items: []string{"API key of Plant/web@example.com, 412 days old (fingerprint " +
					"20:3b:97:13:55:1c:07:ff:6f:31:92:fe:0c:20:65:a4)",
					"API key of Plant/ops, 120 days old (fingerprint x)"}}},
		Looked: 3, Repeated: 2, Tenancy: "acme", Version: "v1.2.3", CallID: "01JWK0N1VB9NG8G0GZJ0000002",
	}
}

func TestTheDigestMatchesItsGoldenFile(t *testing.T) {
	d := digest()
	golden(t, "digest.txt", "Subject: "+d.Title()+"\n\n"+d.Body())
}

func TestTheDigestNamesFirstWhatNeedsAction(t *testing.T) {
	if title := digest().Title(); !strings.HasPrefix(title, "Keyturn | Sweep: 2 need you, 1 not finished") ||
		!strings.HasSuffix(title, " | acme") || len(title) >= 100 || strings.ContainsAny(title, "\r\n") {
		t.Errorf("the title is %q", title)
	}
}

func TestAFindingsItemsAreOneLineEachInTheMailAndTheReply(t *testing.T) {
	for name, text := range hostile {
		f := outcome.Finding{Text: "a", Needs: true, Items: []string{"x " + text + " y", "z"}}
		reply, err := f.MarshalText()
		if err != nil || strings.Count(string(reply), "\n") != 2 || !strings.HasSuffix(string(reply), " y\n- z") {
			t.Errorf("%s: the reply is %q (%v)", name, reply, err)
		}
		body := outcome.Digest{Unfinished: []outcome.Finding{f}}.Body()
		if !strings.Contains(body, "- a\n  - x") || !strings.Contains(body, " y\n  - z\n") {
			t.Errorf("%s: the mail is\n%s", name, body)
		}
	}
}

func TestADigestOfNothingIsEmpty(t *testing.T) {
	if !(outcome.Digest{Looked: 7, CallID: "x"}).Empty() || digest().Empty() {
		t.Error("Empty is wrong")
	}
}
