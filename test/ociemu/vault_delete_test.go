package ociemu_test

import (
	"testing"
	"time"

	"github.com/oracle/oci-go-sdk/v65/common"
	"github.com/oracle/oci-go-sdk/v65/secrets"
	"github.com/oracle/oci-go-sdk/v65/vault"

	"github.com/keyturn/keyturn/test/ociemu"
)

func TestASecretWhoseDeletionIsScheduledCanNeitherBeReadNorWritten(t *testing.T) {
	e := ociemu.New(t, ociemu.Calm())
	c := asOperator(t, e)
	id := e.AddSecret(ociemu.SecretSeed{Name: "old"})
	schedule := func(after time.Duration, ifMatch *string) error {
		_, err := c.vault.ScheduleSecretDeletion(t.Context(), vault.ScheduleSecretDeletionRequest{SecretId: &id,
			IfMatch: ifMatch,
			ScheduleSecretDeletionDetails: vault.ScheduleSecretDeletionDetails{
				TimeOfDeletion: &common.SDKTime{Time: time.Now().Add(after)}}})
		return err
	}
	refused(t, schedule(time.Hour, nil), 400, "InvalidParameter")
	refused(t, schedule(40*24*time.Hour, nil), 400, "InvalidParameter")
	refused(t, schedule(25*time.Hour, common.String("stale")), 412, "NoEtagMatch")
	if err := schedule(25*time.Hour, nil); err != nil {
		t.Fatal(err)
	}
	refused(t, schedule(25*time.Hour, nil), 409, "IncorrectState")
	got := must[vault.GetSecretResponse](t)(c.vault.GetSecret(t.Context(), vault.GetSecretRequest{SecretId: &id}))
	if got.LifecycleState != vault.SecretLifecycleStatePendingDeletion || got.TimeOfDeletion == nil {
		t.Errorf("the secret is %s", got.LifecycleState)
	}
	_, err := c.secrets.GetSecretBundle(t.Context(), secrets.GetSecretBundleRequest{SecretId: &id})
	refused(t, err, 404, "NotAuthorizedOrNotFound")
	_, err = c.put(t.Context(), id, "", "x", "")
	refused(t, err, 409, "IncorrectState")
}

func TestDeletingASecretNeedsASeparatePermission(t *testing.T) {
	e := newPolicyEnv(t, ociemu.Answers{})
	for statement, want := range map[string]bool{"use secrets": false, "{SECRET_DELETE}": true} {
		id := e.AddSecret(ociemu.SecretSeed{Name: "of " + statement})
		e.SetPolicies(policies(t, e.fn, "allow dynamic-group fn to "+statement+" in tenancy"))
		_, err := e.one.vault.ScheduleSecretDeletion(t.Context(), vault.ScheduleSecretDeletionRequest{SecretId: &id})
		allowed(t, statement, err, want)
	}
}
