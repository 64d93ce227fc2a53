package terraform

import (
	"archive/zip"
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/keyturn/keyturn/test/tenancy"
)

// buildOnce builds the operator's command.
var buildOnce = sync.OnceValues(func() (string, error) {
	return tenancy.BuildCommand(context.Background(), tempDir)
})

// keyturn runs the operator's command, which must succeed.
func keyturn(t *testing.T, args ...string) {
	t.Helper()
	if err := tenancy.DependOn("go.mod", "go.sum", "pkg", "deploy"); err != nil {
		t.Fatal(err)
	}
	binary, err := buildOnce()
	if err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), binary, args...).CombinedOutput(); err != nil {
		t.Fatalf("keyturn %q: %v\n%s", args, err, out)
	}
}

// pack packs a copy of the stack whose files have this age.
func pack(t *testing.T, age time.Time) []byte {
	t.Helper()
	copied := t.TempDir()
	if err := os.CopyFS(filepath.Join(copied, "terraform"),
		clean{os.DirFS(filepath.Join(root, "terraform"))}); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(copied, "LICENSE"), []byte(read(t, "LICENSE")), 0o600); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(copied, "terraform", "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if err := os.Chtimes(f, age, age); err != nil {
			t.Fatal(err)
		}
	}
	file := filepath.Join(t.TempDir(), "stack.zip")
	keyturn(t, "deploy", "stack", "--source", copied, file)
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestThePackIsReproducible(t *testing.T) {
	if !bytes.Equal(pack(t, time.Date(2020, 2, 2, 2, 2, 2, 0, time.UTC)),
		pack(t, time.Date(2026, 7, 7, 7, 7, 7, 0, time.UTC))) {
		t.Error("two packs of the same files differ")
	}
}

func TestThePackHasOnlyTheRootModuleWithItsFormAtTheTop(t *testing.T) {
	text := pack(t, time.Date(2026, 7, 7, 7, 7, 7, 0, time.UTC))
	archive, err := zip.NewReader(bytes.NewReader(text), int64(len(text)))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range archive.File {
		got = append(got, f.Name)
	}
	files, err := filepath.Glob(filepath.Join(root, "terraform", "*.tf"))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"LICENSE", "README.md", "schema.yaml"}
	for _, f := range files {
		want = append(want, filepath.Base(f))
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) || len(files) < 12 {
		t.Errorf("got %s, want %s", got, want)
	}
}
