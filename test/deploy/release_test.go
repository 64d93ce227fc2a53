package deploy_test

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/keyturn/keyturn/test/need"
)

// spdx is the part of a bill of materials that the tests read.
type spdx struct {
	Packages []struct {
		Name, VersionInfo, SourceInfo string
		Checksums                     []struct{ Algorithm, ChecksumValue string }
	}
}

// bill reads a bill of materials.
func bill(t *testing.T, text string) (s spdx) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &s); err != nil || len(s.Packages) < 3 {
		t.Fatalf("a bill of materials has %d packages: %v", len(s.Packages), err)
	}
	return s
}

// The command for the other systems is made by the same code, and the release's workflow makes all of them.
func TestTheFilesOfAReleaseAreCompleteAndTheSameEachTime(t *testing.T) {
	need.Suite(t, need.Registry)
	b := newBench(t)
	system := runtime.GOOS + "/" + runtime.GOARCH
	args := []string{"release-files", "--source", b.project(), "--version", "1.2.3", "--revision", "0123456789abcdef",
		"--system", system}
	b.good("", append(args, "files")...)
	b.good("", append(args, "again")...)
	made, again := files(t, filepath.Join(b.home, "files")), files(t, filepath.Join(b.home, "again"))
	command := "keyturn-" + strings.ReplaceAll(system, "/", "-")
	var names, sums []string
	for path, text := range made {
		name := filepath.Base(path)
		names = append(names, name)
		if again[filepath.Join(b.home, "again", name)] != text {
			t.Errorf("%s differs the second time", name)
		}
		if name != "SHA256SUMS" {
			sums = append(sums, fmt.Sprintf("%x  %s\n", sha256.Sum256([]byte(text)), name))
		}
	}
	slices.Sort(names)
	want := []string{"SHA256SUMS", command, command + ".spdx.json", "keyturn-rotate-1.2.3.oci.tar",
		"keyturn-rotate-1.2.3.spdx.json", "keyturn-stack.zip", "keyturn-sweep-1.2.3.oci.tar",
		"keyturn-sweep-1.2.3.spdx.json"}
	if !slices.Equal(names, want) {
		t.Fatalf("the files are %v, want %v", names, want)
	}
	slices.SortFunc(sums, func(a, b string) int { return strings.Compare(a[66:], b[66:]) })
	file := func(name string) string { return made[filepath.Join(b.home, "files", name)] }
	if file("SHA256SUMS") != strings.Join(sums, "") {
		t.Errorf("the checksums are\n%s", file("SHA256SUMS"))
	}
	runsTheReleasedCommand(t, b, filepath.Join("files", command))
	listsItsModules(t, file(command), bill(t, file(command+".spdx.json")))
	pushesTheReleasedImages(t, b, file)
	if stack := unzip(t, filepath.Join(b.home, "files", "keyturn-stack.zip")); strings.Contains(stack["variables.tf"],
		"sha256:0") || stack["schema.yaml"] == "" {
		t.Error("the stack is not the one without images")
	}
}

func runsTheReleasedCommand(t *testing.T, b *bench, command string) {
	t.Helper()
	r := b.start("", filepath.Join(b.home, command), "version")
	if r.code != 0 || !strings.Contains(r.out, "1.2.3") {
		t.Errorf("the released command says %s%s", r.out, r.log)
	}
}

// listsItsModules compares a bill of materials with what the linker recorded in the binary.
func listsItsModules(t *testing.T, binary string, s spdx) {
	t.Helper()
	info, err := buildinfo.Read(strings.NewReader(binary))
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256([]byte(binary))
	if s.Packages[0].Checksums[0].ChecksumValue != hex.EncodeToString(sum[:]) ||
		len(s.Packages) != len(info.Deps)+3 { // the binary, Keyturn's own module, and the standard library
		t.Errorf("the bill of materials has %d packages, the binary %d modules", len(s.Packages), len(info.Deps))
	}
	for i, m := range info.Deps {
		if p := s.Packages[i+3]; p.Name != m.Path || p.VersionInfo != m.Version {
			t.Errorf("the bill of materials has %s %s, the binary %s %s", p.Name, p.VersionInfo, m.Path, m.Version)
		}
	}
}

// pushesTheReleasedImages unpacks the images, and checks that keyturn deploy push accepts them and their version.
func pushesTheReleasedImages(t *testing.T, b *bench, file func(string) string) {
	t.Helper()
	for _, f := range functions {
		r := tar.NewReader(strings.NewReader(file("keyturn-" + f + "-1.2.3.oci.tar")))
		for {
			h, err := r.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			var text bytes.Buffer
			if _, err := text.ReadFrom(r); err != nil {
				t.Fatal(err)
			}
			if h.FileInfo().Mode().IsRegular() {
				b.file(filepath.Join("dist", f, h.Name), text.String())
			}
		}
	}
	b.bad(failed, []string{"checking " + repositories + "/rotate:1.2.3"}, "", "push", "--repository", repositories,
		"--user", user, "--token-file", b.file("token", "none\n"))
}

func TestAReleaseWithABadInputIsRefused(t *testing.T) {
	b := newBench(t)
	b.file("full/file", "")
	source := []string{"release-files", "--source", b.project()}
	b.bad(wrong, []string{"--version"}, "", append(source, "files")...)
	b.bad(wrong, []string{"plan9/amd64", "linux/amd64"}, "", append(source, "--version", "1.2.3", "--system",
		"plan9/amd64", "files")...)
	b.bad(failed, []string{"full is not empty"}, "", append(source, "--version", "1.2.3", "full")...)
	all := b.good("", append(source, "--version", "1.2.3", "--dry-run", "files")...)
	for _, name := range []string{"keyturn-linux-arm64", "keyturn-darwin-arm64", "keyturn-windows-amd64.exe",
		"keyturn-windows-amd64.spdx.json", "keyturn-darwin-amd64.spdx.json"} {
		if !strings.Contains(all.out, name+"\n") {
			t.Errorf("a release doesn't have %s:\n%s", name, all.out)
		}
	}
	if strings.Count(all.out, "\n") != 6*2+2*2+2 {
		t.Errorf("a release has\n%s", all.out)
	}
	if _, err := os.Stat(filepath.Join(b.home, "files")); err == nil {
		t.Error("a dry run has made the folder")
	}
}
