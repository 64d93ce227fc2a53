package ociemu_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/validate"

	"github.com/keyturn/keyturn/test/ociemu"
)

const registryHost = "ocir.us-ashburn-1.oci.oraclecloud.com"

func registryCode(t testing.TB, resp response) string {
	t.Helper()
	var failure struct {
		Errors []struct{ Code, Message string }
	}
	if err := json.Unmarshal(resp.body, &failure); err != nil || len(failure.Errors) != 1 ||
		failure.Errors[0].Message == "" {
		t.Fatalf("the refusal is no error of a registry: %s", resp.body)
	}
	return failure.Errors[0].Code
}

// registryUser adds a user with an auth token, and returns its login.
func registryUser(e *ociemu.Emulator) (login, token string) {
	user := e.AddUser("jane@example.com")
	_, token = e.AddAuthToken(user, "x")
	return e.Namespace() + "/jane@example.com", token
}

// bearer gets a token of the registry for the scopes.
func bearer(t testing.TB, e *ociemu.Emulator, scopes ...string) string {
	t.Helper()
	login, token := registryUser(e)
	query := "?service=" + registryHost
	for _, s := range scopes {
		query += "&scope=" + s
	}
	m := message{method: "GET", url: "https://" + registryHost + "/20180419/docker/token" + query}
	m.spoil = func(r *http.Request) { r.SetBasicAuth(login, token) }
	var answer struct{ Token string }
	if resp := m.do(t, e); json.Unmarshal(resp.body, &answer) != nil || answer.Token == "" {
		t.Fatalf("the sign-in is answered %d %s", resp.status, resp.body)
	}
	return answer.Token
}

func (m message) as(t testing.TB, e *ociemu.Emulator, bearer string, headers ...string) response {
	t.Helper()
	m.url = "https://" + registryHost + m.url
	m.spoil = func(r *http.Request) {
		if bearer != "" {
			r.Header.Set("Authorization", "Bearer "+bearer)
		}
		for i := 0; i < len(headers); i += 2 {
			r.Header.Add(headers[i], headers[i+1])
		}
	}
	return m.do(t, e)
}

func TestAThirdPartyClientPullsASeededImage(t *testing.T) {
	e := ociemu.New(t, ociemu.Calm())
	login, token := registryUser(e)
	for _, docker := range []bool{false, true} {
		full, digest := e.AddImage(ociemu.ImageSeed{Repository: "shop/orders-export", Tag: fmt.Sprint("1.0.", docker),
			Content: "hello", Docker: docker})
		options := []remote.Option{remote.WithTransport(e.Client().Transport),
			remote.WithAuth(&authn.Basic{Username: login, Password: token})}
		for _, reference := range []string{full, strings.Split(full, ":")[0] + "@" + digest,
			strings.Replace(full, registryHost, "iad.ocir.io", 1)} {
			image := must[v1.Image](t)(remote.Image(must[name.Reference](t)(name.ParseReference(reference)),
				options...))
			if err := validate.Image(image); err != nil {
				t.Errorf("%s: %v", reference, err)
			}
			if got := must[v1.Hash](t)(image.Digest()); got.String() != digest {
				t.Errorf("%s has the digest %s, want %s", reference, got, digest)
			}
		}
		tags := must[[]string](t)(remote.List(must[name.Repository](t)(name.NewRepository(strings.Split(full, ":")[0])),
			options...))
		if len(tags) == 0 {
			t.Error("no tags are listed")
		}
		if _, err := remote.Head(must[name.Reference](t)(name.ParseReference(full)), options...); err != nil {
			t.Errorf("HEAD: %v", err)
		}
		wrong := remote.WithAuth(&authn.Basic{Username: login, Password: token + "x"})
		if _, err := remote.Image(must[name.Reference](t)(name.ParseReference(full)), options[0], wrong); err == nil ||
			!strings.Contains(err.Error(), "UNAUTHORIZED") {
			t.Errorf("with a wrong token: %v", err)
		}
	}
	full, _ := e.AddImage(ociemu.ImageSeed{Repository: "shop/orders-export"})
	again, _ := ociemu.New(t, ociemu.Calm()).AddImage(ociemu.ImageSeed{Repository: "shop/orders-export"})
	if full != again {
		t.Errorf("the same seed makes %s and %s", full, again)
	}
}

