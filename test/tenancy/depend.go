package tenancy

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
)

// sources are the files and folders from which the functions are built.
var sources = []string{"go.mod", "go.sum", "pkg", "functions"}

// seen has the names that this process has read.
var seen sync.Map

// DependOn makes the result of a test depend on files and folders that other processes use, so that go test doesn't
// show a cached result after they have changed. The names are relative to the module's root. DependOn reads the files,
// which go test notes. It must be called within a test: go test doesn't note what TestMain reads.
func DependOn(names ...string) error {
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
