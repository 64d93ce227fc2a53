package report

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"iter"
)

// JSON writes the report as one JSON object: {"report": ..., "rows": [...]}, with one row a line. It holds one row in
// memory.
func JSON(w io.Writer, r Report, rows iter.Seq2[Row, error]) error {
	out := bufio.NewWriterSize(w, 64<<10)
	e := json.NewEncoder(out)
	e.SetEscapeHTML(false)
	write := func(text string) { _, _ = out.WriteString(text) } // Flush returns its error
	write(`{"report": `)
	if err := e.Encode(r); err != nil {
		return fmt.Errorf("writing the report as JSON: %w", err)
	}
	write(`,"rows": [`)
	separator := "\n"
	for row, err := range rows {
		if err != nil {
			return err
		}
		write(separator)
		separator = ","
		if err := e.Encode(row); err != nil {
			return fmt.Errorf("writing the report as JSON: %w", err)
		}
	}
	write("]}\n")
	if err := out.Flush(); err != nil {
		return fmt.Errorf("writing the report as JSON: %w", err)
	}
	return nil
}
