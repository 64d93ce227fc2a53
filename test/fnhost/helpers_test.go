package fnhost_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"

	"github.com/keyturn/keyturn/test/fnhost"
)

// start runs this test binary as the function of that mode.
func start(t *testing.T, mode string, options fnhost.Options) *fnhost.Host {
	t.Helper()
	h, err := tryStart(t, mode, options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	})
	return h
}

func tryStart(t *testing.T, mode string, options fnhost.Options) (*fnhost.Host, error) {
	t.Helper()
	binary, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	options.Binary = binary
	options.Env = append(options.Env, modeKey+"="+mode)
	return fnhost.Start(t.Context(), options)
}

func invoke(t *testing.T, h *fnhost.Host, c command) fnhost.Reply {
	t.Helper()
	return (<-invokeInBackground(t, h, c)).of(t)
}

// outcome is the result of a call.
type outcome struct {
	reply fnhost.Reply
	err   error
}

func (o outcome) of(t *testing.T) fnhost.Reply {
	t.Helper()
	if o.err != nil {
		t.Fatal(o.err)
	}
	return o.reply
}

// invokeInBackground makes a call in the background.
func invokeInBackground(t *testing.T, h *fnhost.Host, c command) <-chan outcome {
	t.Helper()
	body, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan outcome, 1)
	go func() {
		r, err := h.Invoke(t.Context(), body)
		done <- outcome{r, err}
	}()
	return done
}

func (c command) String() string { return c.Do + strconv.Itoa(c.Status) }

// pipe makes a named pipe that synchronizes a test with a function.
func pipe(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "pipe")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	path := filepath.Join(dir, "p")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// opened reports when the function has written into the pipe.
func opened(path string) <-chan error {
	done := make(chan error, 1)
	go func() {
		_, err := os.ReadFile(path)
		done <- err
	}()
	return done
}
