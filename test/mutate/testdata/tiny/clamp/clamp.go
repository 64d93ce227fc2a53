// Package clamp is something small to mutate.
package clamp

const most = 10

var names = []string{"low", "high"}

// Clamp keeps n between 0 and 10.
func Clamp(n int) int {
	if n < 0 {
		return 0
	}
	return min(n, most)
}

// Name says on which side of the middle n is.
func Name(n int) string {
	if n > 5 {
		return names[1]
	}
	return names[0]
}

// Safe calls f, and reports whether it panicked.
func Safe(f func()) (panicked bool) {
	defer caught(&panicked)
	f()
	return false
}

func caught(panicked *bool) {
	if recover() != nil {
		*panicked = true
	}
}

func never(n int) int { return n + 2 }

// Wait ends when n is 0.
func Wait(n int) {
	for n > 0 {
		n--
	}
}
