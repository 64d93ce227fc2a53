// Package stack writes the images into Terraform's variables, and packs the stack for Resource Manager.
package stack

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/keyturn/keyturn/deploy/internal/reference"
)

// Lines are the two lines of the variables, for a file of Terraform.
func Lines(p reference.Pair) string {
	return fmt.Sprintf("rotate_image = \"%s\"\nsweep_image  = \"%s\"\n", p.Rotate, p.Sweep)
}

// Variables is a file with variables that Terraform loads, with its new content.
type Variables struct {
	File string
	Text string // the new content

	mode    fs.FileMode
	changed bool
}

// Changed reports whether Write changes the file.
func (v *Variables) Changed() bool { return v.changed }

// Fill reads the file, which need not exist, and fills in the images. Other lines don't change. It writes nothing.
func Fill(file string, p reference.Pair) (*Variables, error) {
	base := filepath.Base(file)
	if base != "terraform.tfvars" && !strings.HasSuffix(base, ".auto.tfvars") {
		return nil, fmt.Errorf("%s: Terraform automatically loads only terraform.tfvars and *.auto.tfvars", file)
	}
	if info, err := os.Stat(filepath.Dir(file)); err != nil || !info.IsDir() {
		return nil, fmt.Errorf("%s: there is no such folder", file)
	}
	v := &Variables{File: file, mode: 0o644}
	before, err := os.ReadFile(file)
	switch info, statErr := os.Stat(file); {
	case errors.Is(statErr, fs.ErrNotExist):
		v.changed = true
	case statErr == nil && !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s is not a file", file)
	case err != nil:
		return nil, err
	case statErr != nil:
		return nil, statErr
	default:
		v.mode = info.Mode().Perm()
	}
	v.Text, err = fill(string(before), p)
	if err != nil {
		return nil, fmt.Errorf("%s, %w", file, err)
	}
	v.changed = v.changed || v.Text != string(before)
	return v, nil
}

var (
	blockComment = regexp.MustCompile(`^[ \t]*/\*`)
	assignment   = regexp.MustCompile(`^[ \t]*(rotate|sweep)_image[ \t]*=`)
	plainValue   = regexp.MustCompile(`^([^"]*=[ \t]*")[^"]*("[ \t]*(?:(?:#|//).*)?)$`)
)

// fill replaces the values, and adds missing lines at the end.
func fill(before string, p reference.Pair) (string, error) {
	images := map[string]string{"rotate": p.Rotate.String(), "sweep": p.Sweep.String()}
	seen := map[string]bool{}
	var out strings.Builder
	n := 0
	for line := range strings.Lines(before) {
		n++
		line = strings.TrimSuffix(line, "\n")
		if blockComment.MatchString(line) {
			return "", fmt.Errorf("line %d: a block comment begins, which this program does not read: write lines "+
				"with #", n)
		}
		if m := assignment.FindStringSubmatch(line); m != nil {
			value := plainValue.FindStringSubmatch(line)
			switch {
			case seen[m[1]]:
				return "", fmt.Errorf("line %d: %s_image occurs twice: keep one", n, m[1])
			case value == nil:
				return "", fmt.Errorf("line %d: the value of %s_image is not a plain string: write \"\"", n, m[1])
			}
			seen[m[1]] = true
			line = value[1] + images[m[1]] + value[2]
		}
		out.WriteString(line + "\n")
	}
	for line := range strings.Lines(Lines(p)) {
		name, _, _ := strings.Cut(line, "_image")
		if !seen[name] {
			out.WriteString(line)
		}
	}
	return out.String(), nil
}

// Write writes the file by one rename, so that no program reads half of it.
func (v *Variables) Write() error { return replace(v.File, []byte(v.Text), v.mode) }

// replace writes a file by one rename.
func replace(file string, content []byte, mode fs.FileMode) (err error) {
	draft, err := os.CreateTemp(filepath.Dir(file), filepath.Base(file)+".*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(draft.Name()) // the error is about the file
		}
	}()
	_, err = bytes.NewReader(content).WriteTo(draft)
	err = errors.Join(err, draft.Chmod(mode), draft.Close())
	if err != nil {
		return err
	}
	return os.Rename(draft.Name(), file)
}
