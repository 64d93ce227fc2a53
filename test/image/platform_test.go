package image

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/keyturn/keyturn/test/tenancy"
)

// The limits of OCI Functions for the smallest shape, according to OCI's documentation and a real Fn server.
const (
	memory    = 128 << 20
	processes = 50
	openFiles = 350
)

var containers atomic.Int32

// limits are the platform's limits as arguments of docker run. Only the network differs: the emulator listens on this
// machine's loopback.
var limits = []string{"--memory", strconv.Itoa(memory), "--memory-swap", strconv.Itoa(memory), "--user", "1000:1000",
	"--cap-drop", "ALL",
	"--security-opt", "no-new-privileges", "--read-only", "--pids-limit", strconv.Itoa(processes),
	"--ulimit", fmt.Sprintf("nofile=%d:%d", openFiles, openFiles), "--tmpfs", "/tmp", "--network", "host",
	"--log-driver", "none"}

// listener is the path of the function's socket in the platform's containers.
const listener = "/tmp/iofs/lsnr.sock"

// platform runs functions in containers.
type platform struct {
	*engine
	t      *testing.T
	images map[string]string // by function
	names  map[string]string // of the function's newest container
}

// run implements tenancy.Options.Run.
func (p *platform) run(function, dir string, env []string) *exec.Cmd {
	name := fmt.Sprintf("function-%d", containers.Add(1))
	p.names[function] = name
	args := append([]string{"run", "--rm", "--name", name}, limits...)
	args = append(args, "-v", dir+":"+filepath.Dir(listener))
	if err := os.Chmod(dir, 0o777); err != nil { // the function's user makes the socket
		p.t.Error(err)
	}
	for _, e := range env {
		key, value, _ := strings.Cut(e, "=")
		switch key {
		case "FN_LISTENER":
			value = "unix:" + listener
		case "SSL_CERT_FILE": // its folder also has the resource principal's files
			if err := readable(filepath.Dir(value)); err != nil {
				p.t.Error(err)
			}
			args = append(args, "-v", filepath.Dir(value)+":"+filepath.Dir(value)+":ro")
		}
		args = append(args, "-e", key+"="+value)
	}
	p.t.Cleanup(func() { _ = p.command("rm", "-f", name).Run() }) // killing the client doesn't end the container
	return p.command(append(args, p.images[function])...)
}

// readable lets all users read a folder's files, which exist for one test.
func readable(dir string) error {
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			return os.Chmod(path, 0o755)
		}
		return os.Chmod(path, 0o644)
	})
}

// process is the function's process id on this machine.
func (p *platform) process(function string) string {
	p.t.Helper()
	return "/proc/" + p.do(p.t, "inspect", "--format", "{{.State.Pid}}", p.names[function])
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(text))
}

// group reads a value of a process's control group: version 2 has one hierarchy, version 1 one for each controller.
func group(t *testing.T, process, controller, name1, name2 string) string {
	t.Helper()
	for line := range strings.Lines(readFile(t, process+"/cgroup") + "\n") {
		f := strings.SplitN(strings.TrimSpace(line), ":", 3)
		switch {
		case f[1] == controller:
			return readFile(t, filepath.Join("/sys/fs/cgroup", controller, f[2], name1))
		case f[0] == "0" && f[1] == "":
			if path := filepath.Join("/sys/fs/cgroup", f[2], name2); exists(path) {
				return readFile(t, path)
			}
		}
	}
	t.Fatalf("the control groups of the container can't be read: %s limits can't be checked here", controller)
	return ""
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// confined checks that the container has the platform's limits, because the engine silently ignores limits that the
// machine doesn't support.
func (p *platform) confined(function string) {
	t := p.t
	t.Helper()
	process := p.process(function)
	if got := group(t, process, "memory", "memory.limit_in_bytes", "memory.max"); got != strconv.Itoa(memory) {
		t.Errorf("the memory limit is %s, want %d", got, memory)
	}
	if got := group(t, process, "pids", "pids.max", "pids.max"); got != strconv.Itoa(processes) {
		t.Errorf("the limit of processes is %s, want %d", got, processes)
	}
	status := map[string]string{}
	for line := range strings.Lines(readFile(t, process+"/status")) {
		key, value, _ := strings.Cut(line, ":")
		status[key] = strings.Join(strings.Fields(value), " ")
	}
	for key, want := range map[string]string{"Uid": "1000 1000 1000 1000", "Gid": "1000 1000 1000 1000",
		"CapEff": "0000000000000000",
		"CapPrm": "0000000000000000", "CapBnd": "0000000000000000", "NoNewPrivs": "1"} {
		if status[key] != want {
			t.Errorf("%s is %q, want %q", key, status[key], want)
		}
	}
	first, _, _ := strings.Cut(readFile(t, process+"/mounts"), "\n")
	if f := strings.Fields(first); f[1] != "/" || !strings.HasPrefix(f[3]+",", "ro,") {
		t.Errorf("the root is not read-only: %s", first)
	}
	open := 0
	for line := range strings.Lines(readFile(t, process+"/limits")) {
		if rest, ok := strings.CutPrefix(line, "Max open files"); ok {
			open, _ = strconv.Atoi(strings.Fields(rest)[1])
		}
	}
	if open != openFiles {
		t.Errorf("%d open files are allowed, want %d", open, openFiles)
	}
}

// usage returns the peak memory of the function's container, as its limit counts it, and of its process. The binary's
// pages always count for the process, but for the container only if they were not cached before.
func (p *platform) usage(function string) string {
	p.t.Helper()
	process := p.process(function)
	charged, err := strconv.Atoi(group(p.t, process, "memory", "memory.max_usage_in_bytes", "memory.peak"))
	if err != nil {
		p.t.Fatal(err)
	}
	_, rest, _ := strings.Cut(readFile(p.t, process+"/status"), "VmHWM:")
	resident, err := strconv.Atoi(strings.Fields(rest + " none")[0])
	if err != nil {
		p.t.Fatal(err)
	}
	if charged+resident<<10 > memory {
		p.t.Errorf("%d bytes were charged, and %d KiB resident: more than the limit together", charged, resident)
	}
	return fmt.Sprintf("%.1f MiB charged, %.1f MiB resident, of %d", float64(charged)/(1<<20),
		float64(resident)/(1<<10), memory>>20)
}

// play sets up a tenancy whose functions run in containers.
func (p *platform) play() *tenancy.Deployment {
	p.t.Helper()
	s, err := tenancy.New(p.t.Context(), tenancy.Options{Emulator: calm, Run: p.run, Timeout: callTimeout})
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() {
		if err := s.End(); err != nil {
			p.t.Error(err)
		}
		if p.t.Failed() {
			p.t.Logf("the function printed:\n%s", s.Printed)
		}
	})
	return s
}
