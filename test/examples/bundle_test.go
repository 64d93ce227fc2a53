package examples_test

import (
	"encoding/json"
	"maps"
	"path/filepath"
	"slices"
	"testing"

	"github.com/keyturn/keyturn/test/ociemu"
	"github.com/keyturn/keyturn/test/tenancy"
)

var kinds = []tenancy.Kind{tenancy.APIKey, tenancy.AuthToken, tenancy.CustomerSecretKey}

func TestTheBundleOfEveryKindIsReadFromVaultAndFromAFile(t *testing.T) {
	for _, kind := range kinds {
		t.Run(string(kind), func(t *testing.T) {
			r := place(t, tenancy.Want{Kind: kind, Bundle: true})
			file := filepath.Join(r.home, "bundle.json")
			r.write(file, string(r.Secret(r.secret).Current()))
			for _, source := range []string{r.secret, file} {
				var got, want map[string]string
				if err := json.Unmarshal([]byte(r.want(r.run("keyturn-bundle", string(kind), source))),
					&got); err != nil {
					t.Fatal("the output is not JSON")
				}
				if err := json.Unmarshal(r.Secret(r.secret).Current(), &want); err != nil {
					t.Fatal("the secret is not JSON")
				}
				if !maps.Equal(got, want) {
					t.Error("the output is not the bundle")
				}
			}
		})
	}
}

func TestAnIncompleteBundleIsRefusedAndNotQuoted(t *testing.T) {
	r := place(t, tenancy.Want{Kind: tenancy.AuthToken, Bundle: true})
	whole := string(r.Secret(r.secret).Current())
	var fields map[string]any
	if err := json.Unmarshal([]byte(whole), &fields); err != nil {
		t.Fatal("the secret is not JSON")
	}
	with := func(key string, value any) string {
		changed := maps.Clone(fields)
		changed[key] = value
		if value == nil {
			delete(changed, key)
		}
		text, err := json.Marshal(changed)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	cases := map[string]string{
		"cut off":          whole[:len(whole)-20],
		"the plain token":  r.stored().Value,
		"empty":            "",
		"two documents":    whole + whole,
		"a list":           "[" + whole + "]",
		"another kind":     with("kind", "api-key"),
		"no token":         with("token", nil),
		"an empty token":   with("token", ""),
		"a token's object": with("token", fields),
		"no registry":      with("registry", nil),
	}
	for name, text := range cases {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "bundle")
			r.write(file, text)
			r.refused(r.run("keyturn-bundle", "auth-token", file), "does not hold a bundle of the kind auth-token")
		})
	}
	for name, c := range map[string]struct{ kind, source, why string }{
		"no such kind":       {"password", r.secret, "no kind password"},
		"no such file":       {"auth-token", filepath.Join(r.home, "none"), "can't be read"},
		"a relative path":    {"auth-token", "bundle.json", "neither"},
		"an option":          {"auth-token", "--help", "neither"},
		"no such secret":     {"auth-token", r.secret + "x", "the OCI CLI could not read the secret"},
		"another kind's one": {"api-key", r.secret, "does not hold a bundle of the kind api-key"},
	} {
		t.Run(name, func(t *testing.T) {
			r.refused(r.run("keyturn-bundle", c.kind, c.source), c.why)
		})
	}
}

func TestAKeyThatIsNotYetProvenIsNotHandedOut(t *testing.T) {
	for _, kind := range kinds {
		t.Run(string(kind), func(t *testing.T) {
			r := place(t, tenancy.Want{Kind: kind, Bundle: true})
			before := r.want(r.run("keyturn-bundle", string(kind), r.secret))
			during := r.whileStaged(func() result { return r.run("keyturn-bundle", string(kind), r.secret) })
			r.rotate()
			if got := r.want(<-during); got != before {
				t.Error("the bundle changed before its credential was proven")
			}
			if r.want(r.run("keyturn-bundle", string(kind), r.secret)) == before {
				t.Error("the bundle did not change with the rotation")
			}
		})
	}
}

// whileStaged calls f once during the next rotation, while the new version is staged and not yet promoted, and returns
// its result.
func (r *rig) whileStaged(f func() result) <-chan result {
	results, done := make(chan result, 1), make(chan struct{})
	calls := 0
	hold := r.Inject(ociemu.Fault{Operation: "UpdateSecret", Skip: 1, Do: ociemu.Hold(done),
		Match: func(ociemu.Call) bool {
			calls++
			if calls == 2 {
				go func() {
					defer close(done)
					if !r.staged() {
						results <- result{err: "nothing is staged", code: 1}
						return
					}
					results <- f()
				}()
			}
			return true
		}})
	r.t.Cleanup(func() {
		if hold.Hits() != 1 {
			r.t.Errorf("the promotion was held %d times, want 1", hold.Hits())
		}
	})
	return results
}

func (r *rig) staged() bool {
	return slices.ContainsFunc(r.Secret(r.secret).Versions, func(v ociemu.SecretVersion) bool {
		return slices.Contains(v.Stages, "PENDING")
	})
}
