package stack

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/keyturn/keyturn/deploy/internal/reference"
)

// Archive is a stack for Resource Manager.
type Archive struct {
	Names   []string // of its files, sorted
	Content []byte
}

// Pack packs terraform/ of a project's folder. Without images, the form has no default values for them, as the first
// apply needs. The same files give an identical archive. It writes nothing.
func Pack(project string, images *reference.Pair) (Archive, error) {
	files, err := stackFiles(project)
	if err != nil {
		return Archive{}, err
	}
	if images != nil {
		for _, i := range []struct{ name, value string }{{"rotate_image", images.Rotate.String()},
			{"sweep_image", images.Sweep.String()}} {
			files["variables.tf"], err = setDefault(files["variables.tf"], i.name, i.value)
			if err != nil {
				return Archive{}, err
			}
		}
	}
	var a Archive
	for name := range files {
		a.Names = append(a.Names, name)
	}
	slices.Sort(a.Names)
	a.Content, err = zipped(a.Names, files)
	return a, err
}

// stackFiles reads the root module. Tests and examples would confuse Resource Manager, and the archive must never have
// state or variables.
func stackFiles(project string) (map[string][]byte, error) {
	paths, err := filepath.Glob(filepath.Join(project, "terraform", "*.tf"))
	if err != nil {
		return nil, err
	}
	if len(paths) == 0 {
		return nil, fmt.Errorf("%s has no Terraform files: name the project's folder with --source",
			filepath.Join(project, "terraform"))
	}
	for _, more := range []string{"terraform/schema.yaml", "terraform/README.md", "LICENSE"} {
		paths = append(paths, filepath.Join(project, filepath.FromSlash(more)))
	}
	files := map[string][]byte{}
	for _, p := range paths {
		files[filepath.Base(p)], err = os.ReadFile(p)
		if err != nil {
			return nil, err
		}
	}
	return files, nil
}

// setDefault sets the default of an input, which Resource Manager's form shows.
func setDefault(text []byte, name, value string) ([]byte, error) {
	block := regexp.MustCompile(`(?ms)^variable "` + name + `" \{\n.*?^\}`)
	line := regexp.MustCompile(`(?m)^(  default +=).*$`)
	at := block.FindIndex(text)
	if at == nil || len(line.FindAll(text[at[0]:at[1]], -1)) != 1 {
		return nil, fmt.Errorf("terraform/variables.tf has no default of %s to fill in", name)
	}
	filled := line.ReplaceAll(text[at[0]:at[1]], []byte(`$1 "`+value+`"`))
	return slices.Concat(text[:at[0]], filled, text[at[1]:]), nil
}

// zipped packs files with fixed times and modes.
func zipped(names []string, files map[string][]byte) ([]byte, error) {
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	w.RegisterCompressor(zip.Deflate, func(to io.Writer) (io.WriteCloser, error) {
		return flate.NewWriter(to, flate.BestCompression)
	})
	for _, name := range names {
		h := &zip.FileHeader{Name: name, Method: zip.Deflate, Modified: time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)}
		h.SetMode(0o644)
		f, err := w.CreateHeader(h)
		if err == nil {
			_, err = f.Write(files[name])
		}
		if err != nil {
			return nil, fmt.Errorf("packing %s: %w", name, err)
		}
	}
	err := w.Close()
	return out.Bytes(), err
}

// CheckArchive refuses a name that Resource Manager would not take, or that can't be written.
func CheckArchive(file string) error {
	if !strings.HasSuffix(file, ".zip") {
		return fmt.Errorf("%s: Resource Manager needs a .zip", file)
	}
	if info, err := os.Stat(filepath.Dir(file)); err != nil || !info.IsDir() {
		return fmt.Errorf("%s: there is no such folder", file)
	}
	return nil
}

// Current reports whether the file already has the archive's content.
func (a Archive) Current(file string) bool {
	there, err := os.ReadFile(file)
	return err == nil && bytes.Equal(there, a.Content)
}

// Write writes the archive, and makes its folder if necessary.
func (a Archive) Write(file string) error {
	err := os.MkdirAll(filepath.Dir(file), 0o755)
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return replace(file, a.Content, 0o644)
}
