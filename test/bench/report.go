package main

import (
	"errors"
	"fmt"
	"math"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"
)

// report is everything that one run has measured.
type report struct {
	settings
	machine string
	load    float64 // average of the last minute at the start; 0 if unknown
	seconds float64
	section string // of the rows that are added next
	rows    []*row
	chains  []chain
}

// row is one line of the table.
type row struct {
	section, what, unit string
	build               figure  // of this build
	floor               float64 // lower limit, measured in the same run; 0: none
	target              string  // empty: none
	met                 bool
	detail              string
}

// figure summarizes several measurements of the same thing.
type figure struct {
	median, min, max float64
	n                int
}

// figureOf summarizes values; of none it is zero.
func figureOf(values ...float64) figure {
	if len(values) == 0 {
		return figure{}
	}
	return figure{quantile(values, 0.5), slices.Min(values), slices.Max(values), len(values)}
}

// quantile is the value below which a part of the values lies, interpolated linearly. Of nothing it is 0.
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

// mean returns the mean and its standard error.
func mean(values []float64) (m, standardError float64) {
	n := float64(len(values))
	for _, v := range values {
		m += v / n
	}
	if n < 2 {
		return m, 0
	}
	squares := 0.0
	for _, v := range values {
		squares += (v - m) * (v - m)
	}
	return m, math.Sqrt(squares / (n - 1) / n)
}

// exponent is the e for which y = a * x^e fits best: least squares of the logarithms. It is NaN for fewer than two
// different x.
func exponent(x, y []float64) float64 {
	var m, above, below float64
	for i := range x {
		m += math.Log(x[i]) / float64(len(x))
	}
	for i := range x {
		d := math.Log(x[i]) - m
		above, below = above+d*math.Log(y[i]), below+d*d
	}
	return above / below
}

// add appends a row of the current section.
func (r *report) add(what, unit string, values ...float64) *row {
	r.rows = append(r.rows, &row{section: r.section, what: what, unit: unit, build: figureOf(values...)})
	return r.rows[len(r.rows)-1]
}

func (r *row) over(floor float64) *row {
	r.floor = floor
	return r
}

func (r *row) note(format string, args ...any) *row {
	r.detail += fmt.Sprintf(format, args...)
	return r
}

// ratio is how many times the floor this build takes; 0 without a floor.
func (r *row) ratio() float64 {
	if r.floor <= 0 {
		return 0
	}
	return r.build.median / r.floor
}

// ratioAtMost, atMost and below set the target.
func (r *row) ratioAtMost(limit float64) {
	r.judge("<= "+short(limit)+" x floor", r.ratio() > 0 && r.ratio() <= limit)
}
func (r *row) atMost(limit float64) { r.judge("<= "+short(limit), r.build.median <= limit) }
func (r *row) below(limit float64)  { r.judge("< "+short(limit), r.build.median < limit) }

func (r *row) judge(target string, met bool) { r.target, r.met = target, met }

func short(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }

// table is the report as plain text.
func (r *report) table() string {
	var b strings.Builder
	fmt.Fprintf(&b, "Keyturn on %s, seed %d; measured in %.0f s\n", r.machine, r.seed, r.seconds)
	if r.load > float64(runtime.NumCPU())/2 {
		fmt.Fprintf(&b, "The machine had other work: its load was %.1f when the run began. Times are longer than "+
			"on an idle one.\n", r.load)
	}
	if r.short {
		b.WriteString("A short run: few measurements, which show that it runs and not how fast.\n")
	}
	line := func(cells ...any) {
		text := fmt.Sprintf("%-50s %-8s %7s %15s %7s %7s %-15s %-6s %s", cells...)
		b.WriteString(strings.TrimRight(text, " ") + "\n")
	}
	section, met, targets := "", 0, 0
	for _, row := range r.rows {
		if row.section != section {
			section = row.section
			b.WriteString("\n")
			line(strings.ToUpper(section), "", "this build", "min - max", "floor", "x floor", "target", "", "")
		}
		var spread, floor, ratio, verdict string
		if row.build.n > 1 {
			spread = number(row.build.min) + " - " + number(row.build.max)
		}
		if row.floor > 0 {
			floor, ratio = number(row.floor), fmt.Sprintf("%.2f", row.ratio())
		}
		if row.target != "" {
			targets++
			verdict = "MISSED"
		}
		if row.met {
			met++
			verdict = "met"
		}
		line(row.what, row.unit, number(row.build.median), spread, floor, ratio, row.target, verdict, row.detail)
	}
	fmt.Fprintf(&b, "\ntargets: %d of %d met\n", met, targets)
	return b.String()
}

// number writes three digits, or all before the point.
func number(v float64) string {
	if v == math.Trunc(v) || math.IsNaN(v) {
		return short(v)
	}
	digits := 2 - int(math.Floor(math.Log10(math.Abs(v))))
	return strconv.FormatFloat(v, 'f', min(max(0, digits), 3), 64)
}

// document is the file into which -write puts a table, between the two marks of its place.
const (
	document   = "docs/performance.md"
	allFigures = "figures"
)

// marks are the lines around a table.
func marks(place string) (begin, end string) {
	return "<!-- begin " + place + " -->\n", "<!-- end " + place + " -->"
}

// writeInto replaces the table at a place of a document.
func writeInto(path, place, table string) error {
	beginTable, endTable := marks(place)
	text, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("reading the document: %w", err)
	}
	head, rest, begins := strings.Cut(string(text), beginTable)
	_, tail, ends := strings.Cut(rest, endTable)
	if !begins || !ends {
		return errors.New(path + " lacks the marks around the figures: " + strings.TrimSpace(beginTable) + " and " +
			endTable)
	}
	if err := os.WriteFile(path, []byte(head+beginTable+"```text\n"+table+"```\n"+endTable+tail), 0o644); err != nil {
		return fmt.Errorf("writing the document: %w", err)
	}
	return nil
}

// machine describes this machine; the processor's name comes from /proc/cpuinfo.
func machine() string {
	cpu := "unknown processor"
	info, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(info)) {
		if key, name, _ := strings.Cut(line, ":"); strings.TrimSpace(key) == "model name" {
			cpu = strings.TrimSpace(name)
			break
		}
	}
	return fmt.Sprintf("%s, %d cores, %s/%s, %s", cpu, runtime.NumCPU(), runtime.GOOS, runtime.GOARCH,
		runtime.Version())
}

func load() float64 {
	text, _ := os.ReadFile("/proc/loadavg") // only on Linux
	first, _, _ := strings.Cut(string(text), " ")
	v, _ := strconv.ParseFloat(first, 64)
	return v
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// megabytes converts KiB; a MB is 2^20 bytes here, as in the memory setting of a function.
func megabytes(kib int) float64 { return float64(kib) / 1024 }
