package deploy_test

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/keyturn/keyturn/test/need"
)

const (
	host         = "fra.ocir.io"
	namespace    = "examplens"
	user         = namespace + "/oracleidentitycloudservice/pusher@example.com"
	repositories = host + "/" + namespace + "/keyturn"
)

// registry is Debian's docker-registry with htpasswd, behind a front for fra.ocir.io with TLS. Programs connect through
// a proxy that allows no other host, so they use the real name and can't leave the machine.
type registry struct {
	t        *testing.T
	token    string // the user's auth token, made for this registry
	bearer   bool   // sign in at a token service, like Container Registry, instead of with each request
	upstream *url.URL
	front    *httptest.Server
	proxy    *httptest.Server
	cert     []byte // PEM

	mu     sync.Mutex
	down   bool                                              // nothing listens
	refuse func(w http.ResponseWriter, r *http.Request) bool // if it returns true, it has answered
	writes int                                               // requests that change something
	issued map[string]bool                                   // bearer tokens
}

// needRegistry skips or fails a test without a registry server. Call it before there is anything to clean up.
func needRegistry(t *testing.T) {
	t.Helper()
	need.Suite(t, need.Registry)
	for _, name := range []string{"docker-registry", "perl"} {
		need.Tool(t, name)
	}
}

func newRegistry(t *testing.T, bearer bool) *registry {
	t.Helper()
	program := need.Tool(t, "docker-registry")
	r := &registry{t: t, token: rand.Text(), bearer: bearer, issued: map[string]bool{}}
	r.upstream = r.serve(program)
	r.listen()
	return r
}

// serve starts the server and reads its address from its log.
func (r *registry) serve(program string) *url.URL {
	r.t.Helper()
	dir := r.t.TempDir()
	config := filepath.Join(dir, "config.yml")
	text := fmt.Sprintf("version: 0.1\nlog: {level: info, accesslog: {disabled: true}}\nstorage: {filesystem: "+
		"{rootdirectory: %q}}\n"+
		"http: {addr: 127.0.0.1:0, relativeurls: true, secret: %s}\nauth: {htpasswd: {realm: test, path: %q}}\n",
		filepath.Join(dir, "data"), rand.Text(), filepath.Join(dir, "htpasswd"))
	for name, text := range map[string]string{config: text, filepath.Join(dir, "htpasswd"): user + ":" +
		hash(r.t, r.token) + "\n"} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			r.t.Fatal(err)
		}
	}
	c := exec.Command(program, "serve", config)
	c.Env = []string{"PATH=" + os.Getenv("PATH"), "OTEL_TRACES_EXPORTER=none"}
	log, err := c.StderrPipe()
	if err != nil {
		r.t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() {
		if err := c.Process.Kill(); err != nil {
			r.t.Error(err)
		}
		_ = c.Wait() // it was killed
	})
	lines := bufio.NewScanner(log)
	var seen strings.Builder
	for lines.Scan() {
		seen.WriteString(lines.Text() + "\n")
		if m := regexp.MustCompile(`listening on (127\.0\.0\.1:\d+)`).FindStringSubmatch(lines.Text()); m != nil {
			go func() { _, _ = io.Copy(io.Discard, log) }() // empties the pipe of the log
			return &url.URL{Scheme: "http", Host: m[1]}
		}
	}
	r.t.Fatalf("docker-registry has ended without listening:\n%s", seen.String())
	return nil
}

// hash returns the bcrypt hash for an htpasswd file. Perl calls the C library for it.
func hash(t *testing.T, token string) string {
	t.Helper()
	c := exec.CommandContext(t.Context(), need.Tool(t, "perl"), "-e", `my $p = <STDIN>; print crypt($p, $ARGV[0]);`,
		"$2y$05$"+rand.Text()[:22])
	c.Stdin = strings.NewReader(token)
	out, err := c.Output()
	if err != nil || !strings.HasPrefix(string(out), "$2y$05$") {
		t.Fatalf("perl makes no bcrypt hash: %v", err)
	}
	return string(out)
}

