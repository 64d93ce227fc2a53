package show

import "testing"

func TestShow(t *testing.T) {
	if Show(1) != "low" || Show(9) != "high" {
		t.Errorf("%s, %s", Show(1), Show(9))
	}
}
