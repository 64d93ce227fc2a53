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

// watcher collects every value that ever is in a secret, to see that none of them gets out, and knows the users'
// passwords.
type watcher struct {
	mu        sync.Mutex
	values    map[string]string   // value -> the secret's name
	passwords map[string][]string // user -> those of the values that are the user's password now
}

// watch collects from now on.
func watch(s *tenancy.Deployment) *watcher {
	w := &watcher{values: map[string]string{}}
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

// password tells whether the user has that password now.
func (w *watcher) password(user, value string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Contains(w.passwords[user], value)
}

// search looks for the values in what the function has let out, and names the places where one is.
func (w *watcher) search(s *tenancy.Deployment) []string {
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

// find names a secret of which the text has a value, as it is, in base64, or, of a private key, in any line.
func (w *watcher) find(text string) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, value := range slices.Sorted(maps.Keys(w.values)) {
		needles := []string{value, base64.StdEncoding.EncodeToString([]byte(value))}
		if strings.Contains(value, "PRIVATE KEY") {
			for line := range strings.Lines(value) {
				if line = strings.TrimSpace(line); len(line) > 40 {
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

// known is how many values have been seen.
func (w *watcher) known() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.values)
}