// listen starts the front and the proxy.
func (r *registry) listen() {
	r.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		r.t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: host},
		DNSNames:  []string{host},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour), IsCA: true,
		BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		r.t.Fatal(err)
	}
	r.cert = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	r.front = httptest.NewUnstartedServer(r)
	r.front.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
	r.front.StartTLS()
	r.proxy = httptest.NewServer(http.HandlerFunc(r.connect))
	r.t.Cleanup(r.front.Close)
	r.t.Cleanup(r.proxy.Close)
}

// connect is the proxy.
func (r *registry) connect(w http.ResponseWriter, q *http.Request) {
	r.mu.Lock()
	down := r.down
	r.mu.Unlock()
	if q.Method != http.MethodConnect || q.Host != host+":443" {
		r.t.Errorf("unexpected request: %s %s", q.Method, q.Host)
		down = true
	}
	if down {
		http.Error(w, "", http.StatusBadGateway)
		return
	}
	there, err := net.Dial("tcp", r.front.Listener.Addr().String())
	if err != nil {
		r.t.Error(err)
		return
	}
	w.WriteHeader(http.StatusOK)
	here, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		r.t.Error(err)
		return
	}
	go func() {
		_, _ = io.Copy(there, buffered) // ends with the connection
		there.Close()
	}()
	_, _ = io.Copy(here, there)
	here.Close()
}

// ServeHTTP is the front.
func (r *registry) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	r.mu.Lock()
	refuse := r.refuse
	if q.Method != http.MethodGet && q.Method != http.MethodHead {
		r.writes++
	}
	r.mu.Unlock()
	if refuse != nil && refuse(w, q) {
		return
	}
	if r.bearer {
		if q.URL.Path == "/20180419/docker/token" {
			r.issue(w, q)
			return
		}
		r.mu.Lock()
		known := r.issued[strings.TrimPrefix(q.Header.Get("Authorization"), "Bearer ")]
		r.mu.Unlock()
		if !known {
			w.Header().Set("WWW-Authenticate", `Bearer realm="https://`+host+`/20180419/docker/token",service="`+host+
				`",scope=""`)
			http.Error(w,
				`{"errors":[{"code":"UNAUTHORIZED","message":"Anonymous users are only allowed read access on public repos"}]}`, http.StatusUnauthorized)
			return
		}
		q.SetBasicAuth(user, r.token)
	}
	proxy := httputil.ReverseProxy{Rewrite: func(p *httputil.ProxyRequest) { p.SetURL(r.upstream) }}
	proxy.ServeHTTP(w, q)
}

// issue is the token service.
func (r *registry) issue(w http.ResponseWriter, q *http.Request) {
	name, token, _ := q.BasicAuth()
	if name != user || token != r.token {
		http.Error(w, `{"errors":[{"code":"UNKNOWN","message":"Unauthorized"}]}`, http.StatusUnauthorized)
		return
	}
	bearer := rand.Text()
	r.mu.Lock()
	r.issued[bearer] = true
	r.mu.Unlock()
	if err := json.NewEncoder(w).Encode(map[string]string{"token": bearer}); err != nil {
		r.t.Error(err)
	}
}

func (r *registry) setDown(down bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.down = down
}

func (r *registry) setRefusal(refuse func(w http.ResponseWriter, q *http.Request) bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.refuse = refuse
}

// written returns the number of requests so far that change something.
func (r *registry) written() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.writes
}

// admit connects a bench to the registry.
func (r *registry) admit(b *bench) {
	b.env = append(b.env, "HTTPS_PROXY="+r.proxy.URL, "SSL_CERT_FILE="+b.file("ca.pem", string(r.cert)))
	b.secret = append(b.secret, r.token, base64.StdEncoding.EncodeToString([]byte(user+":"+r.token)))
}

// transport connects the test to the registry.
func (r *registry) transport() http.RoundTripper {
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(r.cert)
	return &http.Transport{Proxy: func(*http.Request) (*url.URL, error) {
		return url.Parse(r.proxy.URL)
	}, TLSClientConfig: &tls.Config{RootCAs: pool}}
}
