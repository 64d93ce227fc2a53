// Package version says which build a function is, for its mails, records and preflights.
package version

import (
	"cmp"
	"runtime/debug"
	"sync"
)

// stamped is the version that the build gives with -ldflags "-X github.com/keyturn/keyturn/pkg/version.stamped=V":
// deploy/image and the Dockerfile do, with the version that they label the image with.
var stamped string

// Unknown is the version of a build that has none, such as one of a test.
const Unknown = "unknown"

// Version is the version that was stamped on the binary; else the revision of its sources, if Go has recorded it;
// else Unknown.
var Version = sync.OnceValue(func() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		info = &debug.BuildInfo{}
	}
	return of(stamped, info)
})

func of(stamped string, info *debug.BuildInfo) string {
	if stamped != "" && stamped != Unknown {
		return stamped
	}
	revision, modified := "", ""
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			revision = s.Value
		case s.Key == "vcs.modified" && s.Value == "true":
			modified = "-modified"
		}
	}
	if revision == "" {
		return cmp.Or(stamped, Unknown)
	}
	return revision[:min(len(revision), 12)] + modified
}
