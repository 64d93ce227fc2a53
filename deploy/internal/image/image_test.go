package image

import "testing"

func TestAnImageThatHasGrownTooLargeIsRefused(t *testing.T) {
	fits, large := Image{Function: "rotate", Size: maxSize - 1}, Image{Function: "sweep", Size: maxSize}
	if err := weigh([]Image{fits}); err != nil {
		t.Error(err)
	}
	if weigh([]Image{fits, large}) == nil {
		t.Errorf("an image of %d bytes is not refused", large.Size)
	}
}
