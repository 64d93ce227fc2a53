// Package release makes the files of a release: the command for each system, the images as OCI layouts, a bill of
// materials for each of them, the stack, and checksums of all. The same sources and version give the same files.
package release

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/keyturn/keyturn/deploy/internal/image"
	"github.com/keyturn/keyturn/deploy/internal/reference"
	"github.com/keyturn/keyturn/deploy/internal/stack"
)

// Systems are those that a release has the command for.
var Systems = []string{"linux/amd64", "linux/arm64", "darwin/amd64", "darwin/arm64", "windows/amd64", "windows/arm64"}

// StackFile is the name of the stack. It has no version, so that an address can name the latest release's.
const StackFile = "keyturn-stack.zip"

// sums is the name of the file with the checksums.
const sums = "SHA256SUMS"

// Options say what to make.
type Options struct {
	Source   string   // the project's folder
	Version  string   // such as 1.2.3
	Revision string   // as image.Options.Revision
	Systems  []string // for the command; a part of Systems
}

// commandFile is the name of the command for a system.
func commandFile(system string) string {
	name := "keyturn-" + strings.ReplaceAll(system, "/", "-")
	if strings.HasPrefix(system, "windows/") {
		name += ".exe"
	}
	return name
}

// bill is the name of the bill of materials of a file.
func bill(file string) string {
	return strings.TrimSuffix(strings.TrimSuffix(file, ".oci.tar"), ".exe") + ".spdx.json"
}

func imageFile(function, version string) string {
	return "keyturn-" + function + "-" + version + ".oci.tar"
}

// Names returns the names of the files that Make makes, sorted. It makes nothing.
func Names(o Options) ([]string, error) {
	names := []string{StackFile, sums}
	for _, s := range o.Systems {
		if !slices.Contains(Systems, s) {
			return nil, fmt.Errorf("there is no command for %q; the systems are %s", s, strings.Join(Systems, ", "))
		}
		names = append(names, commandFile(s), bill(commandFile(s)))
	}
	for _, f := range reference.Functions {
		names = append(names, imageFile(f, o.Version), bill(imageFile(f, o.Version)))
	}
	slices.Sort(names)
	return names, nil
}

// Make makes the files in a folder that is empty or doesn't exist.
func Make(ctx context.Context, o Options, dir string, log io.Writer) error {
	_, err := Names(o)
	if err != nil {
		return err
	}
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if len(entries) > 0 {
		return fmt.Errorf("%s is not empty: a release has no other files", dir)
	}
	err = os.MkdirAll(dir, 0o755)
	if err != nil {
		return err
	}
	w := writer{dir: dir, sums: map[string]string{}}
	w.commands(ctx, o, log)
	w.images(ctx, o, log)
	if w.err == nil {
		var archive stack.Archive
		archive, w.err = stack.Pack(o.Source, nil)
		w.write(StackFile, archive.Content, 0o644)
	}
	var list strings.Builder
	for _, name := range slices.Sorted(maps.Keys(w.sums)) {
		fmt.Fprintf(&list, "%s  %s\n", w.sums[name], name)
	}
	w.write(sums, []byte(list.String()), 0o644)
	return w.err
}

// writer writes files until one fails.
type writer struct {
	dir  string
	sums map[string]string
	err  error
}

func (w *writer) write(name string, content []byte, mode fs.FileMode) {
	if w.err == nil {
		w.err = os.WriteFile(filepath.Join(w.dir, name), content, mode)
		w.sums[name] = fmt.Sprintf("%x", sha256.Sum256(content))
	}
}

// commands compiles the command for each system.
func (w *writer) commands(ctx context.Context, o Options, log io.Writer) {
	source, err := image.FindSource(ctx, o.Source)
	w.err = errors.Join(w.err, err)
	for _, system := range o.Systems {
		if w.err != nil {
			return
		}
		fmt.Fprintf(log, "building: the command for %s\n", system)
		name := commandFile(system)
		goos, arch, _ := strings.Cut(system, "/")
		binary, info, err := source.Compile(ctx, image.Target{Package: "./deploy/keyturn", OS: goos, Arch: arch},
			o.Version)
		if err != nil {
			w.err = fmt.Errorf("building the command for %s: %w", system, err)
			return
		}
		materials, err := image.BillOfMaterials(image.Program{Name: "keyturn", Version: o.Version,
			Place: "the file " + name}, binary, info)
		w.err = err
		w.write(name, binary, 0o755)
		w.write(bill(name), materials, 0o644)
	}
}

// images builds the images, and packs each layout.
func (w *writer) images(ctx context.Context, o Options, log io.Writer) {
	if w.err != nil {
		return
	}
	built, err := image.Build(ctx, image.Options{Source: o.Source, Version: o.Version, Revision: o.Revision}, log)
	if err != nil {
		w.err = err
		return
	}
	folder, err := os.MkdirTemp("", "keyturn-release")
	if err != nil {
		w.err = err
		return
	}
	defer os.RemoveAll(folder)
	w.err = image.Write(folder, built)
	for _, b := range built {
		if w.err != nil {
			return
		}
		var packed []byte
		packed, w.err = tarOf(os.DirFS(filepath.Join(folder, b.Function)))
		w.write(imageFile(b.Function, o.Version), packed, 0o644)
		w.write(bill(imageFile(b.Function, o.Version)), b.SBOM, 0o644)
	}
}

// tarOf packs a folder, with fixed times, owners and modes, in the order of the names.
func tarOf(folder fs.FS) ([]byte, error) {
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	err := fs.WalkDir(folder, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == "." {
			return err
		}
		h := &tar.Header{Typeflag: tar.TypeReg, Name: path, Mode: 0o644, ModTime: time.Unix(0, 0),
			Format: tar.FormatUSTAR}
		var content []byte
		if d.IsDir() {
			h.Typeflag, h.Name, h.Mode = tar.TypeDir, path+"/", 0o755
		} else {
			content, err = fs.ReadFile(folder, path)
			if err != nil {
				return err
			}
			h.Size = int64(len(content))
		}
		err = w.WriteHeader(h)
		if err == nil {
			_, err = w.Write(content)
		}
		return err
	})
	return out.Bytes(), errors.Join(err, w.Close())
}
