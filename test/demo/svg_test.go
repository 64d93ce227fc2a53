package main

import (
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestAPictureIsXMLWithTheTextOfTheTerminal(t *testing.T) {
	s := &screen{colour: true}
	got := picture("a & b", "  "+s.paint(bold, "bold")+" plain <b>\n\n"+s.paint(struck, "gone")+" "+
		s.paint(green, "yes")+
		"\n")
	decoder, text := xml.NewDecoder(strings.NewReader(got)), []string(nil)
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("%v in\n%s", err, got)
		}
		if c, ok := token.(xml.CharData); ok && strings.TrimSpace(string(c)) != "" {
			text = append(text, string(c))
		}
	}
	if all, want := strings.Join(text, "|"), "a & b|bold|plain <b>|gone|yes"; all != want {
		t.Errorf("the texts are %q, want %q", all, want)
	}
	for _, want := range []string{`x="33.6" y="36" textLength="33.6" font-weight="bold">bold`, `y="72"`,
		"line-through"} {
		if !strings.Contains(got, want) {
			t.Errorf("the picture doesn't have %s:\n%s", want, got)
		}
	}
}

func TestThePictureInTheReadmeIsCurrent(t *testing.T) {
	got, err := os.ReadFile(filepath.Join("..", "..", "docs", "demo.svg"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"api-key-user-1", "checked from outside", "accepted", "refused", "1 of 1"} {
		if !strings.Contains(string(got), want) {
			t.Errorf("docs/demo.svg doesn't show %q: make it again with go run ./test/demo -kind api-key -svg "+
				"docs/demo.svg", want)
		}
	}
}
