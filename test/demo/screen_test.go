package main

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestOnlyTerminalsGetColours(t *testing.T) {
	t.Setenv("NO_COLOR", "")
	t.Setenv("TERM", "xterm")
	file, err := os.Create(filepath.Join(t.TempDir(), "output"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	device, err := os.Open(os.DevNull) // a character device, as a terminal is
	if err != nil {
		t.Fatal(err)
	}
	defer device.Close()
	if wantsColour(&bytes.Buffer{}) || wantsColour(file) {
		t.Error("there are colours in a buffer or a file")
	}
	if !wantsColour(device) {
		t.Error("there are no colours on a character device")
	}
	t.Setenv("NO_COLOR", "1")
	if wantsColour(device) {
		t.Error("there are colours despite NO_COLOR")
	}
	t.Setenv("NO_COLOR", "")
	t.Setenv("TERM", "dumb")
	if wantsColour(device) {
		t.Error("there are colours on a dumb terminal")
	}
}

func TestATableIsAlignedWithAndWithoutColours(t *testing.T) {
	rows := [][]cell{{{"a", green}, {"b", struck}}, {{"long…", normal}, {"c", red}}}
	var with, without bytes.Buffer
	(&screen{w: &with, colour: true}).table("  ", rows)
	(&screen{w: &without}).table("  ", rows)
	if want := "  a      b\n  long…  c\n"; without.String() != want {
		t.Errorf("got\n%swant\n%s", without.String(), want)
	}
	if want := "  \x1b[32ma\x1b[0m      \x1b[2;9mb\x1b[0m\n  long…  \x1b[31mc\x1b[0m\n"; with.String() != want {
		t.Errorf("got %q, want %q", with.String(), want)
	}
}

func TestALongLineIsWrappedBetweenWords(t *testing.T) {
	const ocid = "ocid1.vaultsecret.oc1.iad.amaaaaaad4auoofbhpx4wbuzeg67cz5lk43amgbfaluqooxlzatdsuhloc2n"
	for _, width := range []int{40, 60, 80, 96} {
		for _, text := range []string{
			"", "short", "  an indented line with " + ocid, "- an item with " + ocid + "," + ocid,
			"  - a deeper item with " + ocid + ", and more",
			strings.Repeat("ü", 250), strings.Repeat(" ", 120) + "deep", "words " + strings.Repeat("and words ", 40),
			ocid + " / " + ocid + ": " + ocid,
			"key:" + ocid + ",other:" + ocid + ",grace:72h", strings.Repeat("网 ", 200), "ends with a long one: " +
				"https://cloud.oracle.com/" + ocid,
		} {
			lines := wrap(text, width)
			var all string
			for _, l := range lines {
				one := strings.TrimLeft(strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(l), "- ")), "- ")
				if n := utf8.RuneCountInString(l); n > width && strings.ContainsAny(strings.TrimRight(one, ", "),
					" ,") {
					t.Errorf("a line of %d columns, not %d: %q", n, width, l)
				}
				all += l
			}
			squeeze := func(s string) string { return strings.ReplaceAll(s, " ", "") }
			if squeeze(all) != squeeze(text) {
				t.Errorf("%q became %q", text, lines)
			}
			if n := strings.Count(text, ocid); strings.Count(strings.Join(lines, "\n"), ocid) != n {
				t.Errorf("an OCID is broken in %q", lines)
			}
		}
	}
	if got := wrap("- "+strings.Repeat("w ", 60), 96); !strings.HasPrefix(got[1], "  w") {
		t.Errorf("an item goes on with %q, want it under its text", got[1])
	}
}

func TestAMailIsShownAsItIsSent(t *testing.T) {
	body := "The API key of x was rotated.\n\nWHAT TO DO\n- Restart or refresh consumers that read the secret only " +
		"when they start.\n\n  " +
		"ocid1.vaultsecret.oc1.iad.amaaaaaad4auoofbhpx4wbuzeg67cz5lk43amgbfaluqooxlzatdsuhloc2n\n  oci vault " +
		"secret update --secret-id x --defined-tags '{\"a\":   \"" + strings.Repeat("b ", 80) + "\"}'\n"
	var b bytes.Buffer
	(&screen{w: &b, width: 80}).box("mail", "Keyturn | Rotated", body)
	var got string
	_, after, _ := strings.Cut(b.String(), "Keyturn | Rotated\n  │\n")
	for line := range strings.Lines(after) {
		if strings.HasPrefix(line, "  ╰") {
			break
		}
		got += strings.TrimPrefix(strings.TrimPrefix(line, "  │"), " ")
	}
	if got != body {
		t.Errorf("the mail is shown as\n%s", got)
	}
}

func TestTheWidthIsThatOfTheTerminalWithinLimits(t *testing.T) {
	file, err := os.Create(filepath.Join(t.TempDir(), "output"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for columns, want := range map[string]int{"": 80, "80": 80, "79": 79, "132": 100, "20": 60, "0": 80, "-5": 80,
		"wide": 80, "100": 100} {
		for _, w := range []io.Writer{&bytes.Buffer{}, file} {
			if got := widthOf(w, columns); got != want {
				t.Errorf("COLUMNS=%q: %d columns, want %d", columns, got, want)
			}
		}
	}
}

func TestControlCharactersDontReachTheTerminal(t *testing.T) {
	if got := wrap("a\x1b[2Jb\rc", 96); got[0] != "a [2Jb c" {
		t.Errorf("got %q", got)
	}
}

func TestOCIDsAreShortenedInTheMiddle(t *testing.T) {
	const long = "key:ocid1.user.oc1..aaaaaaaawdizogppzybsviiiftk243nbw6lz76dkddugjlnf5el24k5ajmjo,more " +
		"ocid1.x.oc1..short"
	if got, want := shorten(long), "key:ocid1.user.oc1..aaaa…mjo,more ocid1.x.oc1..short"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got := shorten("7489fe02b942bfa04cc7bf233ca6967d0495112d"); got != "7489fe02…112d" {
		t.Errorf("an access key became %s", got)
	}
}

type brokenPipe struct{}

var errBroken = errors.New("broken pipe")

func (brokenPipe) Write([]byte) (int, error) { return 0, errBroken }

func TestAFailedWriteIsAnError(t *testing.T) {
	s := newScreen(brokenPipe{})
	s.line("a")
	if err := s.failed(); !errors.Is(err, errBroken) {
		t.Errorf("got %v", err)
	}
}

func TestALogRecordBecomesOneReadableLine(t *testing.T) {
	var b bytes.Buffer
	l := &logWriter{out: newScreen(&b)}
	for _, part := range []string{`{"level":"info","call_id":"X","step":"create",`,
		`"because":"none yet","message":"step"}` + "\nplain te", "xt\n",
		`{"level":"warn","record":{"outcome":"refused","comment":"c"},"message":"outcome"}` + "\n"} {
		if n, err := l.Write([]byte(part)); n != len(part) || err != nil {
			t.Fatalf("Write gave %d, %v", n, err)
		}
	}
	want := "  log   info  step because=\"none yet\" step=create\n  log   plain text\n  log   warn  outcome " +
		"outcome=refused\n"
	if b.String() != want {
		t.Errorf("got\n%swant\n%s", b.String(), want)
	}
}
