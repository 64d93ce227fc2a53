package main

import (
	"bufio"
	"cmp"
	"math"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Report is everything that one run has measured.
type Report struct {
	Machine    Machine  `json:"machine"`
	Seed       uint64   `json:"seed"`
	Short      bool     `json:"short"` // few of everything: the figures are there, and not worth much
	Seconds    float64  `json:"seconds"`
	TargetsMet int      `json:"targets_met"`
	Targets    int      `json:"targets"`
	Rows       []Row    `json:"rows"`
	Chains     []Chain  `json:"chains"`
	Notes      []string `json:"notes,omitempty"`
}

// Machine is where the figures are from.
type Machine struct {
	CPU   string  `json:"cpu"`
	Cores int     `json:"cores"`
	OS    string  `json:"os"`
	Arch  string  `json:"arch"`
	Go    string  `json:"go"`
	Load  float64 `json:"load"` // average of the last minute when the run began; 0 if the system doesn't tell
}

// Row is one line of the table.
type Row struct {
	Section string  `json:"section"`
	What    string  `json:"what"`
	Unit    string  `json:"unit"`
	Build   Figure  `json:"build"`           // this build's
	Floor   *Figure `json:"floor,omitempty"` // the least that it could be, measured in the same run
	Ratio   float64 `json:"ratio,omitempty"` // of the medians
	Target  string  `json:"target,omitempty"`
	Met     *bool   `json:"met,omitempty"` // nil: no target
	Detail  string  `json:"detail,omitempty"`
}

// Figure is what several measurements of the same gave.
type Figure struct {
	Median float64 `json:"median"`
	Min    float64 `json:"min"`
	Max    float64 `json:"max"`
	N      int     `json:"n"`
}

// figure is the Figure of some values; of none it is zero.
func figure(values ...float64) Figure {
	if len(values) == 0 {
		return Figure{}
	}
	return Figure{Median: quantile(values, 0.5), Min: slices.Min(values), Max: slices.Max(values), N: len(values)}
}

// quantile is the value below which a part of the values lies, with straight lines between them. Of nothing it is 0.
func quantile(values []float64, part float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	at := part * float64(len(sorted)-1)
	below := int(at)
	above := min(below+1, len(sorted)-1)
	return sorted[below] + (at-float64(below))*(sorted[above]-sorted[below])
}

// mean and its standard error, which says how far the mean of other such values would lie off.
func mean(values []float64) (m, standardError float64) {
	n := float64(len(values))
	if n == 0 {
		return 0, 0
	}
	for _, v := range values {
		m += v / n
	}
	if n == 1 {
		return m, 0
	}
	squares := 0.0
	for _, v := range values {
		squares += (v - m) * (v - m)
	}
	return m, math.Sqrt(squares / (n - 1) / n)
}

// exponent is the e for which y = a * x^e fits best: least squares of the logarithms. Fewer than two sizes have none.
func exponent(x, y []float64) float64 {
	var mx, my float64
	n := float64(len(x))
	for i := range x {
		mx, my = mx+math.Log(x[i])/n, my+math.Log(y[i])/n
	}
	var above, below float64
	for i := range x {
		d := math.Log(x[i]) - mx
		above, below = above+d*(math.Log(y[i])-my), below+d*d
	}
	if below == 0 {
		return math.NaN()
	}
	return above / below
}

// over compares the row with its floor.
func (r Row) over(floor Figure) Row {
	r.Floor = &floor
	if floor.Median > 0 {
		r.Ratio = r.Build.Median / floor.Median
	}
	return r
}

// ratioAtMost is a target for how many times the floor the row may be.
func (r Row) ratioAtMost(limit float64) Row {
	return r.judged("<= "+short(limit)+" x floor", r.Ratio > 0 && r.Ratio <= limit)
}

// atMost and below are targets for the row's own value.
func (r Row) atMost(limit float64) Row { return r.judged("<= "+short(limit), r.Build.Median <= limit) }
func (r Row) below(limit float64) Row  { return r.judged("< "+short(limit), r.Build.Median < limit) }

func (r Row) judged(target string, met bool) Row {
	r.Target, r.Met = target, &met
	return r
}

func short(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }

// add takes rows into the report.
func (r *Report) add(rows ...Row) {
	for _, row := range rows {
		r.Rows = append(r.Rows, row)
		if row.Met == nil {
			continue
		}
		r.Targets++
		if *row.Met {
			r.TargetsMet++
		}
	}
}

func thisMachine() Machine {
	return Machine{CPU: cpuModel(), Cores: runtime.NumCPU(), OS: runtime.GOOS, Arch: runtime.GOARCH,
		Go: runtime.Version(), Load: load()}
}

// cpuModel is the processor's name where the system tells it in /proc/cpuinfo.
func cpuModel() string {
	name := ""
	if f, err := os.Open("/proc/cpuinfo"); err == nil {
		defer f.Close()
		for lines := bufio.NewScanner(f); lines.Scan() && name == ""; {
			if key, value, ok := strings.Cut(lines.Text(), ":"); ok && strings.TrimSpace(key) == "model name" {
				name = strings.TrimSpace(value)
			}
		}
	}
	return cmp.Or(name, "unknown processor")
}

func load() float64 {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return 0 // not Linux
	}
	first, _, _ := strings.Cut(string(text), " ")
	v, err := strconv.ParseFloat(first, 64)
	if err != nil {
		return 0
	}
	return v
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// megabytes of KiB; a MB is 2^20 bytes here, as in the memory setting of a function.
func megabytes(kb int) float64 { return float64(kb) / 1024 }
