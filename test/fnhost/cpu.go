package fnhost

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

// userHZ is Linux's unit of processor time in /proc (USER_HZ is 100 on all of Go's platforms; proc_pid_stat(5)).
const userHZ = time.Second / 100

// CPUTime returns the user and system time of all processes so far, including ended ones. For a running process it
// reads /proc/<pid>/stat, in steps of 10 ms, so it needs Linux.
func (h *Host) CPUTime() (time.Duration, error) {
	h.mu.Lock()
	sum, live := h.spent, slices.Clone(h.live)
	h.mu.Unlock()
	for _, c := range live {
		t, err := c.cpuTime()
		if err != nil {
			return 0, fmt.Errorf("reading the processor time: %w", err)
		}
		sum += t
	}
	return sum, nil
}

func (c *container) cpuTime() (time.Duration, error) {
	if c.ended() {
		return c.cmd.ProcessState.UserTime() + c.cmd.ProcessState.SystemTime(), nil
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", c.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	// The second field is the name, in parentheses; utime and stime are the 14th and 15th.
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	if len(fields) < 13 {
		return 0, errors.New("the process's stat has too few fields")
	}
	var sum time.Duration
	for _, f := range fields[11:13] {
		n, err := strconv.ParseInt(f, 10, 64)
		if err != nil {
			return 0, err
		}
		sum += time.Duration(n) * userHZ
	}
	return sum, nil
}
