package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/keyturn/keyturn/test/ociemu"
	"github.com/keyturn/keyturn/test/stage"
)

// state is one moment of a rotation, as far as it matters here. The values are reduced to the ids of the living
// credentials that can be read.
type state struct {
	Living   []string            // ids of the user's credentials of the kind
	Readable []string            // ids of the living ones whose value stands in some version
	Current  map[string][]string // secret -> ids of the living ones whose value its CURRENT version holds
	Versions map[string]int64    // secret -> number of its CURRENT version
	Password time.Time           // when it was made
}

// history judges every state that a rotation goes through.
type history struct {
	old     string
	hands   []string // ids whose values the user has in hand: the old one, and the bystanders
	replace bool
	kind    stage.Kind

	mu      sync.Mutex
	last    *state
	made    map[string]bool // new ids
	resets  map[time.Time]bool
	current map[string]map[int64]bool
	faults  []string
}

func newHistory(c *stage.Case, v variant) *history {
	return &history{old: c.OldID, hands: append([]string{c.OldID}, c.Bystander...), replace: v == replace, kind: c.Kind,
		made: map[string]bool{}, resets: map[time.Time]bool{}, current: map[string]map[int64]bool{}}
}

func (h *history) fault(format string, args ...any) {
	if len(h.faults) < 5 {
		h.faults = append(h.faults, fmt.Sprintf(format, args...))
	}
}

// add takes the next state.
func (h *history) add(s state) {
	h.mu.Lock()
	defer h.mu.Unlock()
	defer func() { h.last = &s }()
	for id, n := range s.Versions {
		if h.current[id] == nil {
			h.current[id] = map[int64]bool{}
		}
		if h.current[id][n] = true; len(h.current[id]) > 2 {
			h.fault("a third version of a secret became CURRENT")
		}
	}
	if h.kind == stage.Password {
		if h.last != nil && !s.Password.Equal(h.last.Password) {
			h.resets[s.Password] = true
		}
		return
	}
	for _, id := range s.Living {
		if !slices.Contains(h.hands, id) {
			h.made[id] = true
		}
	}
	inHand := slices.ContainsFunc(s.Living, func(id string) bool { return slices.Contains(h.hands, id) })
	if !inHand && len(s.Readable) == 0 {
		h.fault("lost: no living credential is readable")
	}
	if h.last == nil {
		return
	}
	for _, id := range h.hands {
		gone := slices.Contains(h.last.Living, id) && !slices.Contains(s.Living, id)
		switch {
		case gone && id != h.old:
			h.fault("a bystander was deleted")
		case gone && !h.replace && !h.everywhere(s):
			h.fault("the old credential was deleted before a new one was CURRENT in every secret")
		}
	}
}

// everywhere: one new living credential is CURRENT in every secret.
func (h *history) everywhere(s state) bool {
	return slices.ContainsFunc(s.Living, func(id string) bool {
		if slices.Contains(h.hands, id) {
			return false
		}
		for _, ids := range s.Current {
			if !slices.Contains(ids, id) {
				return false
			}
		}
		return len(s.Current) > 0
	})
}

// look reduces what the emulator holds to a state.
func look(v ociemu.View, c *stage.Case) state {
	s := state{Current: map[string][]string{}, Versions: map[string]int64{}}
	if c.Kind == stage.Password {
		s.Password = v.User(c.User).PasswordCreated
	} else {
		s.Living = c.IDsIn(v)
	}
	current, all := map[string][]reading{}, map[string][]reading{}
	for key, id := range c.Secrets {
		secret := v.Secret(id)
		s.Versions[key] = secret.CurrentVersion
		for _, version := range secret.Versions {
			r := read(c, version.Content)
			all[key] = append(all[key], r)
			if version.Number == secret.CurrentVersion {
				current[key] = append(current[key], r)
			}
		}
	}
	for key := range c.Secrets {
		s.Current[key] = holding(v, c, s.Living, key, current[key], all)
	}
	for _, id := range s.Living {
		for _, readings := range halves(c, all) {
			if works(v, c, id, readings) {
				s.Readable = append(s.Readable, id)
				break
			}
		}
	}
	return s
}

// reading is what a version says: an id, if it names one, and a value.
type reading struct{ id, value string }

func read(c *stage.Case, content []byte) reading {
	if !c.Bundle {
		return reading{value: string(content)}
	}
	var b map[string]string
	if json.Unmarshal(content, &b) != nil {
		return reading{}
	}
	return reading{b["fingerprint"] + b["token_id"] + b["access_key"], b["private_key"] + b["token"] + b["secret_key"] + b["password"]}
}

// halves are all the credentials that can be put together from the versions of all secrets.
func halves(c *stage.Case, all map[string][]reading) []reading {
	var out []reading
	if access, pair := all["accesskey_secret_ocid"]; pair {
		for _, a := range access {
			for _, k := range all["secretkey_secret_ocid"] {
				out = append(out, reading{a.value, k.value})
			}
		}
		return out
	}
	for _, readings := range all {
		out = append(out, readings...)
	}
	return out
}

// holding lists the living credentials whose value, or whose half, a secret's readings hold.
func holding(v ociemu.View, c *stage.Case, living []string, key string, readings []reading, all map[string][]reading) []string {
	var out []string
	for _, id := range living {
		for _, r := range readings {
			switch key {
			case "accesskey_secret_ocid":
				if r.value == id {
					out = append(out, id)
				}
			case "secretkey_secret_ocid":
				if works(v, c, id, reading{id, r.value}) {
					out = append(out, id)
				}
			default:
				if works(v, c, id, r) {
					out = append(out, id)
				}
			}
		}
	}
	return out
}

// works says whether the reading is the value of the living credential with the id.
func works(v ociemu.View, c *stage.Case, id string, r reading) bool {
	return r.value != "" && (r.id == "" || r.id == id) && v.Holds(string(c.Kind), c.User, id, r.value)
}
