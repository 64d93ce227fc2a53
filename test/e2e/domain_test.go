package e2e

import (
	"fmt"
	"testing"

	"github.com/keyturn/keyturn/test/ociemu"
	"github.com/keyturn/keyturn/test/tenancy"
)

// An identity domain occasionally refuses a call that it allows later, even one that has taken effect.
func TestOccasionalRefusalsOfADomainEndInOneRotation(t *testing.T) {
	for _, nth := range []int{2, 3, 5} {
		t.Run(fmt.Sprint("every call in ", nth), func(t *testing.T) {
			t.Parallel()
			for _, form := range forms {
				s := newTenancy(t, tenancy.Options{Emulator: ociemu.Options{DomainRefusals: nth}})
				c := s.Add(form.want)
				if a := closeProblem(t, s, c, c.Comment()); a.Outcome != "rotated" {
					t.Fatalf("%s: the answer is %+v", form.name, a)
				}
				rotated(t, s, c)
			}
		})
	}
}
