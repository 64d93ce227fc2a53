package main

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

// remains are what is there after a clean-up.
type remains struct {
	Users     int      `json:"users"`      // still there
	Secrets   int      `json:"secrets"`    // still there, and not scheduled for deletion
	Scheduled int      `json:"scheduled"`  // secrets that OCI deletes at Gone
	Gone      string   `json:"gone_after"` // empty: none
	Troubles  []string `json:"troubles"`   // why something is left
	restored  string
}

func (m remains) clean() bool { return m.Users+m.Secrets+len(m.Troubles) == 0 }

func (m remains) lines() []string {
	lines := []string{fmt.Sprintf("left: %d users, %d secrets", m.Users, m.Secrets)}
	if m.Scheduled > 0 {
		lines = append(lines, fmt.Sprintf("%d secrets are scheduled for deletion, the earliest that OCI allows: "+
			"they are gone after %s", m.Scheduled, m.Gone))
	}
	if m.restored != "" {
		lines = append(lines, m.restored)
	}
	for _, t := range m.Troubles {
		lines = append(lines, "not removed: "+t)
	}
	return lines
}

// remove puts the function back and removes all that the run has made: users with their credentials, then secrets. It
// goes on after a failure. What is gone already counts as removed.
func (s *state) remove(ctx context.Context, a *admin) remains {
	left := remains{Troubles: []string{}}
	if s.Tenancy != a.tenancy {
		left.Troubles = append(left.Troubles, "the state file is of the tenancy "+s.Tenancy+", the configuration of "+
			a.tenancy)
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
	for _, u := range s.Users {
		if err := a.removeUser(ctx, u); err != nil {
			left.Users++
			left.Troubles = append(left.Troubles, "the user "+u.Name+": "+err.Error())
		}
	}
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

// removeUser deletes a user's credentials and the user. A function that is still at work may make another meanwhile.
func (a *admin) removeUser(ctx context.Context, u thing) error {
	id, err := found(ctx, u, a.findUser)
	if err != nil || id == "" {
		return err
	}
	_, err = until(ctx, settlingTime, func() (bool, error) {
		for _, kind := range credential.Kinds() {
			all, err := a.list(ctx, id, kind)
			if status, _ := answer(err); status == 404 {
				return true, nil
			}
			if err != nil {
				return false, err
			}
			for _, l := range all {
				_, err := patiently(ctx, func(ctx context.Context) (struct{}, error) {
					return struct{}{}, a.delete(ctx, id, kind, l.ID)
				})
				if status, _ := answer(err); err != nil && status != 404 {
					return false, fmt.Errorf("deleting its %s %s: %s", kind.Noun(), l.ID, told(err))
				}
			}
		}
		_, err := patiently(ctx, func(ctx context.Context) (identity.DeleteUserResponse, error) {
			return a.identity.DeleteUser(ctx, identity.DeleteUserRequest{UserId: &id})
		})
		switch status, _ := answer(err); {
		case err == nil || status == 404:
			return true, nil
		case status == 409:
			return false, nil
		}
		return false, fmt.Errorf("deleting it: %s", told(err))
	})
	return err
}

// found looks for a thing. If the request to make it was never answered, it may come late, and is looked for longer.
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

// findUser gives the OCID of a user whose name is that of the thing; none if there is no such user.
func (a *admin) findUser(ctx context.Context, u thing) (string, error) {
	if u.ID == "" {
		r, err := patiently(ctx, func(ctx context.Context) (identity.ListUsersResponse, error) {
			return a.identity.ListUsers(ctx, identity.ListUsersRequest{CompartmentId: &a.tenancy, Name: &u.Name})
		})
		if err != nil {
			return "", fmt.Errorf("looking for it: %s", told(err))
		}
		for _, found := range r.Items {
			if text(found.Name) == u.Name {
				return text(found.Id), nil
			}
		}
		return "", nil
	}
	r, err := patiently(ctx, func(ctx context.Context) (identity.GetUserResponse, error) {
		return a.identity.GetUser(ctx, identity.GetUserRequest{UserId: &u.ID})
	})
	if status, _ := answer(err); status == 404 {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("reading it: %s", told(err))
	}
	if !strings.EqualFold(text(r.Name), u.Name) {
		return "", fmt.Errorf("%s is the user %s, whom this run has not made", u.ID, text(r.Name))
	}
	return u.ID, nil
}

// leadTime is the earliest deletion of a secret that OCI allows, a day, and a little.
const leadTime = 24*time.Hour + 10*time.Minute

// removeSecret schedules the deletion of a secret and tells when it is gone; zero if there is no such secret.
func (a *admin) removeSecret(ctx context.Context, s *state, t thing) (gone time.Time, err error) {
	id, err := found(ctx, t, func(ctx context.Context, t thing) (string, error) { return a.findSecret(ctx, s, t) })
	if err != nil || id == "" {
		return gone, err
	}
	_, err = until(ctx, settlingTime, func() (bool, error) {
		r, err := patiently(ctx, func(ctx context.Context) (vault.GetSecretResponse, error) {
			return a.vault.GetSecret(ctx, vault.GetSecretRequest{SecretId: &id})
		})
		switch status, _ := answer(err); {
		case status == 404:
			return true, nil
		case err != nil:
			return false, fmt.Errorf("reading it: %s", told(err))
		case text(r.SecretName) != t.Name:
			return false, fmt.Errorf("%s is the secret %s, which this run has not made", id, text(r.SecretName))
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
		_, err = patiently(ctx, func(ctx context.Context) (vault.ScheduleSecretDeletionResponse, error) {
			return a.vault.ScheduleSecretDeletion(ctx, vault.ScheduleSecretDeletionRequest{SecretId: &id,
				ScheduleSecretDeletionDetails: vault.ScheduleSecretDeletionDetails{
					TimeOfDeletion: &common.SDKTime{Time: now.Add(leadTime)}}})
		})
		if status, _ := answer(err); err != nil && status != 409 && status != 404 {
			return false, fmt.Errorf("scheduling its deletion: %s", told(err))
		}
		return false, nil // look again
	})
	return gone, err
}

// findSecret gives the OCID of a secret whose name is that of the thing; none if there is no such secret.
func (a *admin) findSecret(ctx context.Context, s *state, t thing) (string, error) {
	if t.ID != "" {
		return t.ID, nil
	}
	for page := (*string)(nil); ; {
		r, err := patiently(ctx, func(ctx context.Context) (vault.ListSecretsResponse, error) {
			return a.vault.ListSecrets(ctx, vault.ListSecretsRequest{CompartmentId: &s.Compartment, VaultId: &s.Vault,
				Name: &t.Name, Page: page})
		})
		if err != nil {
			return "", fmt.Errorf("looking for it: %s", told(err))
		}
		for _, found := range r.Items {
			if text(found.SecretName) == t.Name {
				return text(found.Id), nil
			}
		}
		if page = r.OpcNextPage; text(page) == "" {
			return "", nil
		}
	}
}
