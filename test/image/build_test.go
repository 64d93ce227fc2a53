package image

import (
	"bytes"
	"debug/elf"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"
)

// maxSize is the maximum size of a compressed image, in bytes.
const maxSize = 6_000_000

func TestBuildsInTwoFoldersGiveTheSameImage(t *testing.T) {
	made(t)
	elsewhere := filepath.Join(t.TempDir(), "another", "place")
	for _, name := range []string{"go.mod", "go.sum", "functions", "pkg"} {
		from, to := filepath.Join(root, name), filepath.Join(elsewhere, name)
		info, err := os.Stat(from)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			t.Fatal(err)
		}
		if info.IsDir() {
			err = os.CopyFS(to, os.DirFS(from))
		} else {
			var text []byte
			text, err = os.ReadFile(from)
			if err == nil {
				err = os.WriteFile(to, text, 0o600)
			}
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	// In another folder, and with an unusual environment. The container engine compares a build with an empty cache.
	second := build(t, elsewhere, []string{"GOFLAGS=-tags=other", "GOAMD64=v3",
		"CGO_ENABLED=1", "GOARCH=arm64", "TZ=Asia/Tokyo"})
	t.Logf("\n%s", printed)
	for _, f := range functions {
		a, b := open(t, filepath.Join(shared, f)), open(t, filepath.Join(second, f))
		if digest(t, a) != digest(t, b) {
			t.Errorf("%s: %s in one folder, %s in another (layers %s and %s)", f, digest(t, a), digest(t, b),
				diffID(t, a), diffID(t, b))
		}
		for _, want := range []string{digest(t, a), diffID(t, a)} {
			if !strings.Contains(printed, want) {
				t.Errorf("%s: %s is not printed", f, want)
			}
		}
		one, err := os.ReadFile(filepath.Join(shared, f+".spdx.json"))
		if err != nil {
			t.Fatal(err)
		}
		two, err := os.ReadFile(filepath.Join(second, f+".spdx.json"))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(one, two) {
			t.Errorf("%s: the bills of materials are different", f)
		}
	}
}

func TestAnImageIsOneStaticBinaryAndNothingElse(t *testing.T) {
	made(t)
	for _, f := range functions {
		image := open(t, filepath.Join(shared, f))
		files := content(t, image)
		if len(files) != 1 || files[0].Name != "function" {
			t.Fatalf("%s: the layer has %d files, the first is %s; want function alone", f, len(files), files[0].Name)
		}
		h := files[0]
		if h.Mode != 0o755 || h.Uid != 0 || h.Gid != 0 || h.ModTime.Unix() != 0 {
			t.Errorf("%s: mode %o, owner %d:%d, time %v", f, h.Mode, h.Uid, h.Gid, h.ModTime)
		}
		binary, err := elf.NewFile(bytes.NewReader(h.content))
		if err != nil {
			t.Fatal(err)
		}
		if binary.Machine != elf.EM_X86_64 {
			t.Errorf("%s: the binary is for %s", f, binary.Machine)
		}
		for _, p := range binary.Progs {
			if p.Type == elf.PT_INTERP || p.Type == elf.PT_DYNAMIC {
				t.Errorf("%s: the binary has a %s: it is not static", f, p.Type)
			}
		}
		manifest, err := image.Manifest()
		if err != nil {
			t.Fatal(err)
		}
		if size := manifest.Config.Size + manifest.Layers[0].Size; size >= maxSize {
			t.Errorf("%s: %d bytes compressed, want less than %d", f, size, maxSize)
		}
	}
}

func TestAnImageHasLabelsAndRunsAsAnOrdinaryUser(t *testing.T) {
	made(t)
	for _, f := range functions {
		config, err := open(t, filepath.Join(shared, f)).ConfigFile()
		if err != nil {
			t.Fatal(err)
		}
		if config.OS != "linux" || config.Architecture != "amd64" || config.Created.Unix() != 0 {
			t.Errorf("%s: %s/%s of %v", f, config.OS, config.Architecture, config.Created)
		}
		c := config.Config
		if c.User != "1000:1000" || !slices.Equal(c.Entrypoint, []string{"/function"}) || len(c.Cmd) > 0 {
			t.Errorf("%s: user %q, entrypoint %q, command %q", f, c.User, c.Entrypoint, c.Cmd)
		}
		if want := labels(f); !maps.Equal(c.Labels, want) {
			t.Errorf("%s: the labels are %v, want %v", f, c.Labels, want)
		}
	}
}

// labels are the labels of an image of either build method.
func labels(function string) map[string]string {
	return map[string]string{
		"org.opencontainers.image.title":    "keyturn/" + function,
		"org.opencontainers.image.version":  version,
		"org.opencontainers.image.revision": revision,
		"org.opencontainers.image.source":   "https://github.com/keyturn/keyturn",
		"org.opencontainers.image.licenses": "Apache-2.0",
	}
}

func TestAFolderThatIsNoImageLayoutIsNotChanged(t *testing.T) {
	made(t)
	dist := t.TempDir()
	kept := filepath.Join(dist, "rotate", "main.go")
	if err := os.Mkdir(filepath.Dir(kept), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(kept, []byte("package main\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c := exec.CommandContext(t.Context(), maker, "deploy", "build", "--function", "rotate", "--version", version,
		"--revision", revision, "--dist", dist)
	c.Dir = root
	out, err := c.CombinedOutput()
	if c.ProcessState.ExitCode() != 1 || !strings.Contains(string(out), "not an image layout") {
		t.Errorf("the command ended with %v: %s", err, out)
	}
	if _, err := os.Stat(kept); err != nil {
		t.Error(err)
	}
}

func TestALayoutIsReplacedByTheNext(t *testing.T) {
	made(t)
	dist := build(t, root, nil, "--function", "rotate")
	before := digest(t, open(t, filepath.Join(dist, "rotate")))
	output(t, root, nil, maker, "deploy", "build", "--function", "rotate", "--version", "v1.2.4", "--revision",
		revision, "--dist", dist)
	if digest(t, open(t, filepath.Join(dist, "rotate"))) == before {
		t.Error("the layout still has the image of before")
	}
	var found []string
	err := filepath.WalkDir(dist, func(path string, d fs.DirEntry, err error) error {
		if d.IsDir() && filepath.Dir(path) == dist {
			found = append(found, d.Name())
		}
		return err
	})
	if err != nil || !slices.Equal(found, []string{"rotate"}) {
		t.Errorf("the folder has %q, %v; want the layout alone", found, err)
	}
}

// from matches the build stage's image.
var from = regexp.MustCompile(`(?m)^FROM .*\bgolang:(\S+) AS build$`)

func dockerfile(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "Dockerfile"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestTheDockerfileCompilesWithTheModulesGoVersion(t *testing.T) {
	want := strings.TrimSpace(output(t, root, nil, "go", "list", "-m", "-f", "{{.GoVersion}}"))
	if m := from.FindStringSubmatch(dockerfile(t)); m == nil || m[1] != want {
		t.Errorf("the Dockerfile builds with golang:%q, go.mod has %s", m, want)
	}
}

// The Fn CLI (fnproject/cli, common/funcfile.go and common/common.go) runs docker build in the folder of func.yaml with
// the Dockerfile in it. It ignores build_image, run_image, cmd and entrypoint, so func.yaml must not have them. It
// knows no other keys.
func TestTheFnCLIFindsWhatItNeedsInFuncYAML(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "func.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var f struct {
		SchemaVersion int    `yaml:"schema_version"`
		Name          string `yaml:"name"`
		Version       string `yaml:"version"`
		Runtime       string `yaml:"runtime"`
		Memory        int    `yaml:"memory"`
		Timeout       int    `yaml:"timeout"`
	}
	d := yaml.NewDecoder(bytes.NewReader(text))
	d.KnownFields(true)
	if err := d.Decode(&f); err != nil {
		t.Fatal(err)
	}
	if f.SchemaVersion != 20180708 || f.Runtime != "docker" || f.Name != "rotate" || f.Version == "" {
		t.Errorf("func.yaml has %+v", f)
	}
	// OCI Functions accepts these sizes, and at most 300 s for an invocation by Events.
	if !slices.Contains([]int{128, 256, 512, 1024, 2048, 3072}, f.Memory) || f.Timeout < 30 || f.Timeout > 300 {
		t.Errorf("func.yaml has memory %d and timeout %d", f.Memory, f.Timeout)
	}
	if !strings.Contains(dockerfile(t), "\nARG FUNCTION="+f.Name+"\n") {
		t.Errorf("func.yaml is for %s, and the Dockerfile makes another function without arguments", f.Name)
	}
}
