package rotation_test

import (
	"bufio"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/keyturn/keyturn/pkg/credential"
	"github.com/keyturn/keyturn/pkg/rotation"
)

// usual is an auth token's rotation that may begin. A line of testdata/decisions.txt says what is different.
var usual = rotation.State{Origin: credential.Server, Order: rotation.OrderGiven, Sight: rotation.SightAgain,
	Guard: rotation.GuardAllows,
	Old:   rotation.OldAlive, Made: rotation.MadeNone, Stored: rotation.StoredNone, Proof: rotation.ProofTodo,
	Slot: rotation.SlotFree,
	Room: rotation.RoomFree, Trouble: rotation.TroubleNone, Grace: rotation.GraceOver}

// stateOf applies the differences: columns and their values, separated by commas.
func stateOf(t *testing.T, text string) rotation.State {
	t.Helper()
	s := usual
	for part := range strings.SplitSeq(text, ", ") {
		column, value, ok := strings.Cut(part, " ")
		if !ok {
			continue
		}
		field := reflect.ValueOf(&s).Elem().FieldByName(strings.ToUpper(column[:1]) + column[1:])
		switch field.Kind() {
		case reflect.Bool:
			field.SetBool(value == "yes")
		case reflect.String:
			field.SetString(value)
		default:
			t.Fatalf("%q: there is no column %q", text, column)
		}
	}
	return s
}

// Each line is needed: without it, a row or a field of a row could be removed, changed or moved unnoticed.
func TestTheTableDecidesEachListedStateAsItSays(t *testing.T) {
	file, err := os.Open("testdata/decisions.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	used, before, n := map[int]bool{}, map[int]bool{}, 0
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		line := lines.Text()
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		n++
		text, want, ok := strings.Cut(line, "-> ")
		if !ok {
			t.Fatalf("%q decides nothing", line)
		}
		state := stateOf(t, strings.TrimSpace(text))
		d := rotation.Next(state)
		used[d.Row] = true
		if d.Row < len(rotation.Table) && rotation.Fits(rotation.Table[d.Row], state) {
			before[d.Row] = true
		}
		got := string(d.Action)
		if d.Reason != "" {
			got += ": " + string(d.Reason)
		}
		if got != want {
			t.Errorf("%s\nbut row %d decides %s (%s)", line, d.Row, got, d.Because)
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	for i, row := range rotation.Table {
		if !used[i+1] {
			t.Errorf("no line of testdata/decisions.txt is decided by row %d (%s: %s)", i+1, row.Then, row.Because)
		}
	}
	for _, row := range rotation.Contested() {
		if !before[row] {
			t.Errorf("no line of testdata/decisions.txt shows that row %d has to stand before row %d, which also fits",
				row, row+1)
		}
	}
	if n < 300 {
		t.Errorf("%d lines, want 300 or more", n)
	}
}
