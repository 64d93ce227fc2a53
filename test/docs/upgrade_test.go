package docs

import (
	"regexp"
	"slices"
	"testing"
)

func TestEveryVersionOfTheChangesHasItsUpgradeNote(t *testing.T) {
	list := func(text, level string) (out []string) {
		for _, m := range regexp.MustCompile(`(?m)^`+level+` (Unreleased|v?[0-9][^ \n]*)`).FindAllStringSubmatch(text,
			-1) {
			out = append(out, m[1])
		}
		return out
	}
	changes, notes := list(read(t, "CHANGELOG.md"), "##"), list(read(t, "docs/upgrade.md"), "###")
	if len(changes) == 0 || !slices.Equal(changes, notes) {
		t.Errorf("the changes have the versions %q, the upgrade notes %q", changes, notes)
	}
}
