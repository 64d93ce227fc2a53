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

// ledger is a file to which each cell that has been played is added, one JSON document a line, so that a run that was
// interrupted can go on. What another build of the functions has played doesn't count. The zero ledger keeps nothing.
type ledger struct {
	path  string
	build string           // of both functions, and of this command, which judges
	known map[string]entry // by the cell's name; the newest counts

	mu   sync.Mutex
	file *os.File
}

// entry is one line of the file.
type entry struct {
	Build      string   `json:"build"`
	Cell       string   `json:"cell"`
	Faults     []string `json:"faults,omitempty"` // what was wrong; none if the cell passed
	Deliveries int      `json:"deliveries"`
	Reclosed   int      `json:"reclosed,omitempty"`
	Versions   int      `json:"versions"`
	Void       bool     `json:"void,omitempty"`
	Unmailed   bool     `json:"unmailed,omitempty"`
	Finished   bool     `json:"finished,omitempty"` // by the first delivery
}

// openLedger reads what the file has of this build. An empty path means no ledger.
func openLedger(path string, binaries ...string) (*ledger, error) {
	l := &ledger{path: path, known: map[string]entry{}}
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
	if l.file, err = os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644); err != nil {
		return nil, fmt.Errorf("opening the ledger: %w", err)
	}
	return l, nil
}

func (l *ledger) read() error {
	file, err := os.Open(l.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("opening the ledger: %w", err)
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var e entry
		// A line that was cut off is a cell that is played again.
		if json.Unmarshal(lines.Bytes(), &e) == nil && e.Build == l.build {
			l.known[e.Cell] = e
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("reading the ledger: %w", err)
	}
	return nil
}

// passed returns the result of a cell that this build has passed before.
func (l *ledger) passed(c cell) (result, bool) {
	e, ok := l.known[c.String()]
	if !ok || len(e.Faults) > 0 {
		return result{}, false
	}
	return result{cell: c, deliveries: e.Deliveries, reclosed: e.Reclosed, versions: e.Versions, void: e.Void,
		unmailed: e.Unmailed, finished: e.Finished}, true
}

// add writes a result down.
func (l *ledger) add(r result) error {
	if l.file == nil {
		return nil
	}
	line, err := json.Marshal(entry{Build: l.build, Cell: r.cell.String(), Faults: r.faults, Deliveries: r.deliveries,
		Reclosed: r.reclosed,
		Versions: r.versions, Void: r.void, Unmailed: r.unmailed, Finished: r.finished})
	if err != nil {
		return fmt.Errorf("writing the ledger: %w", err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, err := l.file.Write(append(line, '\n')); err != nil {
		return fmt.Errorf("writing the ledger: %w", err)
	}
	return nil
}

func (l *ledger) close() error {
	if l.file == nil {
		return nil
	}
	return l.file.Close()
}
