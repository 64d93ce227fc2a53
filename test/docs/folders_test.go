package docs

import (
	"os"
	"regexp"
	"slices"
	"testing"
)

func TestTheFoldersOfTestAreListed(t *testing.T) {
	entries, err := os.ReadDir(root + "/test")
	if err != nil {
		t.Fatal(err)
	}
	var there, listed []string
	for _, e := range entries {
		if e.IsDir() {
			there = append(there, e.Name())
		}
	}
	for _, m := range regexp.MustCompile(`(?m)^\| \[?([a-z0-9]+)[\] ]`).FindAllStringSubmatch(read(t, "test/README.md"),
		-1) {
		if m[1] != "folder" {
			listed = append(listed, m[1])
		}
	}
	slices.Sort(listed)
	if !slices.Equal(listed, there) {
		t.Errorf("test/README.md lists %v, there are %v", listed, there)
	}
}
