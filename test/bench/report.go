package main

import (
	"bufio"
	"fmt"
	"maps"
	"os"
	"runtime"
	"slices"
	"strings"
)

// The project's targets.
const (
	targetCalls   = 14 // of one rotation, at most
	targetMB      = 40 // resident memory stays below
	targetReadyMS = 50 // from start to the ready socket, below
)

// Report is everything that was measured on one machine.
type Report struct {
	Machine    Machine           `json:"machine"`
	WarmEvents int               `json:"warm_events"` // how many the medians are of
	Events     int               `json:"events"`      // rotations of one process, after which its memory is read again
	Rotations  []RotationFigures `json:"rotations"`
	Starts     []StartFigures    `json:"starts"`
}

// Machine is where the figures are from.
type Machine struct {
	CPU   string `json:"cpu"`
	Cores int    `json:"cores"`
	OS    string `json:"os"`
	Arch  string `json:"arch"`
	Go    string `json:"go"`
}

// RotationFigures are those of one kind of credential.
type RotationFigures struct {
	Form           string       `json:"form"`
	Cold           EventFigures `json:"cold"` // the first event of a process
	Warm           EventFigures `json:"warm"` // the second, but the time is the median of several
	MemoryAfterOne Memory       `json:"memory_after_one"`
	MemoryAfterAll Memory       `json:"memory_after_all"`
}

// EventFigures are those of one event.
type EventFigures struct {
	Calls        int            `json:"calls"` // requests that reached a service, with the proof and the mail
	Handshakes   int            `json:"tls_handshakes"`
	Connections  map[string]int `json:"tls_handshakes_by_host"`
	Milliseconds float64        `json:"wall_ms"`
}

// Memory is the resident memory of a process in KiB.
type Memory struct {
	PeakKB int `json:"peak_kb"`
	NowKB  int `json:"now_kb"`
}

// StartFigures are those of a function's start.
type StartFigures struct {
	Function          string  `json:"function"`
	ReadyMilliseconds float64 `json:"ready_ms"` // from the start of the process to the ready socket, median
	Memory            Memory  `json:"memory"`   // when it is ready
	BinaryBytes       int64   `json:"binary_bytes"`
}

func thisMachine() Machine {
	return Machine{CPU: cpuModel(), Cores: runtime.NumCPU(), OS: runtime.GOOS, Arch: runtime.GOARCH, Go: runtime.Version()}
}

// cpuModel is the processor's name where the system tells it in /proc/cpuinfo.
func cpuModel() string {
	const unknown = "unknown processor"
	f, err := os.Open("/proc/cpuinfo")
	if err != nil {
		return unknown
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if name, value, ok := strings.Cut(lines.Text(), ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return unknown
}

// Table is the report for people, in plain text of 100 columns at most.
func (r Report) Table() string {
	var b strings.Builder
	fmt.Fprintf(&b, "Keyturn's figures on %s, %d cores, %s/%s, %s\n", r.Machine.CPU, r.Machine.Cores, r.Machine.OS, r.Machine.Arch, r.Machine.Go)
	fmt.Fprintf(&b, "Against an emulator that answers at once. Cold is a process's first event; warm times are medians of %d.\n\n", r.WarmEvents)
	const row = "%-33s %9s %11s %11s %13s  %s\n"
	fmt.Fprintf(&b, row, "", "API calls", "handshakes", "time in ms", "peak MB after", "targets")
	fmt.Fprintf(&b, row, "one rotation of", "cold warm", "cold warm", "cold warm", fmt.Sprintf("1  %4d", r.Events),
		fmt.Sprintf("<= %d calls, < %d MB", targetCalls, targetMB))
	for _, f := range r.Rotations {
		fmt.Fprintf(&b, row, f.Form, fmt.Sprintf("%4d %4d", f.Cold.Calls, f.Warm.Calls), fmt.Sprintf("%4d %4d", f.Cold.Handshakes, f.Warm.Handshakes),
			fmt.Sprintf("%5.0f %4.0f", f.Cold.Milliseconds, f.Warm.Milliseconds),
			fmt.Sprintf("%.1f  %4.1f", megabytes(f.MemoryAfterOne), megabytes(f.MemoryAfterAll)),
			metCalls(f)+", "+met(megabytes(f.MemoryAfterAll) < targetMB))
	}
	b.WriteString("\n")
	const start = "%-33s %9s %11s %11s  %s\n"
	fmt.Fprintf(&b, start, "one start of", "ready ms", "peak MB", "binary MB", fmt.Sprintf("target < %d ms", targetReadyMS))
	for _, s := range r.Starts {
		fmt.Fprintf(&b, start, s.Function, fmt.Sprintf("%.1f", s.ReadyMilliseconds), fmt.Sprintf("%.1f", megabytes(s.Memory)),
			fmt.Sprintf("%.1f", float64(s.BinaryBytes)/1e6), met(s.ReadyMilliseconds < targetReadyMS))
	}
	b.WriteString("\nTLS handshakes by host\n")
	for _, f := range r.Rotations {
		fmt.Fprintf(&b, "%-33s cold: %s\n%33s warm: %s\n", f.Form, hosts(f.Cold.Connections), "", hosts(f.Warm.Connections))
	}
	return b.String()
}

func met(ok bool) string {
	if ok {
		return "met"
	}
	return "missed"
}

func metCalls(f RotationFigures) string {
	if f.Cold.Calls > targetCalls && f.Warm.Calls <= targetCalls {
		return "met warm"
	}
	return met(f.Cold.Calls <= targetCalls && f.Warm.Calls <= targetCalls)
}

// megabytes of the peak; a MB is 2^20 bytes here, as in the memory setting of a function.
func megabytes(m Memory) float64 { return float64(m.PeakKB) / 1024 }

// hosts lists how many connections went to each host, by the host's first label but that of a namespace.
func hosts(connections map[string]int) string {
	if len(connections) == 0 {
		return "none"
	}
	var list []string
	for _, host := range slices.Sorted(maps.Keys(connections)) {
		name, rest, _ := strings.Cut(host, ".")
		switch {
		case strings.HasPrefix(rest, "compat."):
			name = "S3"
		case strings.HasPrefix(host, "secrets.vaults."):
			name = "secrets"
		}
		list = append(list, fmt.Sprintf("%s %d", name, connections[host]))
	}
	return strings.Join(list, ", ")
}
