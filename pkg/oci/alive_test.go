package oci_test

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/keyturn/keyturn/pkg/credential"
)

func TestACredentialThatIAMListsAsDeletedOrBeingDeletedIsNotThere(t *testing.T) {
	const made = `"userId":"u","timeCreated":"2026-01-01T00:00:00Z"`
	for kind, one := range map[credential.Kind]string{
		credential.APIKey:            `{"keyId":"t/u/f","fingerprint":"%s",` + made + `,"lifecycleState":%s}`,
		credential.AuthToken:         `{"id":"%s","description":"d",` + made + `,"lifecycleState":%s}`,
		credential.CustomerSecretKey: `{"id":"%s","displayName":"d",` + made + `,"lifecycleState":%s}`,
	} {
		body, want := "", []string{}
		for i, c := range []struct {
			state string
			there bool
		}{{`"ACTIVE"`, true}, {`"DELETED"`, false}, {`"CREATING"`, true}, {`"DELETING"`, false}, {`"INACTIVE"`, true},
			{`"deleted"`, false},
			{`"Deleting"`, false}, {`"SOMETHING_NEW"`, true}, {`null`, true}, {`""`, true}} {
			id := fmt.Sprintf("id-%d", i)
			body += "," + fmt.Sprintf(one, id, c.state)
			if c.there {
				want = append(want, id)
			}
		}
		cloud, _ := offline(t, always(200, "["+body[1:]+"]"))
		listing, err := cloud.Issuer(kind).List(t.Context(), user)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, c := range listing.Credentials {
			got = append(got, c.ID)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %v are there, want %v", kind, got, want)
		}
	}
	for state, n := range map[string]int{"ACTIVE": 1, "DELETED": 0, "DELETING": 0, "INACTIVE": 1} {
		cloud, _ := offline(t, always(200, `{`+made+`,"lifecycleState":"`+state+`"}`))
		if l, err := cloud.Issuer(credential.Password).List(t.Context(), user); err != nil || len(l.Credentials) != n {
			t.Errorf("a password that is %s: %+v (%v), want %d", state, l, err, n)
		}
	}
}

func TestAListWithoutABodyIsAnErrorAndNotAnEmptyOne(t *testing.T) {
	for _, kind := range []credential.Kind{credential.APIKey, credential.AuthToken, credential.CustomerSecretKey} {
		for name, body := range map[string]string{"nothing": "", "blanks": " \n", "null": "null", "an object": "{}",
			"a page": "<html></html>", "a text": `"[]"`} {
			synctest.Test(t, func(t *testing.T) {
				cloud, _ := offline(t, always(200, body))
				if l, err := cloud.Issuer(kind).List(t.Context(), user); err == nil {
					t.Errorf("%s, %s: %d credentials", kind, name, len(l.Credentials))
				}
			})
		}
	}
}
