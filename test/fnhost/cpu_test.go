package fnhost_test

import (
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/keyturn/keyturn/test/fnhost"
)

func TestTheProcessorTimeOfEndedProcessesIsCountedOnce(t *testing.T) {
	h := start(t, "contract", fnhost.Options{})
	running := cpuTime(t, h)
	invoke(t, h, command{Do: "exit"})
	ended := cpuTime(t, h)
	// Starting a Go process takes more than no time at all, which the kernel reports to the microsecond once it has
	// ended.
	if ended <= 0 || ended < running {
		t.Errorf("%s while it ran, %s after its end", running, ended)
	}
	h.Kill()
	if again := cpuTime(t, h); again != ended {
		t.Errorf("%s after the end, then %s", ended, again)
	}
	invoke(t, h, command{})
	h.Kill()
	if two := cpuTime(t, h); two <= ended {
		t.Errorf("%s for one process, %s for two", ended, two)
	}
}

func TestTheProcessorTimeOfAProcessThatIsKilledInACallIsCountedOnce(t *testing.T) {
	h := start(t, "contract", fnhost.Options{})
	fifo := pipe(t)
	call := invokeInBackground(t, h, command{Announce: fifo, Do: "hang"})
	if err := <-opened(fifo); err != nil {
		t.Fatal(err)
	}
	h.Kill()
	killed := cpuTime(t, h)
	(<-call).of(t) // whose process is dropped a second time
	if after := cpuTime(t, h); after != killed || killed <= 0 {
		t.Errorf("%s when it was killed, %s when its call had ended", killed, after)
	}
}

func TestTheProcessorTimeOfAProcessThatEndedBetweenTwoCallsIsCounted(t *testing.T) {
	h := start(t, "contract", fnhost.Options{})
	pid, err := strconv.Atoi(string(invoke(t, h, command{}).Body))
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	h.AwaitEnds()
	if d := cpuTime(t, h); d <= 0 {
		t.Errorf("%s", d)
	}
}

func cpuTime(t *testing.T, h *fnhost.Host) time.Duration {
	t.Helper()
	d, err := h.CPUTime()
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestARunningProcessAddsProcessorTime(t *testing.T) {
	h := start(t, "contract", fnhost.Options{})
	before := cpuTime(t, h)
	for cpuTime(t, h) == before { // in steps of 10 ms: until the calls have taken one
		invoke(t, h, command{})
	}
}
