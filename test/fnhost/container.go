package fnhost

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// ErrStart is wrapped by the error for a process that doesn't listen.
var ErrStart = errors.New("container failed to initialize")

// container is one process of the function.
type container struct {
	cmd    *exec.Cmd
	client *http.Client
	calls  int           // used by the goroutine that acquired the container
	done   chan struct{} // closed when the process has ended
}

// start runs a new process and waits until it listens.
func (h *Host) start(ctx context.Context) (*container, error) {
	h.mu.Lock()
	h.started++
	dir := filepath.Join(h.dir, strconv.Itoa(h.started))
	h.mu.Unlock()
	if err := os.Mkdir(dir, 0o755); err != nil {
		return nil, fmt.Errorf("making the container's folder: %w", err)
	}
	socket := filepath.Join(dir, "lsnr.sock")
	env := append([]string{
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		"HOME=/home/fn",
		"FN_APP_ID=ocid1.fnapp.oc1.iad.aaaaaaaalocalapp",
		"FN_FN_ID=ocid1.fnfunc.oc1.iad.aaaaaaaalocalfunction",
		"FN_FORMAT=http-stream",
		"FN_LISTENER=unix:" + socket,
		"FN_MEMORY=128",
		"FN_TYPE=sync",
	}, h.options.Env...)
	var cmd *exec.Cmd
	if h.options.Run != nil {
		cmd = h.options.Run(dir, env)
	} else {
		cmd = exec.Command(h.options.Binary)
		cmd.Env = env
	}
	cmd.Stdout, cmd.Stderr = h.stdout, h.stderr
	cmd.WaitDelay = time.Second // for output pipes that a child process still has open

	c := &container{cmd: cmd, client: socketClient(socket), done: make(chan struct{})}
	begin := time.Now()
	if err := h.launch(c); err != nil {
		return nil, err
	}
	if err := h.waitReady(ctx, c, socket); err != nil {
		h.drop(c)
		return nil, err
	}
	h.mu.Lock()
	h.ready = time.Since(begin)
	h.mu.Unlock()
	return c, nil
}

// launch starts the process and adds it to the live ones, in one step: a concurrent Close either sees it or prevents
// it.
func (h *Host) launch(c *container) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	select {
	case <-h.closed:
		return ErrClosed
	default:
	}
	if err := c.cmd.Start(); err != nil {
		return fmt.Errorf("starting the function: %w", err)
	}
	h.live = append(h.live, c)
	go func() {
		_ = c.cmd.Wait() // the result is in ProcessState
		close(c.done)
	}()
	return nil
}

// waitReady waits for a valid link to the listener's socket.
func (h *Host) waitReady(ctx context.Context, c *container, socket string) error {
	tick := time.NewTicker(200 * time.Microsecond) // the precision of TimeToReady
	defer tick.Stop()
	limit := time.NewTimer(h.options.startTimeout())
	defer limit.Stop()
	for {
		ready, err := linked(socket)
		if err != nil {
			return fmt.Errorf("%w: %w", ErrStart, err)
		}
		if ready {
			return nil
		}
		select {
		case <-tick.C:
		case <-c.done:
			return fmt.Errorf("%w: it ended before it listened: %s", ErrStart, c.cmd.ProcessState)
		case <-limit.C:
			return fmt.Errorf("%w: it does not listen after %s", ErrStart, h.options.startTimeout())
		case <-ctx.Done():
			return fmt.Errorf("waiting for the function to listen: %w", context.Cause(ctx))
		}
	}
}

// linked reports whether path is the link that the contract requires. Its creation means readiness. The platform reads
// it from outside the container, where only a relative link within the folder works (fnproject/fn, api/agent/agent.go).
func linked(path string) (bool, error) {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("looking for the listener: %w", err)
	}
	if info.Mode()&fs.ModeSymlink == 0 {
		return false, errors.New("FN_LISTENER is not a symbolic link")
	}
	target, err := os.Readlink(path)
	if err != nil {
		return false, fmt.Errorf("reading the listener's link: %w", err)
	}
	if strings.ContainsRune(target, '/') {
		return false, fmt.Errorf("FN_LISTENER links to %q, outside its folder", target)
	}
	info, err = os.Stat(path)
	if err != nil {
		return false, fmt.Errorf("following the listener's link: %w", err)
	}
	if info.Mode()&fs.ModeSocket == 0 || info.Mode().Perm()&0o666 != 0o666 {
		return false, fmt.Errorf("FN_LISTENER links to %s, not to a socket that all may use", info.Mode())
	}
	return true, nil
}

// socketClient makes the HTTP client of one process.
func socketClient(socket string) *http.Client {
	return &http.Client{
		Transport: &http.Transport{
			DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
				var d net.Dialer
				return d.DialContext(ctx, "unix", socket)
			},
			DisableCompression: true,
			MaxConnsPerHost:    1,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// kill sends SIGKILL to the process. It doesn't wait.
func (c *container) kill() {
	// The only error is that the process has already ended. os.Process doesn't signal a later process with the same id.
	_ = c.cmd.Process.Kill()
	c.client.CloseIdleConnections()
}

func (c *container) ended() bool {
	select {
	case <-c.done:
		return true
	default:
		return false
	}
}
