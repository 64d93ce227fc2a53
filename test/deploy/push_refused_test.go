package deploy_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-containerregistry/pkg/v1/mutate"
)

func TestALayoutWithoutOneCompleteImageForFunctionsIsRefused(t *testing.T) {
	b := newBench(t)
	b.file("token", "not-asked-for\n")
	dist := filepath.Join(b.home, "dist")
	args := pushArgs("--user", user, "--token-file", "token")
	b.bad(failed, []string{"dist/rotate is not an image layout", "keyturn deploy build"}, "", args...)

	layouts(t, dist, 1)
	write(t, filepath.Join(dist, "sweep"), image(t, 1, "arm64"))
	b.bad(failed, []string{"dist/sweep", "linux/arm64", "linux/amd64"}, "", args...)

	write(t, filepath.Join(dist, "sweep"), image(t, 1, "amd64"), image(t, 2, "amd64"))
	b.bad(failed, []string{"dist/sweep has 2 entries"}, "", args...)

	layouts(t, dist, 1)
	blobs, err := filepath.Glob(filepath.Join(dist, "rotate", "blobs", "sha256", "*"))
	if err != nil || len(blobs) != 3 {
		t.Fatalf("%d blobs: %v", len(blobs), err)
	}
	slices.SortFunc(blobs, func(a, b string) int { return int(size(t, b) - size(t, a)) })
	content, err := os.ReadFile(blobs[0])
	if err != nil {
		t.Fatal(err)
	}
	content[len(content)/2] ^= 1
	if err := os.WriteFile(blobs[0], content, 0o600); err != nil {
		t.Fatal(err)
	}
	b.bad(failed, []string{"dist/rotate is damaged"}, "", args...)
}

func size(t *testing.T, path string) int64 {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}

func TestAPushWithABadInputIsRefusedAndTheInputNamed(t *testing.T) {
	b := newBench(t)
	layouts(t, filepath.Join(b.home, "dist"), 1)
	b.file("token", "not-asked-for\n")
	b.file("two-lines", "one\ntwo\n")
	b.file("empty", "\n")
	signIn := []string{"push", "--yes", "--user", user, "--token-file", "token"}
	cases := []struct {
		code  int
		words []string
		args  []string
	}{
		{wrong, []string{"unknown flag: --no-such"}, pushArgs("--no-such")},
		{wrong, []string{"flag needs an argument: --repository"}, []string{"push", "--repository"}},
		{wrong, []string{"surplus"}, pushArgs("surplus")},
		{failed, []string{"keyturn", "<registry>/<namespace>/<prefix>"}, append(signIn, "--repository", "keyturn")},
		{failed, []string{"fra.ocir.io/keyturn", "<registry>/<namespace>/<prefix>"}, append(signIn, "--repository",
			"fra.ocir.io/keyturn")},
		{failed, []string{"has a tag"}, append(signIn, "--repository", repositories+":1.0.0")},
		{wrong, []string{"--version 1 0"}, append(signIn, "--repository", repositories, "--version", "1 0")},
		{failed, []string{"Keyturn"}, append(signIn, "--repository", host+"/"+namespace+"/Keyturn")},
		{wrong, []string{user, "no token", "--token-file"}, pushArgs("--user", user)},
		{wrong, []string{"/.oci/config"}, pushArgs("--token-file", "token")}, // whose token is it?
		{failed, []string{"pusher has no namespace"}, pushArgs("--user", "pusher", "--token-file", "token")},
		{failed, []string{"--token-file", "nowhere"}, pushArgs("--user", user, "--token-file", "nowhere")},
		{failed, []string{"two-lines is not one line"}, pushArgs("--user", user, "--token-file", "two-lines")},
		{failed, []string{"empty is not one line"}, pushArgs("--user", user, "--token-file", "empty")},
		{wrong, []string{"--outputs", "nowhere"}, []string{"push", "--outputs", "nowhere"}},
		{wrong, []string{"token is not what terraform output -json prints"}, []string{"push", "--outputs", "token"}},
	}
	for _, c := range cases {
		b.bad(c.code, c.words, "", c.args...)
	}
	b.file(".docker/config.json", "{")
	b.bad(failed, []string{"reading Docker's credentials for " + host}, "", pushArgs()...)
	unlike := image(t, 2, "amd64")
	file, err := unlike.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	file = file.DeepCopy()
	file.Config.Labels = map[string]string{"org.opencontainers.image.version": "2.0.0"}
	unlike, err = mutate.ConfigFile(unlike, file)
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(b.home, "dist", "sweep"), unlike)
	b.bad(failed, []string{"no version", "--version"}, "", append(signIn, "--repository", repositories)...)
}

func TestNothingIsPushedThatNobodyHasAgreedTo(t *testing.T) {
	b, r, _ := pushRig(t, true)
	r.login(b)
	b.bad(declined, []string{"push 2 images", "--yes"}, "", "push", "--repository", repositories)
	if r.written() > 0 {
		t.Error("something was sent")
	}
}
