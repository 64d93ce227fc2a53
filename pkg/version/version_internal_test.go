package version

import (
	"runtime/debug"
	"testing"
)

func TestAVersionIsTheStampElseTheRevisionElseUnknown(t *testing.T) {
	const revision = "0123456789abcdef0123456789abcdef01234567"
	clean := []debug.BuildSetting{{Key: "GOOS", Value: "linux"}, {Key: "vcs.revision", Value: revision},
		{Key: "vcs.modified", Value: "false"}}
	changed := []debug.BuildSetting{{Key: "vcs.revision", Value: revision}, {Key: "vcs.modified", Value: "true"}}
	for name, c := range map[string]struct {
		stamped  string
		settings []debug.BuildSetting
		want     string
	}{
		"a release":               {"v1.4.0", clean, "v1.4.0"},
		"a release without Git":   {"v1.4.0", nil, "v1.4.0"},
		"a plain go build":        {"", clean, "0123456789ab"},
		"with changes":            {"", changed, "0123456789ab-modified"},
		"a label that says none":  {"unknown", clean, "0123456789ab"},
		"a short revision":        {"", []debug.BuildSetting{{Key: "vcs.revision", Value: "0123"}}, "0123"},
		"nothing at all":          {"", nil, Unknown},
		"changes of nothing":      {"", []debug.BuildSetting{{Key: "vcs.modified", Value: "true"}}, Unknown},
		"a stamp that says none":  {"unknown", nil, Unknown},
		"what git describe gives": {"v1.4.0-3-g0123456-dirty", nil, "v1.4.0-3-g0123456-dirty"},
	} {
		if got := of(c.stamped, &debug.BuildInfo{Settings: c.settings}); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
	if Version() == "" {
		t.Error("this binary has no version at all")
	}
}
