package fn

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/rs/zerolog"
)

// Serve answers invocations with f until the platform ends the process. environ
// is the process's environment, as "KEY=value". Without the platform's variables
// (FN_LISTENER, FN_FORMAT) it logs what is missing and ends the process.
func Serve(log zerolog.Logger, environ []string, f Func) {
	env := variables(environ)
	listener, err := listen(env["FN_FORMAT"], env["FN_LISTENER"])
	if err == nil {
		frames := frame{env["FN_LOGFRAME_NAME"], env["FN_LOGFRAME_HDR"], []io.Writer{os.Stdout, os.Stderr}}
		server := http.Server{Handler: framed(frames, Handler(log, environ, f))}
		err = server.Serve(listener)
	}
	log.WithLevel(zerolog.FatalLevel).Err(err).Msg("the function can't be served")
	os.Exit(1)
}

func variables(environ []string) map[string]string {
	env := map[string]string{}
	for _, pair := range environ {
		name, value, _ := strings.Cut(pair, "=")
		env[name] = value
	}
	return env
}

// listen opens the platform's socket. The platform takes the appearance of the
// path for readiness, so the socket is made under another name, opened to all,
// and then linked: relatively, since the platform sees the folder at another
// place (fnproject/fn, api/agent/agent.go; fdk-go, handler.go).
func listen(format, address string) (net.Listener, error) {
	if format != "" && format != "http-stream" {
		return nil, fmt.Errorf("FN_FORMAT is %q: only http-stream is supported, set it in func.yaml", format)
	}
	at, err := url.Parse(address)
	if err != nil || at.Scheme != "unix" || at.Path == "" {
		return nil, fmt.Errorf("FN_LISTENER is %q, want unix:/path/of/a/socket: OCI Functions sets it", address)
	}
	socket := filepath.Join(filepath.Dir(at.Path), "phony"+filepath.Base(at.Path))
	for _, old := range []string{socket, at.Path} {
		if err := os.Remove(old); err != nil && !errors.Is(err, os.ErrNotExist) {
			return nil, fmt.Errorf("removing what an earlier process has left: %w", err)
		}
	}
	listener, err := net.Listen("unix", socket)
	if err != nil {
		return nil, fmt.Errorf("opening the socket: %w", err)
	}
	if err := os.Chmod(socket, 0o666); err != nil {
		return nil, errors.Join(fmt.Errorf("opening the socket to the platform: %w", err), listener.Close())
	}
	if err := os.Symlink(filepath.Base(socket), at.Path); err != nil {
		return nil, errors.Join(fmt.Errorf("linking the socket: %w", err), listener.Close())
	}
	return listener, nil
}

// frame is the line that tells the platform's log which call the lines after it
// belong to (fdk-go, handler.go, logFrameHeader). The zero frame writes nothing.
type frame struct {
	name, header string
	out          []io.Writer
}

func framed(f frame, inner http.Handler) http.Handler {
	if f.name == "" || f.header == "" {
		return inner
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if id := r.Header.Get(f.header); id != "" {
			for _, out := range f.out {
				_, _ = fmt.Fprintf(out, "\n%s=%s\n", f.name, id) // a log that can't be written to has no other place to say so
			}
		}
		inner.ServeHTTP(w, r)
	})
}
