package credential_test

import (
	"testing"

	"github.com/keyturn/keyturn/pkg/credential"
)

func TestUsersWithTheSameNameInTwoDomainsHaveDifferentNames(t *testing.T) {
	for _, c := range []struct {
		domain credential.Domain
		want   string
	}{
		{credential.Domain{Name: "Default", Default: true}, "web@example.com"},
		{credential.Domain{Name: "Renamed", Default: true}, "web@example.com"},
		{credential.Domain{Name: "Workloads"}, "Workloads/web@example.com"},
		{credential.Domain{Name: "My Domain"}, "My Domain/web@example.com"},
		{credential.Domain{ID: "ocid1.domain.oc1..a"}, "ocid1.domain.oc1..a/web@example.com"},
	} {
		if got := c.domain.UserName("web@example.com"); got != c.want {
			t.Errorf("%+v: the user is called %q, want %q", c.domain, got, c.want)
		}
	}
}