func TestAPushedImageIsPulledUnchangedAndOnlyIntoTheTenancysNamespace(t *testing.T) {
	e := ociemu.New(t, ociemu.Calm())
	login, token := registryUser(e)
	options := []remote.Option{remote.WithTransport(e.Client().Transport),
		remote.WithAuth(&authn.Basic{Username: login, Password: token})}
	image := must[v1.Image](t)(random.Image(3000, 2))
	to := must[name.Reference](t)(name.ParseReference(registryHost + "/" + e.Namespace() + "/shop/new:1"))
	if err := remote.Write(to, image, options...); err != nil {
		t.Fatal(err)
	}
	back := must[v1.Image](t)(remote.Image(to, options...))
	if err := validate.Image(back); err != nil {
		t.Error(err)
	}
	if sent, got := must[v1.Hash](t)(image.Digest()), must[v1.Hash](t)(back.Digest()); sent != got {
		t.Errorf("%s was pushed, %s is pulled", sent, got)
	}
	foreign := must[name.Reference](t)(name.ParseReference(registryHost + "/foreign/shop:1"))
	err := remote.Write(foreign, image, options...)
	if err == nil || !strings.Contains(err.Error(), "DENIED") {
		t.Errorf("a push into another namespace ends with %v", err)
	}
}

func TestTheRegistryRefusesUnknownRequestsInItsOwnForm(t *testing.T) {
	e := ociemu.New(t, ociemu.Calm())
	_, digest := e.AddImage(ociemu.ImageSeed{Repository: "shop"})
	ours := e.Namespace() + "/shop"
	other := e.Namespace() + "/other"
	in := bearer(t, e, "repository:"+ours+":pull", "repository:"+other+":pull,push", "repository:foreign/shop:pull",
		"repository:"+ours+"/BAD:pull")
	nowhere := "sha256:" + strings.Repeat("0", 64)
	for _, c := range []struct {
		method, path string
		status       int
		code         string
	}{
		{"GET", "/v2/" + ours + "/manifests/latest", 200, ""},
		{"GET", "/v2/" + ours + "/manifests/" + digest, 200, ""},
		{"HEAD", "/v2/" + ours + "/manifests/latest", 200, ""},
		{"GET", "/v2/" + ours + "/tags/list", 200, ""},
		{"GET", "/v2/" + ours + "/manifests/2.0", 404, "MANIFEST_UNKNOWN"},
		{"GET", "/v2/" + ours + "/manifests/" + nowhere, 404, "MANIFEST_UNKNOWN"},
		{"GET", "/v2/" + ours + "/blobs/" + nowhere, 404, "BLOB_UNKNOWN"},
		{"GET", "/v2/" + other + "/manifests/latest", 404, "NAME_UNKNOWN"},
		{"GET", "/v2/" + other + "/tags/list", 404, "NAME_UNKNOWN"},
		{"GET", "/v2/foreign/shop/manifests/latest", 404, "NAME_UNKNOWN"},
		{"GET", "/v2/" + ours + "/BAD/manifests/latest", 400, "NAME_INVALID"},
		{"GET", "/v2/_catalog", 404, "NAME_UNKNOWN"},
		{"GET", "/v2/" + ours + "/referrers/" + digest, 404, "NAME_UNKNOWN"},
		{"GET", "/v1/search", 404, "NAME_UNKNOWN"},
		{"GET", "/", 404, "NAME_UNKNOWN"},
		{"POST", "/v2/" + ours + "/blobs/uploads/", 401, "UNAUTHORIZED"}, // the login is only for pulls
		{"PUT", "/v2/" + ours + "/manifests/latest", 401, "UNAUTHORIZED"},
		{"PATCH", "/v2/" + other + "/blobs/uploads/unknown", 404, "BLOB_UPLOAD_UNKNOWN"},
		{"PUT", "/v2/" + other + "/manifests/latest", 400, "MANIFEST_INVALID"},
		{"DELETE", "/v2/" + ours + "/manifests/" + digest, 405, "UNSUPPORTED"},
		{"POST", "/20180419/docker/token", 405, "UNSUPPORTED"},
	} {
		m := message{method: c.method, url: c.path}
		resp := m.as(t, e, in)
		code := ""
		if resp.status >= 400 {
			code = registryCode(t, resp)
		}
		if resp.status != c.status || code != c.code {
			t.Errorf("%s %s is answered %d %s, want %d %s", c.method, c.path, resp.status, code, c.status, c.code)
		}
		for _, wrong := range []string{"", "guessed"} { // without a login, the answer says only where to sign in
			resp := m.as(t, e, wrong)
			if challenge := resp.header.Get("WWW-Authenticate"); resp.status != 401 ||
				!strings.HasPrefix(challenge, `Bearer realm="https://`+registryHost+`/20180419/docker/token"`) {
				t.Errorf("%s %s with the token %q is answered %d, %s", c.method, c.path, wrong, resp.status, challenge)
			}
		}
	}
}

