package outcome_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/rs/zerolog"

	"github.com/keyturn/keyturn/pkg/outcome"
)

func TestASweepsRecordIsOneLine(t *testing.T) {
	for level, d := range map[string]outcome.Digest{"warn": digest(), "info": {Looked: 3, Found: []string{"a\nb"}}} {
		var log bytes.Buffer
		logger := zerolog.New(&log)
		d.Record(&logger)
		var line struct {
			Level, Message   string
			Looked, Outcomes int
		}
		if err := json.Unmarshal(log.Bytes(), &line); err != nil || strings.Count(log.String(), "\n") != 1 {
			t.Fatalf("the record is %q (%v)", log.String(), err)
		}
		if line.Level != level || line.Message != "sweep" || line.Looked != d.Looked ||
			line.Outcomes != len(d.Outcomes) {
			t.Errorf("the record is %s", log.String())
		}
	}
}

func TestASweepThatOnlyCouldNotFinishSaysSo(t *testing.T) {
	got := outcome.Digest{Unfinished: []outcome.Finding{{Text: "x"}}}.Title()
	if got != "Keyturn | Sweep: 1 could not be done" {
		t.Errorf("the title is %q", got)
	}
}

func TestNoNameDoesHarmInADigest(t *testing.T) {
	for name, text := range hostile {
		for _, status := range statuses {
			d := outcome.Digest{Outcomes: []outcome.Outcome{filled(text, status)}, Found: []string{text},
				Unfinished: []outcome.Finding{{Text: text}}}
			body := d.Body()
			if !utf8.ValidString(body) || len(d.Title()) >= 100 {
				t.Errorf("%s: valid %v, a title of %d bytes", name, utf8.ValidString(body), len(d.Title()))
			}
			for line := range strings.SplitSeq(body, "\n") {
				if strings.IndexFunc(line, unicode.IsControl) >= 0 || strings.HasPrefix(line, "X:") ||
					strings.HasPrefix(line, "Bcc:") {
					t.Errorf("%s: a name wrote the line %q", name, line)
				}
			}
		}
	}
}

func TestADigestFitsIntoANotification(t *testing.T) {
	var d outcome.Digest
	for range 1000 {
		d.Outcomes = append(d.Outcomes, cases()["refused_unbound"])
	}
	if body := d.Body(); len(body) > 60<<10 || !utf8.ValidString(body) {
		t.Errorf("the body has %d bytes", len(body))
	}
}
