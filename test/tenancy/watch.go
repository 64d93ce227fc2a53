package tenancy

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
)

// sources are what the functions are built from.
var sources = []string{"go.mod", "go.sum", "pkg", "functions"}

// seen are the names that this process has read: `go test` needs to be told once.
var seen sync.Map

// Watch reads files and folders of the module that other processes build or run what is tested from, given as they are
// called from the module's root. `go test` knows then that the result depends on them, and doesn't show an old one. It
// has to be called within a test: what TestMain reads before it runs the tests is not noted.
func Watch(names ...string) error {
	root, err := moduleRoot()
	if err != nil {
		return err
	}
	for _, name := range names {
		if _, before := seen.Load(name); before {
			continue
		}
		err := filepath.WalkDir(filepath.Join(root, name), func(path string, d fs.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() {
				return err
			}
			_, err = os.ReadFile(path)
			return err
		})
		if err != nil {
			return fmt.Errorf("reading what the test depends on: %w", err)
		}
		seen.Store(name, true)
	}
	return nil
}

func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("looking for the module: %w", err)
	}
	for {
		switch _, err := os.Stat(filepath.Join(dir, "go.mod")); {
		case err == nil:
			return dir, nil
		case !errors.Is(err, fs.ErrNotExist):
			return "", fmt.Errorf("looking for the module: %w", err)
		}
		above := filepath.Dir(dir)
		if above == dir {
			return "", errors.New("looking for the module: there is no go.mod in any folder above")
		}
		dir = above
	}
}
