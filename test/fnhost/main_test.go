package fnhost_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

	fdk "github.com/fnproject/fdk-go"
)

// modeKey is the variable that makes this test binary a function. Its value selects which one.
const modeKey = "fnhost_test_mode"

func TestMain(m *testing.M) {
	switch mode := os.Getenv(modeKey); mode {
	case "":
		os.Exit(m.Run())
	case "fdk":
		fdk.Handle(fdk.HandlerFunc(withFDK))
	case "ends":
		fmt.Fprintln(os.Stderr, "cannot start")
		os.Exit(3)
	case "never listens":
		forever()
	default:
		serve(mode)
	}
}

// forever blocks until the process is killed. Without cgo the runtime would end a process with `select {}` ("all
// goroutines are asleep").
func forever() {
	for {
		time.Sleep(time.Hour)
	}
}

// withFDK answers with a report of its call. It panics if the body is "panic".
func withFDK(ctx context.Context, in io.Reader, out io.Writer) {
	call := fdk.GetContext(ctx)
	body, err := io.ReadAll(in)
	if err != nil || string(body) == "panic" {
		panic(http.ErrAbortHandler)
	}
	deadline, _ := ctx.Deadline()
	fdk.WriteStatus(out, http.StatusTeapot)
	if err := json.NewEncoder(out).Encode(report{
		Body: string(body), CallID: call.CallID(), Config: call.Config(), Header: call.Header(),
		Deadline: deadline.Unix(), PID: os.Getpid(),
	}); err != nil {
		panic(err)
	}
}

// report is what the function got.
type report struct {
	Body, CallID string
	Config       map[string]string
	Header       http.Header
	Deadline     int64
	PID          int
}

// serve implements the contract without the FDK, and executes the command in each call's body. The mode selects how it
// listens.
func serve(mode string) {
	listener, err := url.Parse(os.Getenv("FN_LISTENER"))
	if err != nil {
		log.Fatal(err)
	}
	dir, name := filepath.Split(listener.Path)
	socket, perm, target := filepath.Join(dir, "s"), os.FileMode(0o666), "s"
	switch mode {
	case "plain socket":
		socket = filepath.Join(dir, name)
	case "absolute link":
		target = socket
	case "private socket":
		perm = 0o600
	case "dangling link":
		target = "nowhere"
	}
	l, err := net.Listen("unix", socket)
	if err != nil {
		log.Fatal(err)
	}
	if err := os.Chmod(socket, perm); err != nil {
		log.Fatal(err)
	}
	if mode != "plain socket" {
		if err := os.Symlink(target, listener.Path); err != nil {
			log.Fatal(err)
		}
	}
	log.Fatal(http.Serve(l, http.HandlerFunc(obey)))
}

// obey executes the command in the body. Its files are the test's pipes: opening one waits for the test.
func obey(w http.ResponseWriter, r *http.Request) {
	var c command
	if err := json.NewDecoder(r.Body).Decode(&c); err != nil || r.Method != http.MethodPost || r.URL.Path != "/call" {
		http.Error(w, "bad call", http.StatusBadRequest)
		return
	}
	if c.Announce != "" {
		if err := os.WriteFile(c.Announce, []byte("x"), 0o600); err != nil {
			log.Fatal(err)
		}
	}
	if c.Await != "" {
		if _, err := os.ReadFile(c.Await); err != nil {
			log.Fatal(err)
		}
	}
	switch c.Do {
	case "hang":
		forever()
	case "exit":
		os.Exit(0)
	case "cut":
		panic(http.ErrAbortHandler)
	case "half":
		w.Header().Set("Content-Length", "100")
	case "long":
		if _, err := w.Write(make([]byte, 6<<20+1)); err != nil && !errors.Is(err, net.ErrClosed) {
			log.Print(err)
		}
		return
	}
	if c.Status != 0 {
		w.WriteHeader(c.Status)
	}
	fmt.Fprint(w, os.Getpid())
}

type command struct {
	Do              string
	Status          int
	Announce, Await string
}
