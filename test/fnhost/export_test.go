package fnhost

import "slices"

// AwaitEnds waits until all processes have ended.
func (h *Host) AwaitEnds() {
	h.mu.Lock()
	live := slices.Clone(h.live)
	h.mu.Unlock()
	for _, c := range live {
		<-c.done
	}
}
