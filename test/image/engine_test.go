package image

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/keyturn/keyturn/test/need"
)

// engine is a separate Docker engine. It does not affect another one on this machine.
type engine struct {
	client  string
	dir     string // all files of the engine
	env     []string
	version string
	proxy   string // this machine's module cache, for the builder
}

// startEngine builds the images and starts an engine with additional environment. It skips or fails the test if that is
// impossible.
func startEngine(t *testing.T, env ...string) *engine {
	t.Helper()
	need.Suite(t, need.Images)
	need.Root(t)
	daemon, client := need.Tool(t, "dockerd"), need.Tool(t, "docker")
	for _, name := range []string{"ctr", "ldd"} {
		need.Tool(t, name)
	}
	if own, err := exec.LookPath("/usr/bin/docker"); err == nil {
		client = own // Debian's client for its daemon
	}
	made(t)
	dir, err := os.MkdirTemp("", "kt") // short, because it contains sockets
	if err != nil {
		t.Fatal(err)
	}
	e := &engine{client: client, dir: dir, env: []string{"DOCKER_HOST=unix://" + dir + "/sock", "DOCKER_CONFIG=" + dir +
		"/config", "DOCKER_CONTEXT=", "DOCKER_BUILDKIT=0"}}
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	c := exec.Command(daemon, "--iptables=false", "--ip6tables=false", "--bridge=none", "--data-root", dir+"/data",
		"--exec-root", dir+"/exec",
		"-H", "unix://"+dir+"/sock", "--pidfile", dir+"/pid")
	c.Stdout, c.Stderr = log, log
	c.Env = append(os.Environ(), env...)
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- c.Wait() }()
	t.Cleanup(func() { stopEngine(t, dir, c.Process, ended) })
	e.await(t, log.Name(), ended)
	cache := strings.TrimSpace(output(t, root, nil, "go", "env", "GOMODCACHE"))
	proxy := httptest.NewServer(http.FileServer(http.Dir(filepath.Join(cache, "cache", "download"))))
	t.Cleanup(proxy.Close)
	e.proxy = proxy.URL
	return e
}

// await waits until the engine answers.
func (e *engine) await(t *testing.T, log string, ended <-chan error) {
	t.Helper()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	limit := time.NewTimer(2 * time.Minute)
	defer limit.Stop()
	for {
		out, err := e.command("version", "--format", "{{.Server.Version}}").Output()
		if err == nil {
			e.version = strings.TrimSpace(string(out))
			return
		}
		select {
		case <-tick.C:
			continue
		case err = <-ended:
		case <-limit.C:
		}
		text, _ := os.ReadFile(log) // best effort: the log explains the error
		t.Fatalf("dockerd doesn't answer: %v\n%s", err, text)
	}
}

// stopEngine stops the engine and everything that it started, unmounts its mounts, and removes its folder.
func stopEngine(t *testing.T, dir string, daemon *os.Process, ended <-chan error) {
	if err := daemon.Signal(syscall.SIGTERM); err != nil {
		t.Log(err) // it has ended already
	}
	select {
	case <-ended:
	case <-time.After(time.Minute):
		t.Error("dockerd doesn't end after SIGTERM")
		_ = daemon.Kill()
		<-ended
	}
	mounts, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		t.Error(err)
	}
	for line := range strings.Lines(string(mounts)) {
		if at := strings.Fields(line)[1]; strings.HasPrefix(at, dir+"/") {
			if err := syscall.Unmount(at, syscall.MNT_DETACH); err != nil {
				t.Errorf("unmounting %s: %v", at, err)
			}
		}
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Error(err)
	}
}

func (e *engine) command(args ...string) *exec.Cmd {
	c := exec.Command(e.client, args...)
	c.Env = append(os.Environ(), e.env...)
	return c
}

// do runs a command of the client, which must succeed.
func (e *engine) do(t *testing.T, args ...string) string {
	t.Helper()
	return strings.TrimSpace(output(t, root, e.env, e.client, args...))
}

