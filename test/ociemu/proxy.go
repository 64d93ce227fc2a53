package ociemu

import (
	"context"
	"crypto/tls"
	"log"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// serveOrigin serves the requests to the listener itself.
func (e *Emulator) serveOrigin(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.Method == http.MethodConnect:
		e.connect(w, r)
	case r.URL.IsAbs(): // a client that uses the emulator as a proxy for plain HTTP
		http.Error(w, "the emulator is a proxy for HTTPS only", http.StatusBadGateway)
	case strings.HasPrefix(r.URL.Path, controlPrefix):
		e.controls.ServeHTTP(w, r)
	default:
		e.serve(w, r, target{region: e.opts.Region, host: r.Host})
	}
}

func (e *Emulator) serveTunnel(w http.ResponseWriter, r *http.Request) {
	to, ok := r.Context().Value(targetKey{}).(target)
	if !ok {
		http.Error(w, "connection without a target", http.StatusInternalServerError)
		return
	}
	if host := strings.TrimSuffix(r.Host, ":443"); host != to.host {
		http.Error(w, "the tunnel leads to "+to.host+", not to "+host, http.StatusMisdirectedRequest)
		return
	}
	e.serve(w, r, to)
}

// connect answers CONNECT, and after the TLS handshake passes the connection to the server of the tunnels.
func (e *Emulator) connect(w http.ResponseWriter, r *http.Request) {
	host, port, err := net.SplitHostPort(r.Host)
	to, known := e.lookup(host)
	if err != nil || port != "443" || !known {
		e.opts.Log.Debug("unknown host", "host", r.Host)
		http.Error(w, "the emulator does not know "+r.Host, http.StatusBadGateway)
		return
	}
	raw, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		http.Error(w, "taking over the connection: "+err.Error(), http.StatusInternalServerError)
		return
	}
	if err := e.handshake(raw, to); err != nil {
		e.opts.Log.Debug("tunnel failed", "host", to.host, "error", err.Error())
		raw.Close() // the peer gets no answer
	}
}

func (e *Emulator) handshake(raw net.Conn, to target) error {
	began := time.Now()
	if err := raw.SetDeadline(began.Add(time.Minute)); err != nil {
		return err
	}
	if !e.travel() {
		return net.ErrClosed
	}
	if _, err := raw.Write([]byte("HTTP/1.1 200 Connection Established\r\n\r\n")); err != nil {
		return err
	}
	shaken := &flights{Conn: raw, travel: e.travel}
	conn := tls.Server(shaken, &tls.Config{
		MinVersion: tls.VersionTLS12,
		NextProtos: []string{"http/1.1"},
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			return e.ca.leaf(to.host)
		},
	})
	if err := conn.HandshakeContext(e.ctx); err != nil {
		return err
	}
	if err := raw.SetDeadline(time.Time{}); err != nil {
		return err
	}
	e.history.connected(shaken.setUp(to.host, began, conn.ConnectionState()))
	return e.arrivals.push(&tunnel{Conn: conn, raw: raw, to: to})
}

// tunnel is a TLS connection with the host for which it was opened.
type tunnel struct {
	*tls.Conn
	raw net.Conn
	to  target
}

type targetKey struct{}

func withTarget(ctx context.Context, c net.Conn) context.Context {
	if t, ok := c.(*tunnel); ok {
		return context.WithValue(ctx, targetKey{}, t.to)
	}
	return ctx
}

// tunnelQueue is the listener of the tunnels' server. It accepts the connections passed to push.
type tunnelQueue struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func newTunnelQueue() *tunnelQueue {
	return &tunnelQueue{conns: make(chan net.Conn), closed: make(chan struct{})}
}

func (q *tunnelQueue) push(c net.Conn) error {
	select {
	case q.conns <- c:
		return nil
	case <-q.closed:
		return net.ErrClosed
	}
}

func (q *tunnelQueue) Accept() (net.Conn, error) {
	select {
	case c := <-q.conns:
		return c, nil
	case <-q.closed:
		return nil, net.ErrClosed
	}
}

func (q *tunnelQueue) Close() error {
	q.once.Do(func() { close(q.closed) })
	return nil
}

func (q *tunnelQueue) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)} }

// cutConnection closes the client's connection without an answer and without TLS's close_notify.
func cutConnection(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler) // the server then closes the connection itself
	}
	if t, ok := conn.(*tunnel); ok {
		conn = t.raw
	}
	conn.Close() // the peer notices the end even after an error
}

// quietLog writes net/http's messages, such as about disconnected clients, to the debug log.
func quietLog(l *slog.Logger) *log.Logger { return slog.NewLogLogger(l.Handler(), slog.LevelDebug) }
