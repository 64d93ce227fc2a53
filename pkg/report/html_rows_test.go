package report

import (
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"reflect"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/keyturn/keyturn/pkg/credential"
)

// block is a block as the page's script reads it.
type block struct {
	Rows  int `json:"rows"`
	Texts map[string]struct {
		D []string `json:"d"`
		I []int    `json:"i"`
	} `json:"texts"`
	Numbers map[string][]*int64 `json:"numbers"`
}

func blocks(t *testing.T, page string) []block {
	t.Helper()
	var out []block
	for _, m := range regexp.MustCompile(`<script type="text/plain" class="rows">([A-Za-z0-9+/=]*)</script>`).
		FindAllStringSubmatch(page, -1) {
		zip, err := gzip.NewReader(base64.NewDecoder(base64.StdEncoding, strings.NewReader(m[1])))
		if err != nil {
			t.Fatal(err)
		}
		var b block
		if err := json.NewDecoder(zip).Decode(&b); err != nil {
			t.Fatal(err)
		}
		out = append(out, b)
	}
	return out
}

// rows puts the rows of a block together again.
func (b block) rows() []Row {
	out := make([]Row, b.Rows)
	for n := range out {
		text := func(name string) string {
			c := b.Texts[name]
			switch {
			case c.I != nil:
				return c.D[c.I[n]]
			case len(c.D) == 1:
				return c.D[0]
			}
			return c.D[n]
		}
		when := func(name string) *time.Time {
			s := b.Numbers[name][n]
			if s == nil {
				return nil
			}
			at := time.Unix(*s, 0).UTC()
			return &at
		}
		out[n] = Row{Kind: credential.Kind(text("kind")), ID: text("id"), Domain: text("domain"), User: text("user"),
			UserName: text("user_name"), UserState: text("user_state"), Administrator: text("administrator"),
			Description: text("description"), Created: when("created"), Expires: when("expires"), Due: when("due"),
			Rotation: text("rotation"), Problem: text("problem"), Exempt: text("exempt"),
			ExemptFlaw: text("exempt_flaw"), State: text("state"),
			Advice: text("advice"), AgeDays: -1}
		if s := text("secrets"); s != "" {
			out[n].Secrets = strings.Split(s, "\n")
		}
		if age := b.Numbers["age_days"][n]; age != nil {
			out[n].AgeDays = int(*age)
		}
	}
	return out
}

func TestEveryRowComesBackFromTheBlocks(t *testing.T) {
	for _, count := range []int{0, 1, 2, blockRows, blockRows + 1} {
		var got []Row
		for _, b := range blocks(t, page(t, smallReport(count), madeRows(count))) {
			got = append(got, b.rows()...)
		}
		n := 0
		for want := range madeRows(count) {
			if n < len(got) && !reflect.DeepEqual(got[n], want) {
				t.Fatalf("%d rows: row %d is %+v, want %+v", count, n, got[n], want)
			}
			n++
		}
		if len(got) != count {
			t.Errorf("%d of %d rows came back", len(got), count)
		}
	}
}

func TestHostileTextsComeBackAsTheyWere(t *testing.T) {
	var rows []Row
	for _, text := range hostile {
		rows = append(rows, Row{Kind: credential.Kind(text), ID: text, UserName: text, Description: text, AgeDays: -1,
			Secrets: []string{text}})
	}
	got := blocks(t, page(t, smallReport(len(rows)), seq(rows...)))[0].rows()
	for i, text := range hostile {
		text = strings.ToValidUTF8(text, "\uFFFD")
		if strings.ReplaceAll(got[i].ID, "\uFFFD\uFFFD", "\uFFFD") != text {
			t.Errorf("the text %q came back as %q", text, got[i].ID)
		}
	}
}

// A user may write long descriptions.
func TestABlockIsLimitedInBytesToo(t *testing.T) {
	var rows []Row
	for n := range 100 {
		rows = append(rows, Row{ID: fmt.Sprint(n), Description: strings.Repeat(fmt.Sprint(n), 100_000), AgeDays: -1})
	}
	got := blocks(t, page(t, smallReport(len(rows)), seq(rows...)))
	if len(got) < 5 {
		t.Errorf("there are %d blocks", len(got))
	}
}

// counter counts what is written.
type counter struct{ n int }

func (c *counter) Write(p []byte) (int, error) {
	c.n += len(p)
	return len(p), nil
}

// heap is the size of what is reachable.
func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func TestTheWritersMemoryDoesNotGrowWithTheRows(t *testing.T) {
	const count, step = 60_000, 15_000
	var w counter
	var sizes []uint64
	var written []int
	n := 0
	rows := func(yield func(Row, error) bool) {
		for r := range madeRows(count) {
			n++
			if n%step == 0 {
				sizes, written = append(sizes, heap()), append(written, w.n)
			}
			if !yield(r, nil) {
				return
			}
		}
	}
	if err := HTML(&w, smallReport(count), rows); err != nil {
		t.Fatal(err)
	}
	first, last := sizes[0], sizes[len(sizes)-1]
	if last > first+2<<20 {
		t.Errorf("after %d rows the heap has %d bytes, after %d rows %d", step, first, count, last)
	}
	for i := 1; i < len(written); i++ {
		if written[i] <= written[i-1] {
			t.Errorf("the rows %d to %d were kept", i*step, (i+1)*step)
		}
	}
}

func BenchmarkHTML(b *testing.B) {
	for _, count := range []int{1_000, 10_000, 300_000} {
		b.Run(fmt.Sprint(count, " rows"), func(b *testing.B) {
			var size, peak float64
			for b.Loop() {
				var w counter
				n, before := 0, heap()
				rows := func(yield func(Row, error) bool) {
					for r := range madeRows(count) {
						n++
						if n%(count/10) == 0 {
							peak = max(peak, float64(heap())-float64(before))
						}
						if !yield(r, nil) {
							return
						}
					}
				}
				if err := HTML(&w, smallReport(count), rows); err != nil {
					b.Fatal(err)
				}
				size = float64(w.n)
			}
			b.ReportMetric(size/1e6, "MB")
			b.ReportMetric(peak/1e6, "heap-MB")
		})
	}
}

func TestThePageExportsTheColumnsOfTheCSV(t *testing.T) {
	_, list, _ := strings.Cut(rowsJS, "function* csv")
	_, list, _ = strings.Cut(list, "names = [")
	list, _, _ = strings.Cut(list, "]")
	var want []string
	for _, c := range csvColumns {
		want = append(want, "'"+c.name+"'")
	}
	if got := strings.Join(strings.Fields(list), " "); got != strings.Join(want, ", ") {
		t.Errorf("the page exports %s, want %s", got, strings.Join(want, ", "))
	}
}