// layers are the values of --engine of keyturn deploy build for this engine.
func (e *engine) layers(t *testing.T) string {
	t.Helper()
	major, _, _ := strings.Cut(e.version, ".")
	n, err := strconv.Atoi(major)
	if err != nil {
		t.Fatalf("the engine is of version %q: %v", e.version, err)
	}
	if n < 23 {
		return "docker-20.10"
	}
	return "current"
}

// build builds a function's image with the Dockerfile. It can't pull images or modules, so this machine's Go replaces
// the golang image, and its module cache, which keyturn deploy build has just filled, replaces the proxy.
func (e *engine) build(t *testing.T, function string) (image string) {
	t.Helper()
	golang := "golang:" + from.FindStringSubmatch(dockerfile(t))[1]
	if e.do(t, "images", "-q", golang) == "" {
		e.importGo(t, golang)
	}
	image = "built/" + function
	e.do(t, "build", "--network", "host", "--build-arg", "GOPROXY="+e.proxy, "--build-arg", "FUNCTION="+function,
		"--build-arg", "VERSION="+version, "--build-arg", "REVISION="+revision, "-t", image, ".")
	return image
}

// importGo makes the image that replaces the build stage's: Go, a shell, and the two tools that the Dockerfile uses.
func (e *engine) importGo(t *testing.T, name string) {
	t.Helper()
	goroot := strings.TrimSpace(output(t, root, nil, "go", "env", "GOROOT"))
	r, w := io.Pipe()
	go func() {
		out := tar.NewWriter(w)
		err := out.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: "tmp/", Mode: 0o1777})
		for _, part := range []string{"bin/go", "VERSION", "go.env", "pkg/include", "pkg/tool", "src"} {
			err = errors.Join(err, packTree(out, filepath.Join(goroot, part), "usr/local/go/"+part))
		}
		libraries := map[string]bool{}
		for _, tool := range []string{"sh", "touch", "chmod"} {
			err = errors.Join(err, packTool(out, tool, libraries))
		}
		w.CloseWithError(errors.Join(err, out.Close()))
	}()
	c := e.command("import", "-c", "ENV PATH=/usr/local/go/bin:/bin", "-c", "ENV GOPATH=/go", "-", name)
	c.Stdin = r
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("importing the replacement for %s: %v\n%s", name, err, out)
	}
}

// packTree packs a file, or a folder without test data.
func packTree(out *tar.Writer, from, to string) error {
	return filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && d.Name() == "testdata":
			return filepath.SkipDir
		case d.IsDir() || strings.HasSuffix(path, "_test.go"):
			return nil
		}
		return packFile(out, path, to+strings.TrimPrefix(path, from))
	})
}

func packFile(out *tar.Writer, from, to string) error {
	text, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	info, err := os.Stat(from)
	if err != nil {
		return err
	}
	err = out.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: strings.TrimPrefix(to, "/"),
		Mode: int64(info.Mode().Perm()), Size: int64(len(text))})
	if err == nil {
		_, err = io.Copy(out, bytes.NewReader(text))
	}
	return err
}

// library matches the libraries in ldd's output.
var library = regexp.MustCompile(`(/\S+) \(0x`)

// packTool packs a program as /bin/NAME, with its libraries that are not packed yet.
func packTool(out *tar.Writer, name string, libraries map[string]bool) error {
	path, err := exec.LookPath(name)
	if err != nil {
		return err
	}
	if err := packFile(out, path, "bin/"+name); err != nil {
		return err
	}
	list, err := exec.Command("ldd", path).Output()
	if err != nil {
		return fmt.Errorf("finding the libraries of %s: %w", name, err)
	}
	for _, m := range library.FindAllStringSubmatch(string(list), -1) {
		if libraries[m[1]] {
			continue
		}
		libraries[m[1]] = true
		if err := packFile(out, m[1], m[1]); err != nil {
			return err
		}
	}
	return nil
}