func TestATokenOfTheRegistryIsValidForItsScopesAndAnHour(t *testing.T) {
	e := ociemu.New(t, ociemu.Calm())
	e.AddImage(ociemu.ImageSeed{Repository: "shop"})
	get := message{method: "GET", url: "/v2/" + e.Namespace() + "/shop/manifests/latest"}
	scope := "repository:" + e.Namespace() + "/shop:pull"
	for asked, want := range map[string]int{
		scope: 200, scope + ",push": 200, scope + "%20repository:x/y:pull": 200, "": 401, "repository:" +
			e.Namespace() + "/shop:push": 401,
		"repository:" + e.Namespace() + "/shop2:pull": 401, "repository:shop:pull": 401,
	} {
		resp := get.as(t, e, bearer(t, e, asked))
		if resp.status != want || want == 401 && !strings.Contains(resp.header.Get("WWW-Authenticate"), `scope="`+scope+
			`"`) {
			t.Errorf("with the scope %q: %d %s, want %d", asked, resp.status, resp.header.Get("WWW-Authenticate"), want)
		}
	}
	in := bearer(t, e, scope)
	e.Forward(time.Hour - time.Minute)
	if resp := get.as(t, e, in); resp.status != 200 {
		t.Errorf("within the hour: %d", resp.status)
	}
	e.Forward(time.Minute)
	if resp := get.as(t, e, in); resp.status != 401 {
		t.Errorf("after the hour: %d", resp.status)
	}
}

func TestAManifestNeedsAClientThatAcceptsItsType(t *testing.T) {
	const oci, docker = "application/vnd.oci.image.manifest.v1+json",
		"application/vnd.docker.distribution.manifest.v2+json"
	e := ociemu.New(t, ociemu.Calm())
	e.AddImage(ociemu.ImageSeed{Repository: "shop"})
	in := bearer(t, e, "repository:"+e.Namespace()+"/shop:pull")
	get := message{method: "GET", url: "/v2/" + e.Namespace() + "/shop/manifests/latest"}
	for accept, want := range map[string]int{oci: 200, docker + ", " + oci + ";q=0.5": 200, "*/*": 200,
		"application/*": 200, docker: 404, "text/plain": 404} {
		if resp := get.as(t, e, in, "Accept", accept); resp.status != want || want == 200 &&
			resp.header.Get("Content-Type") != oci {
			t.Errorf("Accept: %s is answered %d %s, want %d", accept, resp.status, resp.header.Get("Content-Type"),
				want)
		}
	}
	if resp := get.as(t, e, in, "Accept", docker, "Accept", oci); resp.status != 200 {
		t.Errorf("two Accept headers are answered %d", resp.status)
	}
}

