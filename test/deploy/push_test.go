package deploy_test

import (
	"encoding/base64"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"archive/tar"
	"bytes"
	"io"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/google/go-containerregistry/pkg/v1/validate"
)

// functions are the functions with an image.
var functions = []string{"rotate", "sweep"}

// image is an image like those of keyturn deploy build: one layer with one file.
func image(t *testing.T, seed uint64, arch string) v1.Image {
	t.Helper()
	content := make([]byte, 1<<16)
	for i := range content {
		content[i] = byte(rand.New(rand.NewPCG(seed, uint64(i))).Uint32())
	}
	var layer bytes.Buffer
	w := tar.NewWriter(&layer)
	if err := w.WriteHeader(&tar.Header{Name: "function", Mode: 0o755, Size: int64(len(content))}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(content); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	l, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(layer.Bytes())), nil
	}, tarball.WithMediaType(types.OCILayer))
	if err != nil {
		t.Fatal(err)
	}
	i := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	i, err = mutate.AppendLayers(i, l)
	if err != nil {
		t.Fatal(err)
	}
	file, err := i.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	file = file.DeepCopy()
	file.OS, file.Architecture = "linux", arch
	file.Config.Entrypoint, file.Config.User = []string{"/function"}, "1000:1000"
	file.Config.Labels = map[string]string{"org.opencontainers.image.version": "1.0.0"}
	i, err = mutate.ConfigFile(i, file)
	if err != nil {
		t.Fatal(err)
	}
	return i
}

// layouts writes a layout for each function and returns the images' digests.
func layouts(t *testing.T, dir string, seed uint64) map[string]string {
	t.Helper()
	out := map[string]string{}
	for n, f := range functions {
		i := image(t, seed+uint64(n), "amd64")
		digest, err := i.Digest()
		if err != nil {
			t.Fatal(err)
		}
		out[f] = digest.String()
		write(t, filepath.Join(dir, f), i)
	}
	return out
}

func write(t *testing.T, dir string, images ...v1.Image) {
	t.Helper()
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	path, err := layout.Write(dir, empty.Index)
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range images {
		if err := path.AppendImage(i); err != nil {
			t.Fatal(err)
		}
	}
}

// pull pulls the image of a reference completely, and returns its digest.
func (r *registry) pull(reference string) string {
	r.t.Helper()
	ref, err := name.ParseReference(reference)
	if err != nil {
		r.t.Fatal(err)
	}
	i, err := remote.Image(ref, remote.WithAuth(&authn.Basic{Username: user, Password: r.token}),
		remote.WithTransport(r.transport()))
	if err != nil {
		r.t.Fatalf("pulling %s: %v", reference, err)
	}
	if err := validate.Image(i); err != nil {
		r.t.Fatal(err)
	}
	digest, err := i.Digest()
	if err != nil {
		r.t.Fatal(err)
	}
	return digest.String()
}

// tags returns the tags of a repository.
func (r *registry) tags(function string) []string {
	r.t.Helper()
	repository, err := name.NewRepository(repositories + "/" + function)
	if err != nil {
		r.t.Fatal(err)
	}
	tags, err := remote.List(repository, remote.WithAuth(&authn.Basic{Username: user, Password: r.token}),
		remote.WithTransport(r.transport()))
	if err != nil {
		return nil // the repository does not exist yet
	}
	return tags
}

// login writes the file that `docker login` writes.
func (r *registry) login(b *bench) {
	auth := `{"auth": "` + base64.StdEncoding.EncodeToString([]byte(user+":"+r.token)) + `"}`
	b.file(".docker/config.json", `{"auths": {"`+host+`": `+auth+`, "`+longHost+`": `+auth+`}}`)
}

// pushRig is a bench with a registry, and images to push.
func pushRig(t *testing.T, bearer bool) (*bench, *registry, map[string]string) {
	t.Helper()
	needRegistry(t)
	b := newBench(t)
	r := newRegistry(t, bearer)
	r.admit(b)
	return b, r, layouts(t, filepath.Join(b.home, "dist"), 1)
}

// pushArgs are the arguments to push the bench's dist.
func pushArgs(more ...string) []string {
	return append([]string{"push", "--repository", repositories, "--yes"}, more...)
}

func references(digests map[string]string, version string) string {
	var out strings.Builder
	for _, f := range functions {
		out.WriteString(repositories + "/" + f + ":" + version + "@" + digests[f] + "\n")
	}
	return out.String()
}

func TestThePushedImageIsTheBuiltOne(t *testing.T) {
	for _, bearer := range []bool{false, true} {
		for way, prepare := range map[string]func(b *bench, r *registry) (in string, args []string){
			"as docker login has left it": func(b *bench, r *registry) (string, []string) {
				r.login(b)
				return "", nil
			},
			"with a token from a file": func(b *bench, r *registry) (string, []string) {
				b.file("token", r.token+"\n")
				return "", []string{"--user", user, "--token-file", "token"}
			},
			"with a token from standard input": func(b *bench, r *registry) (string, []string) {
				return r.token + "\n", []string{"--user", user, "--token-file", "-"}
			},
		} {
			service := map[bool]string{false: "htpasswd", true: "token service"}[bearer]
			t.Run(service+", "+way, func(t *testing.T) {
				b, r, digests := pushRig(t, bearer)
				in, args := prepare(b, r)
				got := b.good(in, pushArgs(args...)...)
				if want := references(digests, "1.0.0"); got.out != want {
					t.Errorf("it prints\n%swant\n%s", got.out, want)
				}
				for _, f := range functions {
					if there := r.pull(repositories + "/" + f + ":1.0.0"); there != digests[f] {
						t.Errorf("%s was pushed, the registry has %s", digests[f], there)
					}
				}
			})
		}
	}
}

