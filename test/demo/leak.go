package main

import (
	"encoding/base64"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/keyturn/keyturn/test/ociemu"
	"github.com/keyturn/keyturn/test/tenancy"
)

// leakWatcher collects every value that ever was in a secret, to find leaks, and knows the users' passwords.
type leakWatcher struct {
	mu        sync.Mutex
	values    map[string]string   // value -> the secret's name
	passwords map[string][]string // user -> those of the values that are the user's password now
}

// newLeakWatcher returns a watcher that collects from now on.
func newLeakWatcher(s *tenancy.Deployment) *leakWatcher {
	w := &leakWatcher{values: map[string]string{}}
	s.OnChange(func(v ociemu.View) {
		w.mu.Lock()
		defer w.mu.Unlock()
		for _, id := range v.Secrets() {
			secret := v.Secret(id)
			for _, version := range secret.Versions {
				for _, value := range tenancy.SecretValues(v, version.Content) {
					w.values[value] = secret.Name
				}
			}
		}
		w.passwords = map[string][]string{}
		for _, user := range v.Users() {
			for value := range w.values {
				if v.Works("password", user, value) {
					w.passwords[user] = append(w.passwords[user], value)
				}
			}
		}
	})
	return w
}

// password reports whether the user has that password now.
func (w *leakWatcher) password(user, value string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Contains(w.passwords[user], value)
}

// search searches the function's output for the values, and returns the places with a leak.
func (w *leakWatcher) search(s *tenancy.Deployment) []string {
	var found []string
	look := func(where, text string) {
		if name := w.find(text); name != "" {
			found = append(found, where+" has a value of the secret "+name)
		}
	}
	look("the function's log", s.Printed.String())
	for _, m := range s.Mails() {
		look("the mail "+m.Title, m.Title+m.Body)
	}
	for _, r := range s.Replies() {
		look("the function's answer", string(r.Body))
	}
	return found
}

// find returns the name of a secret with a value in the text: plain, in base64, or a line of a private key.
func (w *leakWatcher) find(text string) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, value := range slices.Sorted(maps.Keys(w.values)) {
		needles := []string{value, base64.StdEncoding.EncodeToString([]byte(value))}
		if strings.Contains(value, "PRIVATE KEY") {
			for line := range strings.Lines(value) {
				line = strings.TrimSpace(line)
				if len(line) > 40 {
					needles = append(needles, line)
				}
			}
		}
		for _, n := range needles {
			if strings.Contains(text, n) {
				return w.values[value]
			}
		}
	}
	return ""
}

// known returns the number of collected values.
func (w *leakWatcher) known() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.values)
}
