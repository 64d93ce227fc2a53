package clamp

import "testing"

func TestClamp(t *testing.T) {
	for n, want := range map[int]int{-5: 0, 3: 3, 99: 10} {
		if got := Clamp(n); got != want {
			t.Errorf("Clamp(%d) is %d, want %d", n, got, want)
		}
	}
}

func TestSafe(t *testing.T) {
	if !Safe(func() { panic("x") }) || Safe(func() {}) {
		t.Error("a panic is not seen, or seen where there is none")
	}
}

func TestWait(*testing.T) { Wait(3) }
