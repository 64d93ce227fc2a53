package acceptance

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/oracle/oci-go-sdk/v65/common"
	"github.com/oracle/oci-go-sdk/v65/identity"
	"github.com/oracle/oci-go-sdk/v65/vault"

	"github.com/keyturn/keyturn/pkg/cloudguard"
	"github.com/keyturn/keyturn/pkg/credential"
)

// Remains is what is left after a clean-up.
type Remains struct {
	Users     int      `json:"users"`
	Secrets   int      `json:"secrets"`    // not scheduled for deletion
	Scheduled int      `json:"scheduled"`  // scheduled for deletion
	Gone      string   `json:"gone_after"` // when OCI deletes the last of them; empty: none
	Troubles  []string `json:"troubles"`   // why something is left
	restored  string
}

func (m Remains) clean() bool { return m.Users+m.Secrets+len(m.Troubles) == 0 }

func (m Remains) lines() []string {
	lines := []string{fmt.Sprintf("left: %d users, %d secrets", m.Users, m.Secrets)}
	if m.Scheduled > 0 {
		lines = append(lines, fmt.Sprintf("%d secrets are scheduled for deletion at the earliest time that OCI "+
			"allows: they are gone after %s", m.Scheduled, m.Gone))
	}
	if m.restored != "" {
		lines = append(lines, m.restored)
	}
	for _, t := range m.Troubles {
		lines = append(lines, "not removed: "+t)
	}
	return lines
}

// remove restores the function's configuration and removes everything that the run created: users with their
// credentials, then secrets. It continues after a failure. What no longer exists counts as removed.
func (s *state) remove(ctx context.Context, a *admin) Remains {
	left := Remains{Troubles: []string{}}
	if s.Tenancy != a.tenancy {
		left.Troubles = append(left.Troubles, "the state file belongs to the tenancy "+s.Tenancy+
			", the configuration to "+a.tenancy)
		return left
	}
	if f := s.Function; f != nil {
		a.functions.SetRegion(longRegion(cloudguard.OCID(f.ID).Region()))
		if err := a.set(ctx, f.ID, eventCheck, f.Before); err != nil {
			left.Troubles = append(left.Troubles, "event_check of the function is still off: "+err.Error())
		} else {
			left.restored = "event_check of the function is as it was before"
		}
	}
	a.removeUsers(ctx, s, &left)
	a.vault.SetRegion(longRegion(cloudguard.OCID(s.Vault).Region()))
	for _, t := range s.Secrets {
		gone, err := a.removeSecret(ctx, s, t)
		switch {
		case err != nil:
			left.Secrets++
			left.Troubles = append(left.Troubles, "the secret "+t.Name+": "+err.Error())
		case !gone.IsZero():
			left.Scheduled++
			left.Gone = max(left.Gone, gone.UTC().Format(time.RFC3339))
		}
	}
	return left
}

// removeUsers removes the users of Default, and those of the run's identity domain.
func (a *admin) removeUsers(ctx context.Context, s *state, left *Remains) {
	try := func(u thing, remove func() error) {
		if err := remove(); err != nil {
			left.Users++
			left.Troubles = append(left.Troubles, "the user "+u.Name+": "+err.Error())
		}
	}
	for _, u := range s.Users {
		try(u, func() error {
			return a.removeUser(ctx, u, a.findUser, func(ctx context.Context, id string) error {
				_, err := ask(ctx, a.identity.DeleteUser, identity.DeleteUserRequest{UserId: &id})
				return err
			})
		})
	}
	if len(s.DomainUsers) == 0 {
		return
	}
	d, err := a.identityDomain(ctx, s.Domain)
	for _, u := range s.DomainUsers {
		try(u, func() error {
			if err != nil {
				return err
			}
			return a.removeUser(ctx, u, func(ctx context.Context, u thing) (string, error) {
				return a.findDomainUser(ctx, d, u)
			}, a.deleteDomainUser)
		})
	}
}

// removeUser deletes a user's credentials and the user. A function that is still running may create another credential
// in the meantime.
func (a *admin) removeUser(ctx context.Context, u thing, find func(context.Context, thing) (string, error),
	remove func(ctx context.Context, id string) error) error {
	id, err := found(ctx, u, find)
	if err != nil || id == "" {
		return err
	}
	_, err = until(ctx, settlingTime, func() (bool, error) {
		for _, kind := range credential.Kinds() {
			all, err := a.list(ctx, id, kind)
			if statusIs(err, 404) {
				return true, nil
			}
			if err != nil {
				return false, err
			}
			for _, l := range all {
				_, err := patiently(ctx, func(ctx context.Context) (struct{}, error) {
					return struct{}{}, a.delete(ctx, id, kind, l.ID)
				})
				if err != nil && !statusIs(err, 404) {
					return false, fmt.Errorf("deleting its %s %s: %s", kind.Noun(), l.ID, detailed(err))
				}
			}
		}
		err := remove(ctx, id)
		switch {
		case err == nil || statusIs(err, 404):
			return true, nil
		case statusIs(err, 409):
			return false, nil
		}
		return false, fmt.Errorf("deleting it: %s", detailed(err))
	})
	return err
}