func TestABlobIsReadInRanges(t *testing.T) {
	e := ociemu.New(t, ociemu.Calm())
	e.AddImage(ociemu.ImageSeed{Repository: "shop"})
	in := bearer(t, e, "repository:"+e.Namespace()+"/shop:pull")
	var manifest struct {
		Config struct {
			Digest string
			Size   int
		}
	}
	base := "/v2/" + e.Namespace() + "/shop/"
	if err := json.Unmarshal(message{method: "GET", url: base + "manifests/latest"}.as(t, e, in).body,
		&manifest); err != nil {
		t.Fatal(err)
	}
	get := message{method: "GET", url: base + "blobs/" + manifest.Config.Digest}
	whole := get.as(t, e, in)
	size := manifest.Config.Size
	if whole.status != 200 || len(whole.body) != size {
		t.Fatalf("the blob has %d bytes, want %d", len(whole.body), size)
	}
	for header, want := range map[string]string{
		"bytes=0-9": string(whole.body[:10]), "bytes=10-": string(whole.body[10:]),
		"bytes=-5":                         string(whole.body[size-5:]),
		fmt.Sprintf("bytes=0-%d", size+99): string(whole.body),
		fmt.Sprintf("bytes=%d-", size-1):   string(whole.body[size-1:]),
	} {
		resp := get.as(t, e, in, "Range", header)
		if resp.status != 206 || string(resp.body) != want || !strings.HasSuffix(resp.header.Get("Content-Range"),
			fmt.Sprintf("/%d", size)) {
			t.Errorf("%s: %d, %d bytes, %s", header, resp.status, len(resp.body), resp.header.Get("Content-Range"))
		}
	}
	for header, want := range map[string]int{fmt.Sprintf("bytes=%d-", size): 416, "bytes=9-1": 200,
		"bytes=0-1,4-5": 200, "lines=0-1": 200, "bytes=a-b": 200} {
		if resp := get.as(t, e, in, "Range", header); resp.status != want {
			t.Errorf("%s is answered %d, want %d", header, resp.status, want)
		}
	}
	head := message{method: "HEAD", url: get.url}
	if resp := head.as(t, e, in); resp.status != 200 || resp.header.Get("Content-Length") != fmt.Sprint(size) ||
		resp.header.Get("Docker-Content-Digest") != manifest.Config.Digest {
		t.Errorf("HEAD is answered %d %v", resp.status, resp.header)
	}
}

func TestAnInjectedRefusalHasTheFormOfTheService(t *testing.T) {
	e := ociemu.New(t, ociemu.Calm())
	in := bearer(t, e)
	e.Inject(ociemu.Fault{Operation: "RegistryPing", Do: ociemu.Answer(429, "TOOMANYREQUESTS")})
	if resp := (message{method: "GET", url: "/v2/"}).as(t, e, in); resp.status != 429 ||
		registryCode(t, resp) != "TOOMANYREQUESTS" {
		t.Errorf("answered %d %s", resp.status, resp.body)
	}
}

// On the plain origin, no host name identifies the service.
func TestOnThePlainOriginThePathIdentifiesTheRegistry(t *testing.T) {
	e := ociemu.New(t, ociemu.Calm())
	for _, path := range []string{"/v2/", "/v2/ns/x/manifests/latest", "/v2/_catalog", "/20180419/docker/other"} {
		resp := must[*http.Response](t)(http.Get(e.URL() + path))
		body := must[[]byte](t)(io.ReadAll(resp.Body))
		resp.Body.Close()
		if resp.StatusCode != 401 || !strings.HasPrefix(resp.Header.Get("WWW-Authenticate"), `Bearer realm="`+e.URL()+
			`/20180419/docker/token"`) {
			t.Errorf("%s is answered %d %s", path, resp.StatusCode, body)
		}
	}
}
