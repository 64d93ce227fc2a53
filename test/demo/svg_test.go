package main

import (
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
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

// masked replaces what differs in each run: fingerprints, OCIDs, ids of rotations and times. The length of a time moves
// the rest of its line.
func masked(picture string) string {
	for what, pattern := range map[string]string{"<fingerprint>": `([0-9a-f]{2}:){15}[0-9a-f]{2}`,
		"<OCID>": `[a-z2-7]{4}…[a-z2-7]{3}`, "keyturn-<id>-": `keyturn-[a-z2-7]{16}-`,
		"After <time> the": `After \S+ the`} {
		picture = regexp.MustCompile(pattern).ReplaceAllString(picture, what)
	}
	row := regexp.MustCompile(`y="\d+"[^>]*>After <time>`).FindString(picture)
	row, _, _ = strings.Cut(row, " ")
	return regexp.MustCompile(`x="[\d.]+" (`+row+`) textLength="[\d.]+"`).ReplaceAllString(picture, "$1")
}

func TestThePictureInTheReadmeIsCurrent(t *testing.T) {
	want, err := os.ReadFile(filepath.Join("..", "..", "docs", "demo.svg"))
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "demo.svg")
	runDemo(t, nil, "-kind", "api-key", "-svg", file).expect(t, 0)
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := masked(string(got)), masked(string(want)); got != want || strings.Count(got, "<") < 60 {
		t.Errorf("docs/demo.svg is not current; make it again with go run ./test/demo -kind api-key -svg "+
			"docs/demo.svg\ngot:\n%s\nwant:\n%s", got, want)
	}
}