// found looks for a thing. If the request to create it was never answered, the thing may appear later, and found waits
// for it.
func found(ctx context.Context, t thing, find func(context.Context, thing) (string, error)) (string, error) {
	for {
		id, err := find(ctx, t)
		if id != "" || err != nil || !t.mayCome() {
			return id, err
		}
		if err := sleep(ctx, time.Second); err != nil {
			return "", err
		}
	}
}

// findUser returns the OCID of the user with the thing's name, or "" if there is none.
func (a *admin) findUser(ctx context.Context, u thing) (string, error) {
	if u.ID == "" {
		r, err := ask(ctx, a.identity.ListUsers, identity.ListUsersRequest{CompartmentId: &a.tenancy, Name: &u.Name})
		if err != nil {
			return "", fmt.Errorf("looking for it: %s", detailed(err))
		}
		for _, found := range r.Items {
			if text(found.Name) == u.Name {
				return text(found.Id), nil
			}
		}
		return "", nil
	}
	r, err := ask(ctx, a.identity.GetUser, identity.GetUserRequest{UserId: &u.ID})
	if statusIs(err, 404) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("reading it: %s", detailed(err))
	}
	if !strings.EqualFold(text(r.Name), u.Name) {
		return "", fmt.Errorf("%s is the user %s, which this run has not created", u.ID, text(r.Name))
	}
	return u.ID, nil
}

// leadTime is a little more than the day after which OCI allows a secret to be deleted.
const leadTime = 24*time.Hour + 10*time.Minute

// removeSecret schedules the deletion of a secret and returns its time; zero if there is no such secret.
func (a *admin) removeSecret(ctx context.Context, s *state, t thing) (gone time.Time, err error) {
	id, err := found(ctx, t, func(ctx context.Context, t thing) (string, error) { return a.findSecret(ctx, s, t) })
	if err != nil || id == "" {
		return gone, err
	}
	_, err = until(ctx, settlingTime, func() (bool, error) {
		r, err := ask(ctx, a.vault.GetSecret, vault.GetSecretRequest{SecretId: &id})
		switch {
		case statusIs(err, 404):
			return true, nil
		case err != nil:
			return false, fmt.Errorf("reading it: %s", detailed(err))
		case text(r.SecretName) != t.Name:
			return false, fmt.Errorf("%s is the secret %s, which this run has not created", id, text(r.SecretName))
		}
		switch r.LifecycleState {
		case vault.SecretLifecycleStateSchedulingDeletion, vault.SecretLifecycleStatePendingDeletion,
			vault.SecretLifecycleStateDeleting, vault.SecretLifecycleStateDeleted:
			gone = when(r.TimeOfDeletion)
			return true, nil
		case vault.SecretLifecycleStateActive, vault.SecretLifecycleStateFailed:
		default:
			return false, nil // still settling
		}
		now, err := dateOf(r.RawResponse.Header.Get("Date"))
		if err != nil {
			now = time.Now()
		}
		_, err = ask(ctx, a.vault.ScheduleSecretDeletion, vault.ScheduleSecretDeletionRequest{SecretId: &id,
			ScheduleSecretDeletionDetails: vault.ScheduleSecretDeletionDetails{
				TimeOfDeletion: &common.SDKTime{Time: now.Add(leadTime)}}})
		if err != nil && !statusIs(err, 409, 404) {
			return false, fmt.Errorf("scheduling its deletion: %s", detailed(err))
		}
		return false, nil // read it again
	})
	return gone, err
}

// findSecret returns the OCID of the secret with the thing's name, or "" if there is none.
func (a *admin) findSecret(ctx context.Context, s *state, t thing) (string, error) {
	if t.ID != "" {
		return t.ID, nil
	}
	for page := (*string)(nil); ; {
		r, err := ask(ctx, a.vault.ListSecrets, vault.ListSecretsRequest{CompartmentId: &s.Compartment,
			VaultId: &s.Vault,
			Name:    &t.Name, Page: page})
		if err != nil {
			return "", fmt.Errorf("looking for it: %s", detailed(err))
		}
		for _, found := range r.Items {
			if text(found.SecretName) == t.Name {
				return text(found.Id), nil
			}
		}
		page = r.OpcNextPage
		if text(page) == "" {
			return "", nil
		}
	}
}
