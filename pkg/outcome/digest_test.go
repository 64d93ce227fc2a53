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
			"of users: the time ran out."}},
		Looked: 3, Repeated: 2, Tenancy: "acme", Version: "v1.2.3", CallID: "01JWK0N1VB9NG8G0GZJ0000002",
	}
}

func TestTheDigestMatchesItsGoldenFile(t *testing.T) {
	d := digest()
	golden(t, "digest.txt", "Subject: "+d.Title()+"\n\n"+d.Body())
}

func TestTheDigestNamesFirstWhatNeedsAction(t *testing.T) {
	if title := digest().Title(); !strings.HasPrefix(title, "Keyturn | Sweep: 1 need you, 1 not finished") ||
		!strings.HasSuffix(title, " | acme") || len(title) >= 100 || strings.ContainsAny(title, "\r\n") {
		t.Errorf("the title is %q", title)
	}
}

func TestADigestOfNothingIsEmpty(t *testing.T) {
	if !(outcome.Digest{Looked: 7, CallID: "x"}).Empty() || digest().Empty() {
		t.Error("Empty is wrong")
	}
}
