package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/keyturn/keyturn/test/ociemu"
	"github.com/keyturn/keyturn/test/tenancy"
)

// state is the visible state of a case, without secret values.
type state struct {
	credentials []credential
	secrets     []ociemu.Secret
	keys        []string // of the secrets, as in the closure comment
}

type credential struct {
	id, shown, description string
	created                time.Time
}

func look(s *tenancy.Deployment, c *tenancy.Case) state {
	var now state
	u := s.User(c.User)
	add := func(id, shown, description string, created time.Time) {
		now.credentials = append(now.credentials, credential{id, shorten(shown), shorten(description), created})
	}
	switch c.Kind {
	case tenancy.APIKey:
		for _, k := range u.APIKeys {
			add(k.Fingerprint, k.Fingerprint, "", k.Created)
		}
	case tenancy.AuthToken:
		for _, t := range u.AuthTokens {
			add(t.ID, t.ID, t.Description, t.Created)
		}
	case tenancy.CustomerSecretKey:
		for _, k := range u.CustomerSecretKeys {
			add(k.ID, k.ID, k.DisplayName, k.Created)
		}
	case tenancy.Password: // has no id; a reset changes its time of creation
		add(u.PasswordCreated.Format(time.RFC3339Nano), "console password", "", u.PasswordCreated)
	}
	for _, key := range slices.Sorted(maps.Keys(c.Secrets)) {
		now.keys = append(now.keys, key)
		now.secrets = append(now.secrets, s.Secret(c.Secrets[key]))
	}
	return now
}

func (s state) has(id string) bool {
	return slices.ContainsFunc(s.credentials, func(c credential) bool { return c.id == id })
}

// added returns the credentials that the earlier state doesn't have.
func (s state) added(before state) []credential {
	return slices.DeleteFunc(slices.Clone(s.credentials), func(c credential) bool { return before.has(c.id) })
}

// promoted reports whether all secrets, or some, have another CURRENT version than in the earlier state.
func (s state) promoted(before state) (all, some bool) {
	all = true
	for i, now := range s.secrets {
		changed := now.CurrentVersion != before.secrets[i].CurrentVersion
		all, some = all && changed, some || changed
	}
	return all, some
}

// credentialRows lists the user's credentials, also those deleted since the earlier state.
func credentialRows(kind tenancy.Kind, now state, before *state) [][]cell {
	end := "deleted"
	if kind.Resets() {
		end = "invalid"
	}
	rows := [][]cell{{plain(""), {"credential", dim}, {"age", dim}, {"description", dim}}}
	row := func(mark string, c credential, how style) {
		rows = append(rows, []cell{{fmt.Sprintf("%-7s", mark), how}, {c.shown, how}, {age(c.created), how},
			{dash(c.description), how}})
	}
	if before == nil {
		for _, c := range now.credentials {
			row("too old", c, normal)
		}
		return rows
	}
	for _, c := range before.credentials {
		if now.has(c.id) {
			row("kept", c, normal)
		} else {
			row(end, c, struck)
		}
	}
	for _, c := range now.added(*before) {
		row("new", c, green)
	}
	return rows
}

// versionRows lists the secrets' versions with their rotation stages, before and now.
func versionRows(now, before state) [][]cell {
	rows := [][]cell{{{"secret", dim}, {"no.", dim}, {"version name", dim}, {"stages before → after", dim}}}
	for i, secret := range now.secrets {
		name := strings.TrimSuffix(now.keys[i], "_ocid")
		for _, v := range secret.Versions {
			was := "none"
			how := green
			for _, old := range before.secrets[i].Versions {
				if old.Number == v.Number {
					was, how = strings.Join(old.Stages, " "), normal
				}
			}
			stages := strings.Join(v.Stages, " ")
			if was != stages {
				stages = was + " → " + stages
			}
			rows = append(rows, []cell{plain(name), {fmt.Sprint(v.Number), how}, {dash(v.Name), how}, {stages, how}})
			name = ""
		}
	}
	return rows
}

func age(created time.Time) string {
	return fmt.Sprintf("%d d", int(time.Since(created).Hours()/24))
}

func dash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}
