package main

import (
	"bufio"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"slices"

	"github.com/keyturn/keyturn/pkg/report"
)

// rowsOf are the rows of a report.
type rowsOf = iter.Seq2[report.Row, error]

// fileForms are the forms that a flag writes to a file, in the order of reporting.files.
var fileForms = []struct {
	flag, about, format string
}{
	{"html", "one HTML page that works offline", "html"},
	{"csv", "CSV", "csv"},
	{"json-file", "JSON", "json"},
}

// outputs are the places that a report is written to.
type outputs struct {
	*reporting
	format string // to the standard output
	files  []*newFile
}

// newFile is a file that gets its name when it is whole.
type newFile struct {
	*os.File
	name, format string
}

// outputs checks the flags and makes the files, before the reading, which may take long.
func (r *reporting) outputs() (*outputs, error) {
	o := &outputs{reporting: r, format: r.format}
	switch {
	case !slices.Contains([]string{"table", "json", "csv", "html"}, r.format):
		return nil, usage("--format is %q, want table, json, csv or html", r.format)
	case r.json && r.format != "table" && r.format != "json":
		return nil, usage("--json and --format %s contradict each other", r.format)
	case r.json:
		o.format = "json"
	}
	for i, name := range r.files {
		if name == "" {
			continue
		}
		f, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+".") // with the mode 0600
		if err != nil {
			o.discard()
			return nil, usage("--%s: %w", fileForms[i].flag, err)
		}
		o.files = append(o.files, &newFile{f, name, fileForms[i].format})
	}
	return o, nil
}

// discard removes the files that didn't get their names.
func (o *outputs) discard() {
	for _, f := range o.files {
		_ = f.Close()
		_ = os.Remove(f.Name())
	}
}

// write writes the report to all places: the files first, each of which is whole or isn't there.
func (o *outputs) write(r report.Report, rows rowsOf) error {
	for len(o.files) > 0 {
		f := o.files[0]
		if err := o.form(f, f.format, r, rows); err != nil {
			return fmt.Errorf("writing %s: %w", f.name, err)
		}
		if err := f.finish(); err != nil {
			return fmt.Errorf("writing %s: %w", f.name, err)
		}
		o.files = o.files[1:]
	}
	out := bufio.NewWriter(o.out)
	if err := o.form(out, o.format, r, rows); err != nil {
		return err
	}
	return out.Flush()
}

// form writes one form of the report.
func (o *outputs) form(w io.Writer, format string, r report.Report, rows rowsOf) error {
	switch format {
	case "json":
		return report.JSON(w, r, rows)
	case "csv":
		return report.CSV(w, rows)
	case "html":
		return report.HTML(w, r, rows)
	}
	return report.Table(w, r, rows, o.rows)
}

// finish gives the file its name.
func (f *newFile) finish() error {
	if err := f.Sync(); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), f.name)
}
