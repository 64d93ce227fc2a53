// Package version has the version of the build, for mails, records and preflights.
package version

import (
	"cmp"
	"runtime/debug"
	"sync"
)

// stamped is set by the build with -ldflags "-X github.com/keyturn/keyturn/pkg/version.stamped=V". deploy/image and the
// Dockerfile set it to the version in the image's label.
var stamped string

// Unknown is the version of a build without one, such as a test binary.
const Unknown = "unknown"

// Version returns the version that the build set, else the revision of the sources if Go recorded it, else Unknown.
var Version = sync.OnceValue(func() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		info = &debug.BuildInfo{}
	}
	return of(stamped, info)
})

// Commit returns the whole revision of the sources, with "-modified" if they differed from it; "" if Go recorded none.
var Commit = sync.OnceValue(func() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	revision, modified := commitOf(info)
	return revision + modified
})

func of(stamped string, info *debug.BuildInfo) string {
	if stamped != "" && stamped != Unknown {
		return stamped
	}
	revision, modified := commitOf(info)
	if revision == "" {
		return cmp.Or(stamped, Unknown)
	}
	return revision[:min(len(revision), 12)] + modified
}

func commitOf(info *debug.BuildInfo) (revision, modified string) {
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			revision = s.Value
		case s.Key == "vcs.modified" && s.Value == "true":
			modified = "-modified"
		}
	}
	if revision == "" {
		return "", ""
	}
	return revision, modified
}
