package main

import "testing"

func TestAnImageThatHasGrownTooLargeIsRefused(t *testing.T) {
	fits, large := made{function: "rotate", size: maxSize - 1}, made{function: "sweep", size: maxSize}
	if err := weigh([]made{fits}); err != nil {
		t.Error(err)
	}
	if weigh([]made{fits, large}) == nil {
		t.Errorf("an image of %d bytes is not refused", large.size)
	}
}
