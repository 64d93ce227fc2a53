package main

import (
	"bufio"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"
)

// resultFile is a file with the result of each cell, one JSON document a line. With it an interrupted run can be
// resumed. Results of another build don't count. The zero resultFile stores nothing.
type resultFile struct {
	path  string
	build string                 // a hash of both functions and of this command
	known map[string]savedResult // by the cell's name; the newest result counts

	mu   sync.Mutex
	file *os.File
}

// savedResult is one line of the file.
type savedResult struct {
	Build        string   `json:"build"`
	Cell         string   `json:"cell"`
	Failures     []string `json:"failures,omitempty"` // none if the cell passed
	Deliveries   int      `json:"deliveries"`
	Reclosed     int      `json:"reclosed,omitempty"`
	Versions     int      `json:"versions"`
	Inconclusive bool     `json:"inconclusive,omitempty"`
	Unmailed     bool     `json:"unmailed,omitempty"`
	Finished     bool     `json:"finished,omitempty"` // by the first delivery
}

// openResults reads the results of this build. An empty path means that nothing is stored.
func openResults(path string, binaries ...string) (*resultFile, error) {
	l := &resultFile{path: path, known: map[string]savedResult{}}
	if path == "" {
		return l, nil
	}
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("finding this command: %w", err)
	}
	sum := sha256.New()
	for _, b := range append(binaries, self) {
		content, err := os.ReadFile(b)
		if err != nil {
			return nil, fmt.Errorf("reading the function: %w", err)
		}
		sum.Write(content)
	}
	l.build = fmt.Sprintf("%x", sum.Sum(nil)[:8])
	if err := l.read(); err != nil {
		return nil, err
	}
	l.file, err = os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, fmt.Errorf("opening the results: %w", err)
	}
	return l, nil
}

func (l *resultFile) read() error {
	file, err := os.Open(l.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("opening the results: %w", err)
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var e savedResult
		// A cell with an incomplete line runs again.
		if json.Unmarshal(lines.Bytes(), &e) == nil && e.Build == l.build {
			l.known[e.Cell] = e
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("reading the results: %w", err)
	}
	return nil
}

// passed returns the result of a cell that passed before with this build.
func (l *resultFile) passed(c cell) (result, bool) {
	e, ok := l.known[c.String()]
	if !ok || len(e.Failures) > 0 {
		return result{}, false
	}
	return result{cell: c, deliveries: e.Deliveries, reclosed: e.Reclosed, versions: e.Versions,
		inconclusive: e.Inconclusive,
		unmailed:     e.Unmailed, finished: e.Finished}, true
}

// add appends a result.
func (l *resultFile) add(r result) error {
	if l.file == nil {
		return nil
	}
	line, err := json.Marshal(savedResult{Build: l.build, Cell: r.cell.String(), Failures: r.failures,
		Deliveries: r.deliveries,
		Reclosed:   r.reclosed,
		Versions:   r.versions, Inconclusive: r.inconclusive, Unmailed: r.unmailed, Finished: r.finished})
	if err != nil {
		return fmt.Errorf("writing the results: %w", err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, err := l.file.Write(append(line, '\n')); err != nil {
		return fmt.Errorf("writing the results: %w", err)
	}
	return nil
}

func (l *resultFile) close() error {
	if l.file == nil {
		return nil
	}
	return l.file.Close()
}
