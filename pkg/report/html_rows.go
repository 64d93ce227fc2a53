package report

import (
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"io"
	"strings"
	"time"
)

// A block is flushed when it has this many rows or bytes of text, whichever comes first. It limits the memory of the
// writer.
const (
	blockRows  = 4096
	blockBytes = 2 << 20
)

// The columns of a block, in the order of rowTexts and rowNumbers.
var (
	textNames = []string{"kind", "id", "domain", "user", "user_name", "user_state", "administrator", "description",
		"secrets", "rotation", "problem", "exempt", "exempt_flaw", "state", "advice"}
	numberNames = []string{"created", "expires", "due", "age_days"}
)

func rowTexts(r Row) []string {
	return []string{string(r.Kind), r.ID, r.Domain, r.User, r.UserName, r.UserState, r.Administrator, r.Description,
		strings.Join(r.Secrets, "\n"), r.Rotation, r.Problem, r.Exempt,
		r.ExemptFlaw, r.State, r.Advice}
}

// rowNumbers returns times in seconds of Unix time, and nil for what isn't known.
func rowNumbers(r Row) []*int64 {
	var age *int64
	if r.AgeDays >= 0 {
		days := int64(r.AgeDays)
		age = &days
	}
	return []*int64{seconds(r.Created), seconds(r.Expires), seconds(r.Due), age}
}

func seconds(t *time.Time) *int64 {
	if t == nil {
		return nil
	}
	s := t.Unix()
	return &s
}

// textColumn has each text of a column once.
type textColumn struct {
	Texts []string `json:"d"`
	// Rows has the index of each row's text. It is left out if all rows have the same text, or each its own.
	Rows  []int `json:"i,omitempty"`
	known map[string]int
}

func (c *textColumn) add(text string) {
	i, ok := c.known[text]
	if !ok {
		i = len(c.Texts)
		c.known[text] = i
		c.Texts = append(c.Texts, text)
	}
	c.Rows = append(c.Rows, i)
}

func (c *textColumn) reset() {
	clear(c.known)
	clear(c.Texts)
	c.Texts, c.Rows = c.Texts[:0], c.Rows[:0]
}

// rowBlocks writes rows as blocks. A block is a script element whose text is JSON, compressed by gzip, in base64, so
// that nothing in a row can end the element.
type rowBlocks struct {
	w       io.Writer
	zip     *gzip.Writer
	texts   []textColumn
	numbers [][]*int64
	rows    int // in this block
	bytes   int // of text in this block
	written int // rows in the blocks that were written
}

func newRowBlocks(w io.Writer) *rowBlocks {
	b := &rowBlocks{w: w, zip: gzip.NewWriter(io.Discard), texts: make([]textColumn, len(textNames)),
		numbers: make([][]*int64, len(numberNames))}
	for i := range b.texts {
		b.texts[i].known = map[string]int{}
	}
	return b
}

func (b *rowBlocks) add(r Row) error {
	for i, text := range rowTexts(r) {
		b.texts[i].add(text)
		b.bytes += len(text)
	}
	for i, n := range rowNumbers(r) {
		b.numbers[i] = append(b.numbers[i], n)
	}
	b.rows++
	if b.rows < blockRows && b.bytes < blockBytes {
		return nil
	}
	return b.flush()
}

// flush writes the rows that were added since the last block.
func (b *rowBlocks) flush() error {
	if b.rows == 0 {
		return nil
	}
	block := struct {
		Rows    int                   `json:"rows"`
		Texts   map[string]textColumn `json:"texts"`
		Numbers map[string][]*int64   `json:"numbers"`
	}{b.rows, map[string]textColumn{}, map[string][]*int64{}}
	for i, c := range b.texts {
		if len(c.Texts) == 1 || len(c.Texts) == b.rows {
			c.Rows = nil
		}
		block.Texts[textNames[i]] = c
	}
	for i, c := range b.numbers {
		block.Numbers[numberNames[i]] = c
	}
	if err := b.write(block); err != nil {
		return err
	}
	for i := range b.texts {
		b.texts[i].reset()
	}
	for i := range b.numbers {
		b.numbers[i] = b.numbers[i][:0]
	}
	b.written += b.rows
	b.rows, b.bytes = 0, 0
	return nil
}

func (b *rowBlocks) write(block any) error {
	if _, err := io.WriteString(b.w, `<script type="text/plain" class="rows">`); err != nil {
		return err
	}
	text := base64.NewEncoder(base64.StdEncoding, b.w)
	b.zip.Reset(text)
	if err := json.NewEncoder(b.zip).Encode(block); err != nil {
		return err
	}
	if err := b.zip.Close(); err != nil {
		return err
	}
	if err := text.Close(); err != nil {
		return err
	}
	_, err := io.WriteString(b.w, "</script>\n")
	return err
}
