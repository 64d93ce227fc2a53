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

	"golang.org/x/crypto/bcrypt"

	"github.com/keyturn/keyturn/test/need"
	"github.com/keyturn/keyturn/test/ociemu"
)

const (
	region       = "eu-frankfurt-1"
	host         = "fra.ocir.io"
	longHost     = "ocir." + region + ".oci.oraclecloud.com"
	namespace    = "examplens"
	user         = namespace + "/oracleidentitycloudservice/pusher@example.com"
	repositories = host + "/" + namespace + "/keyturn"
)

// registry is Debian's docker-registry with htpasswd, behind a front for both names of Frankfurt's registry with TLS.
// Programs connect through a proxy that allows only these and, if there is one, the emulator's hosts. So they use the
// real names and can't leave the machine.
type registry struct {
	t        *testing.T
	token    string // the user's auth token, made for this registry
	bearer   bool   // sign in at a token service, like Container Registry, instead of with each request
	upstream *url.URL
	front    *httptest.Server
	proxy    *httptest.Server
	cert     []byte           // PEM
	cloud    *ociemu.Emulator // gets all other hosts, and knows what was pushed; may be nil

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
	need.Tool(t, "docker-registry")
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

// hash returns the bcrypt hash for an htpasswd file.
func hash(t *testing.T, token string) string {
	t.Helper()
	out, err := bcrypt.GenerateFromPassword([]byte(token), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
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
		DNSNames:  []string{host, longHost},
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
	address, ours := r.front.Listener.Addr().String(), q.Host == host+":443" || q.Host == longHost+":443"
	if !ours && r.cloud != nil {
		address, down = strings.TrimPrefix(r.cloud.URL(), "http://"), false
	} else if q.Method != http.MethodConnect || !ours {
		r.t.Errorf("unexpected request: %s %s", q.Method, q.Host)
		down = true
	}
	if down {
		http.Error(w, "", http.StatusBadGateway)
		return
	}
	there, err := net.Dial("tcp", address)
	if err != nil {
		r.t.Error(err)
		return
	}
	if ours {
		w.WriteHeader(http.StatusOK)
	} else {
		fmt.Fprintf(there, "CONNECT %s HTTP/1.1\r\nHost: %s\r\n\r\n", q.Host, q.Host)
	}
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
	proxy := httputil.ReverseProxy{Rewrite: func(p *httputil.ProxyRequest) { p.SetURL(r.upstream) },
		ModifyResponse: r.note}
	proxy.ServeHTTP(w, q)
}

// note tells the emulator of a pushed image.
func (r *registry) note(answer *http.Response) error {
	q := answer.Request
	name, tag, ok := strings.Cut(strings.TrimPrefix(q.URL.Path, "/v2/"), "/manifests/")
	if _, short, inNamespace := strings.Cut(name, "/"); ok && inNamespace && q.Method == http.MethodPut &&
		answer.StatusCode == http.StatusCreated && r.cloud != nil {
		r.cloud.NoteImage(short, tag, answer.Header.Get("Docker-Content-Digest"))
	}
	return nil
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
	authorities := string(r.cert)
	if r.cloud != nil {
		ca, err := os.ReadFile(r.cloud.CAFile())
		if err != nil {
			r.t.Fatal(err)
		}
		authorities += string(ca)
	}
	b.env = append(b.env, "HTTPS_PROXY="+r.proxy.URL, "SSL_CERT_FILE="+b.file("ca.pem", authorities))
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