func TestPushingAgainSendsNothingAndSaysSo(t *testing.T) {
	b, r, _ := pushRig(t, true)
	r.login(b)
	first := b.good("", pushArgs()...)
	sent := r.written()
	second := b.good("", pushArgs()...)
	if r.written() != sent || sent == 0 {
		t.Errorf("%d requests that write after the first push, %d after the second", sent, r.written())
	}
	if first.out != second.out || strings.Count(second.log, "already exists") != 2 ||
		strings.Contains(second.log, "pushed: ") {
		t.Errorf("the second push prints\n%s%s", second.out, second.log)
	}
}

func TestATagOfAnotherImageIsRefusedBeforeAnythingIsSent(t *testing.T) {
	b, r, old := pushRig(t, true)
	r.login(b)
	b.good("", pushArgs()...)
	// Only the second tag is taken, but the first image must not be pushed alone.
	changed := layouts(t, filepath.Join(b.home, "dist"), 50)
	write(t, filepath.Join(b.home, "dist", "rotate"), image(t, 1, "amd64"))
	changed["rotate"] = old["rotate"]
	sent := r.written()
	b.bad(failed, []string{repositories + "/sweep:1.0.0", old["sweep"], changed["sweep"], "--move-tag"}, "",
		pushArgs()...)
	if r.written() != sent {
		t.Error("something was sent")
	}
	got := b.good("", pushArgs("--move-tag")...)
	if got.out != references(changed, "1.0.0") || r.pull(repositories+"/sweep:1.0.0") != changed["sweep"] {
		t.Errorf("--move-tag has not moved the tag:\n%s%s", got.out, got.log)
	}
}

func TestADryPushSendsNothing(t *testing.T) {
	b, r, digests := pushRig(t, false)
	r.login(b)
	got := b.good("", pushArgs("--dry-run")...)
	if r.written() != 0 || strings.Count(got.log, "will be pushed") != 2 || got.out != references(digests, "1.0.0") {
		t.Errorf("%d requests write, and it says\n%s%s", r.written(), got.out, got.log)
	}
}

func TestWrongCredentialsAreReported(t *testing.T) {
	for _, bearer := range []bool{false, true} {
		t.Run(map[bool]string{false: "htpasswd", true: "token service"}[bearer], func(t *testing.T) {
			b, r, _ := pushRig(t, bearer)
			other := "wrong" + r.token[:8]
			b.secret = append(b.secret, other)
			b.bad(failed, []string{"refuses the sign-in as " + user, "auth token",
				"<namespace>/oracleidentitycloudservice/<user>"}, other,
				pushArgs("--user", user, "--token-file", "-")...)
			b.bad(failed, []string{"no credentials for " + host, "docker login " + host}, "", pushArgs()...)
			if r.tags("rotate") != nil {
				t.Error("something was pushed")
			}
		})
	}
}

func TestARegistryThatIsDownIsNamed(t *testing.T) {
	b, r, digests := pushRig(t, false)
	r.login(b)
	r.setDown(true)
	b.bad(failed, []string{host + " can't be reached", "try again"}, "", pushArgs()...)
	r.setDown(false)
	if got := b.good("", pushArgs()...); got.out != references(digests, "1.0.0") {
		t.Errorf("trying again prints\n%s", got.out)
	}
}

func TestARefusalOfTheRegistrySaysHowToFixIt(t *testing.T) {
	for _, c := range []struct {
		status int
		words  []string
	}{
		{http.StatusForbidden, []string{namespace + "/keyturn/rotate", "repositories = true", "use repos", user}},
		{http.StatusNotFound, []string{namespace + "/keyturn/rotate", "repositories = true"}},
		{http.StatusConflict, []string{host + " refuses"}},
	} {
		t.Run(http.StatusText(c.status), func(t *testing.T) {
			b, r, _ := pushRig(t, true)
			r.login(b)
			r.setRefusal(func(w http.ResponseWriter, q *http.Request) bool {
				write := q.Method == http.MethodPost || q.Method == http.MethodPut
				if write {
					http.Error(w, `{"errors":[{"code":"DENIED","message":"refused by the test"}]}`, c.status)
				}
				return write
			})
			b.bad(failed, append(c.words, "refused by the test"), "", pushArgs()...)
		})
	}
}

func TestAPushThatAnotherPushOverwritesFails(t *testing.T) {
	b, r, _ := pushRig(t, false)
	r.login(b)
	other := "sha256:" + strings.Repeat("1", 64)
	r.setRefusal(func(w http.ResponseWriter, q *http.Request) bool {
		overtaken := q.Method == http.MethodHead && strings.HasSuffix(q.URL.Path, "/manifests/1.0.0") &&
			slices.Contains(r.tags("rotate"), "1.0.0")
		if overtaken {
			w.Header().Set("Docker-Content-Digest", other)
			w.Header().Set("Content-Type", string(types.OCIManifestSchema1))
			w.Header().Set("Content-Length", "7")
		}
		return overtaken
	})
	b.bad(failed, []string{other, "another process pushes there"}, "", pushArgs()...)
}
