package oci_test

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/keyturn/keyturn/pkg/credential"
)

func TestWhatEveryRotationReadsFirstIsReadAheadAndNotOnceMore(t *testing.T) {
	const (
		nowhere = "ocid1.vaultsecret.oc1.xx-nowhere-1.amaaaaaasecret"
		second  = "ocid1.vaultsecret.oc1.phx.amaaaaaasecret"
	)
	for _, kind := range []credential.Kind{credential.APIKey, credential.AuthToken} {
		synctest.Test(t, func(t *testing.T) {
			cloud, s := offline(t, func(r *http.Request, _ int) (*http.Response, error) {
				if strings.HasSuffix(r.URL.Path, "Keys") || strings.HasSuffix(r.URL.Path, "Tokens") {
					return reply(r, 200, `[]`)
				}
				return reply(r, 200, `{"id":"`+secretID+`","name":"web"}`)
			})
			ctx := cloud.Ahead(t.Context(), credential.Ref{User: user, Kind: kind}, []string{secretID, nowhere, second})
			synctest.Wait()
			if n, far := len(s.asked), len(s.of(nowhere)); n != 4 || far > 0 {
				t.Errorf("%d reads ahead, %d in a region that isn't known; want 4 and none", n, far)
			}
			if _, err := cloud.Issuer(kind).List(ctx, user); err != nil {
				t.Error(err)
			}
			if name, err := cloud.UserName(ctx, user); err != nil || name != "web" {
				t.Errorf("the user is %q (%v)", name, err)
			}
			for _, id := range []string{secretID, second} {
				if x, err := cloud.Vault().Secret(ctx, id); err != nil || x.ID != secretID {
					t.Errorf("the secret is %+v (%v)", x, err)
				}
			}
			if n := len(s.asked); n != 4 {
				t.Errorf("%d reads, want no more than the 4 that were made ahead", n)
			}
			_, _ = cloud.Issuer(kind).List(ctx, user)
			if n := len(s.asked); n != 5 {
				t.Errorf("%d reads, want one more for the second look", n)
			}
		})
	}
}
