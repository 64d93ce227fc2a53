package fnhost

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
)

// ResidentKB returns the largest peak and the largest current resident memory of a running process, in KiB. It reads
// VmHWM and VmRSS in /proc/<pid>/status, so it needs Linux. It is an error if no process is running.
func (h *Host) ResidentKB() (peak, now int, err error) {
	h.mu.Lock()
	live := slices.Clone(h.live)
	h.mu.Unlock()
	if len(live) == 0 {
		return 0, 0, errors.New("reading the memory in use: no process is running")
	}
	for _, c := range live {
		p, n, err := ResidentKB(c.cmd.Process.Pid)
		if err != nil {
			return 0, 0, fmt.Errorf("reading the memory in use: %w", err)
		}
		peak, now = max(peak, p), max(now, n)
	}
	return peak, now, nil
}

// ResidentKB does the same for any process.
func ResidentKB(pid int) (peak, now int, err error) {
	f, err := os.Open(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, 0, err
	}
	defer f.Close()
	found := map[string]int{}
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		name, value, _ := strings.Cut(lines.Text(), ":")
		if name != "VmHWM" && name != "VmRSS" {
			continue
		}
		kb, err := strconv.Atoi(strings.TrimSpace(strings.TrimSuffix(value, "kB")))
		if err != nil {
			return 0, 0, fmt.Errorf("%s: %w", name, err)
		}
		found[name] = kb
	}
	if err := lines.Err(); err != nil {
		return 0, 0, err
	}
	if len(found) != 2 {
		return 0, 0, errors.New("the process has no VmHWM and VmRSS")
	}
	return found["VmHWM"], found["VmRSS"], nil
}
